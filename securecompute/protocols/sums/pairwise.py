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

A vector of K > 1 chunks (`chunks`) takes 2(K − 1) rounds more. Round 4 is repeated for each chunk, and what answers one
chunk arrives while the next is sent, so that a fast institution cannot flood the coordinator; the check words go with
the last. U₃ is whose first chunk arrived. Who falls silent later ends the run with PeerSilent, before anything is
signed or revealed, and a new run may take another set: to go on without it the coordinator would have to keep every
vector apart, or take all of them again, which is as long as a new run and would show how an input that has changed
meanwhile differs. Of Σ y_u the first chunk comes in round 7, the others after the reveal, in the same manner.

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
Cost       9 rounds, 7 + 2K for K chunks; bytes in `cost`, exactly. An institution expands |U₂| vectors of masks. Each
           party has at most 64 MB in use beside its own vector: x, Σ y_u or the total.
Reference  Bonawitz et al., Practical Secure Aggregation, CCS 2017, figure 4, with the consistency round of its
           malicious version; the descriptor, sid and check words are ours.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from securecompute.arithmetic.rings import zeros
from securecompute.engine.rounds import Array, Message, Part, Party, Round, Several, Spec
from securecompute.errors import PeerMisbehaved
from securecompute.primitives.keys import join
from securecompute.primitives.masks import add_masks
from securecompute.protocols.sums.check_words import LENGTH, check_ring, words_agree
from securecompute.protocols.sums.chunks import (
    HEARD,
    add_chunks,
    add_rest,
    check_vector,
    chunk_length,
    chunk_spec,
    hand_on,
    mask_chunk,
    message_spec,
    spans,
    words_offset,
    words_spec,
)
from securecompute.protocols.sums.descriptor import Descriptor, check_roles, set_hash
from securecompute.protocols.sums.interface import Contributor, Cost, Elements, Learns, Survivors
from securecompute.protocols.sums.pairwise_agreement import Agreed, Relayed, agree, relay
from securecompute.protocols.sums.pairwise_keys import (
    ADVERT,
    BOX,
    KEY,
    SHARE,
    SIGNATURE,
    check_adverts,
    check_signatures,
    check_size,
    dangling_masks,
    mask_key,
    self_key,
)
from securecompute.protocols.sums.tables import Flags, Rows, flags, members, rows, table, table_spec
from securecompute.values import Masked, Plain, Share

_EXPAND_PER_SECOND = 2e8  # bytes of mask per second and institution that a deadline allows for


def cost(descriptor: Descriptor) -> Cost:
    """What a run with this descriptor costs, exactly, without running it."""
    n, pieces = len(descriptor.institutions), spans(descriptor)
    vector = sum(chunk_spec(descriptor, span).limit for span in pieces) + words_spec(descriptor).limit
    institution = ADVERT + n * (1 + BOX) + vector + SIGNATURE + n * SHARE + KEY
    to_institution = n * (1 + ADVERT) + n * (1 + BOX) + n + n * (1 + SIGNATURE)
    to_collector = n * (1 + ADVERT) + 2 * n + n * (1 + SIGNATURE) + vector
    return Cost(7 + 2 * len(pieces), institution, n * to_institution + to_collector, institution)


def learns(descriptor: Descriptor, coordinator: Party, collector: Party) -> Learns:
    """Who learns what, in words for people."""
    return (
        ("each institution", "the question; who took part, who dropped out; no number of anybody's"),
        (coordinator, "the question; who took part, who dropped out; masked vectors, which are noise to it"),
        (collector, "the total over all who took part, before the rule is applied; no institution's own numbers"),
        (f"{coordinator} and {collector} together", "the same total, and nothing more"),
    )


def contribute(
    own: Contributor, descriptor: Descriptor, coordinator: Party, collector: Party, x: Plain
) -> Part[tuple[Party, ...]]:
    """Take part in the sum. Run by every institution; returns U₃, who is in the total.

    own      its ledger is asked before U₃ is signed; told before anything is revealed
    x        as `interface.SumProtocol`; read twice, and written by nobody meanwhile
    raises   as `interface.SumProtocol`; PeerMisbehaved: a signature, box or set of the run is not what it must be
    """
    check_roles(descriptor, coordinator, collector)
    check_vector(own, descriptor, x)
    agreed = yield from agree(own, descriptor, coordinator, collector)
    return (yield from mask_and_reveal(own, descriptor, coordinator, collector, x, agreed))


