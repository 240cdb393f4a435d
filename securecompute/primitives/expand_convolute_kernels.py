"""Compiled loops of the expand-convolute code: one pass of the convolution, and the expander.

Cells lie one after the other, `words` = 2 or 4 uint64 each: one element of F, or one of each of two vectors that go
through the code together. A cell is one vector register, because stores and loads of the same size and place forward
to each other; a loop over words would be two to four times slower.

Exact      Sums are xor. Every length, and every index that is not drawn below a bound here, is the caller's to check.
Timing     Taps and picks are public. No branch and no address depends on a cell, except in `convolve_by_tables`, for
           processors without carry-less products, where entries of tables are chosen by cells.
Cost       one core, m = 350,000, L as many, 2 words or 4: a pass of the convolution 6 or 8 ms, the expander 12 or 26 ms
           while the cells stay in the last-level cache; four times as many, and it takes 12 to 20 times as long.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from securecompute.arithmetic.compiled import compiled
from securecompute.arithmetic.gf128_kernels import looked_up, product

DELAYS = 24
AHEAD = DELAYS + 1  # of the cell that a step multiplies
REGULAR, PICKS = 11, 21  # picks of one output: first one in each eleventh, the others anywhere

_WORD, _INDEX = ir.IntType(64), ir.IntType(32)
_NOTHING: Any = types.void


class _Cells:
    """A flat array of words, read and written as vectors of `words` of them."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any, words: int) -> None:
        self.build, self.words, self.vector = builder, words, ir.VectorType(_WORD, words)
        self._start = context.make_array(kind)(context, builder, array).data

    def _pointer(self, cell: Any, later: int) -> Any:
        word = self.build.add(self.build.mul(cell, _WORD(self.words)), _WORD(later * self.words))
        return self.build.bitcast(self.build.gep(self._start, [word]), self.vector.as_pointer())

    def load(self, cell: Any, later: int = 0) -> Any:
        return self.build.load(self._pointer(cell, later), align=8)

    def store(self, value: Any, cell: Any, later: int = 0) -> None:
        self.build.store(value, self._pointer(cell, later), align=8)


