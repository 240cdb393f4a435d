"""What every protocol on sets starts with: a set is what was declared of it, and leaves in no order of its own.

Identifiers are `Plain`, uint64 (n, 2): 128 bits each, the low word first, no two rows equal, and padded by the caller
to the declared n with random rows where the true size is to be hidden.

Cost       A table of the rows for the check, 25 ms for 2^20.
"""

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.primitives.masks import KEY_BYTES, Reader
from securecompute.primitives.randomness import Randomness
from securecompute.values import Plain


def declared_set(x: Plain, n: int) -> NDArray[np.uint64]:
    """The rows of a set, if they are what was declared: uint64 (n, 2).

    raises   InvalidRequest  another dtype or shape, another number of rows, or two rows that are equal
    """
    from securecompute.arithmetic.lookup import has_equal_rows  # loads the compiler

    ids = declared_rows(x, n)
    if has_equal_rows(ids):
        raise InvalidRequest("an identifier occurs twice in a set; choose a rule for duplicates")
    return ids


def declared_rows(x: Plain, n: int) -> NDArray[np.uint64]:
    """As `declared_set`, where something else finds equal rows."""
    ids: NDArray[np.uint64] = x.elements
    if ids.dtype != np.uint64 or ids.ndim != 2 or ids.shape[1] != 2:
        raise InvalidRequest(f"identifiers are {ids.dtype} {ids.shape}; expected uint64 (n, 2)")
    if len(ids) != n:
        raise InvalidRequest("a set has another size than was declared; pad it to the declared size, or declare anew")
    return ids


def octets(ids: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The 16 bytes of each identifier, the same on every machine: uint8 (n, 16)."""
    return np.ascontiguousarray(ids, "<u8").view(np.uint8).reshape(len(ids), 16)


def uniform_order(n: int, randomness: Randomness) -> NDArray[np.int64]:
    """A uniform permutation that only the caller knows, for x[order]: int64 (n,)."""
    from securecompute.arithmetic.permutations import SPARE, permutation_of  # loads the compiler

    return permutation_of(Reader(randomness.bytes(KEY_BYTES)).words(n + SPARE))
