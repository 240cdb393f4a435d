"""Compiled loops that evaluate a trigonometric sum of a difference, one operand public and one dealt.

    f(c − r) = Σ_k α_k cos k(c − r) + β_k sin k(c − r)
             = Σ_k (α_k cos kc + β_k sin kc) cos kr + (α_k sin kc − β_k cos kc) sin kr

`deal` makes the integers near 2^s_k cos kr and 2^s_k sin kr, `combine` multiplies shares of them by the integers near
2^e_k times the brackets. Angles are fractions of a turn in 64 bits, harmonics k = 1, 1 + step, 1 + 2 step, ...

Exact      Two evaluators multiply shares of one number by these integers, so both must have the same ones to the last
           bit, whatever their processors. `combine` therefore uses sums, products and the conversion of an integer
           only, which IEEE 754 fixes: no library's sine, no fused multiply-add (the compiler contracts nothing unless
           it is told to), no sum in another order. On [−π/4, π/4] the Taylor sums are off by less than 2^-53.
Pitfalls   Integers in uint64 only: signed overflow is undefined in compiled code. A double plus 1.5 · 2^52 leaves the
           nearest integer, half to even, in the low bits of the sum, if it is below 2^51.
Cost       ns per element and harmonic, one core: deal 3, combine 3. `warm` loads or compiles both ahead of time.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.compiled import compiled

BLOCK = 256  # elements whose angles stay in the first-level cache while the harmonics pass

_ROUND = 6755399441055744.0  # 1.5 · 2^52
_EIGHTH, _TWO_BITS, _ONE = np.uint64(1 << 61), np.uint64(62), np.uint64(1)
_ROUND_BITS = np.float64(_ROUND).view(np.uint64)
_TURN = 6.283185307179586 / 2.0**64
_TWO = np.uint64(2)

Reals = NDArray[np.float64]
Words = NDArray[np.uint64]


@numba.njit(inline="always")
def _cosine_and_sine(turn):  # type: ignore[no-untyped-def]
    """Of a 64-bit fraction of a turn: the quadrant by its top bits, then Taylor's sums."""
    quadrant = (turn + _EIGHTH) >> _TWO_BITS
    t = np.float64(np.int64(turn - (quadrant << _TWO_BITS))) * _TURN
    u = t * t
    s = -1.0 / 1307674368000.0
    s = s * u + 1.0 / 6227020800.0
    s = s * u - 1.0 / 39916800.0
    s = s * u + 1.0 / 362880.0
    s = s * u - 1.0 / 5040.0
    s = s * u + 1.0 / 120.0
    s = s * u - 1.0 / 6.0
    s = t + t * (s * u)
    c = 1.0 / 20922789888000.0
    c = c * u - 1.0 / 87178291200.0
    c = c * u + 1.0 / 479001600.0
    c = c * u - 1.0 / 3628800.0
    c = c * u + 1.0 / 40320.0
    c = c * u - 1.0 / 720.0
    c = c * u + 1.0 / 24.0
    c = c * u - 0.5
    c = 1.0 + c * u
    crossed = (quadrant & _ONE) != np.uint64(0)
    a, b = (s, c) if crossed else (c, s)
    a = -a if ((quadrant + _ONE) & _TWO) != np.uint64(0) else a
    b = -b if (quadrant & _TWO) != np.uint64(0) else b
    return a, b


@numba.njit(inline="always")
def _nearest(x):  # type: ignore[no-untyped-def]
    """The integer nearest to x, mod 2^64."""
    return np.float64(x + _ROUND).view(np.uint64) - _ROUND_BITS


@compiled
def deal(turns: Words, step: int, scales: Reals, words: Words) -> None:
    """words[2j], words[2j + 1] <- 2^s_k cos kr, 2^s_k sin kr less what they held.

    turns    r, shape (n,)
    scales   2^s_k, shape (harmonics,)
    words    shape (2 harmonics, n), read and written
    """
    c, s, dc, ds = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, turns.size, BLOCK):
        count = min(BLOCK, turns.size - start)
        for i in range(count):
            c[i], s[i] = _cosine_and_sine(turns[start + i])
            dc[i], ds[i] = _cosine_and_sine(np.uint64(step) * turns[start + i])
        for j in range(scales.size):
            scale = scales[j]
            of_cosine, of_sine = words[2 * j, start : start + count], words[2 * j + 1, start : start + count]
            for i in range(count):
                of_cosine[i] = _nearest(scale * c[i]) - of_cosine[i]
            for i in range(count):
                of_sine[i] = _nearest(scale * s[i]) - of_sine[i]
            for i in range(count):
                c[i], s[i] = c[i] * dc[i] - s[i] * ds[i], s[i] * dc[i] + c[i] * ds[i]


@compiled
def combine(turns: Words, step: int, alpha: Reals, beta: Reals, words: Words, sums: Words) -> None:
    """sums[f] <- this evaluator's share of f(c − r), for each of several f.

    turns         c, shape (n,)
    alpha, beta   2^e_k α_k and 2^e_k β_k, shape (functions, harmonics)
    words         shares of what `deal` made, shape (2 harmonics, n)
    sums          shape (functions, n), written
    """
    c, s, dc, ds = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, turns.size, BLOCK):
        count = min(BLOCK, turns.size - start)
        for i in range(count):
            c[i], s[i] = _cosine_and_sine(turns[start + i])
            dc[i], ds[i] = _cosine_and_sine(np.uint64(step) * turns[start + i])
        sums[:, start : start + count] = np.uint64(0)
        for j in range(alpha.shape[1]):
            of_cosine, of_sine = words[2 * j, start : start + count], words[2 * j + 1, start : start + count]
            for f in range(alpha.shape[0]):
                a, b, total = alpha[f, j], beta[f, j], sums[f, start : start + count]
                for i in range(count):
                    total[i] += (
                        _nearest(a * c[i] + b * s[i]) * of_cosine[i] + _nearest(a * s[i] - b * c[i]) * of_sine[i]
                    )
            for i in range(count):
                c[i], s[i] = c[i] * dc[i] - s[i] * ds[i], s[i] * dc[i] + c[i] * ds[i]


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no question waits for it."""
    turns, words = np.zeros(1, np.uint64), np.zeros((2, 1), np.uint64)
    deal(turns, 1, np.ones(1), words)
    combine(turns, 1, np.ones((1, 1)), np.ones((1, 1)), words, words[:1].copy())
