"""Compiled loops of the oblivious key-value store: rows into clusters, peeling, filling, decoding.

A row is two words: its three sparse columns, 16 bits each, and the bits of its dense columns. Rows stand cluster by
cluster, `starts` says where. Within a cluster everything that is read at random fits in the second-level cache.

    peel    per column one word: how many rows it has (high half) and the xor of their numbers (low half); a column
            with one row left names that row without any list. A step is (row | column << 16).
    fill    of the rows in reverse order of peeling: its column <- value xor its other columns xor its dense part
    dense   six tables of 256 sums per cluster instead of 42 conditional additions

Exact      Unsigned integers; what was counted before is checked by the callers: there are no checks of bounds here.
Cost       ns a row of two words at n = 2^20, one core: bucket 8, peel 31, fill 45, decode 33.
Reference  peeling with xors as in Graf, Lemire, Xor Filters, ACM JEA 2020.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.compiled import compiled

Words = NDArray[np.uint64]

_1, _8, _16, _32, _48 = (np.uint64(k) for k in (1, 8, 16, 32, 48))
_BYTE, _LOW16, _LOW32, _ZERO = (np.uint64(k) for k in (0xFF, 0xFFFF, 0xFFFFFFFF, 0))


@numba.njit(inline="always")
def _cluster(word, clusters):  # type: ignore[no-untyped-def]
    return np.int64(((word >> _32) * clusters) >> _32)


@numba.njit(inline="always")
def _columns(low, high, sparse):  # type: ignore[no-untyped-def]
    """Three different columns, each of the ordered triples as likely as the others, but for 2^-16 of that."""
    a = ((low & _LOW32) * sparse) >> _32
    b = ((low >> _32) * (sparse - _1)) >> _32
    c = ((high & _LOW32) * (sparse - _1 - _1)) >> _32
    if b >= a:
        b += _1
    first, second = min(a, b), max(a, b)
    if c >= first:
        c += _1
    if c >= second:
        c += _1
    return a | (b << _16) | (c << _32)


@compiled
def bucket(
    first: Words, second: Words, clusters: int, sparse: int, mask: Any, starts: Any, order: Any, rows: Words
) -> None:
    """Rows from two blocks a key, in the order of their clusters, and within a cluster in the order of the keys.

    first, second   uint64 (n, 2): the two blocks
    mask            the dense columns that there are, as bits
    starts          int64 (clusters + 1,), zeros; written: where each cluster begins
    order           uint32 (n,), written: which key stands there
    rows            uint64 (n, 2), written
    """
    all_clusters, all_sparse = np.uint64(clusters), np.uint64(sparse)
    for i in range(first.shape[0]):
        starts[_cluster(first[i, 1], all_clusters) + 1] += 1
    for c in range(clusters):
        starts[c + 1] += starts[c]
    free = starts[:clusters].copy()
    for i in range(first.shape[0]):
        c = _cluster(first[i, 1], all_clusters)
        k = free[c]
        free[c] = k + 1
        order[k] = i
        rows[k, 0] = _columns(first[i, 0], first[i, 1], all_sparse)
        rows[k, 1] = second[i, 0] & mask


@compiled
def peel(rows: Words, starts: Any, sparse: int, steps: Any, peeled: Any) -> None:
    """Take off rows that are alone in some column until none is left, or what is left is a 2-core.

    steps    uint32 (n,), written: of each cluster its steps, from where it begins
    peeled   int64 (clusters,), written: how many steps a cluster has; the rest of it is its core
    """
    state, stack = np.empty(sparse, np.uint64), np.empty(sparse, np.int64)
    one = _1 << _32
    for cluster in range(peeled.size):
        start, end = starts[cluster], starts[cluster + 1]
        state[:] = _ZERO
        for r in range(end - start):
            row = rows[start + r, 0]
            for _ in range(3):
                t = np.int64(row & _LOW16)
                state[t] = (state[t] ^ np.uint64(r)) + one
                row >>= _16
        height, k = 0, start
        for j in range(sparse):
            if state[j] >> _32 == _1:
                stack[height] = j
                height += 1
        while height > 0:
            height -= 1
            alone = stack[height]
            if state[alone] >> _32 != _1:
                continue
            r = state[alone] & _LOW32
            steps[k] = r | (np.uint64(alone) << _16)
            k += 1
            row = rows[start + np.int64(r), 0]
            for _ in range(3):
                t = np.int64(row & _LOW16)
                left = (state[t] ^ r) - one
                state[t] = left
                if left >> _32 == _1:
                    stack[height] = t
                    height += 1
                row >>= _16
        peeled[cluster] = k - start


@numba.njit
def _tables(dense, tables):  # type: ignore[no-untyped-def]
    """tables[p, v] = the sum of those of the dense columns 8 p .. 8 p + 7 whose bit is set in v."""
    for p in range(tables.shape[0]):
        for t in range(tables.shape[2]):
            tables[p, 0, t] = _ZERO
        for b in range(8):
            for v in range(1 << b):
                for t in range(tables.shape[2]):
                    word = dense[8 * p + b, t] if 8 * p + b < dense.shape[0] else _ZERO
                    tables[p, (1 << b) + v, t] = tables[p, v, t] ^ word


@numba.njit
def _any(dense):  # type: ignore[no-untyped-def]
    found = _ZERO
    for i in range(dense.shape[0]):
        for t in range(dense.shape[1]):
            found |= dense[i, t]
    return found != _ZERO


@numba.njit
def _own_values(values, order, rows, start, end, tables, with_dense, own):  # type: ignore[no-untyped-def]
    """A cluster's values in its order, less their dense part."""
    width = values.shape[1]
    for k in range(start, end):
        i = np.int64(order[k])
        for t in range(width):
            own[k - start, t] = values[i, t]
        if with_dense:
            bits = rows[k, 1]
            for p in range(tables.shape[0]):
                v = np.int64(bits & _BYTE)
                bits >>= _8
                for t in range(width):
                    own[k - start, t] ^= tables[p, v, t]


