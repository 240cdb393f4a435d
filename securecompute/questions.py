"""Questions as a researcher writes them: which one of the two catalogues is meant, and a heading for it.

    count, crosstab                           records
    the same, distinct=True, on=[...]         patients, each counted once: distinct, distinct_crosstab

A study in Python and one in a file both ask here, so that they mean the same.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from securecompute.analyses import catalogue, count, crosstab, describe
from securecompute.analyses.formats import sentence
from securecompute.errors import InvalidRequest
from securecompute.patients import (
    approximate_distinct,
    distinct,
    distinct_crosstab,
    linked_crosstab,
    linked_patients,
    overlap,
    shared_total,
)
from securecompute.patients import catalogue as patients
from securecompute.records.columns import near

DISTINCT: Final[Mapping[str, str]] = MappingProxyType(
    {count.NAME: distinct.NAME, crosstab.NAME: distinct_crosstab.NAME}
)
_IN_PYTHON: Final = ("intersect", "link", "secret")  # of a network
ANALYSES: Final[Mapping[str, Any]] = MappingProxyType({**catalogue.CATALOGUE, **patients.CATALOGUE})


def meant(analysis: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The analysis that is meant, and its own parameters: of patients where `distinct` says so.

    raises   InvalidRequest  there is none of this name; patients without fields that tell them apart, or records with
                             such; distinct is no truth, or is said of something else than a count or a table
    """
    if analysis not in ANALYSES:
        if analysis in _IN_PYTHON:
            raise InvalidRequest(f"'{analysis}' is no question to a study; in Python it is network.{analysis}(...)")
        raise InvalidRequest(f"there is no analysis '{analysis}'{near(analysis, ANALYSES, 'analyses')}")
    given = dict(parameters)
    if analysis not in DISTINCT:
        if "distinct" in given:
            once = f"{analysis} counts each patient once as it is" if analysis in patients.CATALOGUE else ""
            raise InvalidRequest(f"{once or f'distinct is for {sentence(list(DISTINCT))}'}; leave distinct out")
        return analysis, given
    told_apart, on = given.pop("distinct", False), given.get("on")
    if not isinstance(told_apart, bool):
        raise InvalidRequest(f"distinct is {told_apart!r}; it is true or false, without quotes")
    if told_apart and on is None:
        raise InvalidRequest("distinct patients are told apart by fields: on=['surname', 'born']")
    if on is not None and not told_apart:
        raise InvalidRequest("on=... tells patients apart, and records are counted; say distinct=True, or leave on out")
    if not told_apart:
        given.pop("on", None)
    return DISTINCT[analysis] if told_apart else analysis, given


def check_parameters(analysis: str, parameters: Mapping[str, Any]) -> None:
    """Return if an analysis of either catalogue takes parameters of these names, and none is lacking.

    raises   InvalidRequest  no such analysis or parameter, or one is lacking
    """
    catalogue.check_parameters(analysis, parameters, ANALYSES[analysis].ask)


def title(analysis: str, parameters: Mapping[str, Any]) -> str:
    """A heading for a question that has none: Overlap by surname and born, at Bern and Lyon, where age > 60.

    Nothing is checked: what `ask` would refuse is shown as it is.
    """
    where = f", where {parameters['where']}" if parameters.get("where") else ""
    return f"{_heading(analysis, parameters)}{where}"


def _heading(analysis: str, given: Mapping[str, Any]) -> str:
    row, column, by = (_words(given.get(name)) for name in ("row", "column", "on"))
    between = _words(given["between"]) if given.get("between") else ""
    at = f", at {between}" if between else ""
    match analysis:
        case count.NAME:
            return "Count of patients"
        case crosstab.NAME:
            return f"Table of {row} and {column}"
        case describe.NAME:
            return f"Description of {column}" + (f" by {_words(given['by'])}" if given.get("by") else "")
        case overlap.NAME:
            return f"Overlap by {by}{at}"
        case distinct.NAME:
            least = given.get("at_least", 1)
            known = f"Patients known to at least {least} institutions" if least != 1 else "Distinct patients"
            times = ", by the number of institutions that know them" if given.get("seen") else ""
            return f"{known} by {by}{at}{times}"
        case approximate_distinct.NAME:
            return f"Distinct patients by {by}, estimated{at}"
        case distinct_crosstab.NAME:
            return f"Table of {row} and {column}, of distinct patients by {by}{at}"
        case linked_crosstab.NAME:
            row, column = _placed(given.get("row")), _placed(given.get("column"))
            return f"Table of {row} and {column}, of patients in common by {by}"
        case linked_patients.NAME:
            one, other = _pair(given.get("between")) or (between, "another institution")
            return f"Patients of {one} known to {other} by {_keys(given)}"
        case shared_total.NAME:
            return f"Total of {_placed(given.get('column'))}, of patients in common by {by}{at}"
        case _:
            return analysis


def _words(value: Any) -> str:
    """Names as a person says them: a, b and c."""
    return sentence([_words(each) for each in value]) if isinstance(value, list | tuple) and value else str(value)


def _pair(value: Any) -> tuple[str, str] | None:
    pair = value if isinstance(value, list | tuple) else ()
    return (_words(pair[0]), _words(pair[1])) if len(pair) == 2 else None


def _placed(value: Any) -> str:
    """An institution's column."""
    found = _pair(value)
    return _words(value) if found is None else f"{found[1]} at {found[0]}"


def _keys(given: Mapping[str, Any]) -> str:
    """By what patients are linked: the key if there is one, else how many there are."""
    keys = given.get("keys")
    if isinstance(keys, list | tuple) and len(keys) != 1:
        return f"{len(keys)} keys"
    if keys is not None:
        return _words(keys)
    roles = given.get("roles")
    return _words(list(roles.values())) if isinstance(roles, Mapping) and roles else "keys"
