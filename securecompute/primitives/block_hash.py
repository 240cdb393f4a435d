"""Hashing and expanding 128-bit blocks by AES-128 under one public key, many blocks at a time.

    MMO_K(x) = AES_K(x) + x            TMMO_K(j, x) = AES_K(AES_K(x) + j) + AES_K(x)            (+ is xor)

The tweak j of a row is its number, in the low word. A key is public and belongs to one session and purpose, so that
nobody can compute on its permutation before the session.

Security   In the ideal-cipher model. MMO is correlation robust: for a secret uniform r, MMO(x + r) of chosen, distinct
           x looks random; on blocks of which each is hard to guess, it is a random function of them up to the birthday
           bound, q^2 2^-128. Not promised: anything where a key or x of low entropy is to be hidden. TMMO stays robust
           when one x comes with several j (circular correlation robustness), which extended transfers need. A
           permutation hides nothing: `permute` only spreads blocks, and whoever has the key inverts it.
Cost       ns per block, one core: permute 2, MMO 5, TMMO 12. A key costs 6 us, so a key serves a buffer, not a block.
Reference  Guo, Katz, Wang, Yu, Efficient and Secure Multiparty Computation from Fixed-Key Block Ciphers, ePrint
           2019/074: MMO is of its section 7.2, TMMO of 7.4; formulas and sections as two other programs give them
           (swanky's hash_aes.rs, mpz's aes.rs), the paper's bounds not checked in it. FIPS 197.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from securecompute.arithmetic.gf128 import Blocks, checked_blocks
from securecompute.errors import InvalidRequest

KEY_BYTES = 16

_TILE = 1 << 14  # blocks: 256 KiB, with as much of x and of the result in the second-level cache


class BlockHash:
    """MMO and TMMO under one key of 16 bytes."""

    __slots__ = ("_aes",)

    def __init__(self, key: bytes) -> None:
        """key   16 bytes, public. raises InvalidRequest: other than these"""
        self._aes = _aes(key)

    def __call__(self, x: Blocks, out: Blocks | None = None) -> Blocks:
        """MMO of every row.

        x        uint64 (n, 2), only read
        out      uint64 (n, 2), of any strides, written and returned; x itself, or apart from it
        raises   InvalidRequest  other arrays than these
        """
        given, target = checked_blocks(x, "x"), _target(out, x)
        room = np.empty((min(len(given), _TILE) + 1, 2), np.uint64)
        for start in range(0, len(given), _TILE):
            piece = given[start : start + _TILE]
            np.bitwise_xor(_encrypt(self._aes, piece, room), piece, out=target[start : start + _TILE])
        return target

    def tweaked(self, x: Blocks, first_index: int = 0, out: Blocks | None = None) -> Blocks:
        """TMMO of every row, the tweak of row i being first_index + i.

        x             uint64 (n, 2), only read
        first_index   at least 0; indices stay below 2^64. No index may serve two blocks under one key, if they
                      depend on one secret
        out           as for MMO
        raises        InvalidRequest  other arrays or indices than these
        """
        given, target = checked_blocks(x, "x"), _target(out, x)
        if not 0 <= first_index <= 2**64 - max(len(given), 1):
            raise InvalidRequest("indices of hashed blocks are from 0 to 2^64 - 1")
        first, second = (np.empty((min(len(given), _TILE) + 1, 2), np.uint64) for _ in range(2))
        counter = np.arange(min(len(given), _TILE), dtype=np.uint64)
        for start in range(0, len(given), _TILE):
            inner = _encrypt(self._aes, given[start : start + _TILE], first)
            index = counter[: len(inner)] + np.uint64(first_index + start)
            inner[:, 0] ^= index
            outer = _encrypt(self._aes, inner, second)
            inner[:, 0] ^= index
            np.bitwise_xor(inner, outer, out=target[start : start + _TILE])
        return target


def permute(key: bytes, x: Blocks) -> Blocks:
    """AES_K of every row: uint64 (n, 2), distinct where the rows of x are.

    key      16 bytes
    x        uint64 (n, 2), only read
    raises   InvalidRequest  another key or array
    """
    given = checked_blocks(x, "x")
    return _encrypt(_aes(key), given, np.empty((len(given) + 1, 2), np.uint64))


def _encrypt(aes: CipherContext, x: Blocks, room: Blocks) -> Blocks:
    """AES of every row, in `room`, which has a row more than x: the cipher asks for 15 bytes beyond its output."""
    if len(x):
        aes.update_into(x.data.cast("B"), room[: len(x) + 1].data.cast("B"))
    return room[: len(x)]


def _aes(key: bytes) -> CipherContext:
    if type(key) is not bytes or len(key) != KEY_BYTES:
        raise InvalidRequest("a key of a block hash is exactly 16 bytes")
    return Cipher(algorithms.AES128(key), modes.ECB()).encryptor()


def _target(out: Blocks | None, x: Blocks) -> Blocks:
    """`out` if it can be written to, or a new array."""
    if out is None:
        return np.empty(x.shape, np.uint64)
    if out.dtype != np.uint64 or out.shape != x.shape or not out.flags.writeable:
        raise InvalidRequest(f"out is {out.dtype} {out.shape}; expected writeable uint64 {x.shape}")
    return out
