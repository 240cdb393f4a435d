"""Whether public numbers are below, or equal to, a mask that the dealer drew: digit by digit, then by chains.

    c, r of 4-bit digits:  l_j = [c_j < r_j], e_j = [c_j = r_j]  picked locally from dealt thermometers of r_j
    [c < r] = l_top XOR e_top (l_next XOR e_next (...)),         [c = r] = product of all e_j

A plan says which chains are made of which links, level by level: a few digits make one chain, more are grouped and the
groups' results are the links of a second chain, 16 = 4 x 4. It holds no data, so that the dealer, who sees no c, knows
which products of masks to deal. Chains of one form are worked on together.

Security   As of `chained`. r = r_0 + r_1, of which P_i draws r_i from a stream that it shares with the dealer: each
           evaluator sees the other's share of x under a mask that it lacks, and c, which is uniform; the dealer, who
           knows r, sees neither. Thermometers are dealt under a stream that P_1 does not know.
Cost       `show`: 1 round, 4, 8 or 16 bytes a number from each evaluator, by the bits of c; dealt are 15 bits a digit,
           and what `Chains` says. Then a round for each level. Everything dealt is held at once, at an evaluator and,
           twice, at the dealer.
Reference  Garay, Schoenmakers, Villegas, PKC 2007, for the order of digits; products of masks after Damgård, Nielsen,
           Nielsen, Ranellucci, CRYPTO 2017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np

from securecompute.arithmetic.bit_chains import Chains
from securecompute.arithmetic.bit_planes import DIGIT, ENTRIES, Planes, digits, planes, row_bytes, thermometers
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.protocols.products.bit_sharing import chain_forms, chain_products, chained
from securecompute.protocols.products.compute_party import ComputeParty, Key
from securecompute.protocols.products.dealing import Form, additive, deal, receive
from securecompute.protocols.products.replicated import Replicated

Shares: TypeAlias = Replicated | RingArray  # an array: shared additively by the evaluators, zeros at the dealer
Name: TypeAlias = tuple[str | int, ...]
Pair: TypeAlias = tuple[Any, Any]  # l and e: a plane each, or None where nobody wants it


@dataclass(frozen=True, slots=True)
class Job:
    """A chain of named links, lowest first. Its prefix of i + 1 links is named (*name, i).

    order, whole   whether [c < r] and whether [c = r] of the prefixes is wanted
    """

    name: Name
    links: tuple[Name, ...]
    order: bool = True
    whole: bool = False

    @property
    def result(self) -> Name:
        """Of the whole chain."""
        return (*self.name, len(self.links) - 1)


Plan: TypeAlias = tuple[tuple[Job, ...], ...]


def digits_of(bits: int) -> int:
    """Digits of a number of so many bits."""
    return -(-bits // DIGIT)


@cache
def groups(count: int, longest: int) -> tuple[range, ...]:
    """The digits of each group, lowest first: about as many groups as digits in one; up to `longest` make one."""
    parts = 1 if count <= longest else next(g for g in range(1, count) if g * g >= count)
    ends = [0, *accumulate(sorted((count + k) // parts for k in range(parts)))]
    return tuple(range(start, stop) for start, stop in pairwise(ends))


def rounds(of: Plan) -> int:
    """Levels in which something is exchanged: not those whose chains are single links, equal to what they join."""
    return sum(map(_exchanges, of))


@dataclass(frozen=True, slots=True)
class Shown:
    """What an evaluator has once c = x + r is shown.

    c           its planes, from bit 0
    table       shares of the thermometers of r's digits
    products    shares of the products of masks, in the plan's order
    """

    c: Planes
    table: Planes
    products: Sequence[Planes]


def show(party: ComputeParty, x: Shares, bits: int, of: Plan) -> Part[Shown | None]:
    """Show c = x + r mod 2^bits to the evaluators, with what the plan needs; one round. None at the dealer."""
    kind = np.dtype(np.uint32) if bits <= 32 else Ring.Z64 if bits <= 64 else x.ring
    form, count, size = Form(kind, (x.size,)), digits_of(bits), row_bytes(x.size)
    if party.deals:
        r = _numbers(party, "mine", form) + _numbers(party, "next", form)
        table = thermometers(digits(planes(r, bits), count))
        yield from deal(party, [table, *dealt_products(party, of, size)])
        return None
    mine = _lowest(_between(party, x), form) + _numbers(party, party.shared_with_dealer, form)
    table_form = Form(np.dtype(np.uint8), (ENTRIES, count, size))
    heard = yield from receive(party, [table_form, *product_forms(of, size)], swap=[mine])
    table, *products = heard.shares
    return Shown(planes(mine + heard.theirs[0], bits), table, products)


def dealt_products(party: ComputeParty, of: Plan, size: int) -> list[Planes]:
    """The products of masks that the dealer deals for the plan at the same place, in planes of so many bytes."""
    levels = [chain_products(party.at(k), list(_batches(level)), size) for k, level in enumerate(of)]
    return [products for level in levels for products in level]


def product_forms(of: Plan, size: int) -> list[Form]:
    """The forms of them."""
    return [form for level in of for form in chain_forms(list(_batches(level)), size)]


def digit_links(less: Planes, equal: Planes, *tag: str | int) -> dict[Name, Pair]:
    """Links ("digit", j, *tag), of what `pick` gives."""
    return {("digit", j, *tag): pair for j, pair in enumerate(zip(less, equal, strict=True))}


def results(
    party: ComputeParty, of: Plan, level: int, links: Mapping[Name, Pair], products: Sequence[Planes]
) -> Part[dict[Name, Pair]]:
    """Shares of all prefixes of one level's chains. Run by the evaluators, in at most a round.

    links      at least those that this level's jobs name
    products   shares of all that was dealt for the plan, beside the thermometers
    """
    batches = _batches(of[level])
    start = sum(len(_batches(earlier)) for earlier in of[:level])
    stacked = [_stacked(jobs, links) for jobs in batches.values()]
    own = products[start : start + len(batches)]
    if _exchanges(of[level]):
        done = yield from chained(party.at(level), list(batches), stacked, own)
    else:
        done = [(l_, e) for l_, e in stacked]
    named: dict[Name, Pair] = {}
    for jobs, (below, equal) in zip(batches.values(), done, strict=True):
        for k, job in enumerate(jobs):
            for i in range(len(job.links)):
                named[(*job.name, i)] = (
                    None if below is None else below[i, k],
                    None if equal is None else equal[i, k],
                )
    return named


def all_levels(
    party: ComputeParty, of: Plan, links: Mapping[Name, Pair], products: Sequence[Planes]
) -> Part[dict[Name, Pair]]:
    """`results` of every level, each fed with the links and the results before. Run by the evaluators."""
    known = dict(links)
    for level in range(len(of)):
        known |= yield from results(party, of, level, known, products)
    return known


def _between(party: ComputeParty, x: Shares) -> RingArray:
    """An evaluator's additive share."""
    share = additive(party, x) if isinstance(x, Replicated) else x
    if share is None:
        raise TypeError("an evaluator's share is missing")
    return share


