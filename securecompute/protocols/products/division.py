"""The quotient of two secrets: a / b = a 2^p (1 / m) 2^(−high), with b = m 2^(high − p).

    A = a 2^p with a bit more than the quotient's scale needs, while 1 / m is computed;     a / b = A (1 / m), truncated

|b| below the declared low counts as low's power of two with b's sign (0: with a plus): a / 0 = a / low, never garbage.

Accuracy   4.2 · 10^-9 of the quotient and two units of its scale, for every |b| from low to the bound.
Security   As `reciprocal`. Leakage: none.
Cost       11 rounds of b ≥ 0, 16 with the sign; one less each if b's bound has 16 bits or fewer. Bytes: those of
           `reciprocal` and a product, truncated or not.
"""

from math import ceil, log2

from securecompute.arithmetic.fixed_types import FixedType, same_ring
from securecompute.engine.rounds import Part, together
from securecompute.errors import EncodingOverflow
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.multiplication import finish, local_multiply
from securecompute.protocols.products.normalisation import Range, magnitude, normalise
from securecompute.protocols.products.reciprocal import ERROR, FINEST, mantissa
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.selection import inject


def divide(
    party: ComputeParty, a: Fixed, b: Fixed, low: float, scale: int | None = None, positive: bool = False
) -> Part[Fixed]:
    """a / b for low ≤ |b| ≤ bound, with broadcasting; with as many fractional bits as a, if none are given.

    low        smallest magnitude of b; below it b counts as this, rounded down to a power of two, with its sign
    positive   the caller has proved b ≥ 0, which saves the sign
    raises     EncodingOverflow  a's bound / low, or the product before a truncation, leaves no headroom at this scale
               InvalidRequest    low is not positive, or above the bound; rings differ
    """
    bits, g, ring = Range.of(b, low), a.scale if scale is None else scale, same_ring(a.type, b.type)
    most = a.bound * 2.0 ** (b.scale - bits.low)
    result = FixedType(ring, g, most * (1 + ERROR) + 2.0 ** (1 - g))
    first, q = _scales(a, b, bits, result)
    x, y = b.share, a.share
    if not positive:
        x, below = yield from magnitude(party, x)
        # −a where b is negative, in the rounds before the scale of b is known
        found, change = yield from together(
            normalise(party.at("normalised"), x, bits), inject(party.at("signed"), below, y)
        )
        y = y - (change << 1)
    else:
        found = yield from normalise(party.at("normalised"), x, bits)
    lifted, w = yield from together(
        finish(party.at("lifted"), local_multiply(y, found.scales[0]), first), mantissa(party, found, q)
    )
    second = q + bits.high + a.scale - b.scale - g - first
    share: Replicated = yield from finish(party.at("quotient"), local_multiply(lifted, w), max(0, second))
    return Fixed(share << max(0, -second), result)


def _scales(a: Fixed, b: Fixed, bits: Range, result: FixedType) -> tuple[int, int]:
    """How many bits the first truncation drops, and how many 1 / m has."""
    room = result.ring.bits - 2
    size = ceil(log2(max(a.bound, 2.0**-a.scale))) + a.scale + bits.places - 1  # bits of a 2^p
    first = max(0, bits.high + a.scale - b.scale - result.scale - 2)  # an error of one is half a unit of the quotient
    q = min(FINEST, room - 2 - max(0, size - first))
    needed = min(30, ceil(log2(max(1.0, result.bound))) + result.scale + 2)
    if size >= room or q < needed:
        raise EncodingOverflow(
            f"a quotient of up to {result.bound:.4g} with {result.scale} fractional bits is too long to be computed in "
            f"{result.ring}; declare smaller bounds or a larger smallest magnitude, lower the scale, or compute wide"
        )
    return first, q
