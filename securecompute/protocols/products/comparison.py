"""The order of secrets: the sign of a difference, exactly, for every number that the ring can hold.

    c = x + r shown to the evaluators, r uniform;   sign of x = c_top XOR r_top XOR [c mod 2^(L-1) < r mod 2^(L-1)]

Proof      x = c - r mod 2^L, and the top bit of a difference is that of its terms XOR the borrow into it.
Accuracy   Exact for all of Z_2^64 and Z_2^128. `less` compares numbers whose difference does not wrap:
           |x - y| < 2^(L-1).
Security   Semi-honest, one corrupted. c is uniform: r is known to the dealer alone, which does not see c. Otherwise as
           `masked_order` and `bit_sharing`. Leakage: none.
Cost       bits: 3 rounds. As numbers: 5, with w = 8 or 16 bytes and a bit more from each evaluator and w dealt.
           Per number in Z_2^64, planes of n numbers taking ceil(n / 8) bytes: the evaluators 33 bits each, the dealer
           16 bytes of c and 337 bits dealt; in Z_2^128 75 bits, 32 bytes and 992 bits.
Reference  `masked_order`; the masked opening after Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020.
"""

import numpy as np

from securecompute.arithmetic.bit_planes import digits, pick, planes, row_bytes, unpacked
from securecompute.engine.rounds import Part
from securecompute.protocols.products.bit_sharing import one, silent, to_arithmetic
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Bits, Form, deal, receive
from securecompute.protocols.products.masked_order import dealt, dealt_forms, decided, digits_of, levels
from securecompute.protocols.products.replicated import Replicated


def negative_bits(party: ComputeParty, x: Replicated) -> Part[Bits]:
    """[x < 0], shared by XOR: uint8, 0 or 1, of x's shape; zeros at the dealer. Run by each of the three."""
    top = x.ring.bits - 1
    count = digits_of(top)
    plan = levels(count, order=True)
    if party.deals:
        r = party.draw("own", "r", x.ring, x.shape)
        r_planes = planes(r, x.ring.bits)
        values = [r_planes[top], *dealt(party, plan, r_planes[:top], count)]
        yield from deal(party, values, tell=[(x.mine + r, x.next + r)])
        yield from silent(len(plan))
        return np.zeros(x.shape, np.uint8)
    size = row_bytes(x.size)
    forms = [Form(np.dtype(np.uint8), (size,)), *dealt_forms(plan, count, size)]
    heard = yield from receive(party, forms, told=[Form(x.ring, x.shape)])
    c = planes(x.mine + x.next + heard.told[0], x.ring.bits)
    r_top, table, *products = heard.shares
    links = pick(table, digits(c[:top], count), one(party))
    sign = r_top ^ (yield from decided(party, plan, links, products))
    return unpacked(sign ^ c[top] if party.index == 0 else sign, x.shape)


def negative(party: ComputeParty, x: Replicated) -> Part[Replicated]:
    """[x < 0] as 0 or 1 in x's ring. Run by each of the three."""
    bits = yield from negative_bits(party.at("sign"), x)
    return (yield from to_arithmetic(party.at("number"), bits, x.ring))


def less(party: ComputeParty, x: Replicated, y: Replicated) -> Part[Replicated]:
    """[x < y] as 0 or 1, with broadcasting, for |x - y| < 2^(L-1). Run by each of the three."""
    return (yield from negative(party, x - y))
