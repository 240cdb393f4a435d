"""Pairwise-masked sum with recovery of dropouts: the collector learns the total of the institutions' vectors.

Each institution u has two X25519 keys made for this session, c_u (seals shares) and s_u (makes masks), and a seed b_u.
Both secrets b_u and s_u are Shamir-shared, t of N, among the institutions. With G = AES-256-CTR and U₂ who shared,

    y_u = e_u + G(K_u) + Σ_{v>u} G(k_uv) − Σ_{v<u} G(k_uv)   mod 2ᵏ,  v in U₂
    k_uv = HKDF(X25519(s_u, S_v), sid, mask | u | v)      K_u = HKDF(b_u, sid, self)

Of U₃, whose y arrived, the self masks are taken off with b_u; of the others, U₂ \\ U₃, the dangling pair masks with
s_v. No institution gives a share of both secrets of one v: who was slow, and not gone, stays hidden.

    round  step        institution -> coordinator              coordinator -> institution
    0, 1   advertise   A_u = C_u, S_u, nonce_u, signed         all A_v: defines U₁ and sid
    2, 3   share       to each v: box of shares of b_u, s_u    the boxes for u: defines U₂
    4, 5   masked      y_u and its check words                 U₃
    6, 7   consistent  signature on (U₂, U₃)                   at least t signatures; to the collector also Σ y_u
    8      reveal      to the collector: for each v in U₂ one share, of b_v if v is in U₃, else of s_v; b_u

Security   Coordinator, malicious, with c institutions: learns U₁, U₂, U₃ from its messages and nothing else, while
           c < 2t − N and c ≤ max(t, m) − 2. It cannot make institutions reveal for two different U₃, in one run or,
           with their ledgers, in several of one plan. Collector, whatever it does, with c institutions: U₁, U₂, U₃
           and the total of U₃, hence of the other |U₃| − c together. Coordinator and collector together are the
           server of the paper: the same total. Institutions: U₁, U₂, U₃. Assumes pinned Ed25519 keys, X25519, HKDF,
           AES-256-CTR as a generator, ChaCha20-Poly1305, messages sealed by the engine.
           Not promised: a right total, if the coordinator or an institution cheats: it knows the check words' weights
           and can shift the total unseen; what the collector does with a shifted total tells of the true one. That
           inputs are true; that a run ends with a number; that who signs or shares garbage is named; who is called a
           dropout truly was.
Cost       9 rounds; bytes in `cost`, exactly. An institution expands |U₂| vectors of masks.
Reference  Bonawitz et al., Practical Secure Aggregation, CCS 2017, figure 4, with the consistency round of its
           malicious version; the descriptor, sid and check words are ours.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from securecompute.arithmetic.rings import add_into
from securecompute.engine.rounds import Array, Part, Party, Round, Several
from securecompute.errors import PeerMisbehaved
from securecompute.primitives.keys import AgreementKey, IdentityKey, join
from securecompute.primitives.masks import add_masks
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.shamir import InconsistentShares, recombine
from securecompute.protocols.sums.check_words import LENGTH, check_ring, check_words, words_agree
from securecompute.protocols.sums.descriptor import Descriptor, check_roles, set_hash
from securecompute.protocols.sums.interface import Cost, Elements, Learns, Ledger, Survivors, check_input
from securecompute.protocols.sums.pairwise_keys import (
    ADVERT,
    BOX,
    KEY,
    NONCE,
    SHARE,
    SIGNATURE,
    advert_message,
    box_context,
    check_adverts,
    check_signatures,
    check_size,
    mask_key,
    open_shares,
    seal_shares,
    self_key,
)
from securecompute.protocols.sums.tables import flags, members, rows, table, table_spec
from securecompute.values import Masked, Plain, Share

_EXPAND_PER_SECOND = 2e8  # bytes of mask per second and institution that a deadline allows for


def cost(descriptor: Descriptor) -> Cost:
    """What a run with this descriptor costs, exactly, without running it."""
    n = len(descriptor.institutions)
    vector = sum(spec.limit for spec in _vector_specs(descriptor))
    institution = ADVERT + n * (1 + BOX) + vector + SIGNATURE + n * SHARE + KEY
    to_institution = n * (1 + ADVERT) + n * (1 + BOX) + n + n * (1 + SIGNATURE)
    to_collector = n * (1 + ADVERT) + 2 * n + n * (1 + SIGNATURE) + vector
    return Cost(9, institution, n * to_institution + to_collector, institution)


def learns(descriptor: Descriptor, coordinator: Party, collector: Party) -> Learns:
    """Who learns what, in words for people."""
    return (
        ("each institution", "the question; who took part, who dropped out; no number of anybody's"),
        (coordinator, "the question; who took part, who dropped out; masked vectors, which are noise to it"),
        (collector, "the total over all who took part, before the rule is applied; no institution's own numbers"),
        (f"{coordinator} and {collector} together", "the same total, and nothing more"),
    )


def _vector_specs(descriptor: Descriptor) -> tuple[Array, Array]:
    ring, words = descriptor.ring, check_ring(descriptor.ring)
    return (
        Array(ring.dtype, ring.shape(descriptor.length), Masked),
        Array(words.dtype, words.shape(LENGTH), Masked),
    )


def _words_offset(descriptor: Descriptor) -> int:
    """Where in a mask's stream the check words stand: behind the vector, at a block's beginning."""
    return -(-descriptor.length * descriptor.ring.item_bytes // 16) * 16


def contribute(
    me: Party,
    descriptor: Descriptor,
    coordinator: Party,
    collector: Party,
    x: Plain,
    identity: IdentityKey,
    ledger: Ledger,
    randomness: Randomness,
) -> Part[tuple[Party, ...]]:
    """Take part in the sum. Run by every institution; returns U₃, who is in the total.

    x         elements of the descriptor's ring, length d; |entry| ≤ bound; read, never written
    identity  whose public half the descriptor pins for `me`
    ledger    asked before U₃ is signed; told before anything is revealed
    raises    InvalidRequest     x is not such a vector, `identity` is not the pinned one, or a party has two roles
              EncodingOverflow   an entry lies beyond the bound
              PeerMisbehaved     a signature, box or set of the run is not what it must be
              DisclosureRefused  the ledger knows another survivor set for this plan
    """
    check_roles(descriptor, coordinator, collector)
    check_input(descriptor, me, x, identity)
    names, n = descriptor.institutions, len(descriptor.institutions)
    c_u, s_u = AgreementKey.generate(randomness), AgreementKey.generate(randomness)
    b_u = randomness.bytes(32)
    keys = c_u.public + s_u.public + randomness.bytes(NONCE)
    advert = keys + identity.sign(b"ss1/adv", advert_message(descriptor, me, keys))
    yield Round(send={coordinator: np.frombuffer(advert, np.uint8)}, step="advertise")
    spec = table_spec(n, ADVERT)
    inbox = yield Round(expect={coordinator: spec}, step="advertise", after=1)
    adverts = rows(names, inbox[coordinator])
    if adverts.get(me) != advert:
        raise PeerMisbehaved("the coordinator left out or changed this institution's keys")
    sid = check_adverts(descriptor, adverts)

    context = box_context(sid, coordinator, collector)
    boxes, own_shares = seal_shares(me, descriptor, adverts, context, c_u, s_u, b_u, randomness)
    yield Round(send={coordinator: table(names, boxes, BOX)}, step="share")
    inbox = yield Round(expect={coordinator: table_spec(n, BOX)}, step="share", after=1)
    received = rows(names, inbox[coordinator])
    shares = open_shares(me, descriptor, adverts, context, c_u, received) | {me: own_shares}
    shared = tuple(v for v in names if v in shares)

    pairs = {v: mask_key(s_u, adverts[v][KEY : 2 * KEY], me, v, sid) for v in shared if v != me}
    y = _masked(me, descriptor, x, sid, b_u, pairs)
    yield Round(send={coordinator: y}, step="masked")
    work = n * sum(spec.limit for spec in _vector_specs(descriptor)) / _EXPAND_PER_SECOND
    inbox = yield Round(expect={coordinator: Array(np.uint8, (n,))}, step="masked", after=1, work=work)
    included = members(names, inbox[coordinator])
    if me not in included or not set(included) <= set(shared):
        raise PeerMisbehaved(
            "the coordinator's survivor set leaves out this institution, or holds one that shared nothing"
        )
    check_size(descriptor, included, "are in the total")
    ledger.check(descriptor.plan, included)

    signature = identity.sign(b"ss1/u3", join(sid, set_hash(shared), set_hash(included)))
    yield Round(send={coordinator: np.frombuffer(signature, np.uint8)}, step="consistent")
    inbox = yield Round(expect={coordinator: table_spec(n, SIGNATURE)}, step="consistent", after=1)
    check_signatures(descriptor, sid, shared, included, rows(names, inbox[coordinator]))

    ledger.commit(descriptor.plan, included)
    one_each = {v: shares[v][:SHARE] if v in included else shares[v][SHARE:] for v in shared}
    _, revealed = table(names, one_each, SHARE)
    yield Round(send={collector: (Share(revealed), Share(np.frombuffer(b_u, np.uint8)))}, step="reveal")
    return included


def coordinate(descriptor: Descriptor, collector: Party) -> Part[Survivors]:
    """Pass on what the institutions send each other, add their masked vectors. Run by the coordinator, who sees no key.

    raises   InvalidRequest  the collector is an institution
             PeerMisbehaved  an institution did not send a box to each of the others
             PeerSilent      fewer than max(t, m) institutions are left at some step
    """
    check_roles(descriptor, collector)
    names, n, quorum = descriptor.institutions, len(descriptor.institutions), descriptor.quorum
    inbox = yield Round(expect=dict.fromkeys(names, Array(np.uint8, (ADVERT,))), quorum=quorum, step="advertise")
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

    specs = _vector_specs(descriptor)
    work = n * sum(spec.limit for spec in specs) / _EXPAND_PER_SECOND
    inbox = yield Round(expect=dict.fromkeys(boxes, Several(specs)), quorum=quorum, step="masked", work=work)
    survivors = Survivors(tuple(sorted(boxes)), tuple(sorted(inbox)))
    total = _total(descriptor, list(inbox.values()))
    included = flags(names, survivors.included)
    yield Round(send=dict.fromkeys(survivors.included, included), step="masked")

    inbox = yield Round(
        expect=dict.fromkeys(survivors.included, Array(np.uint8, (SIGNATURE,))),
        quorum=descriptor.threshold,
        step="consistent",
    )
    signatures = table(names, {u: row.tobytes() for u, row in inbox.items()}, SIGNATURE)
    to_collector = (message, flags(names, survivors.shared), included, signatures, total)
    yield Round(send=dict.fromkeys(survivors.included, signatures) | {collector: to_collector}, step="consistent")
    return survivors


def collect(descriptor: Descriptor, coordinator: Party, key: None = None) -> Part[tuple[Survivors, Elements]]:
    """Take the masks off the total. Run by the collector; returns the survivors and the total, elements of the ring.

    raises   InvalidRequest  the coordinator is an institution
             PeerMisbehaved  a signature, share or seed is not what it must be, or the check words do not agree
             PeerSilent      fewer than t institutions revealed their shares
    """
    check_roles(descriptor, coordinator)
    names, n = descriptor.institutions, len(descriptor.institutions)
    for step in ("advertise", "advertise", "share", "share", "masked", "masked", "consistent"):
        yield Round(step=step)
    set_of = Array(np.uint8, (n,))
    specs = Several(
        (table_spec(n, ADVERT), set_of, set_of, table_spec(n, SIGNATURE), Several(_vector_specs(descriptor)))
    )
    work = n * specs.limit / _EXPAND_PER_SECOND
    inbox = yield Round(expect={coordinator: specs}, step="consistent", after=5, work=work)
    adverts_table, shared_flags, included_flags, signatures, (total, words) = inbox[coordinator]
    adverts = rows(names, adverts_table)
    survivors = Survivors(members(names, shared_flags), members(names, included_flags))
    sid = check_adverts(descriptor, adverts)
    if not set(survivors.included) <= set(survivors.shared) <= set(adverts):
        raise PeerMisbehaved("the coordinator's survivor set holds institutions that shared nothing")
    check_size(descriptor, survivors.included, "are in the total")
    check_signatures(descriptor, sid, survivors.shared, survivors.included, rows(names, signatures))

    reveal = Several((Array(np.uint8, (n, SHARE), Share), Array(np.uint8, (32,), Share)))
    inbox = yield Round(
        expect=dict.fromkeys(survivors.included, reveal), quorum=descriptor.threshold, step="reveal", after=1
    )
    masks = _dangling_masks(descriptor, survivors, adverts, sid, inbox)
    vector, words_vector = total.elements.copy(), words.elements.copy()
    add_masks(descriptor.ring, vector, masks)
    add_masks(check_ring(descriptor.ring), words_vector, masks, _words_offset(descriptor))
    if not words_agree(descriptor.ring, vector, words_vector, len(survivors.included), sid):
        raise PeerMisbehaved(
            "the total's check words do not agree: a vector, seed or share was wrong. No number is given"
        )
    return survivors, vector


def _masked(
    me: Party, descriptor: Descriptor, x: Plain, sid: bytes, b_u: bytes, pairs: Mapping[Party, bytes]
) -> tuple[Masked, Masked]:
    """y_u and its masked check words."""
    ring = descriptor.ring
    masks = [(self_key(b_u, sid), +1), *((k_uv, +1 if v > me else -1) for v, k_uv in pairs.items())]
    y = x.elements.copy()
    words = check_words(ring, y, 1, sid)
    add_masks(ring, y, masks)
    add_masks(check_ring(ring), words, masks, _words_offset(descriptor))
    return Masked(y), Masked(words)


def _total(descriptor: Descriptor, masked: Sequence[tuple[Masked, Masked]]) -> tuple[Masked, Masked]:
    """Σ y_u over U₃."""
    ring = descriptor.ring
    total, words = masked[0][0].elements.copy(), masked[0][1].elements.copy()
    for y, y_words in masked[1:]:
        add_into(ring, total, y.elements)
        add_into(check_ring(ring), words, y_words.elements)
    return Masked(total), Masked(words)


def _dangling_masks(
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
