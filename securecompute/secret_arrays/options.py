"""Options of functions on secret arrays, checked by their names before anything is made of them.

Options are public and plain: a position, a flag, a number. Anything else would fail somewhere inside, in other words.
"""

import inspect
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

import numpy as np

from securecompute.errors import InvalidRequest

_MOST: Final = 1 << 31


def check_signature(name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Return if the function takes these arguments. raises InvalidRequest: it does not"""
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError as error:
        raise InvalidRequest(f"{name} of a secret array: {error}") from None
    for option, value in given.items():
        if option in _OPTIONS:
            expected, admits = _OPTIONS[option]
            if not admits(value):
                raise InvalidRequest(f"{name}: {option} is {expected}, not {_shown(value)}")


def is_whole(x: object) -> bool:
    """Whether this is a whole number of a size that positions have."""
    return isinstance(x, int | np.integer) and not isinstance(x, bool | np.timedelta64) and abs(int(x)) < _MOST


def _is_number(x: object) -> bool:
    if isinstance(x, bool | np.timedelta64) or not isinstance(x, int | float | np.integer | np.floating):
        return False
    return isfinite(x)


def _is_places(x: object) -> bool:
    return x is None or is_whole(x) or (isinstance(x, list | tuple) and all(map(is_whole, x)))


def _is_flag(x: object) -> bool:
    return isinstance(x, bool | np.bool_)


def _shown(value: object) -> str:
    plain = isinstance(value, str | int | float | complex | np.generic)
    return repr(value) if plain else f"an object of {type(value).__name__}"


_WHOLE = ("a public whole number", is_whole)
_PLACES = ("a whole number, several of them, or None", _is_places)
_FLAG = ("True or False", _is_flag)
_NUMBER = ("a finite public number", _is_number)
_WORD = ("a word", lambda x: isinstance(x, str))

_OPTIONS: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    **dict.fromkeys(("offset", "axis1", "axis2", "source", "destination", "n", "k"), _WHOLE),
    **dict.fromkeys(("axis", "axes"), _PLACES),
    **dict.fromkeys(("keepdims", "rowvar", "bias", "upper", "deg"), _FLAG),
    **dict.fromkeys(("condition", "bound", "ratio"), _NUMBER),
    "ddof": ("a finite public number or None", lambda x: x is None or _is_number(x)),
    "shift": _WHOLE,
    "order": _WORD,
    "UPLO": _WORD,
}
