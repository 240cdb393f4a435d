"""Operations that make ranges smaller: a factor below 1, and clipping.

    shrink   x c,  0 < c < 1, as (2^-e x) (2^e c) with 1/2 < 2^e c <= 1:   2^-e x has the same shares, and e more bits
    clip     low where x < low,  high where x > high,  else x

A mean is a sum times 1/n. Written as a product with a quantised 1/n it would keep few digits of 1/n; here sum and
factor have half of the ring's significant bits each.

Accuracy   shrink: with B = bound · c, off by at most 2^-s + B 2^-(t+1), s + t the bits that B leaves room for and
           s about t - log2 B; and a unit in the last place. Powers of two are exact but for that unit.
           clip: exact; low and high are rounded to the scale of x.
Security   as `truncation` and `selection.clamp`. Leakage: none.
Cost       shrink: up to two truncations, one for a power of two; clip: as `selection.clamp`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, floor, inf, log2
from typing import Any, ClassVar

import numpy as np

from securecompute.arithmetic.fixed_types import most_scale
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.programs import attributes
from securecompute.programs.linear import raised
from securecompute.programs.multiplicative import SLACK, SMALLEST
from securecompute.programs.operation import (
    Attributes,
    Deviation,
    Elementwise,
    Estimate,
    Operand,
    Site,
    ValueType,
    secret,
    truncated,
)
from securecompute.protocols.products import selection
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed, rescaled

SMALLEST_FACTOR = 2.0**-40
ROUNDED = 2  # bits that the bound of 2^-e x is larger than it must be


class Shrink(Elementwise):
    """x times a public number between 0 and 1."""

    name = "shrink"
    once = 0.015
    attributes: ClassVar[Mapping[str, Any]] = {"factor": attributes.real(SMALLEST_FACTOR, 1.0)}

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        bound = max(x[0].bound * a["factor"], SMALLEST)
        least = x[0].least * a["factor"] / SLACK if x[0].least >= 0 else -inf
        return replace(x[0], bound=SLACK * bound, integer=False, exact=False, norms=None, least=least)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [max(0, min(site.demand, most_scale(x[0].ring, x[0].bound) - ROUNDED))]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number, bound = secret(x[0]), site.result.bound
        halvings, rest = halved(site.attributes["factor"])
        number = Fixed.of(number.share, number.scale + halvings, 2 * bound)  # 2^-e is less than twice the factor
        if rest == 1.0:
            return (yield from rescaled(party, number, min(site.demand, most_scale(number.ring, number.bound))))
        kept, room = self._scales(number.scale, site)
        number = yield from rescaled(party.at("operand"), number, kept)
        encoded = RingArray.quantised(number.ring, np.array(rest), room - kept)
        full = Fixed.of(number.share * encoded, room, bound)
        return (yield from rescaled(party.at("result"), full, min(site.demand, room)))

    def _scales(self, scale: int, site: Site) -> tuple[int, int]:
        """Fractional bits of 2^-e x, which has so many, and of its product with 2^e c."""
        room = most_scale(site.result.ring, site.result.bound)
        return max(0, min(scale, (room - ceil(log2(site.result.bound))) // 2)), room

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        halvings, rest = halved(site.attributes["factor"])
        halved_x, error = site.operands[0].bound * 2.0**-halvings, x[0].error * 2.0**-halvings
        if rest == 1.0:
            return Deviation(error + truncated(x[0].scale + halvings, scale))
        kept, room = self._scales(x[0].scale + halvings, site)
        error += truncated(x[0].scale + halvings, kept)
        quantised = 2.0 ** -(room - kept + 1)
        return Deviation(error * (rest + quantised) + halved_x * quantised + truncated(room, scale))


def halved(factor: float) -> tuple[int, float]:
    """e and 2^e c: above 1/2, at most 1."""
    halvings = floor(-log2(factor))
    return halvings, factor * 2.0**halvings


class Clip(Elementwise):
    """x, but not below `low`, and not above `high`: public numbers."""

    name = "clip"
    once = 0.015
    bounded = True
    attributes: ClassVar[Mapping[str, Any]] = {
        "low": attributes.real(-(2.0**120), 2.0**120),
        "high": attributes.real(-(2.0**120), 2.0**120),
    }

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        low, high = float(a["low"]), float(a["high"])
        if low > high:
            raise InvalidRequest(f"clip to no less than {low:g} and no more than {high:g}")
        whole = x[0].integer and low == floor(low) and high == floor(high)
        bound = max(abs(low), abs(high), SMALLEST)
        least = low if whole or low <= 0 else low / SLACK
        return replace(x[0], bound=bound if whole else SLACK * bound, integer=whole, norms=None, least=least)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [max(0, min(site.demand, most_scale(x[0].ring, x[0].bound + site.result.bound)))]

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        ends = 0.0 if site.result.integer else max(self._off(site.attributes[name], scale) for name in ("low", "high"))
        return Deviation(max(x[0].error, ends))

    def _off(self, end: float, scale: int) -> float:
        return abs(round(float(end) * 2.0**scale) * 2.0**-scale - end)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number = secret(x[0])
        if not site.result.integer:
            both = replace(site.result, bound=number.bound + site.result.bound)  # differences must not wrap
            number = raised(number, replace(site, result=both))
        Fixed.of(number.share, number.scale, number.bound + site.result.bound)
        low, high = (round(float(site.attributes[name]) * 2.0**number.scale) for name in ("low", "high"))
        share = yield from selection.clamp(party, number.share, low, high)
        return Fixed.of(share, number.scale, site.result.bound)


OPERATIONS = (Shrink(), Clip())
