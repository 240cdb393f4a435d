"""What the evaluators share put in an order that neither of them knows, and the dealer does.

    x' = π_1 π_0 x        π_0 from k_0 (of P_0 and the dealer), π_1 from k_2 (of P_1 and the dealer)

    P_1 → P_0:      x_1 − α
    P_0 → P_1:      y = π_0 (x_0 + x_1 − α) − α'
    dealer → P_1:   Δ = π_1 (π_0 α + α') − γ
    x'_0 = γ,  x'_1 = π_1 y + Δ;        γ = 0 for a column that is opened, to P_1, which passes it on

α is a stream of P_1 and the dealer, α' and γ of P_0 and the dealer. A column is shared additively in its ring, as
uint32 modulo 2^32, or by XOR, where + and − are both XOR. These are steps within rounds; `ranking` and `arranging`
place them.

Security   Semi-honest, one corrupted. P_0 sees x_1 under α; P_1 sees y under α', which Δ holds under γ, or, where the
           column is opened, nothing but π_1 π_0 x. The order of what is opened is uniform to P_0 by π_1 and to P_1 by
           π_0. The dealer knows the whole order and receives nothing: a column that it may be shown in this order is
           shuffled by `shuffle` instead.
Cost       3 messages, each of the size of the columns; 1/4 less than the shuffle that no party knows.
Reference  Chase, Ghosh, Poburinnaya, Secret-Shared Shuffle, ASIACRYPT 2020: share translation, here dealt, and of both
           permutations at once.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products.compute_party import ComputeParty, Key
from securecompute.protocols.products.dealing import Form
from securecompute.protocols.products.shuffle import random_order

Shared: TypeAlias = Any  # RingArray, or an array of unsigned integers
OF_FIRST: Key = "mine"  # P_0's name for the key that it shares with the dealer
OF_SECOND: Key = "next"  # P_1's
FIRSTS: Key = "next"  # the dealer's name for the key of P_0
SECONDS: Key = "mine"  # of P_1


@dataclass(frozen=True, slots=True)
class Column:
    """Form of a column, rows along its first axis; how it is shared, and whether it is opened in the new order."""

    form: Form
    by_xor: bool = False
    opened: bool = False

    def plus(self, a: Shared, b: Shared) -> Shared:
        """The sum, or XOR, of two shares."""
        return (operator.xor if self.by_xor else operator.add)(a, b)

    def minus(self, a: Shared, b: Shared) -> Shared:
        """The difference, or XOR."""
        return (operator.xor if self.by_xor else operator.sub)(a, b)

    def drawn(self, party: ComputeParty, key: Key, purpose: str) -> Shared:
        """A mask from a stream."""
        if isinstance(self.form.kind, Ring):
            return party.draw(key, purpose, self.form.kind, self.form.shape)
        return party.draw_bits(key, purpose, self.form.kind, self.form.shape)

    def renewed(self, party: ComputeParty, key: Key) -> Shared:
        """γ; None for a column that is opened."""
        return None if self.opened else self.drawn(party, key, "new share")


def words(n: int, dtype: Any, by_xor: bool = False, opened: bool = False) -> Column:
    """A column of n unsigned integers."""
    return Column(Form(np.dtype(dtype), (n,)), by_xor, opened)


def sent_by_second(party: ComputeParty, columns: Sequence[Column], shares: Sequence[Shared]) -> list[Shared]:
    """P_1's message to P_0."""
    return [
        c.minus(x, c.drawn(p, OF_SECOND, "alpha")) for c, p, x in zip(columns, _at(party, columns), shares, strict=True)
    ]


def sent_by_first(
    party: ComputeParty, columns: Sequence[Column], shares: Sequence[Shared], heard: Sequence[Shared]
) -> tuple[list[Shared], list[Shared]]:
    """P_0's message to P_1, and its new shares; None for what is opened."""
    order = random_order(party, OF_FIRST, _rows(columns))
    messages: list[Shared] = []
    renewed: list[Shared] = []
    for c, p, x, other in zip(columns, _at(party, columns), shares, heard, strict=True):
        messages.append(c.minus(c.plus(x, other)[order], c.drawn(p, OF_FIRST, "alpha'")))
        renewed.append(c.renewed(p, OF_FIRST))
    return messages, renewed


def dealt(party: ComputeParty, columns: Sequence[Column]) -> list[Shared]:
    """The dealer's message to P_1."""
    n = _rows(columns)
    first, second = random_order(party, FIRSTS, n), random_order(party, SECONDS, n)
    corrections = []
    for c, p in zip(columns, _at(party, columns), strict=True):
        correction = c.plus(c.drawn(p, SECONDS, "alpha")[first], c.drawn(p, FIRSTS, "alpha'"))[second]
        renewed = c.renewed(p, FIRSTS)
        corrections.append(correction if renewed is None else c.minus(correction, renewed))
    return corrections


def received_by_second(
    party: ComputeParty, columns: Sequence[Column], heard: Sequence[Shared], corrections: Sequence[Shared]
) -> list[Shared]:
    """P_1's new shares; the column itself where it is opened."""
    order = random_order(party, OF_SECOND, _rows(columns))
    return [c.plus(y[order], delta) for c, y, delta in zip(columns, heard, corrections, strict=True)]


def _at(party: ComputeParty, columns: Sequence[Column]) -> list[ComputeParty]:
    return [party.at("column", k) for k in range(len(columns))]


def _rows(columns: Sequence[Column]) -> int:
    return columns[0].form.shape[0]
