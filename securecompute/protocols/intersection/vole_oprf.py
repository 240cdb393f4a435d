"""An oblivious function from silent products: R gets F on its whole set X, S the key of F, for wherever it likes.

    P = Encode(x -> HB(x)) for x in X            key-value store; its seed is drawn when X is fixed
    C = A Delta + B                              silent products over GF(2^128): R has A, C, S has Delta, B
    A' = A + P  to S,  K = B + A' Delta  = C + P Delta
    S:  F(y) = Ho(Decode(K, y) + Delta HB(y))          R:  F(x) = Ho(Decode(C, x)), which is the same for x in X

since Decode is linear. HB and Ho are MMO under public keys, HB's of the seed and Ho's of the header. F has 128 bits.

    round  direction   arrays
    1, 2               `silent_vole`
    3      S -> R      its third round
           R -> S      seed u8 (16,); A' u64 (m', 2), its first part: whole clusters
    4...   R -> S      the other parts of A', if there are any

R has A after round 2. While it makes C of what comes in round 3, S evaluates F.

Security   Semi-honest, two parties. S learns |X| as declared: A' is pseudo-random, since A is. R learns F on X; F
           elsewhere is random to it: for y outside X, Decode(P, y) + HB(y) is not 0 but with probability 2^-128, so
           Ho is taken at a point that has Delta times it in it, which only who guesses all of Delta finds. Hence
           values of F outside X may be given away. Leakage: |X| as declared, the profile. Assumes what `silent_vole`
           does, and AES as an ideal cipher. Not promised: anything against a party that deviates; R may then encode
           some per cent more keys than |X|.
           What is prepared once may serve several peers: each gets P under a mask of its own.
Cost       3 rounds, and one for every further 32 MiB of A'; beyond the bytes of `silent_vole`, R sends 16 + 16 m, m =
           1.344 |X| for many: `cost`, exactly. For 2^20 keys, one core: prepare 0.1 s, R's other work 0.06, S's 0.12 s.
Reference  Raghuraman, Rindal, CCS 2022 (ePrint 2022/320), figure 4, its base field being the field itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from securecompute.arithmetic.gf128 import Blocks, Factor
from securecompute.engine.rounds import Array, Bytes, Part, Party, Round, Several
from securecompute.errors import InvalidRequest
from securecompute.primitives import okvs
from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.lpn import RECOMMENDED
from securecompute.primitives.okvs import Layout, Rows
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.intersection import silent_vole
from securecompute.protocols.intersection.header import public_key
from securecompute.values import Masked, Opaque

_PART_ROWS: Final = 1 << 21  # of A' in one message: 32 MiB
_TILE_ROWS: Final = 1 << 14  # that are hashed in the cache
_SECONDS_PER_KEY: Final = 5e-6  # of computing that a deadline allows for


@dataclass(frozen=True, slots=True, repr=False)
class Prepared(Opaque):
    """R's keys, encoded.

    keys     uint64 (n, 2)
    rows     of the keys, under the seed
    seed     16 bytes, public from round 3 on
    store    P, uint64 (m, 2); leaves R only under a mask
    """

    keys: Blocks
    rows: Rows
    seed: bytes
    store: Blocks


class Key(Opaque):
    """F, as S has it: called with keys it gives F of them."""

    __slots__ = ("_delta", "_hash_in", "_hash_out", "_layout", "_seed", "_store")

    def __init__(self, layout: Layout, seed: bytes, delta: Factor, store: Blocks, header: bytes) -> None:
        """For `answer`; store is B, uint64 (m, 2), which `add` makes K of in place."""
        self._layout, self._seed, self._delta, self._store = layout, seed, delta, store
        self._hash_in, self._hash_out = _input_hash(seed), _output_hash(header)

    def __call__(self, y: Blocks) -> Blocks:
        """F of every key: uint64 (n, 2) of uint64 (n, 2). raises InvalidRequest: other keys"""
        return self.finish(y, okvs.decode(self.rows(y), self._store))

    def add(self, clusters: range, masked: Blocks) -> None:
        """K = B + A' Delta for some clusters, which can be decoded afterwards; each once."""
        self._store[_span(self._layout, clusters)] ^= self._delta.times(masked)

    def rows(self, y: Blocks) -> Rows:
        """Where keys stand. raises InvalidRequest: other keys than uint64 (n, 2)"""
        return okvs.rows(self._layout, self._seed, y)

    def decode(self, of: Rows, clusters: range, out: Blocks) -> None:
        """Decode(K, y) of those keys that are in some clusters, to their places.

        of    `rows(y)`
        out   uint64 (n, 2); written at these keys alone
        """
        okvs.decode(of, self._store[_span(self._layout, clusters)], clusters, out)

    def finish(self, y: Blocks, decoded: Blocks) -> Blocks:
        """F of every key, when its Decode(K, y) is there: uint64 (n, 2), in place of that."""
        for start in range(0, len(y), _TILE_ROWS):
            here, hashed = decoded[start : start + _TILE_ROWS], self._hash_in(y[start : start + _TILE_ROWS])
            here ^= self._delta.times(hashed, out=hashed)
            self._hash_out(here, out=here)
        return decoded


