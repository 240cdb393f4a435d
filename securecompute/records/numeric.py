"""Columns as programs on secret arrays take them: numbers, and two categories as 0 and 1."""

from collections.abc import Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.records.dictionary import Dictionary
from securecompute.records.rows import Rows


def declared_range(dictionary: Dictionary, names: Sequence[str]) -> tuple[bool, float, float]:
    """Of columns together: whether all are whole, the smallest number, and the largest magnitude.

    raises   InvalidRequest  a column that is not there, is not of numbers or two categories, or has no range
    """
    whole, least, most = True, inf, 0.0
    for name in names:
        column = dictionary.column(name)
        if column.categories is not None:
            least, most = min(least, 0.0), max(most, 1.0)
            continue
        if column.type not in ("integer", "number"):
            raise InvalidRequest(f"column '{name}' is {column.type}; numbers are needed, or two categories as 0 and 1")
        if column.low is None or column.high is None:
            raise InvalidRequest(f"column '{name}' declares no range; give it low and high in the dictionary")
        whole = whole and column.type == "integer"
        least, most = min(least, column.low), max(most, abs(column.low), abs(column.high))
    return whole, float(least), float(most)


def numbers(rows: Rows, dictionary: Dictionary, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A numeric column, and where it has a value; one of two categories as 0 and 1, in the dictionary's order.

    returns  float64 (n,), 0 where there is none, and bool (n,)
    raises   InvalidRequest  no such column, or it is neither numeric nor of two categories
    """
    categories = dictionary.column(name).categories
    if categories is None:
        values, present = rows.numbers(name)
        return values, present
    if len(categories) != 2:
        raise InvalidRequest(f"column '{name}' has {len(categories)} categories; two are taken as 0 and 1")
    codes = rows.codes(name)
    return np.maximum(codes, 0).astype(np.float64), codes >= 0
