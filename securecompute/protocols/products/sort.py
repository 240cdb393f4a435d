"""Sorting by secret keys: sorted columns, ranks that any other column can be put in the order of, order statistics.

    key XOR sign bit, its bits complemented for descending order  →  ranks  →  columns arranged

Keys are signed integers with −2^(bits-1) ≤ key < 2^(bits-1), so a fixed-point number is sorted by its integer. Fewer
declared bits cost less in proportion. Sorting is stable, in both directions: equal keys stay in the order they came in.

Security   As `bit_decomposition`, `ranking` and `arranging`: nothing is revealed. Leakage: shapes, and the declared
           bits and direction. A key beyond the declared bits is sorted by its lowest ones.
Cost       ranks: the bits' rounds, 4 for every digit (of 3 bits above 2^12 rows) and 1; arrange: 4. See there.
Reference  Chida, Hamada, Ikarashi, Kikuchi, Kiribuchi, Pinkas, ePrint 2019/695.
"""

from collections.abc import Sequence

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.arranging import arrange
from securecompute.protocols.products.bit_decomposition import bits as bits_of
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.ranking import Ranks, ranks
from securecompute.protocols.products.replicated import Replicated


def sort(
    party: ComputeParty,
    keys: Replicated,
    columns: Sequence[Replicated] = (),
    *,
    bits: int | None = None,
    descending: bool = False,
) -> Part[list[Replicated]]:
    """The keys in order, and the columns with their rows in the same order. Run by each of the three.

    keys      signed integers (n,)
    columns   any shapes and rings, with n rows along the first axis
    bits      of the keys, their sign included; all of the ring's, unless given
    raises    as `rank` and `arranging.arrange`
    """
    order = yield from rank(party.at("rank"), keys, bits=bits, descending=descending)
    return (yield from arrange(party.at("arrange"), order, [keys, *columns]))


def rank(party: ComputeParty, keys: Replicated, *, bits: int | None = None, descending: bool = False) -> Part[Ranks]:
    """The place of each key among all, for `arranging.arrange`. Run by each of the three.

    raises   InvalidRequest  keys are not (n,), n is beyond 2^32, or bits are not 1 to the ring's
             PeerMisbehaved  what was opened is not an order
    """
    width = keys.ring.bits if bits is None else bits
    if len(keys.shape) != 1 or not 1 <= width <= keys.ring.bits:
        raise InvalidRequest(f"keys of shape {keys.shape} sorted by {width} bits; expected (n,), 1 to {keys.ring.bits}")
    planes = yield from bits_of(party.at("bits"), keys + (1 << (width - 1)), 0, width)
    flipped = planes ^ np.uint8(1) if descending and party.index == 0 else planes
    return (yield from ranks(party.at("ranks"), flipped))


def argsort(
    party: ComputeParty, keys: Replicated, *, bits: int | None = None, descending: bool = False
) -> Part[Replicated]:
    """Which row comes to each place, secret, in Z_2^64. Run by each of the three. raises as `rank`."""
    order = yield from rank(party.at("rank"), keys, bits=bits, descending=descending)
    numbers = Replicated.public(party.index, RingArray.integers(Ring.Z64, np.arange(order.rows)))
    (rows,) = yield from arrange(party.at("arrange"), order, [numbers])
    return rows


def order_statistics(
    party: ComputeParty, x: Replicated, places: Sequence[int], *, bits: int | None = None
) -> Part[Replicated]:
    """The values at these places of x in ascending order, from 0: [n // 2] is a median. Run by each of the three.

    raises   InvalidRequest  a place is not 0 to n - 1; and as `rank`
    """
    if len(x.shape) != 1 or not all(0 <= place < x.size for place in places):
        raise InvalidRequest(f"places {list(places)} of {x.shape} values; expected 0 to {x.size - 1}")
    (ordered,) = yield from sort(party, x, bits=bits)
    return ordered[list(places)]
