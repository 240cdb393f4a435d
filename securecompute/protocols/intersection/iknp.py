"""Intersection of two sets without LPN: R learns which of its items S has too. Oblivious transfer and hashing only.

With l = 448 base transfers, in which S chooses by the bits of a secret s, a public hash h to l bits, an oblivious store
P = Encode{x -> h(x)} over R's set (`okvs`), and the streams of the keys k_i^0, k_i^1 as columns of T0 and T1,

    R -> S    U = T0 + T1 + P                  + is xor, & is and; a row of l bits for each of m rows of P
    S         Q = T_s + U & s,  that is T0 + P & s row by row
    F(y)      = H(Decode(Q, y) + h(y) & s),    which for x in X is H(Decode(T0, x)), what R can compute
    S -> R    F(y)[:t] for its set, in an order of their own (`tags`)

    round      direction   arrays
    1          S -> R      points of the base transfers, u8 (448, 2, 32)
               R -> S      a point, u8 (32,)
    2 ... K+1  R -> S      seed of the store, 16 bytes, with the first; U for some clusters, u64 (rows, 7)
    ... + J    S -> R      tags, u8 (some, t)

If a set is empty, as declared, nothing is sent: the answer is known.

Security   Semi-honest, two parties. R learns X and Y's common items, S nothing. Leakage: nx, ny as declared. U is
           uniform to S, who lacks one of each two streams. For y outside X, Decode(P, y) + h(y) has at least 128 ones,
           but for 2^-66 an item, so that F(y) is hidden by 128 bits of s: H is Hamming correlation robust (BLAKE2b as a
           random oracle), h is one (AES as an ideal cipher). Assumes further AES-256 as a pseudo-random permutation and
           CDH in ristretto255. A false match: 2^-40 over all pairs (`tags`); a missed one: never.
           Not promised: any of it against a party that deviates; R may then ask for some more items than nx.
           `header` belongs to one run of two parties.
Cost       1 + K + J rounds, K pieces of U and J of tags, of at most 32 MB: `cost`, exactly. R sends 48 + 56 m bytes, S
           28,672 + t ny. At 2^20 items each R 79 MB and 1.1 s of one core, S 10.5 MB and 0.8 s.
Reference  Pinkas, Rosulek, Trieu, Yanai, EUROCRYPT 2020 (ePrint 2020/193), for the transfers on a store; Garimella et
           al., CRYPTO 2021; Kolesnikov, Kumaresan, Rosulek, Trieu, CCS 2016, for wide rows. l is of this file.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic import bit_matrix
from securecompute.engine.rounds import Array, Bytes, Message, Part, Party, Round, Several, Spec
from securecompute.errors import InvalidRequest
from securecompute.primitives import okvs, row_hash
from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.lpn import RECOMMENDED
from securecompute.primitives.masks import Reader
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.transfer_extension import bits_of, words_of
from securecompute.primitives.transfers import Chooser, Offerer
from securecompute.protocols.intersection import tags
from securecompute.protocols.intersection.declared import declared_set
from securecompute.protocols.intersection.header import public_key
from securecompute.protocols.intersection.silent_vole import Cost
from securecompute.values import Masked, Plain

WORDS = 7
WIDTH = 64 * WORDS  # l: ny Pr[Bin(l, 1/2) < 128] <= 2^-40 for
MOST_ITEMS = 1 << 26
MOST_BYTES = 1 << 25  # of a message

Rows: TypeAlias = NDArray[np.uint64]

_SECONDS_PER_ITEM = 5e-6  # of computing that a deadline allows for


def cost(nx: int, ny: int, profile: str = RECOMMENDED) -> Cost:
    """What a run costs, under any profile. raises InvalidRequest: a size is negative or beyond 2^26"""
    store, size = _store(nx, ny), tags.tag_bytes(nx, ny)
    if not nx or not ny:
        return Cost(0, 0, 0)
    rounds = 1 + len(_clusters(store)) + tags.rounds(nx, ny)
    return Cost(rounds, 32 + okvs.SEED_BYTES + 8 * WORDS * store.size, 64 * WIDTH + ny * size)


def receive(
    peer: Party, x: Plain, nx: int, ny: int, header: bytes, randomness: Randomness, profile: str = RECOMMENDED
) -> Part[NDArray[np.bool_]]:
    """R's part: which rows of x are in S's set too, bool (nx,).

    peer      S
    x         uint64 (nx, 2), unique, padded to nx
    header    public; of this run of these two parties
    profile   not used: without LPN there is none. For callers that may as well take `vole`
    raises    InvalidRequest  x is not what was declared, or too many items
              PeerMisbehaved  a point of S is no element, or the identity
    """
    store, ids = _store(nx, ny), declared_set(x, nx)
    if not nx or not ny:
        return np.zeros(nx, np.bool_)
    offerer = Offerer(public_key(header, "iknp: base transfers"), randomness)
    points = Array(np.uint8, (WIDTH, 2, 32))
    inbox = yield Round(send={peer: offerer.point}, expect={peer: points}, step="base transfers")
    pairs = offerer.keys(inbox[peer], peer)
    streams = [Reader(zero) for zero, _ in pairs], [Reader(one) for _, one in pairs]

    work = _seconds(nx, ny)
    arranged = okvs.arrange(ids, header, randomness)
    rows = arranged.peeled.rows
    code, outputs = _Code(header), np.empty((nx, 2), np.uint64)
    values = code(ids)
    for clusters in _clusters(store):
        t0, u = _columns(streams[0], store, clusters), _columns(streams[1], store, clusters)
        u ^= t0
        u ^= okvs.solve(arranged.peeled, values, None, clusters)
        message: Message = Masked(u) if clusters.start else (arranged.seed, Masked(u))
        yield Round(send={peer: message}, step="extend", work=work)
        outputs[rows.keys(clusters)] = code.hashed(okvs.decode(rows, t0, clusters))
    return (yield from tags.match(peer, outputs, ny))


def send(
    peer: Party, y: Plain, nx: int, ny: int, header: bytes, randomness: Randomness, profile: str = RECOMMENDED
) -> Part[None]:
    """S's part: learns nothing. raises as `receive`, of y and R's point"""
    store, ids = _store(nx, ny), declared_set(y, ny)
    if not nx or not ny:
        return
    s = np.frombuffer(randomness.bytes(8 * WORDS), np.uint64)
    chooser = Chooser(bits_of(s), public_key(header, "iknp: base transfers"), randomness)
    inbox = yield Round(send={peer: chooser.points}, expect={peer: Array(np.uint8, (32,))}, step="base transfers")
    streams = [Reader(key) for key in chooser.keys(inbox[peer], peer)]

    code, work = _Code(header), _seconds(nx, ny)
    outputs = np.empty((ny, 2), np.uint64)
    for clusters in _clusters(store):
        u_spec: Spec = Array(np.uint64, (len(clusters) * store.width, WORDS), holds=Masked)
        spec = u_spec if clusters.start else Several((Bytes(okvs.SEED_BYTES), u_spec))
        inbox = yield Round(expect={peer: spec}, step="extend", work=work)
        if not clusters.start:
            seed, masked = inbox[peer]
            rows = okvs.rows(store, seed, ids)
        else:
            masked = inbox[peer]
        q = _columns(streams, store, clusters)
        q ^= masked.elements & s
        keys = rows.keys(clusters)
        decoded = okvs.decode(rows, q, clusters)
        decoded ^= code(ids[keys]) & s
        outputs[keys] = code.hashed(decoded)
    yield from tags.send(peer, outputs, nx, randomness)


def warm() -> None:
    """Compile all kernels, or load them from the cache, so that no session waits for them."""
    from securecompute.arithmetic import lookup

    bit_matrix.warm()
    row_hash.warm()
    lookup.warm()
    okvs.warm()
    store = okvs.layout(1)
    rows = okvs.rows(store, bytes(okvs.SEED_BYTES), np.zeros((1, 2), np.uint64))
    okvs.decode(rows, okvs.encode(rows, np.zeros((1, WORDS), np.uint64), None))


class _Code:
    """h and H of a run."""

    __slots__ = ("_hashes", "_person")

    def __init__(self, header: bytes) -> None:
        self._hashes = [BlockHash(public_key(header, f"iknp: code {k}")) for k in range(-(-WORDS // 2))]
        self._person = public_key(header, "iknp: tags")

    def __call__(self, ids: Rows) -> Rows:
        """h of each identifier: uint64 (n, 7)."""
        code, block = np.empty((len(ids), WORDS), np.uint64), np.empty((len(ids), 2), np.uint64)
        for k, hashed in enumerate(self._hashes):
            some = code[:, 2 * k : 2 * k + 2]
            some[...] = hashed(ids, out=block)[:, : some.shape[1]]
        return code

    def hashed(self, rows: Rows) -> Rows:
        """H of rows of l bits: uint64 (n, 2)."""
        return row_hash.hash_rows(rows, self._person)


def _store(nx: int, ny: int) -> okvs.Layout:
    if not (0 <= nx <= MOST_ITEMS and 0 <= ny <= MOST_ITEMS):
        raise InvalidRequest(f"sets of {nx} and {ny} items; each may have up to {MOST_ITEMS}")
    return okvs.layout(nx)


def _columns(streams: Sequence[Reader], store: okvs.Layout, clusters: range) -> Rows:
    """The next bits of l streams as rows of l bits, one for each row of these clusters: uint64 (rows, 7)."""
    rows = len(clusters) * store.width
    columns = np.empty((WIDTH, words_of(rows)), np.uint64)
    for column, stream in zip(columns, streams, strict=True):
        column[...] = stream.words(len(column))
    return bit_matrix.transpose(columns)[:rows]


def _seconds(nx: int, ny: int) -> float:
    return (nx + ny) * _SECONDS_PER_ITEM


def _clusters(store: okvs.Layout) -> list[range]:
    """Clusters of which U goes in one message."""
    return list(okvs.pieces(store, MOST_BYTES // (8 * WORDS)))
