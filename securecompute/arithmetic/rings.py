"""The rings Z_2^32, Z_2^64 and Z_2^128, and the proof that a total fits in one.

    e in [-2^(k-1), 2^(k-1))  <->  e mod 2^k, two's complement

Little-endian unsigned words. An element of Z_2^128 is two uint64 limbs, (d, 2) with [:, 0] the low one; limbs are
added with the carry, because two independent rings of 2^64 would give the carry count away.

Cost       ns per element and vector, one core, in the cache: add 0.14 for 2^32, 0.28 for 2^64, 1.3 for 2^128 when
           several are added at once, 2.7 for one. A compiled kernel adds one in 0.9, but to load its compiler takes
           0.5 s and 70 MB, more than it saves below 10^8 elements.
"""

import enum
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import EncodingOverflow, InvalidRequest

_CHUNK_BYTES = 1 << 17  # of vectors in Z_2^128: the passes over them stay in the cache
_MOST_COUNTED = 127  # carries of an int8


class Ring(enum.Enum):
    """Integers modulo 2^bits."""

    Z32 = 32
    Z64 = 64
    Z128 = 128

    @property
    def bits(self) -> int:
        """k, for the ring Z_2^k."""
        return self.value

    @property
    def item_bytes(self) -> int:
        """Bytes of one element: 4, 8 or 16."""
        return self.value // 8

    @property
    def dtype(self) -> np.dtype[Any]:
        """The word: little-endian uint32 or uint64."""
        return np.dtype("<u4") if self is Ring.Z32 else np.dtype("<u8")

    def shape(self, d: int) -> tuple[int, ...]:
        """Shape of an array of d elements: (d,), or (d, 2) for Z_2^128."""
        return (d, 2) if self is Ring.Z128 else (d,)

    def __str__(self) -> str:
        return f"Z_2^{self.value}"


def check(ring: Ring, y: NDArray[Any], writeable: bool = False) -> None:
    """Refuse an array that is not in the ring, so that nothing is broadcast or converted unseen.

    raises   InvalidRequest  other dtype or shape than the ring's, or read-only where it is to be written
    """
    if y.dtype != ring.dtype or y.shape != ring.shape(y.shape[0] if y.ndim else 0):
        expected = "(d, 2)" if ring is Ring.Z128 else "(d,)"
        raise InvalidRequest(f"{y.dtype} {y.shape} is not a vector in {ring}; expected {ring.dtype} {expected}")
    if writeable and not y.flags.writeable:
        raise InvalidRequest("a read-only array cannot be added to; copy it first")


def zeros(ring: Ring, d: int) -> NDArray[Any]:
    """d zeros in the ring, own memory."""
    return np.zeros(ring.shape(d), ring.dtype)


def add_into(ring: Ring, total: NDArray[Any], y: NDArray[Any]) -> None:
    """total += y in the ring, in place; y is only read and may be total itself.

    raises   InvalidRequest  not in the ring, other lengths, or total is read-only
    """
    _add_into(ring, total, [y], +1)


def subtract_into(ring: Ring, total: NDArray[Any], y: NDArray[Any]) -> None:
    """total -= y in the ring, in place; y is only read and may be total itself.

    raises   InvalidRequest  not in the ring, other lengths, or total is read-only
    """
    _add_into(ring, total, [y], -1)


def add_all_into(ring: Ring, total: NDArray[Any], ys: Sequence[NDArray[Any]]) -> None:
    """total += every y in the ring, in place: as `add_into` in turn, but carries of 2^128 are added once.

    raises   InvalidRequest  as `add_into`; nothing is added then
    """
    _add_into(ring, total, ys, +1)


def unchecked_accumulate(ring: Ring, total: NDArray[Any], terms: Iterable[tuple[NDArray[Any], int]]) -> None:
    """total += sum of sign * y over the (y, sign), in place, for callers that have checked what they pass.

    total   a vector in the ring, writeable, small enough to stay in the cache
    terms   vectors in the ring of that length, elsewhere in memory, with sign +1 or -1; each is read before the next
            is asked for, so that one buffer may carry them all
    proof   Z_2^128: low limbs wrap at 2^64, and (a + b) mod 2^64 < b just where a + b carries, a < b where a - b
            borrows. Up to 127 of these fit an int8 of their own, and are added to the high limbs at the end.
    """
    if ring is not Ring.Z128:
        for y, sign in terms:
            (np.add if sign > 0 else np.subtract)(total, y, out=total)
        return
    wrapped = np.empty(total.shape, np.bool_)  # of both limbs: contiguous passes are faster than every second word
    ones, carries = wrapped.view(np.int8), np.zeros(total.shape, np.int8)
    for k, (y, sign) in enumerate(terms, 1):
        if sign > 0:
            np.add(total, y, out=total)
            np.less(total, y, out=wrapped)
            np.add(carries, ones, out=carries)
        else:
            np.less(total, y, out=wrapped)
            np.subtract(total, y, out=total)
            np.subtract(carries, ones, out=carries)
        if k % _MOST_COUNTED == 0:
            _carry(total, carries)
    _carry(total, carries)


