"""Replicated sharing of a secret among three compute parties: any two know it, one alone sees uniform words.

    x = x_0 + x_1 + x_2   (mod 2^64 or 2^128)        P_i holds (x_i, x_(i+1)), indices mod 3

What is linear in secrets needs no message: sums, differences, products with public numbers, sums along an axis,
indexing. A public constant is added to x_0, which P_0 and P_2 hold.

Reference  Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016.
"""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from securecompute.arithmetic import ring_arrays
from securecompute.arithmetic.ring_arrays import RingArray, Shape
from securecompute.arithmetic.rings import Ring
from securecompute.values import SecretMisused

Public = RingArray | int
_PUBLIC = (RingArray, int, np.integer)


class Replicated:
    """P_index's two shares of an array of secrets."""

    __slots__ = ("index", "mine", "next")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, index: int, mine: RingArray, following: RingArray) -> None:
        """mine, following   x_i and x_(i+1)"""
        self.index, self.mine, self.next = index, mine, following

    @classmethod
    def public(cls, index: int, value: RingArray) -> "Replicated":
        """Shares of what everybody knows: x_0 = value, x_1 = x_2 = 0."""
        zero = RingArray.zeros(value.ring, value.shape)
        return cls(index, value if index == 0 else zero, value if index == 2 else zero)

    @property
    def ring(self) -> Ring:
        """Of the elements."""
        return self.mine.ring

    @property
    def shape(self) -> Shape:
        """Of the array of secrets."""
        return self.mine.shape

    @property
    def size(self) -> int:
        """How many secrets."""
        return self.mine.size

    def __repr__(self) -> str:
        return f"Replicated(P_{self.index}, {self.ring}, shape={self.shape})"

    def __add__(self, other: "Replicated | Public") -> "Replicated":
        if isinstance(other, Replicated):
            return Replicated(self.index, self.mine + other.mine, self.next + other.next)
        if not isinstance(other, _PUBLIC):  # said by all three alike, though two of them only would add it
            return NotImplemented
        shape = np.broadcast_shapes(self.shape, other.shape) if isinstance(other, RingArray) else self.shape
        x = self if shape == self.shape else self.broadcast_to(shape)  # by all three, whoever adds the constant
        mine = x.mine + other if self.index == 0 else x.mine
        following = x.next + other if self.index == 2 else x.next
        return Replicated(self.index, mine, following)

    __radd__ = __add__

    def __sub__(self, other: "Replicated | Public") -> "Replicated":
        if isinstance(other, Replicated):
            return Replicated(self.index, self.mine - other.mine, self.next - other.next)
        return self + -other if isinstance(other, _PUBLIC) else NotImplemented

    def __rsub__(self, other: Public) -> "Replicated":
        return -self + other

    def __neg__(self) -> "Replicated":
        return self._each(lambda share: -share)

    def __mul__(self, public: Public) -> "Replicated":
        """By public numbers; of two secrets see `multiply`. raises SecretMisused: the other one is secret too"""
        self._check_public(public)
        return self._each(lambda share: share * public)

    __rmul__ = __mul__

    def __lshift__(self, k: int) -> "Replicated":
        return self._each(lambda share: share << k)

    def __matmul__(self, public: RingArray) -> "Replicated":
        self._check_public(public)
        return self._each(lambda share: share @ public)

    def __rmatmul__(self, public: RingArray) -> "Replicated":
        return self._each(lambda share: public @ share)

    def __getitem__(self, index: Any) -> "Replicated":
        return self._each(lambda share: share[index])

    def reshape(self, shape: Shape) -> "Replicated":
        """The same secrets in another shape."""
        return self._each(lambda share: share.reshape(shape))

    def transpose(self, axes: Sequence[int] | None = None) -> "Replicated":
        """The axes in another order."""
        return self._each(lambda share: share.transpose(axes))

    @property
    def T(self) -> "Replicated":
        """The axes reversed."""
        return self.transpose()

    def broadcast_to(self, shape: Shape) -> "Replicated":
        """Repeated without copying."""
        return self._each(lambda share: share.broadcast_to(shape))

    def sum(self, axis: int | tuple[int, ...] | None = None) -> "Replicated":
        """Along one axis, several, or all."""
        return self._each(lambda share: share.sum(axis))

    def _each(self, linear: Callable[[RingArray], RingArray]) -> "Replicated":
        return Replicated(self.index, linear(self.mine), linear(self.next))

    def _check_public(self, other: object) -> None:
        if isinstance(other, Replicated):
            self._refuse("has no product with another by itself: `multiply` and `matmul` are protocols")

    def _refuse(self, deed: str) -> NoReturn:
        raise SecretMisused(f"a shared secret {deed}. Compute on it in a protocol, and reveal the result")

    def __bool__(self) -> NoReturn:
        self._refuse("has no truth value")

    def __eq__(self, other: object) -> NoReturn:
        self._refuse("cannot be compared")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self._refuse("cannot be pickled or copied")


def concatenate(shares: Sequence[Replicated], axis: int = 0) -> Replicated:
    """Joined along an axis that exists."""
    return _joined(ring_arrays.concatenate, shares, axis)


def stack(shares: Sequence[Replicated], axis: int = 0) -> Replicated:
    """Joined along a new axis."""
    return _joined(ring_arrays.stack, shares, axis)


def _joined(join: Callable[..., RingArray], shares: Sequence[Replicated], axis: int) -> Replicated:
    mine, following = join([x.mine for x in shares], axis), join([x.next for x in shares], axis)
    return Replicated(shares[0].index, mine, following)
