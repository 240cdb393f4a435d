"""Which of one's own rows of 128 bits, or of their first t bytes, occur in a list; and whether two rows are equal.

Open addressing: a row goes to the first free place from where its hash points, a list's entry is sought from there up
to the next free place. At most half of the places are taken.

Exact      Whole rows are compared: the hash only says where to begin.
Pitfalls   Rows with one hash make long ways; the hash spreads rows that are random, or count up. Who sends a list can
           not lengthen the ways: they are of one's own rows.
Timing     Which places are read hangs on rows and entries: a program that shares the caches could learn of them.
Cost       ns a row at n = 2^20, one core: build 13, an entry of the list 19. A first call loads or compiles, 0.5 s.
Reference  Knuth, TAOCP volume 3, 6.4, algorithm L; multiplicative hashing, Dietzfelbinger et al., J. Algorithms 1997.
"""

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.compiled import compiled
from securecompute.arithmetic.gf128 import Blocks, checked_blocks
from securecompute.errors import InvalidRequest

ROW_BYTES: Final = 16
_LARGEST: Final = (1 << 32) - 2  # places are numbers of 32 bits
_LOW, _HIGH = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_BLOCK = 512  # rows whose places are read at once, before any is looked at: memory answers many at a time
_ZERO, _1, _32 = np.uint64(0), np.uint64(1), np.uint64(32)
_NUMBER = np.uint64(0xFFFFFFFF)  # of a place: the row, from 1 on; above it, the upper half of its hash
_TOP, _ALL = np.uint64(0xFFFFFFFF00000000), np.uint64(0xFFFFFFFFFFFFFFFF)


class Lookup:
    """One's own rows, to be found in a list that comes in parts."""

    __slots__ = ("_bytes", "_found", "_places", "_rows")

    def __init__(self, rows: Blocks, entry_bytes: int = ROW_BYTES) -> None:
        """rows          uint64 (n, 2); equal ones are all found
        entry_bytes   t, from 1 to 16: how many bytes of a row, from its low end, are compared
        raises        InvalidRequest  other rows or another t
        """
        if not 1 <= entry_bytes <= ROW_BYTES:
            raise InvalidRequest(f"{entry_bytes} bytes of a row compared; from 1 to {ROW_BYTES}")
        mask = np.frombuffer(((1 << 8 * entry_bytes) - 1).to_bytes(ROW_BYTES, "little"), "<u8").astype(np.uint64)
        self._rows, self._bytes = checked_blocks(rows, "rows") & mask, entry_bytes
        self._places = _places(len(rows))
        self._found = np.zeros(len(rows), np.uint8)
        _insert(self._rows, self._places, False)

    def mark(self, entries: NDArray[np.uint8]) -> None:
        """Note which rows are among these entries.

        entries   uint8 (k, t), only read
        raises    InvalidRequest  other entries
        """
        if entries.dtype != np.uint8 or entries.ndim != 2 or entries.shape[1] != self._bytes:
            raise InvalidRequest(f"entries are {entries.dtype} {entries.shape}; expected uint8 (k, {self._bytes})")
        view = np.ascontiguousarray(entries)[:]
        view.flags.writeable = False  # one compiled kernel for arrays of both kinds
        _mark(self._rows, self._places, view, self._found)

    @property
    def found(self) -> NDArray[np.bool_]:
        """Which rows were among the entries so far: bool (n,)."""
        return self._found.astype(np.bool_)


def has_equal_rows(rows: Blocks) -> bool:
    """Whether two of the rows, uint64 (n, 2), are equal. raises InvalidRequest: other rows"""
    return bool(_insert(checked_blocks(rows, "rows"), _places(len(rows)), True))


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no protocol waits for it."""
    row = np.zeros((1, 2), np.uint64)
    has_equal_rows(row)
    Lookup(row).mark(np.zeros((1, ROW_BYTES), np.uint8))


def _places(n: int) -> NDArray[np.uint64]:
    """Twice as many free places as rows, or more: a power of two."""
    if n > _LARGEST:
        raise InvalidRequest(f"{n} rows; a table has at most {_LARGEST}")
    return np.zeros(1 << max(4, (2 * n - 1).bit_length()), np.uint64)


@numba.njit(inline="always")
def _hash(low, high):  # type: ignore[no-untyped-def]
    mixed = low * _LOW ^ high * _HIGH
    return mixed ^ (mixed >> _32)


@compiled
def _insert(rows, places, stop_at_equal):  # type: ignore[no-untyped-def]
    """Put every row into its place; True as soon as a row is there already, if that is asked for."""
    last = np.uint64(places.size - 1)
    hashes = np.empty(_BLOCK, np.uint64)
    near = _ZERO
    for start in range(0, rows.shape[0], _BLOCK):
        size = min(_BLOCK, rows.shape[0] - start)
        for i in range(size):
            hashes[i] = _hash(rows[start + i, 0], rows[start + i, 1])
            near |= places[hashes[i] & last]
        for i in range(size):
            hashed = hashes[i]
            at = hashed & last
            while places[at] != _ZERO:
                if stop_at_equal and (places[at] ^ hashed) & _TOP == _ZERO:
                    other = np.int64(places[at] & _NUMBER) - 1
                    if rows[other, 0] == rows[start + i, 0] and rows[other, 1] == rows[start + i, 1]:
                        return True
                at = (at + _1) & last
            places[at] = (hashed & _TOP) | np.uint64(start + i + 1)
    return near == _ALL  # never: no number is so large; it keeps the compiler from leaving out the first loads


@compiled
def _mark(rows, places, entries, found):  # type: ignore[no-untyped-def]
    last, width = np.uint64(places.size - 1), entries.shape[1]
    octets = np.zeros((_BLOCK, ROW_BYTES), np.uint8)
    sought = octets.view(np.uint64)
    hashes, words = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint64)
    for start in range(0, entries.shape[0], _BLOCK):
        size = min(_BLOCK, entries.shape[0] - start)
        for i in range(size):
            for b in range(width):
                octets[i, b] = entries[start + i, b]
        for i in range(size):
            hashes[i] = _hash(sought[i, 0], sought[i, 1])
        for i in range(size):
            words[i] = places[hashes[i] & last]
        for i in range(size):
            hashed, word = hashes[i], words[i]
            at = hashed & last
            while word != _ZERO:
                if (word ^ hashed) & _TOP == _ZERO:
                    own = np.int64(word & _NUMBER) - 1
                    if rows[own, 0] == sought[i, 0] and rows[own, 1] == sought[i, 1]:
                        found[own] = 1
                at = (at + _1) & last
                word = places[at]
