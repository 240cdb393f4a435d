"""The k largest or smallest of secret numbers, in order, with their places: a sort of which the first k are taken.

The k-th value itself stays secret, as does the place of every other number. A bisection of the threshold would open
a bit of the k-th value in every step, and cost more: 8 rounds and about 100 bytes a number for each bit, against 4
rounds and 130 bytes for every 3 bits here.

Accuracy   Exact. Of equal numbers the one that stands lower comes first.
Security   As `sort`. Leakage: shapes, k, the declared bits; no value.
Cost       As `sort`, of the numbers and one more column of 8 bytes. For k = 1 `extremes` sends less.
Reference  `ranking`.
"""

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.sort import sort


def top_k(
    party: ComputeParty, x: Replicated, k: int, *, bits: int | None = None, smallest: bool = False
) -> Part[tuple[Replicated, Replicated]]:
    """The k largest, largest first, and where they stand, in Z_2^64. Run by each of the three.

    x          signed integers (n,)
    k          1 to n
    bits       of the numbers, their sign included; all of the ring's, unless given
    smallest   the k smallest instead, smallest first
    raises     InvalidRequest  k is not 1 to n; and as `sort.rank`
    """
    if len(x.shape) != 1 or not 1 <= k <= x.size:
        raise InvalidRequest(f"the first {k} of {x.shape} numbers; expected 1 to {x.size} of (n,)")
    numbers = Replicated.public(party.index, RingArray.integers(Ring.Z64, np.arange(x.size)))
    values, places = yield from sort(party, x, [numbers], bits=bits, descending=not smallest)
    return values[:k], places[:k]
