"""How an institution's numbers come to the three compute parties, after which it may leave.

    x = x_0 + x_1 + x_2:   two shares are streams of seeds that the owner draws, the third is what is missing.
    P_i receives what makes x_i and x_(i+1): for a stream its seed, 32 bytes whatever the size of x.

The share that is sent in full is x_2, to P_1 and P_2; of an owner that is itself P_i it is x_i, to P_(i-1) alone. Then
the two holders of every share compare its digest, so that an owner cannot give them different numbers unnoticed.

Security   One compute party sees two shares, of which the streams are pseudo-random and the third is masked by a stream
           that it lacks: uniform words. Leakage: shapes. Not promised: that the numbers are true.
Cost       2 rounds, the second beside whatever comes next. An owner sends 2w an element and 128 bytes; one that is a
           compute party, w and 96; each compute party 64 for every owner.
Reference  Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016; seeds as in Mohassel, Rindal, CCS 2018.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray, tiled
from securecompute.engine.rounds import Bytes, Message, Part, Party, Round, Several, Spec
from securecompute.errors import PeerMisbehaved
from securecompute.primitives.masks import KEY_BYTES, derive
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.products.compute_party import PARTIES
from securecompute.protocols.products.dealing import Form, packed, unpacked
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.streams import expand

Material = tuple[dict[int, bytes], list[RingArray]]  # seeds by share, and the arrays of the share sent in full


def provide(
    me: Party, names: Sequence[Party], inputs: Sequence[RingArray], session: bytes, randomness: Randomness
) -> Part[tuple[list[Replicated], bytes]]:
    """Share own numbers, in one round. Run by their owner; an owner that is P_i keeps its own shares.

    returns   of an owner that is one of the three: its shares, and the digests of both; else nothing
    """
    full = full_share(me, names)
    seeds = {j: randomness.bytes(KEY_BYTES) for j in range(PARTIES) if j != full}
    streams = {j: [_stream(seed, session, k, x) for k, x in enumerate(inputs)] for j, seed in seeds.items()}
    a, b = streams.values()
    rest = [tiled(lambda x, a, b: x - a - b, *each) for each in zip(inputs, a, b, strict=True)]
    messages: dict[Party, Message] = {}
    for i, name in enumerate(names):
        if name != me:
            own = tuple(seeds[j] for j in held(i) if j != full)
            messages[name] = (*own, *packed(rest)) if full in held(i) else own
    yield Round(send=messages, step="share inputs")
    if me not in names:
        return [], b""
    i = list(names).index(me)
    shares = streams | {full: rest}
    return _replicated(i, shares), _digests(i, (seeds, rest), full)


def accept(
    me: Party, names: Sequence[Party], owner: Party, forms: Sequence[Form], session: bytes
) -> Part[tuple[list[Replicated], bytes]]:
    """This compute party's shares of another's numbers, and the digests of both, for `compare`. One round."""
    i, full = list(names).index(me), full_share(owner, names)
    seeded = [j for j in held(i) if j != full]
    specs: list[Spec] = [Bytes(KEY_BYTES)] * len(seeded)
    in_full = list(forms) if full in held(i) else []
    specs += [form.spec for form in in_full]
    inbox = yield Round(expect={owner: Several(tuple(specs))}, step="share inputs")
    message = inbox[owner]
    seeds: dict[int, bytes] = dict(zip(seeded, message, strict=False))
    rest: list[RingArray] = unpacked(in_full, message[len(seeded) :])
    shares = {j: [_expand(seed, session, k, form) for k, form in enumerate(forms)] for j, seed in seeds.items()}
    if in_full:
        shares[full] = rest
    return _replicated(i, shares), _digests(i, (seeds, rest), full)


def compare(me: Party, names: Sequence[Party], digests: Mapping[Party, bytes]) -> Part[None]:
    """Hold the digests of this party's shares against their other holders'. Run by each of the three; one round.

    digests   owner -> what `provide` or `accept` gave
    raises    PeerMisbehaved  an owner, or one of the two, gave out different shares
    """
    i = list(names).index(me)
    previous, following = names[(i - 1) % PARTIES], names[(i + 1) % PARTIES]
    owners = sorted(digests)  # whatever their order at the others
    of_mine = b"".join(digests[owner][:32] for owner in owners)
    of_next = b"".join(digests[owner][32:] for owner in owners)
    spec = Bytes(32 * len(owners))
    inbox = yield Round(send={previous: of_mine, following: of_next}, expect={previous: spec, following: spec})
    for k, owner in enumerate(owners):
        part = slice(32 * k, 32 * k + 32)
        for peer, own in ((previous, of_mine), (following, of_next)):
            if inbox[peer][part] != own[part]:
                raise PeerMisbehaved(f"'{me}' and '{peer}' were given different shares of the numbers of '{owner}'")


def full_share(owner: Party, names: Sequence[Party]) -> int:
    """Which share of an owner's numbers is sent in full."""
    return list(names).index(owner) if owner in names else 2


def held(i: int) -> tuple[int, int]:
    """Which shares P_i holds."""
    return i, (i + 1) % PARTIES


def _replicated(i: int, shares: Mapping[int, Sequence[RingArray]]) -> list[Replicated]:
    mine, following = (shares[j] for j in held(i))
    return [Replicated(i, a, b) for a, b in zip(mine, following, strict=True)]


def _digests(i: int, material: Material, full: int) -> bytes:
    """SHA-256 of what makes x_i, then of what makes x_(i+1)."""
    seeds, rest = material
    digests = {}
    for j in held(i):
        content = hashlib.sha256(seeds.get(j, b""))
        if j == full:
            for array in rest:
                content.update(np.ascontiguousarray(array.words).data)
        digests[j] = content.digest()
    return b"".join(digests[j] for j in held(i))


def _stream(seed: bytes, session: bytes, k: int, like: RingArray) -> RingArray:
    return _expand(seed, session, k, Form.of(like))


def _expand(seed: bytes, session: bytes, k: int, form: Form) -> RingArray:
    return expand(derive(seed, session, b"input %d" % k), form.kind, form.shape)
