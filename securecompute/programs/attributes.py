"""Attributes of operations: plain data that somebody else may have chosen, so each has a check.

An index is written as a list with an entry for each axis that it speaks of: a position, [start, stop, step], or [] for
a new axis of length 1.
"""

from collections.abc import Callable, Sequence
from math import isfinite, prod
from typing import Any

from securecompute.errors import InvalidRequest

Check = Callable[[Any], Any]
MAX_AXES = 6
MAX_SIZE = 1 << 40


def whole(least: int, most: int) -> Check:
    """A whole number in this range."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise InvalidRequest(f"{value!r} is not a whole number from {least} to {most}")
        return value

    return check


def real(least: float, most: float) -> Check:
    """A finite number in this range."""

    def check(value: Any) -> float:
        if type(value) not in (int, float) or not isfinite(value) or not least <= value <= most:
            raise InvalidRequest(f"{value!r} is not a number from {least:g} to {most:g}")
        return float(value)

    return check


def truth(value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise InvalidRequest(f"{value!r} is neither true nor false")
    return value


def one_of(*words: str) -> Check:
    """One of these words."""

    def check(value: Any) -> str:
        if value not in words:
            raise InvalidRequest(f"{value!r} is none of {', '.join(words)}")
        return str(value)

    return check


def shape(value: Any) -> tuple[int, ...]:
    """Lengths of axes."""
    lengths = _wholes(value)
    if len(lengths) > MAX_AXES or any(length < 0 for length in lengths) or prod(lengths) > MAX_SIZE:
        raise InvalidRequest(f"{value!r} is no shape of at most {MAX_AXES} axes and 2^40 numbers")
    return lengths


def axes(value: Any) -> tuple[int, ...]:
    """Positions of axes, counted from 0, each once."""
    lengths = _wholes(value)
    if len(set(lengths)) < len(lengths) or any(not 0 <= axis < MAX_AXES for axis in lengths):
        raise InvalidRequest(f"{value!r} are no axes")
    return lengths


def index(value: Any) -> tuple[int | slice | None, ...]:
    """Positions, slices and new axes, as numpy takes them."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or len(value) > MAX_AXES:
        raise InvalidRequest(f"{value!r} is no index")
    return tuple(_entry(entry) for entry in value)


def _entry(entry: Any) -> int | slice | None:
    if type(entry) is int:
        return entry
    parts = entry if isinstance(entry, list | tuple) else (entry,)
    if len(parts) == 0:
        return None
    if len(parts) == 3 and all(part is None or type(part) is int for part in parts) and parts[2] != 0:
        return slice(*parts)
    raise InvalidRequest(f"{entry!r} is no position, slice or new axis")


def _wholes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not all(type(item) is int for item in value):
        raise InvalidRequest(f"{value!r} is no list of whole numbers")
    return tuple(value)
