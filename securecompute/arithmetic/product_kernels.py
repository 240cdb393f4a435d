"""Compiled products of matrices mod 2⁶⁴: blocks of A and B are copied in the order in which tiles read them.

    C[i, j] += Σₖ A[i, k] B[k, j] mod 2⁶⁴

A tile is one row of C, or eight, by up to three vectors, and stays in registers while k runs. Its loop is written as
vector instructions; numbers of 64 bits are multiplied in one of two ways, by what the processor has (`kind_here`).

Words      a b by the instruction for words of 64 bits (AVX-512: vpmullq), for every k.
Pairs      Winograd's pairs of k, which hold in every commutative ring and halve the multiplications,

               x₁y₁ + x₂y₂ = (x₁ + y₂)(x₂ + y₁) − x₁x₂ − y₁y₂,

           of which tiles add up the first term: x₁x₂ belongs to a row of A and y₁y₂ to a column of B, so that these
           sums are subtracted once at the end. With s = s₀ + 2³²s₁ a product is cut in two,

               s t = s₀t₀ + 2³² (s₀t₁ + s₁t₀)  mod 2⁶⁴:

           s₀t₀ as 64 bits (AVX2: vpmuludq), and the two others mod 2³² side by side (vpmulld, the halves of t
           exchanged), in two accumulators that are joined after the last k. That is 7 instructions on vectors for
           two k, where three products of 64 bits for each k would be 14 or more.

Exact      Additions and multiplications mod 2⁶⁴ or 2³², which wrap by definition in uint64 and in LLVM's language.
Cost       Pairs by 4 lanes: at most 4/7 of what fused multiply-add on doubles can do with the same registers, for the
           7 instructions share four units. To load the compiler and the kernels takes 2 s in each process; to compile
           them, 5 s once: they are kept beside this file, or in the user's cache folder where that is read-only.
Reference  Winograd, A New Algorithm for Inner Product, IEEE Trans. Computers 1968; blocks after Van Zee and van de
           Geijn, BLIS, ACM TOMS 2015.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numba.np.numpy_support import carray
from numpy.typing import NDArray

from securecompute.arithmetic.compiled import compiled

Words: TypeAlias = NDArray[np.uint64]

VECTORS = 3  # of a tile at most; pairs have 6 accumulators then, and 16 registers
GAP = 8  # words between rows of a block of A, so that they do not all want the same lines of the cache
WIDE = 480  # columns of a block of B: a multiple of 3 vectors of 4 and of 8 lanes
_STRIP = 1024  # words of a result that stays in the first-level cache
_WORD, _HALF = ir.IntType(64), ir.IntType(32)
_LOW = 0xFFFFFFFF
_POINTER: Any = types.CPointer


@dataclass(frozen=True)
class Kind:
    """How tiles multiply: so many numbers of a row at once, rows, lanes; and the k and the rows of a block of A."""

    name: str
    pairs: int
    rows: int
    lanes: int
    depth: int  # of a block, so that 3 vectors of B by so many k stay in the first-level cache
    tall: int


PAIRS = Kind("products in halves, 4 lanes", pairs=2, rows=1, lanes=4, depth=160, tall=192)
WORDS = Kind("products of words, 8 lanes", pairs=1, rows=8, lanes=8, depth=256, tall=96)


def kind_here() -> Kind:
    """Words where the compiler may use the instruction for them, as NUMBA_CPU_FEATURES or this processor says."""
    features: str = cpu_target.target_context.codegen().magic_tuple()[2]
    return WORDS if "+avx512dq" in features.split(",") else PAIRS


class _Emitter:
    """Instructions for one tile: vectors of `lanes` words, `pairs` numbers of each row of A in a step."""

    def __init__(self, builder: Any, rows: int, vectors: int, lanes: int, pairs: int) -> None:
        self.build, self.rows, self.vectors, self.lanes, self.pairs = builder, rows, vectors, lanes, pairs
        self.words, self.halves = ir.VectorType(_WORD, lanes), ir.VectorType(_HALF, 2 * lanes)
        self.cells = [(i, j) for i in range(rows) for j in range(vectors)]

    def all_lanes(self, value: int) -> Any:
        return ir.Constant(self.words, [value] * self.lanes)

    def vector(self, address: Any, place: int) -> Any:
        """Pointer to the vector at that place of a row."""
        there = self.build.add(address, _WORD(8 * self.lanes * place))
        return self.build.inttoptr(there, self.words.as_pointer())

    def load(self, address: Any, place: int) -> Any:
        return self.build.load(self.vector(address, place), align=8)

    def broadcast(self, address: Any) -> Any:
        word = self.build.load(self.build.inttoptr(address, _WORD.as_pointer()), align=8)
        unset = ir.Constant(self.words, ir.Undefined)
        first = self.build.insert_element(unset, word, _HALF(0))
        return self.build.shuffle_vector(first, unset, ir.Constant(ir.VectorType(_HALF, self.lanes), None))

    def accumulators(self) -> list[Any]:
        """Of each cell: a sum of words, and for pairs also one of halves."""
        kinds = [self.words, self.halves][: self.pairs]
        return [self.build.phi(kind) for _ in self.cells for kind in kinds]

    def step(self, sums: list[Any], a_rows: list[Any], a_step: Any, b: Any) -> list[Any]:
        """The sums after one k, or after two."""
        first = [self.broadcast(address) for address in a_rows]
        if self.pairs == 1:
            columns = [self.load(b, j) for j in range(self.vectors)]
            products = [self.build.mul(first[i], columns[j]) for i, j in self.cells]
            return [self.build.add(total, product) for total, product in zip(sums, products, strict=True)]
        second = [self.broadcast(self.build.add(address, a_step)) for address in a_rows]
        after = []
        for cell, (i, j) in enumerate(self.cells):
            s = self.build.add(first[i], self.load(b, self.vectors + j))
            t = self.build.add(second[i], self.load(b, j))
            after += self.add_product(sums[2 * cell], sums[2 * cell + 1], s, t)
        return after

    def add_product(self, low: Any, cross: Any, s: Any, t: Any) -> list[Any]:
        """low + s₀t₀, and cross + (s₀t₁, s₁t₀)."""
        mask = self.all_lanes(_LOW)
        product = self.build.mul(self.build.and_(s, mask), self.build.and_(t, mask))
        order = ir.Constant(ir.VectorType(_HALF, 2 * self.lanes), [n ^ 1 for n in range(2 * self.lanes)])
        exchanged = self.build.shuffle_vector(
            self.build.bitcast(t, self.halves), ir.Constant(self.halves, ir.Undefined), order
        )
        crossed = self.build.mul(self.build.bitcast(s, self.halves), exchanged)
        return [self.build.add(low, product), self.build.add(cross, crossed)]

    def joined(self, sums: list[Any], cell: int) -> Any:
        """What is added to C: low + 2³² (both sums of cross)."""
        if self.pairs == 1:
            return sums[cell]
        low, cross = sums[2 * cell], self.build.bitcast(sums[2 * cell + 1], self.words)
        odd = self.build.and_(cross, self.all_lanes(_LOW << 32))
        return self.build.add(low, self.build.add(odd, self.build.shl(cross, self.all_lanes(32))))


def _emit(builder: Any, shape: tuple[int, int, int, int], arguments: list[Any]) -> None:
    """The loop over k, and C += its sums."""
    emit, (rows, vectors, lanes, pairs) = _Emitter(builder, *shape), shape
    a, a_row, a_step, b, c, c_row, steps = arguments
    before, loop = builder.block, builder.append_basic_block("steps")
    after = builder.append_basic_block("sums")
    starts = [builder.add(a, builder.mul(a_row, _WORD(i))) for i in range(rows)]
    pace = builder.mul(a_step, _WORD(pairs))
    builder.branch(loop)
    builder.position_at_end(loop)
    k, along, there = (builder.phi(_WORD) for _ in range(3))
    sums = emit.accumulators()
    new = emit.step(sums, [builder.add(start, along) for start in starts], a_step, there)
    size = 8 * lanes * vectors * pairs
    then = [builder.add(k, _WORD(1)), builder.add(along, pace), builder.add(there, _WORD(size)), *new]
    first = [_WORD(0), _WORD(0), b, *(ir.Constant(total.type, None) for total in sums)]
    for phi, start, following in zip([k, along, there, *sums], first, then, strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(following, loop)
    builder.cbranch(builder.icmp_unsigned("<", then[0], steps), loop, after)
    builder.position_at_end(after)
    for cell, (i, j) in enumerate(emit.cells):
        row = builder.add(c, builder.mul(c_row, _WORD(i)))
        builder.store(builder.add(emit.load(row, j), emit.joined(new, cell)), emit.vector(row, j), align=8)


def _emit_tile(
    _context: Any, rows: Any, vectors: Any, lanes: Any, pairs: Any, a: Any, a_row: Any, a_step: Any, b: Any, c: Any,
    c_row: Any, steps: Any,
) -> tuple[Any, Any]:  # fmt: skip
    shape = (rows.literal_value, vectors.literal_value, lanes.literal_value, pairs.literal_value)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _emit(builder, shape, arguments[4:])
        return context.get_dummy_value()

    return types.void(rows, vectors, lanes, pairs, a, a_row, a_step, b, c, c_row, steps), generate


def _emit_words_at(_context: Any, _address: Any) -> tuple[Any, Any]:
    pointer = _POINTER(types.uint64)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(pointer))

    return pointer(types.intp), generate


_tile: Any = intrinsic(prefer_literal=True)(_emit_tile)
_words_at: Any = intrinsic(_emit_words_at)


@numba.njit
def _copy(to, to_run, x, x_run, x_word, runs, length, all_runs, all_length):  # type: ignore[no-untyped-def]
    """Copy runs of words, with zeros after the end of each and after the last."""
    for r in range(all_runs):
        out = carray(_words_at(to + r * to_run), (all_length,))
        got = length if r < runs else 0
        if x_word == 8:
            run = carray(_words_at(x + r * x_run), (length,))
            for j in range(got):
                out[j] = run[j]
        else:
            for j in range(got):
                out[j] = carray(_words_at(x + r * x_run + j * x_word), (1,))[0]
        for j in range(got, all_length):
            out[j] = np.uint64(0)


@numba.njit
def _add_pairs(sums, x, k_step, j_step, ks, js):  # type: ignore[no-untyped-def]
    """sums[j] += Σ x[k, j] x[k + 1, j] over k = 0, 2, ...; a last k without another is 0 times what follows it."""
    out = carray(_words_at(sums), (js,))
    if j_step == 8:
        for k in range(0, ks - 1, 2):
            even = carray(_words_at(x + k * k_step), (js,))
            odd = carray(_words_at(x + (k + 1) * k_step), (js,))
            for j in range(js):
                out[j] += even[j] * odd[j]
        return
    for j in range(js):
        total = np.uint64(0)
        for k in range(0, ks - 1, 2):
            even = carray(_words_at(x + j * j_step + k * k_step), (1,))
            odd = carray(_words_at(x + j * j_step + (k + 1) * k_step), (1,))
            total += even[0] * odd[0]
        out[j] += total


@numba.njit
def _subtract(c, c_row, m, n, of_rows, of_columns):  # type: ignore[no-untyped-def]
    """C[i, j] -= the pairs of row i of A and of column j of B."""
    rows, columns = carray(_words_at(of_rows), (m,)), carray(_words_at(of_columns), (n,))
    for i in range(m):
        row = carray(_words_at(c + i * c_row), (n,))
        for j in range(n):
            row[j] -= rows[i] + columns[j]


@numba.njit
def _tiles_of_pairs(a, a_row, a_step, b, c, c_row, steps, vectors, m):  # type: ignore[no-untyped-def]
    for i in range(m):
        if vectors == 3:
            _tile(1, 3, 4, 2, a + i * a_row, a_row, a_step, b, c + i * c_row, c_row, steps)
        elif vectors == 2:
            _tile(1, 2, 4, 2, a + i * a_row, a_row, a_step, b, c + i * c_row, c_row, steps)
        else:
            _tile(1, 1, 4, 2, a + i * a_row, a_row, a_step, b, c + i * c_row, c_row, steps)


@numba.njit
def _tiles_of_words(a, a_row, a_step, b, c, c_row, steps, vectors, m):  # type: ignore[no-untyped-def]
    for i in range(0, m, 8):
        if vectors == 3:
            _tile(8, 3, 8, 1, a + i * a_row, a_row, a_step, b, c + i * c_row, c_row, steps)
        elif vectors == 2:
            _tile(8, 2, 8, 1, a + i * a_row, a_row, a_step, b, c + i * c_row, c_row, steps)
        else:
            _tile(8, 1, 8, 1, a + i * a_row, a_row, a_step, b, c + i * c_row, c_row, steps)


@numba.njit
def _block_of_b(to, b, b_row, b_col, ks, all_ks, js, lanes):  # type: ignore[no-untyped-def]
    """Panels of three vectors by all k, the last one of fewer, each with the columns of one k beside each other."""
    for j in range(0, js, VECTORS * lanes):
        have = min(VECTORS * lanes, js - j)
        width = (have + lanes - 1) // lanes * lanes
        _copy(to + 8 * j * all_ks, 8 * width, b + j * b_col, b_row, b_col, ks, have, all_ks, width)


@numba.njit
def _tiles(pairs, lanes, a, a_row, a_step, b, c, c_row, ks, m, n, reach):  # type: ignore[no-untyped-def]
    """The tiles of a block, down to the first `reach` rows and as many more as they are to the right."""
    for j in range(0, n, VECTORS * lanes):
        vectors = (min(VECTORS * lanes, n - j) + lanes - 1) // lanes
        last = min(m, max(0, reach + j + vectors * lanes))
        if pairs == 2:
            _tiles_of_pairs(a, a_row, a_step, b + 8 * j * ks, c + 8 * j, c_row, ks // 2, vectors, last)
        else:
            _tiles_of_words(a, a_row, a_step, b + 8 * j * ks, c + 8 * j, c_row, ks, vectors, last)


@compiled
def _multiply(pairs, rows, lanes, depth, tall, wide, room, a, a_row, a_col, b, b_row, b_col, c, c_row, m, n, ks, upper):  # type: ignore[no-untyped-def]
    """C += A B by blocks. Addresses, and steps in bytes; `room` begins with m + n zeros; A is m by ks, B ks by n."""
    of_rows, of_columns = room, room + 8 * m
    b_room = (of_columns + 8 * n + 63) // 64 * 64
    a_room = b_room + 8 * depth * wide
    a_line, a_step = (8 * (depth + GAP), 8) if a_col == 8 else (8, 8 * (tall + GAP))
    for j in range(0, n, wide):
        for k in range(0, ks, depth):
            nb, kb = min(wide, n - j), min(depth, ks - k)
            all_k = (kb + pairs - 1) // pairs * pairs
            here = b + k * b_row + j * b_col
            _block_of_b(b_room, here, b_row, b_col, kb, all_k, nb, lanes)
            if pairs == 2:
                _add_pairs(of_columns + 8 * j, here, b_row, b_col, kb, nb)
            for i in range(0, min(m, j + nb) if upper else m, tall):
                mb = min(tall, m - i)
                all_m = (mb + rows - 1) // rows * rows
                there = a + i * a_row + k * a_col
                if a_col == 8:
                    _copy(a_room, a_line, there, a_row, a_col, mb, kb, all_m, all_k)
                else:
                    _copy(a_room, a_step, there, a_col, a_row, kb, mb, all_k, all_m)
                if pairs == 2 and j == 0 and not upper:
                    _add_pairs(of_rows + 8 * i, there, a_col, a_row, kb, mb)
                reach = j - i if upper else all_m
                at = c + i * c_row + 8 * j
                _tiles(pairs, lanes, a_room, a_line, a_step, b_room, at, c_row, all_k, all_m, nb, reach)
    if pairs == 2:
        _subtract(c, c_row, m, n, of_columns if upper else of_rows, of_columns)


@compiled
def _times_vector(a, a_row, a_col, x, x_step, y, m, ks):  # type: ignore[no-untyped-def]
    """y = A x, one of A's steps being 8 bytes; y begins as zeros."""
    out = carray(_words_at(y), (m,))
    if a_col == 8 and x_step == 8:
        right = carray(_words_at(x), (ks,))
        for i in range(m):
            row = carray(_words_at(a + i * a_row), (ks,))
            total = np.uint64(0)
            for k in range(ks):
                total += row[k] * right[k]
            out[i] = total
        return
    for i in range(0, m, _STRIP):
        size = min(_STRIP, m - i)
        for k in range(ks):
            by = carray(_words_at(x + k * x_step), (1,))[0]
            for r in range(size):
                out[i + r] += carray(_words_at(a + (i + r) * a_row + k * a_col), (1,))[0] * by


