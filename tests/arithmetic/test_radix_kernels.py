"""The loops of a radix sort on shares: places from shares of a masked one-hot are those of a stable counting sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.radix_kernels import correction, destinations, places


def draw(rng, *shape):
    return rng.integers(0, 2**32, shape, np.uint32)


def dealt(digits, bits, rng):
    """v, and each evaluator's shares of the one-hot, of a and of a_r, as the dealer makes them."""
    n, others = len(digits), 2**bits - 1
    r = rng.integers(0, 2**bits, n, np.uint8)
    h, masked, a, b = draw(rng, n, others), draw(rng, n), draw(rng, n, others), draw(rng, n, others)
    h_1, masked_1 = h.copy(), masked.copy()
    correction(r, h_1, a, b, masked_1)
    return digits ^ r, r, (h, a, masked), (h_1, b, masked_1)


@given(st.integers(1, 5), st.data())
def test_destinations_are_those_of_a_stable_counting_sort(bits, data):
    digits = np.array(data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=20)), np.uint8)
    v, _, first, second = dealt(digits, bits, np.random.default_rng(data.draw(st.integers(0, 99))))
    starts, parts = zip(*(places(h, v, a, np.uint64(k)) for k, (h, a, _) in enumerate((second, first))), strict=True)
    e = parts[0] + parts[1]
    total = sum(destinations(starts[k], h, e, masked) for k, (h, _, masked) in enumerate((second, first)))
    expected = np.argsort(np.argsort(digits, kind="stable"), kind="stable")
    assert (total == expected).all()


@pytest.mark.parametrize("bits", [1, 3])
def test_the_dealers_corrections_complete_the_one_hot_and_the_chosen_mask(bits):
    digits = np.zeros(50, np.uint8)
    _, r, (h, a, masked), (h_1, b, masked_1) = dealt(digits, bits, np.random.default_rng(4))
    assert (h + h_1 == (np.arange(1, 2**bits) == r[:, None])).all()
    mask = np.concatenate([np.zeros((50, 1), np.uint32), a + b], axis=1)
    assert (masked + masked_1 == mask[np.arange(50), r]).all()


def test_what_is_opened_is_places_less_the_first_ones_and_a():
    digits, bits = np.array([2, 0, 3, 2, 1], np.uint8), 2
    v, _, (h, a, _), (h_1, b, _) = dealt(digits, bits, np.random.default_rng(5))
    (start, e), (start_1, e_1) = places(h, v, a, np.uint64(1)), places(h_1, v, b, np.uint64(0))
    counts = np.bincount(digits, minlength=4)
    for i in range(5):
        s = np.cumsum(counts) - counts + np.bincount(digits[:i], minlength=4)
        assert (start + start_1)[i] == s[v[i]]
        opened = (e + e_1 + a + b)[i]
        assert (opened == np.array([s[t ^ v[i]] - s[v[i]] for t in (1, 2, 3)]).astype(np.uint32)).all()
