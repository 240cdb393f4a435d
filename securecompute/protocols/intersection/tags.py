"""Tags: what S sends of its set so that R finds its own items among them, and learns nothing of the others.

    tag(y) = F(y)[:t],   t = ceil((40 + log2 nx + log2 ny) / 8) bytes,   in an order drawn for the purpose

Security   F is random to R outside its own set, so that such a tag is t random bytes, and equals one of R's nx tags
           with probability nx 2^-8t: 2^-40 over all ny of them. Equal items have equal tags: nothing is ever missed.
           The order is uniform, from a stream of AES-256-CTR under a fresh key, hence says nothing of the order of S's
           records, nor which tag belongs to which cluster.
Cost       a round and t n bytes for every 32 MiB, one round at least; ns a tag, one core: send 60, match 70.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.gf128 import Blocks
from securecompute.engine.rounds import Array, Part, Party, Round
from securecompute.errors import InvalidRequest
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.intersection.declared import octets, uniform_order

ERROR_BITS = 40
MOST_ITEMS = 1 << 32

_PART_BYTES = 1 << 25
_SECONDS_PER_ITEM = 2e-6  # of computing that a deadline allows for


def tag_bytes(nx: int, ny: int) -> int:
    """t for sets of these declared sizes. raises InvalidRequest: a size is negative or beyond 2^32"""
    if not (0 <= nx <= MOST_ITEMS and 0 <= ny <= MOST_ITEMS):
        raise InvalidRequest(f"sets of {nx} and {ny} items; each may have up to 2^32")
    return -(-(ERROR_BITS + (max(nx, 1) * max(ny, 1) - 1).bit_length()) // 8)


def rounds(nx: int, ny: int) -> int:
    """How many rounds `send` and `match` take."""
    return len(list(_parts(ny, tag_bytes(nx, ny))))


def send(peer: Party, values: Blocks, nx: int, randomness: Randomness) -> Part[None]:
    """Send tags of F of one's own items, uint64 (ny, 2), in an order of their own. Run by S."""
    ny, size = len(values), tag_bytes(nx, len(values))
    whole, order = octets(values), uniform_order(ny, randomness)
    for part in _parts(ny, size):
        tags = np.ascontiguousarray(np.take(whole, order[part], axis=0)[:, :size])
        yield Round(send={peer: tags}, step="tags")


def match(peer: Party, values: Blocks, ny: int) -> Part[NDArray[np.bool_]]:
    """Which of one's own items S has too: bool (nx,). Run by R.

    values   F of the own items, uint64 (nx, 2)
    """
    from securecompute.arithmetic.lookup import Lookup  # loads the compiler

    nx, size = len(values), tag_bytes(len(values), ny)
    lookup, work = Lookup(values, size), (nx + ny) * _SECONDS_PER_ITEM
    for part in _parts(ny, size):
        spec = Array(np.uint8, (part.stop - part.start, size))
        inbox = yield Round(expect={peer: spec}, step="tags", work=work)
        lookup.mark(inbox[peer])
    return lookup.found


def _parts(ny: int, size: int) -> Iterator[slice]:
    """Which tags travel in one message."""
    step = _PART_BYTES // size
    return (slice(start, min(start + step, ny)) for start in range(0, max(ny, 1), step))