def coordinate(descriptor: Descriptor, collector: Party) -> Part[Survivors]:
    """Pass on what the institutions send each other, add their masked vectors. Run by the coordinator, who sees no key.

    raises   InvalidRequest  the collector is an institution
             PeerMisbehaved  an institution did not send a box to each of the others
             PeerSilent      fewer than max(t, m) institutions are left at some step, or one fell silent after the
                             first chunk of its vector
    """
    check_roles(descriptor, collector)
    relayed = yield from relay(descriptor, descriptor.institutions)
    return (yield from add_up(descriptor, collector, relayed))


def collect(descriptor: Descriptor, coordinator: Party, key: None = None) -> Part[tuple[Survivors, Elements]]:
    """Take the masks off the total. Run by the collector; returns the survivors and the total, elements of the ring.

    raises   InvalidRequest  the coordinator is an institution
             PeerMisbehaved  a signature, share or seed is not what it must be, or the check words do not agree
             PeerSilent      fewer than t institutions revealed their shares
    """
    check_roles(descriptor, coordinator)
    for step in ("advertise", "advertise", "share", "share"):
        yield Round(step=step)
    return (yield from unmask(descriptor, coordinator))


def mask_and_reveal(
    own: Contributor, descriptor: Descriptor, coordinator: Party, collector: Party, x: Plain, agreed: Agreed
) -> Part[tuple[Party, ...]]:
    """An institution's rounds from 4 on: send the vector under the agreed masks; reveal, once, for one U₃.

    x   has passed `check_vector`; the rest as `contribute`
    """
    names, n, sid, shared = descriptor.institutions, len(descriptor.institutions), agreed.sid, agreed.shared
    included = yield from _upload(own, descriptor, coordinator, x, agreed)
    signature = own.identity.sign(b"ss1/u3", join(sid, set_hash(shared), set_hash(included)))
    yield Round(send={coordinator: np.frombuffer(signature, np.uint8)}, step="consistent")
    inbox = yield Round(expect={coordinator: table_spec(n, SIGNATURE)}, step="consistent", after=1)
    check_signatures(descriptor, sid, shared, included, rows(names, inbox[coordinator]), (own.name, signature))

    own.ledger.commit(descriptor.plan, included)
    one_each = {v: agreed.shares[v][:SHARE] if v in included else agreed.shares[v][SHARE:] for v in shared}
    _, revealed = table(names, one_each, SHARE)
    yield Round(send={collector: (Share(revealed), Share(np.frombuffer(agreed.b_u, np.uint8)))}, step="reveal")
    return included


def _upload(
    own: Contributor, descriptor: Descriptor, coordinator: Party, x: Plain, agreed: Agreed
) -> Part[tuple[Party, ...]]:
    """Send y_u and its check words, a chunk a round; what answers a chunk comes while the next one goes. Returns U₃."""
    me, sid, n, pieces = own.name, agreed.sid, len(descriptor.institutions), spans(descriptor)
    pairs = {v: mask_key(agreed.s_u, agreed.adverts[v][KEY : 2 * KEY], me, v, sid) for v in agreed.shared if v != me}
    masks = [(self_key(agreed.b_u, sid), +1), *((k_uv, +1 if v > me else -1) for v, k_uv in pairs.items())]
    words = zeros(check_ring(descriptor.ring), LENGTH)
    included: tuple[Party, ...] = ()
    for k in range(len(pieces) + 1):
        send: dict[Party, Message] = {}
        expect: dict[Party, Spec] = {}
        if k < len(pieces):
            send[coordinator] = mask_chunk(descriptor, x, pieces[k], words, masks, sid)
        if k > 0:
            expect[coordinator] = Array(np.uint8, (n,)) if k == 1 else HEARD
        inbox = yield Round(send=send, expect=expect, step="masked", after=min(k, 1), work=_seconds(descriptor))
        if k == 1:
            included = members(descriptor.institutions, inbox[coordinator])
            _check_included(me, descriptor, agreed.shared, included)
            own.ledger.check(descriptor.plan, included)
    return included


def _seconds(descriptor: Descriptor) -> float:
    """What a deadline allows for the masks of one chunk."""
    chunk = chunk_length(descriptor) * descriptor.ring.item_bytes
    return len(descriptor.institutions) * chunk / _EXPAND_PER_SECOND


def _check_included(me: Party, descriptor: Descriptor, shared: Sequence[Party], included: Sequence[Party]) -> None:
    if me not in included or not set(included) <= set(shared):
        raise PeerMisbehaved(
            "the coordinator's survivor set leaves out this institution, or holds one that shared nothing"
        )
    check_size(descriptor, included, "are in the total")


