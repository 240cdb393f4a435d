"""What fits have in common: their operands checked, in the wide ring where digits need it, centred and scaled.

    x' = 2^-k (x − mean)  with  |x'| ≤ 1,     so that one public bound serves columns in years, mmHg and zeros and ones

Columns of whole numbers are exact in Z_2^64. Others would keep half of its digits in a product, so they go to Z_2^128.

Of linked records most rows are nobody's, and which is secret. With e_i = 1 in those that count, m = Σ e_i:

    x' = 2^-k e (x − c),   c = Σ e_i x_i / m        whose rows that do not count are zeros, in every sum that follows

c comes of a secret quotient, and is off by 4.2e-9 of itself. A fit whose design has e beside these columns is the same
for any c, as long as it is the one number c that is subtracted and is made good for in the end.
"""

from collections.abc import Sequence
from math import ceil, frexp, log2
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.programs.expressions import apply
from securecompute.secret_arrays.array import SecretArray, applied
from securecompute.secret_arrays.elementwise import elementwise

SMALLEST_FACTOR = 2.0**-40  # that an operation takes at once


def records(X: Any) -> tuple[SecretArray, NDArray[np.float64]]:
    """X as one array (n, p), and the units of its columns (p,): what 1 in it stands for.

    X        an array (n, p), or several, of which each then is in units of its own bound
    raises   InvalidRequest  no secret arrays, or of another shape
    """
    parts = [matrix(each) for each in (X if isinstance(X, list | tuple) and X else [X])]
    if len({each.shape[0] for each in parts}) > 1:
        raise InvalidRequest(f"X has columns of {' and '.join(str(len(each)) for each in parts)} records")
    if len(parts) == 1:
        return parts[0], np.ones(parts[0].shape[1])
    units = [2.0 ** exponent(each.bound) for each in parts]
    small = [scaled(widened(each), 1 / unit) for each, unit in zip(parts, units, strict=True)]
    return joined(small, axis=1), np.repeat(units, [each.shape[1] for each in parts])


def hint_on_units(X: Any) -> str:
    """What else it may mean if the matrix of the columns is refused: they share one bound, and their units differ."""
    if isinstance(X, list | tuple) or matrix(X).shape[1] == 1:
        return ""
    return (
        ". Or units are unlike, as years beside cells per litre: columns that are small beside the bound of their "
        "array count as constant. Give X as a list of arrays, such as [age, cells], so that each is scaled by itself"
    )


def matrix(x: Any) -> SecretArray:
    """x as (n, p). raises InvalidRequest: no secret array, or of another shape"""
    if not isinstance(x, SecretArray):
        raise InvalidRequest(f"X is a {type(x).__name__}; a fit takes secret arrays, see Network.secret")
    if x.ndim not in (1, 2) or not x.size:
        raise InvalidRequest(f"X has shape {x.shape}; expected records by columns")
    return x if x.ndim == 2 else x.reshape(-1, 1)


def outcome(y: Any, n: int) -> SecretArray:
    """y as (n,). raises InvalidRequest: no secret array, or of another length"""
    if not isinstance(y, SecretArray):
        raise InvalidRequest(f"y is a {type(y).__name__}; a fit takes secret arrays, see Network.secret")
    if y.shape != (n,):
        raise InvalidRequest(f"y has shape {y.shape}, and X has {n} records; expected ({n},)")
    return y


def column_names(given: Any, p: int) -> tuple[str, ...]:
    """Names of the columns: x1 ... xp unless given. raises InvalidRequest: another number of them, or one twice"""
    if given is None:
        return tuple(f"x{k + 1}" for k in range(p))
    names = tuple(str(each) for each in given)
    if len(names) != p or len(set(names)) != p:
        raise InvalidRequest(f"{len(names)} names for {p} columns; give each column one name of its own")
    return names


def widened(x: SecretArray) -> SecretArray:
    """The same numbers in Z_2^128."""
    result: SecretArray = applied(elementwise("widen"), x)
    return result


def exact_or_wide(x: SecretArray) -> SecretArray:
    """Whole numbers as they are, others in Z_2^128."""
    return x if x.dtype.kind in "biu" else widened(x)


def exponent(bound: float) -> int:
    """k with bound ≤ 2^k."""
    return ceil(log2(bound))


def scaled(x: SecretArray, factor: float) -> SecretArray:
    """x times a public factor above 0, of any size, without losing digits of it: by a power of two, then a fraction."""
    raised = max(0, frexp(factor)[1])
    rest = factor * 2.0**-raised
    result = x * 2.0**raised if raised else x
    while rest < SMALLEST_FACTOR:
        result, rest = applied(lambda e: apply("shrink", e, factor=SMALLEST_FACTOR), result), rest / SMALLEST_FACTOR
    return result if rest == 1.0 else applied(lambda e: apply("shrink", e, factor=rest), result)


def centred(x: SecretArray) -> SecretArray:
    """x less its mean over the records. A mean that is off by d shifts products of centred columns by d², not by d."""
    return x - x.mean(axis=0)


def counted(matched: Any, n: int) -> SecretArray:
    """Which rows count, (n,), zeros and ones. raises InvalidRequest: no such secret array"""
    if not isinstance(matched, SecretArray) or matched.shape != (n,):
        given = matched.shape if isinstance(matched, SecretArray) else type(matched).__name__
        raise InvalidRequest(f"matched: {given}; expected a secret array ({n},), such as `matched` of linked records")
    if matched.dtype.kind not in "biu" or matched.bound > 1:
        raise InvalidRequest("matched is 1 in rows that count and 0 elsewhere: whole numbers within 1")
    return matched


def centre(x: SecretArray, matched: SecretArray) -> SecretArray:
    """c, the mean of x, wide, over the rows that count."""
    mean: SecretArray = (matched @ x) / matched.sum()
    return mean.clip(-x.bound, x.bound)


def among(x: SecretArray, matched: SecretArray) -> SecretArray:
    """x in the rows that count, zeros elsewhere."""
    return matched * x if x.ndim == 1 else matched.reshape(-1, 1) * x


def joined(parts: Sequence[SecretArray], axis: int = 0) -> SecretArray:
    """Joined along an axis."""
    result: Any = np.concatenate(cast(Any, parts), axis=axis)
    return cast(SecretArray, result)
