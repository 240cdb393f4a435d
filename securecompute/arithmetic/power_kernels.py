"""Compiled loops that evaluate a power of two with an exponent that is a difference, one operand public and one dealt.

    ρ (c − r) = ρ i + ρ (c_low − r_low),  i = c_high − r_high:    2^(ρ (c − r)) = Σ_v [v = r_high] 2^(−ρ r_low) ·
                                                                                  2^(ρ (c_high − v)) 2^(ρ c_low)

c and r are fractions of a turn in 64 bits, of which the high ones say which of 2^m pieces of the circle they are in;
no carry between high and low is needed, since c_low − r_low may be negative. `deal` and `combine` as in
`harmonic_kernels`.

Exact      `combine` comes to the same integers on every processor, as there: sums, products and conversions alone.
Pitfalls   as there
Cost       ns per element and piece, one core: deal 2, combine 2. `warm` loads or compiles them ahead of time.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.compiled import compiled

_ROUND = 6755399441055744.0  # 1.5 · 2^52
_ROUND_BITS = np.float64(_ROUND).view(np.uint64)
_LOG_2 = 0.6931471805599453
_UNIT = 2.0**-53
_ZERO, _DROPPED = np.uint64(0), np.uint64(11)

Reals = NDArray[np.float64]
Words = NDArray[np.uint64]


@numba.njit(inline="always")
def _power(x):  # type: ignore[no-untyped-def]
    """2^x for 0 ≤ x < 32: Taylor's sum for what is left beside a whole number."""
    whole = np.int64(x + 0.5)
    t = (x - np.float64(whole)) * _LOG_2
    y = 1.0 / 6227020800.0
    y = y * t + 1.0 / 479001600.0
    y = y * t + 1.0 / 39916800.0
    y = y * t + 1.0 / 3628800.0
    y = y * t + 1.0 / 362880.0
    y = y * t + 1.0 / 40320.0
    y = y * t + 1.0 / 5040.0
    y = y * t + 1.0 / 720.0
    y = y * t + 1.0 / 120.0
    y = y * t + 1.0 / 24.0
    y = y * t + 1.0 / 6.0
    y = y * t + 0.5
    y = y * t + 1.0
    y = y * t + 1.0
    return y * np.float64(np.uint64(1) << np.uint64(whole))


@numba.njit(inline="always")
def _nearest(x):  # type: ignore[no-untyped-def]
    """The integer nearest to x, mod 2^64."""
    return np.float64(x + _ROUND).view(np.uint64) - _ROUND_BITS


@numba.njit(inline="always")
def _low(turn, piece_bits):  # type: ignore[no-untyped-def]
    """Where in its piece, in [0, 1), cut to 53 bits."""
    return np.float64(np.int64((turn << np.uint64(piece_bits)) >> _DROPPED)) * _UNIT


@compiled
def deal(turns: Words, piece_bits: int, rho: float, scale: float, words: Words) -> None:
    """words[v] <- [v = r_high] 2^(−ρ r_low) scale less what it held.

    turns   r, shape (n,)
    words   shape (2^piece_bits, n), or (1, n) for the power alone; read and written
    """
    last = words.shape[0] - 1
    for v in range(words.shape[0]):
        row = words[v]
        for i in range(turns.size):
            row[i] = _ZERO - row[i]
    for i in range(turns.size):
        high = np.int64(turns[i] >> np.uint64(64 - piece_bits))
        words[high & last, i] += _nearest(math.pow(2.0, -rho * _low(turns[i], piece_bits)) * scale)


@compiled
def combine(turns: Words, piece_bits: int, rho: float, factors: Reals, words: Words, sums: Words) -> None:
    """sums[0] <- this evaluator's share of 2^(ρ (c − r)) times the factors' common scale.

    turns     c, shape (n,)
    factors   for each piece i of the circle, 2^(ρ i) times a scale: an exact power of two
    words     shares of what `deal` made
    sums      shape (1, n), written
    """
    last = words.shape[0] - 1
    powers = np.empty(turns.size)
    places = np.empty(turns.size, np.int64)
    total = sums[0]
    for i in range(turns.size):
        powers[i] = _power(rho * _low(turns[i], piece_bits))
        places[i] = np.int64(turns[i] >> np.uint64(64 - piece_bits))
        total[i] = _ZERO
    for v in range(words.shape[0]):
        row = words[v]
        for i in range(turns.size):
            total[i] += _nearest(factors[(places[i] - v) & last] * powers[i]) * row[i]


@compiled
def look_up(turns: Words, piece_bits: int, tables: Words, words: Words, sums: Words) -> None:
    """sums[f] <- Σ_v words[v] tables[f, i − v], i the piece of the circle that c is in.

    turns    c, shape (n,)
    tables   shape (functions, 2^piece_bits)
    words    shares of [v = r_high], shape (2^piece_bits, n)
    sums     shape (functions, n), written
    """
    last = words.shape[0] - 1
    sums[:] = _ZERO
    for v in range(words.shape[0]):
        row = words[v]
        for f in range(tables.shape[0]):
            table, total = tables[f], sums[f]
            for i in range(turns.size):
                total[i] += table[(np.int64(turns[i] >> np.uint64(64 - piece_bits)) - v) & last] * row[i]


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no question waits for it."""
    turns, words = np.zeros(1, np.uint64), np.zeros((2, 1), np.uint64)
    deal(turns, 1, 1.0, 1.0, words)
    combine(turns, 1, 1.0, np.ones(2), words, words[:1].copy())
    look_up(turns, 1, np.ones((1, 2), np.uint64), words, words[:1].copy())
