"""Bits of a secret, shared by XOR between the evaluators.

    c = x + r shown to the evaluators, r uniform, both mod 2^high;   x_k = c_k XOR r_k XOR [c mod 2^k < r mod 2^k]

Only bits low to high - 1 are made, from the numbers mod 2^high.

Accuracy   Exact for every x in Z_2^64 or Z_2^128.
Security   Semi-honest, one corrupted. c is uniform: r is known to the dealer alone, which does not see c. Otherwise as
           `masked_order` and `bit_sharing`. Leakage: none.
Cost       Rounds: 3; 2 if high is 17 or less (25, of a single bit), 1 if it is 5 or less. Of n numbers, in planes of
           ceil(n / 8) bytes, the evaluators send a plane for every opened bit, the dealer one for every dealt bit.
           c takes the dealer 8, 16 or 32 bytes a number, by high. Bit 63: 33 opened, 336 dealt; bit 127: 75 and 981;
           bits 0 to 31: 130 and 449; all 64: 431 and 1344.
Reference  `masked_order`; the masked opening after Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020.
"""

from math import prod

import numpy as np

from securecompute.arithmetic.bit_planes import unpacked
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.ring_arrays import RingArray, Shape
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.bit_sharing import one, silent
from securecompute.protocols.products.borrows import borrow_links, borrow_plan, mask_bits
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Bits, additive
from securecompute.protocols.products.masked_order import all_levels, rounds, show
from securecompute.protocols.products.replicated import Replicated


def bits(party: ComputeParty, x: Replicated, low: int, high: int) -> Part[Bits]:
    """Bits low to high - 1 of x mod 2^L, shared by XOR: uint8 (high - low, *x.shape); zeros at the dealer.

    raises   InvalidRequest  not 0 <= low < high <= L
    """
    return (yield from bits_of_shares(party, x.ring, x.shape, additive(party, x), low, high))


def bits_of_shares(
    party: ComputeParty, ring: Ring, shape: Shape, x: RingArray | None, low: int, high: int
) -> Part[Bits]:
    """As `bits`, of x = x_0 + x_1.

    x   this evaluator's share; None at the dealer
    """
    if not 0 <= low < high <= ring.bits:
        raise InvalidRequest(f"bits {low} to {high - 1} of an element of {ring}")
    ks = range(low, high)
    borrowing = tuple(k for k in ks if k > 0)
    plan, called = borrow_plan(borrowing)
    shown = yield from show(party, x, ring, prod(shape), high, plan)
    if shown is None:
        yield from silent(rounds(plan))
        return np.zeros((len(ks), *shape), np.uint8)
    links = borrow_links(shown.table, shown.c, borrowing, one(party))
    known = yield from all_levels(party, plan, links, shown.products)
    result = mask_bits(shown.table, ks)
    for k in borrowing:
        result[k - low] ^= known[called[k]][0]
    if party.index == 0:
        result ^= shown.c[low:]
    return unpacked(result, shape)
