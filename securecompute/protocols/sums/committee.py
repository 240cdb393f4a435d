"""Sum with a committee: institutions speak once; three or five of them, the members, hold the seeds of all masks.

Of k members at most τ collude (k = 3: 1; k = 5: 2). For each set T of τ members an institution u draws a seed r_uT and
seals it to every member outside T. With G = AES-256-CTR and k_uT = HKDF(r_uT, sid, mask | u | T),

    y_u = e_u + Σ_T G(k_uT)            M_T = Σ_{u in U} G(k_uT)            Σ_{u in U} e_u = Σ_{u in U} y_u − Σ_T M_T

over U, whose message arrived and whose seeds the members could use. Members outside T tell M_T, for one U.

    round  step        to the coordinator                           from the coordinator
    0, 1   advertise   member: a fresh key C_m, signed              all: the keys of the members, which give sid
    2, 3   masked      institution u: a fresh key C_u, commitments  members: all C_u and commitments; the boxes for
                       to its seeds, signed; boxes of its seeds;    this member
                       y_u and its check words
    4, 5   opened      member: whose seeds it can use               members: U, whose seeds all of them can use
    6, 7   consistent  member: signature on sid, what it was shown  all: U, at least q signatures; to the collector
                       in round 3, and U                            also Σ y_u
    8      reveal      member, to the collector: M_T for each T that it is not in

Two sets of q members share more than τ, hence an honest one. It signs one U in a run and tells its ledger before it
signs, so of one plan no second U finds q signatures, not even in a run at the same time. Asking the ledger without
telling it would not do: of two runs one honest member could finish the first, another the second. An institution whose
box does not open, or holds other seeds than it committed to, is left out and told so; it does not end the run.

Security   Coordinator, malicious, with τ members and any institutions: who took part, and nothing else; the seeds of
           the T who collude are unknown to it. Collector, malicious, with coordinator, τ members and c institutions:
           the total of one U, hence of the other |U| − c together; so c ≤ m − 2. Members and institutions: who took
           part. τ + 1 members and the coordinator read every vector; τ + 1 members and the collector the total only.
           An institution that is no member has spoken before U is known: its ledger can refuse nothing, and is told U
           for later plans. For it stand the members' ledgers, which hold while at most τ of them collude. Other members
           would not know what these answered, so one plan needs one committee, agreed by all for good.
           honest_coordinator: q = τ + 1, and two sets of q share one member only. That members are shown one U rests
           on the coordinator; that a plan has one U, on its members, none of whom may collude for that.
           Assumes pinned Ed25519 keys, X25519, HKDF-SHA256 (pseudo-random and collision-free), AES-256-CTR as a
           generator, ChaCha20-Poly1305, messages sealed by the engine.
           Not promised: a right total, if the coordinator or an institution cheats, as in `pairwise`; one member that
           cheats is seen if another tells the same M_T. That a run ends with a number: without q members it does not,
           and once they have told their ledgers the plan can be asked for the same U only. That who is called a
           dropout was one: the coordinator, or a member, can leave out whom it wants.
Cost       9 rounds; bytes in `cost`, exactly. What an institution sends and expands does not grow with N: 3 vectors of
           masks for k = 3, 10 for k = 5. A member expands 2 |U| or 6 |U|, sends 2 or 6; the collector gets 6 or 30.
Reference  Seeds replicated to all sets of members: Cramer, Damgård, Ishai, Share conversion, pseudorandom
           secret-sharing and applications to secure computation, TCC 2005. A committee that takes off masks, so that
           clients speak once or seldom: Ma et al., Flamingo, IEEE S&P 2023; Karthikeyan, Polychroniadou, OPA, CRYPTO
           2025; both make masks otherwise, for thousands of clients. Rounds, quorum, commitments and the ledger's
           place are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import add_into, subtract_into, zeros
from securecompute.engine.rounds import Array, Part, Party, Round, Several
from securecompute.errors import PeerMisbehaved
from securecompute.primitives.keys import AgreementKey, IdentityKey
from securecompute.primitives.masks import add_masks
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.sums.check_words import LENGTH, check_ring, check_words, words_agree
from securecompute.protocols.sums.committee_keys import (
    MEMBER_ADVERT,
    SEED,
    SIGNATURE,
    Group,
    Seeds,
    advert_bytes,
    advert_message,
    box_bytes,
    check_members,
    check_survivors,
    commitment,
    committee_of,
    digest,
    groups,
    mask_key,
    member_message,
    open_seeds,
    seal_seeds,
    survivors_message,
)
from securecompute.protocols.sums.committee_messages import (
    boxes_for,
    boxes_spec,
    reveal_spec,
    spoken_spec,
    vector_specs,
    verdict_spec,
    words_offset,
    work,
)
from securecompute.protocols.sums.descriptor import Descriptor, check_roles
from securecompute.protocols.sums.interface import Cost, Elements, Learns, Ledger, Survivors, check_input
from securecompute.protocols.sums.pairwise_keys import box_context, check_size
from securecompute.protocols.sums.settings import Committee
from securecompute.protocols.sums.tables import Flags, Rows, flags, members, rows, table, table_spec
from securecompute.values import Masked, Plain, Share

Verdict = tuple[NDArray[np.uint8], Flags, tuple[Flags, Rows]]  # what members were shown, U, their signatures


def cost(descriptor: Descriptor) -> Cost:
    """What a run with this descriptor costs, exactly, without running it."""
    committee = committee_of(descriptor)
    n, k, m = len(descriptor.institutions), len(committee.members), committee.members[0]
    vector = sum(spec.limit for spec in vector_specs(descriptor))
    advert, box, verdict = advert_bytes(committee), box_bytes(committee), verdict_spec(descriptor).limit
    institution = advert + k * box + vector
    member = MEMBER_ADVERT + institution + n + SIGNATURE + len(groups(committee, m)) * vector
    keys, seeds = k * (1 + MEMBER_ADVERT), n * (1 + advert) + n * box
    coordinator = n * keys + k * seeds + k * n + n * verdict + keys + verdict + vector
    return Cost(9, institution, coordinator, member)


def learns(descriptor: Descriptor, coordinator: Party, collector: Party) -> Learns:
    """Who learns what, in words for people."""
    committee = committee_of(descriptor)
    most = {1: "one member", 2: "two members"}[committee.tolerated]
    return (
        ("each institution", "the question; who took part, who dropped out; no number of anybody's"),
        (f"the committee: {', '.join(committee.members)}", "the same; seeds of masks, and nothing that they hide"),
        (coordinator, "the question; who took part, who dropped out; masked vectors, which are noise to it"),
        (collector, "the total over all who took part, before the rule is applied; no institution's own numbers"),
        (f"{coordinator} and {collector} together, with at most {most}", "the same total, and nothing more"),
        (f"{coordinator} together with more than {most}", "every institution's own numbers"),
    )


def _check_verdict(descriptor: Descriptor, sid: bytes, verdict: Verdict) -> tuple[bytes, tuple[Party, ...]]:
    """What the members were shown, and U, once enough of them have signed it. raises PeerMisbehaved."""
    shown, chosen, signatures = verdict
    included = members(descriptor.institutions, chosen)
    check_size(descriptor, included, "are in the total")
    signed = rows(committee_of(descriptor).members, signatures)
    check_survivors(descriptor, sid, shown.tobytes(), included, signed)
    return shown.tobytes(), included


@dataclass(frozen=True, slots=True)
class _Run:
    """One institution's run: the parties that it was told, and what it keeps of its first two messages.

    advert   what it signed as an institution
    seeds    its own, of every T
    """

    me: Party
    descriptor: Descriptor
    coordinator: Party
    sid: bytes
    context: bytes
    advert: bytes
    seeds: Seeds = field(repr=False)


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
    """Take part in the sum, and in the committee if a member. Run by every institution; returns U, who is in the total.

    x         elements of the descriptor's ring, length d; |entry| ≤ bound; read, never written
    identity  whose public half the descriptor pins for `me`
    ledger    a member's: told before it signs U; another institution's: told when it hears of U
    raises    InvalidRequest     x is not such a vector, `identity` is not the pinned one, or a party has two roles
              EncodingOverflow   an entry lies beyond the bound
              PeerMisbehaved     a key, signature or set is not what it must be; or this institution is left out
              DisclosureRefused  the ledger knows another survivor set for this plan
    """
    check_roles(descriptor, coordinator, collector)
    check_input(descriptor, me, x, identity)
    c_m = AgreementKey.generate(randomness) if me in committee_of(descriptor).members else None
    adverts = yield from _advertise(me, descriptor, coordinator, c_m, identity)
    sid = check_members(descriptor, adverts)
    context = box_context(sid, coordinator, collector)
    c_u = AgreementKey.generate(randomness)
    seeds = {T: randomness.bytes(SEED) for T in groups(committee_of(descriptor))}
    said = c_u.public + b"".join(commitment(r_T, sid, T, me) for T, r_T in seeds.items())
    advert = said + identity.sign(b"ss1/spoken", advert_message(context, me, said))
    run = _Run(me, descriptor, coordinator, sid, context, advert, seeds)
    yield Round(send={coordinator: _spoken(run, c_u, adverts, x)}, step="masked")

    included = yield from _listen(run, ledger) if c_m is None else _serve(run, c_m, collector, identity, ledger)
    if me not in included:
        raise PeerMisbehaved(f"'{me}' is left out of the total: the committee could not use what it sent")
    return included


def _advertise(
    me: Party, descriptor: Descriptor, coordinator: Party, c_m: AgreementKey | None, identity: IdentityKey
) -> Part[dict[Party, bytes]]:
    """Rounds 0 and 1: a member's own key, then the keys of all members."""
    mine = None
    if c_m is not None:
        mine = c_m.public + identity.sign(b"ss1/member", member_message(descriptor, me, c_m.public))
    yield Round(send={} if mine is None else {coordinator: np.frombuffer(mine, np.uint8)}, step="advertise")
    names = committee_of(descriptor).members
    inbox = yield Round(expect={coordinator: table_spec(len(names), MEMBER_ADVERT)}, step="advertise", after=1)
    adverts = rows(names, inbox[coordinator])
    if adverts.get(me) != mine:
        raise PeerMisbehaved("the coordinator left out or changed this institution's key")
    return adverts


