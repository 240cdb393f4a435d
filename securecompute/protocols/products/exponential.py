"""The exponential function of secrets, from one opening: a power of a difference is a product of two powers.

    exp x = 2^(ρ t),  t = x log_2(e) / ρ on a circle of 2^m pieces,     c = t + r:
    2^(ρ t) = Σ_v [v = r_high] 2^(−ρ r_low) · 2^(ρ (c_high − v)) 2^(ρ c_low)

The dealt words are zero but for one. ρ and m are the smallest that bear the declared interval with precision to spare.
Results of more bits than one such product holds are composed of a mantissa, 2^(c_low − r_low) of 31 fractional bits,
and powers of two looked up by piece: those of 2^31 units and more multiply it exactly, lesser ones before a truncation.

Accuracy   3.2 · 10^-9 of the result and 1 1/32 units of its scale: one of truncation, the rest of rounding the factors.
           Results below a quarter of a unit may be given as 0.
           Above `most` the result is exp(most): compared, unless the bound says that there is nothing above.
Security   As `masked_functions` and `saturation`. Leakage: none.
Cost       3 rounds, 5 where x is compared. 8 2^m bytes dealt and those of `masked_functions`: 2^m = 4 to 16 for results
           up to 1 with 20 fractional bits. Composed results 5 rounds, 7 compared. 2 rounds more to widen x, where
           2^-64 of the circle is too coarse for x's scale (about 25 bits), or to widen a composed result.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cached_property
from math import ceil, exp, floor, log, log2
from typing import Any, Final

import numpy as np

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.ring_arrays import Words
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part, together
from securecompute.errors import EncodingOverflow
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import reshare
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.masked_functions import evaluate, settled
from securecompute.protocols.products.multiplication import finish, local_multiply
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.saturation import End, saturated
from securecompute.protocols.products.widening import widen_integers

_LOG2_E: Final = Decimal("1.44269504088896340735992468100189213742664595")
_TOP: Final = 61  # bits of the largest sum
_RELATIVE: Final = 29  # bits of a result that matter
_GUARD: Final = 6  # bits of a sum below the result's unit
_MOST_PIECES: Final = 7  # 2^7
_STEEPEST: Final = 12
_MANTISSA: Final = 31
_MISPLACED: Final = 5e-10  # of x, by the circle's resolution


@dataclass(frozen=True)
class Pieces:
    """A circle of 2^bits pieces, on each of which the result grows by 2^rho; the first of those in use.

    dealt, public   scales of the two factors
    """

    bits: int
    rho: int
    first: int
    dealt: int
    public: int

    @property
    def words(self) -> int:
        """One for each piece."""
        return 1 << self.bits

    @property
    def functions(self) -> int:
        """One: the power."""
        return 1

    def deal(self, turns: Words, words: Words) -> None:
        """words <- [v = r_high] 2^(−ρ r_low), less what they held."""
        from securecompute.arithmetic import power_kernels  # loads the compiler

        power_kernels.deal(turns, self.bits, float(self.rho), 2.0**self.dealt, words)

    def combine(self, turns: Words, words: Words, sums: Words, first: bool) -> None:
        """sums <- shares of 2^(ρ t), with dealt + public fractional bits."""
        from securecompute.arithmetic import power_kernels  # loads the compiler

        power_kernels.combine(turns, self.bits, float(self.rho), self._factors, words, sums)

    @cached_property
    def exponents(self) -> Any:
        """ρ i for the piece that stands in each place of the circle."""
        return self.rho * (self.first + (np.arange(self.words) - self.first) % self.words)

    @cached_property
    def _factors(self) -> Any:
        return np.ldexp(1.0, self.exponents + self.public)


@dataclass(frozen=True)
class Composed:
    """Mantissa, and powers of two of results with so many fractional bits: above and below the mantissa's unit."""

    pieces: Pieces
    scale: int

    @property
    def words(self) -> int:
        """One for each piece, and the mantissa's."""
        return self.pieces.words + 1

    @property
    def functions(self) -> int:
        """Mantissa, large powers, small powers."""
        return 3

    def deal(self, turns: Words, words: Words) -> None:
        """words <- [v = r_high], and 2^(−r_low), less what they held."""
        from securecompute.arithmetic import power_kernels  # loads the compiler

        power_kernels.deal(turns, self.pieces.bits, 0.0, 1.0, words[:-1])
        power_kernels.deal(turns, self.pieces.bits, 1.0, 2.0**self.pieces.dealt, words[-1:])

    def combine(self, turns: Words, words: Words, sums: Words, first: bool) -> None:
        """sums <- shares of the mantissa, with dealt + public fractional bits, and of the powers, as integers."""
        from securecompute.arithmetic import power_kernels  # loads the compiler

        factor = np.array([2.0**self.pieces.public])
        power_kernels.combine(turns, self.pieces.bits, 1.0, factor, words[-1:], sums[:1])
        power_kernels.look_up(turns, self.pieces.bits, self._tables, words[:-1], sums[1:])

    @cached_property
    def _tables(self) -> Words:
        large = [int(i) + self.scale - _MANTISSA for i in self.pieces.exponents]
        small = [i + _MANTISSA if i < 0 else -1 for i in large]
        return np.array([[1 << i if 0 <= i < 64 else 0 for i in row] for row in (large, small)], np.uint64)


