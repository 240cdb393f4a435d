"""Real values as integers, and sums of integers that are exact whatever the order.

    q = rint(2^scale * x), half to even        sum q,  sum q^2  as integers of any size

Every record is quantised, then integers are added: an answer depends only on the multiset of records, never on the
order of rows, the chunks of a loop or the split among institutions.

Exactness  A power of two moves only the exponent, so rint is the one rounding: |q - 2^scale x| <= 1/2. Sums are split
           into terms of at most 47 bits; a chunk of 2^16 terms stays below 2^63, and chunks are added as integers.
Cost       ns per record, one core: quantise 2.5; sum 1, of squares 3; by group 5 and 8.
Reference  own derivation; a superaccumulator of two or three words.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest, NonFiniteInput

SQUARE_BITS = 46  # squares are summed of |q| <= 2^46

_CHUNK = 1 << 16
_LOW = (1 << 32) - 1
_HEADROOM = 2.0**62  # a double, and so a quantised value, up to here converts to int64 exactly

Integers: TypeAlias = NDArray[np.int64]
_Terms: TypeAlias = Callable[[Integers], list[tuple[int, Integers]]]


def scale_for(limit: float, integer: bool) -> int:
    """Fractional bits for a variable: 0 for integers, else as many as keep 2^scale |x| <= 2^46.

    limit    largest |x| that the dictionary allows, in the variable's unit; at 0 nothing needs fractional bits
    raises   InvalidRequest  limit is negative, infinite or NaN
    """
    _check_limit(limit)
    if integer or limit == 0:
        return 0
    mantissa, exponent = math.frexp(limit)  # limit = mantissa 2^exponent, 1/2 <= mantissa < 1
    return SQUARE_BITS - (exponent - 1 if mantissa == 0.5 else exponent)


def quantise(x: NDArray[np.float64], scale: int, limit: float, column: str) -> Integers:
    """q = rint(2^scale x), half to even: int64 (n,), |q| <= ceil(2^scale limit).

    x        float64, shape (n,), in the variable's unit
    scale    fractional bits; negative ones drop whole bits
    limit    largest |x| that the dictionary allows, same unit
    column   the variable's name, for the messages
    raises   NonFiniteInput  x holds NaN or an infinity
             InvalidRequest  some |x| > limit; x is not float64 (n,); 2^scale limit exceeds 2^62
    """
    _check_limit(limit)
    if x.dtype != np.float64 or x.ndim != 1:
        raise InvalidRequest(f"'{column}' is {x.dtype} {x.shape}; expected float64 (n,)")
    if abs(scale) > 1000 or limit * 2.0**scale > _HEADROOM:
        raise InvalidRequest(f"'{column}' has no headroom at scale {scale} with limit {limit:g}; lower either")
    largest = np.abs(x).max(initial=0.0)  # NaN if there is one
    if not np.isfinite(largest):
        raise NonFiniteInput(f"'{column}' holds NaN or an infinity; write missing values as nulls")
    if largest > limit:
        raise InvalidRequest(f"'{column}' holds a value beyond ±{limit:g}; correct it or the declared range")
    scaled = x * 2.0**scale
    return np.rint(scaled, out=scaled).astype(np.int64)


def exact_sum(q: Integers) -> int:
    """Sum of q over the records, an exact integer.

    q        int64, shape (n,), any values
    raises   InvalidRequest  q is not int64 (n,)
    """
    _check_integers(q)
    return _sum(q, _itself)


def exact_sum_of_squares(q: Integers) -> int:
    """Sum of q^2 over the records, an exact integer.

    q        int64, shape (n,), |q| <= 2^46, as `scale_for` ensures
    raises   InvalidRequest  q is not int64 (n,), or beyond 2^46
    """
    _check_squares(q)
    return _sum(q, _squares)


def exact_sum_by(q: Integers, group: NDArray[np.int32], groups: int) -> list[int]:
    """Sum of q in each group, exact integers; 0 for a group without records.

    q        int64, shape (n,), any values
    group    int32, shape (n,), codes 0 .. groups-1
    raises   InvalidRequest  other dtypes or shapes, or a code outside 0 .. groups-1
    """
    _check_integers(q)
    _check_group(q, group, groups)
    return _sum_by(q, group, groups, _itself)


def exact_sum_of_squares_by(q: Integers, group: NDArray[np.int32], groups: int) -> list[int]:
    """Sum of q^2 in each group, exact integers; 0 for a group without records.

    q        int64, shape (n,), |q| <= 2^46
    group    int32, shape (n,), codes 0 .. groups-1
    raises   InvalidRequest  other dtypes or shapes, q beyond 2^46, or a code outside 0 .. groups-1
    """
    _check_squares(q)
    _check_group(q, group, groups)
    return _sum_by(q, group, groups, _squares)


def _itself(q: Integers) -> list[tuple[int, Integers]]:
    """q = 2^32 a + b with |a| <= 2^31 and 0 <= b < 2^32."""
    return [(32, q >> 32), (0, q & _LOW)]


def _squares(q: Integers) -> list[tuple[int, Integers]]:
    """q^2 = 2^46 h^2 + 2^24 h l + l^2 with |q| = 2^23 h + l, h <= 2^23, l < 2^23: no term exceeds 2^46."""
    magnitude = np.abs(q)
    high, low = magnitude >> 23, magnitude & ((1 << 23) - 1)
    return [(46, high * high), (24, high * low), (0, low * low)]


def _sum(q: Integers, terms: _Terms) -> int:
    return sum(int(term.sum()) << shift for piece in _pieces(q) for shift, term in terms(q[piece]))


def _sum_by(q: Integers, group: NDArray[np.int32], groups: int, terms: _Terms) -> list[int]:
    """As `_sum`; a chunk's totals, below 2^63, are again split in two words that 2^31 chunks cannot fill."""
    words: dict[int, Integers] = {}
    for piece in _pieces(q):
        codes = group[piece].astype(np.intp)
        for shift, term in terms(q[piece]):
            partial = np.zeros(groups, np.int64)
            np.add.at(partial, codes, term)
            total = words.setdefault(shift, np.zeros((2, groups), np.int64))
            total[0] += partial >> 32
            total[1] += partial & _LOW
    sums = [0] * groups
    for shift, (high, low) in words.items():
        for k, (h, b) in enumerate(zip(high.tolist(), low.tolist(), strict=True)):
            sums[k] += ((h << 32) + b) << shift
    return sums


def _pieces(q: Integers) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, len(q), _CHUNK))


def _check_limit(limit: float) -> None:
    if not 0 <= limit < math.inf:
        raise InvalidRequest(f"a limit of {limit:g}; declare a finite range")


def _check_integers(q: NDArray[Any]) -> None:
    if q.dtype != np.int64 or q.ndim != 1:
        raise InvalidRequest(f"q is {q.dtype} {q.shape}; expected int64 (n,)")


def _check_squares(q: NDArray[Any]) -> None:
    _check_integers(q)
    if len(q) and not -(1 << SQUARE_BITS) <= q.min() <= q.max() <= 1 << SQUARE_BITS:
        raise InvalidRequest(f"a value is beyond 2^{SQUARE_BITS}, where squares are no longer summed; lower the scale")


def _check_group(q: NDArray[Any], group: NDArray[Any], groups: int) -> None:
    if group.dtype != np.int32 or group.shape != q.shape:
        raise InvalidRequest(f"groups are {group.dtype} {group.shape}; expected int32 {q.shape}")
    if len(group) and not 0 <= group.min() <= group.max() < groups:
        raise InvalidRequest(f"a record's group is outside 0 .. {groups - 1}; leave records without a group out")