def _spoken(
    run: _Run, c_u: AgreementKey, adverts: Mapping[Party, bytes], x: Plain
) -> tuple[NDArray[np.uint8], Rows, Masked, Masked]:
    """All that an institution says: its advertisement, a box for each other member, y_u and its masked check words."""
    ring, committee = run.descriptor.ring, committee_of(run.descriptor)
    sealed = seal_seeds(run.me, committee, run.context, c_u, run.seeds, adverts)
    _, boxes = table(committee.members, sealed, box_bytes(committee))
    masks = [(mask_key(r_T, run.sid, T, run.me), +1) for T, r_T in run.seeds.items()]
    y = x.elements.copy()
    words = check_words(ring, y, 1, run.sid)
    add_masks(ring, y, masks)
    add_masks(check_ring(ring), words, masks, words_offset(run.descriptor))
    return np.frombuffer(run.advert, np.uint8), boxes, Masked(y), Masked(words)


def _listen(run: _Run, ledger: Ledger) -> Part[tuple[Party, ...]]:
    """Rounds 3 to 7 of an institution that is no member: hear who is in the total, and remember it."""
    for step in ("masked", "opened", "opened", "consistent"):
        yield Round(step=step)
    spec = verdict_spec(run.descriptor)
    inbox = yield Round(expect={run.coordinator: spec}, step="consistent", after=4, work=work(run.descriptor))
    _, included = _check_verdict(run.descriptor, run.sid, inbox[run.coordinator])
    ledger.commit(run.descriptor.plan, included)
    return included


