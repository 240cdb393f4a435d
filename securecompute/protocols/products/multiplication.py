"""Products of secrets: elementwise, of matrices, and of a matrix with itself.

    z_i = x_i (y_i + y_(i+1)) + x_(i+1) y_i        z_0 + z_1 + z_2 = x y

Every term x_a y_b stands in exactly one z_i. P_i adds its share of zero and sends z_i to P_(i-1), which makes (z_i,
z_(i+1)) replicated shares again; or the product is truncated on the way, which needs no such round.

    X'X:   z_i = (x_i + x_(i+1))' (x_i + x_(i+1)) − x_(i+1)' x_(i+1)      symmetric products, half the work

Accuracy   Exact modulo 2^L. With truncation by f bits the result is the exact product's floor or one more.
Security   Semi-honest, one corrupted. P_(i-1) receives z_i under F(k_i) − F(k_(i+1)), of which it lacks k_(i+1).
           Leakage: none.
Cost       exact: 1 round, w = 8 or 16 bytes per element of the result from each party, whatever the inner dimension.
           With truncation: 2 rounds, 2w from each evaluator, 4w from the dealer.
           Memory beside the operands, per element of the result: 2w, which are the result, and 3 MB; with truncation
           7w. A matrix product adds up at most 32 MB of shares at a time, 64 in Z_2^128.
Reference  Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016; Mohassel, Rindal, ABY3, CCS 2018, section 5.1.
"""

from typing import Final

from securecompute.arithmetic.ring_arrays import RingArray, concatenate, tiled
from securecompute.engine.rounds import Part, Round
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.dealing import Form, expected, packed, unpacked
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.truncation import truncate_additive

_BLOCK: Final = 1 << 22  # elements of an operand of a matrix product whose shares are added up beside it


def multiply(party: ComputeParty, x: Replicated, y: Replicated, truncate: int = 0) -> Part[Replicated]:
    """x * y, elementwise with broadcasting; divided by 2^truncate. Run by each of the three."""
    return finish(party, local_multiply(x, y), truncate)


def matmul(party: ComputeParty, x: Replicated, y: Replicated, truncate: int = 0) -> Part[Replicated]:
    """x @ y, of matrices or vectors; divided by 2^truncate. Run by each of the three."""
    return finish(party, local_matmul(x, y), truncate)


def gram(party: ComputeParty, x: Replicated, truncate: int = 0) -> Part[Replicated]:
    """x.T @ x; divided by 2^truncate. Run by each of the three."""
    return finish(party, local_gram(x), truncate)


def local_multiply(x: Replicated, y: Replicated) -> RingArray:
    """This party's z_i of x * y, unmasked: it must not leave as it is."""
    return tiled(lambda a, b, c, d: a * (c + d) + b * c, x.mine, x.next, y.mine, y.next)


def local_matmul(x: Replicated, y: Replicated) -> RingArray:
    """This party's z_i of x @ y, unmasked."""
    if y.size <= _BLOCK or max(y.shape) == 1:
        return x.mine @ (y.mine + y.next) + x.next @ y.mine
    half = max(y.shape) // 2
    if y.shape[-1] > y.shape[0]:
        return concatenate([local_matmul(x, y[:, :half]), local_matmul(x, y[:, half:])], axis=-1)
    return local_matmul(x[..., :half], y[:half]) + local_matmul(x[..., half:], y[half:])


def local_gram(x: Replicated) -> RingArray:
    """This party's z_i of x.T @ x, unmasked."""
    if x.size > _BLOCK and x.shape[0] > 1:
        half = x.shape[0] // 2
        return local_gram(x[:half]) + local_gram(x[half:])
    return (x.mine + x.next).gram() - x.next.gram()


def finish(party: ComputeParty, z: RingArray, truncate: int = 0) -> Part[Replicated]:
    """From shares z_0 + z_1 + z_2, which several products and sums may have gone into, to replicated ones."""
    return truncate_additive(party, z, truncate) if truncate else _exchange(party, z)


def _exchange(party: ComputeParty, z: RingArray) -> Part[Replicated]:
    z = party.masked(z)
    form = Form.of(z)
    inbox = yield Round(send={party.previous: packed([z])}, expect={party.next: expected([form])})
    (following,) = unpacked([form], inbox[party.next])
    return Replicated(party.index, z, following)
