"""The order of secrets: the sign of a difference, exactly, for every number that the ring can hold.

    c = x + r shown to the evaluators, r uniform;   sign of x = c_top XOR r_top XOR [c mod 2^(L-1) < r mod 2^(L-1)]

Proof      x = c - r mod 2^L, and the top bit of a difference is that of its terms XOR the borrow into it.
Accuracy   Exact for all of Z_2^64 and Z_2^128. `less` compares numbers whose difference does not wrap:
           |x - y| < 2^(L-1).
Security   Semi-honest, one corrupted. c is uniform: r is known to the dealer alone, which does not see c. Otherwise as
           `masked_order` and `bit_sharing`. Leakage: none.
Cost       bits: 3 rounds. As numbers: 5, with w = 8 or 16 bytes and a bit more from each evaluator and w dealt.
           Per number in Z_2^64, planes of n numbers taking ceil(n / 8) bytes: the evaluators 8 bytes and 33 bits
           each, the dealer 336 bits; in Z_2^128 16 bytes, 67 bits and 984 bits.
Reference  `masked_order`, and Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020, for masks known bit by bit.
"""

from securecompute.engine.rounds import Part
from securecompute.protocols.products.bit_decomposition import bits
from securecompute.protocols.products.bit_sharing import to_arithmetic
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Bits
from securecompute.protocols.products.masked_order import Shares
from securecompute.protocols.products.replicated import Replicated


def negative_bits(party: ComputeParty, x: Shares) -> Part[Bits]:
    """[x < 0], shared by XOR: uint8, 0 or 1, of x's shape; zeros at the dealer. Run by each of the three.

    x   replicated, or shared additively between the evaluators and zeros at the dealer
    """
    top: Bits = yield from bits(party, x, x.ring.bits - 1, x.ring.bits)
    sign: Bits = top[0]
    return sign


def negative(party: ComputeParty, x: Replicated) -> Part[Replicated]:
    """[x < 0] as 0 or 1 in x's ring. Run by each of the three."""
    sign = yield from negative_bits(party.at("sign"), x)
    return (yield from to_arithmetic(party.at("number"), sign, x.ring))


def less(party: ComputeParty, x: Replicated, y: Replicated) -> Part[Replicated]:
    """[x < y] as 0 or 1, with broadcasting, for |x - y| < 2^(L-1). Run by each of the three."""
    return (yield from negative(party, x - y))
