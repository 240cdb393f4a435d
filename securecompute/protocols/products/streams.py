"""Uniform elements of a ring from a key: whole, or read on tile by tile where they are used and never kept.

    element i of Z_2^64 is word i of G(key), of Z_2^128 its words 2i (low) and 2i + 1 (high)

Security   Uniform to whoever lacks the key, as `masks`. An element is read once: a stream does not go back.
Cost       1.5 ms per 10^6 words, and as much again to touch fresh memory if they are kept.
"""

from math import prod

from securecompute.arithmetic.ring_arrays import RingArray, Shape, tiled, word_shape
from securecompute.arithmetic.rings import Ring
from securecompute.primitives.masks import Reader


class Stream:
    """So many elements of G(key), for `ring_arrays.tiled`."""

    __slots__ = ("_reader", "ring", "shape")

    def __init__(self, key: bytes, ring: Ring, shape: Shape) -> None:
        """key   32 bytes; nothing else may be masked with its stream"""
        self._reader, self.ring, self.shape = Reader(key), ring, shape

    def read(self, shape: Shape) -> RingArray:
        """The next elements, in an array of this shape."""
        count = prod(shape)
        words = self._reader.words(prod(word_shape(self.ring, (count,))))
        planes = words if self.ring is Ring.Z64 else words.reshape(count, 2).T
        return RingArray(self.ring, planes.reshape(word_shape(self.ring, shape)))


def expand(key: bytes, ring: Ring, shape: Shape) -> RingArray:
    """All of a stream's elements."""
    return tiled(lambda elements: elements, Stream(key, ring, shape))
