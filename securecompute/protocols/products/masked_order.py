"""Whether a public number is below, or equal to, a mask that the dealer drew: digit by digit, then by chains.

    c, r of 4-bit digits:  l_j = [c_j < r_j], e_j = [c_j = r_j]  picked locally from dealt thermometers of r_j
    [c < r] = l_top XOR e_top (l_next XOR e_next (...)),         [c = r] = product of all e_j

Up to 6 digits make one chain; more are grouped, the groups' results being the digits of a second chain: 16 = 4 x 4.

Security   As of `chained`; the thermometers are dealt under a stream that P_1 does not know. c must be uniform to
           whoever sees it, which is its caller's duty.
Cost       1 or 2 rounds. Per number, with 16 digits: 33 bits from each evaluator; dealt to P_1 240 bits of thermometers
           and 96 of products. For equality 20 bits, and 240 + 55.
Reference  Garay, Schoenmakers, Villegas, PKC 2007, for the order of digits; the products of masks after Damgård,
           Nielsen, Nielsen, Ranellucci, CRYPTO 2017.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from securecompute.arithmetic.bit_chains import Chains
from securecompute.arithmetic.bit_planes import DIGIT, ENTRIES, Planes, digits, thermometers
from securecompute.engine.rounds import Part
from securecompute.protocols.products.bit_sharing import Links, chain_forms, chain_products, chained
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Form

LONGEST = 6  # digits of a single chain: 77 products; 7 digits take 183

Levels = tuple[tuple[Chains, ...], ...]


def digits_of(bits: int) -> int:
    """Digits of a number of so many bits."""
    return -(-bits // DIGIT)


def sizes(count: int) -> list[int]:
    """Digits of each group, lowest first: about as many groups as digits in a group, the lowest the smallest."""
    if count <= LONGEST:
        return [count]
    groups = next(g for g in range(1, count) if g * g >= count)
    return sorted((count + k) // groups for k in range(groups))


def levels(count: int, order: bool) -> Levels:
    """The chains of every level. order: below, else equal."""
    groups = sizes(count)
    if len(groups) == 1:
        return ((Chains(count, 1, order, not order),),)
    first = (Chains(groups[0], 1, True, False),) if order else ()
    rest = groups[1:] if order else groups
    runs = tuple(Chains(size, len(list(run)), order, True) for size, run in groupby(rest))
    return (*first, *runs), (Chains(len(groups), 1, order, not order),)


def dealt(party: ComputeParty, plan: Levels, r: Planes, count: int) -> list[Planes]:
    """What the dealer deals for `decided` at the same place: thermometers of r, and products of masks.

    r   planes of the mask, from bit 0
    """
    size = r.shape[1]
    products = [rows for k, level in enumerate(plan) for rows in chain_products(party.at(k), level, size)]
    return [thermometers(digits(r, count)), *products]


def dealt_forms(plan: Levels, count: int, size: int) -> list[Form]:
    """The forms of it."""
    products = [form for level in plan for form in chain_forms(level, size)]
    return [Form(np.dtype(np.uint8), (ENTRIES, count, size)), *products]


def decided(party: ComputeParty, plan: Levels, links: Links, products: Sequence[Planes]) -> Part[Planes]:
    """A share of [c < r] or [c = r], one plane. Run by the evaluators, in a round for each level.

    links   shares of l (None for equality) and e, (digits, row_bytes)
    """
    remaining = list(products)
    for k, level in enumerate(plan):
        own, remaining = remaining[: len(level)], remaining[len(level) :]
        results = yield from chained(party.at(k), level, _cut(level, links), own)
        less, equal = links
        e = [whole[-1] if whole is not None else np.zeros_like(equal[:1]) for _, whole in results]
        l_ = [order[-1] for order, _ in results if order is not None]
        links = np.concatenate(l_) if less is not None else None, np.concatenate(e)
    less, equal = links
    return equal[0] if less is None else less[0]


def _cut(level: Sequence[Chains], links: Links) -> list[Links]:
    """The digits of each chain: (digits, row_bytes) to (length, count, row_bytes)."""
    less, equal = links
    pieces: list[Links] = []
    start = 0
    for chains in level:
        stop = start + chains.length * chains.count
        shape = (chains.count, chains.length, -1)
        l_ = None if less is None else less[start:stop].reshape(shape).transpose(1, 0, 2)
        pieces.append((l_, equal[start:stop].reshape(shape).transpose(1, 0, 2)))
        start = stop
    return pieces
