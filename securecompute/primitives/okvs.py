"""Oblivious key-value store: a vector P that gives every key of a set its value, and to whom lacks the set nothing.

    Decode(P, x) = P[a] + P[b] + P[c] + Σ_{i in the dense bits of x} P[i]  over GF(2), all in the cluster of x

    row of x   two blocks, AES_k1(x) and AES_k2(x), k1 ‖ k2 = HKDF(seed): the first gives a, b, c and the cluster, each
               from 32 bits; the second the dense bits.
    encode     `peel`: rows alone in a column, one after the other; what is left is solved by elimination; then columns
               that nothing determines are filled, and the peeled rows follow in reverse.

Decode is linear: Decode(P + Q, x) = Decode(P, x) + Decode(Q, x), and Δ Decode(P, x) = Decode(Δ P, x) in GF(2^128).

Security   With `fill`, and values that are uniform to whoever looks, P is uniform whatever the keys are: it hides them.
           Without (zeros where nothing is determined) P shows which columns are in use; take it only under a mask.
           The seed must be drawn when the keys are fixed: then a set of keys that cannot be stored comes up with
           probability 2^-40 a cluster, if AES is a pseudo-random permutation. `arrange` then draws another seed.
Timing     Which memory is read, and how peeling branches, hangs on the keys.
Cost       of n = 2^20 values of two words, one core: rows 17 ms, peel 33, solve 48 (with fill
           100), decode 35; P has 1.344 n rows.
Reference  Raghuraman, Rindal, CCS 2022 (ePrint 2022/320); Garimella et al., CRYPTO 2021, for joint elimination.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InternalFault, InvalidRequest
from securecompute.primitives import okvs_core
from securecompute.primitives.block_hash import permute
from securecompute.primitives.masks import KEY_BYTES, Reader, derive
from securecompute.primitives.okvs_parameters import Layout, layout
from securecompute.primitives.randomness import Randomness
from securecompute.values import Opaque

__all__ = [
    "Arranged",
    "Layout",
    "Peeled",
    "Rows",
    "Unsolvable",
    "arrange",
    "decode",
    "encode",
    "layout",
    "peel",
    "pieces",
    "rows",
    "solve",
    "warm",
]

SEED_BYTES = 16
SEEDS = 8  # that are tried
_SALT, _LABEL = b"securecompute/okvs", b"rows"

Words = NDArray[np.uint64]


class Unsolvable(InternalFault):
    """Under this seed, or the seeds that were tried, no store gives these keys all values."""


@dataclass(frozen=True, slots=True, repr=False)
class Rows(Opaque):
    """The rows of a set of keys, cluster by cluster.

    starts   int64 (clusters + 1,): where the rows of a cluster begin
    order    uint32 (n,): the key of each row
    places   uint64 (n, 2): three sparse columns of 16 bits; bits of the dense columns
    """

    layout: Layout
    starts: NDArray[np.int64]
    order: NDArray[np.uint32]
    places: Words

    def keys(self, clusters: range) -> NDArray[np.uint32]:
        """Which keys are in these clusters, in the order in which `decode` of these clusters gives their words."""
        return self.order[int(self.starts[clusters.start]) : int(self.starts[clusters.stop])]


@dataclass(frozen=True, slots=True, repr=False)
class Peeled(Opaque):
    """Rows, and the order in which they can be solved.

    steps    uint32 (n,): of each cluster, from its beginning on, row | column << 16
    counts   int64 (clusters,): how many rows of a cluster were peeled
    cores    cluster -> places of the others among its rows, and their pivots
    """

    rows: Rows
    steps: NDArray[np.uint32]
    counts: NDArray[np.int64]
    cores: dict[int, tuple[NDArray[np.int64], okvs_core.Pivots]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Arranged(Opaque):
    """Keys, the seed of their store, drawn when they were fixed, and the order in which it is solved.

    keys     uint64 (n, 2)
    seed     16 bytes, public once it is sent
    """

    keys: Words
    seed: bytes
    peeled: Peeled


def arrange(keys: Words, header: bytes, randomness: Randomness) -> Arranged:
    """Find room for values at these keys, before there are any. The keys are fixed from here on.

    keys       uint64 (n, 2), no two rows equal; kept
    header     public; of the session. Goes into the seed, so that no two sessions have one even if randomness repeats
    raises     InvalidRequest  keys of another dtype or shape
               Unsolvable      no store had room for them under eight seeds in a row: two are equal
    """
    shape = layout(len(keys))
    for _ in range(SEEDS):
        seed = derive(randomness.bytes(KEY_BYTES), header, b"seed of a store", SEED_BYTES)
        try:
            return Arranged(keys, seed, peel(rows(shape, seed, keys)))
        except Unsolvable:
            continue
    raise Unsolvable(f"{SEEDS} seeds, and under none of them can these keys be stored")


def rows(shape: Layout, seed: bytes, keys: Words) -> Rows:
    """The rows of keys under a seed.

    shape    may be that of more or fewer keys, where they are only to be decoded
    seed     16 bytes, public, drawn when the keys are fixed
    keys     uint64 (n, 2); to be encoded they must all be different
    raises   InvalidRequest  keys of another dtype or shape; more than 2^32; a seed of another size
    """
    from securecompute.primitives import okvs_kernels

    if keys.dtype != np.uint64 or keys.ndim != 2 or keys.shape[1] != 2 or len(keys) >= 1 << 32:
        raise InvalidRequest(f"keys are {keys.dtype} {keys.shape}; a store takes uint64 (n, 2)")
    if len(seed) != SEED_BYTES:
        raise InvalidRequest(f"a store's seed has {SEED_BYTES} bytes, not {len(seed)}")
    if not 3 <= shape.sparse < 1 << 16 or not 0 < shape.dense <= 64 or not 0 < shape.clusters < 1 << 31:
        raise InvalidRequest(f"no store has {shape}")
    k1_k2 = derive(seed, _SALT, _LABEL, 32)
    keys = np.ascontiguousarray(keys)
    first, second = permute(k1_k2[:16], keys), permute(k1_k2[16:], keys)
    starts = np.zeros(shape.clusters + 1, np.int64)
    order, places = np.empty(len(keys), np.uint32), np.empty((len(keys), 2), np.uint64)
    mask = np.uint64((1 << shape.dense) - 1)
    okvs_kernels.bucket(first, second, shape.clusters, shape.sparse, mask, starts, order, places)
    return Rows(shape, starts, order, places)


def peel(of: Rows) -> Peeled:
    """The order in which the rows can be solved: all that may fail of `encode`, before there are any values.

    raises   Unsolvable  a cluster holds more keys than it may, or the rows of one are dependent; so are equal keys
    """
    from securecompute.primitives import okvs_kernels

    sizes = np.diff(of.starts)
    if sizes.max(initial=0) > min(of.layout.capacity, 1 << 16):
        raise Unsolvable("a cluster of the store holds more keys than it may")
    steps, counts = np.empty(len(of.order), np.uint32), np.zeros(of.layout.clusters, np.int64)
    okvs_kernels.peel(of.places, of.starts, of.layout.sparse, steps, counts)
    cores: dict[int, tuple[NDArray[np.int64], okvs_core.Pivots]] = {}
    for cluster in np.flatnonzero(counts < sizes).tolist():
        start = int(of.starts[cluster])
        done = steps[start : start + int(counts[cluster])] & np.uint32(0xFFFF)
        left = np.setdiff1d(np.arange(int(sizes[cluster])), done)
        pivots = okvs_core.eliminate(of.places[start + left])
        if pivots is None:
            raise Unsolvable("the rows of the store are dependent")
        cores[cluster] = left, pivots
    return Peeled(of, steps, counts, cores)


def solve(peeled: Peeled, values: Words, fill: Reader | None, clusters: range | None = None) -> Words:
    """The store, or the part of it that belongs to some clusters: uint64 (m, w).

    values     uint64 (n, w), in the order of the keys, w ≥ 1
    fill       where the columns that nothing determines come from; None: they are zero
    clusters   consecutive ones; None: all. The stream of `fill` is read on, so that no part repeats another
    raises     InvalidRequest  values of another dtype or shape; clusters that there are not
    """
    from securecompute.primitives import okvs_kernels

    of, shape = peeled.rows, peeled.rows.layout
    if values.dtype != np.uint64 or values.ndim != 2 or len(values) != len(of.order) or values.shape[1] < 1:
        raise InvalidRequest(f"values are {values.dtype} {values.shape}; expected uint64 ({len(of.order)}, w)")
    some = _clusters(shape, clusters)
    store_shape = len(some) * shape.width, values.shape[1]
    count = store_shape[0] * store_shape[1]
    store = np.zeros(store_shape, np.uint64) if fill is None else fill.words(count).reshape(store_shape)
    values = _read_only(values)
    for cluster, (left, pivots) in peeled.cores.items():
        if cluster in some:
            left = left + int(of.starts[cluster])
            base = (cluster - some.start) * shape.width
            here = store[base : base + shape.width]
            okvs_core.solve(of.places[left], pivots, values[of.order[left]], here, shape.sparse)
    okvs_kernels.fill(
        of.places, of.starts, of.order, peeled.steps, peeled.counts, values, some.start, some.stop, shape.sparse,
        shape.dense, store,
    )  # fmt: skip
    return store


def encode(of: Rows, values: Words, fill: Reader | None) -> Words:
    """P: uint64 (m, w), so that `decode` of each key's row is its value. fill and raises as `peel` and `solve`"""
    return solve(peel(of), values, fill)


