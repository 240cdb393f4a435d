"""Gram matrices of real columns, exact: the same integers in whatever order the records come and wherever they are.

    G = Σ w q qᵀ  over the records,  qⱼ = rint(2^sⱼ xⱼ),  |qⱼ| ≤ 2²¹ or 2⁴²        Σ w xᵢ xⱼ ≈ Gᵢⱼ / 2^(sᵢ + sⱼ)

Columns are cut into slices of 21 bits, q = Σₖ 2²¹ᵏ dₖ, and the slices of all columns, side by side, are multiplied by
the library's matrix product in blocks of 512 rows. With a column of responses among them one call gives XᵀX, Xᵀy and
yᵀy; w counts records, or is a weight that was rounded to an integer.

Exact      |d| ≤ 2²¹ on one side and 1.5 · 2²¹ on the other: a block's sums of products, and all partial sums of them in
           any order and with or without fused multiply-add, are integers below 2⁵², which doubles hold. Blocks
           are added as pairs of 32-bit halves in 64-bit words, good for 2³¹ blocks.
Accuracy   A column is rounded to 2⁻²² or 2⁻⁴³ of its limit at most: the limits, not the records, set the scales.
Cost       One product of n × p by p × p for 21 bits, 4 for 42, 2 and 6 with weights, of which those without weights
           are symmetric and cost half. At p = 50 that is 2.3 times XᵀX in doubles for 21 bits and 6 times for 42; with
           weights 6 and 11 times XᵀWX.
Reference  own derivation; error-free splitting as in Ozaki et al., Numer. Algorithms 2012.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import frexp
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.headroom import MOST_BITS
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput

SLICE_BITS = 21
ROWS = 512  # 2^21 times 1.5 * 2^21 times 2^9 is less than 2^52; more rows would leave the cache
MOST_WEIGHT = 1 << SLICE_BITS

Reals: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """The columns of a design, and how finely they are rounded.

    names    for the messages
    limits   largest |value| of each, in its unit
    bits     21 or 42: of a value at the limit
    raises   InvalidRequest  no column, other numbers of names and limits, a limit that is not finite and positive, or
                             other bits
    """

    names: Sequence[str]
    limits: Sequence[float]
    bits: int = 2 * SLICE_BITS

    def __post_init__(self) -> None:
        if not self.names or len(self.names) != len(self.limits):
            raise InvalidRequest(f"{len(self.names)} columns with {len(self.limits)} limits; expected one for each")
        for name, limit in zip(self.names, self.limits, strict=True):
            if not 2.0**-MOST_BITS <= limit <= 2.0**MOST_BITS:
                raise InvalidRequest(f"'{name}': a limit of {limit:g}; declare a finite range that is not only zero")
        if self.bits not in (SLICE_BITS, 2 * SLICE_BITS):
            raise InvalidRequest(f"columns of {self.bits} bits; expected {SLICE_BITS} or {2 * SLICE_BITS}")

    @cached_property
    def scales(self) -> tuple[int, ...]:
        """s: the largest with 2^s limit <= 2^bits, for each column."""
        parts = (frexp(limit) for limit in self.limits)  # limit = m 2^e, 1/2 <= m < 1
        return tuple(self.bits - e + (m == 0.5) for m, e in parts)


def exact_gram(x: Reals, columns: Columns, weights: NDArray[np.int64] | None = None) -> NDArray[Any]:
    """Σ w q qᵀ: Python integers, shape (p, p), symmetric; entry (i, j) at scale s_i + s_j.

    x         float64, shape (n, p), in the columns' units
    weights   int64, shape (n,), 0 .. 2^21; None: 1 for each record
    raises    NonFiniteInput    a column holds NaN or an infinity
              EncodingOverflow  a value is beyond its column's limit, or a weight beyond 2^21
              InvalidRequest    other dtypes or shapes, or a negative weight
    """
    p = len(columns.names)
    if x.dtype != np.float64 or x.ndim != 2 or x.shape[1] != p:
        raise InvalidRequest(f"columns are {x.dtype} {x.shape}; expected float64 (n, {p})")
    _check_weights(weights, len(x))
    limits, factors = np.array(columns.limits), 2.0 ** np.array(columns.scales, np.float64)
    count = columns.bits // SLICE_BITS
    high = np.zeros((count * p, (count + (weights is not None)) * p), np.int64)
    low, room = np.zeros_like(high), np.empty((min(ROWS, len(x)), p))
    for start in range(0, len(x), ROWS):
        block = x[start : start + ROWS]
        scaled = room[: len(block)]
        if not (np.abs(block, out=scaled) <= limits).all():  # False for NaN
            raise _refusal(block, columns)
        slices = _slices(np.multiply(block, factors, out=scaled), columns.bits)
        side = np.hstack(slices)
        other = side if weights is None else np.hstack(_weighted(slices, weights[start : start + ROWS]))
        products = (side.T @ other).astype(np.int64)
        high += products >> 32
        low += products & 0xFFFFFFFF
    return _joined(high, low, p)


def _joined(high: NDArray[np.int64], low: NDArray[np.int64], p: int) -> NDArray[Any]:
    """Σ 2^(21 (k + m)) times the products of slice k with slice m, which stand p columns apart; as Python integers."""
    whole = (high.astype(object) << 32) + low
    total = np.full((p, p), 0, object)
    for k, m in np.ndindex(high.shape[0] // p, high.shape[1] // p):
        total += whole[k * p : (k + 1) * p, m * p : (m + 1) * p] << (SLICE_BITS * (k + m))
    return total


def _weighted(slices: list[Reals], weights: NDArray[np.int64]) -> list[Reals]:
    """w q in slices, one more than those of q: each w d, of 42 bits, is cut in two, and neighbours are added."""
    w = weights.astype(np.float64)[:, np.newaxis]
    weighted = [np.zeros_like(slices[0]) for _ in range(len(slices) + 1)]
    for k, d in enumerate(slices):
        lower, upper = _slices(w * d, 2 * SLICE_BITS)
        weighted[k] += lower
        weighted[k + 1] += upper
    return weighted


def _slices(scaled: Reals, bits: int) -> list[Reals]:
    """rint(scaled) in slices of 21 bits, lowest first: |lowest| <= 2^20 of two, |highest| <= 2^21."""
    q = np.rint(scaled, out=scaled)
    if bits == SLICE_BITS:
        return [q]
    high = np.rint(q * 2.0**-SLICE_BITS)
    return [q - high * 2.0**SLICE_BITS, high]


def _refusal(block: Reals, columns: Columns) -> InvalidRequest:
    """What is wrong with the first column that something is wrong with."""
    j = int(np.argmin((np.abs(block) <= columns.limits).all(axis=0)))
    name, limit = columns.names[j], columns.limits[j]
    if not np.isfinite(block[:, j]).all():
        return NonFiniteInput(f"'{name}' holds NaN or an infinity; write missing values as nulls")
    return EncodingOverflow(f"'{name}' holds a value beyond ±{limit:g}; correct it or the declared range")


def _check_weights(weights: NDArray[Any] | None, n: int) -> None:
    if weights is None:
        return
    if weights.dtype != np.int64 or weights.shape != (n,):
        raise InvalidRequest(f"weights are {weights.dtype} {weights.shape}; expected int64 {(n,)}")
    if n and weights.min() < 0:
        raise InvalidRequest("a weight is negative")
    if n and weights.max() > MOST_WEIGHT:
        raise EncodingOverflow(f"a weight is beyond 2^{SLICE_BITS}; lower the weights' scale")
