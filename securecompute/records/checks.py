"""Do the records keep to the declared dictionary? What is declared wins: a column is brought into its type or refused.

    declared      from
    categorical   text, booleans, whole numbers      every value among the categories
    integer       whole numbers, in any number type  within low and high
    number        numbers                            finite, within low and high
    date          days, text written YYYY-MM-DD
    text          text, whole numbers, days

A column without values fits any type. A problem names its column and what is declared, never a value, nor how many.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from securecompute.errors import InvalidRequest
from securecompute.records.canonical import EXACT_IN_FLOAT, as_integers, canonical_column, kind
from securecompute.records.dictionary import Column, Dictionary

NUMERAL: Final = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one column, as a sentence without values."""

    column: str
    says: str

    def __str__(self) -> str:
        return f"column '{self.column}' {self.says}"


def check(table: pa.Table, dictionary: Dictionary) -> list[Problem]:
    """Every problem of the table under the dictionary: missing column, other type, mixed or non-finite values, unknown
    category, value out of range. Columns that are not declared are not looked at."""
    return _examine(table, dictionary)[1]


def conform(table: pa.Table, dictionary: Dictionary, where: str) -> pa.Table:
    """The declared columns, in the dictionary's order and types. raises InvalidRequest listing every problem."""
    columns, problems = _examine(table, dictionary)
    if problems:
        raise InvalidRequest(f"{where}: " + "\n  ".join(map(str, problems)))
    return pa.table(columns) if columns else table.select([])


def mixed(values: pa.ChunkedArray) -> bool:
    """Whether text holds numerals and other text."""
    numerals = pc.min_max(pc.match_substring_regex(values, NUMERAL))
    return numerals["min"].as_py() is False and numerals["max"].as_py() is True


def _examine(table: pa.Table, dictionary: Dictionary) -> tuple[dict[str, pa.ChunkedArray], list[Problem]]:
    columns: dict[str, pa.ChunkedArray] = {}
    problems: list[Problem] = []
    for column in dictionary.columns:
        if column.name not in table.column_names:
            problems.append(Problem(column.name, "is missing; add it, or leave it out of the dictionary"))
            continue
        try:
            values = _typed(canonical_column(table[column.name]), column)
            _check_values(values, column)
            columns[column.name] = values
        except InvalidRequest as problem:
            problems.append(Problem(column.name, str(problem)))
    return columns, problems


def _typed(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """The column in its declared type. raises InvalidRequest, the end of a sentence."""
    if (
        pa.types.is_float64(values.type)
        and not pc.all(pc.is_finite(values)).as_py()
        and values.null_count < len(values)
    ):
        raise InvalidRequest("holds NaN or an infinity; write missing values as null")
    if values.null_count == len(values):
        return pa.chunked_array([pa.nulls(len(values), ARROW_TYPES[column.type])])
    typed = CONVERSIONS[column.type](values)
    if typed is not None:
        return typed
    if kind(values.type) == "text" and column.type in ("integer", "number") and mixed(values):
        raise InvalidRequest(
            f"mixes numbers and text; it is declared as {column.type}. Correct the text, or write null"
        )
    raise InvalidRequest(f"holds {HOLDS[kind(values.type)]}; it is declared as {column.type}")


def _to_text(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    values = as_integers(values) or values
    return None if kind(values.type) == "number" else values.cast(pa.large_string())


def _to_category(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    return None if kind(values.type) == "date" else _to_text(values)


def _to_integer(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    return values if kind(values.type) == "integer" else as_integers(values)


def _to_number(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if kind(values.type) == "integer":
        check_exact(values)
        return values.cast(pa.float64())
    return values if kind(values.type) == "number" else None


def _to_date(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if kind(values.type) == "text":
        try:
            return values.cast(pa.date32())
        except pa.ArrowInvalid:
            return None
    return values if kind(values.type) == "date" else None


ARROW_TYPES: Final = {
    "categorical": pa.large_string(),
    "text": pa.large_string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.date32(),
}
CONVERSIONS: Final[dict[str, Callable[[pa.ChunkedArray], pa.ChunkedArray | None]]] = {
    "categorical": _to_category,
    "text": _to_text,
    "integer": _to_integer,
    "number": _to_number,
    "date": _to_date,
}
HOLDS: Final = {
    "text": "text",
    "integer": "whole numbers",
    "number": "numbers with decimals",
    "date": "dates",
    "empty": "nothing",
}


def check_exact(values: pa.ChunkedArray) -> None:
    """raises InvalidRequest, the end of a sentence, if a whole number is not exact as float64."""
    if pc.any(pc.or_(pc.greater(values, EXACT_IN_FLOAT), pc.less(values, -EXACT_IN_FLOAT))).as_py():
        raise InvalidRequest("holds a whole number beyond 2^53, which is not exact as a number; declare it as text")


def check_whole(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers as int64. raises InvalidRequest, the end of a sentence, if one has decimals."""
    integers = as_integers(values)
    if integers is None:
        raise InvalidRequest("holds numbers with decimals, which identify nobody; take another column")
    return integers


def _check_values(values: pa.ChunkedArray, column: Column) -> None:
    """raises InvalidRequest, the end of a sentence, for an unknown category or a value out of range."""
    if column.categories is not None:
        known = pc.is_in(values, value_set=pa.array(column.categories, pa.large_string()))
        if pc.any(pc.and_(values.is_valid(), pc.invert(known))).as_py():
            raise InvalidRequest("holds a value that is not among its categories; correct it, or declare the category")
    low, high = column.low, column.high
    if (low is None and high is None) or values.null_count == len(values):
        return
    ends = pc.min_max(values).as_py()  # Python compares whole numbers and bounds exactly
    if (low is not None and ends["min"] < low) or (high is not None and ends["max"] > high):
        declared = f"{'-inf' if low is None else f'{low:g}'} to {'inf' if high is None else f'{high:g}'}"
        raise InvalidRequest(f"holds a value outside its declared range {declared}; correct it, or widen the range")
