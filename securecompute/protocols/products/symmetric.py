"""Symmetric matrices of secrets, one or a stack of them: products of which only one triangle travels.

    z = x y symmetric  ->  the entries on and above the diagonal are truncated and reshared, the others are copies

Accuracy   As `multiplication`; a product that is symmetric only up to rounding becomes so exactly.
Security   As `multiplication`. Leakage: none.
Cost       as `multiplication`, of p (p + 1) / 2 elements a matrix instead of p².
"""

from typing import Final

import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.arithmetic.stacked_products import stacked_matmul_128
from securecompute.engine.rounds import Part
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.multiplication import finish, local_gram, local_matmul
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.truncation import truncate

SMALL: Final = 64  # variables up to which plain loops are faster


def identity(ring: Ring, p: int, unit: int) -> RingArray:
    """unit times the identity, (p, p)."""
    return RingArray.integers(ring, np.eye(p, dtype=np.int64)) * unit


def local_products(x: Replicated, y: Replicated) -> RingArray:
    """This party's z_i of x @ y in Z_2^128, unmasked; of two stacks, of each matrix with its fellow."""
    if len(x.shape) == 2 and x.shape[-1] > SMALL:
        return local_matmul(x, y)
    return _stacked(x.mine, y.mine + y.next) + _stacked(x.next, y.mine)


def local_squares(x: Replicated) -> RingArray:
    """This party's z_i of x @ x in Z_2^128, unmasked, of symmetric x, one or a stack."""
    if len(x.shape) == 2 and x.shape[-1] > SMALL:
        return local_gram(x)
    both = x.mine + x.next
    return _stacked(both, both) - _stacked(x.next, x.next)


def _stacked(x: RingArray, y: RingArray) -> RingArray:
    """x @ y of stacks, or of two matrices that are too small for blocks."""
    shape = (*x.shape[:-1], y.shape[-1])
    stacks = (each.words.reshape((2, -1, *each.shape[-2:])) for each in (x, y))
    return RingArray(x.ring, stacked_matmul_128(*stacks).reshape(2, *shape))


def finish_symmetric(party: ComputeParty, z: RingArray, bits: int) -> Part[Replicated]:
    """As `finish`, of shares of a symmetric matrix or a stack of them. Run by each of the three."""
    return mirrored((yield from finish(party, z[upper(z.shape[-1])], bits)), z.shape[-1])


def truncate_symmetric(party: ComputeParty, x: Replicated, bits: int) -> Part[Replicated]:
    """As `truncate`, of a symmetric matrix or a stack of them. Run by each of the three."""
    return mirrored((yield from truncate(party, x[upper(x.shape[-1])], bits)), x.shape[-1])


def upper(p: int) -> tuple[object, ...]:
    """The index of the entries on and above the diagonal, row by row."""
    return (..., *np.triu_indices(p))


def mirrored(triangle: Replicated, p: int) -> Replicated:
    """The matrix, or stack of them, of which these are the entries on and above the diagonal."""
    place = np.zeros((p, p), np.int64)
    i, j = np.triu_indices(p)
    place[i, j] = place[j, i] = np.arange(i.size)
    return triangle[..., place]
