"""Compiled loops of the exact sums: a number becomes three integer digits, and digits are added without a carry.

    t = v + C, d = t − C, v ← v − d        for C = 1.5 · 2⁵² · (2⁶⁴u, 2³²u, u) in turn

Doubles between 2⁵² and 2⁵³ are the integers, so adding 1.5 · 2⁵² to a small number rounds it, half to even, and leaves
the integer in the low bits of the sum; 1.5 · 2⁵² g does so to multiples of g. Three such steps split v into
d₂ 2⁶⁴u + d₁ 2³²u + d₀ u, without a multiplication, and the digits are read from the bits of t.

Exact      t − C and v − d are (Sterbenz; what is left has no bit that v had not), so d₀ is the one rounding. For
           |v| ≤ 2⁹⁵u every |dᵢ| ≤ 2³¹: the top one by the bound, the others as half of the step above.
Pitfalls   Integers wrap in uint64 only: signed overflow is undefined in compiled code. Loops run over indices, since
           one over values is not vectorised. Fast-math stays off: it would cancel t = v + C, d = t − C.
Cost       ns per record, one core: values 0.7, products 1.9, by group 3.3 and 4.5. To load the compiler and the
           kernels takes 1.5 s and 120 MB in each process; to compile them, 3 s once: they are kept beside this file,
           or in the user's cache folder where that is read-only. `warm` does both ahead of time.
"""

from typing import Any

import numba
import numpy as np
from numba.extending import intrinsic
from numpy.typing import NDArray

from securecompute.arithmetic.compiled import compiled

BLOCK = 512  # records whose digits wait in the first-level cache to be added to their groups

Reals = NDArray[np.float64]
Words = NDArray[np.uint64]


def _emit_fma(_context: Any, _a: Any, _b: Any, _c: Any) -> tuple[Any, Any]:
    double = numba.types.float64
    return double(double, double, double), lambda _, builder, __, arguments: builder.fma(*arguments)


_fma: Any = intrinsic(_emit_fma)  # a b + c, rounded once: an instruction, or the C library's function


@numba.njit(inline="always")
def _value(v, high, middle, low):  # type: ignore[no-untyped-def]
    """The three sums t for v, and whether v is no multiple of u."""
    t2 = v + high
    v = v - (t2 - high)
    t1 = v + middle
    v = v - (t1 - middle)
    t0 = v + low
    return np.float64(t2).view(np.uint64), np.float64(t1).view(np.uint64), np.float64(t0).view(np.uint64), t0 - low != v


@numba.njit(inline="always")
def _product(a, b, high, middle, low, half):  # type: ignore[no-untyped-def]
    """As `_value`, of a b without an error; and a b as a double.

    a b = p + e exactly (Dekker; by fma). d₂ and d₁ are digits of p; then e joins the remainder, v + e = s + err
    exactly (Knuth's TwoSum). Only where s lies midway between two multiples of u does err say which one is nearer.
    """
    p = a * b
    e = _fma(a, b, -p)
    t2 = p + high
    v = p - (t2 - high)
    t1 = v + middle
    v = v - (t1 - middle)
    s = v + e
    z = s - v
    err = (v - (s - z)) + (e - z)
    t0 = s + low
    d = s - (t0 - low)
    up, down = (d == half) & (err > 0.0), (d == -half) & (err < 0.0)
    digit = np.float64(t0).view(np.uint64) + np.uint64(up) - np.uint64(down)
    vanished = (p == 0.0) & (a != 0.0) & (b != 0.0)
    lost = (d != 0.0) | (err != 0.0) | vanished
    return np.float64(t2).view(np.uint64), np.float64(t1).view(np.uint64), digit, lost, p


@numba.njit(inline="always")
def _scatter(d2, d1, d0, group, start, count, sums):  # type: ignore[no-untyped-def]
    for k in range(count):
        g = group[start + k]
        sums[g, 0] += d2[k]
        sums[g, 1] += d1[k]
        sums[g, 2] += d0[k]


@compiled
def values(x: Reals, high: float, middle: float, low: float, limit: float) -> tuple[np.uint64, ...]:
    """Σ t₂, Σ t₁, Σ t₀ as bits mod 2⁶⁴; how many |x| are not ≤ limit; how many x are no multiple of u."""
    s2 = s1 = s0 = bad = lost = np.uint64(0)
    for k in range(x.size):
        t2, t1, t0, inexact = _value(x[k], high, middle, low)
        s2 += t2
        s1 += t1
        s0 += t0
        bad += np.uint64(not abs(x[k]) <= limit)  # NaN counts
        lost += np.uint64(inexact)
    return s2, s1, s0, bad, lost


@compiled
def products(x: Reals, y: Reals, high: float, middle: float, low: float, limit: float) -> tuple[np.uint64, ...]:
    """As `values`, of x y."""
    s2 = s1 = s0 = bad = lost = np.uint64(0)
    half = low / 13510798882111488.0  # 1.5 · 2⁵³: u / 2
    for k in range(x.size):
        t2, t1, t0, inexact, p = _product(x[k], y[k], high, middle, low, half)
        s2 += t2
        s1 += t1
        s0 += t0
        bad += np.uint64(not abs(p) <= limit)
        lost += np.uint64(inexact)
    return s2, s1, s0, bad, lost


@compiled
def values_by(
    x: Reals, group: NDArray[np.uint32], sums: Words, high: float, middle: float, low: float, limit: float
) -> tuple[np.uint64, ...]:
    """Adds the digits d₂, d₁, d₀ to sums[group], shape (groups, 3); returns the counts of `values`."""
    bad = lost = np.uint64(0)
    c2, c1, c0 = np.float64(high).view(np.uint64), np.float64(middle).view(np.uint64), np.float64(low).view(np.uint64)
    d2, d1, d0 = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    for start in range(0, x.size, BLOCK):
        count = min(BLOCK, x.size - start)
        for k in range(count):
            t2, t1, t0, inexact = _value(x[start + k], high, middle, low)
            d2[k], d1[k], d0[k] = t2 - c2, t1 - c1, t0 - c0
            bad += np.uint64(not abs(x[start + k]) <= limit)
            lost += np.uint64(inexact)
        _scatter(d2, d1, d0, group, start, count, sums)
    return bad, lost


@compiled
def products_by(
    x: Reals, y: Reals, group: NDArray[np.uint32], sums: Words, high: float, middle: float, low: float, limit: float
) -> tuple[np.uint64, ...]:
    """As `values_by`, of x y."""
    bad = lost = np.uint64(0)
    half = low / 13510798882111488.0
    c2, c1, c0 = np.float64(high).view(np.uint64), np.float64(middle).view(np.uint64), np.float64(low).view(np.uint64)
    d2, d1, d0 = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    for start in range(0, x.size, BLOCK):
        count = min(BLOCK, x.size - start)
        for k in range(count):
            t2, t1, t0, inexact, p = _product(x[start + k], y[start + k], high, middle, low, half)
            d2[k], d1[k], d0[k] = t2 - c2, t1 - c1, t0 - c0
            bad += np.uint64(not abs(p) <= limit)
            lost += np.uint64(inexact)
        _scatter(d2, d1, d0, group, start, count, sums)
    return bad, lost


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no question waits for it."""
    x, group, sums = np.zeros(1), np.zeros(1, np.uint32), np.zeros((1, 3), np.uint64)
    x.flags.writeable = group.flags.writeable = False  # as `exact_sums` passes them
    constants = (4.0, 2.0, 1.0, 0.0)
    values(x, *constants)
    products(x, x, *constants)
    values_by(x, group, sums, *constants)
    products_by(x, x, group, sums, *constants)
