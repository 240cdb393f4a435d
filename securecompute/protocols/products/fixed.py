"""Secret fixed-point numbers: shares with a scale and a public bound, and the arithmetic that keeps track of both.

    2^scale x  ≈  x_0 + x_1 + x_2,     |x| ≤ bound,     bound · 2^scale < 2^(L-2)

Sums need no message. A product has the scales of both and is truncated once, also if it is a sum of many terms.
What could overflow raises before a message is sent, at all three parties alike: types are public.

Accuracy   as `fixed_types` says; a truncated result is off by less than one unit in its last place.
Cost       products and truncations as `multiplication` and `truncation`; everything else is local. Where products are
           checked, a product of matrices takes a round, and two for its truncation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.ring_arrays import RingArray, Shape
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import replicated
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.multiplication import finish, local_gram, local_matmul, local_multiply
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.truncation import truncate

Real = float | NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """This party's shares of secret real numbers, of a public type."""

    share: Replicated
    type: FixedType

    @classmethod
    def of(cls, share: Replicated, scale: int, bound: float) -> "Fixed":
        """Shares of integers near 2^scale x, |x| ≤ bound. raises EncodingOverflow, InvalidRequest as `FixedType`."""
        return cls(share, FixedType(share.ring, scale, bound))

    @property
    def ring(self) -> Ring:
        """Of the shares."""
        return self.share.ring

    @property
    def scale(self) -> int:
        """Fractional bits."""
        return self.type.scale

    @property
    def bound(self) -> float:
        """Largest magnitude, public."""
        return self.type.bound

    @property
    def shape(self) -> Shape:
        """Of the array of numbers."""
        return self.share.shape

    def raised(self, scale: int) -> "Fixed":
        """With more fractional bits, exactly. raises EncodingOverflow: no headroom for them."""
        return Fixed.of(self.share << (scale - self.scale), scale, self.bound) if scale != self.scale else self

    def within(self, bound: float) -> "Fixed":
        """The same numbers under a smaller bound, which the caller has proved."""
        return Fixed.of(self.share, self.scale, bound)

    def __add__(self, other: "Fixed | Real") -> "Fixed":
        if not isinstance(other, Fixed):
            return Fixed.of(self.share + self._encoded(other), self.scale, self.bound + _largest(other))
        result = self.type.sum(other.type)
        return Fixed(self.raised(result.scale).share + other.raised(result.scale).share, result)

    __radd__ = __add__

    def __sub__(self, other: "Fixed | Real") -> "Fixed":
        return self + -other

    def __rsub__(self, other: Real) -> "Fixed":
        return -self + other

    def __neg__(self) -> "Fixed":
        return Fixed(-self.share, self.type)

    def __getitem__(self, index: Any) -> "Fixed":
        return Fixed(self.share[index], self.type)

    def reshape(self, shape: Shape) -> "Fixed":
        """The same numbers in another shape."""
        return Fixed(self.share.reshape(shape), self.type)

    def transpose(self, axes: Sequence[int] | None = None) -> "Fixed":
        """The axes in another order."""
        return Fixed(self.share.transpose(axes), self.type)

    @property
    def T(self) -> "Fixed":
        """The axes reversed."""
        return Fixed(self.share.T, self.type)

    def sum(self, axis: int | tuple[int, ...] | None = None) -> "Fixed":
        """Along one axis, several, or all. raises EncodingOverflow: so many terms may leave the headroom."""
        total = self.share.sum(axis)
        terms = self.share.size // max(1, total.size)
        return Fixed.of(total, self.scale, self.bound * max(1, terms))

    def _encoded(self, x: Real) -> RingArray:
        return RingArray.quantised(self.ring, np.asarray(x, np.float64), self.scale)


def times(party: ComputeParty, x: Fixed, y: Fixed, scale: int, bound: float | None = None) -> Part[Fixed]:
    """x * y at this scale. Run by each of the three.

    bound    a smaller one than the product of the bounds, which the caller has proved
    raises   EncodingOverflow  the product before its truncation leaves no headroom
    """
    result = x.type.product(y.type, scale, bound=_proved(bound))
    share = yield from finish(party, local_multiply(x.share, y.share), x.scale + y.scale - scale)
    return Fixed(share, result)


def dot(party: ComputeParty, x: Fixed, y: Fixed, scale: int, bound: float | None = None) -> Part[Fixed]:
    """x @ y at this scale, truncated once. Run by each of the three. raises as `times`."""
    result = x.type.product(y.type, scale, terms=max(1, x.shape[-1]), bound=_proved(bound))
    z = local_matmul(x.share, y.share)
    share = yield from _finished(party, (x.share, y.share), z, x.scale + y.scale - scale)
    return Fixed(share, result)


def squared(party: ComputeParty, x: Fixed, scale: int, bound: float | None = None) -> Part[Fixed]:
    """x.T @ x at this scale, truncated once. Run by each of the three. raises as `times`."""
    result = x.type.product(x.type, scale, terms=max(1, x.shape[0]), bound=_proved(bound))
    share = yield from _finished(party, (x.share.T, x.share), local_gram(x.share), 2 * x.scale - scale)
    return Fixed(share, result)


def times_public(party: ComputeParty, x: Fixed, y: Real, y_scale: int, scale: int) -> Part[Fixed]:
    """x times public numbers, quantised at y_scale, at this scale. Run by each of the three. raises as `times`."""
    encoded = RingArray.quantised(x.ring, np.asarray(y, np.float64), y_scale)
    full = FixedType(x.ring, x.scale + y_scale, x.bound * max(_largest(y), 2.0**-y_scale))
    return (yield from rescaled(party, Fixed(x.share * encoded, full), scale))


def rescaled(party: ComputeParty, x: Fixed, scale: int) -> Part[Fixed]:
    """x with so many fractional bits: exactly if more, off by less than a unit if fewer. Run by each of the three."""
    if scale >= x.scale:
        return x.raised(scale)
    share = yield from truncate(party, x.share, x.scale - scale)
    return Fixed.of(share, scale, x.bound + 2.0**-scale)


def concatenate(arrays: Sequence[Fixed], axis: int = 0) -> Fixed:
    """Joined along an axis that exists, at the largest scale."""
    return _joined(replicated.concatenate, arrays, axis)


def stack(arrays: Sequence[Fixed], axis: int = 0) -> Fixed:
    """Joined along a new axis, at the largest scale."""
    return _joined(replicated.stack, arrays, axis)


def _finished(party: ComputeParty, factors: tuple[Replicated, Replicated], z: RingArray, bits: int) -> Part[Replicated]:
    """The product, truncated: at once, or where it will be checked, after the round that gives it exactly."""
    if party.products is None:
        return (yield from finish(party, z, bits))
    if z.ring is not Ring.Z64:
        raise InvalidRequest(f"matrix products are checked in {Ring.Z64} only; share the inputs without wide=True")
    exact = yield from finish(party.at("exact"), z)
    party.products.append((*factors, exact))
    return (yield from truncate(party.at("truncate"), exact, bits)) if bits else exact


def _joined(join: Any, arrays: Sequence[Fixed], axis: int) -> Fixed:
    scale, bound = max(x.scale for x in arrays), max(x.bound for x in arrays)
    return Fixed.of(join([x.raised(scale).share for x in arrays], axis), scale, bound)


def _largest(x: Real) -> float:
    return float(np.abs(x).max(initial=0.0))


def _proved(bound: float | None) -> float:
    return np.inf if bound is None else bound
