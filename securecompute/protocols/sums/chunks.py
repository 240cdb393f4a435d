"""Long vectors pass in chunks, so that no party needs more memory than its own vector and a few of them.

    chunk = the largest power of two of bytes up to 4 MiB, of which one from each institution fits in 20 MiB

Chunk k is entries k·c … (k + 1)·c of the vector, c entries in a chunk; the last may be shorter. A chunk begins at a
whole block of every mask's stream. Everybody computes the same chunks from the descriptor.

Cost       Two chunks of each institution are under way at most: one being added, one arriving. Beyond that a party
           holds copies of a chunk or two on their way to the link.
"""

from dataclasses import replace

from securecompute.engine.rounds import Array, Party, Several
from securecompute.errors import EncodingOverflow
from securecompute.primitives.keys import IdentityKey
from securecompute.protocols.sums.check_words import LENGTH, check_ring
from securecompute.protocols.sums.descriptor import Descriptor
from securecompute.protocols.sums.interface import check_input
from securecompute.values import Masked, Plain

CHUNK_BYTES = 4 << 20  # a power of two, 32 or more
TOGETHER_BYTES = 20 << 20


def chunk_length(descriptor: Descriptor) -> int:
    """c, entries in a chunk; d if the vector is no longer than that."""
    share = TOGETHER_BYTES // len(descriptor.institutions)
    chunk = min(CHUNK_BYTES, 1 << share.bit_length() >> 1)
    return min(chunk // descriptor.ring.item_bytes, descriptor.length)


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


def check_vector(descriptor: Descriptor, me: Party, x: Plain, identity: IdentityKey) -> None:
    """`check_input`, chunk by chunk where there are several: all of them before anything is said of one."""
    e, pieces, beyond = x.elements, spans(descriptor), None
    ring = descriptor.ring
    if len(pieces) == 1 or (e.dtype, e.shape) != (ring.dtype, ring.shape(descriptor.length)):
        check_input(descriptor, me, x, identity)
        return
    for span in pieces:
        try:
            check_input(replace(descriptor, length=span.stop - span.start), me, Plain(e[span]), identity)
        except EncodingOverflow as error:
            beyond = error
    if beyond is not None:
        raise beyond
