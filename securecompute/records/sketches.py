"""An institution's sketch: which cells its patients take.

    cell(id) = floor(M · h / 2⁶⁴),   h the low word of MMO_K(id),   K = HKDF(label of the key type, M)

Security   The cells are a public function of a person's data, as identifiers are (`identifiers`): a sketch hides
           nothing and leaves the institution in shares only. K hangs on the key type and on M, so that sketches of
           other fields or of another number of cells have nothing in common.
Accuracy   Of 2^64 values of h each cell has floor(2^64 / M) or one more: cells are equally likely within M 2^-64.
Cost       2^20 identifiers: 30 ms.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from securecompute.primitives.block_hash import KEY_BYTES, BlockHash
from securecompute.primitives.masks import derive
from securecompute.records.identifiers import Identifiers
from securecompute.records.key_types import KeyType

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(2**32 - 1)


def cells_of(found: Identifiers, cells: int) -> NDArray[np.int64]:
    """The cell of each identifier: int64 (n,), in their order.

    cells   M, at most 2^32
    """
    h = BlockHash(_key(found.key_type, cells))(found.ids)[:, 0]
    m = np.uint64(cells)
    carried = ((h & _LOW) * m) >> _HALF
    return (((h >> _HALF) * m + carried) >> _HALF).astype(np.int64)


def sketch(found: Identifiers, cells: int) -> NDArray[np.float64]:
    """1 in every cell that is some identifier's, else 0: float64 (cells,)."""
    taken = np.zeros(cells)
    taken[cells_of(found, cells)] = 1
    return taken


def _key(key_type: KeyType, cells: int) -> bytes:
    return derive(key_type.label(), b"securecompute/sketch", b"cells %d" % cells, KEY_BYTES)
