"""Square root and inverse square root of a secret x = m 2^(high − p), from its mantissa and power of two.

    √x = √m 2^((high − p) / 2)        1 / √x = 2^((p − high) / 2) / √m        trigonometric sums

An odd p takes the sum times √2 or its half, which is another sum from the same opening; p chooses the one or the other
and the power of two, in one sum of two products that is truncated once.

Negative x counts as 0. Below the declared low, √x is 0, and 1 / √x that of low's power of two, its largest result.

Accuracy   3.6 · 10^-9 of the result and one unit of its scale, for every x from low to the bound.
Security   As `normalisation` and `masked_functions`. Leakage: none.
Cost       11 rounds of x ≥ 0, 16 with negative x; one less each if the bound has 16 bits or fewer. 96 bytes dealt for
           the harmonics of √m, 112 for those of 1 / √m; 3 truncations.
"""

from dataclasses import replace
from math import sqrt
from typing import Final

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.engine.rounds import Part
from securecompute.errors import EncodingOverflow
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.harmonics import Series, sums
from securecompute.protocols.products.mantissa_series import INVERSE_ROOT, ROOT
from securecompute.protocols.products.multiplication import finish, local_multiply
from securecompute.protocols.products.normalisation import STEP, Factors, Range, normalise
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.selection import relu

ERROR = 3.6e-9
_FINEST = 40
_LEAST = 29
_HALF: Final = STEP // 2


def inverse_square_root(
    party: ComputeParty, x: Fixed, low: float, scale: int | None = None, positive: bool = False
) -> Part[Fixed]:
    """1 / √x for low ≤ x ≤ bound, with so many fractional bits: x's, if none are given. Run by each of the three.

    low        smallest x; below it x counts as this, rounded down to a power of two
    positive   the caller has proved x ≥ 0, which saves 5 rounds
    raises     EncodingOverflow  1 / √low leaves no headroom at this scale; bound / low is too large for the ring
               InvalidRequest    low is not positive, or above the bound
    """
    bits, g = Range.of(x, low), x.scale if scale is None else scale
    result = FixedType(x.ring, g, sqrt(2.0 ** (x.scale - bits.low)) * (1 + ERROR) + 2.0**-g)
    even = Factors(lambda a: 1 << (_HALF * a), lambda b: (1, 0, 2, 0)[b])
    odd = Factors(lambda a: 1 << (_HALF * a), lambda b: (0, 1, 0, 2)[b])
    halves = x.scale - bits.high  # 1 / √x = 2^((p + halves) / 2) / √m
    share = yield from _root(
        party, x, bits, (INVERSE_ROOT, sqrt(2.0)), (even, odd), halves, halves // 2 + g, 3, positive
    )
    return Fixed(share, result)


def square_root(
    party: ComputeParty, x: Fixed, low: float | None = None, scale: int | None = None, positive: bool = False
) -> Part[Fixed]:
    """√x for 0 ≤ x ≤ bound, with so many fractional bits: x's, if none are given. Run by each of the three.

    low        smallest x that is told from 0: x's unit, if it is not given
    positive   the caller has proved x ≥ 0, which saves 5 rounds
    raises     as `inverse_square_root`
    """
    bits, g = Range.of(x, 2.0**-x.scale if low is None else low), x.scale if scale is None else scale
    result = FixedType(x.ring, g, sqrt(2.0 ** (bits.high - x.scale)) * (1 + ERROR) + 2.0**-g)
    top = bits.coarse - 1
    even = Factors(lambda a: 1 << (_HALF * (top - a)), lambda b: (2, 0, 1, 0)[b], absent=False)
    odd = Factors(lambda a: 1 << (_HALF * (top - a)), lambda b: (0, 2, 0, 1)[b], absent=False)
    halves = bits.high - x.scale  # √x = √m 2^((halves − p) / 2), the factors are 2^(1 + 2 top) too large
    shift = halves // 2 + g - 1 - _HALF * top
    share = yield from _root(party, x, bits, (ROOT, sqrt(0.5)), (even, odd), halves, shift, 2, positive)
    return Fixed(share, result)


def _root(
    party: ComputeParty,
    x: Fixed,
    bits: Range,
    function: tuple[Series, float],
    factors: tuple[Factors, Factors],
    halves: int,
    shift: int,
    room: int,
    positive: bool,
) -> Part[Replicated]:
    """f(m) 2^shift for even p and factor · f(m) 2^shift for odd p, times √2 if halves is odd, times the factors.

    room   bits that these leave free, besides the mantissa's and half of p
    """
    q = min(_FINEST, x.ring.bits - room - _HALF * bits.coarse)
    if q < _LEAST:
        raise EncodingOverflow(f"roots of numbers up to {x.bound:.4g} leave no headroom in {x.ring}; compute wide")
    share = x.share if positive else (yield from relu(party.at("positive"), x.share))
    found = yield from normalise(party.at("normalised"), share, bits, factors)
    series, factor = function
    one = times(series, sqrt(2.0)) if halves % 2 else series
    both = yield from sums(party.at("mantissa"), found.turns, [one, times(one, factor)], q, x.ring)
    even, odd = found.scales
    z = local_multiply(both[0], even) + local_multiply(both[1], odd)
    y: Replicated = yield from finish(party.at("scaled"), z, max(0, q - shift))
    return y << max(0, shift - q)


def times(series: Series, factor: float) -> Series:
    """The series times a number."""
    return replace(
        series,
        centre=series.centre * factor,
        offset=series.offset * factor,
        cosines=tuple(factor * c for c in series.cosines),
        sines=tuple(factor * s for s in series.sines),
    )
