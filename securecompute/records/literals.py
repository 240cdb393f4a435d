"""A literal of a cohort in the type of the column it is compared with.

categorical, text   'text'; true and false for a yes/no column
integer             a number; whole ones exactly, 64 bits
number              a number, as the nearest float64
date                'YYYY-MM-DD'
"""

import datetime
import decimal
import math
import re
from typing import Final, Literal

from securecompute.errors import InvalidRequest
from securecompute.records.columns import Column
from securecompute.records.expressions import Value

LiteralKind = Literal["text", "number", "boolean"]
DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
NUMBER: Final = re.compile(r"-?(?=[\d.]{1,64}(e|$))\d+\.?\d*(e[+-]?\d{1,3})?", re.IGNORECASE)


def to_value(kind: LiteralKind, text: str, column: Column) -> Value:
    """The value written as `text` (a number with its sign, a boolean as 'true' or 'false').

    raises   InvalidRequest  another type than the column's, an unknown category, or out of the type's range
    """
    if column.type == "categorical":
        return _category(kind, text, column)
    if column.type == "text":
        return _expect(kind, "text", column, text)
    if column.type == "date":
        return _date(_expect(kind, "text", column, text), column)
    return _number(_expect(kind, "number", column, text), column)


WRITTEN: Final = {"categorical": "a category in quotes", "text": "text in quotes", "date": "'YYYY-MM-DD'"}


def _expect(kind: LiteralKind, expected: LiteralKind, column: Column, text: str) -> str:
    if kind == expected:
        return text
    shown = f"'{text[:40]}'" if kind == "text" else text[:40]
    raise InvalidRequest(
        f"column '{column.name}' is {column.type}; compare it with {WRITTEN.get(column.type, 'a number')}, not {shown}"
    )


def _category(kind: LiteralKind, text: str, column: Column) -> str:
    categories = column.categories or ()
    if kind == "boolean" and text in categories:
        return text
    _expect(kind, "text", column, text)
    if text in categories:
        return text
    listed = ", ".join(f"'{category}'" for category in categories) or "none"
    raise InvalidRequest(f"column '{column.name}' has no category '{text[:40]}'; its categories are: {listed}")


def _date(text: str, column: Column) -> datetime.date:
    try:
        if DATE.fullmatch(text):
            return datetime.date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidRequest(f"column '{column.name}' is a date; '{text[:40]}' is not one written 'YYYY-MM-DD'")


def _number(text: str, column: Column) -> int | float:
    nearest = float(text) + 0.0 if NUMBER.fullmatch(text) else math.inf  # + 0.0: no negative zero
    if not math.isfinite(nearest):
        raise InvalidRequest(f"column '{column.name}': the number {text[:40]} is too long or too large")
    if column.type == "number" or not nearest.is_integer():
        return nearest
    exact = decimal.Decimal(text)
    if exact != exact.to_integral_value() or not -(2**63) <= exact < 2**63:
        raise InvalidRequest(f"column '{column.name}': the number {text[:40]} has too many digits for whole numbers")
    return int(exact)
