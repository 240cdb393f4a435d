"""Cholesky factor on shares: S = L L' for a secret symmetric positive definite S.

    G = D S D = K K',   L = D^-1 K          row k of K^-1  =  x_k / (x_k)_k^(1/2),   G_k x_k = e_k

G_k is the leading k by k block. So the rows of K^-1 come from systems that do not wait for one another, and K from
G (K^-1)'. Matrices of more than 16 variables are halved first, G = [[A, B'], [B, C]]: with W = A^-1 B' and the Schur
complement C − B W the halves go on side by side, and K^-1 = [[K_A^-1, 0], [−K_C^-1 W', K_C^-1]].

Accuracy   Of S as encoded, L_ij / S_ii^(1/2) is off by at most 2^-34; L is exactly zero above its diagonal.
Refuses    as `linear_solve`, by one bit for the whole.
Security   Semi-honest, one corrupted; as `multiplication` and `comparison`. Leakage: that bit.
Cost       15 + r + 31 rounds up to 16 variables, r those of one system (`scaled_system`), so about 2K + 54; for each
           doubling beyond, those of another system and 6: about 2K + 20. 2 more to widen, 2 if F has more fractional
           bits than are used. The p systems of a block of p go in stacks, p times the bytes of one.
Reference  Horn and Johnson, Matrix Analysis, 2013, section 0.7.3, for inverses by blocks; the rest: own construction.
"""

from math import ceil, floor, log2
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part, together
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.inverse_root import inverse_root
from securecompute.protocols.products.linear_solve import finished
from securecompute.protocols.products.multiplication import finish, local_matmul, multiply
from securecompute.protocols.products.replicated import Replicated, concatenate
from securecompute.protocols.products.scaled_system import Plan, Spectrum, plan, shortened, solved
from securecompute.protocols.products.symmetric import finish_symmetric
from securecompute.protocols.products.truncation import truncate
from securecompute.protocols.products.unit_diagonal import FINEST, Design, design, outer, roots, standardised
from securecompute.protocols.products.widening import widen

LEAF: Final = 16
_MATRIX: Final = 66  # fractional bits of G where it meets K^-1
_FACTOR: Final = 58  # of K^-1
_RESULT: Final = 60  # of K
_QUOTIENT: Final = 72  # of W
_HALF: Final = 36  # of the upper half of W
_MOST: Final = 86  # of F, so that F times either half of W leaves headroom
_ROOM: Final = 125


def cholesky(
    party: ComputeParty, s: Fixed, condition: float, smallest: float | None = None, scale: int | None = None
) -> Part[Fixed]:
    """L, (p, p), lower triangular with a positive diagonal, in Z_2^128. Run by each of the three.

    Arguments and raises as `solve_spd`.
    """
    d = design(s.type, s.shape, condition, smallest)
    public = Halving(d)
    s = yield from widen(party.at("widen"), s)
    known = yield from roots(party.at("D"), s, d)
    pairs = yield from outer(party.at("D D"), known.d)
    exact = yield from standardised(party.at("F"), s, pairs, d)
    f, g = yield from together(
        shortened(party.at("F long"), exact, d.scale - public.scale),
        shortened(party.at("G"), exact, d.scale - d.size - _MATRIX),
    )
    inverse, faults = yield from _inverse_factor(party.at("factor"), f, public)
    i, j = np.tril_indices(d.p)
    entries = yield from finish(party.at("K"), local_matmul(g, inverse.T)[i, j], _MATRIX + _FACTOR - _RESULT)
    column = known.inverse.reshape((d.p, 1))
    scaled = _lower(entries, d.p), column, _RESULT - d.finest, 2.0**d.coarsest
    return (yield from finished(party, scaled, faults, scale, None))


