"""Sum with a committee: institutions speak once; three or five of them, the members, hold the seeds of all masks.

Of k members at most τ collude (k = 3: 1; k = 5: 2). For each set T of τ members an institution u draws a seed r_uT and
seals it to every member outside T. With G = AES-256-CTR and k_uT = HKDF(r_uT, sid, mask | u | T),

    y_u = e_u + Σ_T G(k_uT)            M_T = Σ_{u in U} G(k_uT)            Σ_{u in U} e_u = Σ_{u in U} y_u − Σ_T M_T

over U, whose message arrived and whose seeds the members could use. Members outside T tell M_T, for one U. Who is
no member speaks once; if its vector takes several chunks, it waits for acknowledgements in between.

    round  step        to the coordinator                           from the coordinator
    0, 1   advertise   member: a fresh key C_m, signed              all: the keys of the members, which give sid
    2, 3   masked      institution u: a fresh key C_u, commitments  members: all C_u and commitments; the boxes for
                       to its seeds, signed; boxes of its seeds;    this member
                       y_u and its check words
    4, 5   opened      member: whose seeds it can use               members: U, whose seeds all of them can use
    6, 7   consistent  member: signature on sid, what it was shown  all: U, at least q signatures; to the collector
                       in round 3, and U                            also Σ y_u
    8      reveal      member, to the collector: M_T for each T that it is not in

A vector of K > 1 chunks (`chunks`) takes 2K − 1 rounds more. In round 2 goes the first, with everything else that an
institution says; in round 5 all are told U, and each asks its ledger. Those in U send the others, one a round, and hear
of one while the next goes; a last answer says that all of them have arrived. Only then do members tell their ledgers
and sign. Who fell silent before U was chosen is left out, a member in round 4 as well. Who does so later ends the run
with PeerSilent, before anything is signed or revealed, as in `pairwise`. Of Σ y_u and M_T the first chunk goes in
rounds 7 and 8, the others after the reveal, side by side; members may be lost in between as long as τ + 1 tell on.

Two sets of q members share more than τ, hence an honest one. It signs one U in a run and tells its ledger before it
signs, so of one plan no second U finds q signatures, not even in a run at the same time. Asking the ledger without
telling it would not do: of two runs one honest member could finish the first, another the second. An institution whose
box does not open, or holds other seeds than it committed to, is left out and told so; it does not end the run.

Security   Coordinator, malicious, with τ members and any institutions: who took part, and nothing else; the seeds of
           the T who collude are unknown to it. Collector, malicious, with coordinator, τ members and c institutions:
           the total of one U, hence of the other |U| − c together; so c ≤ m − 2. Members and institutions: who took
           part. τ + 1 members and the coordinator read every vector; τ + 1 members and the collector the total only.
           An institution that is no member has spoken before U is known: its ledger can refuse nothing (of several
           chunks, all but the first), and is told U for later plans. For it stand the members' ledgers,
           which hold while at most τ of them collude. Other members would not know what these answered, so one plan
           needs one committee, agreed by all for good.
           honest_coordinator: q = τ + 1, and two sets of q share one member only. That members are shown one U rests
           on the coordinator; that a plan has one U, on its members, none of whom may collude for that.
           Assumes pinned Ed25519 keys, X25519, HKDF-SHA256 (pseudo-random and collision-free), AES-256-CTR as a
           generator, ChaCha20-Poly1305, messages sealed by the engine.
           Not promised: a right total, if the coordinator or an institution cheats, as in `pairwise`; one member that
           cheats is seen if another tells the same M_T. That a run ends with a number: without q members it does not,
           and once they have told their ledgers the plan can be asked for the same U only. That who is called a
           dropout was one: the coordinator, or a member, can leave out whom it wants.
Cost       9 rounds, 8 + 2K for K > 1 chunks; bytes in `cost`, exactly. What an institution sends and expands does not
           grow with N: 3 vectors of masks for k = 3, 10 for k = 5. A member expands 2 |U| or 6 |U|, sends 2 or 6; the
           collector gets 6 or 30, which makes a chunk 2 MiB or 512 KiB at most. Each party has at most 64 MB in use
           beside its own vector: x, Σ y_u or the total.
Reference  Seeds replicated to all sets of members: Cramer, Damgård, Ishai, Share conversion, pseudorandom
           secret-sharing and applications to secure computation, TCC 2005. A committee that takes off masks, so that
           clients speak once or seldom: Ma et al., Flamingo, IEEE S&P 2023; Karthikeyan, Polychroniadou, OPA, CRYPTO
           2025; both make masks otherwise, for thousands of clients. Rounds, quorum, commitments and the ledger's
           place are ours.
"""

