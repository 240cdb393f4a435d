"""Truncation: a secret divided by 2^f, by which a product of two fixed-point numbers regains their scale.

The dealer draws r, uniform in Z_2^L. With |x| < 2^(L-2), the evaluators open c = x + 2^(L-2) + r and compute, linearly
in the dealt values floor((r mod 2^(L-1)) / 2^f) and r >> (L-1),

    y = floor(c' / 2^f) − floor(r' / 2^f) + b 2^(L-1-f) − 2^(L-2-f),     v' = v mod 2^(L-1),
    b = [c' < r'] = (r >> (L-1)) XOR (c >> (L-1))

Proof      X = x + 2^(L-2) lies in [0, 2^(L-1)), so c >> (L-1) = (r >> (L-1)) XOR W with W = [X + r' ≥ 2^(L-1)]: b = W.
           c' = X + r' − W 2^(L-1), hence floor(c' / 2^f) + W 2^(L-1-f) = floor(X / 2^f) + floor(r' / 2^f) + U with
           U = [X_low + r_low ≥ 2^f], and y = floor(x / 2^f) + U.
Accuracy   y − floor(x / 2^f) is 0 or 1, for every x in range; it is 1 with probability frac(x / 2^f), so y has no bias.
Security   Semi-honest, one corrupted. c is uniform: r is known to the dealer only, which does not see c. The shares
           of a product that P_0 and P_1 swap are masked by F(k_0) and F(k_2), of which each lacks the other's. Leakage:
           none inside a computation. U is a function of x and of the public low bits of c; whoever is shown y and sees
           c would learn on which side of them x_low lies, so what is revealed is truncated to the nearest instead
           (`rounding.truncate_to_nearest`).
Cost       2 rounds. Per element, w = 8 or 16 bytes. Of shares: evaluators w each, dealer 2w to tell and 2w dealt. Of a
           product, fused: evaluators 2w each, the dealer the same. Memory beside the operand: 7w, with the result.
Reference  Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020 (ePrint 2020/338), section 5.
"""

import operator
from collections.abc import Sequence

from securecompute.arithmetic.ring_arrays import RingArray, Shape, tiled
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Form, Value, deal, receive, reshare
from securecompute.protocols.products.replicated import Replicated


def truncate(party: ComputeParty, x: Replicated, bits: int) -> Part[Replicated]:
    """floor(x / 2^bits), or one more, of signed x with |x| < 2^(L-2). Run by each of the three.

    raises   InvalidRequest  bits is not in 1 to L - 2
    """
    _check(x.ring, bits)
    if party.deals:
        r = party.draw("own", "r", x.ring, x.shape)
        # the dealer holds x_2 and x_0; each evaluator lacks one of them
        told = tiled(operator.add, x.mine, r), tiled(operator.add, x.next, r)
        yield from deal(party, _dealt(r, bits), tell=[told])
        return (yield from reshare(party, x.ring, x.shape, None))
    heard = yield from receive(party, _forms(x.ring, x.shape), told=[Form(x.ring, x.shape)])
    y = _shifted(party, [x.mine, x.next, heard.told[0]], heard.shares, bits)
    del heard  # it is large, and needed no more while shares travel
    return (yield from reshare(party, x.ring, x.shape, y))


def truncate_additive(party: ComputeParty, z: RingArray, bits: int) -> Part[Replicated]:
    """As `truncate`, of z_0 + z_1 + z_2, one share at each party: what a product leaves. Run by each of the three.

    z   this party's share, not yet masked: P_0 adds F(k_0) to it here and P_1 F(k_2), which the dealer takes off
    """
    ring, shape = z.ring, z.shape
    _check(ring, bits)
    if party.deals:
        r = party.draw("own", "r", ring, shape)
        s_2, s_0 = party.stream("mine", "mask", ring, shape), party.stream("next", "mask", ring, shape)
        masked = tiled(lambda z, r, a, b: z + r - a - b, z, r, s_2, s_0)
        yield from deal(party, _dealt(r, bits), tell=[(masked, masked)])
        return (yield from reshare(party, ring, shape, None))
    z = tiled(operator.add, z, party.stream(party.shared_with_dealer, "mask", ring, shape))
    heard = yield from receive(party, _forms(ring, shape), told=[Form(ring, shape)], swap=[z])
    y = _shifted(party, [z, heard.theirs[0], heard.told[0]], heard.shares, bits)
    del z, heard
    return (yield from reshare(party, ring, shape, y))


def _check(ring: Ring, bits: int) -> None:
    if not 1 <= bits <= ring.bits - 2:
        raise InvalidRequest(f"a truncation by {bits} bits in {ring}; expected 1 to {ring.bits - 2}")


def _dealt(r: RingArray, bits: int) -> list[Value]:
    """floor(r' / 2^f), and r's top bit times 2^(L-1-f), in place of r."""
    top = r.ring.bits - 1
    shifted = tiled(lambda r: r.low(top) >> bits, r)
    return [shifted, tiled(lambda r: r.bit(top) << (top - bits), r, into=r)]


def _forms(ring: Ring, shape: Shape) -> list[Form]:
    return [Form(ring, shape)] * 2


def _shifted(party: ComputeParty, opened: Sequence[RingArray], shares: Sequence[RingArray], bits: int) -> RingArray:
    """This evaluator's share of y. b = rb + c_top - 2 c_top rb, with c_top public.

    opened   three that add up to x + r
    shares   of the two dealt values; the first is overwritten
    """
    top, first = shares[0].ring.bits - 1, party.index == 0

    def y(r_shifted: RingArray, r_top: RingArray, *opened: RingArray) -> RingArray:
        c = opened[0] + opened[1] + opened[2] + (1 << (top - 1))
        c_top = c.bit(top)
        share = r_top - r_top * (c_top << 1) - r_shifted
        if first:
            share = share + (c.low(top) >> bits) + (c_top << (top - bits)) - (1 << (top - 1 - bits))
        return share

    return tiled(y, *shares, *opened, into=shares[0])
