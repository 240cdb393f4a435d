"""An institution's rounds of a committee's sum, in the letters of `committee`: it speaks, then listens or serves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from securecompute.arithmetic.rings import zeros
from securecompute.engine.rounds import Array, Message, Part, Party, Round
from securecompute.errors import PeerMisbehaved
from securecompute.primitives.keys import AgreementKey
from securecompute.protocols.sums.check_words import LENGTH, check_ring
from securecompute.protocols.sums.chunks import HEARD, hand_on, mask_chunk, spans
from securecompute.protocols.sums.committee_keys import (
    MEMBER_ADVERT,
    Seeds,
    box_bytes,
    committee_of,
    digest,
    mask_key,
    member_message,
    open_seeds,
    seal_seeds,
    survivors_message,
)
from securecompute.protocols.sums.committee_messages import boxes_spec, check_verdict, verdict_spec, work
from securecompute.protocols.sums.committee_reveal import mask_totals
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.interface import Contributor
from securecompute.protocols.sums.pairwise_keys import check_size
from securecompute.protocols.sums.tables import Rows, flags, members, rows, table, table_spec
from securecompute.values import Plain


@dataclass(frozen=True, slots=True)
class Run:
    """One institution's run: the parties that it was told, and what it keeps of its first two messages.

    advert   what it signed as an institution
    seeds    its own, of every T
    """

    own: Contributor
    descriptor: Descriptor
    coordinator: Party
    sid: bytes
    context: bytes
    advert: bytes
    seeds: Seeds = field(repr=False)


def advertise(
    own: Contributor, descriptor: Descriptor, coordinator: Party, c_m: AgreementKey | None
) -> Part[dict[Party, bytes]]:
    """Rounds 0 and 1: a member's own key, then the keys of all members."""
    mine = None
    if c_m is not None:
        mine = c_m.public + own.identity.sign(b"ss1/member", member_message(descriptor, own.name, c_m.public))
    yield Round(send={} if mine is None else {coordinator: np.frombuffer(mine, np.uint8)}, step="advertise")
    names = committee_of(descriptor).members
    inbox = yield Round(expect={coordinator: table_spec(len(names), MEMBER_ADVERT)}, step="advertise", after=1)
    adverts = rows(names, inbox[coordinator])
    if adverts.get(own.name) != mine:
        raise PeerMisbehaved("the coordinator left out or changed this institution's key")
    return adverts


def masked(run: Run, x: Plain) -> Iterator[Message]:
    """y_u, chunk after chunk, made when it is asked for; with the last its masked check words."""
    masks = [(mask_key(r_T, run.sid, T, run.own.name), +1) for T, r_T in run.seeds.items()]
    words = zeros(check_ring(run.descriptor.ring), LENGTH)
    for span in spans(run.descriptor):
        yield mask_chunk(run.descriptor, x, span, words, masks, run.sid)


def first_message(run: Run, c_u: AgreementKey, adverts: Mapping[Party, bytes], first: Message) -> tuple[Message, ...]:
    """What an institution says first: its advertisement, a box for each other member, the first of its vector."""
    committee = committee_of(run.descriptor)
    sealed = seal_seeds(run.own.name, committee, run.context, c_u, run.seeds, adverts)
    _, boxes = table(committee.members, sealed, box_bytes(committee))
    return np.frombuffer(run.advert, np.uint8), boxes, *(first if isinstance(first, tuple) else (first,))


def listen(run: Run, rest: Iterator[Message]) -> Part[tuple[Party, ...]]:
    """Rounds from 3 on of an institution that is no member: hear who is in the total, and remember it."""
    names, several = run.descriptor.institutions, len(spans(run.descriptor)) > 1
    yield Round(step="masked")
    yield Round(step="opened")
    chosen = {run.coordinator: Array(np.uint8, (len(names),))} if several else {}
    inbox = yield Round(expect=chosen, step="opened", after=3, work=work(run.descriptor))
    announced = members(names, inbox[run.coordinator]) if several else ()
    if several:
        check_size(run.descriptor, announced, "are in the total")
    yield from _upload(run, rest, announced)

    yield Round(step="consistent")
    spec, after = {run.coordinator: verdict_spec(run.descriptor)}, 1 if several else 4
    inbox = yield Round(expect=spec, step="consistent", after=after, work=work(run.descriptor))
    _, included = check_verdict(run.descriptor, run.sid, inbox[run.coordinator])
    if several and announced != included:
        raise PeerMisbehaved("the members signed another survivor set than the one that was announced")
    run.own.ledger.commit(run.descriptor.plan, included)
    return included


def serve(run: Run, rest: Iterator[Message], c_m: AgreementKey, collector: Party) -> Part[tuple[Party, ...]]:
    """Rounds from 3 on of a member: open the boxes, agree on U, tell the sums of masks."""
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
    yield from _upload(run, rest, included)

    run.own.ledger.commit(descriptor.plan, included)  # before it signs: others may reveal as soon as enough have signed
    signature = run.own.identity.sign(b"ss1/u", survivors_message(run.sid, digest(adverts), included))
    yield Round(send={coordinator: np.frombuffer(signature, np.uint8)}, step="consistent")
    inbox = yield Round(expect={coordinator: verdict_spec(descriptor)}, step="consistent", after=1)
    if check_verdict(descriptor, run.sid, inbox[coordinator]) != (digest(adverts), included):
        raise PeerMisbehaved("the other members signed another survivor set")
    totals = mask_totals(descriptor, run.own.name, run.sid, {u: seeds[u] for u in included})
    yield Round(send={collector: next(totals)}, step="reveal")
    yield from hand_on(collector, totals, after=3, work=work(descriptor) * len(included))
    return included


def _upload(run: Run, rest: Iterator[Message], included: Sequence[Party]) -> Part[None]:
    """Send the chunks after the first, if there are any and this institution is in U, whoever signs it later; what
    answers one comes while the next one goes. The last answer says that everybody's have arrived.
    """
    several = len(spans(run.descriptor)) - 1
    if not several:
        return
    run.own.ledger.check(run.descriptor.plan, included)
    for k in range(several + 1):
        send = {run.coordinator: next(rest)} if k < several and run.own.name in included else {}
        expect = {run.coordinator: HEARD} if k else {}
        yield Round(send=send, expect=expect, step="masked", after=min(k, 1), work=work(run.descriptor))


def _opened(run: Run, c_m: AgreementKey, adverts: Mapping[Party, bytes], boxes: Rows) -> dict[Party, Seeds]:
    """u -> the seeds that u gave this member; only those that are usable, its own included."""
    seeds = {run.own.name: run.seeds} if adverts.get(run.own.name) == run.advert else {}
    for u, box in zip(run.descriptor.institutions, boxes, strict=True):
        if u != run.own.name and u in adverts:
            given = open_seeds(run.own.name, run.descriptor, run.sid, run.context, c_m, u, adverts[u], box.tobytes())
            if given is not None:
                seeds[u] = given
    return seeds
