"""The secrets behind a committee's sum: who advertised which keys, seeds and what is known of them, boxes of seeds.

Each function is a step of `committee`, in its letters; two implementations must agree on labels and order of fields. A
group T is a set of τ members; the seed of T is for every member outside T. Groups are in the order of their names.
"""

from collections.abc import Collection, Mapping
from hashlib import sha256
from itertools import combinations
from typing import TypeAlias

from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.boxes import TAG_BYTES, BoxTampered, open_box, seal_box
from securecompute.primitives.keys import AgreementKey, LowOrderPoint, join, verify
from securecompute.primitives.masks import derive
from securecompute.protocols.sums.descriptor import Descriptor, set_hash
from securecompute.protocols.sums.settings import Committee

Group: TypeAlias = tuple[Party, ...]
Seeds: TypeAlias = Mapping[Group, bytes]

KEY, SIGNATURE, SEED = 32, 64, 32
MEMBER_ADVERT = KEY + SIGNATURE


def committee_of(descriptor: Descriptor) -> Committee:
    """The descriptor's committee. raises InvalidRequest: its setting is another."""
    if not isinstance(descriptor.setting, Committee):
        raise InvalidRequest(f"the descriptor's setting is '{descriptor.setting.kind}', not a committee")
    return descriptor.setting


def groups(committee: Committee, without: Party | None = None) -> tuple[Group, ...]:
    """Every T; or those that a member is not in, whose seeds it gets."""
    return tuple(T for T in combinations(committee.members, committee.tolerated) if without not in T)


def advert_bytes(committee: Committee) -> int:
    """Size of what an institution advertises: a key, one commitment for each T, a signature."""
    return KEY + SEED * len(groups(committee)) + SIGNATURE


def box_bytes(committee: Committee) -> int:
    """Size of a box: one seed for each T that its member is not in."""
    return SEED * len(groups(committee, committee.members[0])) + TAG_BYTES


def member_message(descriptor: Descriptor, m: Party, key: bytes) -> bytes:
    """What the member m signs when it advertises C_m."""
    return join(descriptor.hash(), m.encode(), key)


def check_members(descriptor: Descriptor, adverts: Mapping[Party, bytes]) -> bytes:
    """sid = SHA-256(h₀ | the members' advertisements), once every one of them is signed by whom it names.

    raises   PeerMisbehaved  a signature fails, two keys are equal, or there are fewer than q members
    """
    committee = committee_of(descriptor)
    if len(adverts) < committee.quorum:
        raise PeerMisbehaved(f"{len(adverts)} members of the committee advertised a key; {committee.quorum} must")
    if len({advert[:KEY] for advert in adverts.values()}) < len(adverts):
        raise PeerMisbehaved("two of the advertised keys are equal")
    for m, advert in adverts.items():
        message = member_message(descriptor, m, advert[:KEY])
        if not verify(descriptor.identities[m], b"ss1/member", message, advert[KEY:]):
            raise PeerMisbehaved(f"the key advertised for '{m}' is not signed by '{m}'")
    return sha256(join(b"ss1/sid", descriptor.hash(), *_in_order(adverts))).digest()


def digest(adverts: Mapping[Party, bytes]) -> bytes:
    """SHA-256 of the institutions' advertisements: members who sign it have been shown the same ones."""
    return sha256(join(b"ss1/adverts", *_in_order(adverts))).digest()


def _in_order(adverts: Mapping[Party, bytes]) -> list[bytes]:
    return [field for u in sorted(adverts) for field in (u.encode(), adverts[u])]


def survivors_message(sid: bytes, shown: bytes, included: Collection[Party]) -> bytes:
    """What a member signs: that in this session, shown these advertisements, it reveals for these institutions only."""
    return join(sid, shown, set_hash(included))


def check_survivors(
    descriptor: Descriptor, sid: bytes, shown: bytes, included: Collection[Party], signatures: Mapping[Party, bytes]
) -> None:
    """At least q members have signed the same advertisements and the same U.

    raises   PeerMisbehaved  a signature fails, or there are too few
    """
    message, quorum = survivors_message(sid, shown, included), committee_of(descriptor).quorum
    for m, signature in signatures.items():
        if not verify(descriptor.identities[m], b"ss1/u", message, signature):
            raise PeerMisbehaved(f"the survivor set is not signed by '{m}'")
    if len(signatures) < quorum:
        raise PeerMisbehaved(f"{len(signatures)} members signed the survivor set; {quorum} must")


def mask_key(seed: bytes, sid: bytes, T: Group, u: Party) -> bytes:
    """k_uT, from r_uT."""
    return derive(seed, sid, _about(b"ss1/mask", T, u))


def commitment(seed: bytes, sid: bytes, T: Group, u: Party) -> bytes:
    """What u says of r_uT to everybody: it fits no other seed, and tells nothing of this one's mask key."""
    return derive(seed, sid, _about(b"ss1/seed", T, u))


def _about(label: bytes, T: Group, u: Party) -> bytes:
    return join(label, u.encode(), *(m.encode() for m in T))


def advert_message(context: bytes, u: Party, said: bytes) -> bytes:
    """What the institution u signs when it advertises C_u and its commitments."""
    return join(context, u.encode(), said)


def _box_name(context: bytes, u: Party, m: Party) -> tuple[bytes, bytes]:
    """The info of the key, and the associated data, of the box from u to m."""
    return join(b"ss1/seeds", u.encode(), m.encode()), join(context, u.encode(), m.encode())


def seal_seeds(
    u: Party, committee: Committee, context: bytes, c_u: AgreementKey, seeds: Seeds, adverts: Mapping[Party, bytes]
) -> dict[Party, bytes]:
    """For every other member that advertised a key, a sealed box of the seeds that are for it.

    raises   LowOrderPoint  naming whose key it is
    """
    boxes = {}
    for m in adverts:
        if m != u:
            info, aad = _box_name(context, u, m)
            try:
                key = c_u.agree(adverts[m][:KEY], context, info)
            except LowOrderPoint:
                raise LowOrderPoint(f"the public key of '{m}' has low order: anybody could open its boxes") from None
            boxes[m] = seal_box(key, b"".join(seeds[T] for T in groups(committee, m)), aad)
    return boxes


def open_seeds(
    m: Party, descriptor: Descriptor, sid: bytes, context: bytes, c_m: AgreementKey, u: Party, advert: bytes, box: bytes
) -> Seeds | None:
    """The seeds in the box from u to m. None if the box does not open, or if u did not sign for these seeds: whatever
    u sends does not end the run, and u is left out of the total.
    """
    committee, said, signature = committee_of(descriptor), advert[:-SIGNATURE], advert[-SIGNATURE:]
    if not verify(descriptor.identities[u], b"ss1/spoken", advert_message(context, u, said), signature):
        return None
    info, aad = _box_name(context, u, m)
    try:
        opened = open_box(c_m.agree(said[:KEY], context, info), box, aad)
    except (LowOrderPoint, BoxTampered):
        return None
    committed = {T: said[KEY + SEED * k :][:SEED] for k, T in enumerate(groups(committee))}
    seeds = {T: opened[SEED * k :][:SEED] for k, T in enumerate(groups(committee, m))}
    return seeds if all(commitment(r_T, sid, T, u) == committed[T] for T, r_T in seeds.items()) else None