def encode(ring: Ring, integers: Sequence[int] | NDArray[np.int64]) -> NDArray[Any]:
    """The integers as ring elements, in own memory.

    integers   int64 (d,), or d whole numbers of any size
    raises     EncodingOverflow  an entry is outside [-2^(k-1), 2^(k-1)); which one is not said
               InvalidRequest    not whole numbers, or an array that is not int64 (d,)
    """
    if isinstance(integers, np.ndarray):
        return _encode_array(ring, integers)
    try:
        words = b"".join(operator.index(v).to_bytes(ring.item_bytes, "little", signed=True) for v in integers)
    except OverflowError:
        raise _overflow(ring) from None
    except TypeError:
        raise InvalidRequest("an entry is not a whole number; quantise before encoding") from None
    return np.frombuffer(words, ring.dtype).reshape(ring.shape(-1)).copy()


def decode(ring: Ring, y: NDArray[Any]) -> list[int]:
    """The signed representatives, in [-2^(k-1), 2^(k-1)), of a vector in the ring.

    raises   InvalidRequest  y is not in the ring
    """
    check(ring, y)
    if ring is not Ring.Z128:
        signed: list[int] = y.astype(f"<i{ring.dtype.itemsize}").tolist()
        return signed
    high = y[:, 1].astype("<i8").tolist()
    return [(h << 64) + low for low, h in zip(y[:, 0].tolist(), high, strict=True)]


def fits(bits: int, bound: int, institutions: int) -> bool:
    """Whether every total of so many integers of at most this magnitude decodes from Z_2^bits to itself."""
    return institutions * bound <= (1 << (bits - 1)) - 1


def choose_ring(bound: int, institutions: int) -> Ring:
    """The smallest ring in which no total of the roster's vectors can wrap.

    bound          largest magnitude of an entry of one institution's vector, an integer
    institutions   size N of the roster, not of the survivors
    proof          For every set U of institutions |sum over U of e_u| <= |U| bound <= N bound <= 2^(k-1) - 1, and
                   residues mod 2^k have one representative in [-2^(k-1), 2^(k-1)): the decoded residue is the sum.
                   N bound = 2^(k-1) would decode to its negative, so no larger product is safe.
    raises         EncodingOverflow  no ring is large enough
                   InvalidRequest    a negative bound, or no institution
    """
    if bound < 0 or institutions < 1:
        raise InvalidRequest(f"a bound of {bound} over {institutions} institutions; expected 0 or more, over 1 or more")
    for ring in Ring:
        if fits(ring.bits, bound, institutions):
            return ring
    raise EncodingOverflow(
        f"{institutions} institutions times the bound {bound} exceed {Ring.Z128}, the largest ring; "
        "lower the declared limit or the scale, or max_records in the rules where it sizes the sum"
    )


def _add_into(ring: Ring, total: NDArray[Any], ys: Sequence[NDArray[Any]], sign: int) -> None:
    check(ring, total, writeable=True)
    for y in ys:
        check(ring, y)
        if len(total) != len(y):
            raise InvalidRequest(f"vectors of {len(total)} and {len(y)} elements have no sum")
    apart = [y.copy() if np.may_share_memory(total, y) else y for y in ys]  # read again after the add
    step = _CHUNK_BYTES // ring.item_bytes if ring is Ring.Z128 else max(1, len(total))
    for start in range(0, len(total), step):
        piece = slice(start, start + step)
        unchecked_accumulate(ring, total[piece], ((y[piece], sign) for y in apart))


def _carry(total: NDArray[Any], carries: NDArray[np.int8]) -> None:
    """Add the low limbs' carries, less their borrows, to the high limbs, and forget them."""
    high = total[:, 1]
    np.add(high, carries[:, 0].astype(np.int64).view(np.uint64), out=high)
    carries[:] = 0


def _encode_array(ring: Ring, integers: NDArray[Any]) -> NDArray[Any]:
    if integers.dtype != np.int64 or integers.ndim != 1:
        raise InvalidRequest(f"entries are {integers.dtype} {integers.shape}; expected int64 (d,)")
    if ring is Ring.Z32 and len(integers) and not -(1 << 31) <= integers.min() <= integers.max() < 1 << 31:
        raise _overflow(ring)
    if ring is not Ring.Z128:
        return integers.astype(ring.dtype)
    y = np.empty(ring.shape(len(integers)), ring.dtype)
    y[:, 0] = integers.view(np.uint64)
    y[:, 1] = (integers >> 63).view(np.uint64)
    return y


def _overflow(ring: Ring) -> EncodingOverflow:
    return EncodingOverflow(f"an entry is outside {ring}; raise the declared bound, which chooses the ring")
