"""Operations without a message: sums, differences, totals along axes, and the same numbers in another arrangement.

And the same numbers in the wide ring, which takes the messages of `widening`, once for all that is computed of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import numpy as np

from securecompute.arithmetic.fixed_types import most_scale
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.programs import attributes
from securecompute.programs.operation import (
    Attributes,
    Deviation,
    Elementwise,
    Estimate,
    Operand,
    Operation,
    Shape,
    Site,
    ValueType,
    broadcast,
    encoded,
    ring_of,
    secret,
)
from securecompute.protocols.products import fixed
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed

T = TypeVar("T")
BELOW_0 = -(2.0**-40)


def silent(result: T) -> Part[T]:
    """A part that takes no round."""
    return result
    yield


def raised(x: Fixed, site: Site) -> Fixed:
    """With the fractional bits that the result is wanted in, as far as there is room, unless all is whole."""
    if site.result.integer:
        return x
    return x.raised(max(x.scale, min(site.demand, most_scale(x.ring, max(site.result.bound, x.bound)))))


class Quiet(Operation):
    """Takes no message."""

    quiet = True
    once, each = 0.001, 2e-6

    def sampled(self, shapes: Sequence[Shape], size: int, a: Attributes) -> Sequence[Shape]:
        """A single element with as many axes."""
        return [(1,) * len(shape) for shape in shapes]


class Add(Elementwise, Quiet):
    """x + y, with broadcasting."""

    name = "add"
    arity = 2

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return ValueType(
            broadcast(self.name, x),
            sum(each.bound for each in x),
            integer=all(each.integer for each in x),
            ring=ring_of(x),
            exact=all(each.exact for each in x),
            least=self._proved(x),
        )

    def _proved(self, x: Sequence[ValueType]) -> float:
        """A difference proves nothing positive, unless it is of whole numbers: its terms are rounded by themselves."""
        lows = self._lows(x)
        difference = min(lows) < 0 and not all(each.integer for each in x)
        return min(sum(lows), BELOW_0) if difference else sum(lows)

    def _lows(self, x: Sequence[ValueType]) -> tuple[float, float]:
        """The smallest numbers of the two terms."""
        return x[0].least, x[1].least

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        left, right = x
        if isinstance(left, Fixed) and isinstance(right, Fixed):
            return silent(self._of(left, right))
        if isinstance(left, Fixed):
            return silent(self._of(raised(left, site), right))
        return silent(self._of(left, raised(secret(right), site)))

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(sum(each.error + encoded(of, scale) for each, of in zip(x, site.operands, strict=True)))

    def _of(self, left: Any, right: Any) -> Fixed:
        result: Fixed = left + right if isinstance(left, Fixed) else right + left
        return result


class Subtract(Add):
    """x - y, with broadcasting."""

    name = "subtract"

    def _lows(self, x: Sequence[ValueType]) -> tuple[float, float]:
        return x[0].least, -x[1].bound

    def _of(self, left: Any, right: Any) -> Fixed:
        result: Fixed = left - right if isinstance(left, Fixed) else -right + left
        return result


class Rearrange(Quiet):
    """The same numbers, or their opposites, in another arrangement: one rule for shapes and for shares."""

    arranges = True

    def arrange(self, x: Any, a: Attributes) -> Any:
        """Of an array or of shares."""
        raise NotImplementedError

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        try:
            shape = self.arrange(np.broadcast_to(np.float64(0), x[0].shape), a).shape
        except (ValueError, IndexError) as error:
            raise InvalidRequest(f"{self.name} of an array of shape {x[0].shape}: {error}") from None
        return replace(x[0], shape=shape, norms=None)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        return silent(self.arrange(secret(x[0]), site.attributes))

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(x[0].error)


class Negate(Rearrange):
    """-x."""

    name = "negate"

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return replace(x[0], norms=None, least=-x[0].bound)

    def arrange(self, x: Any, a: Attributes) -> Any:
        return -x


class Reshape(Rearrange):
    """x.reshape(shape)."""

    name = "reshape"
    attributes: ClassVar[Mapping[str, Any]] = {"shape": attributes.shape}

    def arrange(self, x: Any, a: Attributes) -> Any:
        return x.reshape(tuple(a["shape"]))


class Transpose(Rearrange):
    """x.transpose(axes)."""

    name = "transpose"
    attributes: ClassVar[Mapping[str, Any]] = {"axes": attributes.axes}

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        norms = x[0].norms
        swapped = (norms[1], norms[0]) if norms and list(a["axes"]) == [1, 0] else None
        return replace(super().result(x, a), norms=swapped)

    def arrange(self, x: Any, a: Attributes) -> Any:
        return x.transpose(tuple(a["axes"]))


class Index(Rearrange):
    """x[index] of positions and slices."""

    name = "index"
    attributes: ClassVar[Mapping[str, Any]] = {"index": attributes.index}

    def arrange(self, x: Any, a: Attributes) -> Any:
        return x[attributes.index(a["index"])]

    def deviation(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        first = x[0].deviation.first_row
        if first is not None and [*site.attributes["index"], None][0] == 0:
            return Deviation(first)
        return super().deviation(x, site, scale)


class Widen(Elementwise, Rearrange):
    """x, shared in Z_2^128: what is computed of it has 64 more bits for range and digits."""

    name = "widen"
    quiet, arranges = False, False
    once, each = 0.005, 1e-5

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return replace(x[0], ring=Ring.Z128)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [max(0, min(site.demand, most_scale(x[0].ring, x[0].bound)))]

    def arrange(self, x: Any, a: Attributes) -> Any:
        return x  # every line brings its operands into its result's ring


class Total(Quiet):
    """x.sum(axis)."""

    name = "sum"
    attributes: ClassVar[Mapping[str, Any]] = {"axes": attributes.axes}

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        axes, shape = tuple(a["axes"]), x[0].shape
        if any(axis >= len(shape) for axis in axes):
            raise InvalidRequest(f"sum over axes {list(axes)} of an array of shape {shape}")
        kept = tuple(length for axis, length in enumerate(shape) if axis not in axes)
        terms = int(np.prod([shape[axis] for axis in axes], dtype=np.int64))
        least = x[0].least * max(1, terms)
        return replace(x[0], shape=kept, bound=x[0].bound * max(1, terms), norms=None, least=least)

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(x[0].error * (site.operands[0].size // max(1, site.result.size)))

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        return silent(secret(x[0]).sum(tuple(site.attributes["axes"])).within(site.result.bound))


class Concatenate(Quiet):
    """Joined along an axis that exists."""

    name = "concatenate"
    arity = None
    attributes: ClassVar[Mapping[str, Any]] = {"axis": attributes.whole(0, attributes.MAX_AXES)}
    join_shares: ClassVar[Any] = staticmethod(fixed.concatenate)

    def joined(self, shapes: Sequence[Shape], axis: int) -> Shape:
        """The result's shape. raises InvalidRequest: these do not go together"""
        first = shapes[0]
        apart = {shape[:axis] + shape[axis + 1 :] for shape in shapes if axis < len(shape)}
        if len(apart) != 1 or any(len(shape) != len(first) for shape in shapes):
            raise self._unlike(shapes, axis)
        return attributes.shape([*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :]])

    def _unlike(self, shapes: Sequence[Shape], axis: int) -> InvalidRequest:
        listed = " and ".join(map(str, dict.fromkeys(shapes)))
        return InvalidRequest(f"{self.name} along axis {axis}: arrays of shapes {listed} do not go together")

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        shape = self.joined([each.shape for each in x], a["axis"])
        whole, exact = all(each.integer for each in x), all(each.exact for each in x)
        if any(each.public for each in x):
            raise InvalidRequest(f"{self.name} joins secrets; add public columns before they are shared")
        bound, least = max(each.bound for each in x), min(each.least for each in x)
        return ValueType(shape, bound, integer=whole, ring=ring_of(x), exact=exact, least=least)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        return silent(type(self).join_shares([secret(each) for each in x], site.attributes["axis"]))

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(max(each.error for each in x))


class Stack(Concatenate):
    """Joined along a new axis."""

    name = "stack"
    join_shares: ClassVar[Any] = staticmethod(fixed.stack)

    def joined(self, shapes: Sequence[Shape], axis: int) -> Shape:
        if len(set(shapes)) != 1 or axis > len(shapes[0]):
            raise self._unlike(shapes, axis)
        return attributes.shape([*shapes[0][:axis], len(shapes), *shapes[0][axis:]])


OPERATIONS = (Add(), Subtract(), Negate(), Reshape(), Transpose(), Index(), Total(), Concatenate(), Stack(), Widen())
