"""Secrets recombined for one party, or for the three compute parties: the only ways out of shares.

    P_i sends x_i and SHA-256(x_(i+1));   the receiver adds x_0 + x_1 + x_2, each held against its other holder's digest

A receiver that is itself a compute party holds two of the shares and is sent the third, and its digest. If all three
receive, P_i is sent x_(i-1) by P_(i-1), and its digest by P_(i+1).

Security   The receiver learns x, and beside it sees three uniform shares of it. One corrupted compute party cannot
           change x: every share comes from two parties, and a difference ends the session. Nobody else learns anything.
Cost       1 round; from each compute party w bytes an element and 32; to a compute party w from one, 32 from another.
Reference  Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016, section 3.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray, tiled
from securecompute.engine.rounds import Bytes, Part, Party, Round, Several
from securecompute.errors import PeerMisbehaved
from securecompute.protocols.products.compute_party import PARTIES, ComputeParty
from securecompute.protocols.products.dealing import Form, expected, packed, unpacked
from securecompute.protocols.products.replicated import Replicated

DIGEST_BYTES = 32


def reveal(names: Sequence[Party], receiver: Party, x: Replicated) -> Part[RingArray | None]:
    """Show x to the receiver. Run by each of the three; returns x at a receiver that is one of them, else None.

    raises   PeerMisbehaved  at the receiver: two holders of a share sent different ones
    """
    if receiver not in names:
        yield Round(send={receiver: (*packed([x.mine]), digest(x.next))}, step="reveal")
        return None
    place, i = list(names).index(receiver), x.index
    if i == (place - 1) % PARTIES:
        yield Round(send={receiver: packed([x.mine])}, step="reveal")
        return None
    if i == (place + 1) % PARTIES:
        yield Round(send={receiver: digest(x.next)}, step="reveal")
        return None
    form, before, after = Form.of(x.mine), names[(place - 1) % PARTIES], names[(place + 1) % PARTIES]
    inbox = yield Round(expect={before: expected([form]), after: Bytes(DIGEST_BYTES)}, step="reveal")
    (third,) = unpacked([form], inbox[before])
    if digest(third) != inbox[after]:
        raise _differ(before, after)
    return tiled(_total, x.mine, x.next, third, into=third)


def collect(names: Sequence[Party], form: Form, after: int = 0) -> Part[RingArray]:
    """The value. Run by a receiver that is not one of the three.

    after    rounds that the three take before, while the receiver is silent
    raises   PeerMisbehaved  as `reveal`
    """
    spec = Several((*expected([form]).parts, Bytes(DIGEST_BYTES)))
    inbox = yield Round(expect=dict.fromkeys(names, spec), step="reveal", after=after)
    shares: list[RingArray] = [unpacked([form], inbox[p][:1])[0] for p in names]
    for i, share in enumerate(shares):
        other = names[(i - 1) % PARTIES]
        if digest(share) != inbox[other][1]:
            raise _differ(names[i], other)
    return tiled(_total, *shares, into=shares[0])


def open_to_all(party: ComputeParty, x: Replicated) -> Part[RingArray]:
    """The value, at each of the three, who run it. raises PeerMisbehaved as `reveal`."""
    form, before, after = Form.of(x.mine), party.previous, party.next
    inbox = yield Round(
        send={after: packed([x.mine]), before: digest(x.next)},
        expect={before: expected([form]), after: Bytes(DIGEST_BYTES)},
        step="open",
    )
    (third,) = unpacked([form], inbox[before])
    if digest(third) != inbox[after]:
        raise _differ(before, after)
    return tiled(_total, x.mine, x.next, third, into=third)


def digest(share: RingArray) -> bytes:
    """SHA-256 of the words, in C order."""
    return hashlib.sha256(np.ascontiguousarray(share.words).data).digest()


def _total(a: RingArray, b: RingArray, c: RingArray) -> RingArray:
    return a + b + c


def _differ(one: Party, other: Party) -> PeerMisbehaved:
    return PeerMisbehaved(f"'{one}' and '{other}' hold the same share and sent different ones; the result is not used")
