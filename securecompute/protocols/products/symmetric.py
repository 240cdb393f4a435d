"""Symmetric matrices of secrets, one or a stack of them: products of which only one triangle travels.

    z = x y symmetric  ->  the entries on and above the diagonal are truncated and reshared, the others are copies

Accuracy   As `multiplication`; a product that is symmetric only up to rounding becomes so exactly.
Security   As `multiplication`. Leakage: none.
Cost       as `multiplication`, of p (p + 1) / 2 elements a matrix instead of p².
"""

import numpy as np

from securecompute.arithmetic import ring_arrays
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.multiplication import finish, local_gram, local_matmul
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.truncation import truncate


def identity(ring: Ring, p: int, unit: int) -> RingArray:
    """unit times the identity, (p, p)."""
    return RingArray.integers(ring, np.eye(p, dtype=np.int64)) * unit


def local_products(x: Replicated, y: Replicated) -> RingArray:
    """This party's z_i of x @ y, unmasked; of two stacks, of each matrix with its fellow."""
    if len(x.shape) == 2:
        return local_matmul(x, y)
    return ring_arrays.stack([local_matmul(x[k], y[k]) for k in range(x.shape[0])])


def local_squares(x: Replicated) -> RingArray:
    """This party's z_i of x @ x, unmasked, of symmetric x, one or a stack."""
    if len(x.shape) == 2:
        return local_gram(x)
    return ring_arrays.stack([local_gram(x[k]) for k in range(x.shape[0])])


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
