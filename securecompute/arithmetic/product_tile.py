"""The innermost loop of a product mod 2⁶⁴, written as vector instructions: one tile of C, kept in registers.

    C[i, j] += Σₖ A[i, k] B[k, j] mod 2⁶⁴      i < rows, j < vectors · lanes

Numbers of 64 bits are multiplied in one of two ways, by what the processor has.

One word   a b by the instruction for words of 64 bits (AVX-512: vpmullq), for every k.
Pairs      Winograd's pairs of k, which hold in every commutative ring and halve the multiplications,

               x₁y₁ + x₂y₂ = (x₁ + y₂)(x₂ + y₁) − x₁x₂ − y₁y₂,

           of which the tile adds up the first term alone: x₁x₂ belongs to a row of A and y₁y₂ to a column of B, and
           the caller subtracts these sums. With s = s₀ + 2³²s₁ the product is cut in two,

               s t = s₀t₀ + 2³² (s₀t₁ + s₁t₀)  mod 2⁶⁴:

           s₀t₀ as 64 bits (AVX2: vpmuludq), and the two others mod 2³² side by side (vpmulld, t with its halves
           exchanged), in two accumulators that are joined after the last k. Four sums of two products take 7
           instructions on vectors; with three products of 64 bits for every k they would take 14.

Exact      Everything is addition and multiplication mod 2⁶⁴ or mod 2³², which wrap by definition in this language.
Reference  Winograd, A New Algorithm for Inner Product, IEEE Trans. Computers 1968; the loop after Van Zee and van de
           Geijn, BLIS, ACM TOMS 2015.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

WORD, HALF = ir.IntType(64), ir.IntType(32)
_LOW = 0xFFFFFFFF


class _Emitter:
    """Instructions for one tile: vectors of `lanes` words, `pairs` numbers of each row of A in a step."""

    def __init__(self, builder: Any, rows: int, vectors: int, lanes: int, pairs: int) -> None:
        self.builder, self.lanes, self.pairs = builder, lanes, pairs
        self.words, self.halves = ir.VectorType(WORD, lanes), ir.VectorType(HALF, 2 * lanes)
        self.cells = [(i, j) for i in range(rows) for j in range(vectors)]
        self.rows, self.vectors = rows, vectors

    def at(self, address: Any, offset: int) -> Any:
        return self.builder.add(address, WORD(offset))

    def all_lanes(self, value: int) -> Any:
        return ir.Constant(self.words, [value] * self.lanes)

    def load(self, address: Any) -> Any:
        return self.builder.load(self.builder.inttoptr(address, self.words.as_pointer()), align=8)

    def store(self, vector: Any, address: Any) -> None:
        self.builder.store(vector, self.builder.inttoptr(address, self.words.as_pointer()), align=8)

    def broadcast(self, address: Any) -> Any:
        word = self.builder.load(self.builder.inttoptr(address, WORD.as_pointer()), align=8)
        undefined = ir.Constant(self.words, ir.Undefined)
        first = self.builder.insert_element(undefined, word, HALF(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(HALF, self.lanes), None))

    def accumulators(self) -> list[Any]:
        """Of each cell: a sum of words; for pairs also one of halves."""
        kinds = [self.words] if self.pairs == 1 else [self.words, self.halves]
        return [self.builder.phi(kind) for _ in self.cells for kind in kinds]

    def step(self, sums: list[Any], a_rows: list[Any], a_step: Any, b: Any) -> list[Any]:
        """The sums after one k, or after a pair of them."""
        size = 8 * self.lanes
        if self.pairs == 1:
            columns = [self.load(self.at(b, size * j)) for j in range(self.vectors)]
            elements = [self.broadcast(address) for address in a_rows]
            products = [self.builder.mul(elements[i], columns[j]) for i, j in self.cells]
            return [self.builder.add(total, product) for total, product in zip(sums, products, strict=True)]
        after = []
        for i in range(self.rows):
            x1, x2 = self.broadcast(a_rows[i]), self.broadcast(self.builder.add(a_rows[i], a_step))
            for j in range(self.vectors):
                s = self.builder.add(x1, self.load(self.at(b, size * 2 * j)))
                t = self.builder.add(x2, self.load(self.at(b, size * (2 * j + 1))))
                cell = 2 * (i * self.vectors + j)
                after += self.split_product(sums[cell], sums[cell + 1], s, t)
        return after

    def split_product(self, low: Any, cross: Any, s: Any, t: Any) -> list[Any]:
        """low + s₀t₀, and cross + (s₀t₁, s₁t₀)."""
        build, mask = self.builder, self.all_lanes(_LOW)
        product = build.mul(build.and_(s, mask), build.and_(t, mask))
        exchange = ir.Constant(ir.VectorType(HALF, 2 * self.lanes), [n ^ 1 for n in range(2 * self.lanes)])
        halves = build.bitcast(t, self.halves)
        exchanged = build.shuffle_vector(halves, ir.Constant(self.halves, ir.Undefined), exchange)
        crossed = build.mul(build.bitcast(s, self.halves), exchanged)
        return [build.add(low, product), build.add(cross, crossed)]

    def joined(self, sums: list[Any], cell: int) -> Any:
        """What is added to C: low + 2³² (both crossed sums)."""
        if self.pairs == 1:
            return sums[cell]
        low, cross = sums[2 * cell], self.builder.bitcast(sums[2 * cell + 1], self.words)
        even = self.builder.shl(cross, self.all_lanes(32))
        odd = self.builder.and_(cross, self.all_lanes(_LOW << 32))
        return self.builder.add(low, self.builder.add(even, odd))


def _emit(
    builder: Any, shape: tuple[int, ...], a: Any, a_row: Any, a_step: Any, b: Any, c: Any, c_row: Any, n: Any
) -> None:
    emitter = _Emitter(builder, *shape)
    rows, vectors, lanes, pairs = shape
    before = builder.block
    loop, after = builder.append_basic_block("steps"), builder.append_basic_block("done")
    starts = [builder.add(a, builder.mul(a_row, WORD(i))) for i in range(rows)]
    a_pace = builder.mul(a_step, WORD(pairs))
    builder.branch(loop)
    builder.position_at_end(loop)
    k, offset, position = builder.phi(WORD), builder.phi(WORD), builder.phi(WORD)
    sums = emitter.accumulators()
    new = emitter.step(sums, [builder.add(start, offset) for start in starts], a_step, position)
    following = builder.add(k, WORD(1)), builder.add(offset, a_pace), emitter.at(position, 8 * lanes * vectors * pairs)
    first = [WORD(0), WORD(0), b, *(ir.Constant(total.type, None) for total in sums)]
    for phi, start, then in zip([k, offset, position, *sums], first, [*following, *new], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(then, loop)
    builder.cbranch(builder.icmp_unsigned("<", following[0], n), loop, after)
    builder.position_at_end(after)
    for cell, (i, j) in enumerate(emitter.cells):
        address = emitter.at(builder.add(c, builder.mul(c_row, WORD(i))), 8 * lanes * j)
        emitter.store(builder.add(emitter.load(address), emitter.joined(new, cell)), address)


def _tile(_context: Any, rows: Any, vectors: Any, lanes: Any, pairs: Any, *addresses: Any) -> tuple[Any, Any]:
    shape = tuple(literal.literal_value for literal in (rows, vectors, lanes, pairs))
    signature = types.void(rows, vectors, lanes, pairs, *[types.intp] * len(addresses))

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _emit(builder, shape, *arguments[4:])
        return context.get_dummy_value()

    return signature, generate


def _emit_tile(
    context: Any,
    rows: Any,
    vectors: Any,
    lanes: Any,
    pairs: Any,
    a: Any,
    a_row: Any,
    a_step: Any,
    b: Any,
    c: Any,
    c_row: Any,
    steps: Any,
) -> tuple[Any, Any]:
    return _tile(context, rows, vectors, lanes, pairs, a, a_row, a_step, b, c, c_row, steps)


def _emit_words_at(_context: Any, address: Any) -> tuple[Any, Any]:
    pointer = types.CPointer(types.uint64)
    generate: Callable[..., Any] = lambda context, builder, _, arguments: builder.inttoptr(
        arguments[0], context.get_value_type(pointer)
    )
    return pointer(types.intp), generate


tile: Any = intrinsic(prefer_literal=True)(_emit_tile)
words_at: Any = intrinsic(_emit_words_at)
