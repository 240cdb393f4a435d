"""The messages of a committee's sum: their declared shapes, which depend on the descriptor alone.

spoken    all that an institution says: its advertisement, a box for each member, y_u and its masked check words
boxes     to a member: every institution's advertisement and box for it
verdict   digest of the advertisements that the members were shown, U, the members' signatures on both
reveal    from a member: M_T of the vector and of the check words, a row for each T that it is not in
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from securecompute.engine.rounds import Array, Party, Several
from securecompute.protocols.sums.check_words import LENGTH, check_ring
from securecompute.protocols.sums.committee_keys import (
    SIGNATURE,
    advert_bytes,
    box_bytes,
    committee_of,
    groups,
)
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.tables import Flags, Rows, table, table_spec
from securecompute.values import Masked, Share

_EXPAND_PER_SECOND = 2e8  # bytes of mask per second and party that a deadline allows for


def vector_specs(descriptor: Descriptor) -> tuple[Array, Array]:
    """A masked vector, and its masked check words."""
    ring, words = descriptor.ring, check_ring(descriptor.ring)
    return (
        Array(ring.dtype, ring.shape(descriptor.length), Masked),
        Array(words.dtype, words.shape(LENGTH), Masked),
    )


def verdict_spec(descriptor: Descriptor) -> Several:
    """A verdict."""
    n, k = len(descriptor.institutions), len(committee_of(descriptor).members)
    return Several((Array(np.uint8, (32,)), Array(np.uint8, (n,)), table_spec(k, SIGNATURE)))


def reveal_spec(descriptor: Descriptor) -> Several:
    """What a member reveals."""
    committee = committee_of(descriptor)
    held = len(groups(committee, committee.members[0]))
    return Several(tuple(Array(spec.dtype, (held, *spec.shape), Share) for spec in vector_specs(descriptor)))


def words_offset(descriptor: Descriptor) -> int:
    """Where in a mask's stream the check words stand: behind the vector, at a block's beginning."""
    return -(-descriptor.length * descriptor.ring.item_bytes // 16) * 16


def work(descriptor: Descriptor) -> float:
    """Seconds in which an institution makes its masks; a member takes fewer for each institution."""
    vectors = len(groups(committee_of(descriptor)))
    return vectors * sum(spec.limit for spec in vector_specs(descriptor)) / _EXPAND_PER_SECOND


def spoken_spec(descriptor: Descriptor) -> Several:
    """What an institution says."""
    committee = committee_of(descriptor)
    advert = Array(np.uint8, (advert_bytes(committee),))
    boxes = Array(np.uint8, (len(committee.members), box_bytes(committee)))
    return Several((advert, boxes, *vector_specs(descriptor)))


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
