"""Secret bits that choose between secret numbers: selection, absolute value, ReLU, clamping, the larger of two.

    b x:   v = b XOR d and e = x − a are shown between the evaluators;   b x = v x + (1 − 2v) (d e + d a)
    if b then x, else y:   y + b (x − y)

Bits are shared by XOR between the evaluators, as comparisons give them; d and a are drawn, d as a number and d a dealt.

Accuracy   Exact in the ring. What compares needs differences that do not wrap: |x − y| < 2^(L-1).
Security   Semi-honest, one corrupted. v and e are uniform: each evaluator lacks the other's part of d and a, and the
           dealer, who knows both, receives nothing. Leakage: none.
Cost       `inject`, and `select` by bits: 2 rounds. Per element, w = 8 or 16 bytes: the evaluators 2w each, the dealer
           w; and per bit, in planes of ceil(bits / 8) bytes, the evaluators a bit, the dealer w. `select` by a
           replicated condition: 1 round, w from each of the three. The others: 5 rounds, one comparison and one
           injection an element, `clamp` two of both but w less: it is made replicated once.
Reference  Mohassel, Rindal, ABY3, CCS 2018, for a bit times a number; here with dealt products of masks.
"""

import operator

import numpy as np

from securecompute.arithmetic.bit_planes import packed, row_bytes, unpacked
from securecompute.arithmetic.ring_arrays import RingArray, Shape, tiled
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.bit_sharing import mask
from securecompute.protocols.products.comparison import negative_bits
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Bits, Form, additive, deal, receive, reshare
from securecompute.protocols.products.multiplication import multiply
from securecompute.protocols.products.replicated import Replicated, stack


def inject(party: ComputeParty, bits: Bits, x: Replicated) -> Part[Replicated]:
    """bits * x, with broadcasting. Run by each of the three.

    bits   0 and 1, shared by XOR between the evaluators; zeros at the dealer
    """
    return (yield from made_replicated(party, (yield from injected(party, bits, between_evaluators(party, x)))))


def injected(party: ComputeParty, bits: Bits, x: RingArray) -> Part[RingArray]:
    """`inject` of what the evaluators share additively, zeros at the dealer; so is the result. One round."""
    ring, shape = x.ring, np.broadcast_shapes(bits.shape, x.shape)
    d = mask(party, "d", (row_bytes(bits.size),))
    if party.deals:
        number = RingArray.integers(ring, unpacked(d, bits.shape))
        a = tiled(operator.add, *(party.stream(key, "a", ring, x.shape) for key in ("mine", "next")))
        yield from deal(party, [number, tiled(operator.mul, number, a)])
        return zeros(ring, shape)
    v, e = packed(bits) ^ d, tiled(operator.sub, x, party.stream(party.shared_with_dealer, "a", ring, x.shape))
    heard = yield from receive(party, [Form(ring, bits.shape), Form(ring, shape)], swap=[v, e])
    opened = RingArray.integers(ring, unpacked(v ^ heard.theirs[0], bits.shape))
    return tiled(_product, opened, x, e, heard.theirs[1], *heard.shares)


def between_evaluators(party: ComputeParty, x: Replicated) -> RingArray:
    """Additive shares of x, zeros at the dealer. No message."""
    share = additive(party, x)
    return zeros(x.ring, x.shape) if share is None else share


def made_replicated(party: ComputeParty, y: RingArray) -> Part[Replicated]:
    """The way back: `dealing.reshare`, one round."""
    return (yield from reshare(party, y.ring, y.shape, None if party.deals else y))


def zeros(ring: Ring, shape: Shape) -> RingArray:
    """The dealer's place holder, which takes no memory; not to be written to."""
    return RingArray.zeros(ring, ()).broadcast_to(shape)


def select(party: ComputeParty, condition: Bits | Replicated, x: Replicated, y: Replicated) -> Part[Replicated]:
    """x where the condition is 1, y where it is 0, with broadcasting. Run by each of the three.

    condition   bits as for `inject`, or replicated 0 and 1 in the ring
    """
    if isinstance(condition, Replicated):
        return y + (yield from multiply(party, condition, x - y))
    return y + (yield from inject(party, condition, x - y))


def absolute(party: ComputeParty, x: Replicated) -> Part[Replicated]:
    """|x|, of x > −2^(L-1). Run by each of the three."""
    negative = yield from negative_bits(party.at("sign"), x)
    return x - ((yield from inject(party.at("choice"), negative, x)) << 1)


def relu(party: ComputeParty, x: Replicated) -> Part[Replicated]:
    """The larger of x and 0. Run by each of the three."""
    negative = yield from negative_bits(party.at("sign"), x)
    return x - (yield from inject(party.at("choice"), negative, x))


def clamp(party: ComputeParty, x: Replicated, low: int, high: int) -> Part[Replicated]:
    """x, but at least `low` and at most `high`. Run by each of the three.

    raises   InvalidRequest  low > high, or one of them does not fit the ring
    """
    limit = 1 << (x.ring.bits - 1)
    if not -limit <= low <= high < limit:
        raise InvalidRequest(f"a value clamped to [{low}, {high}] in {x.ring}; expected low <= high, both in the ring")
    outside = yield from negative_bits(party.at("sign"), stack([x - low, -x + high]))
    steps = between_evaluators(party, stack([-x + low, -x + high]))
    moved = yield from injected(party.at("choice"), outside, steps)
    return x + (yield from made_replicated(party.at("choice"), moved.sum(0)))


def maximum(party: ComputeParty, x: Replicated, y: Replicated) -> Part[Replicated]:
    """The larger of the two, elementwise with broadcasting. Run by each of the three."""
    smaller = yield from negative_bits(party.at("sign"), x - y)
    return (yield from select(party.at("choice"), smaller, y, x))


def minimum(party: ComputeParty, x: Replicated, y: Replicated) -> Part[Replicated]:
    """The smaller of the two, elementwise with broadcasting. Run by each of the three."""
    smaller = yield from negative_bits(party.at("sign"), x - y)
    return (yield from select(party.at("choice"), smaller, x, y))


def _product(v: RingArray, x: RingArray, e: RingArray, other: RingArray, d: RingArray, masked: RingArray) -> RingArray:
    """This evaluator's share of b x, with e in two parts."""
    return v * x + (1 - (v << 1)) * (d * (e + other) + masked)
