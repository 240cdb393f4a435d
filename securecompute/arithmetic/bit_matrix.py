"""The transpose of a matrix of bits that are packed in words.

    bit c of row r  =  rows[r, c // 64] >> (c mod 64) & 1,      transposed: bit r of row c

It turns k long streams of bits, one for each base transfer, into one row of k bits for each extended transfer.

Timing     No branch and no address depends on a bit.
Cost       15 ms for 128 streams of 2^20 bits, one core; memory that was never touched costs more than the work.
"""

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest


def transpose(rows: NDArray[np.uint64], out: NDArray[np.uint64] | None = None) -> NDArray[np.uint64]:
    """The transpose: uint64 (64 w, k / 64).

    rows     uint64 (k, w), k a multiple of 64; only read
    out      uint64 (64 w, k / 64), contiguous, apart from `rows`; written and returned
    raises   InvalidRequest  other arrays than these
    """
    from securecompute.arithmetic import bit_matrix_kernels

    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint64 or rows.ndim != 2 or len(rows) % 64:
        raise InvalidRequest("rows to transpose are uint64 (k, w), k a multiple of 64")
    shape = 64 * rows.shape[1], len(rows) // 64
    if out is None:
        out = np.empty(shape, np.uint64)
    elif out.dtype != np.uint64 or out.shape != shape or not (out.flags.carray and out.flags.c_contiguous):
        raise InvalidRequest(f"out is {out.dtype} {out.shape}; expected contiguous, writeable uint64 {shape}")
    view = np.require(rows, requirements=("C", "A"))[:]
    view.flags.writeable = False  # one compiled kernel for arrays of both kinds
    bit_matrix_kernels.transpose(view, out)
    return out


def warm() -> None:
    """Compile the kernel, or load it from the cache, so that no question waits for it."""
    transpose(np.zeros((64, 1), np.uint64))
