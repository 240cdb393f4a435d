"""Which bit of a secret is its most significant one, among declared ones.

    h_i = [2^i <= x < 2^(i+1)] = [x < 2^(i+1)] XOR [x < 2^i],   0 <= x < 2^high
    [x < 2^i] = bit `high` of x - 2^i = (c - 2^i) - r,   c = x + r shown to the evaluators, r uniform, mod 2^(high+1)

so every i asks for the borrow of c - 2^i, which is public, below the same mask r. c - 2^i differs from c in the digit
of bit i and in those above it that a borrow reaches; each of these is c's digit less one, or c's, by public bits. Hence
both are picked once from the thermometers of r, and a public choice between shares makes the links of every chain.

Accuracy   Exact for 0 <= x < 2^high; all h_i are 0 for x < 2^low. A negative x, or one of 2^high or more, gives another
           wrong answer: to declare its range is the caller's duty.
Security   Semi-honest, one corrupted. c is uniform: r is known to the dealer alone, which does not see c. Otherwise as
           `masked_order` and `bit_sharing`. Leakage: none.
Cost       5 rounds, 4 if high is 16 or less; 3 up to 4. Per number and per i, w = 8 or 16 bytes dealt and, of
           `leading_one`, w from each evaluator. Besides, for i = 0 to 29, each evaluator 4 bytes and 258 bits, the
           dealer 471 bits; for i = 0 to 61 8 bytes, 817 and 2503 bits.
Reference  `masked_order`; own derivation of the shared comparisons.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from securecompute.arithmetic.bit_planes import DIGIT, Planes, digits, pick, unpacked, without_top_bit
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.bit_sharing import one, silent, to_arithmetic
from securecompute.protocols.products.borrows import LONGEST, mask_bits
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Bits
from securecompute.protocols.products.masked_order import (
    Job,
    Name,
    Pair,
    Plan,
    Shown,
    digit_links,
    digits_of,
    groups,
    results,
    rounds,
    show,
)
from securecompute.protocols.products.replicated import Replicated


def leading_one(party: ComputeParty, x: Replicated, low: int, high: int) -> Part[Replicated]:
    """h_low to h_(high-1), 0 or 1 in x's ring, (*x.shape, high - low). Run by each of the three.

    raises   InvalidRequest  not 0 <= low < high < L
    """
    h = yield from leading_bits(party.at("bits"), x, low, high)
    numbers = yield from to_arithmetic(party.at("numbers"), h, x.ring)
    return numbers.transpose((*range(1, h.ndim), 0))


def leading_bits(party: ComputeParty, x: Replicated, low: int, high: int) -> Part[Bits]:
    """h_low to h_(high-1), shared by XOR: uint8 (high - low, *x.shape); zeros at the dealer. raises the same."""
    if not 0 <= low < high < x.ring.bits:
        raise InvalidRequest(f"bits {low} to {high - 1} of a number that is not negative, in {x.ring}")
    plan = leading_plan(low, high)
    shown = yield from show(party, x, high + 1, plan)
    if shown is None:
        yield from silent(rounds(plan))
        return np.zeros((high - low, *x.shape), np.uint8)
    parts = groups(digits_of(high), LONGEST)
    known, borrows = _picked(party, shown, low, high)
    known |= {
        ("after", i, j): _chosen(borrows[i, j - 1], known["digit", j, 0], known["digit", j])
        for i in range(low, high)
        for j in range(i // DIGIT + 1, parts[_group(parts, i)].stop)
    }
    known |= yield from results(party, plan, 0, known, shown.products)
    if len(parts) > 1:
        known |= {
            ("above", i, g): _chosen(
                borrows[i, parts[g].start - 1], known[_from_first(parts[g])], known[_whole(parts, g)]
            )
            for i in range(low, high)
            for g in range(_group(parts, i) + 1, len(parts))
        }
        known |= yield from results(party, plan, 1, known, shown.products)
    r_high = mask_bits(shown.table, [high])[0]
    below = np.empty((high - low + 1, shown.c.shape[1]), np.uint8)  # [x < 2^i]
    below[-1] = one(party)
    for i, job in zip(range(low, high), plan[-1], strict=False):
        below[i - low] = r_high ^ known[job.result][0]
        if party.index == 0:
            below[i - low] ^= shown.c[high] ^ borrows[i, parts[-1].stop - 1]
    return unpacked(below[1:] ^ below[:-1], x.shape)


@cache
def leading_plan(low: int, high: int) -> Plan:
    """Chains for every i, first; where there are several groups of digits, those of the groups as they are."""
    parts = groups(digits_of(high), LONGEST)
    powers, combined = [], []
    for i in range(low, high):
        g, lowest = _group(parts, i), i // DIGIT
        links: list[Name] = [("digit", j) for j in range(parts[g].start, lowest)]
        links += [("digit", lowest, i % DIGIT), *(("after", i, j) for j in range(lowest + 1, parts[g].stop))]
        job = Job(("from", i), tuple(links), whole=g > 0)
        powers.append(job)
        lower = [_whole(parts, h) for h in range(g)]
        upper: list[Name] = [("above", i, h) for h in range(g + 1, len(parts))]
        combined.append(Job(("power", i), (*lower, job.result, *upper)))
    if len(parts) == 1:
        return (tuple(powers),)
    used = [g for g in range(len(parts)) if g != _group(parts, low) or g != _group(parts, high - 1)]
    whole = [Job(("group", g), tuple(("digit", j) for j in parts[g]), whole=g > 0) for g in used]
    return (*powers, *whole), tuple(combined)


def _picked(
    party: ComputeParty, shown: Shown, low: int, high: int
) -> tuple[dict[Name, Pair], dict[tuple[int, int], Planes]]:
    """Links ("digit", j) of c's digits, ("digit", j, k) of those less 2^k; and where c - 2^i borrows from digit j + 1.

    Of the top digit only the bits below `high` count.
    """
    count = digits_of(high)
    table, public = _below(shown.table, high), digits(shown.c[:high], count)
    links = digit_links(*pick(table, public, one(party)))
    places = sorted({0, *(i % DIGIT for i in range(low, high))})
    out = {}
    for k in places:
        less, out[k] = _lowered(public, k)
        less[(high - 1) % DIGIT + 1 :, -1] = 0
        links |= digit_links(*pick(table, less, one(party)), k)
    borrows = {}
    for i in range(low, high):
        borrows[i, i // DIGIT] = out[i % DIGIT][i // DIGIT]
        for j in range(i // DIGIT + 1, count):
            borrows[i, j] = borrows[i, j - 1] & out[0][j]
    return links, borrows


def _below(table: Planes, high: int) -> Planes:
    """Thermometers of the digits of r mod 2^high, from those of r mod 2^(high+1)."""
    bits = high % DIGIT
    if not bits:
        return table[:, : high // DIGIT]
    top = table[:, -1]
    for _ in range(DIGIT - bits):
        top = without_top_bit(top)
    cut = table.copy()
    cut[: len(top), -1], cut[len(top) :, -1] = top, 0
    return cut


def _lowered(public: Planes, k: int) -> tuple[Planes, Planes]:
    """Digits less 2^k, (DIGIT, digits, row_bytes), and where that borrows from the next digit."""
    lowered = public.copy()
    borrow = np.full(public.shape[1:], 255, np.uint8)
    for bit in range(k, DIGIT):
        lowered[bit] ^= borrow
        borrow &= ~public[bit]
    return lowered, borrow


def _chosen(where: Planes, this: Pair, other: Pair) -> Pair:
    """Shares of `this` where a public bit is 1, of the other elsewhere."""
    (l_1, e_1), (l_0, e_0) = this, other
    e = None if e_0 is None or e_1 is None else e_0 ^ (where & (e_0 ^ e_1))
    return l_0 ^ (where & (l_0 ^ l_1)), e


def _group(parts: Sequence[range], i: int) -> int:
    """The group of the digit of bit i."""
    return next(g for g, part in enumerate(parts) if i // DIGIT in part)


def _whole(parts: Sequence[range], g: int) -> Name:
    """A group as it is."""
    return "group", g, len(parts[g]) - 1


def _from_first(part: range) -> Name:
    """A group less one."""
    return "from", part.start * DIGIT, len(part) - 1
