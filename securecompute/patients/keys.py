"""The key of a question: how its fields are written as texts, which a question, a study file and an answer can hold.

surname        soundex(surname)        born as date        given_name and surname in any order
"""

import re
from collections.abc import Iterable
from typing import Any, Final, cast

from securecompute.errors import InvalidRequest
from securecompute.records.dictionary import Dictionary
from securecompute.records.identifiers import On
from securecompute.records.key_types import AnyOrder, Field, KeyType
from securecompute.records.spelling import FORMS

_ORDER: Final = re.compile(r"(.+) and (.+) in any order")
_KIND: Final = re.compile(r"(.+) as (\w+)")
_FORM: Final = re.compile(rf"({'|'.join(FORMS)})\((.+)\)")


def key_of_texts(on: On) -> KeyType:
    """The key type of fields, some or all of them written as texts. raises InvalidRequest: no such form or kind"""
    if isinstance(on, KeyType):
        return on
    given: Iterable[Any] = [on] if isinstance(on, str | Field | AnyOrder) else on
    return KeyType.of([_part(part) if isinstance(part, str) else part for part in given])


def texts_of(key_type: KeyType) -> list[str]:
    """The fields as texts, from which `key_of_texts` makes the same key type."""
    return [_text(part) for part in key_type.parts]


def known_key(on: On, dictionary: Dictionary) -> list[str]:
    """The fields as texts, if the dictionary has their columns. raises InvalidRequest."""
    key_type = key_of_texts(on)
    for name in key_type.columns:
        dictionary.column(name)
    return texts_of(key_type)


def _part(text: str) -> Field | AnyOrder:
    if both := _ORDER.fullmatch(text):
        return AnyOrder(_field(both[1]), _field(both[2]))
    return _field(text)


def _field(text: str) -> Field:
    kind = None
    if told := _KIND.fullmatch(text):
        text, kind = told[1], told[2]
    form = _FORM.fullmatch(text)
    if form is None and text.endswith(")") and "(" in text:
        raise InvalidRequest(f"'{text}' is no field of a key: a column, or one of {', '.join(FORMS)} of a column")
    return Field(form[2], cast(Any, form[1]), cast(Any, kind)) if form else Field(text, "whole", cast(Any, kind))


def _text(part: Field | AnyOrder) -> str:
    if isinstance(part, AnyOrder):
        return f"{_text(part.one)} and {_text(part.other)} in any order"
    return str(part) if part.kind is None else f"{part} as {part.kind}"
