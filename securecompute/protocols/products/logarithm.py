"""The natural logarithm of a secret x = m 2^(high − p), from its mantissa and power of two.

    log x = log m + (high − p) log 2        log m by a trigonometric sum of six harmonics, p linear in bits

x below the declared low, 0 and negative numbers too, counts as low's power of two, 2^⌊log_2 low⌋.

Accuracy   6 · 10^-9 and two units of the result's scale, absolute, for every x from low to the bound.
Security   As `normalisation` and `masked_functions`. Leakage: none.
Cost       9 rounds of x ≥ 0, 14 with negative x; one less each if the bound has 16 bits or fewer. 96 bytes dealt for
           the harmonics, 1 truncation, besides what `normalisation` says.
"""

from decimal import Decimal, localcontext
from math import log

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.harmonics import sums
from securecompute.protocols.products.mantissa_series import LOGARITHM
from securecompute.protocols.products.normalisation import Range, normalise
from securecompute.protocols.products.selection import relu

_LOG_2 = Decimal("0.69314718055994530941723212145817656807550013436")


def logarithm(
    party: ComputeParty, x: Fixed, low: float, scale: int | None = None, positive: bool = False
) -> Part[Fixed]:
    """log x for low ≤ x ≤ bound, with so many fractional bits: x's, if none are given. Run by each of the three.

    low        smallest x; below it x counts as this, rounded down to a power of two
    positive   the caller has proved x ≥ 0, which saves 5 rounds
    raises     EncodingOverflow  the result leaves no headroom at this scale
               InvalidRequest    low is not positive, or above the bound
    """
    bits, g = Range.of(x, low), x.scale if scale is None else scale
    largest = max(abs(end - x.scale) for end in (bits.low, bits.high)) * log(2)
    result = FixedType(x.ring, g, largest + 2.0 ** (1 - g))
    share = x.share if positive else (yield from relu(party.at("positive"), x.share))
    found = yield from normalise(party.at("normalised"), share, bits, (), [lambda p: -halvings(p, g)])
    of_mantissa = (yield from sums(party.at("mantissa"), found.turns, [LOGARITHM], g, x.ring))[0]
    constant = RingArray.integers(x.ring, [halvings(bits.high - x.scale, g)]).reshape(())
    return Fixed(of_mantissa + found.sums[0] + constant, result)


def halvings(p: int, scale: int) -> int:
    """p log 2 with so many fractional bits, rounded."""
    with localcontext() as context:
        context.prec = 60
        return int((p * _LOG_2 * (1 << scale)).to_integral_value())