def _serve(
    run: _Run, c_m: AgreementKey, collector: Party, identity: IdentityKey, ledger: Ledger
) -> Part[tuple[Party, ...]]:
    """Rounds 3 to 8 of a member: open the boxes, agree on U, tell the sums of masks."""
    descriptor, coordinator, names = run.descriptor, run.coordinator, run.descriptor.institutions
    inbox = yield Round(expect={coordinator: boxes_spec(descriptor)}, step="masked", after=1, work=work(descriptor))
    adverts = rows(names, inbox[coordinator][0])
    seeds = _opened(run, c_m, adverts, inbox[coordinator][1])
    yield Round(send={coordinator: flags(names, seeds)}, step="opened")
    inbox = yield Round(expect={coordinator: Array(np.uint8, (len(names),))}, step="opened", after=1)
    included = members(names, inbox[coordinator])
    if not set(included) <= seeds.keys():
        raise PeerMisbehaved("the coordinator's survivor set holds an institution whose seeds are not here")
    check_size(descriptor, included, "are in the total")

    ledger.commit(descriptor.plan, included)  # before it signs: others may reveal as soon as enough have signed
    signature = identity.sign(b"ss1/u", survivors_message(run.sid, digest(adverts), included))
    yield Round(send={coordinator: np.frombuffer(signature, np.uint8)}, step="consistent")
    inbox = yield Round(expect={coordinator: verdict_spec(descriptor)}, step="consistent", after=1)
    if _check_verdict(descriptor, run.sid, inbox[coordinator]) != (digest(adverts), included):
        raise PeerMisbehaved("the other members signed another survivor set")
    yield Round(send={collector: _mask_totals(run, {u: seeds[u] for u in included})}, step="reveal")
    return included


