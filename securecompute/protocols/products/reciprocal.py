"""The reciprocal of a secret: 1 / x = (1 / m) 2^(p − high), from its mantissa and power of two.

    W = 1 / m by a trigonometric sum of eight harmonics,     y = W 2^p, truncated once

|x| below the declared low counts as low's power of two, 2^⌊log_2 low⌋: 1 / 0 is the largest result, never garbage.

Accuracy   4.2 · 10^-9 of the result and one unit of its scale, for every |x| from low to the bound; the ratio of their
           powers of two is at most 2^30 in Z_2^64, 2^84 in Z_2^128.
Security   As `normalisation` and `masked_functions`. Leakage: none.
Cost       11 rounds of x ≥ 0, 17 with the sign; one less each if the bound has 16 bits or fewer. 128 bytes dealt for
           the harmonics besides what `normalisation` says, and 2 truncations.
"""

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.engine.rounds import Part, together
from securecompute.errors import EncodingOverflow
from securecompute.protocols.products.bit_sharing import to_arithmetic
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.harmonics import sums
from securecompute.protocols.products.mantissa_series import RECIPROCAL
from securecompute.protocols.products.multiplication import finish, local_multiply, multiply
from securecompute.protocols.products.normalisation import Normalised, Range, magnitude, normalise
from securecompute.protocols.products.replicated import Replicated

ERROR = 4.2e-9
FINEST = 40  # fractional bits of 1 / m
_LEAST = 30


def reciprocal(
    party: ComputeParty, x: Fixed, low: float, scale: int | None = None, positive: bool = False
) -> Part[Fixed]:
    """1 / x for low ≤ |x| ≤ bound, with so many fractional bits: x's, if none are given. Run by each of the three.

    low        smallest magnitude; below it x counts as this, rounded down to a power of two, with its sign
    positive   the caller has proved x ≥ 0, which saves the sign
    raises     EncodingOverflow  1 / low leaves no headroom at this scale; bound / low is too large for the ring
               InvalidRequest    low is not positive, or above the bound
    """
    bits, g = Range.of(x, low), x.scale if scale is None else scale
    result = FixedType(x.ring, g, 2.0 ** (x.scale - bits.low) * (1 + ERROR) + 2.0**-g)
    q = mantissa_scale(x, bits)
    if positive:
        share = yield from _positive(party, x.share, bits, q, x.scale + g)
    else:
        x_abs, below = yield from magnitude(party, x.share)
        y, negative = yield from together(
            _positive(party, x_abs, bits, q, x.scale + g), to_arithmetic(party.at("sign as number"), below, x.ring)
        )
        share = yield from multiply(party.at("signed"), y, 1 - (negative << 1))
    return Fixed(share, result)


def mantissa_scale(x: Fixed, bits: Range, taken: int = 0) -> int:
    """Fractional bits of 1 / m that leave room for 2^p beside it. raises EncodingOverflow: fewer than 30."""
    q = min(FINEST, x.ring.bits - 3 - bits.places - taken)
    if q < _LEAST:
        raise EncodingOverflow(
            f"magnitudes from 2^{bits.low - x.scale} to 2^{bits.high - x.scale} are too far apart to divide by in "
            f"{x.ring}; declare a larger smallest magnitude or a smaller bound, or compute wide"
        )
    return q


def mantissa(party: ComputeParty, found: Normalised, q: int) -> Part[Replicated]:
    """1 / m with q fractional bits; three rounds."""
    return (yield from sums(party.at("mantissa"), found.turns, [RECIPROCAL], q, found.turns.ring))[0]


def _positive(party: ComputeParty, x: Replicated, bits: Range, q: int, scales: int) -> Part[Replicated]:
    """2^scales / x."""
    found = yield from normalise(party.at("normalised"), x, bits)
    w = yield from mantissa(party, found, q)
    shift = q + bits.high - scales
    y = yield from finish(party.at("scaled"), local_multiply(w, found.scales[0]), max(0, shift))
    return y << max(0, -shift)
