"""Arrays of elements of Z_2^64 or Z_2^128, with the operators that a formula needs.

    x + y, x - y, -x, x * y, x @ y     modulo 2^L, for L = 64 or 128; a Python integer stands for its residue
    x << k, x >> k, x.low(k)           as unsigned integers: multiplied by 2^k, divided by 2^k downwards, modulo 2^k
    RingArray.quantised(x, f), .reals(f)   fixed point with f fractional bits: the nearest multiple of 2^-f, and back

Words are uint64 of the array's shape; in Z_2^128 they are two such planes, (2, *shape): low words, then high words.
Arithmetic wraps, which is the ring's; whether a number fits is proved where it is encoded (`fixed_types`).

Pitfalls   Every operation makes an array of its own, except reshape, transpose, T, broadcast_to and indexing by
           integers and slices, which are views. To touch fresh memory costs more than to add: `tiled` works out a long
           formula in pieces that stay in the cache.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput

Words = NDArray[np.uint64]
Shape = tuple[int, ...]

_HALF: Final = np.uint64(32)
_LOW_HALF: Final = np.uint64(0xFFFFFFFF)
_WORD: Final = 64
_TILE: Final = 1 << 15  # elements: several temporaries of so many stay in the second-level cache


class RingArray:
    """Elements of a ring, in an array. Shows no contents: it may hold shares."""

    __slots__ = ("ring", "words")
    __array_ufunc__ = None  # numpy's arrays leave the operators to this class

    def __init__(self, ring: Ring, words: Words) -> None:
        """words   uint64, as above; kept, not copied. raises InvalidRequest: another dtype, or Z_2^32"""
        self.ring, self.words = ring, np.asarray(words)  # an array of no axes, never numpy's scalar, which would warn
        if self.words.dtype != np.uint64 or ring is Ring.Z32:
            raise InvalidRequest(f"{self.words.dtype} for elements of {ring}; expected uint64 for 2^64 or 2^128")

    @classmethod
    def zeros(cls, ring: Ring, shape: Shape) -> "RingArray":
        """All zero, own memory."""
        return cls(ring, np.zeros(word_shape(ring, shape), np.uint64))

    @classmethod
    def integers(cls, ring: Ring, values: Any) -> "RingArray":
        """Residues of whole numbers: an int, an array of integers or a nested sequence of Python integers.

        raises   InvalidRequest  an entry is not a whole number
        """
        if isinstance(values, np.ndarray) and values.dtype == np.uint64:
            low, high = values, np.zeros_like(values)
        elif isinstance(values, np.ndarray) and values.dtype.kind in "iub":
            signed = values.astype(np.int64)
            low, high = signed.view(np.uint64), (signed >> 63).view(np.uint64)
        else:
            exact = _whole(values) % (1 << 128)
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
        with np.errstate(over="ignore"):  # an infinity is refused below
            scaled = np.rint(np.ldexp(x, scale))
        if (np.abs(scaled) >= 2.0 ** (ring.bits - 1)).any():
            raise EncodingOverflow(f"a value leaves {ring} at {scale} fractional bits; lower the scale")
        if ring is Ring.Z64:
            return cls(ring, scaled.astype(np.int64).view(np.uint64))
        magnitude = np.abs(scaled)  # of a small negative number the low word has more bits than a float64
        high = np.floor(np.ldexp(magnitude, -_WORD))
        low = magnitude - np.ldexp(high, _WORD)  # exact: the last bits of a float64
        y = cls(ring, np.stack([low, high]).astype(np.uint64))
        return cls(ring, np.where(scaled < 0, (-y).words, y.words))

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
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        other = self._same(other)
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words + other.words)
        (a, a_high), (b, b_high) = self._pair, other._pair
        low = np.asarray(a + b)
        return _planes(low, np.asarray(a_high + b_high) + (low < b))

    __radd__ = __add__

    def __sub__(self, other: "RingArray | int") -> "RingArray":
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        other = self._same(other)
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words - other.words)
        (a, a_high), (b, b_high) = self._pair, other._pair
        return _planes(a - b, np.asarray(a_high - b_high) - (a < b))

    def __rsub__(self, other: int) -> "RingArray":
        return self._same(other) - self if isinstance(other, _OPERANDS) else NotImplemented

    def __neg__(self) -> "RingArray":
        if self.ring is Ring.Z64:
            return RingArray(self.ring, np.uint64(0) - self.words)
        low, high = self._pair
        return _planes(np.uint64(0) - low, np.asarray(~high) + (low == 0))

    def __mul__(self, other: "RingArray | int") -> "RingArray":
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        other = self._same(other)
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words * other.words)
        (a, a_high), (b, b_high) = self._pair, other._pair
        cross = np.asarray(np.asarray(a * b_high) + np.asarray(a_high * b))
        return _planes(a * b, _high_word(a, b) + cross)

    __rmul__ = __mul__

    def __matmul__(self, other: "RingArray") -> "RingArray":
        """Of matrices, vectors, or one of each. raises InvalidRequest: shapes that do not fit"""
        if not isinstance(other, RingArray):
            return NotImplemented
        self._same(other)
        if self.ndim not in (1, 2) or other.ndim not in (1, 2) or self.shape[-1] != other.shape[0]:
            raise InvalidRequest(f"{self.shape} @ {other.shape}; expected (m, k) @ (k, n), or vectors of length k")
        from securecompute.arithmetic import products_128, ring_products  # loads the compiler

        matmul = ring_products.matmul if self.ring is Ring.Z64 else products_128.matmul_128
        left = self.reshape((1, -1)) if self.ndim == 1 else self
        right = other.reshape((-1, 1)) if other.ndim == 1 else other
        product = RingArray(self.ring, matmul(left.words, right.words))
        return product.reshape((*self.shape[:-1], *other.shape[1:]))

    def gram(self) -> "RingArray":
        """x.T @ x of a matrix, in half the time. raises InvalidRequest: not a matrix"""
        if self.ndim != 2:
            raise InvalidRequest(f"x.T @ x of {self.shape}; expected a matrix")
        from securecompute.arithmetic import products_128, ring_products  # loads the compiler

        gram = ring_products.gram if self.ring is Ring.Z64 else products_128.gram_128
        return RingArray(self.ring, gram(self.words))

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
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words[index])
        if any(isinstance(i, (np.ndarray, list)) for i in index):  # numpy may put the axis of these before the planes
            low, high = self._pair
            return _planes(low[index], high[index])
        return RingArray(self.ring, self.words[slice(None), *index])

    def reshape(self, shape: Shape) -> "RingArray":
        """The same elements in another shape; one length may be -1."""
        return RingArray(self.ring, self.words.reshape(word_shape(self.ring, shape)))

    def transpose(self, axes: Sequence[int] | None = None) -> "RingArray":
        """The axes in another order: reversed, unless one is given."""
        order = tuple(axes) if axes is not None else tuple(reversed(range(self.ndim)))
        planes = order if self.ring is Ring.Z64 else (0, *(axis + 1 if axis >= 0 else axis for axis in order))
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
        if self.ring is Ring.Z64:
            return RingArray(self.ring, self.words.sum(axis=axis, dtype=np.uint64))
        lower, upper, high = (
            np.asarray(words.sum(axis=axis, dtype=np.uint64))
            for words in (self._pair[0] & _LOW_HALF, self._pair[0] >> _HALF, self._pair[1])
        )
        middle = np.asarray(upper + (lower >> _HALF))  # below 2^64 for fewer than 2^31 terms
        return _planes((middle << _HALF) | (lower & _LOW_HALF), np.asarray(high + (middle >> _HALF)))

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


class Source(Protocol):
    """Elements that are made when they are asked for, in memory order."""

    ring: Ring
    shape: Shape

    def read(self, shape: Shape) -> RingArray:
        """The next ones, in an array of this shape."""


def tiled(function: Callable[..., RingArray], *parts: RingArray | Source, into: RingArray | None = None) -> RingArray:
    """function(*parts) of an elementwise formula, worked out tile by tile.

    function   is given the same part of every array, broadcast to the shape of all; returns that part of the result
    parts      arrays, and sources of the result's shape
    into       an array that may be overwritten, of the result's shape: one of `parts` that nobody needs any more
    raises     InvalidRequest  a source has another shape: nothing is drawn twice
    """
    ring, shape = parts[0].ring, np.broadcast_shapes(*(part.shape for part in parts))
    if any(part.shape != shape for part in parts if not isinstance(part, RingArray)):
        raise InvalidRequest(f"a source of other elements than the {shape} that are wanted; it is not repeated")
    whole = [part.broadcast_to(shape) if isinstance(part, RingArray) else part for part in parts]
    result = RingArray(ring, np.empty(word_shape(ring, shape), np.uint64)) if into is None else into
    for tile in _tiles(shape):
        target = result[tile]
        pieces = [part[tile] if isinstance(part, RingArray) else part.read(target.shape) for part in whole]
        target.words[...] = function(*pieces).words
    return result


def _tiles(shape: Shape) -> Iterator[tuple[Any, ...]]:
    """Indices of the parts, in memory order: slices along the first axis whose rows are no longer than a tile."""
    if not shape:
        yield (...,)
        return
    rows = [*accumulate(reversed(shape[1:]), operator.mul, initial=1)][::-1]  # elements per step along each axis
    axis = next(k for k, row in enumerate(rows) if row <= _TILE)
    step = max(1, _TILE // max(1, rows[axis]))
    for outer in np.ndindex(shape[:axis]):
        for start in range(0, shape[axis], step):
            yield (*outer, slice(start, start + step))


def concatenate(arrays: Sequence[RingArray], axis: int = 0) -> RingArray:
    """Joined along an axis that exists; one counted from the end is negative."""
    return _joined(np.concatenate, arrays, axis, arrays[0].ndim)


def stack(arrays: Sequence[RingArray], axis: int = 0) -> RingArray:
    """Joined along a new axis, which is where `axis` says in the result."""
    return _joined(np.stack, arrays, axis, arrays[0].ndim + 1)


def _joined(join: Callable[..., Words], arrays: Sequence[RingArray], axis: int, axes: int) -> RingArray:
    ring = arrays[0].ring
    if any(array.ring is not ring for array in arrays) or not -axes <= axis < axes:
        raise InvalidRequest(f"elements of one ring are joined, along an axis from {-axes} to {axes - 1}")
    inside = axis if ring is Ring.Z64 or axis < 0 else axis + 1
    return RingArray(ring, join([array.words for array in arrays], axis=inside))


def _whole(values: Any) -> NDArray[Any]:
    """Python integers, in an array of objects."""
    try:
        return np.asarray(np.frompyfunc(operator.index, 1, 1)(np.asarray(values, dtype=object)), dtype=object)
    except TypeError:
        raise InvalidRequest("an entry is not a whole number; `quantised` takes reals") from None


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


_OPERANDS: Final = (RingArray, int, np.integer)
