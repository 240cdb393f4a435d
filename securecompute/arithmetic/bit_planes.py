"""Bits of many numbers at once: one bit of eight of them in a byte, so that one instruction works on 256.

    plane k = bit k of every number, packed: uint8 (ceil(n / 8),), lowest bit first
    T_v = [r >= v], v = 1 to 2^m - 1, the thermometer of r < 2^m; T_0 = 1, T_(2^m) = 0
    [c < r] = T_(c+1), [c = r] = T_c XOR T_(c+1)        so with T shared by XOR and c public, both are picked locally

Picking is linear in T: bit by bit of c, the window of entries that can still be T_c or T_(c+1) is halved, W_v XOR c_k
(W_v XOR W_(v+2^k)).

Cost       ns a number, one core: its 64 planes 13; of sixteen digits of 4 bits thermometers 11, the picks 14.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest

Planes = NDArray[np.uint8]

DIGIT: Final = 4  # bits of a digit that is compared at once
ENTRIES: Final = (1 << DIGIT) - 1  # of its thermometer
_NUMBERS = 1 << 14  # whose bytes are turned into planes in the cache
_BLOCK = 1 << 11  # bytes of each plane of a window that stay in the cache
_BITS: Final = (1 << np.arange(8)).astype(np.uint8)


def row_bytes(n: int) -> int:
    """Of one plane of n numbers."""
    return -(-n // 8)


def planes(numbers: RingArray | NDArray[Any], count: int) -> Planes:
    """The `count` lowest bits, of the numbers in C order: uint8 (count, row_bytes(n)).

    raises   InvalidRequest  the numbers do not have so many bits
    """
    if isinstance(numbers, RingArray):
        words = numbers.words.reshape(2 if numbers.ring is Ring.Z128 else 1, numbers.size)
    else:
        words = numbers.reshape(1, numbers.size)
    width = 8 * words.itemsize
    if count > width * len(words):
        raise InvalidRequest(f"{count} bits of numbers that have {width * len(words)}")
    rows = np.empty((count, row_bytes(words.shape[1])), np.uint8)
    for k, plane in enumerate(words[: -(-count // width)]):
        _slice(plane, rows[k * width : (k + 1) * width])
    return rows


def packed(bits: NDArray[Any]) -> Planes:
    """A plane of zeros and ones: uint8 (row_bytes(n),)."""
    return np.packbits(bits.reshape(-1), bitorder="little")


def unpacked(rows: Planes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The zeros and ones of planes (..., row_bytes(n)), for numbers of this shape: uint8 (..., *shape)."""
    n = int(np.prod(shape, dtype=np.int64))
    bits = np.unpackbits(rows, axis=-1, count=n, bitorder="little")
    return bits.reshape((*rows.shape[:-1], *shape))


def digits(rows: Planes, count: int) -> Planes:
    """Planes, from bit 0, as digits: uint8 (DIGIT, count, row_bytes(n)); bits that are not there are zero."""
    padded = rows
    if len(rows) < DIGIT * count:
        padded = np.zeros((DIGIT * count, rows.shape[1]), np.uint8)
        padded[: len(rows)] = rows
    return padded.reshape(count, DIGIT, -1).transpose(1, 0, 2)


def thermometers(r: Planes) -> Planes:
    """T_1 to T_(2^m - 1) of numbers of m bits: (m, ...) to (2^m - 1, ...)."""
    table = np.empty(((1 << len(r)) - 1, *r.shape[1:]), np.uint8)
    flat, bits = table.reshape(len(table), -1), r.reshape(len(r), -1)
    for start in range(0, flat.shape[1], _NUMBERS):
        piece = slice(start, start + _NUMBERS)
        entries = bits[:1, piece]
        for bit in bits[1:, piece]:
            entries = np.concatenate([bit | entries, bit[np.newaxis], bit & entries])
        flat[:, piece] = entries
    return table


def without_top_bit(table: Planes) -> Planes:
    """The thermometers of r mod 2^(m-1), from those of r < 2^m; of r's top bit see `top_bit`."""
    half = len(table) // 2
    shorter: Planes = table[:half] ^ table[half] ^ table[half + 1 :]
    return shorter


def top_bit(table: Planes) -> Planes:
    """Bit m - 1 of r < 2^m, from its thermometers."""
    bit: Planes = table[len(table) // 2]
    return bit


def pick(table: Planes, c: Planes, one: int) -> tuple[Planes, Planes]:
    """[c < r] and [c = r], shared like the thermometers.

    table   of r, (2^m - 1, digits, row_bytes)
    c       public bits, (m, digits, row_bytes)
    one     this holder's share of ones: 255 or 0
    """
    m, (count, size) = len(c), table.shape[1:]
    less, equal = np.empty((2, count, size), np.uint8)
    window, change = np.empty((2, (1 << m) + 1, count, min(_BLOCK, size)), np.uint8)
    for start in range(0, size, _BLOCK):
        piece = slice(start, min(start + _BLOCK, size))
        w, d = (array[..., : piece.stop - start] for array in (window, change))
        w[0], w[1:-1], w[-1] = one, table[..., piece], 0
        for k in reversed(range(m)):
            half = 1 << k
            np.bitwise_xor(w[: half + 1], w[half : 2 * half + 1], out=d[: half + 1])
            d[: half + 1] &= c[k, :, piece]
            w[: half + 1] ^= d[: half + 1]
        less[:, piece] = w[1]
        np.bitwise_xor(w[0], w[1], out=equal[:, piece])
    return less, equal


def _slice(words: NDArray[Any], rows: Planes) -> None:
    """The planes of a flat array of words, as many as there are rows."""
    needed = row_bytes(len(rows))  # bytes of each word
    for start in range(0, len(words), _NUMBERS):
        octets = words[start : start + _NUMBERS].astype(words.dtype.newbyteorder("<"), copy=False).view(np.uint8)
        columns = np.ascontiguousarray(octets.reshape(-1, words.itemsize)[:, :needed].T)
        chosen = (columns[:, np.newaxis] & _BITS[:, np.newaxis]).reshape(8 * needed, -1)[: len(rows)]
        bits = np.packbits(chosen, axis=1, bitorder="little")
        rows[:, start // 8 : start // 8 + bits.shape[1]] = bits