from dataclasses import dataclass

import numpy as np

from securecompute.arithmetic.rings import zeros
from securecompute.engine.rounds import Array, Inbox, Part, Party, Round, Several
from securecompute.errors import PeerMisbehaved, PeerSilent
from securecompute.primitives.keys import AgreementKey
from securecompute.protocols.sums.check_words import LENGTH, check_ring, words_agree
from securecompute.protocols.sums.chunks import (
    add_chunks,
    add_rest,
    check_vector,
    chunk_spec,
    hand_on,
    spans,
    words_spec,
)
from securecompute.protocols.sums.committee_institution import Run, advertise, first_message, listen, masked, serve
from securecompute.protocols.sums.committee_keys import (
    MEMBER_ADVERT,
    SEED,
    SIGNATURE,
    advert_bytes,
    advert_message,
    box_bytes,
    check_members,
    commitment,
    committee_of,
    digest,
    groups,
)
from securecompute.protocols.sums.committee_messages import (
    boxes_for,
    check_verdict,
    spoken_spec,
    verdict_spec,
    work,
)
from securecompute.protocols.sums.committee_reveal import take_off
from securecompute.protocols.sums.descriptor import Descriptor, check_roles
from securecompute.protocols.sums.interface import Contributor, Cost, Elements, Learns, Survivors
from securecompute.protocols.sums.pairwise_keys import box_context
from securecompute.protocols.sums.tables import Flags, Rows, flags, members, rows, table, table_spec
from securecompute.values import Masked, Plain


def cost(descriptor: Descriptor) -> Cost:
    """What a run with this descriptor costs, exactly, without running it."""
    committee = committee_of(descriptor)
    n, k, m = len(descriptor.institutions), len(committee.members), committee.members[0]
    chunks = len(spans(descriptor))
    vector = sum(chunk_spec(descriptor, span).limit for span in spans(descriptor)) + words_spec(descriptor).limit
    advert, box, verdict = advert_bytes(committee), box_bytes(committee), verdict_spec(descriptor).limit
    institution = advert + k * box + vector
    member = MEMBER_ADVERT + institution + n + SIGNATURE + len(groups(committee, m)) * vector
    keys, seeds = k * (1 + MEMBER_ADVERT), n * (1 + advert) + n * box
    announced = n * (k if chunks == 1 else n)
    coordinator = n * keys + k * seeds + announced + n * verdict + keys + verdict + vector
    return Cost(9 if chunks == 1 else 8 + 2 * chunks, institution, coordinator, member)


def learns(descriptor: Descriptor, coordinator: Party, collector: Party) -> Learns:
    """Who learns what, in words for people."""
    committee = committee_of(descriptor)
    most = {1: "one member", 2: "two members"}[committee.tolerated]
    two_totals = f"{coordinator}, if it lies, with {most}", "totals that differ by one institution, hence its numbers"
    return (
        ("each institution", "the question; who took part, who dropped out; no number of anybody's"),
        (f"the committee: {', '.join(committee.members)}", "the same; seeds of masks, and nothing that they hide"),
        (coordinator, "the question; who took part, who dropped out; masked vectors, which are noise to it"),
        (collector, "the total over all who took part, before the rule is applied; no institution's own numbers"),
        (f"{coordinator} and {collector} together, with at most {most}", "the same total, and nothing more"),
        *([two_totals] if committee.honest_coordinator else []),
        (f"{coordinator} together with more than {most}", "every institution's own numbers"),
    )


