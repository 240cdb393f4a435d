"""An oblivious function from random products: R gets F on its whole set X, S gets F to evaluate wherever it likes.

    P = Encode(x -> HB(x)) for x in X            key-value store; seed drawn when X is fixed
    C = A Delta + B                              silent products over GF(2^128), R has A, C, S has Delta, B
    A' = A + P  to S,  K = B + A' Delta  = C + P Delta
    S:  F(y) = Ho(Decode(K, y) + Delta HB(y))          R:  F(x) = Ho(Decode(C, x)), which is the same for x in X

since Decode is linear. HB and Ho are MMO under two public keys, F has 128 bits.

    round  direction   arrays
    1-3                `silent_vole`
    4...   R -> S      seed u8 (16,), with the first part only; A' u64 (m', 2) by parts of whole clusters

Security   Semi-honest, two parties. S learns |X| as declared: A' is pseudo-random where A is. R learns F on X; F
           elsewhere is random to it, since Delta Decode(P, y) + Delta HB(y) is Delta times something other than 0 but
           with probability |X| 2^-128 for any one y, and Ho, an ideal cipher's, is asked at no such point but by
           guessing all of Delta. So F(y) may be given away in public for y outside X. Leakage: |X| as declared, the
           profile. Assumes what `silent_vole` does. Not promised: anything against a party that deviates; R may encode
           more than |X| keys by some per cent.
Cost       rounds of `silent_vole` and one for every 16 MiB of A'; R sends 16 + 16 m bytes beyond it, m = 1.344 |X| for
           many: `cost`, exactly. S's computing for F of 2^20 keys, one core: 0.1 s; R's beyond `silent_vole`: 0.15 s.
Reference  Raghuraman, Rindal, CCS 2022 (ePrint 2022/320), figure 4, its base field being the field itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from securecompute.arithmetic.gf128 import Blocks, Factor
from securecompute.engine.rounds import Array, Bytes, Message, Part, Party, Round, Several
from securecompute.errors import InvalidRequest
from securecompute.primitives import okvs
from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.okvs import Layout, Peeled, Rows, Unsolvable
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.intersection import silent_vole
from securecompute.protocols.intersection.header import public_key
from securecompute.values import Masked, Plain

SEEDS: Final = 8  # that are tried; each fails with 2^-40 a cluster, or always
_PART_ROWS: Final = 1 << 20  # of A' in one message: 16 MiB
_SECONDS_PER_ITEM: Final = 5e-6  # of computing that a deadline allows for


@dataclass(frozen=True, slots=True)
class Prepared:
    """R's set, encoded: may serve several peers, each of which gets it under a mask of its own.

    rows     of the set, under the seed
    seed     16 bytes, public from round 4 on
    seeds    how many were drawn
    store    P, uint64 (m, 2); never leaves R but under a mask
    """

    rows: Rows
    seed: bytes
    seeds: int
    store: Blocks

    @property
    def size(self) -> int:
        """|X|."""
        return len(self.rows.order)


class Function:
    """F, as S has it. It tells of Delta: it cannot be pickled."""

    __slots__ = ("_delta", "_hash_in", "_hash_out", "_layout", "_seed", "_store")

    def __init__(
        self, layout: Layout, seed: bytes, delta: Factor, store: Blocks, hashes: tuple[BlockHash, BlockHash]
    ) -> None:
        """For `send`; store is B, uint64 (m, 2), which `add` makes K of in place."""
        self._layout, self._seed, self._delta, self._store = layout, seed, delta, store
        self._hash_in, self._hash_out = hashes

    def __call__(self, y: Blocks) -> Blocks:
        """F of every key: uint64 (n, 2) of uint64 (n, 2). raises InvalidRequest: other keys"""
        of, values = self.rows(y), np.empty(y.shape, np.uint64)
        for cluster in range(self._layout.clusters):
            here = range(cluster, cluster + 1)
            values[of.keys(here)] = self.of_clusters(of, y, here)
        return values

    def add(self, clusters: range, masked: Blocks) -> None:
        """K = B + A' Delta for some clusters, of which F can be evaluated afterwards; each once."""
        width = self._layout.width
        self._store[clusters.start * width : clusters.stop * width] ^= self._delta.times(masked)

    def rows(self, y: Blocks) -> Rows:
        """Where keys stand. raises InvalidRequest: other keys than uint64 (n, 2)"""
        return okvs.rows(self._layout, self._seed, y)

    def of_clusters(self, of: Rows, y: Blocks, clusters: range) -> Blocks:
        """F of those keys that are in some clusters, in the order of `of.keys(clusters)`.

        of   `rows(y)`
        """
        width = self._layout.width
        store = self._store[clusters.start * width : clusters.stop * width]
        values = okvs.decode(of, store, clusters)
        hashed = self._hash_in(y[of.keys(clusters)])
        values ^= self._delta.times(hashed, out=hashed)
        return self._hash_out(values, out=values)


