"""The key of a question: how its fields are written as texts, which a question, a study file and an answer can hold.

    surname        soundex(surname)        born as date        given_name and surname in any order

A column whose name could be read as something else stands in double quotes, those in it doubled: "dose (mg)" as number.
Where there are several keys, each is one text, its fields joined by " + ".
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, cast

from securecompute.errors import InvalidRequest
from securecompute.programs.linkages import MOST_KEYS, Parts
from securecompute.records.columns import near
from securecompute.records.dictionaries import shared_columns
from securecompute.records.dictionary import Dictionary
from securecompute.records.identifiers import On
from securecompute.records.key_types import AnyOrder, Field, KeyType
from securecompute.records.spelling import FORMS, KINDS

_NAME: Final = r'"(?:[^"]|"")+"|[^"()]+?'
_FORMS: Final = "|".join(FORMS)
_FIELD: Final = re.compile(rf"(?:({_FORMS})\(({_NAME})\)|({_NAME}))(?: as (\w+))?", re.DOTALL)
_TEXT: Final = rf"(?:(?:{_FORMS})\((?:{_NAME})\)|{_NAME})(?: as \w+)?"
_ORDER: Final = re.compile(rf"({_TEXT}) and ({_TEXT}) in any order", re.DOTALL)
_READ_OTHERWISE: Final = re.compile(r'["()]| and | as | \+ ')
_KIND_FIRST: Final = re.compile(rf"({'|'.join(KINDS)})\(({_NAME})\)", re.DOTALL)
_JOIN: Final = " + "
_BETWEEN: Final = re.compile(r"[,;+&]| and ")
_JOINED: Final = re.compile(r' \+ (?=(?:[^"]*"[^"]*")*[^"]*$)')  # not within quotes


def key_of_texts(on: On) -> KeyType:
    """The key type of fields, some or all of them written as texts.

    raises   InvalidRequest  no fields, no such form or kind, or something else than fields
    """
    if isinstance(on, KeyType):
        return on
    given: Any = [on] if isinstance(on, str | Field | AnyOrder) else on
    if not isinstance(given, Iterable):
        raise InvalidRequest("a key is given by its fields: on=['surname', 'born as date']")
    return KeyType.of([_part(part) for part in given])


def texts_of(key_type: KeyType) -> list[str]:
    """The fields as texts, from which `key_of_texts` makes the same key type."""
    return [_text(part) for part in key_type.parts]


def known_key(on: On, dictionary: Dictionary, between: Collection[str] | None = None) -> list[str]:
    """The fields as texts, if these institutions have their columns; a text that is a column's name means that column.

    between  institutions, None: all of the network
    raises   InvalidRequest  as `key_of_texts`, or no such column
    """
    return _known(on, shared_columns(dictionary, between))


def _known(on: On, columns: Collection[str]) -> list[str]:
    if isinstance(on, str):
        on = [on]
    if isinstance(on, Iterable):
        on = list(on)
        _check_apart(on, columns)
        on = [Field(part) if isinstance(part, str) and part in columns else part for part in on]
    key_type = key_of_texts(on)
    for name in key_type.columns:
        if name not in columns:
            raise InvalidRequest(f"there is no column '{name}'{near(name, columns, 'columns')}")
    return texts_of(key_type)


def key_of_text(text: str) -> KeyType:
    """The key type of one text, its fields joined by " + ". raises InvalidRequest as `key_of_texts`."""
    return key_of_texts(_JOINED.split(text))


def known_keys(keys: Any, dictionary: Dictionary, between: Collection[str] | None = None) -> list[str]:
    """Several keys, each as one text. raises InvalidRequest as `known_key`; no keys, more than 16, or one twice"""
    if not isinstance(keys, Sequence) or isinstance(keys, str) or not 1 <= len(keys) <= MOST_KEYS:
        raise InvalidRequest(
            f"keys are a list of 1 to {MOST_KEYS}, each of them a list of fields: keys=[['surname', 'born'], ['id']]"
        )
    columns = shared_columns(dictionary, between)
    split = [_JOINED.split(each) if isinstance(each, str) and each not in columns else each for each in keys]
    texts = [_JOIN.join(_known(each, columns)) for each in split]
    if len(set(texts)) < len(texts):
        raise InvalidRequest("a key stands twice in the list")
    return texts


def plain_fields(key_type: KeyType) -> list[list[list[str]]]:
    """The fields as institutions are asked for them: (column, kind, form), a kind that is not told empty."""
    return [[[field.column, field.kind or "", field.form] for field in group] for group in key_type.groups]


def is_key(told: Parts, key_type: KeyType) -> bool:
    """Whether what institutions told of a key is this one: its fields and forms, and its kinds where it says them."""
    groups = key_type.groups
    if [len(part) for part in told] != [len(group) for group in groups]:
        return False
    pairs = [pair for one, other in zip(told, groups, strict=True) for pair in zip(one, other, strict=True)]
    return all(
        (column, form) == (field.column, field.form) and field.kind in (None, kind)
        for (column, kind, form), field in pairs
    )


def _check_apart(on: Iterable[object], columns: Collection[str]) -> None:
    """Return if no text is of several columns at once. raises InvalidRequest"""
    for part in on:
        apart = [name.strip() for name in _BETWEEN.split(part)] if isinstance(part, str) and part not in columns else []
        if len(apart) > 1 and all(name in columns for name in apart):
            raise InvalidRequest(f"'{part}' is several columns in one text; write a list of them: {apart}")


def _part(part: object) -> Field | AnyOrder:
    if isinstance(part, Field | AnyOrder):
        return part
    if not isinstance(part, str):
        raise InvalidRequest(f"a field of a key is a column, in one list of them: on=['surname', 'born']; not {part!r}")
    if both := _ORDER.fullmatch(part):
        return AnyOrder(_field(both[1]), _field(both[2]))
    return _field(part)


def _field(text: str) -> Field:
    found = _FIELD.fullmatch(text)
    if found is None:
        if turned := _KIND_FIRST.fullmatch(text):
            raise InvalidRequest(f"'{text}': what a column holds is said after it, '{turned[2]} as {turned[1]}'")
        raise InvalidRequest(
            f"'{text}' is no field of a key: a column, or one of {', '.join(FORMS)} of a column, 'soundex(surname)'; "
            "what the column holds is said after it, 'born as date', 'id as number'"
        )
    form, inner, plain, kind = found.groups()
    return Field(_unquoted(inner or plain), cast(Any, form or "whole"), cast(Any, kind))


def _text(part: Field | AnyOrder) -> str:
    if isinstance(part, AnyOrder):
        return f"{_text(part.one)} and {_text(part.other)} in any order"
    name = _quoted(part.column)
    text = name if part.form == "whole" else f"{part.form}({name})"
    return text if part.kind is None else f"{text} as {part.kind}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if _READ_OTHERWISE.search(name) else name


def _unquoted(text: str) -> str:
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