def add_up(descriptor: Descriptor, collector: Party, relayed: Relayed) -> Part[Survivors]:
    """The coordinator's rounds from 4 on: add what U₂ sends; hand it on once U₃ is signed."""
    names, pieces, work = descriptor.institutions, spans(descriptor), _seconds(descriptor)
    total, words = zeros(descriptor.ring, descriptor.length), zeros(check_ring(descriptor.ring), LENGTH)
    expect = dict.fromkeys(relayed.shared, message_spec(descriptor, pieces[0]))
    inbox = yield Round(expect=expect, quorum=descriptor.quorum, step="masked", work=work)
    senders = tuple(sorted(inbox))
    add_chunks(descriptor.ring, total[pieces[0]], words, list(inbox.values()))
    del inbox  # a chunk of everybody, while the next arrive
    yield from add_rest(descriptor, total, words, senders, senders, flags(names, senders), work)

    inbox = yield Round(
        expect=dict.fromkeys(senders, Array(np.uint8, (SIGNATURE,))), quorum=descriptor.quorum, step="consistent"
    )
    signatures = table(names, {u: row.tobytes() for u, row in inbox.items()}, SIGNATURE)
    survivors = Survivors(relayed.shared, senders)
    sets = (flags(names, survivors.shared), flags(names, survivors.included))
    to_collector = (relayed.adverts, *sets, signatures, (Masked(total[pieces[0]]), Masked(words)))
    yield Round(send=dict.fromkeys(senders, signatures) | {collector: to_collector}, step="consistent")
    if pieces[1:]:
        yield Round(step="reveal")
    rest = (Masked(total[span]) for span in pieces[1:])
    yield from hand_on(collector, rest, after=2, work=work)
    return survivors


def unmask(
    descriptor: Descriptor, coordinator: Party, bound: Callable[[bytes], bytes] = lambda sid: sid
) -> Part[tuple[Survivors, Elements]]:
    """The collector's rounds from 4 on: take the masks off the total. As `collect`.

    bound   what the institutions made of the sid for their masks and signatures
    """
    n, pieces, work = len(descriptor.institutions), spans(descriptor), _seconds(descriptor)
    for step in (*("masked" for _ in range(len(pieces) + 1)), "consistent"):
        yield Round(step=step)
    handed_over = _handover_spec(descriptor)
    inbox = yield Round(expect={coordinator: handed_over}, step="consistent", after=4 + len(pieces), work=work)
    adverts_table, shared, included, signatures, (chunk, words) = inbox[coordinator]
    adverts = rows(descriptor.institutions, adverts_table)
    sid = bound(check_adverts(descriptor, adverts))
    survivors = _survivors(descriptor, sid, adverts, (shared, included), signatures)

    reveal = Several((Array(np.uint8, (n, SHARE), Share), Array(np.uint8, (32,), Share)))
    inbox = yield Round(
        expect=dict.fromkeys(survivors.included, reveal), quorum=descriptor.threshold, step="reveal", after=1
    )
    masks = dangling_masks(descriptor, survivors, adverts, sid, inbox)
    ring, vector = descriptor.ring, zeros(descriptor.ring, descriptor.length)
    for span in pieces:
        if span.start > 0:
            expect = {coordinator: chunk_spec(descriptor, span)}
            inbox = yield Round(send={coordinator: b""}, expect=expect, step="total", after=1, work=work)
            chunk = inbox[coordinator]
        vector[span] = chunk.elements
        add_masks(ring, vector[span], masks, span.start * ring.item_bytes)
    words_vector = words.elements.copy()
    add_masks(check_ring(ring), words_vector, masks, words_offset(descriptor))
    if not words_agree(ring, vector, words_vector, len(survivors.included), sid):
        raise PeerMisbehaved(
            "the total's check words do not agree: a vector, seed or share was wrong. No number is given"
        )
    return survivors, vector


def _handover_spec(descriptor: Descriptor) -> Several:
    """What the coordinator tells the collector: A of U₁, U₂, U₃, signatures, the total's first chunk and its words."""
    n = len(descriptor.institutions)
    set_of, first = Array(np.uint8, (n,)), chunk_spec(descriptor, spans(descriptor)[0])
    total = Several((first, words_spec(descriptor)))
    return Several((table_spec(n, ADVERT), set_of, set_of, table_spec(n, SIGNATURE), total))


def _survivors(
    descriptor: Descriptor,
    sid: bytes,
    adverts: Mapping[Party, bytes],
    sets: tuple[Flags, Flags],
    signatures: tuple[Flags, Rows],
) -> Survivors:
    """U₂ and U₃ as the coordinator says, if they nest and enough of U₃ have signed them."""
    names = descriptor.institutions
    survivors = Survivors(*(members(names, each) for each in sets))
    if not set(survivors.included) <= set(survivors.shared) <= set(adverts):
        raise PeerMisbehaved("the coordinator's survivor set holds institutions that shared nothing")
    check_size(descriptor, survivors.included, "are in the total")
    check_signatures(descriptor, sid, survivors.shared, survivors.included, rows(names, signatures))
    return survivors