def cost(nx: int, profile: str = "default") -> silent_vole.Cost:
    """Rounds, and bytes that R and S send. raises InvalidRequest: no such profile"""
    shape = okvs.layout(nx)
    products = silent_vole.cost(shape.size, profile)
    rounds = products.rounds + len(_parts(shape))
    return silent_vole.Cost(rounds, products.receiver + okvs.SEED_BYTES + 16 * shape.size, products.sender)


def prepare(x: Plain, header: bytes, randomness: Randomness) -> Prepared:
    """Encode R's set, before anything is sent. The set is fixed from here on.

    x          uint64 (n, 2), no two rows equal
    header     public; what a peer's `send` takes as `set_header`
    raises     InvalidRequest  x is of another dtype or shape, or holds equal rows
    """
    keys = x.elements
    if keys.dtype != np.uint64 or keys.ndim != 2 or keys.shape[1] != 2:
        raise InvalidRequest(f"identifiers are {keys.dtype} {keys.shape}; expected uint64 (n, 2)")
    peeled, seed, seeds = _solvable(keys, randomness)
    store = okvs.solve(peeled, _input_hash(header)(keys), None)
    return Prepared(peeled.rows, seed, seeds, store)


def receive(
    peer: Party, prepared: Prepared, header: bytes, randomness: Randomness, profile: str = "default"
) -> Part[Blocks]:
    """F on R's set: uint64 (n, 2), in the order of its rows. Run by R, without a check of what S does.

    peer      S
    prepared  of R's set
    header    public; of this run of these two parties
    profile   as in `silent_vole`
    raises    as `silent_vole.receive`
    """
    shape, work = prepared.rows.layout, _seconds(prepared.size)
    a, c = yield from silent_vole.receive(peer, shape.size, header, randomness, profile)
    for clusters in _parts(shape):
        part = slice(clusters.start * shape.width, clusters.stop * shape.width)
        masked: Message = Masked(a[part] ^ prepared.store[part])
        if clusters.start == 0:
            masked = (prepared.seed, masked)
        yield Round(send={peer: masked}, step="masked set", work=work)
    values = okvs.decode(prepared.rows, c)
    return _output_hash(header)(values, out=values)


def send(
    peer: Party,
    nx: int,
    header: bytes,
    randomness: Randomness,
    profile: str = "default",
    set_header: bytes | None = None,
    arrived: Callable[[Function, range], None] | None = None,
) -> Part[Function]:
    """F. Run by S.

    peer        R
    nx          |X| as declared
    header      public; of this run of these two parties
    set_header  what R prepared its set under; None: the header
    arrived     called with F and clusters as soon as F can be evaluated there; each once, in ascending order
    raises      as `silent_vole.send`
    """
    shape, work = okvs.layout(nx), _seconds(nx)
    delta, b = yield from silent_vole.send(peer, shape.size, header, randomness, profile)
    first, *others = _parts(shape)
    expected = Several((Bytes(okvs.SEED_BYTES), _masked(shape, first)))
    inbox = yield Round(expect={peer: expected}, step="masked set", work=work)
    seed, masked = inbox[peer]
    function = Function(shape, seed, Factor(delta), b, (_input_hash(set_header or header), _output_hash(header)))
    function.add(first, masked.elements)
    if arrived is not None:
        arrived(function, first)
    for clusters in others:
        inbox = yield Round(expect={peer: _masked(shape, clusters)}, step="masked set", work=work)
        function.add(clusters, inbox[peer].elements)
        if arrived is not None:
            arrived(function, clusters)
    return function


def _solvable(keys: Blocks, randomness: Randomness) -> tuple[Peeled, bytes, int]:
    """Rows under the first seed that works, the seed, and how many were drawn."""
    from securecompute.arithmetic.lookup import has_equal_rows  # loads the compiler

    shape = okvs.layout(len(keys))
    for drawn in range(1, SEEDS + 1):
        seed = randomness.bytes(okvs.SEED_BYTES)
        try:
            return okvs.peel(okvs.rows(shape, seed, keys)), seed, drawn
        except Unsolvable:
            if has_equal_rows(keys):
                raise InvalidRequest("an identifier occurs twice in a set; choose a rule for duplicates") from None
    raise Unsolvable(f"{SEEDS} seeds, and under none of them can the set be stored")


def _parts(shape: Layout) -> list[range]:
    """The clusters whose part of A' travels in one message."""
    return list(okvs.pieces(shape, _PART_ROWS))


def _masked(shape: Layout, clusters: range) -> Array:
    """What R sends for some clusters."""
    return Array(np.uint64, (len(clusters) * shape.width, 2), holds=Masked)


def _seconds(n: int) -> float:
    return n * _SECONDS_PER_ITEM


def _input_hash(header: bytes) -> BlockHash:
    """HB."""
    return BlockHash(public_key(header, "oblivious function: input"))


def _output_hash(header: bytes) -> BlockHash:
    """Ho."""
    return BlockHash(public_key(header, "oblivious function: output"))
