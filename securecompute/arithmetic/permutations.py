"""Uniform permutations from uniform words, the same on every machine, and the compiled loop that makes them.

    for m = n, n−1, ..., 2:   j uniform in [0, m);  swap the last of the m first entries with entry j
    j = floor(m w / 2^64) of a 64-bit word w, which is replaced by a spare word if  m w mod 2^64 < 2^64 mod m

Exact      every j is uniform, since every value keeps floor(2^64 / m) of the words; so every one of the n! permutations
           is equally likely if the words are uniform: nothing is sorted, so no two keys can be equal.
Pitfalls   A word is replaced with probability below n / 2^64, so the 16 spare words run out with probability below
           (n² / 2^65)^17 / 17!: 2^-400 for n = 2^21. Then InternalFault is raised, at everyone who has the words.
Cost       12 ns an entry for n = 10^5, 24 for 10^6, where the swaps miss the cache; 8 bytes of the stream each.
Reference  Durstenfeld, CACM 7(7), 1964; Lemire, ACM TOMACS 29(1), 2019, for j without a division.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.compiled import compiled
from securecompute.errors import InternalFault, InvalidRequest

SPARE: Final = 16
Order = NDArray[np.int64]


def permutation_of(words: NDArray[np.uint64]) -> Order:
    """A permutation of n entries from n + SPARE uniform words: int64 (n,), to be used as x[permutation].

    raises   InvalidRequest  more than 2^32 entries
             InternalFault   the spare words ran out
    """
    n = len(words) - SPARE
    if n > 1 << 32:
        raise InvalidRequest(f"a permutation of {n} entries; at most 2^32")
    order: Order = np.arange(n)
    if not _shuffle(order, words):
        raise InternalFault("the spare words of a permutation ran out")
    return order


@compiled
def _shuffle(order, words):  # type: ignore[no-untyped-def]
    """Swap in place; False if the spare words ran out."""
    n = order.size
    half, low_half = np.uint64(32), np.uint64(0xFFFFFFFF)
    spare = n
    for m in range(n, 1, -1):
        bound = np.uint64(m)
        w = words[m - 1]
        if bound * w < bound:  # else no word of this bound is one of those to be replaced
            uneven = (np.uint64(0) - bound) % bound
            while bound * w < uneven:
                if spare == words.size:
                    return False
                w = words[spare]
                spare += 1
        j = ((w >> half) * bound + ((w & low_half) * bound >> half)) >> half
        order[m - 1], order[j] = order[j], order[m - 1]
    return True
