"""One bit about secret numbers, shown to all three compute parties: whether a result may be used.

    v = Σ [x + bound < 0] + [bound − x < 0],     [v > 0] is revealed

Security   Semi-honest, one corrupted. Leakage: that one bit, to the three and so to everybody; on 1 they stop and
           nothing else is ever shown. The count stays shared.
Accuracy   v = 0 if and only if every |x| ≤ bound, for every word of the ring and bounds below 2^(L-2): a word that has
           wrapped on the way is judged like any other. An x counts once, or twice near the ends of the ring.
Cost       `outside`: `comparison.negative` of two numbers for each x, 5 rounds; `refuse_if_any`: 6, of one number.
Reference  own construction.
"""

from collections.abc import Sequence

from securecompute.engine.rounds import Part, together
from securecompute.errors import IllConditioned, SecureComputeError
from securecompute.protocols.products import replicated
from securecompute.protocols.products.comparison import negative
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.reveal import reveal


def outside(party: ComputeParty, claims: Sequence[tuple[Replicated, int]]) -> Part[Replicated]:
    """v over the entries of each (x, bound), all together: shape (1,). Run by each of the three."""
    flat = [(x.reshape((x.size,)), bound) for x, bound in claims]
    room = replicated.concatenate([side for x, bound in flat for side in (x + bound, -x + bound)])
    return (yield from negative(party, room)).sum().reshape((1,))


def refuse_if_any(
    party: ComputeParty, count: Replicated, complaint: str, kind: type[SecureComputeError] = IllConditioned
) -> Part[None]:
    """Reveal to the three whether a count is positive, and stop if it is. Run by each of the three.

    raises   SecureComputeError  of this kind, with this complaint, at all three alike
    """
    positive = yield from negative(party, -count)
    opened = yield from together(*(reveal(party.names, name, positive) for name in party.names))
    if opened[party.index].signed()[0] != 0:
        raise kind(complaint)
