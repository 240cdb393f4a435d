"""The messages of a committee's sum: their declared shapes, which depend on the descriptor alone.

spoken    what an institution says: its advertisement, a box for each member, y_u's first chunk; masked check words go
          with the last chunk, which may be the first
boxes     to a member: every institution's advertisement and box for it
verdict   digest of the advertisements that the members were shown, U, the members' signatures on both
reveal    from a member: M_T of the vector's first chunk and of the check words, a row for each T that it is not in
rows      the same of a later chunk
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Array, Party, Several
from securecompute.protocols.sums.chunks import chunk_length, chunk_spec, message_spec, spans, words_spec
from securecompute.protocols.sums.committee_keys import (
    SIGNATURE,
    advert_bytes,
    box_bytes,
    check_survivors,
    committee_of,
    groups,
)
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.pairwise_keys import check_size
from securecompute.protocols.sums.tables import Flags, Rows, members, rows, table, table_spec
from securecompute.values import Share

Verdict = tuple[NDArray[np.uint8], Flags, tuple[Flags, Rows]]  # what members were shown, U, their signatures

_EXPAND_PER_SECOND = 2e8  # bytes of mask per second and party that a deadline allows for


def verdict_spec(descriptor: Descriptor) -> Several:
    """A verdict."""
    n, k = len(descriptor.institutions), len(committee_of(descriptor).members)
    return Several((Array(np.uint8, (32,)), Array(np.uint8, (n,)), table_spec(k, SIGNATURE)))


def rows_spec(descriptor: Descriptor, span: slice) -> Array:
    """What a member reveals of a chunk that is not the first."""
    return _for_each_group(descriptor, chunk_spec(descriptor, span))


def reveal_spec(descriptor: Descriptor) -> Several:
    """What a member reveals first."""
    first, words = spans(descriptor)[0], words_spec(descriptor)
    return Several((rows_spec(descriptor, first), _for_each_group(descriptor, words)))


def _for_each_group(descriptor: Descriptor, spec: Array) -> Array:
    committee = committee_of(descriptor)
    held = len(groups(committee, committee.members[0]))
    return Array(spec.dtype, (held, *spec.shape), Share)


def work(descriptor: Descriptor) -> float:
    """Seconds in which an institution makes the masks of a chunk; a member takes fewer for each institution."""
    chunk = chunk_length(descriptor) * descriptor.ring.item_bytes
    return len(groups(committee_of(descriptor))) * chunk / _EXPAND_PER_SECOND


def spoken_spec(descriptor: Descriptor) -> Several:
    """What an institution says first."""
    committee = committee_of(descriptor)
    advert = Array(np.uint8, (advert_bytes(committee),))
    boxes = Array(np.uint8, (len(committee.members), box_bytes(committee)))
    first = message_spec(descriptor, spans(descriptor)[0])
    return Several((advert, boxes, *(first.parts if isinstance(first, Several) else (first,))))


def check_verdict(descriptor: Descriptor, sid: bytes, verdict: Verdict) -> tuple[bytes, tuple[Party, ...]]:
    """What the members were shown, and U, once enough of them have signed it. raises PeerMisbehaved."""
    shown, chosen, signatures = verdict
    included = members(descriptor.institutions, chosen)
    check_size(descriptor, included, "are in the total")
    signed = rows(committee_of(descriptor).members, signatures)
    check_survivors(descriptor, sid, shown.tobytes(), included, signed)
    return shown.tobytes(), included


def boxes_spec(descriptor: Descriptor) -> Several:
    """What a member gets of the institutions."""
    n, committee = len(descriptor.institutions), committee_of(descriptor)
    return Several((table_spec(n, advert_bytes(committee)), Array(np.uint8, (n, box_bytes(committee)))))


def boxes_for(
    descriptor: Descriptor, spoken: Mapping[Party, Any], present: Collection[Party]
) -> dict[Party, tuple[tuple[Flags, Rows], Rows]]:
    """For each member that is present: what the institutions advertised, and their boxes for it."""
    names, committee = descriptor.institutions, committee_of(descriptor)
    adverts = table(names, {u: message[0].tobytes() for u, message in spoken.items()}, advert_bytes(committee))
    sent = {}
    for k, m in enumerate(committee.members):
        if m in present:
            boxes = {u: message[1][k].tobytes() for u, message in spoken.items()}
            sent[m] = (adverts, table(names, boxes, box_bytes(committee))[1])
    return sent
