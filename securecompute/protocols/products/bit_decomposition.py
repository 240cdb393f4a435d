"""Bits of a secret, shared by XOR between the evaluators.

    c = x + r shown to the evaluators, r uniform, both mod 2^high;   x_k = c_k XOR r_k XOR [c mod 2^k < r mod 2^k]

Only bits low to high - 1 are made, from the numbers mod 2^high.

Accuracy   Exact for every x in Z_2^64 or Z_2^128.
Security   Semi-honest, one corrupted. c is uniform: r is known to the dealer alone, which does not see c. Otherwise as
           `masked_order` and `bit_sharing`. Leakage: none.
Cost       Rounds: 3; 2 if high is 17 or less (25, of a single bit), 1 if it is 5 or less. c takes each evaluator 4
           bytes a number if high is 32 or less, 8 up to 64, 16 above. Of n numbers, in planes of ceil(n / 8) bytes,
           each evaluator sends besides a plane for every opened bit, the dealer one for every dealt bit. Bit 63: 33
           opened, 336 dealt; bit 127: 67 and 984; bits 0 to 31: 132 and 261; all 64: 382 and 979.
Reference  `masked_order`; the masked opening after Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020.
"""

import numpy as np

from securecompute.arithmetic.bit_planes import unpacked
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.bit_sharing import one, silent
from securecompute.protocols.products.borrows import borrow_links, borrow_plan, mask_bits
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Bits
from securecompute.protocols.products.masked_order import Shares, all_levels, rounds, show


def bits(party: ComputeParty, x: Shares, low: int, high: int) -> Part[Bits]:
    """Bits low to high - 1 of x mod 2^L, shared by XOR: uint8 (high - low, *x.shape); zeros at the dealer.

    x        replicated, or shared additively between the evaluators and zeros at the dealer
    raises   InvalidRequest  not 0 <= low < high <= L
    """
    if not 0 <= low < high <= x.ring.bits:
        raise InvalidRequest(f"bits {low} to {high - 1} of an element of {x.ring}")
    ks = range(low, high)
    borrowing = tuple(k for k in ks if k > 0)
    plan, called = borrow_plan(borrowing)
    shown = yield from show(party, x, high, plan)
    if shown is None:
        yield from silent(rounds(plan))
        return np.zeros((len(ks), *x.shape), np.uint8)
    links = borrow_links(shown.table, shown.c, borrowing, one(party))
    known = yield from all_levels(party, plan, links, shown.products)
    result = mask_bits(shown.table, ks)
    for k in borrowing:
        result[k - low] ^= known[called[k]][0]
    if party.index == 0:
        result ^= shown.c[low:]
    return unpacked(result, x.shape)
