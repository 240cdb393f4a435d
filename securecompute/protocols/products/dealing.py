"""What evaluators and dealer exchange in a round of a step that is not linear.

    v = v_0 + v_1  (in the ring)     or     v = v_0 XOR v_1  (bits)
    v_0 = F(k_0)   known to P_0 and the dealer;     v_1 = v − v_0  or  v XOR v_0,  sent by the dealer to P_1

The dealer's values are correlated randomness: they depend on no secret. Beside them it may tell each evaluator
something masked, and the evaluators may swap messages of equal form. A round is `deal` at the dealer and `receive`
at the evaluators; a step that needs values of the dealer and no swap still costs the round that carries them, so values
are dealt one round before they are used.

Security   v_0 is pseudo-random, v_1 is v under the mask v_0: each evaluator alone sees uniform words.
Cost       1 round: what is swapped, told and dealt, to P_1 only.
Reference  SPU's TruncAPr and Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020, for the roles of the three.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.ring_arrays import RingArray, Shape, tiled, word_shape
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Array, Part, Round, Several
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.replicated import Replicated
from securecompute.values import Masked

Bits = NDArray[Any]  # unsigned integers of any width, XOR-shared bit by bit
Value: TypeAlias = RingArray | Bits


@dataclass(frozen=True, slots=True)
class Form:
    """What a message holds: elements of a ring, or unsigned integers of a dtype."""

    kind: Any
    shape: Shape

    @classmethod
    def of(cls, value: Value) -> "Form":
        """The form of a value."""
        return cls(value.ring if isinstance(value, RingArray) else value.dtype, value.shape)

    @property
    def spec(self) -> Array:
        """The declaration of a message of this form."""
        if isinstance(self.kind, Ring):
            return Array(np.uint64, word_shape(self.kind, self.shape), holds=Masked)
        return Array(self.kind, self.shape, holds=Masked)

    def read(self, message: Masked) -> Value:
        """The value in a message."""
        return RingArray(self.kind, message.elements) if isinstance(self.kind, Ring) else message.elements

    def drawn(self, party: ComputeParty, purpose: str) -> Value:
        """P_0's share, drawn from the stream that it shares with the dealer."""
        key = party.shared_with_dealer if not party.deals else "next"
        if isinstance(self.kind, Ring):
            return party.draw(key, purpose, self.kind, self.shape)
        return party.draw_bits(key, purpose, self.kind, self.shape)


def deal(party: ComputeParty, values: Sequence[Value] = (), tell: Sequence[tuple[Value, Value]] = ()) -> Part[None]:
    """The dealer's side of a round.

    values   to be shared between the evaluators
    tell     (to P_0, to P_1), already masked
    """
    corrections = [_correction(party, v, f"dealt {k}") for k, v in enumerate(values)]
    first = [told for told, _ in tell]
    second = [told for _, told in tell] + corrections
    p0, p1 = party.evaluators
    yield Round(send={p: packed(messages) for p, messages in ((p0, first), (p1, second)) if messages})


@dataclass(frozen=True, slots=True)
class Received:
    """What an evaluator has after a round: the other's messages, what the dealer told, its shares of what was dealt."""

    theirs: list[Any]
    told: list[Any]
    shares: list[Any]


def receive(
    party: ComputeParty, dealt: Sequence[Form] = (), told: Sequence[Form] = (), swap: Sequence[Value] = ()
) -> Part[Received]:
    """An evaluator's side of a round.

    dealt   forms of the values that are shared
    told    forms of what the dealer tells
    swap    what this evaluator sends to the other, who sends the same forms
    """
    forms = [Form.of(value) for value in swap]
    from_dealer = [*told, *(dealt if party.index == 1 else ())]
    expect = {source: expected(what) for source, what in ((party.other, forms), (party.dealer, from_dealer)) if what}
    inbox = yield Round(send={party.other: packed(swap)} if swap else {}, expect=expect)
    theirs = unpacked(forms, inbox.get(party.other))
    heard = unpacked(from_dealer, inbox.get(party.dealer))
    shares = [form.drawn(party, f"dealt {k}") for k, form in enumerate(dealt)] if party.index == 0 else []
    return Received(theirs, heard[: len(told)], shares or heard[len(told) :])


def reshare(party: ComputeParty, ring: Ring, shape: Shape, y: RingArray | None) -> Part[Replicated]:
    """From the evaluators' additive shares y = y_0 + y_1 to replicated ones, in one round.

        s_0 = F(k_0), s_2 = F(k_2),   P_0 sends y_0 − s_0, P_1 sends y_1 − s_2,   s_1 = both together

    y          this evaluator's share; None at the dealer
    security   each evaluator sees the other's share under a mask that it does not know; the dealer receives nothing
    cost       1 round, 8 or 16 bytes an element from each evaluator
    """
    if party.deals:
        s_2 = party.draw("mine", "reshare", ring, shape)
        s_0 = party.draw("next", "reshare", ring, shape)
        yield Round()
        return Replicated(party.index, s_2, s_0)
    seed = party.draw(party.shared_with_dealer, "reshare", ring, shape)
    sent = tiled(operator.sub, _given(y), seed)
    heard = yield from receive(party, swap=[sent])
    s_1 = tiled(operator.add, sent, heard.theirs[0], into=heard.theirs[0])
    return Replicated(0, seed, s_1) if party.index == 0 else Replicated(1, s_1, seed)


def additive(party: ComputeParty, x: Replicated) -> RingArray | None:
    """An evaluator's share of x = (x_0 + x_1) + x_2, where P_0 takes the first two; None at the dealer. No message."""
    if party.deals:
        return None
    return x.mine + x.next if party.index == 0 else x.next


def packed(values: Sequence[Value]) -> tuple[Masked, ...]:
    """The values as one message."""
    return tuple(Masked(value.words if isinstance(value, RingArray) else value) for value in values)


def expected(forms: Sequence[Form]) -> Several:
    """The declaration of what `packed` makes of values of these forms."""
    return Several(tuple(form.spec for form in forms))


def unpacked(forms: Sequence[Form], message: Any) -> list[Any]:
    """What is in it; nothing where no message was due."""
    return [form.read(part) for form, part in zip(forms, message or (), strict=True)]


def _correction(party: ComputeParty, value: Value, purpose: str) -> Value:
    """P_1's share, of a value of which P_0's is drawn."""
    if isinstance(value, RingArray):
        return tiled(operator.sub, value, party.stream("next", purpose, value.ring, value.shape))
    share: Bits = party.draw_bits("next", purpose, value.dtype, value.shape)
    return np.bitwise_xor(value, share, out=share)


def _given(y: RingArray | None) -> RingArray:
    if y is None:
        raise TypeError("an evaluator's share is missing")
    return y