def decode(of: Rows, store: Words, clusters: range | None = None, out: Words | None = None) -> Words:
    """The words of every key, uint64 (n, w), in the order of the keys; or of the keys of some clusters.

    store      uint64 (m, w); of some clusters only their part of it, and the result is in the order of `Rows.keys`
    out        uint64 (n, w), contiguous, written and returned: the keys of these clusters in the order of all keys
    raises     InvalidRequest  a store or `out` of another dtype or shape; clusters that there are not
    """
    from securecompute.primitives import okvs_kernels

    shape, some = of.layout, _clusters(of.layout, clusters)
    if store.dtype != np.uint64 or store.ndim != 2 or len(store) != len(some) * shape.width or store.shape[1] < 1:
        raise InvalidRequest(f"a store is {store.dtype} {store.shape}; expected uint64 ({len(some) * shape.width}, w)")
    whole, width = (len(of.order), store.shape[1]), store.shape[1]
    if out is not None and (out.dtype != np.uint64 or out.shape != whole or not out.flags.carray):
        raise InvalidRequest(f"out is {out.dtype} {out.shape}; expected writeable uint64 {whole}")
    in_order = clusters is None or out is not None
    some_rows = int(of.starts[some.stop] - of.starts[some.start])
    words = np.empty(whole if in_order else (some_rows, width), np.uint64) if out is None else out
    okvs_kernels.decode(
        of.places, of.starts, of.order, _read_only(store), some.start, some.stop, shape.sparse, shape.dense, in_order,
        words,
    )  # fmt: skip
    return words


def pieces(shape: Layout, most_rows: int) -> Iterator[range]:
    """Consecutive clusters, so many at a time that their part of a store has at most so many rows, or one cluster."""
    step = max(1, most_rows // shape.width)
    for start in range(0, shape.clusters, step):
        yield range(start, min(start + step, shape.clusters))


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no protocol waits for it."""
    shape = layout(2)
    keys = np.arange(4, dtype=np.uint64).reshape(2, 2)
    of = rows(shape, bytes(SEED_BYTES), keys)
    for values in (keys, keys[:, :1].copy()):
        decode(of, encode(of, values, None))


def _clusters(shape: Layout, clusters: range | None) -> range:
    if clusters is None:
        return range(shape.clusters)
    if clusters.step != 1 or not 0 <= clusters.start <= clusters.stop <= shape.clusters:
        raise InvalidRequest(f"{clusters} of {shape.clusters} clusters")
    return clusters


def _read_only(words: Words) -> Words:
    """In one piece, without a copy if it is so already; one compiled kernel for received arrays and own ones."""
    view: Words = np.ascontiguousarray(words)[:]
    view.flags.writeable = False
    return view