def cost(n: int, profile: str = RECOMMENDED) -> silent_vole.Cost:
    """Rounds, and bytes that R and S send, for n keys of R. raises InvalidRequest: no such n or profile"""
    shape = okvs.layout(n)
    products = silent_vole.cost(shape.size, profile)
    sent = products.receiver + okvs.SEED_BYTES + 16 * shape.size
    return silent_vole.Cost(products.rounds - 1 + len(_parts(shape)), sent, products.sender)


def prepare(keys: Blocks, header: bytes, randomness: Randomness) -> Prepared:
    """Encode R's keys, before anything is sent. They are fixed from here on.

    keys       uint64 (n, 2), no two rows equal; read, and kept
    header     public; of the session
    raises     InvalidRequest   keys of another dtype or shape, or equal ones
               okvs.Unsolvable  as `okvs.arrange`
    """
    from securecompute.arithmetic.lookup import has_equal_rows  # loads the compiler

    try:
        at = okvs.arrange(keys, header, randomness)
    except okvs.Unsolvable:
        if has_equal_rows(keys):
            raise InvalidRequest("an identifier occurs twice in a set; choose a rule for duplicates") from None
        raise
    return Prepared(keys, at.peeled.rows, at.seed, okvs.solve(at.peeled, _input_hash(at.seed)(keys), None))


def ask(
    peer: Party, prepared: Prepared, header: bytes, randomness: Randomness, profile: str = RECOMMENDED
) -> Part[Blocks]:
    """F of each own key: uint64 (n, 2). Run by R.

    peer      S
    header    public; of this run of these two parties
    profile   as in `silent_vole`
    raises    as `silent_vole.receive`
    """
    shape, work = prepared.rows.layout, _seconds(len(prepared.keys))
    noise = yield from silent_vole.begin_receive(peer, shape.size, header, randomness, profile)
    first, *others = _spans(shape)
    masked = Masked(noise.a[first] ^ prepared.store[first])
    round_3 = yield Round(
        send={peer: (prepared.seed, masked)}, expect={peer: noise.shape.correction}, step="masked set", work=work
    )
    for part in others:  # before C, so that S need not wait
        yield Round(send={peer: Masked(noise.a[part] ^ prepared.store[part])}, step="masked set")
    c = silent_vole.corrected(noise, round_3[peer])
    values = okvs.decode(prepared.rows, c)
    return _output_hash(header)(values, out=values)


def answer(
    peer: Party,
    asked: int,
    header: bytes,
    randomness: Randomness,
    profile: str = RECOMMENDED,
    arrived: Callable[[Key, range], None] | None = None,
) -> Part[Key]:
    """The key of F. Run by S.

    peer      R
    asked     R's number of keys, as declared
    header    public; of this run of these two parties
    arrived   called with the key and clusters as soon as these can be decoded; each once, in ascending order
    raises    as `silent_vole.send`
    """
    shape, work = okvs.layout(asked), _seconds(asked)
    products = yield from silent_vole.begin_send(peer, shape.size, header, randomness, profile)
    first, *others = _parts(shape)
    expected = Several((Bytes(okvs.SEED_BYTES), _masked(shape, first)))
    inbox = yield Round(send={peer: products.message}, expect={peer: expected}, step="masked set", work=work)
    seed, masked = inbox[peer]
    key = Key(shape, seed, Factor(products.delta), products.b, header)
    key.add(first, masked.elements)
    if arrived is not None:
        arrived(key, first)
    for clusters in others:
        inbox = yield Round(expect={peer: _masked(shape, clusters)}, step="masked set", work=work)
        key.add(clusters, inbox[peer].elements)
        if arrived is not None:
            arrived(key, clusters)
    return key


def _parts(shape: Layout) -> list[range]:
    """The clusters whose part of A' travels in one message."""
    return list(okvs.pieces(shape, _PART_ROWS))


def _spans(shape: Layout) -> list[slice]:
    """The rows of A' in each message."""
    return [_span(shape, clusters) for clusters in _parts(shape)]


def _span(shape: Layout, clusters: range) -> slice:
    """The rows of a store that belong to some clusters."""
    return slice(clusters.start * shape.width, clusters.stop * shape.width)


def _masked(shape: Layout, clusters: range) -> Array:
    """What R sends for some clusters."""
    return Array(np.uint64, (len(clusters) * shape.width, 2), holds=Masked)


def _seconds(n: int) -> float:
    return n * _SECONDS_PER_KEY


def _input_hash(seed: bytes) -> BlockHash:
    """HB."""
    return BlockHash(public_key(seed, "oblivious function: input"))


def _output_hash(header: bytes) -> BlockHash:
    """Ho."""
    return BlockHash(public_key(header, "oblivious function: output"))
