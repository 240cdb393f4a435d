"""Two words that travel under the masks beside a vector, and say whether the total can be right.

    1            their sum counts the institutions in the total
    Σⱼ wⱼ eⱼ     over the integers mod 2⁶⁴ (2¹²⁸ for a 128-bit ring); wⱼ odd, public, from the session

A wrong seed or a mixed-up session escapes with probability 2⁻⁶⁴. One wrong entry never does, as its weight is odd;
several, whose errors are all multiples of 2ᵃ, with probability 2ᵃ⁻⁶³ at most. Not seen: an entry that has wrapped in
its ring of 2⁶⁴ or 2¹²⁸, which the descriptor's bound rules out; an attacker, who can know the weights. Nothing leaks:
both words follow from the total.
"""

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring, decode, encode
from securecompute.primitives.masks import derive, odd_weights

LENGTH = 2
_BLOCK = 1 << 15  # entries: what is made on the way stays in the cache, and small enough not to go back to the system


def check_ring(ring: Ring) -> Ring:
    """The ring of the check words beside vectors of this ring."""
    return Ring.Z128 if ring is Ring.Z128 else Ring.Z64


def check_words(
    ring: Ring, e: NDArray[np.unsignedinteger], institutions: int, sid: bytes, start: int = 0
) -> NDArray[np.unsignedinteger]:
    """The words that belong to e when it is the sum of so many institutions' vectors.

    e         elements of the ring, length d; signed entries as in `rings.decode`
    start     even; the words of a vector are the sum of the words of its pieces, each from the entry at which it
              starts, of which one counts the institutions and the others 0
    returns   elements of `check_ring(ring)`, length 2
    """
    key, dot = derive(sid, b"", b"ss1/check"), 0
    for k in range(0, len(e), _BLOCK):
        block = e[k : k + _BLOCK]
        dot += _dot(ring, odd_weights(key, len(block), start + k), block)
    words = check_ring(ring)
    modulus = 1 << words.bits
    return encode(words, [_signed(institutions, modulus), _signed(dot, modulus)])


def _signed(value: int, modulus: int) -> int:
    value %= modulus
    return value - modulus if value >= modulus >> 1 else value


def _dot(ring: Ring, w: NDArray[np.uint64], e: NDArray[np.unsignedinteger]) -> int:
    """Σ wⱼ eⱼ with signed eⱼ, mod 2⁶⁴; mod 2¹²⁸ for Z128."""
    if ring is Ring.Z128:
        lo = _full_dot(w, np.ascontiguousarray(e[:, 0]))
        hi = int((w * e[:, 1]).sum(dtype=np.uint64))
        return lo + (hi << 64)
    signed = e.view(np.int32).astype(np.int64).view(np.uint64) if ring is Ring.Z32 else e
    return int((w * signed).sum(dtype=np.uint64))


def _full_dot(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    """Σ aⱼ bⱼ over the integers, by 32-bit halves; each partial sum stays below 2⁶⁴ for a block of 2³² entries."""
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    total = 0
    for shift_a, x in ((0, a & low), (32, a >> half)):
        for shift_b, y in ((0, b & low), (32, b >> half)):
            product = x * y
            total += (int((product & low).sum()) + (int((product >> half).sum()) << 32)) << (shift_a + shift_b)
    return total


def words_agree(
    ring: Ring, total: NDArray[np.unsignedinteger], words: NDArray[np.unsignedinteger], institutions: int, sid: bytes
) -> bool:
    """Whether the unmasked words are those of the unmasked total."""
    return decode(check_ring(ring), check_words(ring, total, institutions, sid)) == decode(check_ring(ring), words)
