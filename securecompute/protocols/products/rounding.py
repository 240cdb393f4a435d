"""Truncation to the nearest: what is revealed of a fixed-point number, or must be exact inside a function.

    c = x + 2^(f-1) + 2^(L-2) + r shown to the evaluators, as in a truncation;   floor((x + 2^(f-1)) / 2^f) = y - U
    y = floor(c' / 2^f) - floor(r' / 2^f) + b 2^(L-1-f) - 2^(L-2-f),   U = [c mod 2^f < r mod 2^f]

A truncation gives y, whose excess U is 0 or 1 by chance. Here U is found from the same c, becomes a number, and is
taken off, all before the result is shared again.

Accuracy   Exact: floor(x / 2^f + 1/2), halves upwards, for |x| + 2^(f-1) < 2^(L-2).
Security   Semi-honest, one corrupted. c is uniform; the rest as `masked_order` and `bit_sharing`. The result is a
           function of x alone, so that to reveal it tells nothing of x's lower bits but what it says itself; of a
           stochastic truncation, a view of c would add on which side of a random threshold they lie. Leakage: none.
Cost       3 rounds for f up to 4, 4 up to 24, 5 above; w = 8 or 16 bytes a number. Each evaluator w and 1 bit and the
           opened bits of `masked_order`, the dealer 2w to tell and 3w and those bits dealt. At f = 20 8 bits are
           opened, 112 dealt.
Reference  Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020, section 5 (deterministic truncation).
"""

import numpy as np

from securecompute.arithmetic.bit_planes import ENTRIES, Planes, digits, planes, row_bytes, thermometers, unpacked
from securecompute.arithmetic.ring_arrays import RingArray, tiled
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.bit_sharing import mask, one, silent, unmasked
from securecompute.protocols.products.borrows import borrow_links, borrow_plan
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Form, Value, deal, receive, reshare
from securecompute.protocols.products.masked_order import (
    all_levels,
    dealt_products,
    digits_of,
    product_forms,
    rounds,
)
from securecompute.protocols.products.replicated import Replicated


def truncate_to_nearest(party: ComputeParty, x: Replicated, bits: int) -> Part[Replicated]:
    """floor(x / 2^bits + 1/2) of signed x with |x| + 2^(bits-1) < 2^(L-2). Run by each of the three.

    raises   InvalidRequest  bits is not in 1 to L - 2
    """
    ring, shape = x.ring, x.shape
    if not 1 <= bits <= ring.bits - 2:
        raise InvalidRequest(f"a truncation by {bits} bits in {ring}; expected 1 to {ring.bits - 2}")
    x = x + ((1 << (bits - 1)) + (1 << (ring.bits - 2)))
    plan, called = borrow_plan((bits,))
    size = row_bytes(x.size)
    excess_mask = mask(party, "excess", (size,))
    if party.deals:
        yield from _deal(party, x, bits, dealt_products(party, plan, size))
        yield from silent(rounds(plan))
        yield from deal(party.at("excess"), [RingArray.integers(ring, unpacked(excess_mask, shape))])
        return (yield from reshare(party, ring, shape, None))
    forms = [*[Form(ring, shape)] * 2, _table_form(bits, size), *product_forms(plan, size)]
    heard = yield from receive(party, forms, told=[Form(ring, shape)])
    r_shifted, r_top, table, *products = heard.shares
    c = tiled(lambda a, b, c: a + b + c, x.mine, x.next, heard.told[0])
    links = borrow_links(table, planes(c, bits), (bits,), one(party))
    known = yield from all_levels(party, plan, links, products)
    below: Planes = known[called[bits]][0]
    y = _shifted(party, c, r_shifted, r_top, bits)
    swapped = yield from receive(party.at("excess"), [Form(ring, shape)], swap=[below ^ excess_mask])
    v = unpacked(below ^ excess_mask ^ swapped.theirs[0], shape)
    y = y - unmasked(party, v, swapped.shares[0])
    return (yield from reshare(party, ring, shape, y))


def _deal(party: ComputeParty, x: Replicated, bits: int, products: list[Planes]) -> Part[None]:
    """The dealer's first round: floor(r' / 2^f), r's top bit times 2^(L-1-f), the thermometers of r mod 2^f."""
    top = x.ring.bits - 1
    r = party.draw("own", "r", x.ring, x.shape)
    table = thermometers(digits(planes(r, bits), digits_of(bits)))
    values: list[Value] = [r.low(top) >> bits, r.bit(top) << (top - bits), table, *products]
    yield from deal(party, values, tell=[(x.mine + r, x.next + r)])


def _table_form(bits: int, size: int) -> Form:
    return Form(np.dtype(np.uint8), (ENTRIES, digits_of(bits), size))


def _shifted(party: ComputeParty, c: RingArray, r_shifted: RingArray, r_top: RingArray, bits: int) -> RingArray:
    """An evaluator's share of y. b = rb + c_top - 2 c_top rb, with c_top public."""
    top, first = c.ring.bits - 1, party.index == 0

    def y(c: RingArray, r_shifted: RingArray, r_top: RingArray) -> RingArray:
        c_top = c.bit(top)
        share = r_top - r_top * (c_top << 1) - r_shifted
        if first:
            share = share + (c.low(top) >> bits) + (c_top << (top - bits)) - (1 << (top - 1 - bits))
        return share

    return tiled(y, c, r_shifted, r_top)
