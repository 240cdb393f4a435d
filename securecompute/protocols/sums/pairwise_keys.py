"""The secrets behind a pairwise-masked sum: who advertised which keys, keys of masks and boxes, boxes of shares.

Each function is a step of `pairwise`, in its letters; two implementations must agree on labels and order of fields.
"""

from collections.abc import Collection, Mapping
from hashlib import sha256

from securecompute.engine.rounds import Party
from securecompute.errors import PeerMisbehaved
from securecompute.primitives.boxes import BoxTampered, open_box, seal_box
from securecompute.primitives.keys import AgreementKey, LowOrderPoint, join, verify
from securecompute.primitives.masks import derive
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.shamir import InconsistentShares, recombine, split
from securecompute.protocols.sums.descriptor import Descriptor, set_hash
from securecompute.protocols.sums.interface import Survivors
from securecompute.values import Share

KEY, NONCE, SIGNATURE, SHARE, BOX = 32, 32, 64, 33, 2 * 33 + 16
ADVERT = 2 * KEY + NONCE + SIGNATURE


def advert_message(descriptor: Descriptor, u: Party, keys: bytes) -> bytes:
    """What u signs when it advertises its keys."""
    return _advert_message(descriptor.hash(), u, keys)


def _advert_message(h0: bytes, u: Party, keys: bytes) -> bytes:
    return join(h0, u.encode(), keys)


def check_adverts(descriptor: Descriptor, adverts: Mapping[Party, bytes], me: Party | None = None) -> bytes:
    """sid = SHA-256(h₀ | the advertisements of U₁), once every one of them is signed by whom it names.

    me       whose own advertisement is known to be its own
    raises   PeerMisbehaved  a signature fails, two keys are equal, or U₁ is too small
    """
    check_size(descriptor, adverts, "advertised their keys")
    keys = [advert[k : k + KEY] for advert in adverts.values() for k in (0, KEY)]
    if len(set(keys)) != len(keys):
        raise PeerMisbehaved("two of the advertised keys are equal")
    h0 = descriptor.hash()
    for u, advert in adverts.items():
        message, signature = _advert_message(h0, u, advert[:-SIGNATURE]), advert[-SIGNATURE:]
        if u != me and not verify(descriptor.identities[u], b"ss1/adv", message, signature):
            raise PeerMisbehaved(f"the keys advertised for '{u}' are not signed by '{u}'")
    fields = [field for u in sorted(adverts) for field in (u.encode(), adverts[u])]
    return sha256(join(b"ss1/sid", h0, *fields)).digest()


def check_size(descriptor: Descriptor, members: Collection[Party], deed: str) -> None:
    """raises   PeerMisbehaved  fewer than max(t, m) did so"""
    if len(members) < descriptor.quorum:
        raise PeerMisbehaved(f"the coordinator says that {len(members)} institutions {deed}; {descriptor.quorum} must")


def check_signatures(
    descriptor: Descriptor,
    sid: bytes,
    shared: Collection[Party],
    included: Collection[Party],
    signatures: Mapping[Party, bytes],
    own: tuple[Party, bytes] | None = None,
) -> None:
    """t of U₃ have signed the same U₂ and U₃; more are not looked at, since t are what no second set can find.

    own      this institution and its signature, which needs no proof where it stands under its own name
    raises   PeerMisbehaved  a signature fails, is of none of U₃, or there are too few
    """
    message, found = join(sid, set_hash(shared), set_hash(included)), 0
    for v, signature in sorted(signatures.items(), key=lambda signed: signed != own):
        enough = found >= descriptor.threshold or (v, signature) == own
        if v not in included or not (enough or verify(descriptor.identities[v], b"ss1/u3", message, signature)):
            raise PeerMisbehaved(f"the survivor set is not signed by '{v}'")
        found += 1
    if found < descriptor.threshold:
        raise PeerMisbehaved(f"{found} signatures on the survivor set; {descriptor.threshold} are needed")


def mask_key(s_u: AgreementKey, S_v: bytes, u: Party, v: Party, sid: bytes) -> bytes:
    """k_uv = k_vu, known to u and v.

    raises   LowOrderPoint  naming v
    """
    return _agree(s_u, S_v, v, sid, join(b"ss1/mask", min(u, v).encode(), max(u, v).encode()))


def _agree(mine: AgreementKey, theirs: bytes, v: Party, salt: bytes, info: bytes) -> bytes:
    try:
        return mine.agree(theirs, salt, info)
    except LowOrderPoint:
        raise LowOrderPoint(f"a public key of '{v}' has low order: anybody could compute what it seals") from None