@numba.njit
def _back(rows, start, steps, count, own, here):  # type: ignore[no-untyped-def]
    """Set the column of every step, the last step first; the others of its columns are set by then."""
    for k in range(start + count - 1, start - 1, -1):
        step = np.uint64(steps[k])
        r, j = np.int64(step & _LOW16), np.int64(step >> _16)
        row = rows[start + r, 0]
        a, b, c = np.int64(row & _LOW16), np.int64((row >> _16) & _LOW16), np.int64(row >> _32)
        if own.shape[1] == 2:
            low = own[r, 0] ^ here[a, 0] ^ here[b, 0] ^ here[c, 0] ^ here[j, 0]
            high = own[r, 1] ^ here[a, 1] ^ here[b, 1] ^ here[c, 1] ^ here[j, 1]
            here[j, 0], here[j, 1] = low, high
        else:
            for t in range(own.shape[1]):
                here[j, t] = own[r, t] ^ here[a, t] ^ here[b, t] ^ here[c, t] ^ here[j, t]


@compiled
def fill(
    rows: Words, starts: Any, order: Any, steps: Any, peeled: Any, values: Words, first: int, last: int, sparse: int,
    dense: int, store: Words,
) -> None:  # fmt: skip
    """Set the columns of the steps of clusters first .. last − 1 in their part of the store.

    values   uint64 (n, w), in the order of the keys
    store    uint64 ((last − first)(sparse + dense), w), written; its other columns, those of cores and all dense ones
             included, hold their final words already
    """
    most = 0
    for cluster in range(first, last):
        most = max(most, starts[cluster + 1] - starts[cluster])
    own = np.empty((most, values.shape[1]), np.uint64)
    tables = np.empty(((dense + 7) // 8, 256, values.shape[1]), np.uint64)
    for cluster in range(first, last):
        start, end = starts[cluster], starts[cluster + 1]
        base = (cluster - first) * (sparse + dense)
        here = store[base : base + sparse]
        shared = store[base + sparse : base + sparse + dense]
        with_dense = _any(shared)
        if with_dense:
            _tables(shared, tables)
        _own_values(values, order, rows, start, end, tables, with_dense, own)
        _back(rows, start, steps, peeled[cluster], own, here)


@compiled
def decode(
    rows: Words, starts: Any, order: Any, store: Words, first: int, last: int, sparse: int, dense: int, in_order: bool,
    out: Words,
) -> None:  # fmt: skip
    """The words of every row of clusters first .. last − 1.

    store      uint64 ((last − first)(sparse + dense), w): the columns of these clusters
    in_order   write to the place of the key; else one after the other as the rows stand
    """
    width = store.shape[1]
    tables = np.empty(((dense + 7) // 8, 256, width), np.uint64)
    origin = starts[first]
    for cluster in range(first, last):
        start, end = starts[cluster], starts[cluster + 1]
        if start == end:
            continue
        base = (cluster - first) * (sparse + dense)
        here = store[base : base + sparse]
        _tables(store[base + sparse : base + sparse + dense], tables)
        for k in range(start, end):
            row, bits = rows[k, 0], rows[k, 1]
            a, b, c = np.int64(row & _LOW16), np.int64((row >> _16) & _LOW16), np.int64(row >> _32)
            to = np.int64(order[k]) if in_order else k - origin
            if width == 2:
                low, high = here[a, 0] ^ here[b, 0] ^ here[c, 0], here[a, 1] ^ here[b, 1] ^ here[c, 1]
                for p in range(tables.shape[0]):
                    v = np.int64(bits & _BYTE)
                    bits >>= _8
                    low ^= tables[p, v, 0]
                    high ^= tables[p, v, 1]
                out[to, 0], out[to, 1] = low, high
            else:
                for t in range(width):
                    word = here[a, t] ^ here[b, t] ^ here[c, t]
                    rest = bits
                    for p in range(tables.shape[0]):
                        word ^= tables[p, np.int64(rest & _BYTE), t]
                        rest >>= _8
                    out[to, t] = word
