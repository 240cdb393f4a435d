"""Cuckoo tables: every item in one of its three bins, at most one item a bin, and no item left over.

    B(n) = ceil(1.3 n) + 128 bins;   three distinct ones of an item from pieces of 39 bits of its hash,
    a = h0 B >> 39,   b = h1 (B − 1) >> 39, past a,   c = h2 (B − 2) >> 39, past both

An item whose bins are taken looks, breadth first, for the shortest chain of items that may each move to another of
their bins, the last to an empty one. So a placement is found whenever there is one.

Failure    None exists only if some k + 1 items have all their bins among k (Hall), and in a smallest such set every
           one of the k bins is wanted at least twice. With s = k + 1, and p = 1 + B / 2^39 because no piece is exactly
           uniform,

               Pr ≤ Σ_k C(n, s) C(B, k) p^(3s) min( (C(k, 3) / C(B, 3))^s,
                                                   (3s)! min_z (e^z − 1 − z)^k z^(−3s) / (B (B − 1) (B − 2))^s )

           which is below 2^-41 for every n up to 2^24: greatest for some tens of items, 2^-100 for 2^20. It is
           proved, for z = 2.149, and not fitted. It speaks of items chosen without the hash's key. Then InternalFault
           is raised, before anything of the table has been sent; another session has another key.
Timing     Which bins are looked at, and for how long, hangs on the items.
Cost       Per item, on one core: places 15 ns, placement 65 ns for n = 2^16, 115 for 2^20, 170 for 2^22, where bins
           miss the cache. Memory: 16 bytes a bin, and 9 of the table; 12 an item.
Reference  Hall, 1935; Fountoulakis, Panagiotou, APPROX 2010, for the bins wanted twice; Fotakis, Pagh, Sanders,
           Spirakis, STACS 2003, for more than two bins and the search.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InternalFault, InvalidRequest

CHOICES: Final = 3
MOST: Final = 1 << 24  # items, up to which the bound is computed
NONE: Final = 0xFFFFFFFF

Places = NDArray[np.uint32]
_SPARE: Final = 128
_MOST_BINS: Final = 1 << 25  # times a piece of 39 bits is a word


@dataclass(frozen=True, slots=True)
class Table:
    """Who is in each bin.

    row      int64 (B,), the item's row; -1 where the bin is empty
    choice   uint8 (B,), by which of its three places the item is there; 0 where the bin is empty
    """

    row: NDArray[np.int64]
    choice: NDArray[np.uint8]

    def __repr__(self) -> str:
        return f"Table({len(self.row)} bins)"


def bins(n: int) -> int:
    """How many bins n items have. raises InvalidRequest: a negative number, or more than 2^24"""
    if not 0 <= n <= MOST:
        raise InvalidRequest(f"{n} items in a cuckoo table; it takes 0 to {MOST}")
    return -(-13 * n // 10) + _SPARE


def places(hashed: NDArray[np.uint64], count: int) -> Places:
    """The three bins of every item: uint32 (n, 3), distinct.

    hashed   uint64 (n, 2), a hash of each item under a key of the session
    count    bins
    raises   InvalidRequest  other than such an array; fewer than three bins, or more than 2^25
    """
    if hashed.dtype != np.uint64 or hashed.ndim != 2 or hashed.shape[1] != 2:
        raise InvalidRequest(f"hashes are {hashed.dtype} {hashed.shape}; places are made of uint64 (n, 2)")
    if not CHOICES <= count <= _MOST_BINS:
        raise InvalidRequest(f"{count} bins; a cuckoo table has 3 to {_MOST_BINS}")
    from securecompute.primitives import cuckoo_kernels

    found = np.empty((len(hashed), CHOICES), np.uint32)
    cuckoo_kernels.places(np.ascontiguousarray(hashed), np.uint64(count), found)
    return found


def place(wanted: Places, count: int) -> Table:
    """Every item in one of its bins.

    wanted   uint32 (n, 3), as `places` gives
    raises   InvalidRequest  other than such an array, or a bin that is none
             InternalFault   no placement exists
    """
    if wanted.dtype != np.uint32 or wanted.ndim != 2 or wanted.shape[1] != CHOICES:
        raise InvalidRequest(f"places are {wanted.dtype} {wanted.shape}; expected uint32 (n, 3)")
    if wanted.max(initial=0) >= count:
        raise InvalidRequest("a place is beyond the last bin")
    from securecompute.primitives import cuckoo_kernels

    wanted, item = np.ascontiguousarray(wanted), np.full(count, NONE, np.uint32)
    if not cuckoo_kernels.place(wanted, item, *(np.zeros(count, np.uint32) for _ in range(3))):
        raise InternalFault("a cuckoo table has no placement of these items; nothing was sent. Begin a new session")
    choice = np.zeros(count, np.uint8)
    cuckoo_kernels.choices(wanted, item, choice)
    row = item.astype(np.int64)
    row[item == NONE] = -1
    return Table(row, choice)


def warm() -> None:
    """Compile, or load, the kernels."""
    place(places(np.zeros((1, 2), np.uint64), CHOICES), CHOICES)
