"""Products of a few field elements by one that the other side keeps secret, as sums: c = beta Delta + b over GF(2^128).

Gilboa's product bit by bit: for every bit j < 128 of Delta there is a base transfer, of which the receiver has both
keys and the sender the one of bit Delta_j. With X the field's generator and G a stream of blocks (+ is xor),

    receiver -> sender    d_j = G(k_j^0) + G(k_j^1) + X^j beta
    receiver              c = sum of G(k_j^0) over j
    sender                b = sum of G(k_j^(Delta_j)) + Delta_j d_j over j

Called noisy because in a silent VOLE beta are the values at the positions of noise. Local steps only.

Security   Semi-honest. The sender lacks one key of each pair, so that d is uniform to it; the receiver receives
           nothing. Assumes AES-256 as a pseudo-random permutation. The streams are read on and never restarted.
Cost       The receiver sends 2048 bytes an element; of work, 4 us an element for the receiver, 2 for the sender.
Reference  Gilboa, CRYPTO 1999; as in libOTe's NoisyVole.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.primitives import streams
from securecompute.primitives.streams import Streams
from securecompute.primitives.transfer_extension import bits_of, masks_of

BITS = 128

Blocks: TypeAlias = NDArray[np.uint64]


def receive(first: Streams, second: Streams, beta: Blocks) -> tuple[Blocks, Blocks]:
    """The receiver's step: d, uint64 (128, n, 2), to be sent; and c, uint64 (n, 2).

    first     of the keys k^0 of the base transfers, 128 of them
    second    of the keys k^1
    beta      uint64 (n, 2); only read
    raises    InvalidRequest  not 128 streams of each, or beta of another shape
    """
    from securecompute.primitives import noisy_vole_kernels as kernels

    if not len(first) == len(second) == BITS or beta.dtype != np.uint64 or beta.shape[1:] != (2,):
        raise InvalidRequest(
            f"{len(first)} and {len(second)} streams, {beta.dtype} {beta.shape}; expected 128, uint64 (n, 2)"
        )
    n = len(beta)
    chosen, d = (of.words(2 * n).reshape(BITS, n, 2) for of in (first, second))
    d ^= chosen
    kernels.add_multiples(beta.copy(), d)
    return d, np.bitwise_xor.reduce(chosen, axis=0)


def answer(of: Streams, delta: Blocks, d: Blocks) -> Blocks:
    """The sender's step: b, uint64 (n, 2).

    of        of the key of bit j of delta, for each base transfer j
    delta     uint64 (2,)
    d         uint64 (128, n, 2), from the receiver; only read
    raises    InvalidRequest  not 128 streams, or arrays of other shapes
    """
    if len(of) != BITS or d.dtype != np.uint64 or d.ndim != 3 or d.shape[::2] != (BITS, 2) or delta.shape != (2,):
        raise InvalidRequest(f"{len(of)} streams, {d.dtype} {d.shape}; expected 128, uint64 (128, n, 2)")
    terms = d & masks_of(bits_of(delta))[:, None, None]
    terms ^= of.words(2 * d.shape[1]).reshape(d.shape)
    b: Blocks = np.bitwise_xor.reduce(terms, axis=0)
    return b


def warm() -> None:
    """Compile the kernels that are used here, or load them from the cache, so that no question waits for them."""
    from securecompute.primitives import noisy_vole_kernels as kernels

    streams.warm()
    kernels.add_multiples(np.zeros((1, 2), np.uint64), np.zeros((1, 1, 2), np.uint64))
