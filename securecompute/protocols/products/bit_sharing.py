"""Bits shared by XOR between the evaluators: chains of ANDs in one round, and the way to replicated numbers.

    b = b_0 XOR b_1,   b_i at P_i;   the dealer holds zeros in their place

Masks are XORs of two streams, one of which each evaluator shares with the dealer; the dealer, who knows both, deals
what cannot be drawn: products of masks, and masks as numbers. To an arithmetic share a bit goes by a dealt d:

    v = b XOR d shown between the evaluators,   b = v + d − 2 v d

Security   Semi-honest, one corrupted. What an evaluator sees is bits of the other under masks that only the dealer
           knows, and dealt values under streams that it does not know; the dealer receives nothing. Leakage: none.
Cost       `chained`: 1 round, from each evaluator a bit for each input. `to_arithmetic`: 2 rounds; per bit 1/8 byte
           and w = 8 or 16 bytes from each evaluator, w dealt to P_1. `weighted_sums`: the same, but w only per sum.
Reference  Beaver, CRYPTO 1991, for masked multiplication; Mohassel, Rindal, ABY3, CCS 2018, for the conversion.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.bit_chains import Chains
from securecompute.arithmetic.bit_planes import Planes, packed, row_bytes, unpacked
from securecompute.arithmetic.ring_arrays import RingArray, tiled
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part, Round
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Bits, Form, deal, receive, reshare
from securecompute.protocols.products.replicated import Replicated

_TILE = 1 << 15  # numbers that stay in the cache

Links = tuple[
    Planes | None, Planes
]  # l and e of chains, (length, count, row_bytes) each; l is None where only E counts
Prefixes = tuple[Planes | None, Planes | None]  # L and E of all prefixes


def one(party: ComputeParty) -> int:
    """This evaluator's share of a byte of ones."""
    return 255 if party.index == 0 else 0


def mask(party: ComputeParty, purpose: str, shape: tuple[int, ...]) -> Planes:
    """Uniform bytes, shared by XOR: an evaluator's share, and the bytes themselves at the dealer. No message."""
    if party.deals:
        bits: Planes = party.draw_bits("mine", purpose, np.uint8, shape) ^ party.draw_bits(
            "next", purpose, np.uint8, shape
        )
        return bits
    return party.draw_bits(party.shared_with_dealer, purpose, np.uint8, shape)


def chain_products(party: ComputeParty, chains: Sequence[Chains], size: int) -> list[Planes]:
    """What the dealer deals for `chained` at the same place, with planes of `size` bytes."""
    return [each.products(_mask(party, k, each, size)) for k, each in enumerate(chains)]


def chain_forms(chains: Sequence[Chains], size: int) -> list[Form]:
    """The forms of it."""
    return [Form(np.dtype(np.uint8), (each.dealt, each.count, size)) for each in chains]


def chained(
    party: ComputeParty, chains: Sequence[Chains], links: Sequence[Links], products: Sequence[Planes]
) -> Part[list[Prefixes]]:
    """All prefixes of all chains, shared by XOR, in one round. Run by the evaluators; the dealer yields a round.

    links      shares of l and e of each of the chains
    products   shares of what `chain_products` made
    """
    masks = [_mask(party, k, each, e.shape[-1]) for k, (each, (_, e)) in enumerate(zip(chains, links, strict=True))]
    mine = [each.inputs(*link) ^ m for each, link, m in zip(chains, links, masks, strict=True)]
    heard = yield from receive(party, swap=mine)
    return [
        each.prefixes(m ^ theirs, r, dealt, *link, one(party))
        for each, m, theirs, r, dealt, link in zip(chains, mine, heard.theirs, masks, products, links, strict=True)
    ]


def silent(rounds: int) -> Part[None]:
    """The dealer's side of so many rounds in which the evaluators only swap."""
    for _ in range(rounds):
        yield Round()


def to_arithmetic(party: ComputeParty, bits: Bits, ring: Ring) -> Part[Replicated]:
    """Replicated 0 and 1 in the ring, of bits shared by XOR. Run by each of the three.

    bits   0 and 1, any shape
    """
    masked = yield from _masked_numbers(party, bits, ring)
    y = None if masked is None else unmasked(party, *masked)
    return (yield from reshare(party, ring, bits.shape, y))


def weighted_sums(party: ComputeParty, bits: Bits, weights: Sequence[Sequence[int]], ring: Ring) -> Part[Replicated]:
    """Sums of public weights over bits shared by XOR, replicated: (len(weights), *shape). Run by each of the three.

    bits      0 and 1, (k, *shape)
    weights   each k integers
    """
    shape = (len(weights), *bits.shape[1:])
    masked = yield from _masked_numbers(party, bits.reshape(len(bits), -1), ring)
    if masked is None:
        return (yield from reshare(party, ring, shape, None))
    v, d = masked
    factors = RingArray.integers(ring, weights).reshape((len(weights), len(bits), 1))
    sums = RingArray.zeros(ring, (len(weights), d.shape[1]))
    step = max(1, _TILE // len(bits))
    for start in range(0, d.shape[1], step):
        piece = slice(start, start + step)
        numbers = unmasked(party, v[:, piece], d[:, piece])
        for k in range(len(weights)):
            sums[k, piece].words[...] = (numbers * factors[k]).sum(axis=0).words
    return (yield from reshare(party, ring, shape, sums.reshape(shape)))


def unmasked(party: ComputeParty, v: NDArray[Any], d: RingArray) -> RingArray:
    """An evaluator's share of v XOR d, of a public bit v and a shared d that is 0 or 1."""
    first = party.index == 0

    def share(d: RingArray, v: RingArray) -> RingArray:
        b = d - d * (v << 1)
        return b + v if first else b

    return tiled(share, d, numbers(d.ring, v))


def numbers(ring: Ring, bits: NDArray[Any]) -> RingArray:
    """Zeros and ones as elements of the ring."""
    if ring is Ring.Z64:
        return RingArray(ring, bits.astype(np.uint64))
    return RingArray.integers(ring, bits)


def _masked_numbers(party: ComputeParty, bits: Bits, ring: Ring) -> Part[tuple[NDArray[Any], RingArray] | None]:
    """v = b XOR d, public between the evaluators, and a share of d as numbers; None at the dealer. One round."""
    d = mask(party, "d", (row_bytes(bits.size),))
    if party.deals:
        yield from deal(party, [numbers(ring, unpacked(d, bits.shape))])
        return None
    mine = packed(bits) ^ d
    heard = yield from receive(party, [Form(ring, bits.shape)], swap=[mine])
    return unpacked(mine ^ heard.theirs[0], bits.shape), heard.shares[0]


def _mask(party: ComputeParty, k: int, chains: Chains, size: int) -> Planes:
    return mask(party, f"mask {k}", (chains.opened, chains.count, size))
