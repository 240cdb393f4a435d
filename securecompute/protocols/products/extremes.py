"""The largest or smallest of secret numbers along the last axis, and where it stands: a tournament.

    of neighbours l, r:   b = [l < r],  the winner is l + b (r − l), its place likewise;   and again, until one is left

The left one stands lower and wins a tie: the place is the lowest that holds the extreme. Between the matches the
evaluators share numbers additively, and no round goes into making them replicated.

Accuracy   Exact, of numbers whose differences do not wrap: |x| < 2^(L-2).
Security   Semi-honest, one corrupted. As `bit_decomposition` and `selection.injected`: all that is opened is uniform.
           Leakage: shapes. The dealer receives nothing.
Cost       4 ceil(log2 n) + 1 rounds, none for n = 1. Per result n − 1 matches, and w = 8 or 16 bytes from each
           evaluator, 2w with its place. A match is a comparison (see `comparison`), and to choose w bytes (2w with the
           place) and a bit from each evaluator, 2w (3w) from the dealer. At every level of the tree, bits come in
           planes of ceil(matches / 8) bytes.
Reference  The usual tree of pairs, over `comparison` and `selection`; additive shares between its levels are our own.
"""

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray, concatenate, stack
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.comparison import negative_bits
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.selection import between_evaluators, injected, made_replicated


def largest(party: ComputeParty, x: Replicated) -> Part[Replicated]:
    """The largest along the last axis. Run by each of the three.

    raises   InvalidRequest  that axis is empty or missing
    """
    (value,) = yield from _won(party, x, numbered=False)
    return value


def smallest(party: ComputeParty, x: Replicated) -> Part[Replicated]:
    """The smallest along the last axis. Run by each of the three. raises as `largest`."""
    return -(yield from largest(party, -x))


def largest_and_place(party: ComputeParty, x: Replicated) -> Part[tuple[Replicated, Replicated]]:
    """The largest along the last axis, and the lowest index where it stands, in x's ring. raises as `largest`."""
    value, place = yield from _won(party, x, numbered=True)
    return value, place


def smallest_and_place(party: ComputeParty, x: Replicated) -> Part[tuple[Replicated, Replicated]]:
    """The smallest along the last axis, and the lowest index where it stands, in x's ring. raises as `largest`."""
    value, place = yield from largest_and_place(party, -x)
    return -value, place


def _won(party: ComputeParty, x: Replicated, numbered: bool) -> Part[list[Replicated]]:
    """The winner along the last axis, and its place if numbered."""
    if not x.shape or x.shape[-1] == 0:
        raise InvalidRequest(f"an array of shape {x.shape} has no largest element along its last axis")
    players = [x]
    if numbered:
        numbers = RingArray.integers(x.ring, np.arange(x.shape[-1])).broadcast_to(x.shape)
        players.append(Replicated.public(party.index, numbers))
    if x.shape[-1] == 1:
        return [each[..., 0] for each in players]
    left = stack([between_evaluators(party, each) for each in players])
    level = 0
    while left.shape[-1] > 1:
        left = yield from _matches(party.at("level", level), left)
        level += 1
    won = yield from made_replicated(party, left[..., 0])
    return [won[k] for k in range(len(players))]


def _matches(party: ComputeParty, players: RingArray) -> Part[RingArray]:
    """The winners of neighbours; the last one, without a neighbour, goes on. Additive shares (values first, ..., n)."""
    even = players.shape[-1] // 2 * 2
    one, other = players[..., 0:even:2], players[..., 1:even:2]
    lost = yield from negative_bits(party.at("compare"), (one - other)[0])
    winners = one + (yield from injected(party.at("choose"), lost, other - one))
    return concatenate([winners, players[..., even:]], axis=-1)
