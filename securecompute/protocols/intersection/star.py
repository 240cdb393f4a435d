"""Intersection of many institutions' sets, for one of them: the leader learns which of its records all others have too.

Every two of the N institutions agree on a key k_ij. An institution's share of x, 64 bits, and the leader's test:

    S_i(x) = xor over j ≠ i of PRF_kij(x),        S_1(x) + ... + S_N(x) = 0,   + is xor

    P_i, i ≥ 2   programs x -> S_i(x) for its records, towards the leader (`opprf`)
    P_1          asks every other for each of its records, and keeps x where all that it learned adds up to S_1(x)

Where somebody lacks x the leader learned a uniform word from it, and the sum is one.

Security   Any institutions together, in the augmented semi-honest model: they follow the protocol, but whoever colludes
           with the leader may choose its set anew before it begins. Indeed the leader and any others that collude learn
           which of X_1 all the remaining institutions have, whatever sets their own coalition has; if one institution
           is alone against all others, that is its whole intersection with X_1. Nothing else: shares of two
           institutions that do not collude hide each other, so that who of them lacks a record stays hidden. Without
           the leader a coalition learns nothing. Leakage: the leader learns N − 1 declared sizes, the others nx.
           The result is a list of records: only to an institution that is entitled to it.
           False matches: 2^-64 a record of the leader that is not common, 2^-40 in all for 2^24 records; a common
           record is always found. Assumes what `opprf` does, and AES-128 as the PRF.
           Not promised: that a set is true; one wrong word hides a record.
Cost       `Star.rounds` and `Star.sent`, exactly: a key, 32 bytes, from the first to the second of every two in the
           roster's order; and `opprf` for every P_i, with values of one word.
Reference  Kolesnikov, Matania, Pinkas, Rosulek, Trieu, CCS 2017 (ePrint 2017/799), the protocol for the augmented
           model; of the paper the abstract was read and not the proof. The model: Goldreich, Foundations of
           Cryptography II, definition 7.4.24, as others quote it. One store P of the leader's records serves all,
           under a fresh mask each: see `circuit`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Bytes, Part, Party, Round, together
from securecompute.errors import InvalidRequest
from securecompute.primitives import okvs
from securecompute.primitives.block_hash import permute
from securecompute.primitives.lpn import RECOMMENDED
from securecompute.primitives.masks import KEY_BYTES, derive
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.intersection import opprf, vole_oprf
from securecompute.protocols.intersection.declared import declared_set
from securecompute.protocols.products.bit_sharing import silent
from securecompute.values import Plain

Words: TypeAlias = NDArray[np.uint64]

MOST = 1 << 24  # records of the leader, for false matches below 2^-40


@dataclass(frozen=True, slots=True)
class Star:
    """What every party knows.

    sizes     institution -> its declared number of records, the same order at everyone; two institutions at least
    leader    who learns the result, one of them
    header    the public session header
    profile   of the noise, as `lpn` has them
    """

    sizes: Mapping[Party, int]
    leader: Party
    header: bytes
    profile: str = RECOMMENDED

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or self.leader not in self.sizes:
            raise InvalidRequest("an intersection is of two institutions at least, and the leader is one of them")
        if min(self.sizes.values()) < 0 or self.sizes[self.leader] > MOST:
            raise InvalidRequest(f"numbers of records are at least 0, and the leader's at most {MOST}")

    @property
    def others(self) -> list[Party]:
        """All but the leader."""
        return [name for name in self.sizes if name != self.leader]

    def terms(self, name: Party) -> opprf.Terms:
        """Of the values that another institution programs."""
        asked, n = self.sizes[self.leader], self.sizes[name]
        return opprf.Terms(self.leader, name, asked, n, 1, self.header, self.profile)

    @property
    def rounds(self) -> int:
        """As many as a silent party yields."""
        return max(self.terms(name).cost().rounds for name in self.others)

    @property
    def sent(self) -> dict[Party, int]:
        """Payload bytes that each institution sends."""
        last = len(self.sizes) - 1
        sent = {name: KEY_BYTES * (last - place) for place, name in enumerate(self.sizes)}
        for name in self.others:
            cost = self.terms(name).cost()
            sent[self.leader] += cost.receiver
            sent[name] += cost.sender
        return sent


def lead(agreed: Star, x: Plain, randomness: Randomness) -> Part[NDArray[np.bool_]]:
    """Which of own records are in all sets: (n,). Run by the leader; `agreed.rounds`.

    x        uint64 (n, 2), distinct identifiers, of the declared number
    raises   InvalidRequest  another array, or two equal rows
             PeerMisbehaved  as `vole_oprf`
    """
    ids = declared_set(x, agreed.sizes[agreed.leader])
    keys = vole_oprf.prepare(ids, agreed.header, randomness)
    asked = [opprf.receive(agreed.terms(name), keys, randomness) for name in agreed.others]
    pairs, *learned = yield from together(_agree(agreed, agreed.leader, randomness), *asked)
    total = _share(agreed.header, pairs, ids)
    for values in learned:
        total ^= values[:, 0]
    common: NDArray[np.bool_] = total == 0
    return common


def support(agreed: Star, me: Party, x: Plain, randomness: Randomness) -> Part[None]:
    """Let the leader test its records against own ones. Run by every other institution; `agreed.rounds`.

    x        uint64 (n, 2), distinct identifiers, of the declared number
    raises   InvalidRequest  another array, two equal rows, or no other institution of this name
             PeerMisbehaved  as `vole_oprf`
    """
    if me not in agreed.others:
        raise InvalidRequest(f"'{me}' does not support this intersection")
    ids, terms = declared_set(x, agreed.sizes[me]), agreed.terms(me)
    arranged = okvs.arrange(ids, agreed.header, randomness)
    pairs, of = yield from together(_agree(agreed, me, randomness), opprf.answer(terms, randomness))
    values = _share(agreed.header, pairs, ids).reshape(-1, 1)
    yield from together(opprf.program(terms, of, arranged, values, randomness))
    yield from silent(agreed.rounds - terms.cost().rounds)


def _agree(agreed: Star, me: Party, randomness: Randomness) -> Part[Sequence[bytes]]:
    """The keys with all the others: one round. The first of two draws theirs."""
    names = list(agreed.sizes)
    place = names.index(me)
    drawn = {name: randomness.bytes(KEY_BYTES) for name in names[place + 1 :]}
    inbox = yield Round(send=dict(drawn), expect=dict.fromkeys(names[:place], Bytes(KEY_BYTES)), step="pair keys")
    return [*inbox.values(), *drawn.values()]


def _share(header: bytes, pairs: Sequence[bytes], ids: Words) -> Words:
    """S of every record: uint64 (n,)."""
    total = np.zeros(len(ids), np.uint64)
    for key in pairs:
        total ^= permute(derive(key, header, b"star: share", 16), ids)[:, 0]
    return total