def contribute(
    own: Contributor, descriptor: Descriptor, coordinator: Party, collector: Party, x: Plain
) -> Part[tuple[Party, ...]]:
    """Take part in the sum, and in the committee if a member. Run by every institution; returns U, who is in the total.

    own      a member's ledger is told before it signs U; another institution's, when it hears of U, and is asked, if
             there are several chunks, before it sends the second
    x        as `interface.SumProtocol`; read twice, and written by nobody meanwhile
    raises   as `interface.SumProtocol`; PeerMisbehaved: a key, signature or set is not what it must be, or this
             institution is left out
    """
    check_roles(descriptor, coordinator, collector)
    check_vector(own, descriptor, x)
    me, randomness = own.name, own.randomness
    c_m = AgreementKey.generate(randomness) if me in committee_of(descriptor).members else None
    adverts = yield from advertise(own, descriptor, coordinator, c_m)
    sid = check_members(descriptor, adverts)
    context = box_context(sid, coordinator, collector)
    c_u = AgreementKey.generate(randomness)
    seeds = {T: randomness.bytes(SEED) for T in groups(committee_of(descriptor))}
    said = c_u.public + b"".join(commitment(r_T, sid, T, me) for T, r_T in seeds.items())
    advert = said + own.identity.sign(b"ss1/spoken", advert_message(context, me, said))
    run = Run(own, descriptor, coordinator, sid, context, advert, seeds)
    vector = masked(run, x)
    yield Round(send={coordinator: first_message(run, c_u, adverts, next(vector))}, step="masked")

    if c_m is None:
        included = yield from listen(run, vector)
    else:
        included = yield from serve(run, vector, c_m, collector)
    if me not in included:
        raise PeerMisbehaved(f"'{me}' is left out of the total: the committee could not use what it sent")
    return included


