"""Masks: the one place where a key becomes ring elements, and HKDF, the one place where a secret becomes a key.

    G(k) = AES-256-CTR_k(0, 0, 0, ...)        y <- y +- G(k)   (mod 2^32, 2^64 or 2^128)

The counter is the byte offset / 16, big-endian, from 0: a stream can be entered anywhere. Words are little-endian;
block i of the stream is element i of Z_2^128, as (low, high).

Security   G is a pseudo-random generator if AES-256 is a pseudo-random permutation; at most 2^32 blocks a key. A mask
           hides once: two vectors under one key and one range of offsets differ by their plain difference. Using a key
           and range once is the caller's duty.
Cost       per element and key, 1.1 times AES and an addition in the cache: 1.8 ns for uint64, 0.9 for uint32, 4.4 for
           2^128 with its carry, where AES runs at 6 GB/s. A key costs 13 us before its first byte.
Reference  NIST SP 800-38A (CTR), FIPS 197, RFC 5869.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring, check, unchecked_accumulate, zeros
from securecompute.errors import InvalidRequest

KEY_BYTES = 32
STREAM_BYTES = 16 << 32  # of one key

_TILE_BYTES = 1 << 18  # with as much of y in the second-level cache
_ZEROS = memoryview(bytes(_TILE_BYTES))


def add_mask(ring: Ring, y: NDArray[Any], key: bytes, sign: int, offset_bytes: int = 0) -> None:
    """y += sign * G(key) in place, from stream byte `offset_bytes`.

    y              a vector in the ring, writeable
    key            32 bytes; this range of its stream must not have masked anything else
    sign           +1 or -1
    offset_bytes   a multiple of 16, where in the stream y[0] stands
    raises         InvalidRequest  y is not such a vector; another sign or key size; an offset that is not a multiple
                                   of 16; a stream longer than 2^32 blocks
    """
    add_masks(ring, y, [(key, sign)], offset_bytes)


def add_masks(ring: Ring, y: NDArray[Any], masks: Iterable[tuple[bytes, int]], offset_bytes: int = 0) -> None:
    """As `add_mask` for several (key, sign); y passes through the cache once instead of once per key."""
    check(ring, y, writeable=True)
    if offset_bytes % 16 or not 0 <= offset_bytes <= STREAM_BYTES - y.nbytes:
        raise InvalidRequest(f"stream bytes {offset_bytes} + {y.nbytes}; expected a multiple of 16 within 2^36")
    streams = [(_stream(key, offset_bytes // 16), _sign(sign)) for key, sign in masks]
    tile = np.empty(min(_TILE_BYTES, y.nbytes), np.uint8)
    step = _TILE_BYTES // ring.item_bytes
    for start in range(0, len(y), step):
        piece = y[start : start + step]
        unchecked_accumulate(ring, piece, _expand(ring, streams, tile[: piece.nbytes]))


def uniform(ring: Ring, key: bytes, d: int) -> NDArray[Any]:
    """The first d elements of G(key): uniform to whoever does not have the key.

    raises   InvalidRequest  the key is not 32 bytes, or d elements exceed 2^32 blocks
    """
    y = zeros(ring, d)
    add_mask(ring, y, key, +1)
    return y


class Reader:
    """G(key) as uint64 words, read on from where the last reading ended."""

    __slots__ = ("_left", "_stream")

    def __init__(self, key: bytes) -> None:
        """key   32 bytes. raises InvalidRequest: other than these"""
        self._stream, self._left = _stream(key, 0), STREAM_BYTES

    def words(self, count: int) -> NDArray[np.uint64]:
        """The next words: uint64 (count,), own memory. raises InvalidRequest: beyond 2^32 blocks"""
        self._left -= 8 * count
        if self._left < 0:
            raise InvalidRequest(f"{count} words more than a stream of 2^36 bytes holds")
        words = np.empty(count, np.uint64)
        octets = words.view(np.uint8)
        for start in range(0, words.nbytes, _TILE_BYTES):
            piece = octets[start : start + _TILE_BYTES]
            self._stream.update_into(_ZEROS[: piece.nbytes], piece.data)
        return words


def odd_weights(key: bytes, d: int, offset: int = 0) -> NDArray[np.uint64]:
    """d odd elements of Z_2^64 from G(key): uint64 (d,). Odd, hence invertible: no change of one entry cancels.

    offset   even: how many elements of the stream come before them
    raises   InvalidRequest  as `add_mask`
    """
    weights: NDArray[np.uint64] = zeros(Ring.Z64, d)
    add_mask(Ring.Z64, weights, key, +1, 8 * offset)
    weights |= np.uint64(1)
    return weights


def derive(ikm: bytes, salt: bytes, info: bytes, length: int = KEY_BYTES) -> bytes:
    """HKDF-SHA256 of input key material: `length` bytes, at most 8160.

    raises   InvalidRequest  no or more bytes asked for
    """
    if not 0 < length <= 255 * 32:
        raise InvalidRequest(f"{length} bytes asked of HKDF-SHA256; it gives 1 to {255 * 32}")
    return HKDF(SHA256(), length, salt, info).derive(ikm)


def _stream(key: bytes, block: int) -> CipherContext:
    """AES-256 in counter mode, the next block being this one."""
    if type(key) is not bytes or len(key) != KEY_BYTES:
        raise InvalidRequest("a mask key is exactly 32 bytes")
    return Cipher(algorithms.AES256(key), modes.CTR(block.to_bytes(16, "big"))).encryptor()


def _sign(sign: int) -> int:
    if sign not in (+1, -1):
        raise InvalidRequest(f"a mask's sign is +1 or -1, not {sign}")
    return sign


def _expand(
    ring: Ring, streams: Sequence[tuple[CipherContext, int]], tile: NDArray[np.uint8]
) -> Iterator[tuple[NDArray[Any], int]]:
    """The next bytes of each stream in turn, in one tile, as ring elements with their sign."""
    zeros_in, mask = _ZEROS[: tile.nbytes], tile.view(ring.dtype).reshape(-1, *ring.shape(0)[1:])
    for stream, sign in streams:
        stream.update_into(zeros_in, tile.data)
        yield mask, sign
