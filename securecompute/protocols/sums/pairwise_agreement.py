"""The first half of a pairwise-masked sum, rounds 0 to 3: institutions agree on keys and share their secrets.

`agree` is an institution's part, `relay` the coordinator's; the collector has none. What comes of it serves for one
vector, in `pairwise`: a second one under the same keys would differ from the first by the plain difference.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from securecompute.engine.rounds import Array, Part, Party, Round
from securecompute.errors import PeerMisbehaved
from securecompute.primitives.keys import AgreementKey
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.interface import Contributor
from securecompute.protocols.sums.pairwise_keys import (
    ADVERT,
    BOX,
    NONCE,
    advert_message,
    box_context,
    check_adverts,
    open_shares,
    seal_shares,
)
from securecompute.protocols.sums.tables import Flags, Rows, rows, table, table_spec

ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Agreed:
    """What an institution has then; `shares` are its own of (b_v, s_v), for each v of U₂."""

    sid: bytes
    adverts: Mapping[Party, bytes]
    shares: Mapping[Party, bytes] = field(repr=False)
    s_u: AgreementKey
    b_u: bytes = field(repr=False)

    @property
    def shared(self) -> tuple[Party, ...]:
        """U₂."""
        return tuple(sorted(self.shares))


@dataclass(frozen=True, slots=True)
class Relayed:
    """What the coordinator has then: the table of U₁'s advertisements, and U₂."""

    adverts: tuple[Flags, Rows]
    shared: tuple[Party, ...]


def agree(own: Contributor, descriptor: Descriptor, coordinator: Party, collector: Party) -> Part[Agreed]:
    """Make c_u, s_u and b_u, tell the others the public keys, share the secrets with them. Run by every institution.

    raises    PeerMisbehaved     a signature, key or box is not what it must be, or too few take part
    """
    me, randomness = own.name, own.randomness
    names, n = descriptor.institutions, len(descriptor.institutions)
    c_u, s_u = AgreementKey.generate(randomness), AgreementKey.generate(randomness)
    b_u = randomness.bytes(32)
    keys = c_u.public + s_u.public + randomness.bytes(NONCE)
    advert = keys + own.identity.sign(b"ss1/adv", advert_message(descriptor, me, keys))
    yield Round(send={coordinator: np.frombuffer(advert, np.uint8)}, step="advertise")
    inbox = yield Round(expect={coordinator: table_spec(n, ADVERT)}, step="advertise", after=1)
    adverts = rows(names, inbox[coordinator])
    if adverts.get(me) != advert:
        raise PeerMisbehaved("the coordinator left out or changed this institution's keys")
    sid = check_adverts(descriptor, adverts, me)

    context = box_context(sid, coordinator, collector)
    boxes, own_shares = seal_shares(me, descriptor, adverts, context, c_u, s_u, b_u, randomness)
    yield Round(send={coordinator: table(names, boxes, BOX)}, step="share")
    inbox = yield Round(expect={coordinator: table_spec(n, BOX)}, step="share", after=1)
    received = rows(names, inbox[coordinator])
    shares = open_shares(me, descriptor, adverts, context, c_u, received) | {me: own_shares}
    return Agreed(sid, adverts, shares, s_u, b_u)


def relay(descriptor: Descriptor, members: Collection[Party]) -> Part[Relayed]:
    """Pass on what `members` send each other. Run by the coordinator, who sees no key.

    raises   PeerMisbehaved  an institution did not send a box to each of the others
             PeerSilent      fewer than max(t, m) institutions are left at some step
    """
    names, n, quorum = descriptor.institutions, len(descriptor.institutions), descriptor.quorum
    inbox = yield Round(expect=dict.fromkeys(members, Array(np.uint8, (ADVERT,))), quorum=quorum, step="advertise")
    adverts = {u: row.tobytes() for u, row in inbox.items()}
    message = table(names, adverts, ADVERT)
    yield Round(send=dict.fromkeys(adverts, message), step="advertise")

    inbox = yield Round(expect=dict.fromkeys(adverts, table_spec(n, BOX)), quorum=quorum, step="share")
    boxes = {u: rows(names, sent) for u, sent in inbox.items()}
    for u, sealed in boxes.items():
        if sealed.keys() != adverts.keys() - {u}:
            raise PeerMisbehaved(f"'{u}' did not send a box of shares to each of the others")
    send = {v: table(names, {u: boxes[u][v] for u in boxes if u != v}, BOX) for v in boxes}
    yield Round(send=send, step="share")
    return Relayed(message, tuple(sorted(boxes)))
