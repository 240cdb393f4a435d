"""Many oblivious transfers from 128 base transfers: one pad of two for each, of the receiver's choice.

The base transfers run the other way round: the receiver has both keys k_i^0, k_i^1 of each, the sender the one of bit
s_i of a secret block s. With choices rho, one bit for each of n transfers, column i < 128 is

    t_i = G(k_i^0),   u_i = G(k_i^0) + G(k_i^1) + rho  to the sender,   q_i = G(k_i^(s_i)) + s_i u_i      (+ is xor)

so that row j of the transposed matrices is q_j = t_j + rho_j s. The sender's pads of transfer j are TMMO(j, q_j) and
TMMO(j, q_j + s), of which the receiver has TMMO(j, t_j), the one of rho_j. Local steps only.

Security   Semi-honest. u is uniform to the sender, who lacks one key of each pair: choices stay hidden while AES-256 is
           pseudo-random. The other pad is TMMO of a secret shift, and hidden while AES is an ideal permutation (TMMO is
           tweakable circular correlation robust). The streams are read on: a column of a key is used once.
Cost       The receiver sends 16 n bytes, n rounded up to 64. 2 us for 100 transfers, pads apart.
Reference  Ishai, Kilian, Nissim, Petrank, CRYPTO 2003; TMMO of Guo, Katz, Wang, Yu, IEEE S&P 2020 (ePrint 2019/074).
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.bit_matrix import transpose
from securecompute.errors import InvalidRequest
from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.masks import Reader

BASE = 128

Words: TypeAlias = NDArray[np.uint64]


def words_of(n: int) -> int:
    """Words that hold n choices."""
    return -(-n // 64)


def choose(streams: Sequence[tuple[Reader, Reader]], choices: Words) -> tuple[Words, Words]:
    """The receiver's step: what the sender must have, and t.

    streams   of both keys of each base transfer, a multiple of 64 of them
    choices   uint64 (w,): choice j is bit j mod 64 of word j // 64
    returns   u, uint64 (128, w), to be sent; t, uint64 (64 w, 2), a row for each transfer
    raises    InvalidRequest  choices are not such a vector
    """
    if choices.dtype != np.uint64 or choices.ndim != 1:
        raise InvalidRequest(f"choices are {choices.dtype} {choices.shape}; expected uint64 (words,)")
    t, u = (np.empty((len(streams), len(choices)), np.uint64) for _ in "tu")
    for i, (first, second) in enumerate(streams):
        t[i] = first.words(len(choices))
        u[i] = second.words(len(choices))
    u ^= t
    u ^= choices
    return u, transpose(t)


def answer(streams: Sequence[Reader], s: Words, u: Words) -> Words:
    """The sender's step: q, uint64 (64 w, 2), a row for each transfer.

    streams   of the key of bit i of s, for each base transfer i
    s         uint64 (2,), secret
    u         uint64 (128, w), from the receiver
    raises    InvalidRequest  s or u has another shape
    """
    bits = bits_of(s)
    if u.dtype != np.uint64 or u.ndim != 2 or len(u) != len(streams) or len(bits) != len(streams):
        raise InvalidRequest(f"{len(streams)} streams, {len(bits)} bits of s and {u.dtype} {u.shape} do not fit")
    q = u & masks_of(bits)[:, None]
    for row, stream in zip(q, streams, strict=True):
        row ^= stream.words(len(row))
    return transpose(q)


def both_pads(keyed: BlockHash, q: Words, s: Words) -> Words:
    """The sender's pads of every transfer: uint64 (n, 2 choices, 2 words)."""
    return np.stack([keyed.tweaked(q), keyed.tweaked(q ^ s)], axis=1)


def chosen_pads(keyed: BlockHash, t: Words) -> Words:
    """The receiver's pads, of its choices: uint64 (n, 2)."""
    return keyed.tweaked(t)


def bits_of(blocks: Words) -> NDArray[np.bool_]:
    """The bits of words, lowest first: bool (64 words,)."""
    return np.unpackbits(np.ascontiguousarray(blocks).view(np.uint8), bitorder="little").view(np.bool_)


def packed(bits: NDArray[np.bool_]) -> Words:
    """Bits in words, lowest first, zeros at the end: uint64 (words_of(n),)."""
    octets = np.zeros(8 * words_of(bits.size), np.uint8)
    packed_bits = np.packbits(bits, bitorder="little")
    octets[: packed_bits.size] = packed_bits
    return octets.view(np.uint64)


def masks_of(bits: NDArray[np.bool_]) -> Words:
    """All ones where a bit is 1, zero where it is 0: uint64 (n,)."""
    return np.uint64(0) - bits.astype(np.uint64)