class Halving:
    """Public constants of the systems to be solved.

    F = G / 2^size has eigenvalues in [low, high], and so have its leading blocks and Schur complements. The inverse of
    F is at most 2^exponent, K^-1 at most 2^root.
    """

    def __init__(self, d: Design) -> None:
        self.size, self.exponent = d.size, ceil(log2(1.02 / d.low))
        self.root = (self.exponent - self.size) / 2
        self.scale = max(FINEST, min(d.scale, self.exponent + self.size + 40, _MOST))
        self.spectrum = Spectrum(d.low, d.high, self.scale)

    def rows(self, p: int) -> Plan:
        """Of F_k x_k = e_k."""
        most = max(48, 62 - self.exponent)
        return plan(p, self.spectrum, 0, (1.0, 2.0**self.exponent), _FACTOR, most)

    def quotient(self, p: int) -> Plan:
        """Of A W = B', |W| ≤ |A^(-1/2)| |C^(1/2)|."""
        norms = 1.0, 2.0 ** (self.exponent / 2)
        return plan(p, self.spectrum, self.scale, norms, _QUOTIENT + self.exponent // 2, _QUOTIENT)


def _inverse_factor(party: ComputeParty, f: Replicated, public: Halving) -> Part[tuple[Replicated, Replicated]]:
    """K^-1 of G = 2^size F, lower triangular, and how many claims fail."""
    p = f.shape[0]
    if p <= LEAF:
        return (yield from _rows(party, f, public))
    half = p // 2
    (upper, faults), (corner, lower, more) = yield from together(
        _inverse_factor(party.at("A"), f[:half, :half], public), _lower_half(party.at("C"), f, half, public)
    )
    zero = Replicated.public(party.index, RingArray.zeros(f.ring, (half, p - half)))
    factor = concatenate([concatenate([upper, zero], 1), concatenate([corner, lower], 1)])
    return factor, faults + more


def _lower_half(
    party: ComputeParty, f: Replicated, half: int, public: Halving
) -> Part[tuple[Replicated, Replicated, Replicated]]:
    """−K_C^-1 W', K_C^-1, and how many claims fail."""
    a, b, c = f[:half, :half], f[half:, :half], f[half:, half:]
    w, faults = yield from solved(party.at("W"), a, b.T, public.quotient(half))
    room = floor(_ROOM - _FACTOR - public.root)
    top, fitting = yield from together(
        truncate(party.at("W top"), w, _QUOTIENT - _HALF), truncate(party.at("W fitting"), w, _QUOTIENT - room)
    )
    # B W in two products, of which each fits: the rest of W is below 2^-36
    rest = w - (top << (_QUOTIENT - _HALF))
    most, least = yield from together(
        finish_symmetric(party.at("B W", 0), local_matmul(b, top), _HALF),
        finish_symmetric(party.at("B W", 1), local_matmul(b, rest), _QUOTIENT),
    )
    lower, more = yield from _inverse_factor(party.at("Schur"), c - most - least, public)
    corner = yield from finish(party.at("corner"), local_matmul(-lower, fitting.T), room)
    return corner, lower, faults + more


def _rows(party: ComputeParty, f: Replicated, public: Halving) -> Part[tuple[Replicated, Replicated]]:
    """K^-1 row by row, all at once, and how many claims fail."""
    p, plan = f.shape[0], public.rows(f.shape[0])
    k = np.arange(p)
    inside = (k[:, None, None] >= k[:, None]) & (k[:, None, None] >= k)
    rest = (np.eye(p, dtype=bool) & ~inside).astype(np.int64)
    # beyond the block 2^-size, which lies between the bounds of the eigenvalues
    blocks = f.broadcast_to((p, p, p)) * _ring(f, inside) + _ring(f, rest) * (1 << public.scale - public.size)
    ends = Replicated.public(party.index, _ring(f, np.eye(p)).reshape((p, p, 1)))
    x, faults = yield from solved(party.at("x"), blocks, ends, plan)
    x, scale = x.reshape((p, p)), plan.refinement.scale
    highest = (public.exponent + public.size) // 2
    root_scale = min(_ROOM - scale - ceil(public.root) - 1, 60 + highest)
    # the entries are those of the inverse of G times 2^size, which their scale takes up; 1 / G_kk > 1 bounds them
    roots = yield from inverse_root(
        party.at("root"), x[k, k], scale - public.size, public.size - 1, highest, root_scale
    )
    return (yield from multiply(party.at("rows"), x, roots.reshape((p, 1)), scale + root_scale - _FACTOR)), faults


def _ring(like: Replicated, mask: NDArray[Any]) -> RingArray:
    """Zeros and ones in the ring."""
    return RingArray.integers(like.ring, mask.astype(np.int64))


def _lower(entries: Replicated, p: int) -> Replicated:
    """The matrix with these entries on and below the diagonal, row by row, and zeros above."""
    place = np.full((p, p), entries.size)
    i, j = np.tril_indices(p)
    place[i, j] = np.arange(entries.size)
    zero = Replicated.public(entries.index, RingArray.zeros(entries.ring, (1,)))
    return concatenate([entries, zero])[place]
