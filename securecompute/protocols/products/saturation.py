"""Numbers beyond public ends get what a function has there: compared while the function is computed, chosen after.

    y + [x < low] (below − y) + [x > high] (above − y)

A function that is approximated on an interval, or that lives on a circle, may give anything elsewhere: it is replaced.

Security   As `comparison` and `selection`. Leakage: none.
Cost       `beyond` 3 rounds, as `comparison.negative_bits` of each end, beside whatever else is computed; `replaced` 2,
           of which `selection` says the bytes, w more for every end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from securecompute.engine.rounds import Part, together
from securecompute.protocols.products.comparison import negative_bits
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.replicated import Replicated, stack
from securecompute.protocols.products.selection import between_evaluators, injected, made_replicated


@dataclass(frozen=True, slots=True)
class End:
    """Numbers below (or above) a limit get this value: integers, the limit at x's scale, the value at the result's."""

    limit: int
    value: int
    above: bool


def saturated(party: ComputeParty, x: Replicated, ends: Sequence[End], function: Part[Replicated]) -> Part[Replicated]:
    """What `function` computes of x, in x's ring and shape, but the ends' values beyond them. Run by each of the three.

    x   at least 2^(L-1) away from no limit: |x − limit| < 2^(L-1)
    """
    if not ends:
        return (yield from function)
    margins = stack([-x + end.limit if end.above else x - end.limit for end in ends])
    beyond, y = yield from together(negative_bits(party.at("beyond"), margins), function)
    kept: Replicated = y
    steps = between_evaluators(party, stack([-kept + end.value for end in ends]))
    moved = yield from injected(party.at("replaced"), beyond, steps)
    change = yield from made_replicated(party.at("replaced"), moved.sum(0))
    return change + kept
