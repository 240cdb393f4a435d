"""Long vectors pass in chunks, so that no party needs more memory than its own vector and a few of them.

    chunk = the largest power of two of bytes up to 4 MiB, of which as many as a party gets at once fit in 20 MiB

The coordinator gets one from each institution; a committee's collector, all sums of masks from each member.
Chunk k is entries k·c … (k + 1)·c of the vector, c entries in a chunk; the last may be shorter. A chunk begins at a
whole block of every mask's stream. Everybody computes the same chunks from the descriptor.

Cost       Two chunks of each sender are under way at most: one being added, one arriving. Beyond that a party holds
           copies of a chunk or two on their way to the link.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import comb
from typing import Any

from securecompute.arithmetic.rings import Ring, add_all_into, add_into
from securecompute.engine.rounds import Array, Bytes, Message, Part, Party, Round, Several
from securecompute.errors import EncodingOverflow
from securecompute.primitives.masks import add_masks
from securecompute.protocols.sums.check_words import LENGTH, check_ring, check_words
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.interface import Contributor, Elements, check_input
from securecompute.protocols.sums.settings import Committee
from securecompute.values import Masked, Plain

CHUNK_BYTES = 4 << 20  # a power of two, 32 or more
TOGETHER_BYTES = 20 << 20
HEARD = Bytes(0)  # what answers a chunk of which nothing is to be said


def chunk_length(descriptor: Descriptor) -> int:
    """c, entries in a chunk; d if the vector is no longer than that."""
    share = TOGETHER_BYTES // _together(descriptor)
    chunk = min(CHUNK_BYTES, 1 << share.bit_length() >> 1)
    return min(chunk // descriptor.ring.item_bytes, descriptor.length)


def _together(descriptor: Descriptor) -> int:
    """The most chunks that one party gets in a round."""
    if not isinstance(descriptor.setting, Committee):
        return len(descriptor.institutions)
    k, tolerated = len(descriptor.setting.members), descriptor.setting.tolerated
    return max(len(descriptor.institutions), k * comb(k - 1, tolerated))


def spans(descriptor: Descriptor) -> list[slice]:
    """The entries of each chunk, at least one."""
    d, c = descriptor.length, chunk_length(descriptor)
    return [slice(k, min(k + c, d)) for k in range(0, d, c)]


def chunk_spec(descriptor: Descriptor, span: slice) -> Array:
    """The declaration of a masked chunk."""
    return Array(descriptor.ring.dtype, descriptor.ring.shape(span.stop - span.start), Masked)


def words_spec(descriptor: Descriptor) -> Array:
    """The declaration of masked check words."""
    ring = check_ring(descriptor.ring)
    return Array(ring.dtype, ring.shape(LENGTH), Masked)


def message_spec(descriptor: Descriptor, span: slice) -> Array | Several:
    """The declaration of a chunk on its way up: with the last one go the check words."""
    chunk = chunk_spec(descriptor, span)
    return Several((chunk, words_spec(descriptor))) if span.stop == descriptor.length else chunk


def words_offset(descriptor: Descriptor) -> int:
    """Where in a mask's stream the check words stand: behind the vector, at a block's beginning."""
    return -(-descriptor.length * descriptor.ring.item_bytes // 16) * 16


def check_vector(own: Contributor, descriptor: Descriptor, x: Plain) -> None:
    """`check_input`, chunk by chunk where there are several: all of them before anything is said of one."""
    e, pieces, beyond = x.elements, spans(descriptor), None
    ring = descriptor.ring
    if len(pieces) == 1 or (e.dtype, e.shape) != (ring.dtype, ring.shape(descriptor.length)):
        check_input(own, descriptor, x)
        return
    for span in pieces:
        try:
            check_input(own, replace(descriptor, length=span.stop - span.start), Plain(e[span]))
        except EncodingOverflow as error:
            beyond = error
    if beyond is not None:
        raise beyond


def mask_chunk(
    descriptor: Descriptor, x: Plain, span: slice, words: Elements, masks: Sequence[tuple[bytes, int]], sid: bytes
) -> Message:
    """A chunk of x under these masks; with the last one the check words, which `words` adds up, masked too."""
    ring, first, last = descriptor.ring, span.start == 0, span.stop == descriptor.length
    y = x.elements[span].copy()
    add_into(check_ring(ring), words, check_words(ring, y, int(first), sid, span.start))
    add_masks(ring, y, masks, span.start * ring.item_bytes)
    if not last:
        return Masked(y)
    add_masks(check_ring(ring), words, masks, words_offset(descriptor))
    return Masked(y), Masked(words)


def add_chunks(ring: Ring, total: Elements, words: Elements, masked: Sequence[Any]) -> None:
    """Add everybody's chunk to the total's, and with the last one the check words."""
    parts = [message if isinstance(message, tuple) else (message,) for message in masked]
    add_all_into(ring, total, [part[0].elements for part in parts])
    add_all_into(check_ring(ring), words, [part[1].elements for part in parts if part[1:]])


def add_rest(
    descriptor: Descriptor,
    total: Elements,
    words: Elements,
    senders: Sequence[Party],
    told: Sequence[Party],
    answer: Message | None,
    work: float,
) -> Part[None]:
    """Add every chunk but the first, from all senders; what answers one goes while the next one comes.

    told     who hears that a chunk has arrived
    answer   to the first chunk; None: it has been answered
    raises   PeerSilent  a sender fell silent
    """
    for span in spans(descriptor)[1:]:
        send = {} if answer is None else dict.fromkeys(told, answer)
        expect = dict.fromkeys(senders, message_spec(descriptor, span))
        inbox = yield Round(send=send, expect=expect, step="masked", work=work)
        add_chunks(descriptor.ring, total[span], words, list(inbox.values()))
        del inbox  # a chunk of everybody, while the next arrive
        answer = b""
    if answer is not None:
        yield Round(send=dict.fromkeys(told, answer), step="masked")


def hand_on(collector: Party, chunks: Iterable[Message], after: int, work: float) -> Part[None]:
    """Send the collector these chunks, the next one when it has taken in the last."""
    for chunk in chunks:
        yield Round(send={collector: chunk}, expect={collector: HEARD}, step="total", after=after, work=work)
