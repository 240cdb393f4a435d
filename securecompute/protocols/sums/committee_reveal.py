"""The last steps of a committee's sum: members tell the sums of masks, chunk by chunk, the collector takes them off.

    Σ_{u in U} e_u = Σ_{u in U} y_u − Σ_T M_T        M_T = Σ_{u in U} G(k_uT), from every member outside T

What several members tell must be the same in every chunk. Any τ + 1 of them know all M_T together.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from securecompute.arithmetic.rings import Ring, subtract_into, zeros
from securecompute.engine.rounds import Message, Part, Party, Round
from securecompute.errors import PeerMisbehaved, PeerSilent
from securecompute.primitives.masks import add_masks
from securecompute.protocols.sums.check_words import LENGTH, check_ring
from securecompute.protocols.sums.chunks import chunk_spec, spans, words_offset
from securecompute.protocols.sums.committee_keys import Group, Seeds, committee_of, groups, mask_key
from securecompute.protocols.sums.committee_messages import reveal_spec, rows_spec, work
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.interface import Elements
from securecompute.protocols.sums.settings import Committee
from securecompute.values import Masked, Share


def mask_totals(descriptor: Descriptor, m: Party, sid: bytes, seeds: Mapping[Party, Seeds]) -> Iterator[Message]:
    """M_T for each T that the member m is not in, a row each: of each chunk in turn, with the first of the check words.

    seeds   of everybody in U, and of nobody else
    """
    ring, words = descriptor.ring, check_ring(descriptor.ring)
    held = groups(committee_of(descriptor), m)
    masks = [[(mask_key(given[T], sid, T, u), +1) for u, given in seeds.items()] for T in held]
    for span in spans(descriptor):
        rows = _rows(ring, span.stop - span.start, masks, span.start * ring.item_bytes)
        yield rows if span.start else (rows, _rows(words, LENGTH, masks, words_offset(descriptor)))


def _rows(ring: Ring, d: int, masks: Sequence[Sequence[tuple[bytes, int]]], offset_bytes: int) -> Share:
    rows = np.zeros((len(masks), *ring.shape(d)), ring.dtype)
    for row, of_group in zip(rows, masks, strict=True):
        add_masks(ring, row, of_group, offset_bytes)
    return Share(rows)


def take_off(
    descriptor: Descriptor, coordinator: Party, signed: Sequence[Party], total: Sequence[Masked], institutions: int
) -> Part[tuple[Elements, Elements]]:
    """The collector's rounds from the reveal on; returns the total and its check words, without masks.

    signed   the members that may tell
    total    its first chunk and its check words, masked
    raises   PeerMisbehaved  members tell different sums of masks
             PeerSilent      fewer than τ + 1 members told theirs to the end, or the coordinator fell silent
    """
    ring, committee, pieces = descriptor.ring, committee_of(descriptor), spans(descriptor)
    seconds, enough = work(descriptor) * institutions, committee.tolerated + 1
    spec = reveal_spec(descriptor)
    inbox = yield Round(expect=dict.fromkeys(signed, spec), quorum=enough, step="reveal", after=1, work=seconds)
    vector, words = zeros(ring, descriptor.length), total[1].elements.copy()
    vector[pieces[0]] = total[0].elements
    _subtract(ring, committee, vector[pieces[0]], {m: rows.elements for m, (rows, _) in inbox.items()})
    _subtract(check_ring(ring), committee, words, {m: rows.elements for m, (_, rows) in inbox.items()})
    for span in pieces[1:]:
        senders = dict.fromkeys(m for m in inbox if m != coordinator)
        del inbox  # a chunk of everybody, while the next arrive
        inbox = yield Round(
            send=dict.fromkeys([coordinator, *senders], b""),
            expect={coordinator: chunk_spec(descriptor, span)} | dict.fromkeys(senders, rows_spec(descriptor, span)),
            quorum=1 + enough,
            step="total",
            after=1,
            work=seconds,
        )
        if coordinator not in inbox:
            raise PeerSilent(f"'{coordinator}' fell silent in the middle of the total")
        vector[span] = inbox[coordinator].elements
        told = {m: rows.elements for m, rows in inbox.items() if m != coordinator}
        _subtract(ring, committee, vector[span], told)
        del told
    return vector, words


def _subtract(ring: Ring, committee: Committee, vector: Elements, told: Mapping[Party, Elements]) -> None:
    """Take every M_T off a piece of the total, in place."""
    for T in groups(committee):
        subtract_into(ring, vector, _agreed(committee, T, told))


def _agreed(committee: Committee, T: Group, told: Mapping[Party, Elements]) -> Elements:
    """M_T, which all who tell it must tell alike. raises PeerMisbehaved."""
    known = [(m, told[m][groups(committee, m).index(T)]) for m in sorted(told) if m not in T]
    said: Elements
    first, said = known[0]
    for m, other in known[1:]:
        if not np.array_equal(said, other):
            raise PeerMisbehaved(f"the members '{first}' and '{m}' disagree about a sum of masks; one of them is wrong")
    return said