def coordinate(descriptor: Descriptor, collector: Party) -> Part[Survivors]:
    """Pass on keys, boxes and signatures, add the masked vectors. Run by the coordinator, who sees no key.

    returns  `shared`: whose message arrived; `included`: those of them whose seeds every member could use
    raises   InvalidRequest  the collector is an institution
             PeerSilent      fewer than m institutions, or than q members, are left at some step, or one of U fell
                             silent after the first chunk of its vector
             PeerMisbehaved  the members could not use the seeds of so many that fewer than m are left, who are named
    """
    check_roles(descriptor, collector)
    names, committee, pieces = descriptor.institutions, committee_of(descriptor), spans(descriptor)
    heard = yield from _hear(descriptor)
    shared, included = heard.survivors.shared, heard.survivors.included
    told = [*(u for u in shared if u not in committee.members), *heard.serving]
    chosen = dict.fromkeys(told if pieces[1:] else heard.serving, flags(names, included))
    yield Round(send=chosen, step="opened")
    yield from add_rest(descriptor, heard.total, heard.words, included, told, None, work(descriptor))

    signature = Array(np.uint8, (SIGNATURE,))
    inbox = yield Round(expect=dict.fromkeys(heard.serving, signature), quorum=committee.quorum, step="consistent")
    signatures = table(committee.members, {m: row.tobytes() for m, row in inbox.items()}, SIGNATURE)
    verdict = (np.frombuffer(heard.shown, np.uint8), flags(names, included), signatures)
    to_collector = (heard.keys, verdict, Masked(heard.total[pieces[0]]), Masked(heard.words))
    told = [u for u in told if u not in committee.members or u in inbox]
    yield Round(send=dict.fromkeys(told, verdict) | {collector: to_collector}, step="consistent")
    if pieces[1:]:
        yield Round(step="reveal")
    rest = (Masked(heard.total[span]) for span in pieces[1:])
    yield from hand_on(collector, rest, after=3, work=work(descriptor) * len(included))
    return heard.survivors


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the coordinator has once U is known.

    shown         digest of the institutions' advertisements
    serving       the members that opened their boxes
    total, words  Σ y_u over U, of the first chunk only, and check words, if they came with it
    """

    keys: tuple[Flags, Rows]
    shown: bytes
    survivors: Survivors
    serving: tuple[Party, ...]
    total: Elements
    words: Elements


def _hear(descriptor: Descriptor) -> Part[_Heard]:
    """Rounds 0 to 4 of the coordinator, and its choice of U."""
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

    chosen = Array(np.uint8, (len(names),))
    opened = yield Round(expect=dict.fromkeys(inbox, chosen), quorum=committee.quorum, step="opened")
    included = _usable(descriptor, spoken, opened)
    shown = digest({u: message[0].tobytes() for u, message in spoken.items()})
    total, words = zeros(descriptor.ring, descriptor.length), zeros(check_ring(descriptor.ring), LENGTH)
    first = total[spans(descriptor)[0]]
    add_chunks(descriptor.ring, first, words, [spoken[u][2:] for u in included])
    return _Heard(keys, shown, Survivors(tuple(sorted(spoken)), included), tuple(opened), total, words)


def _usable(descriptor: Descriptor, spoken: Inbox, opened: Inbox) -> tuple[Party, ...]:
    """U: who spoke, whose seeds all members could use, and who is there to send the rest of a long vector.

    raises   PeerSilent, PeerMisbehaved  too few are left
    """
    names, committee, several = descriptor.institutions, committee_of(descriptor), len(spans(descriptor)) > 1
    gone = [m for m in committee.members if m in spoken and m not in opened] if several else []
    there = sorted(set(spoken) - set(gone))
    if len(there) < descriptor.quorum:
        silent = ", ".join(f"'{m}'" for m in gone)
        raise PeerSilent(f"{silent} fell silent after the first chunk; too few are left to send the others")
    included = tuple(u for u in there if all(u in members(names, usable) for usable in opened.values()))
    if len(included) < descriptor.quorum:
        unusable = ", ".join(f"'{u}'" for u in there if u not in included)
        raise PeerMisbehaved(f"members of the committee could not use the seeds of {unusable}; too few are left")
    return included


def collect(descriptor: Descriptor, coordinator: Party, key: None = None) -> Part[tuple[Survivors, Elements]]:
    """Take the masks off the total. Run by the collector; returns the survivors and the total, elements of the ring.

    raises   InvalidRequest  the coordinator is an institution
             PeerMisbehaved  a key or signature is not what it must be, members tell different sums of masks, or the
                             check words do not agree
             PeerSilent      fewer than τ + 1 members told theirs to the end, or the coordinator fell silent
    """
    check_roles(descriptor, coordinator)
    committee, pieces = committee_of(descriptor), spans(descriptor)
    for step in ("advertise", "advertise", "masked", "masked", "opened", "opened"):
        yield Round(step=step)
    for _ in pieces if pieces[1:] else ():
        yield Round(step="masked")
    yield Round(step="consistent")
    keys, first = table_spec(len(committee.members), MEMBER_ADVERT), chunk_spec(descriptor, pieces[0])
    spec = Several((keys, verdict_spec(descriptor), first, words_spec(descriptor)))
    after = 4 + len(pieces)
    inbox = yield Round(expect={coordinator: spec}, step="consistent", after=after, work=work(descriptor))
    adverts, verdict, *total = inbox[coordinator]
    sid = check_members(descriptor, rows(committee.members, adverts))
    _, included = check_verdict(descriptor, sid, verdict)
    signed = members(committee.members, verdict[2][0])
    vector, words = yield from take_off(descriptor, coordinator, signed, total, len(included))
    if not words_agree(descriptor.ring, vector, words, len(included), sid):
        raise PeerMisbehaved(
            "the total's check words do not agree: a vector or sum of masks was wrong. No number is given"
        )
    return Survivors(included, included), vector
