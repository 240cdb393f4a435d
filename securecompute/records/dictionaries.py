"""What columns there are in a network: those that all institutions have, and those that one has beside them.

Most questions are about the former, and take this for the dictionary of these. One about an institution's own columns
looks at `column_at`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from securecompute.errors import InvalidRequest
from securecompute.records.columns import Column, near
from securecompute.records.dictionary import Dictionary


@dataclass(frozen=True, slots=True)
class Dictionaries(Dictionary):
    """The common dictionary. own: institution -> the columns that it has beyond it"""

    own: Mapping[str, Dictionary] = field(default_factory=dict, hash=False)


def columns_at(dictionary: Dictionary, institution: str) -> Dictionary:
    """All columns of an institution: the common ones, then its own where they are known."""
    own = dictionary.own.get(institution) if isinstance(dictionary, Dictionaries) else None
    return Dictionary(dictionary.columns + (own.columns if own is not None else ()))


def column_at(dictionary: Dictionary, institution: str, name: str) -> Column:
    """A column of an institution. raises InvalidRequest, with near names: no such institution, or no such column"""
    if isinstance(dictionary, Dictionaries) and dictionary.own and institution not in dictionary.own:
        raise InvalidRequest(
            f"there is no institution '{institution}'{near(institution, dictionary.own, 'institutions')}"
        )
    columns = columns_at(dictionary, institution)
    if name not in columns:
        raise InvalidRequest(f"'{institution}' has no column '{name}'{near(name, columns, 'columns')}")
    return columns[name]
