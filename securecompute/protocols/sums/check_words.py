"""Two words that travel under the masks beside a vector, and say whether the total can be right.

    1            their sum counts the institutions in the total
    Σⱼ wⱼ eⱼ     over the integers mod 2⁶⁴ (2¹²⁸ for a 128-bit ring); wⱼ odd, public, from the session

With tiles of T = 2¹⁵ entries and odd elements r₀, r₁ … of one stream, the weight of entry i of tile b is

    w_{bT+i} = r_i m_b        m_0 = 1, m_b = r_{T+b}

so that a long vector needs few elements of the stream, and a short one has the stream itself for its weights.

A wrong seed or a mixed-up session escapes with probability 2⁻⁶³. One wrong entry never does, as its weight is odd;
several, whose errors are all multiples of 2ᵃ, with probability 2ᵃ⁻⁶² at most: one uniform odd factor, r of an entry in
the tile or m of the tile, must cancel all others. Not seen: an entry that has wrapped in its ring of 2⁶⁴ or 2¹²⁸,
which the descriptor's bound rules out; an attacker, who can know the weights. Nothing leaks: both words follow from the
total.
"""

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.rings import Ring, decode, encode
from securecompute.primitives.masks import derive, odd_weights

LENGTH = 2
TILE = 1 << 15  # entries: with their weights they stay in the cache, and small enough not to go back to the system


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
    key, dot, end = derive(sid, b"", b"ss1/check"), 0, start + len(e)
    r, factors = odd_weights(key, min(TILE, end)), _factors(key, start // TILE, -(-end // TILE))
    for b, m_b in factors.items():
        first, last = max(start, b * TILE), min(end, (b + 1) * TILE)
        dot += m_b * _dot(ring, r[first - b * TILE : last - b * TILE], e[first - start : last - start])
    words = check_ring(ring)
    modulus = 1 << words.bits
    return encode(words, [_signed(institutions, modulus), _signed(dot, modulus)])


def _factors(key: bytes, first: int, stop: int) -> dict[int, int]:
    """b -> m_b."""
    if stop <= 1:
        return dict.fromkeys(range(first, stop), 1)
    begin = first - first % 2  # the stream is entered at even elements
    drawn = odd_weights(key, stop - begin, TILE + begin).tolist()
    return {b: drawn[b - begin] if b else 1 for b in range(first, stop)}


def _signed(value: int, modulus: int) -> int:
    value %= modulus
    return value - modulus if value >= modulus >> 1 else value


def _dot(ring: Ring, w: NDArray[np.uint64], e: NDArray[np.unsignedinteger]) -> int:
    """Σ wⱼ eⱼ with signed eⱼ, mod 2⁶⁴; mod 2¹²⁸ for Z128. A numpy product wraps, and `einsum` passes over it once."""
    if ring is Ring.Z128:
        lo = _full_dot(w, np.ascontiguousarray(e[:, 0]))
        hi = int(np.einsum("i,i", w, e[:, 1]))
        return lo + (hi << 64)
    if ring is Ring.Z32:
        return int((w.view(np.int64) * e.view(np.int32)).sum())
    return int(np.einsum("i,i", w, e))


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
