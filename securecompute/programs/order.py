"""Comparisons, choices and order: the operations that ask which of two secrets is larger.

Comparisons give whole numbers, 0 or 1, and are exact on the numbers as they are held: two that differ by less than
their rounding compare either way. What is chosen or put in order keeps its digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, log2
from typing import Any, ClassVar

import numpy as np

from securecompute.arithmetic.fixed_types import most_scale
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.programs import attributes
from securecompute.programs.linear import raised
from securecompute.programs.operation import (
    Attributes,
    Deviation,
    Elementwise,
    Estimate,
    Operand,
    Operation,
    Remark,
    Shape,
    Site,
    ValueType,
    along,
    broadcast,
    encoded,
    ring_of,
    secret,
)
from securecompute.protocols.products import comparison, equality, extremes, selection, sort, top_k
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.multiplication import multiply
from securecompute.protocols.products.replicated import Replicated

COMPARED_SCALE = 40  # fractional bits that numbers are compared with, where there is room
SWAPPED = "may come in either order"


def alike(party: ComputeParty, x: Operand, y: Operand, wanted: int = COMPARED_SCALE) -> tuple[Fixed, Fixed]:
    """Both as shares at one scale, a public one as shares that everybody knows.

    wanted   fractional bits of a public one that is not whole, if there is room; the secret's, if they are more
    """
    known = x if isinstance(x, Fixed) else secret(y)
    bound = max(_largest(each) for each in (x, y))
    whole = all(isinstance(each, Fixed) or (each == np.rint(each)).all() for each in (x, y))
    scales = [each.scale for each in (x, y) if isinstance(each, Fixed)]
    scale = alike_scale(known.ring, bound, whole, scales, wanted)
    return _shared(party, x, known.ring, scale), _shared(party, y, known.ring, scale)


def _shared(party: ComputeParty, x: Operand, ring: Ring, scale: int) -> Fixed:
    if isinstance(x, Fixed):
        return x.raised(scale)
    return Fixed.of(Replicated.public(party.index, RingArray.quantised(ring, x, scale)), scale, _largest(x))


def _largest(x: Operand) -> float:
    return x.bound if isinstance(x, Fixed) else float(np.abs(x).max(initial=0.0))


def alike_scale(ring: Ring, bound: float, whole: bool, scales: Sequence[int], wanted: int) -> int:
    """The scale of both. whole: of public numbers; scales: of secrets"""
    return max(0 if whole else min(wanted, most_scale(ring, 2 * bound)), *scales)


def apart(x: Sequence[Estimate], site: Site) -> float:
    """How far two operands are off together when they are brought to one scale to be compared."""
    scales = [each.scale for each, of in zip(x, site.operands, strict=True) if not of.public]
    whole = all(of.integer for of in site.operands if of.public)
    ring = ring_of(site.operands)
    scale = alike_scale(ring, max(of.bound for of in site.operands), whole, scales, COMPARED_SCALE)
    return sum(each.error + encoded(of, scale) for each, of in zip(x, site.operands, strict=True))


def undecided(name: str, distance: float, falls: str) -> Deviation:
    """Exact, unless two numbers are as close as that."""
    text = f"{name}: exact, but of numbers less than {{:.1g}} apart, which {falls}"
    return Deviation(0.0, (Remark(text, distance),) if distance else ())


class _Comparison(Elementwise):
    arity = 2
    undecided: ClassVar[str] = "may compare either way"

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return ValueType(broadcast(self.name, x), 1.0, integer=True, ring=ring_of(x), least=0.0)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        room = most_scale(site.result.ring, sum(each.bound for each in x))
        return [min(COMPARED_SCALE, max(0, room))] * 2

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return undecided(self.name, apart(x, site), self.undecided)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        left, right = alike(party, x[0], x[1])
        difference = left - right  # its headroom is what makes the comparison exact
        return Fixed.of((yield from self._decided(party, difference.share)), 0, 1.0)

    def _decided(self, party: ComputeParty, difference: Replicated) -> Part[Replicated]:
        raise NotImplementedError


class Less(_Comparison):
    """x < y."""

    name = "less"

    def _decided(self, party: ComputeParty, difference: Replicated) -> Part[Replicated]:
        return comparison.negative(party, difference)


class Equal(_Comparison):
    """x == y."""

    name = "equal"
    undecided = "may be found equal or not"

    def _decided(self, party: ComputeParty, difference: Replicated) -> Part[Replicated]:
        zero = RingArray.zeros(difference.ring, difference.shape)
        return equality.equal(party, difference, Replicated.public(party.index, zero))


class Where(Elementwise):
    """x where the condition, whole numbers 0 and 1, is 1; else y."""

    name = "where"
    arity = 3

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        condition, *choices = x
        if not condition.integer or condition.bound > 1 or condition.public:
            raise InvalidRequest("where: the condition is a secret of zeros and ones, as a comparison gives it")
        bound, whole = max(each.bound for each in choices), all(each.integer for each in choices)
        exact, least = all(each.exact for each in x), min(each.least for each in choices)
        return ValueType(broadcast(self.name, x), bound, integer=whole, ring=ring_of(x), exact=exact, least=least)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        room = most_scale(site.result.ring, sum(each.bound for each in x[1:]))
        return [0, min(site.demand, max(0, room)), min(site.demand, max(0, room))]

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return _worst(x[1:], site.operands[1:], scale)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        condition, first, second = secret(x[0]), *x[1:]
        if not isinstance(first, Fixed) and not isinstance(second, Fixed):
            first = _shared(party, first, condition.ring, raised(condition, site).scale)
        left, right = alike(party, first, second, site.demand)
        difference = left - right
        chosen = yield from multiply(party, condition.share, difference.share)
        return Fixed.of(right.share + chosen, left.scale, site.result.bound)


class Maximum(Elementwise):
    """The larger of x and y."""

    name = "maximum"
    arity = 2

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        bound, whole = max(each.bound for each in x), all(each.integer for each in x)
        exact, least = all(each.exact for each in x), self._least(x)
        return ValueType(broadcast(self.name, x), bound, integer=whole, ring=ring_of(x), exact=exact, least=least)

    def _least(self, x: Sequence[ValueType]) -> float:
        return max(each.least for each in x)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        room = most_scale(site.result.ring, sum(each.bound for each in x))
        return [min(site.demand, max(0, room))] * 2

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return _worst(x, site.operands, scale)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        left, right = alike(party, x[0], x[1], site.demand)
        difference = left - right  # raises if it could wrap
        share = yield from self._chosen(party, left.share, right.share)
        return Fixed.of(share, difference.scale, site.result.bound)

    def _chosen(self, party: ComputeParty, x: Replicated, y: Replicated) -> Part[Replicated]:
        return selection.maximum(party, x, y)


class Minimum(Maximum):
    """The smaller of x and y."""

    name = "minimum"

    def _least(self, x: Sequence[ValueType]) -> float:
        return min(each.least for each in x)

    def _chosen(self, party: ComputeParty, x: Replicated, y: Replicated) -> Part[Replicated]:
        return selection.minimum(party, x, y)


class Absolute(Elementwise):
    """|x|."""

    name = "absolute"

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return replace(x[0], norms=None, least=max(0.0, x[0].least))

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(x[0].error)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number = secret(x[0])
        return Fixed.of((yield from selection.absolute(party, number.share)), number.scale, number.bound)


class Max(Operation):
    """The largest along an axis."""

    name = "max"
    attributes: ClassVar[Mapping[str, Any]] = {"axis": attributes.whole(0, attributes.MAX_AXES)}
    placed = False
    once, each = 0.01, 1e-5
    find = staticmethod(extremes.largest)
    find_place = staticmethod(extremes.largest_and_place)

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        shape, axis = x[0].shape, a["axis"]
        if axis >= len(shape) or shape[axis] == 0:
            raise InvalidRequest(f"{self.name} along axis {axis} of an array of shape {shape}")
        kept = (*shape[:axis], *shape[axis + 1 :])
        if self.placed:
            return ValueType(kept, float(max(1, shape[axis] - 1)), integer=True, ring=x[0].ring, least=0.0)
        return replace(x[0], shape=kept, norms=None)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [min(COMPARED_SCALE, most_scale(x[0].ring, 2 * x[0].bound)) if self.placed else site.demand]

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return undecided(self.name, 2 * x[0].error, SWAPPED) if self.placed else Deviation(x[0].error)

    def sampled(self, shapes: Sequence[Shape], size: int, a: Attributes) -> Sequence[Shape]:
        return [along(shapes[0], a["axis"], size)]

    def effort(self, shapes: Sequence[Shape], site: Site) -> float:
        return super().effort(shapes, site) + self.once * log2(max(1, shapes[0][site.attributes["axis"]]))

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number = secret(x[0])
        axes = [k for k in range(len(number.shape)) if k != site.attributes["axis"]]
        last = number.share.transpose([*axes, site.attributes["axis"]])
        if not self.placed:
            return Fixed.of((yield from type(self).find(party, last)), number.scale, number.bound)
        _, place = yield from type(self).find_place(party, last)
        return Fixed.of(place, 0, site.result.bound)


class Min(Max):
    """The smallest along an axis."""

    name = "min"
    find = staticmethod(extremes.smallest)


class ArgMax(Max):
    """Where the largest along an axis stands, the first of equals."""

    name = "argmax"
    placed = True


class ArgMin(ArgMax):
    """Where the smallest along an axis stands, the first of equals."""

    name = "argmin"
    find_place = staticmethod(extremes.smallest_and_place)


class Sort(Operation):
    """In ascending order; of a vector."""

    name = "sort"
    attributes: ClassVar[Mapping[str, Any]] = {"axis": attributes.whole(0, 0)}
    once, each = 0.06, 3e-5
    samples = (4160, 4352)  # from 2^12 rows on digits are shorter

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if len(x[0].shape) != 1:
            raise InvalidRequest(f"{self.name} of an array of shape {x[0].shape}; vectors are sorted, take them by one")
        return replace(x[0], norms=None)

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(x[0].error)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number = secret(x[0])
        (ordered,) = yield from sort.sort(party, number.share, bits=key_bits(number))
        return Fixed.of(ordered, number.scale, number.bound)

    def sampled(self, shapes: Sequence[Shape], size: int, a: Attributes) -> Sequence[Shape]:
        return [(size,)]

    def grown(self, x: Sequence[ValueType], a: Attributes) -> int:
        return x[0].size


class ArgSort(Sort):
    """Which element comes to each place in ascending order; of a vector."""

    name = "argsort"

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        size = float(max(1, x[0].size))
        return replace(super().result(x, a), bound=size, integer=True, ring=Ring.Z64, exact=True, least=0.0)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [min(COMPARED_SCALE, most_scale(x[0].ring, 2 * x[0].bound))]

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return undecided(self.name, 2 * x[0].error, SWAPPED)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number = secret(x[0])
        return Fixed.of((yield from sort.argsort(party, number.share, bits=key_bits(number))), 0, site.result.bound)


class TopK(Sort):
    """The k largest of a vector, largest first."""

    name = "top_k"
    attributes: ClassVar[Mapping[str, Any]] = {"k": attributes.whole(1, 1 << 24)}

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        whole = super().result(x, a)
        if a["k"] > x[0].size:
            raise InvalidRequest(f"the {a['k']} largest of {x[0].size} numbers")
        return replace(whole, shape=(a["k"],))

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number = secret(x[0])
        k = min(site.attributes["k"], *number.shape)  # at a rehearsal there may be fewer numbers
        values, _ = yield from top_k.top_k(party, number.share, k, bits=key_bits(number))
        return Fixed.of(values, number.scale, number.bound)


def key_bits(x: Fixed) -> int:
    """Bits of the integers that hold x, their sign included."""
    return min(x.ring.bits, max(1, x.scale + ceil(log2(max(x.bound, x.type.unit))) + 2))


def _worst(x: Sequence[Estimate], types: Sequence[ValueType], scale: int) -> Deviation:
    """Of what is one of these, each at this scale."""
    return Deviation(max(each.error + encoded(of, scale) for each, of in zip(x, types, strict=True)))


OPERATIONS = (
    Less(),
    Equal(),
    Where(),
    Maximum(),
    Minimum(),
    Absolute(),
    Max(),
    Min(),
    ArgMax(),
    ArgMin(),
    Sort(),
    ArgSort(),
    TopK(),
)