def _emit_delayed(_context: Any, words: Any, cells: Any, i: Any, taps: Any) -> tuple[Any, Any]:
    """cells[i + 1 + k] += cells[i] for the bits k < 24 of taps."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, array, index, bits = arguments
        at = _Cells(context, builder, signature.args[1], array, words.literal_value)
        x, unset = at.load(index), ir.Constant(at.vector, ir.Undefined)
        everywhere = ir.Constant(ir.VectorType(_INDEX, at.words), None)
        for k in range(DELAYS):
            mask = builder.ashr(builder.shl(bits, _WORD(63 - k)), _WORD(63))
            mask = builder.shuffle_vector(builder.insert_element(unset, mask, _INDEX(0)), unset, everywhere)
            at.store(builder.xor(at.load(index, 1 + k), builder.and_(x, mask)), index, 1 + k)
        return context.get_dummy_value()

    return _NOTHING(words, cells, types.intp, types.uint64), generate


def _emit_gather(
    _context: Any, words: Any, out: Any, i: Any, cells: Any, draws: Any, at: Any, part: Any, length: Any
) -> tuple[Any, Any]:
    """out[i] += cells[p] for the 21 picks p that draws[at : at + 21] say."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, to, row, source, drawn, first, eleventh, whole = arguments
        target = _Cells(context, builder, signature.args[1], to, words.literal_value)
        given = _Cells(context, builder, signature.args[3], source, words.literal_value)
        numbers = context.make_array(signature.args[4])(context, builder, drawn).data
        terms = [target.load(row)]
        for k in range(PICKS):
            number = builder.zext(builder.load(builder.gep(numbers, [builder.add(first, _WORD(k))])), _WORD)
            pick = builder.lshr(builder.mul(number, eleventh if k < REGULAR else whole), _WORD(32))
            if k < REGULAR:
                pick = builder.add(pick, builder.mul(eleventh, _WORD(k)))
            terms.append(given.load(pick))
        while len(terms) > 1:  # a tree, so that no sum waits for the slowest load
            pairs = zip(terms[0::2], terms[1::2], strict=False)
            terms = [builder.xor(a, b) for a, b in pairs] + terms[len(terms) // 2 * 2 :]
        target.store(terms[0], row)
        return context.get_dummy_value()

    return _NOTHING(words, out, types.intp, cells, draws, types.intp, types.uint64, types.uint64), generate


_delayed: Any = intrinsic(prefer_literal=True)(_emit_delayed)
_gather: Any = intrinsic(prefer_literal=True)(_emit_gather)


@numba.njit
def _delayed_round(words, cells, i, taps):  # type: ignore[no-untyped-def]
    """The same near the end of the cells, where i + 1 + k is mod L."""
    length = cells.size // words
    for k in range(DELAYS):
        mask = np.uint64(0) - ((taps >> np.uint64(k)) & np.uint64(1))
        to = i + 1 + k
        to = to if to < length else to - length
        for w in range(words):
            cells[words * to + w] ^= cells[words * i + w] & mask


@numba.njit(inline="always")
def _multiplied(cells, source, to, g0, g1):  # type: ignore[no-untyped-def]
    """An element of cell `to` becomes g times its sum with that of cell `source`: indices of words."""
    cells[to], cells[to + 1] = product(cells[to] ^ cells[source], cells[to + 1] ^ cells[source + 1], g0, g1)


@compiled
def convolve_by_instruction(words, cells, start, taps, g0, g1):  # type: ignore[no-untyped-def]
    """Steps start, start + 1, ... of a pass: after the delayed sums, cells[i + 25] = g (cells[i + 25] + cells[i]).

    cells    uint64 (words L,), L > 25, in place; indices are mod L
    taps     uint32, one for each step, bits 0 to 23; start + steps <= L
    """
    length = cells.size // words
    straight = max(0, min(taps.size, length - AHEAD - start))
    if words == 2:  # the loop is written twice, so that the compiler knows the size of a cell
        for i in range(start, start + straight):
            _delayed(2, cells, i, np.uint64(taps[i - start]))
            _multiplied(cells, 2 * i, 2 * (i + AHEAD), g0, g1)
    else:
        for i in range(start, start + straight):
            _delayed(4, cells, i, np.uint64(taps[i - start]))
            _multiplied(cells, 4 * i, 4 * (i + AHEAD), g0, g1)
            _multiplied(cells, 4 * i + 2, 4 * (i + AHEAD) + 2, g0, g1)
    for i in range(start + straight, start + taps.size):
        _delayed_round(words, cells, i, np.uint64(taps[i - start]))
        to = i + AHEAD if i + AHEAD < length else i + AHEAD - length
        for w in range(0, words, 2):
            _multiplied(cells, words * i + w, words * to + w, g0, g1)


@compiled
def convolve_by_tables(words, cells, start, taps, tables):  # type: ignore[no-untyped-def]
    """As `convolve_by_instruction`, from the tables of g."""
    length = cells.size // words
    for i in range(start, start + taps.size):
        to = i + AHEAD
        if to >= length:
            to -= length
            _delayed_round(words, cells, i, np.uint64(taps[i - start]))
        elif words == 2:
            _delayed(2, cells, i, np.uint64(taps[i - start]))
        else:
            _delayed(4, cells, i, np.uint64(taps[i - start]))
        for w in range(0, words, 2):
            a, b = words * i + w, words * to + w
            cells[b], cells[b + 1] = looked_up(cells[b] ^ cells[a], cells[b + 1] ^ cells[a + 1], tables)


@compiled
def expand(words, out, start, cells, draws):  # type: ignore[no-untyped-def]
    """out[i] += 21 cells, for i = start, start + 1, ...

    out      uint64 (words m,), apart from the cells, in place
    cells    uint64 (words L,), 11 <= L < 2^32
    draws    uint32, 21 for each i: u becomes floor(u range / 2^32), within an eleventh of the cells or all of them
    """
    length = cells.size // words
    part, whole = np.uint64(length // REGULAR), np.uint64(length)
    for row in range(draws.size // PICKS):
        if words == 2:
            _gather(2, out, start + row, cells, draws, PICKS * row, part, whole)
        else:
            _gather(4, out, start + row, cells, draws, PICKS * row, part, whole)
