"""Gram matrices of real columns, exact: the same integers in whatever order the records come and wherever they are.

    G = Σ w q qᵀ  over the records,  qⱼ = rint(2^sⱼ xⱼ),  |qⱼ| ≤ 2²¹ or 2⁴²        Σ w xᵢ xⱼ ≈ Gᵢⱼ / 2^(sᵢ + sⱼ)

Columns are cut into slices of 21 bits, q = Σₖ 2²¹ᵏ dₖ, and slices are multiplied by the library's matrix product in
blocks of 512 rows. With a column of responses among them one call gives XᵀX, Xᵀy and yᵀy; w counts records, or is a
weight that was rounded to an integer.

Exact      |d| ≤ 2²¹ on one side and 1.5 · 2²¹ on the other: a block's sums of products, and all partial sums of them in
           any order and with or without fused multiply-add, are integers below 2⁵², which doubles hold. Blocks
           are added as pairs of 32-bit halves in 64-bit words, good for 2³¹ blocks.
Accuracy   A column is rounded to 2⁻²² or 2⁻⁴³ of its limit at most: the limits, not the records, set the scales.
Cost       products of n × p by p × p: 1 for 21 bits, 3 for 42, 2 and 6 with weights; two of these three are symmetric
           and cost the library half. At p = 50 that is 1.5 to 4 times XᵀX in doubles.
Reference  own derivation; error-free splitting as in Ozaki et al., Numer. Algorithms 2012.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
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
    factors = 2.0 ** np.array(columns.scales, np.float64)
    sums = _Sums(p)
    for start in range(0, len(x), ROWS):
        block = x[start : start + ROWS]
        _check_range(block, columns)
        slices = _slices(block * factors, columns.bits)
        if weights is None:
            sums.add_symmetric(slices)
        else:
            sums.add_weighted(slices, weights[start : start + ROWS])
    return sums.integers()


class _Sums:
    """Σ 2²¹ᵏ Pₖ over block products P, k the places of both slices together: high and low halves, (p, p) int64."""

    def __init__(self, p: int) -> None:
        self._shape = (p, p)
        self._halves: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def add_symmetric(self, slices: list[Reals]) -> None:
        """dᵀd for each slice d; for two, dᵀd′ and its transpose."""
        for k, d in enumerate(slices):
            self._add(2 * k, d.T @ d)
        if len(slices) == 2:
            mixed = slices[0].T @ slices[1]
            self._add(1, mixed)
            self._add(1, mixed.T)

    def add_weighted(self, slices: list[Reals], weights: NDArray[np.int64]) -> None:
        """dᵀ(w d′) for each two slices; the 42 bits of w d′ are cut in two, and neighbours are joined first."""
        w = weights.astype(np.float64)[:, np.newaxis]
        weighted = [np.zeros_like(slices[0]) for _ in range(len(slices) + 1)]
        for k, d in enumerate(slices):
            low, high = _slices(w * d, 2 * SLICE_BITS)
            weighted[k] += low
            weighted[k + 1] += high
        for (k, d), (m, e) in product(enumerate(slices), enumerate(weighted)):
            self._add(k + m, d.T @ e)

    def _add(self, place: int, block: Reals) -> None:
        if place not in self._halves:
            self._halves[place] = np.zeros(self._shape, np.int64), np.zeros(self._shape, np.int64)
        high, low = self._halves[place]
        whole = block.astype(np.int64)
        high += whole >> 32
        low += whole & 0xFFFFFFFF

    def integers(self) -> NDArray[Any]:
        total = np.full(self._shape, 0, object)
        for place, (high, low) in self._halves.items():
            total += ((high.astype(object) << 32) + low) << (SLICE_BITS * place)
        return total


def _slices(scaled: Reals, bits: int) -> list[Reals]:
    """rint(scaled) in slices of 21 bits, lowest first: |lowest| <= 2^20 of two, |highest| <= 2^21."""
    q = np.rint(scaled, out=scaled)
    if bits == SLICE_BITS:
        return [q]
    high = np.rint(q * 2.0**-SLICE_BITS)
    return [q - high * 2.0**SLICE_BITS, high]


def _check_range(block: Reals, columns: Columns) -> None:
    largest = np.maximum(block.max(axis=0), -block.min(axis=0))  # NaN if there is one
    for name, most, limit in zip(columns.names, largest.tolist(), columns.limits, strict=True):
        if not most < float("inf"):
            raise NonFiniteInput(f"'{name}' holds NaN or an infinity; write missing values as nulls")
        if most > limit:
            raise EncodingOverflow(f"'{name}' holds a value beyond ±{limit:g}; correct it or the declared range")


def _check_weights(weights: NDArray[Any] | None, n: int) -> None:
    if weights is None:
        return
    if weights.dtype != np.int64 or weights.shape != (n,):
        raise InvalidRequest(f"weights are {weights.dtype} {weights.shape}; expected int64 {(n,)}")
    if n and weights.min() < 0:
        raise InvalidRequest("a weight is negative")
    if n and weights.max() > MOST_WEIGHT:
        raise EncodingOverflow(f"a weight is beyond 2^{SLICE_BITS}; lower the weights' scale")
