"""What columns there are in a network: those that all institutions have, and those that one has beside them.

Most questions are about the former, and take this for the dictionary of these. One about an institution's own columns
looks at `column_at`; a key, whose fields are read in one spelling
whatever a column's type, at `shared_columns`.
"""

from collections.abc import Collection

from securecompute.errors import InvalidRequest
from securecompute.records.columns import Column, near
from securecompute.records.dictionary import Dictionaries, Dictionary


def columns_at(dictionary: Dictionary, institution: str) -> Dictionary:
    """All columns of an institution: the common ones, then its own where they are known."""
    own = dictionary.own.get(institution) if isinstance(dictionary, Dictionaries) else None
    return Dictionary(dictionary.columns + (own.columns if own is not None else ()))


def shared_columns(dictionary: Dictionary, institutions: Collection[str] | None) -> tuple[str, ...]:
    """The columns that each of these institutions has, None: each of a network, of one type everywhere or not."""
    own = dictionary.own if isinstance(dictionary, Dictionaries) else {}
    beyond = [own[name] for name in (own if institutions is None else institutions) if name in own]
    return (*dictionary, *(name for name in (beyond[0] if beyond else ()) if all(name in each for each in beyond)))


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