@compiled
def _plainly(a, b, c):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            by = a[i, k]
            for j in range(b.shape[1]):
                c[i, j] += by * b[k, j]


def add_product(kind: Kind, c: Words, a: Words, b: Words, upper: bool = False) -> None:
    """C += A B mod 2⁶⁴, in place.

    c       uint64, rows contiguous, (m, n) or more: as many rows and columns as `padded` says, of which those beyond m
            and n get anything
    a, b    uint64 (m, k), (k, n), none of them 0; one step of each is of 8 bytes, or else it is slow
    upper   B is Aᵀ's transpose, so that C is symmetric, and only what is on or above the diagonal is wanted; below it C
            gets anything
    """
    (m, k), n = a.shape, b.shape[1]
    depth, tall, wide = min(kind.depth, k + 1), min(kind.tall, m + kind.rows), min(WIDE, n + VECTORS * kind.lanes)
    room = np.empty(m + n + GAP + depth * wide + (depth + GAP) * (tall + GAP), np.uint64)
    room[: m + n] = 0
    left, right = (a.ctypes.data, *a.strides), (b.ctypes.data, *b.strides)
    shape = (kind.pairs, kind.rows, kind.lanes, depth, tall, wide)
    _multiply(*shape, room.ctypes.data, *left, *right, c.ctypes.data, c.strides[0], m, n, k, upper)


def padded(kind: Kind, m: int, n: int) -> tuple[int, int]:
    """The shape that C must have at least."""
    return -(-m // kind.rows) * kind.rows, -(-n // kind.lanes) * kind.lanes


def times_vector(a: Words, x: Words) -> Words:
    """A x mod 2⁶⁴ at the speed of memory: uint64 (m, k) and (k,) give (m,); one step of a is of 8 bytes."""
    y = np.zeros(a.shape[0], np.uint64)
    _times_vector(a.ctypes.data, *a.strides, x.ctypes.data, *x.strides, y.ctypes.data, *a.shape)
    return y


def plain_product(a: Words, b: Words) -> Words:
    """A B mod 2⁶⁴ by three loops, for where the tiles do not pass their test."""
    c = np.zeros((a.shape[0], b.shape[1]), np.uint64)
    _plainly(np.ascontiguousarray(a), np.ascontiguousarray(b), c)
    return c
