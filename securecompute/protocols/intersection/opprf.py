"""Programmable oblivious PRF: the receiver learns values that the sender set at keys of its choice, noise elsewhere.

The sender programs v(y) at each of its n keys y; the receiver has keys x of its own. `vole_oprf` gives F(x) at its
keys to the receiver, who knows F nowhere else, and F to the sender. Then

    S -> R   P2 = Encode{y -> v(y) + pad(F(y))},   + is xor,   pad_c(F) = MMO_Kc(F) for each 128 bits of a value
    R        Decode(P2, x) + pad(F(x)) = v(x) if x was programmed, else uniform to R

What nothing determines of P2 is filled with random words, so that P2 is uniform whatever the programmed keys are.

Security   Semi-honest, two parties. The sender learns nothing. The receiver learns a value for each of its keys, and
           which of them were programmed only if values can be told from uniform words: they must be uniform, or
           pseudo-random, to whoever has not its keys. Leakage: both numbers of keys. Assumes what `vole_oprf` does; MMO
           under a public key is then a random function of F.
Cost       The rounds and bytes of `vole_oprf`, and a round for every 16 MiB of P2, 16 + 8 w m2 bytes from S, for
           values of w words and m2 rows for n keys, 1.35 n for many: `rounds`, `cost`, exactly.
Reference  Kolesnikov, Matania, Pinkas, Rosulek, Trieu, CCS 2017; Rindal, Schoppmann, EUROCRYPT 2021, section 5, for
           a store as the hint.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Array, Bytes, Message, Part, Party, Round, Several, Spec
from securecompute.errors import InvalidRequest
from securecompute.primitives import okvs
from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.lpn import RECOMMENDED
from securecompute.primitives.masks import KEY_BYTES, Reader
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.intersection import silent_vole, vole_oprf
from securecompute.protocols.intersection.header import public_key
from securecompute.protocols.intersection.silent_vole import Cost
from securecompute.values import Masked

Words: TypeAlias = NDArray[np.uint64]

_PART_WORDS = 1 << 21  # of P2 in one message: 16 MiB
_SECONDS_PER_KEY = 5e-6  # of computing that a deadline allows for


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides know.

    asked     keys of the receiver
    n         keys that the sender programs
    words     of a value, one at least
    header    public, of the session
    profile   of the noise, as `lpn` has them
    """

    receiver: Party
    sender: Party
    asked: int
    n: int
    words: int
    header: bytes
    profile: str = RECOMMENDED

    def __post_init__(self) -> None:
        if self.words < 1:
            raise InvalidRequest("a programmed value has at least one word")

    @property
    def between(self) -> bytes:
        """The header of this pair: nothing that two pairs of a session hash or expand has a key in common."""
        names = (name.encode() for name in (self.receiver, self.sender))
        return self.header + b"".join(len(name).to_bytes(2, "big") + name for name in names)

    @property
    def parts(self) -> list[range]:
        """The clusters of P2 that travel in one message."""
        return list(okvs.pieces(okvs.layout(self.n), _PART_WORDS // self.words))

    def cost(self) -> Cost:
        """Rounds, and bytes that receiver and sender send."""
        first, size = vole_oprf.cost(self.asked, self.profile), 8 * self.words * okvs.layout(self.n).size
        return Cost(first.rounds + len(self.parts), first.receiver, first.sender + okvs.SEED_BYTES + size)


def receive(terms: Terms, keys: vole_oprf.Prepared, randomness: Randomness) -> Part[Words]:
    """The value at each of own keys: uint64 (asked, words). Run by the receiver.

    keys     of the session: they may serve several senders
    raises   PeerMisbehaved  as `vole_oprf`
    """
    outputs = yield from vole_oprf.ask(terms.sender, keys, terms.between, randomness, terms.profile)
    shape, values = okvs.layout(terms.n), np.empty((terms.asked, terms.words), np.uint64)
    own: okvs.Rows | None = None
    for clusters in terms.parts:
        part = Array(np.uint64, (len(clusters) * shape.width, terms.words), holds=Masked)
        spec: Spec = Several((Bytes(okvs.SEED_BYTES), part)) if own is None else part
        inbox = yield Round(expect={terms.sender: spec}, step="program", work=_SECONDS_PER_KEY * terms.n)
        message = inbox[terms.sender]
        if own is None:
            seed, message = message
            own = okvs.rows(shape, seed, keys.keys)
        values[own.keys(clusters)] = okvs.decode(own, message.elements, clusters)
    return _padded(values, outputs, terms.between)


def answer(terms: Terms, randomness: Randomness) -> Part[vole_oprf.Key]:
    """The key of F. Run by the sender, before `program`."""
    return (yield from vole_oprf.answer(terms.receiver, terms.asked, terms.between, randomness, terms.profile))


def program(terms: Terms, of: vole_oprf.Key, at: okvs.Arranged, values: Words, randomness: Randomness) -> Part[None]:
    """Set the values. Run by the sender.

    of        what `answer` gave
    at        what `okvs.arrange` gave of the keys: most of the own work, which waits for nothing
    values    uint64 (n, words), in the order of the keys, uniform or pseudo-random to the receiver; overwritten
    raises    InvalidRequest  values of another dtype or shape, or another number of keys
    """
    if values.dtype != np.uint64 or values.shape != (terms.n, terms.words) or len(at.keys) != terms.n:
        raise InvalidRequest(f"values are {values.dtype} {values.shape}; expected uint64 {(terms.n, terms.words)}")
    padded, fill = _padded(values, of(at.keys), terms.between), Reader(randomness.bytes(KEY_BYTES))
    for clusters in terms.parts:
        part: Message = Masked(okvs.solve(at.peeled, padded, fill, clusters))
        if clusters.start == 0:
            part = (at.seed, part)
        yield Round(send={terms.receiver: part}, step="program", work=_SECONDS_PER_KEY * terms.n)


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no session waits for it."""
    from securecompute.arithmetic import gf128, lookup  # loads the compiler

    gf128.warm()
    lookup.warm()
    okvs.warm()
    silent_vole.warm()


def _padded(values: Words, outputs: Words, header: bytes) -> Words:
    """The values, in place, xor the pad of each row: MMO of F under a key for every two words."""
    room = np.empty_like(outputs)
    for column in range(0, values.shape[1], 2):
        pad = BlockHash(public_key(header, f"opprf: pad {column // 2}"))(outputs, out=room)
        some = values[:, column : column + 2]
        some ^= pad[:, : some.shape[1]]
    return values
