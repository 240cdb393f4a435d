"""Products of a few field elements by one that the other side keeps secret, as sums: c = beta Delta + b over GF(2^128).

Gilboa's product bit by bit: for every bit j < 128 of Delta there is a base transfer, of which the receiver has both
keys and the sender the one of bit Delta_j. With X the field's generator and G a stream of blocks (+ is xor),

    receiver -> sender    d_j = G(k_j^0) + G(k_j^1) + X^j beta
    receiver              c = sum of G(k_j^0) over j
    sender                b = sum of G(k_j^(Delta_j)) + Delta_j d_j over j

Called noisy because in a silent VOLE beta are the values at the positions of noise. Local steps only.

Security   Semi-honest. The sender lacks one key of each pair, so that d is uniform to it; the receiver receives
           nothing. Assumes AES-256 as a pseudo-random permutation. The streams are read on and never restarted.
Cost       The receiver sends 2048 bytes an element; of work, 128 readings of two streams for the receiver,
           of one for the sender, and a microsecond an element.
Reference  Gilboa, CRYPTO 1999; as in libOTe's NoisyVole.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.primitives.masks import Reader
from securecompute.primitives.transfer_extension import bits_of, masks_of

BITS = 128

Blocks: TypeAlias = NDArray[np.uint64]


def receive(streams: Sequence[tuple[Reader, Reader]], beta: Blocks) -> tuple[Blocks, Blocks]:
    """The receiver's step: d, uint64 (128, n, 2), to be sent; and c, uint64 (n, 2).

    streams   of both keys of the base transfers, 128 of them
    beta      uint64 (n, 2); only read
    raises    InvalidRequest  not 128 pairs of streams, or beta of another shape
    """
    from securecompute.primitives import noisy_vole_kernels as kernels

    if len(streams) != BITS or beta.dtype != np.uint64 or beta.shape[1:] != (2,):
        raise InvalidRequest(
            f"{len(streams)} pairs of streams and {beta.dtype} {beta.shape}; expected 128, uint64 (n, 2)"
        )
    n = len(beta)
    d, c = np.empty((BITS, n, 2), np.uint64), np.zeros((n, 2), np.uint64)
    for row, (first, second) in zip(d, streams, strict=True):
        chosen = first.words(2 * n).reshape(n, 2)
        c ^= chosen
        np.bitwise_xor(chosen, second.words(2 * n).reshape(n, 2), out=row)
    kernels.add_multiples(beta.copy(), d)
    return d, c


def answer(streams: Sequence[Reader], delta: Blocks, d: Blocks) -> Blocks:
    """The sender's step: b, uint64 (n, 2).

    streams   of the key of bit j of delta, for each base transfer j
    delta     uint64 (2,)
    d         uint64 (128, n, 2), from the receiver; only read
    raises    InvalidRequest  not 128 streams, or arrays of other shapes
    """
    if len(streams) != BITS or d.dtype != np.uint64 or d.ndim != 3 or d.shape[::2] != (BITS, 2) or delta.shape != (2,):
        raise InvalidRequest(f"{len(streams)} streams, {d.dtype} {d.shape}; expected 128, uint64 (128, n, 2)")
    n, b = d.shape[1], np.zeros(d.shape[1:], np.uint64)
    for row, stream, mask in zip(d, streams, masks_of(bits_of(delta)), strict=True):
        b ^= row & mask
        b ^= stream.words(2 * n).reshape(n, 2)
    return b


def warm() -> None:
    """Compile the kernel that is used here, or load it from the cache, so that no question waits for it."""
    from securecompute.primitives import noisy_vole_kernels as kernels

    kernels.add_multiples(np.zeros((1, 2), np.uint64), np.zeros((1, 1, 2), np.uint64))