def self_key(b_u: bytes, sid: bytes) -> bytes:
    """K_u."""
    return derive(b_u, sid, b"ss1/self")


def box_context(sid: bytes, coordinator: Party, collector: Party) -> bytes:
    """What all must have been told alike to open each other's boxes: the session, and who has which role in it."""
    return join(sid, coordinator.encode(), collector.encode())


def _box_name(context: bytes, u: Party, v: Party) -> tuple[bytes, bytes]:
    """The info of the key, and the associated data, of the box from u to v."""
    return join(b"ss1/enc", u.encode(), v.encode()), join(context, u.encode(), v.encode())


def seal_shares(
    me: Party,
    descriptor: Descriptor,
    adverts: Mapping[Party, bytes],
    context: bytes,
    c_u: AgreementKey,
    s_u: AgreementKey,
    b_u: bytes,
    randomness: Randomness,
) -> tuple[dict[Party, bytes], bytes]:
    """For every other v of U₁ a sealed box of its shares of b_u and s_u; and this institution's own two shares.

    raises   LowOrderPoint  naming whose key it is
    """
    index = {name: k for k, name in enumerate(descriptor.institutions, 1)}
    xs = [index[v] for v in adverts]
    b_shares = split(b_u, descriptor.threshold, xs, randomness)
    s_shares = split(s_u.unchecked_private_bytes(), descriptor.threshold, xs, randomness)
    boxes = {}
    for v in adverts:
        if v != me:
            info, aad = _box_name(context, me, v)
            key = _agree(c_u, adverts[v][:KEY], v, context, info)
            boxes[v] = seal_box(key, b_shares[index[v]] + s_shares[index[v]], aad)
    return boxes, b_shares[index[me]] + s_shares[index[me]]


def open_shares(
    me: Party,
    descriptor: Descriptor,
    adverts: Mapping[Party, bytes],
    context: bytes,
    c_u: AgreementKey,
    received: Mapping[Party, bytes],
) -> dict[Party, bytes]:
    """v -> this institution's shares of b_v and s_v, of all who sent it a box.

    raises   PeerMisbehaved  a box from whom none can come, too few boxes, one that does not open
    """
    if me in received or not received.keys() <= adverts.keys():
        raise PeerMisbehaved("the coordinator passed on a box from an institution that cannot have sent one")
    check_size(descriptor, [me, *received], "shared their secrets")
    shares = {}
    for v, box in received.items():
        info, aad = _box_name(context, v, me)
        key = _agree(c_u, adverts[v][:KEY], v, context, info)
        try:
            shares[v] = open_box(key, box, aad)
        except BoxTampered:
            raise BoxTampered(
                f"the box from '{v}' does not open: it was changed, or '{v}' was told another session or collector"
            ) from None
    return shares


def dangling_masks(
    descriptor: Descriptor,
    survivors: Survivors,
    adverts: Mapping[Party, bytes],
    sid: bytes,
    revealed: Mapping[Party, tuple[Share, Share]],
) -> list[tuple[bytes, int]]:
    """What to add to the total: the self masks of U₃ and the pair masks of U₂ \\ U₃, with their signs turned."""
    masks = []
    for v in survivors.included:
        b_v = revealed[v][1].elements.tobytes() if v in revealed else _recovered(descriptor, v, revealed)
        masks.append((self_key(b_v, sid), -1))
    for v in sorted(set(survivors.shared) - set(survivors.included)):
        s_v = AgreementKey.from_private_bytes(_recovered(descriptor, v, revealed))
        if s_v.public != adverts[v][KEY : 2 * KEY]:
            raise PeerMisbehaved(f"the shares of the key of '{v}' give another key; one of them is wrong")
        for u in survivors.included:
            k_uv = mask_key(s_v, adverts[u][KEY : 2 * KEY], u, v, sid)
            masks.append((k_uv, -1 if v > u else +1))
    return masks


def _recovered(descriptor: Descriptor, v: Party, revealed: Mapping[Party, tuple[Share, Share]]) -> bytes:
    """The secret of v from t of the revealed shares."""
    index = {name: k for k, name in enumerate(descriptor.institutions)}
    shares = {index[u] + 1: one_each.elements[index[v]].tobytes() for u, (one_each, _) in sorted(revealed.items())}
    try:
        return recombine(dict(list(shares.items())[: descriptor.threshold]))
    except InconsistentShares:
        raise InconsistentShares(f"the shares of a secret of '{v}' do not belong together; one is wrong") from None
