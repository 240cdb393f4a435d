"""Arrays of elements of Z_2^64 or Z_2^128, with the operators that a formula needs.

    x + y, x - y, -x, x * y, x @ y     modulo 2^L, for L = 64 or 128; an int stands for its residue
    x << k, x >> k, x.low(k)           as unsigned integers: multiplied by 2^k, divided by 2^k downwards, modulo 2^k
    RingArray.quantised(x, f), .reals(f)   fixed point with f fractional bits: the nearest multiple of 2^-f, and back

Words are uint64 of the array's shape; in Z_2^128 they are two such planes, (2, *shape): low words, then high words.
Arithmetic wraps, which is the ring's; whether a number fits is proved where it is encoded (`fixed_types`).

Pitfalls   Every operation makes an array of its own, except reshape, T, indexing and broadcast_to, which are views.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput

Words = NDArray[np.uint64]
Shape = tuple[int, ...]

_HALF: Final = np.uint64(32)
_LOW_HALF: Final = np.uint64(0xFFFFFFFF)
_WORD: Final = 64


class RingArray:
    """Elements of a ring, in an array. Shows no contents: it may hold shares."""

    __slots__ = ("ring", "words")
    __array_ufunc__ = None  # numpy's arrays leave the operators to this class

    def __init__(self, ring: Ring, words: Words) -> None:
        """words   uint64, as above; kept, not copied"""
        self.ring, self.words = ring, np.asarray(words)  # an array of no axes, never numpy's scalar, which would warn

    @classmethod
    def zeros(cls, ring: Ring, shape: Shape) -> "RingArray":
        """All zero, own memory."""
        return cls(ring, np.zeros(word_shape(ring, shape), np.uint64))

    @classmethod
    def integers(cls, ring: Ring, values: Any) -> "RingArray":
        """Residues of whole numbers: an int, an array of integers or a nested sequence of Python integers."""
        if isinstance(values, np.ndarray) and values.dtype == np.uint64:
            low, high = values, np.zeros_like(values)
        elif isinstance(values, np.ndarray) and values.dtype.kind in "iub":
            signed = values.astype(np.int64)
            low, high = signed.view(np.uint64), (signed >> 63).view(np.uint64)
        else:
            exact = np.asarray(values, dtype=object) % (1 << 128)
            low = np.asarray(exact % (1 << 64), dtype=object).astype(np.uint64)
            high = np.asarray(exact >> 64, dtype=object).astype(np.uint64)
        return cls(ring, low.copy() if ring is Ring.Z64 else np.stack([low, high]))

    @classmethod
    def quantised(cls, ring: Ring, x: NDArray[np.float64], scale: int) -> "RingArray":
        """rint(2^scale x), half to even.

        raises   NonFiniteInput    x has a NaN or an infinity
                 EncodingOverflow  an entry is 2^(L-1) or larger; which one is not said
        """
        x = np.asarray(x, np.float64)
        if not np.isfinite(x).all():
            raise NonFiniteInput("a value is NaN or infinite; leave such rows out")
        scaled = np.rint(np.ldexp(x, scale))
        if (np.abs(scaled) >= 2.0 ** (ring.bits - 1)).any():
            raise EncodingOverflow(f"a value leaves {ring} at {scale} fractional bits; lower the scale")
        if ring is Ring.Z64:
            return cls(ring, scaled.astype(np.int64).view(np.uint64))
        high = np.floor(np.ldexp(scaled, -_WORD))
        low = scaled - np.ldexp(high, _WORD)  # in [0, 2^64), exactly: both are multiples of the same power of two
        return cls(ring, np.stack([low.astype(np.uint64), high.astype(np.int64).view(np.uint64)]))

    @property
    def shape(self) -> Shape:
        """Of the array of elements, without the planes."""
        return self.words.shape if self.ring is Ring.Z64 else self.words.shape[1:]

    @property
    def ndim(self) -> int:
        """Axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Of the words."""
        return self.words.nbytes

    def __repr__(self) -> str:
        return f"RingArray({self.ring}, shape={self.shape})"

    def __len__(self) -> int:
        return self.shape[0]

    def reals(self, scale: int) -> NDArray[np.float64]:
        """The signed representatives times 2^-scale: the nearest float64, in Z_2^128 at times its neighbour."""
        if self.ring is Ring.Z64:
            return np.asarray(np.ldexp(self.words.view(np.int64).astype(np.float64), -scale))
        negative = self.words[1, ...] >> np.uint64(63) != 0
        low, high = np.where(negative, (-self).words, self.words).astype(np.float64)
        return np.asarray(np.where(negative, -1.0, 1.0) * np.ldexp(np.ldexp(high, _WORD) + low, -scale))

    def signed(self) -> NDArray[Any]:
        """The representatives in [-2^(L-1), 2^(L-1)), as an array of Python integers."""
        if self.ring is Ring.Z64:
            return self.words.view(np.int64).astype(object)
        low, high = self._pair
        return np.asarray(high.view(np.int64).astype(object) * (1 << _WORD) + low.astype(object), dtype=object)

    def copy(self) -> "RingArray":
        """The same in memory of its own."""
        return RingArray(self.ring, self.words.copy())

    def __add__(self, other: "RingArray | int") -> "RingArray":
        other = self._same(other)
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words + other.words)
        (a, a_high), (b, b_high) = self._pair, other._pair
        low = np.asarray(a + b)
        return _planes(low, np.asarray(a_high + b_high) + (low < b))

    __radd__ = __add__

    def __sub__(self, other: "RingArray | int") -> "RingArray":
        other = self._same(other)
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words - other.words)
        (a, a_high), (b, b_high) = self._pair, other._pair
        return _planes(a - b, np.asarray(a_high - b_high) - (a < b))

    def __rsub__(self, other: int) -> "RingArray":
        return self._same(other) - self

    def __neg__(self) -> "RingArray":
        if self.ring is Ring.Z64:
            return RingArray(self.ring, np.uint64(0) - self.words)
        low, high = self._pair
        return _planes(np.uint64(0) - low, np.asarray(~high) + (low == 0))

    def __mul__(self, other: "RingArray | int") -> "RingArray":
        other = self._same(other)
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words * other.words)
        (a, a_high), (b, b_high) = self._pair, other._pair
        cross = np.asarray(np.asarray(a * b_high) + np.asarray(a_high * b))
        return _planes(a * b, _high_word(a, b) + cross)

    __rmul__ = __mul__

    def __matmul__(self, other: "RingArray") -> "RingArray":
        """Of two matrices, or of a matrix and a vector."""
        from securecompute.arithmetic.ring_products import matmul, matmul_128  # loads the compiler

        left = self.reshape((1, -1)) if self.ndim == 1 else self
        right = other.reshape((-1, 1)) if other.ndim == 1 else other
        product = RingArray(self.ring, (matmul if self.ring is Ring.Z64 else matmul_128)(left.words, right.words))
        return product.reshape((*self.shape[:-1], *other.shape[1:]))

    def gram(self) -> "RingArray":
        """x.T @ x of a matrix, in half the time."""
        from securecompute.arithmetic.ring_products import gram, gram_128  # loads the compiler

        return RingArray(self.ring, (gram if self.ring is Ring.Z64 else gram_128)(self.words))

    def __lshift__(self, k: int) -> "RingArray":
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words << np.uint64(k) if k < _WORD else np.zeros_like(self.words))
        low, high = self._pair
        if k >= _WORD:
            return _planes(np.zeros_like(low), _left(low, k - _WORD))
        return _planes(_left(low, k), _left(high, k) | _right(low, _WORD - k))

    def __rshift__(self, k: int) -> "RingArray":
        if self.ring is Ring.Z64:
            return RingArray(self.ring, _right(self.words, k))
        low, high = self._pair
        if k >= _WORD:
            return _planes(_right(high, k - _WORD), np.zeros_like(high))
        return _planes(_right(low, k) | _left(high, _WORD - k), _right(high, k))

    def low(self, k: int) -> "RingArray":
        """Modulo 2^k."""
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words & _mask(k))
        low, high = self._pair
        return _planes(low & _mask(k), high & _mask(k - _WORD))

    def bit(self, k: int) -> "RingArray":
        """Bit k of every element: 0 or 1."""
        return (self >> k).low(1)

    def __getitem__(self, index: Any) -> "RingArray":
        index = index if isinstance(index, tuple) else (index,)
        return RingArray(self.ring, self.words[index if self.ring is Ring.Z64 else (slice(None), *index)])

    def reshape(self, shape: Shape) -> "RingArray":
        """The same elements in another shape; one length may be -1."""
        return RingArray(self.ring, self.words.reshape(word_shape(self.ring, shape)))

    def transpose(self, axes: Sequence[int] | None = None) -> "RingArray":
        """The axes in another order: reversed, unless one is given."""
        order = tuple(axes) if axes is not None else tuple(reversed(range(self.ndim)))
        planes = order if self.ring is Ring.Z64 else (0, *(axis + 1 for axis in order))
        return RingArray(self.ring, self.words.transpose(planes))

    @property
    def T(self) -> "RingArray":
        """The axes reversed."""
        return self.transpose()

    def broadcast_to(self, shape: Shape) -> "RingArray":
        """Repeated without copying; not to be written to."""
        if self.ring is Ring.Z64:
            return RingArray(self.ring, np.broadcast_to(self.words, shape))
        extended = self.reshape((1,) * (len(shape) - self.ndim) + self.shape)
        return RingArray(self.ring, np.broadcast_to(extended.words, (2, *shape)))

    def sum(self, axis: int | tuple[int, ...] | None = None) -> "RingArray":
        """Along one axis, several, or all."""
        axes = tuple(range(self.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
        axes = tuple(a % self.ndim for a in axes) if self.ndim else ()
        if self.ring is Ring.Z64:
            return RingArray(self.ring, np.asarray(self.words.sum(axis=axes, dtype=np.uint64)))
        low, high = self._pair
        halves = [(low & _LOW_HALF).sum(axis=axes, dtype=np.uint64), (low >> _HALF).sum(axis=axes, dtype=np.uint64)]
        middle = halves[1] + (halves[0] >> _HALF)  # below 2^64 for fewer than 2^31 terms
        word = (middle << _HALF) | (halves[0] & _LOW_HALF)
        return _planes(np.asarray(word), np.asarray(high.sum(axis=axes, dtype=np.uint64) + (middle >> _HALF)))

    @property
    def _pair(self) -> tuple[Words, Words]:
        """Low and high words, as arrays even of no axes."""
        return self.words[0, ...], self.words[1, ...]

    def _same(self, other: "RingArray | int") -> "RingArray":
        if isinstance(other, RingArray):
            if other.ring is not self.ring:
                raise InvalidRequest(f"an element of {other.ring} and one of {self.ring} have no sum or product")
            return other
        residue = int(other) % (1 << self.ring.bits)
        shape = (1,) * self.ndim
        if self.ring is Ring.Z64:
            return RingArray(self.ring, np.full(shape, residue, np.uint64))
        low, high = np.uint64(residue & ((1 << _WORD) - 1)), np.uint64(residue >> _WORD)
        return RingArray(self.ring, np.stack([np.full(shape, low), np.full(shape, high)]))


def word_shape(ring: Ring, shape: Shape) -> Shape:
    """Shape of the words of an array of this shape."""
    return shape if ring is Ring.Z64 else (2, *shape)


def concatenate(arrays: Sequence[RingArray], axis: int = 0) -> RingArray:
    """Joined along an axis that exists."""
    return _joined(np.concatenate, arrays, axis)


def stack(arrays: Sequence[RingArray], axis: int = 0) -> RingArray:
    """Joined along a new axis."""
    return _joined(np.stack, arrays, axis)


def _joined(join: Callable[..., Words], arrays: Sequence[RingArray], axis: int) -> RingArray:
    ring = arrays[0].ring
    inside = axis if ring is Ring.Z64 or axis < 0 else axis + 1
    return RingArray(ring, join([array.words for array in arrays], axis=inside))


def _planes(low: Words, high: Words) -> RingArray:
    shape = np.broadcast_shapes(low.shape, high.shape)
    words = np.empty((2, *shape), np.uint64)
    words[0], words[1] = low, high
    return RingArray(Ring.Z128, words)


def _high_word(a: Words, b: Words) -> Words:
    """floor(a b / 2^64), from four products of halves; no sum of them wraps."""
    a0, a1, b0, b1 = (np.asarray(half) for half in (a & _LOW_HALF, a >> _HALF, b & _LOW_HALF, b >> _HALF))
    middle = a1 * b0 + (a0 * b0 >> _HALF)
    other = a0 * b1 + (middle & _LOW_HALF)
    high: Words = a1 * b1 + (middle >> _HALF) + (other >> _HALF)
    return np.asarray(high)


def _left(words: Words, k: int) -> Words:
    return words << np.uint64(k) if k < _WORD else np.zeros_like(words)


def _right(words: Words, k: int) -> Words:
    return words >> np.uint64(k) if k < _WORD else np.zeros_like(words)


def _mask(k: int) -> np.uint64:
    """The low k bits of a word, k cut to 0 to 64."""
    return np.uint64((1 << min(max(k, 0), _WORD)) - 1)