def _lowest(share: RingArray, form: Form) -> Any:
    """A flat share mod 2^32 as uint32, mod 2^64 or mod 2^128 as a RingArray."""
    share = share.reshape(form.shape)
    if form.kind is share.ring:
        return share
    low = share.words if share.ring is Ring.Z64 else share.words[0]
    return RingArray(form.kind, low) if isinstance(form.kind, Ring) else low.astype(form.kind)


def _numbers(party: ComputeParty, key: Key, form: Form) -> Any:
    """This evaluator's part of the mask r."""
    if isinstance(form.kind, Ring):
        return party.draw(key, "r", form.kind, form.shape)
    return party.draw_bits(key, "r", form.kind, form.shape)


def _exchanges(level: tuple[Job, ...]) -> bool:
    return any(len(job.links) > 1 for job in level)


@cache
def _batches(level: tuple[Job, ...]) -> dict[Chains, tuple[Job, ...]]:
    """The jobs of each form."""
    forms: dict[tuple[int, bool, bool], list[Job]] = {}
    for job in level:
        forms.setdefault((len(job.links), job.order, job.whole), []).append(job)
    return {Chains(form[0], len(jobs), *form[1:]): tuple(jobs) for form, jobs in forms.items()}


def _stacked(jobs: Sequence[Job], links: Mapping[Name, Pair]) -> tuple[Planes | None, Planes]:
    """l and e of all links, (length, jobs, row_bytes); e of a lowest link that nobody asks for is not read."""
    pairs = [[links[name] for name in job.links] for job in jobs]
    some = next(plane for row in pairs for pair in row for plane in pair if plane is not None)
    shape = (len(jobs[0].links), len(jobs), *some.shape)
    less, equal = (np.zeros(shape, np.uint8) for _ in "le")
    for k, row in enumerate(pairs):
        for i, (l_, e) in enumerate(row):
            if l_ is not None:
                less[i, k] = l_
            if e is not None:
                equal[i, k] = e
    return (less if jobs[0].order else None), equal