def exponential(party: ComputeParty, x: Fixed, scale: int | None = None, most: float | None = None) -> Part[Fixed]:
    """exp(x), with so many fractional bits: x's, if none are given. Run by each of the three.

    most     x above it counts as this much; the bound, if it is not given
    raises   EncodingOverflow  exp(most) leaves no headroom in Z_2^64 at this scale
    """
    high = x.bound if most is None else min(most, x.bound)
    return (yield from exponential_between(party, x, -x.bound, high, scale, above=high < x.bound))


def exponential_between(
    party: ComputeParty, x: Fixed, low: float, high: float, scale: int | None = None, above: bool = False
) -> Part[Fixed]:
    """exp(x), of x that the caller has proved to be between low and high. As `exponential`.

    above   it may be above all the same, and counts as `high` there
    """
    f = x.scale if scale is None else scale
    result = FixedType(Ring.Z64, f, exp(high) * (1 + 2.0**-_RELATIVE) + 2.0 ** (1 - f))
    least = -(f + 2) * log(2)  # a quarter of a unit
    ends = [End(floor(least * 2.0**x.scale), 0, above=False)] if low < least else []
    if above:
        ends.append(End(floor(high * 2.0**x.scale), round(exp(high) * 2.0**f), above=True))
    low, high = max(low, least), max(high, least)
    pieces = plan(f, low, high)
    composed = pieces.dealt + pieces.public != _sum_scale(high)
    coarse = max(-low, high, 1.0) * 2.0 ** (x.scale - 65) * pieces.rho * pieces.words > _MISPLACED
    wide = x.share if x.ring is Ring.Z128 or not coarse else (yield from widen_integers(party.at("wide"), x.share))
    turns = wide * _turns(pieces, wide.ring, x.scale)
    compute = _composed if composed else _power
    share = yield from saturated(party, x.share, ends, compute(party, turns, pieces, f, x.ring))
    return Fixed.of(share, f, result.bound)


def plan(scale: int, low: float, high: float) -> Pieces:
    """The fewest pieces that a result of this scale takes for x in [low, high]; else those of a composed result.

    raises   EncodingOverflow  [low, high] is too long even for that
    """
    start, stop, total = low * float(_LOG2_E), high * float(_LOG2_E), _sum_scale(high)
    for bits in range(1, _MOST_PIECES + 1):
        for rho in range(1, _STEEPEST + 1):
            first = floor(start / rho)
            if stop / rho > first + (1 << bits) - 1:
                continue
            least = rho + max(1, min(_RELATIVE, scale + ceil(stop) + _GUARD))
            if least <= total - scale - _GUARD:
                dealt = (least + total - scale - _GUARD) // 2
                return Pieces(bits, rho, first, dealt, total - dealt)
            break
    first = floor(start)
    bits = ceil(log2(stop - first + 1.5))
    if bits > _MOST_PIECES:
        raise EncodingOverflow(f"exp of numbers from {low:.4g} to {high:.4g} spans too many powers of two")
    return Pieces(bits, 1, first, 31, 29)


def _sum_scale(high: float) -> int:
    """Fractional bits of a sum whose value is at most exp(high)."""
    return _TOP - ceil(max(0.0, high * float(_LOG2_E)))


def _turns(pieces: Pieces, ring: Ring, scale: int) -> int:
    """What an integer x with this scale is multiplied by to become turns: log_2(e) / (ρ 2^m) of a turn per 2^scale."""
    with localcontext() as context:
        context.prec = 60
        return int((_LOG2_E * (1 << (ring.bits - scale)) / (pieces.rho * pieces.words)).to_integral_value())


def _power(party: ComputeParty, turns: Replicated, pieces: Pieces, scale: int, ring: Ring) -> Part[Replicated]:
    z = yield from evaluate(party.at("power"), turns, pieces)
    settling = settled(party.at("settled"), z, (1, *turns.shape), pieces.dealt + pieces.public - scale, ring)
    return (yield from settling)[0]


def _composed(party: ComputeParty, turns: Replicated, pieces: Pieces, scale: int, ring: Ring) -> Part[Replicated]:
    """Mantissa times powers of two, in Z_2^64 and then in the ring."""
    shape = turns.shape
    z = yield from evaluate(party.at("parts"), turns, Composed(pieces, scale))
    mantissa, powers = yield from together(
        settled(party.at("mantissa"), None if z is None else z[0], shape, pieces.dealt + pieces.public - _MANTISSA),
        reshare(party.at("powers"), Ring.Z64, (2, *shape), None if z is None else z[1:]),
    )
    large, small = yield from together(
        finish(party.at("large"), local_multiply(mantissa, powers[0])),
        finish(party.at("small"), local_multiply(mantissa, powers[1]), _MANTISSA),
    )
    y = large + small
    return y if ring is Ring.Z64 else (yield from widen_integers(party.at("widened"), y))
