"""The closed list of questions about patients whom several institutions know.

ask        the researcher's parameters, checked, as a Question           researcher; again at every institution
columns    the columns that it names, beside those of key and cohort     steward's rules
program    the counts, as an expression on shares, before the gate       everybody
finish     the result from the counts that are shown                     researcher

and if columns of institutions stand beside each other:

brought    what each institution's records bring along                   everybody
gated      what may be shown of the counts                               everybody

Whoever receives a program for such a question makes it anew from the question and the sizes, and compares: no other
program passes under a question's name.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from securecompute.analyses.catalogue import check_parameters
from securecompute.analyses.question import Question
from securecompute.analyses.result import Result, count
from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.patients import (
    approximate_distinct,
    counts,
    distinct,
    distinct_crosstab,
    linked_crosstab,
    linked_patients,
    overlap,
    shared_total,
)
from securecompute.patients.counts import Sides
from securecompute.patients.identified import Identified, identified
from securecompute.patients.keys import is_key, key_of_text, key_of_texts
from securecompute.programs.expressions import Expression, program_of
from securecompute.programs.linkages import Brought, Parts, Side
from securecompute.programs.program import Program
from securecompute.programs.sketches import sketched, sketched_side
from securecompute.records.columns import near
from securecompute.records.dictionary import Dictionary
from securecompute.records.key_types import KeyType


class Counting(Protocol):
    """What every file of the list offers."""

    NAME: str
    PRECISION: str

    @property
    def ask(self) -> Callable[..., Question]:
        """ask(dictionary, **parameters)"""
        ...

    def columns(self, question: Question) -> tuple[str, ...]: ...

    def program(self, question: Question, sides: Sides, dictionary: Dictionary) -> Expression: ...

    def finish(
        self,
        question: Question,
        sides: Sides,
        shown: Sequence[int | None],
        identified: Identified,
        dictionary: Dictionary,
        min_cell: int,
    ) -> Result: ...


@runtime_checkable
class Bringing(Protocol):
    """What files offer beside that whose questions put columns beside each other."""

    def brought(self, question: Question, dictionary: Dictionary) -> Mapping[Party, tuple[Brought, ...]]: ...

    @property
    def gated(self) -> Callable[[Expression, int], Expression]:
        """gated(counted, min_cell)"""
        ...


QUESTIONS: tuple[Counting, ...] = (
    approximate_distinct,
    distinct,
    distinct_crosstab,
    linked_crosstab,
    linked_patients,
    overlap,
    shared_total,
)
CATALOGUE: Mapping[str, Counting] = MappingProxyType({each.NAME: each for each in QUESTIONS})


def find(name: str) -> Counting:
    """The question of this name. raises InvalidRequest: there is none; the text lists them"""
    if name in CATALOGUE:
        return CATALOGUE[name]
    raise InvalidRequest(f"there is no question '{name}' about patients{near(name, CATALOGUE, 'questions')}")


def ask(name: str, dictionary: Dictionary, /, **parameters: Any) -> Question:
    """A question by its name. raises InvalidRequest: no such question or parameter, or as its own `ask`"""
    found = find(name).ask
    check_parameters(name, parameters, found)
    return found(dictionary, **parameters)


def check(question: Question, dictionary: Dictionary) -> Question:
    """The question if it is one that this list's own `ask` makes. Run by an institution on what it received.

    raises   InvalidRequest  as `ask`, or the question is not in its canonical form
    """
    asked = ask(question.analysis, dictionary, **{**question.parameters, "where": question.where})
    if asked != question:
        raise InvalidRequest(f"{question.analysis}: the question is not in canonical form; ask it again")
    return asked


def brought(question: Question, dictionary: Dictionary) -> Mapping[Party, tuple[Brought, ...]]:
    """What each institution's records bring along; most questions are about patients alone."""
    asked = find(question.analysis)
    return asked.brought(question, dictionary) if isinstance(asked, Bringing) else {}


def program(question: Question, sides: Sides, dictionary: Dictionary, min_cell: int, collector: Party) -> Program:
    """The program of a question: its counts, and the records without the key, gated and shown to the collector.

    raises   InvalidRequest
    """
    asked = find(question.analysis)
    counted = asked.program(question, sides, dictionary)
    gated = asked.gated if isinstance(asked, Bringing) else counts.gated
    left_out = counts.gated(counts.without_key(sides), min_cell)
    return program_of([(gated(counted, min_cell), collector), (left_out, collector)])


def finish(
    question: Question, given: Program, shown: Mapping[int, NDArray[np.float64]], dictionary: Dictionary, min_cell: int
) -> Result:
    """The result from what the program of a question showed, by the numbers of its outputs."""
    sides, (without,) = sides_in_order(question, given), opened(shown[1])
    told = identified(question, sides, count(without, min_cell), dictionary)
    return find(question.analysis).finish(question, sides, opened(shown[0]), told, dictionary, min_cell)


def opened(shown: NDArray[np.float64]) -> list[Any]:
    """What a program for a question showed, (2, n): numbers, whole ones as such, and None where one is closed."""
    numbers = [int(n) if n.is_integer() else float(n) for n in shown[0]]
    return [None if closed else n for n, closed in zip(numbers, shown[1], strict=True)]


def sides_of(given: Program) -> Sides:
    """The sides that a program for a question declares, in order: of its linkages, or of its sketches; else none."""
    if given.linkages:
        first, last = given.linkages[0], given.linkages[-1]
        if first.unambiguous:
            return Sides(first.on, (first.leader, *first.partners), tuple(each.on for each in given.linkages[1:]))
        return Sides(last.on, (*last.partners, last.leader))
    inputs = [each for each in given.inputs.values() if sketched(each.source)]
    declared: list[tuple[Parts, Side]] = [sketched_side(each.source, each.owner) for each in inputs]
    return Sides(declared[0][0] if declared else (), tuple(side for _, side in declared))


def sides_in_order(question: Question, given: Program) -> Sides:
    """The same in the question's order: whoever leads may stand anywhere in it."""
    declared, between = sides_of(given), question.parameters["between"]
    of_name = {side.party: side for side in declared.sides}
    same = between is not None and sorted(between) == sorted(declared.names)
    return replace(declared, sides=tuple(of_name[name] for name in between)) if same else declared


def keys_of(question: Question) -> list[KeyType]:
    """By what the question tells patients apart, in order of priority; most have one key."""
    if "keys" in question.parameters:
        return [key_of_text(text) for text in question.parameters["keys"]]
    return [key_of_texts(question.parameters["on"])]


def check_program(
    question: Question,
    given: Program,
    dictionary: Dictionary,
    min_cell: int,
    collector: Party,
    institutions: Collection[Party],
) -> None:
    """Return if a program is the one of the question to these institutions. Run by everybody who takes part.

    raises   InvalidRequest  it is another, or links other records than the question says
    """
    declared, between = sides_in_order(question, given), question.parameters["between"]
    keys = keys_of(question)
    same = len(declared.keys) == len(keys) and all(map(is_key, declared.keys, keys))
    columns = brought(question, dictionary)
    same &= all(side.where == question.where and side.columns == columns.get(side.party, ()) for side in declared.sides)
    if between is None:
        same &= sorted(declared.names) == sorted(institutions)
    else:
        same &= declared.names == tuple(between)
    right = same and len(declared.sides) > 1 and program(question, declared, dictionary, min_cell, collector).to_plain()
    if not right or given.to_plain() != right:
        raise InvalidRequest(f"the program is not that of the question '{question.analysis}'")
