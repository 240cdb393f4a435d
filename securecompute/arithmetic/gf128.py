"""Products in GF(2^128), the field of 128-bit blocks: many by many, or many by one fixed factor.

    x^128 = x^7 + x^2 + x + 1;      a block is uint64 (2,), bit k of word w the coefficient of x^(64w + k); + is xor

Polynomials are stored from the low end, as POLYVAL's are and as GHASH's, whose bits run the other way, are not.

Timing     With the processor's carry-less product no address and no branch depends on a number. Where it is missing,
           `multiply` works bit by bit, which has this property too, and `Factor` looks tables up, which has not: a
           program that shares the caches could learn of the numbers. `kernel_name` says which it is.
Cost       ns per product, one core: 4 with the instruction; without it 10 (`Factor`) and 180 (`multiply`). The first
           call loads or compiles the kernels, up to 1 s: `warm` does it ahead of time.
Reference  FIPS 197 and NIST SP 800-38D use this polynomial; RFC 8452 (POLYVAL) relates the two orders of bits.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.values import Opaque

Blocks: TypeAlias = NDArray[np.uint64]

BY_INSTRUCTION, BY_TABLES = "carry-less products", "tables"


def kernel_name() -> str:
    """How blocks are multiplied here."""
    from securecompute.arithmetic import gf128_kernels

    return BY_INSTRUCTION if gf128_kernels.has_instruction() else BY_TABLES


def checked_blocks(a: Blocks, what: str, columns: int = 2) -> Blocks:
    """The array as compiled kernels read it: contiguous, aligned and read-only, without a copy if it is so already.

    a        uint64 (n, columns)
    raises   InvalidRequest  of another dtype or shape
    """
    if not isinstance(a, np.ndarray) or a.dtype != np.uint64 or a.ndim != 2 or a.shape[1] != columns:
        raise InvalidRequest(f"{what} is {_described(a)}; expected uint64 (n, {columns})")
    view = np.require(a, requirements=("C", "A"))[:]
    view.flags.writeable = False  # one compiled kernel for arrays of both kinds
    return view


def multiply(a: Blocks, b: Blocks, out: Blocks | None = None) -> Blocks:
    """a[i] b[i] for every row.

    a, b     uint64 (n, 2), only read
    out      uint64 (n, 2), contiguous, written and returned; a or b itself, or apart from both
    raises   InvalidRequest  other arrays than these
    """
    from securecompute.arithmetic import gf128_kernels as kernels

    left, right = checked_blocks(a, "a"), checked_blocks(b, "b")
    if left.shape != right.shape:
        raise InvalidRequest(f"{len(left)} blocks by {len(right)}; expected as many")
    target = _target(out, left)
    by_instruction = kernel_name() == BY_INSTRUCTION
    (kernels.multiply_by_instruction if by_instruction else kernels.multiply_by_bits)(left, right, target)
    return target


class Factor(Opaque):
    """One block that multiplies many. It may be a secret: it shows nothing and cannot be pickled."""

    __slots__ = ("_tables", "_words")

    def __init__(self, block: Blocks) -> None:
        """block   uint64 (2,), copied. raises InvalidRequest: anything else"""
        if not isinstance(block, np.ndarray) or block.dtype != np.uint64 or block.shape != (2,):
            raise InvalidRequest(f"a factor is {_described(block)}; expected uint64 (2,)")
        from securecompute.arithmetic import gf128_kernels

        self._words = block[0], block[1]
        self._tables = None if kernel_name() == BY_INSTRUCTION else gf128_kernels.tables_of(*self._words)

    def times(self, a: Blocks, out: Blocks | None = None) -> Blocks:
        """a[i] times the factor, for every row.

        a        uint64 (n, 2), only read
        out      uint64 (n, 2), contiguous, written and returned; a itself, or apart from it
        raises   InvalidRequest  other arrays than these
        """
        from securecompute.arithmetic import gf128_kernels as kernels

        left = checked_blocks(a, "a")
        target = _target(out, left)
        if self._tables is None:
            kernels.times_by_instruction(left, *self._words, target)
        else:
            kernels.times_by_tables(left, self._tables, target)
        return target


def warm() -> None:
    """Compile the kernels that are used here, or load them from the cache, so that no question waits for them."""
    one = np.array([[1, 0]], np.uint64)
    Factor(one[0]).times(multiply(one, one))


def _target(out: Blocks | None, like: Blocks) -> Blocks:
    """`out` if it can be written to, or a new array."""
    if out is None:
        return np.empty(like.shape, np.uint64)
    if not isinstance(out, np.ndarray) or out.dtype != np.uint64 or out.shape != like.shape:
        raise InvalidRequest(f"out is {_described(out)}; expected uint64 {like.shape}")
    if not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
        raise InvalidRequest("out is read-only, not aligned or not contiguous")
    return out


def _described(a: object) -> str:
    return f"{a.dtype} {a.shape}" if isinstance(a, np.ndarray) else f"a {type(a).__name__}"
