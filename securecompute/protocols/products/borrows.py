"""The borrows of a subtraction c - r of a dealt mask: [c mod 2^k < r mod 2^k], for one k or many.

    x = c - r mod 2^L:   bit k of x = c_k XOR r_k XOR [c mod 2^k < r mod 2^k]

The digits below bit k are links of a chain, topped by the lowest bits of the digit that k cuts. Many k share the
chains of whole groups of digits, of which every prefix comes for free.

Reference  `masked_order`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np

from securecompute.arithmetic.bit_planes import DIGIT, Planes, digits, pick, top_bit, without_top_bit
from securecompute.protocols.products.masked_order import Job, Name, Pair, Plan, digit_links, digits_of, groups

LONGEST_ALONE = 6  # digits in a chain of a single borrow: 83 products of masks, against 15 for 4 and 177 for 7
LONGEST = 4  # of many: each k within a group has a chain of its own


@cache
def borrow_plan(ks: tuple[int, ...]) -> tuple[Plan, Mapping[int, Name]]:
    """The plan for borrows into these bits, each 1 or higher, and what it calls them."""
    if not ks:
        return (), {}
    parts = groups(digits_of(max(ks)), LONGEST if len(ks) > 1 else LONGEST_ALONE)
    group_of = {j: g for g, digits_in in enumerate(parts) for j in digits_in}
    needed = dict.fromkeys(range(len(parts)), 0)  # how many digits of a group are to be chained by themselves
    first, second, called = [], [], {}
    for k in ks:
        cut, bits = divmod(k, DIGIT)
        last = cut if bits else cut - 1  # the highest digit that takes part
        g = group_of[last]
        below = tuple(("digit", j) for j in range(parts[g].start, cut))
        top: Name = ("part", k)
        if bits and below:
            job = Job(("cut", k), (*below, top), whole=g > 0)
            first.append(job)
            top = job.result
        elif not bits:
            needed[g] = max(needed[g], len(below))
            top = ("group", g, len(below) - 1)
        if g:
            needed |= {h: len(parts[h]) for h in range(g)}
            lower = tuple(("group", h, len(parts[h]) - 1) for h in range(g))
            job = Job(("borrow", k), (*lower, top))
            second.append(job)
            top = job.result
        called[k] = top
    for g, count in needed.items():
        if count:
            first.append(Job(("group", g), tuple(("digit", j) for j in parts[g][:count]), whole=g > 0))
    return tuple(tuple(level) for level in (first, second) if level), called


def borrow_links(table: Planes, c: Planes, ks: Sequence[int], one: int) -> dict[Name, Pair]:
    """What the plan's chains are made of, from the mask's thermometers and the planes of c, from bit 0 on."""
    public = digits(c, table.shape[1])
    whole = max(ks, default=0) // DIGIT
    links = digit_links(*pick(table[:, :whole], public[:, :whole], one))
    cut = [k for k in ks if k % DIGIT]
    for bits, shorter, first in _shortened(table, cut):
        own = [k // DIGIT for k in cut if k % DIGIT == bits]
        pairs = zip(*pick(shorter[:, [j - first for j in own]], public[:bits, own], one), strict=True)
        links |= {("part", j * DIGIT + bits): pair for j, pair in zip(own, pairs, strict=True)}
    return links


def mask_bits(table: Planes, ks: Sequence[int]) -> Planes:
    """Shares of these of the mask's own bits, from its thermometers: (len(ks), row_bytes)."""
    bits = np.empty((len(ks), table.shape[-1]), np.uint8)
    for width, shorter, first in _shortened(table, [k + 1 for k in ks]):
        rows = [i for i, k in enumerate(ks) if (k + 1) % DIGIT == width % DIGIT]
        bits[rows] = top_bit(shorter)[[ks[i] // DIGIT - first for i in rows]]
    return bits


def _shortened(table: Planes, ends: Sequence[int]) -> Iterator[tuple[int, Planes, int]]:
    """For each way in which a digit is cut by one of the ends: its lowest bits that are left, 1 to DIGIT; thermometers
    of so many bits of the digits that are cut at all; and the first of these digits."""
    if not ends:
        return
    first, last = (min(ends) - 1) // DIGIT, (max(ends) - 1) // DIGIT
    lengths = {(end - 1) % DIGIT + 1 for end in ends}
    shorter = table[:, first : last + 1]
    for bits in reversed(range(min(lengths), DIGIT + 1)):
        if bits in lengths:
            yield bits, shorter, first
        shorter = without_top_bit(shorter)