def _opened(run: _Run, c_m: AgreementKey, adverts: Mapping[Party, bytes], boxes: Rows) -> dict[Party, Seeds]:
    """u -> the seeds that u gave this member; only those that are usable, its own included."""
    seeds = {run.me: run.seeds} if adverts.get(run.me) == run.advert else {}
    for u, box in zip(run.descriptor.institutions, boxes, strict=True):
        if u != run.me and u in adverts:
            given = open_seeds(run.me, run.descriptor, run.sid, run.context, c_m, u, adverts[u], box.tobytes())
            if given is not None:
                seeds[u] = given
    return seeds


def _mask_totals(run: _Run, seeds: Mapping[Party, Seeds]) -> tuple[Share, Share]:
    """M_T of the vector and of the check words, a row for each T that this member is not in."""
    ring, words = run.descriptor.ring, check_ring(run.descriptor.ring)
    held = groups(committee_of(run.descriptor), run.me)
    vectors = np.zeros((len(held), *ring.shape(run.descriptor.length)), ring.dtype)
    word_vectors = np.zeros((len(held), *words.shape(LENGTH)), words.dtype)
    for row, word_row, T in zip(vectors, word_vectors, held, strict=True):
        masks = [(mask_key(given[T], run.sid, T, u), +1) for u, given in seeds.items()]
        add_masks(ring, row, masks)
        add_masks(words, word_row, masks, words_offset(run.descriptor))
    return Share(vectors), Share(word_vectors)


def coordinate(descriptor: Descriptor, collector: Party) -> Part[Survivors]:
    """Pass on keys, boxes and signatures, add the masked vectors. Run by the coordinator, who sees no key.

    returns  `shared`: whose message arrived; `included`: those of them whose seeds every member could use
    raises   InvalidRequest  the collector is an institution
             PeerSilent      fewer than m institutions, or than q members, are left at some step
             PeerMisbehaved  the members could not use the seeds of so many that fewer than m are left, who are named
    """
    check_roles(descriptor, collector)
    names, committee = descriptor.institutions, committee_of(descriptor)
    inbox = yield Round(
        expect=dict.fromkeys(committee.members, Array(np.uint8, (MEMBER_ADVERT,))),
        quorum=committee.quorum,
        step="advertise",
    )
    keys = table(committee.members, {m: row.tobytes() for m, row in inbox.items()}, MEMBER_ADVERT)
    yield Round(send=dict.fromkeys(names, keys), step="advertise")
    spoken = yield Round(
        expect=dict.fromkeys(names, spoken_spec(descriptor)),
        quorum=descriptor.quorum,
        step="masked",
        work=work(descriptor),
    )
    yield Round(send=boxes_for(descriptor, spoken, inbox), step="masked")

    whole = Array(np.uint8, (len(names),))
    inbox = yield Round(expect=dict.fromkeys(inbox, whole), quorum=committee.quorum, step="opened")
    included = tuple(u for u in sorted(spoken) if all(u in members(names, opened) for opened in inbox.values()))
    if len(included) < descriptor.quorum:
        unusable = ", ".join(f"'{u}'" for u in sorted(set(spoken) - set(included)))
        raise PeerMisbehaved(f"members of the committee could not use the seeds of {unusable}; too few are left")
    yield Round(send=dict.fromkeys(inbox, flags(names, included)), step="opened")

    signature = Array(np.uint8, (SIGNATURE,))
    inbox = yield Round(expect=dict.fromkeys(inbox, signature), quorum=committee.quorum, step="consistent")
    signatures = table(committee.members, {m: row.tobytes() for m, row in inbox.items()}, SIGNATURE)
    shown = digest({u: message[0].tobytes() for u, message in spoken.items()})
    verdict = (np.frombuffer(shown, np.uint8), flags(names, included), signatures)
    told = [u for u in spoken if u not in committee.members or u in inbox]
    total = _total(descriptor, [spoken[u] for u in included])
    yield Round(send=dict.fromkeys([*told, *inbox], verdict) | {collector: (keys, verdict, *total)}, step="consistent")
    return Survivors(tuple(sorted(spoken)), included)


