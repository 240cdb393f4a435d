"""Permutations from words: the textbook shuffle, with a word replaced where it would make an index uneven."""

from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.permutations import SPARE, permutation_of
from securecompute.errors import InternalFault

WORD = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**32, 2**63, 2**64 - 1]))
# m w mod 2^64 < 2^64 mod m: what is replaced for m = 3, 5, 6, 7
UNEVEN = [0, 1, 2635249153387078803, 3074457345618258603, 7378697629483820647]


def textbook(words):
    """In Python's integers."""
    n = len(words) - SPARE
    order, spare = list(range(n)), list(words[n:])
    for m in range(n, 1, -1):
        w = words[m - 1]
        while m * w % 2**64 < 2**64 % m:
            w = spare.pop(0)
        j = m * w >> 64
        order[m - 1], order[j] = order[j], order[m - 1]
    return order


def words(values):
    return np.array(values, dtype=np.uint64)


@given(st.lists(st.one_of(WORD, st.sampled_from(UNEVEN)), max_size=9), st.lists(WORD, min_size=1, max_size=8))
def test_it_is_the_textbooks_shuffle_with_uneven_words_replaced(first, spare):
    tail = (spare + [2**63 + 12345] * SPARE)[:SPARE]
    order = permutation_of(words(first + tail))
    assert order.dtype == np.int64
    assert order.tolist() == textbook(first + tail)


def test_every_order_is_equally_likely():
    n, times, counts = 4, 3000, {}
    for row in np.random.default_rng(5).integers(0, 2**64, (times, n + SPARE), dtype=np.uint64):
        order = tuple(permutation_of(row).tolist())
        counts[order] = counts.get(order, 0) + 1
    expected = times / factorial(n)
    assert len(counts) == factorial(n)
    assert sum((c - expected) ** 2 / expected for c in counts.values()) < 60  # 23 degrees of freedom


@pytest.mark.parametrize("n", [0, 1, 2, 3, 1000])
def test_every_entry_stands_once(n):
    order = permutation_of(np.random.default_rng(n).integers(0, 2**64, n + SPARE, dtype=np.uint64))
    assert sorted(order.tolist()) == list(range(n))


def test_without_a_spare_word_left_it_raises():
    with pytest.raises(InternalFault, match="spare"):
        permutation_of(words([0] * (3 + SPARE)))
    assert permutation_of(words([0] * (3 + SPARE - 1) + [2**64 - 1])).tolist() == textbook(
        [0] * (3 + SPARE - 1) + [2**64 - 1]
    )
