"""Compiled loops that multiply in GF(2^128): by the processor's instruction, by tables, or bit by bit.

    a b mod x^128 + x^7 + x^2 + x + 1,      x^128 = x^7 + x^2 + x + 1 = 0x87

Instruction   pclmulqdq gives the 128-bit product of two polynomials of 64 bits. Four of them make the 256-bit product
              l_0 + 2^64 l_1 + 2^128 h_0 + 2^192 h_1; h_1 0x87, then h_0 0x87, are folded into the words two below.
Tables        of one fixed factor f: entry [p, v] is f v x^(8p), so a product is the xor of 16 entries. Which entries
              are read depends on the other factor, so it can show in the time that the cache takes.
Bits          shift and add with masks: no branch and no address depends on a factor.

Exact      All three give the same words. Everything is uint64, where shifts are defined.
Cost       ns per product, one core: instruction 4, tables 10, bits 180; the tables of a factor take 0.02 ms.
Reference  Gueron and Kounavis, Intel Carry-Less Multiplication Instruction, 2010 (the product); tables after
           Shoup, On Fast and Provably Secure Message Authentication Based on Universal Hashing, CRYPTO 1996.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from securecompute.arithmetic.compiled import compiled

FOLD = np.uint64(0x87)
_0, _1, _63 = np.uint64(0), np.uint64(1), np.uint64(63)
_BYTE, _8 = np.uint64(0xFF), np.uint64(8)
_TUPLE: Any = types.UniTuple
_DECLARED: Any = cgutils.get_or_insert_function


def has_instruction() -> bool:
    """Whether the compiler may use pclmulqdq, as NUMBA_CPU_FEATURES or this processor says."""
    features: str = cpu_target.target_context.codegen().magic_tuple()[2]
    return "+pclmul" in features.split(",")


def _emit_carryless(_context: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """pclmulqdq of two words: (low, high) of their product as polynomials over GF(2)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lane, pair = ir.IntType(32), ir.VectorType(ir.IntType(64), 2)
        which = ir.Constant(ir.IntType(8), 0)
        shape = ir.FunctionType(pair, [pair, pair, which.type])
        instruction = _DECLARED(builder.module, shape, "llvm.x86.pclmulqdq")
        unset = ir.Constant(pair, ir.Undefined)  # the upper lanes are not read
        factors = [builder.insert_element(unset, word, lane(0)) for word in arguments]
        product = builder.call(instruction, [*factors, which])
        return context.make_tuple(
            builder, signature.return_type, [builder.extract_element(product, lane(k)) for k in (0, 1)]
        )

    return _TUPLE(types.uint64, 2)(types.uint64, types.uint64), generate


carryless: Any = intrinsic(_emit_carryless)


@numba.njit(inline="always")
def product(a0, a1, b0, b1):  # type: ignore[no-untyped-def]
    """(low, high) of a b, by the instruction."""
    l0, l1 = carryless(a0, b0)
    h0, h1 = carryless(a1, b1)
    m0, m1 = carryless(a0, b1)
    n0, n1 = carryless(a1, b0)
    l1 ^= m0 ^ n0
    h0 ^= m1 ^ n1
    t0, t1 = carryless(h1, FOLD)
    l1 ^= t0
    h0 ^= t1
    t0, t1 = carryless(h0, FOLD)
    return l0 ^ t0, l1 ^ t1


@numba.njit(inline="always")
def doubled(a0, a1):  # type: ignore[no-untyped-def]
    """(low, high) of a x."""
    return (a0 << _1) ^ (FOLD & (_0 - (a1 >> _63))), (a1 << _1) | (a0 >> _63)


@numba.njit(inline="always")
def looked_up(a0, a1, tables):  # type: ignore[no-untyped-def]
    """(low, high) of a f, from the tables of f."""
    c0, c1 = _0, _0
    for p in range(8):
        shift = _8 * np.uint64(p)
        low, high = (a0 >> shift) & _BYTE, (a1 >> shift) & _BYTE
        c0 ^= tables[p, low, 0] ^ tables[p + 8, high, 0]
        c1 ^= tables[p, low, 1] ^ tables[p + 8, high, 1]
    return c0, c1


@compiled
def tables_of(f0, f1):  # type: ignore[no-untyped-def]
    """uint64 (16, 256, 2): entry [p, v] is f v x^(8p)."""
    tables = np.zeros((16, 256, 2), np.uint64)
    for p in range(16):
        for k in range(8):
            bit = 1 << k
            for v in range(bit):
                tables[p, bit + v, 0] = tables[p, v, 0] ^ f0
                tables[p, bit + v, 1] = tables[p, v, 1] ^ f1
            f0, f1 = doubled(f0, f1)
    return tables


@compiled
def multiply_by_instruction(a, b, out):  # type: ignore[no-untyped-def]
    """out[i] = a[i] b[i]: uint64 (n, 2) each; out may be a or b."""
    for i in range(out.shape[0]):
        out[i, 0], out[i, 1] = product(a[i, 0], a[i, 1], b[i, 0], b[i, 1])


@compiled
def multiply_by_bits(a, b, out):  # type: ignore[no-untyped-def]
    """As `multiply_by_instruction`, by Horner's rule over the bits of b from the highest."""
    for i in range(out.shape[0]):
        c0, c1 = _0, _0
        for word in (b[i, 1], b[i, 0]):
            for k in range(64):
                c0, c1 = doubled(c0, c1)
                mask = _0 - ((word >> (_63 - np.uint64(k))) & _1)
                c0 ^= a[i, 0] & mask
                c1 ^= a[i, 1] & mask
        out[i, 0], out[i, 1] = c0, c1


@compiled
def times_by_instruction(a, f0, f1, out):  # type: ignore[no-untyped-def]
    """out[i] = a[i] f: uint64 (n, 2) each; out may be a."""
    for i in range(out.shape[0]):
        out[i, 0], out[i, 1] = product(a[i, 0], a[i, 1], f0, f1)


@compiled
def times_by_tables(a, tables, out):  # type: ignore[no-untyped-def]
    """As `times_by_instruction`, from the tables of f."""
    for i in range(out.shape[0]):
        out[i, 0], out[i, 1] = looked_up(a[i, 0], a[i, 1], tables)