def _total(descriptor: Descriptor, spoken: Sequence[Any]) -> tuple[Masked, Masked]:
    """Σ y_u over U."""
    ring = descriptor.ring
    total, words = zeros(ring, descriptor.length), zeros(check_ring(ring), LENGTH)
    for _, _, y, y_words in spoken:
        add_into(ring, total, y.elements)
        add_into(check_ring(ring), words, y_words.elements)
    return Masked(total), Masked(words)


def collect(descriptor: Descriptor, coordinator: Party, key: None = None) -> Part[tuple[Survivors, Elements]]:
    """Take the masks off the total. Run by the collector; returns the survivors and the total, elements of the ring.

    raises   InvalidRequest  the coordinator is an institution
             PeerMisbehaved  a key or signature is not what it must be, members tell different sums of masks, or the
                             check words do not agree
             PeerSilent      fewer than τ + 1 members told theirs
    """
    check_roles(descriptor, coordinator)
    ring, committee = descriptor.ring, committee_of(descriptor)
    for step in ("advertise", "advertise", "masked", "masked", "opened", "opened", "consistent"):
        yield Round(step=step)
    keys = table_spec(len(committee.members), MEMBER_ADVERT)
    spec = Several((keys, verdict_spec(descriptor), *vector_specs(descriptor)))
    inbox = yield Round(expect={coordinator: spec}, step="consistent", after=5, work=work(descriptor))
    adverts, verdict, total, words = inbox[coordinator]
    sid = check_members(descriptor, rows(committee.members, adverts))
    _, included = _check_verdict(descriptor, sid, verdict)

    told = yield Round(
        expect=dict.fromkeys(members(committee.members, verdict[2][0]), reveal_spec(descriptor)),
        quorum=committee.tolerated + 1,
        step="reveal",
        after=1,
        work=work(descriptor) * len(included),
    )
    vector, words_vector = total.elements.copy(), words.elements.copy()
    for T in groups(committee):
        M_T, M_T_words = _agreed(committee, T, told)
        subtract_into(ring, vector, M_T)
        subtract_into(check_ring(ring), words_vector, M_T_words)
    if not words_agree(ring, vector, words_vector, len(included), sid):
        raise PeerMisbehaved(
            "the total's check words do not agree: a vector or sum of masks was wrong. No number is given"
        )
    return Survivors(included, included), vector


def _agreed(committee: Committee, T: Group, told: Mapping[Party, tuple[Share, Share]]) -> tuple[Elements, Elements]:
    """M_T of the vector and of the check words, which all who tell it must tell alike. raises PeerMisbehaved."""
    known = [
        (m, *(totals.elements[groups(committee, m).index(T)] for totals in told[m])) for m in sorted(told) if m not in T
    ]
    first, vector, words = known[0]
    for m, other, other_words in known[1:]:
        if not (np.array_equal(vector, other) and np.array_equal(words, other_words)):
            raise PeerMisbehaved(f"the members '{first}' and '{m}' disagree about a sum of masks; one of them is wrong")
    return vector, words
