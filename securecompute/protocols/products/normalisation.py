"""A positive secret as mantissa and power of two, which reciprocals, roots and logarithms start from.

    x = m 2^(high − p),   m in [1/2, 1),   p = high − 1 − i,  i = place of x's most significant bit, low ≤ i < high

p = 4a + b: that x's leading bit stands at p becomes a one-hot of a and one of b, linear in the bits that compare, and
so functions of a and of b are public weights. The mantissa itself is never made: half a turn of it, x 2^p of a circle,
is left as a product whose opening belongs to what comes next (`masked_functions`).

    below 2^low: no bit leads; p counts as largest, k − 1, and the mantissa as 1/2: x counts as 2^low

Accuracy   Exact.
Security   As `leading_one` and `multiplication`. Leakage: none.
Cost       6 rounds (5 if high is 16 or less; one less if k = high − low is 4 or less): those of `leading_one`, with
           ceil(k / 4) + 4 bits made numbers instead of k, and a product beside those of `scaled`.
Reference  Catrina and Saxena, FC 2010, for the normalisation; own factorisation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log2
from typing import Final

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part, together
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.bit_sharing import weighted_sums
from securecompute.protocols.products.comparison import negative_bits
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Bits
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.leading_one import leading_bits
from securecompute.protocols.products.multiplication import local_multiply, multiply
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.selection import inject

STEP: Final = 4  # p = 4a + b


@dataclass(frozen=True, slots=True)
class Factors:
    """A function w(p) = by_a(a) by_b(b); `absent` is what it takes where no bit leads: as if p were k − 1, or 0."""

    by_a: Callable[[int], int]
    by_b: Callable[[int], int]
    absent: bool = True


POWER: Final = Factors(lambda a: 1 << (STEP * a), lambda b: 1 << b)


@dataclass(frozen=True, slots=True)
class Normalised:
    """What is known of x = m 2^(high − p).

    turns     this party's share of m / 2 of a turn, as a product left it
    scales    w(p) for each of the factors asked for
    sums      s(p) for each of the sums asked for, and their values at p = k − 1 where no bit leads
    """

    turns: RingArray
    scales: list[Replicated]
    sums: list[Replicated]


@dataclass(frozen=True, slots=True)
class Range:
    """The bits that may lead: low to high − 1 of an integer."""

    low: int
    high: int

    @classmethod
    def of(cls, x: Fixed, low: float) -> "Range":
        """Of x up to its bound, and down to the power of two at or below `low`.

        raises   InvalidRequest  low is not positive, or above the bound
        """
        if not 0 < low <= x.bound:
            raise InvalidRequest(f"a smallest magnitude of {low}; expected more than 0 and at most {x.bound:.6g}")
        lowest = max(0, floor(log2(low)) + x.scale)
        return cls(lowest, max(lowest + 1, floor(log2(x.bound)) + 1 + x.scale))

    @property
    def places(self) -> int:
        """k."""
        return self.high - self.low

    @property
    def coarse(self) -> int:
        """How many values a has."""
        return ceil(self.places / STEP)


def normalise(
    party: ComputeParty,
    x: Replicated,
    bits: Range,
    scales: Sequence[Factors] = (POWER,),
    sums: Sequence[Callable[[int], int]] = (),
) -> Part[Normalised]:
    """Mantissa of x in [0, 2^high), and functions of its power of two. Run by each of the three.

    sums   functions of p = 4a + b that are sums of one of 4a and one of b: s(4a) + s(b)
    """
    h = yield from leading_bits(party.at("leads"), x, bits.low, bits.high)
    last = divmod(bits.places - 1, STEP)
    kinds = list(dict.fromkeys((POWER, *scales)))
    weights = [row for f in kinds for row in _rows(bits.coarse, f.by_a, f.by_b)]
    weights.append([1] * bits.coarse + [0] * STEP)
    weights += [[s(STEP * a) for a in range(bits.coarse)] + [s(b) for b in range(STEP)] for s in sums]
    values = yield from weighted_sums(party.at("numbers"), _grouped(h, bits.coarse), weights, x.ring)
    rest = 2 * len(kinds)
    none = 1 - values[rest]
    factors = {f: (values[2 * j], values[2 * j + 1]) for j, f in enumerate(kinds)}
    pairs = [_where_none(none, f, factors[f], last) for f in scales]
    found = [values[rest + 1 + j] + none * (s(STEP * last[0]) + s(last[1])) for j, s in enumerate(sums)]
    coarse, fine = factors[POWER]
    lifted, products = x, [v * f.by_a(0) for f, (_, v) in zip(scales, pairs, strict=True)]
    if bits.coarse > 1:
        lifted, *products = yield from together(
            multiply(party.at("lifted"), x, coarse),
            *(multiply(party.at("scale", j), u, v) for j, (u, v) in enumerate(pairs)),
        )
    top = x.ring.bits - 1
    turns = (local_multiply(lifted, fine) << (top - bits.high)) + (none.mine << (top - 1))
    return Normalised(turns, products, found)


def magnitude(party: ComputeParty, x: Replicated) -> Part[tuple[Replicated, Bits]]:
    """|x| and [x < 0], as bits. 5 rounds. Run by each of the three."""
    below = yield from negative_bits(party.at("sign"), x)
    return x - ((yield from inject(party.at("magnitude"), below, x)) << 1), below


def _where_none(
    none: Replicated, f: Factors, pair: tuple[Replicated, Replicated], last: tuple[int, int]
) -> tuple[Replicated, Replicated]:
    """by_a and by_b, of p = k − 1 where no bit leads; or 0, as they are."""
    (u, v), (a, b) = pair, last
    return (u + none * f.by_a(a), v + none * f.by_b(b)) if f.absent else pair


def _grouped(h: Bits, coarse: int) -> Bits:
    """One-hots of a and of b from that of i, by XOR: at most one of its bits is set."""
    by_p = np.zeros((coarse * STEP, *h.shape[1:]), np.uint8)
    by_p[: len(h)] = h[::-1]
    table = by_p.reshape(coarse, STEP, *h.shape[1:])
    return np.concatenate([np.bitwise_xor.reduce(table, axis=1), np.bitwise_xor.reduce(table, axis=0)])


def _rows(coarse: int, by_a: Callable[[int], int], by_b: Callable[[int], int]) -> list[list[int]]:
    return [[by_a(a) for a in range(coarse)] + [0] * STEP, [0] * coarse + [by_b(b) for b in range(STEP)]]
