"""The closed list of analyses. A question is a name from here; nothing else can be asked.

ask        the researcher's parameters, checked, as a Question              researcher; again at every institution
columns    the columns that the question names                              steward's rules
summed     what its sum is of, whatever the words of the question          institution's ledger
precision  a sentence on rounding                                           explain, provenance
layout     what the vector of totals holds, with bounds                     everybody
local      one institution's segments                                       institution
finish     the result from the released segments                            collector
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from securecompute.analyses import count, crosstab, describe
from securecompute.analyses.question import Layout, Question
from securecompute.analyses.result import Result
from securecompute.errors import InvalidRequest
from securecompute.records.columns import near
from securecompute.records.dictionary import Dictionary

if TYPE_CHECKING:
    from securecompute.records.rows import Rows


class Analysis(Protocol):
    """What every file of the catalogue offers."""

    NAME: str

    @property
    def ask(self) -> Callable[..., Question]:
        """ask(dictionary, **parameters)"""
        ...

    def columns(self, question: Question) -> tuple[str, ...]: ...

    def summed(self, question: Question) -> tuple[str, ...]: ...

    def precision(self, question: Question, dictionary: Dictionary) -> str: ...

    def layout(self, question: Question, dictionary: Dictionary, max_records: int) -> Layout: ...

    def local(
        self, question: Question, dictionary: Dictionary, rows: "Rows"
    ) -> Mapping[str, Sequence[int] | NDArray[np.int64]]: ...

    def finish(
        self, question: Question, dictionary: Dictionary, released: dict[str, list[int | None]], min_cell: int
    ) -> Result: ...


CATALOGUE: Mapping[str, Analysis] = MappingProxyType({each.NAME: each for each in (count, crosstab, describe)})


def find(name: str) -> Analysis:
    """The analysis of this name.

    raises   InvalidRequest  there is none; the text lists them
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    raise InvalidRequest(f"there is no analysis '{name}'{near(name, CATALOGUE, 'analyses')}")


def ask(name: str, dictionary: Dictionary, /, **parameters: Any) -> Question:
    """A question by the analysis's name. Run by the researcher.

    raises   InvalidRequest  no such analysis or parameter, a parameter is lacking, or as the analysis's own `ask`
    """
    check_parameters(name, parameters)
    return find(name).ask(dictionary, **parameters)


def check_parameters(name: str, parameters: Mapping[str, Any], ask: Callable[..., Question] | None = None) -> None:
    """Return if the analysis takes parameters of these names, and none is lacking; what they say is not looked at.

    ask      its own, of a question that is not in this list
    raises   InvalidRequest  no such analysis or parameter, or a parameter is lacking
    """
    signature = inspect.signature(ask or find(name).ask)
    dictionary, *known = signature.parameters
    if unknown := [given for given in parameters if given not in known]:
        raise InvalidRequest(f"{name} has no parameter '{unknown[0]}'{near(unknown[0], known, 'parameters')}")
    try:
        signature.bind(**{dictionary: None}, **parameters)
    except TypeError as error:
        raise InvalidRequest(f"{name}: {error}") from error


def check(question: Question, dictionary: Dictionary) -> Question:
    """The question if it is one that this catalogue's own `ask` makes. Run by an institution on what it received.

    raises   InvalidRequest  as `ask`, or the question is not in its canonical form
    """
    asked = ask(question.analysis, dictionary, **{**question.parameters, "where": question.where})
    if asked != question:
        raise InvalidRequest(f"{question.analysis}: the question is not in canonical form; ask it again")
    return asked


def columns_used(question: Question, dictionary: Dictionary) -> tuple[str, ...]:
    """Every column that the answer would depend on, the cohort's included: what `Rules.permits` is asked about.

    raises   InvalidRequest  the cohort's expression is not valid
    """
    names = find(question.analysis).columns(question)
    if question.where is not None:
        from securecompute.records.cohort import parse  # sqlglot is heavy, and most questions have no cohort

        names += parse(question.where, dictionary).columns
    return tuple(dict.fromkeys(names))
