"""What peeling leaves of a cluster, its 2-core, solved by elimination over GF(2).

    Σ_{j in three sparse columns} P[j] + Σ_{i in the dense bits} P[i] = value       one equation a row of the core

Rows are Python integers: the core's sparse columns from bit 0 on, the dense columns above them. A row's pivot is its
lowest bit, hence a sparse column while it has one. Columns without a pivot keep what the store holds; the pivots
follow, the highest first, since all other columns of a pivot's row stand above it.

Cost       Cores are rare: at the sizes of `okvs_parameters` 3 of 4000 clusters of 2^10 keys have one, of 2 rows, and
           none of 1500 of 2^14. Forced ones of 700 rows take 0.1 s.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Pivots = dict[int, tuple[int, int]]  # bit of the pivot -> bits of the row, number of the equations added up in it


def columns_of(rows: Words) -> NDArray[np.int64]:
    """The sparse columns that the rows use, ascending."""
    columns: NDArray[np.int64] = np.unique(_three(rows))
    return columns


def eliminate(rows: Words) -> Pivots | None:
    """Pivots of the core's rows, uint64 (k, 2); None if the rows are dependent, so that no store holds every value."""
    three = np.searchsorted(columns_of(rows), _three(rows))
    shift = int(three.max(initial=-1)) + 1
    pivots: Pivots = {}
    for k, ((a, b, c), dense) in enumerate(zip(three.tolist(), rows[:, 1].tolist(), strict=True)):
        bits, equations = (1 << a) ^ (1 << b) ^ (1 << c) ^ (dense << shift), 1 << k
        while bits:
            pivot = (bits & -bits).bit_length() - 1
            if pivot not in pivots:
                pivots[pivot] = bits, equations
                break
            bits, equations = bits ^ pivots[pivot][0], equations ^ pivots[pivot][1]
        else:
            return None
    return pivots


def solve(rows: Words, pivots: Pivots, values: Words, store: Words, sparse: int) -> None:
    """Set the pivots' columns so that every row of the core has its value.

    rows     uint64 (k, 2), of which `pivots` are
    values   uint64 (k, w)
    store    the cluster's columns, uint64 (sparse + dense, w); read, and written where a pivot is
    """
    columns = columns_of(rows)
    places = [*columns.tolist(), *range(sparse, len(store))]
    numbers = [_number(row) for row in values]
    held = [_number(store[place]) for place in places]
    for pivot in sorted(pivots, reverse=True):
        bits, equations = pivots[pivot]
        number = 0
        for k in _set_bits(equations):
            number ^= numbers[k]
        for place in _set_bits(bits ^ (1 << pivot)):
            number ^= held[place]
        held[pivot] = number
        store[places[pivot]] = np.frombuffer(number.to_bytes(8 * store.shape[1], "little"), "<u8")


def _three(rows: Words) -> NDArray[np.int64]:
    shifts = np.array([0, 16, 32], np.uint64)
    return ((rows[:, :1] >> shifts) & np.uint64(0xFFFF)).astype(np.int64)


def _number(words: Words) -> int:
    return int.from_bytes(words.astype("<u8").tobytes(), "little")


def _set_bits(number: int) -> Iterable[int]:
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low
