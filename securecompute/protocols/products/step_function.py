"""Functions of a secret number that are constant between public thresholds: its power of two, for one.

    u_i = [x ≥ θ_i],   θ_1 < θ_2 < ...        s(x) = s_0 + Σ_i (s_i − s_(i-1)) u_i

Several functions with the same thresholds cost as much as one.

Accuracy   Exact for |x − θ_i| < 2^(L-1).
Security   As `comparison`. Leakage: none.
Cost       5 rounds: `comparison.negative` of one number for each x and threshold.
Reference  own construction.
"""

from collections.abc import Sequence
from itertools import pairwise

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part
from securecompute.protocols.products.comparison import negative
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.replicated import Replicated


def step_functions(
    party: ComputeParty, x: Replicated, thresholds: Sequence[int], tables: Sequence[Sequence[int]]
) -> Part[list[Replicated]]:
    """s(x) for each table s_0, s_1, ..., one value more than there are thresholds. Run by each of the three."""
    steps = RingArray.integers(x.ring, list(thresholds))
    below = yield from negative(party, x.reshape((*x.shape, 1)) - steps)
    found = []
    for table in tables:
        rises = RingArray.integers(x.ring, [b - a for a, b in pairwise(table)])
        found.append(((-below + 1) * rises).sum(axis=-1) + table[0])
    return found
