"""Whether secrets are equal.

    c = x - y + r shown to the evaluators, r uniform;   x = y just when c = r, digit by digit

Accuracy   Exact for all of Z_2^64 and Z_2^128; equality is of residues.
Security   Semi-honest, one corrupted. c is uniform: r is known to the dealer alone, which does not see c. Otherwise as
           `masked_order` and `bit_sharing`. Leakage: none.
Cost       bits: 3 rounds. As numbers: 5, with w = 8 or 16 bytes and a bit more from each evaluator and w dealt.
           Per number in Z_2^64, planes of n numbers taking ceil(n / 8) bytes: the evaluators 8 bytes and 20 bits
           each, the dealer 295 bits; in Z_2^128 16 bytes, 38 bits and 755 bits.
Reference  As `masked_order`.
"""

import numpy as np

from securecompute.arithmetic.bit_planes import digits, pick, unpacked
from securecompute.engine.rounds import Part
from securecompute.protocols.products.bit_sharing import one, silent, to_arithmetic
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Bits
from securecompute.protocols.products.masked_order import (
    Job,
    Plan,
    all_levels,
    digit_links,
    digits_of,
    groups,
    rounds,
    show,
)
from securecompute.protocols.products.replicated import Replicated

LONGEST = 4  # digits in a single chain


def equal_bits(party: ComputeParty, x: Replicated, y: Replicated) -> Part[Bits]:
    """[x = y], shared by XOR: uint8, 0 or 1, broadcast; zeros at the dealer. Run by each of the three."""
    difference = x - y
    top = difference.ring.bits
    plan = equality_plan(digits_of(top))
    shown = yield from show(party, difference, top, plan)
    if shown is None:
        yield from silent(rounds(plan))
        return np.zeros(difference.shape, np.uint8)
    links = digit_links(*pick(shown.table, digits(shown.c, digits_of(top)), one(party)))
    known = yield from all_levels(party, plan, links, shown.products)
    _, same = known[plan[-1][-1].result]
    return unpacked(same, difference.shape)


def equal(party: ComputeParty, x: Replicated, y: Replicated) -> Part[Replicated]:
    """[x = y] as 0 or 1 in the ring of x and y, with broadcasting. Run by each of the three."""
    same = yield from equal_bits(party.at("bits"), x, y)
    return (yield from to_arithmetic(party.at("number"), same, x.ring))


def equality_plan(count: int) -> Plan:
    """All digits equal: groups, then the groups together."""
    parts = groups(count, LONGEST)
    first = [Job(("group", g), tuple(("digit", j) for j in part), False, True) for g, part in enumerate(parts)]
    second = Job(("all",), tuple(job.result for job in first), False, True)
    return tuple(first), (second,)
