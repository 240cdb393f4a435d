"""Sizes of a store: the published formula, and the tail of the binomial by scipy."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from securecompute.errors import InvalidRequest
from securecompute.primitives.okvs_parameters import LARGEST, Layout, layout


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1024, Layout(1, 1024, 1466, 43)),
        (4096, Layout(1, 4096, 5405, 43)),
        (1 << 14, Layout(1, 1 << 14, 20770, 42)),
        (1 << 16, Layout(4, 17192, 21774, 42)),
        (1 << 20, Layout(64, 17360, 21982, 42)),
        (1 << 24, Layout(1024, 17413, 22048, 42)),
    ],
)
def test_sizes_are_as_worked_out_once(n, expected):
    assert layout(n) == expected


@given(st.integers(0, LARGEST))
def test_columns_follow_the_fitted_formula(n):
    shape = layout(n)
    w, nc = math.log2(3), shape.capacity
    s = 2 ** (0.555 * math.log2(nc) + 0.093 * w**3 - 1.01 * w**2 + 2.925 * w - 0.133)
    e = 1.223 + 49.2 / s
    assert abs(shape.sparse - (e * nc + 1)) <= 1
    assert shape.dense == math.floor(40 / math.log2(e * nc)) + 40
    assert shape.size == shape.clusters * (shape.sparse + shape.dense)
    assert 3 <= shape.sparse < 1 << 16
    assert shape.dense <= 48  # six tables of bytes


@given(st.integers(1 << 15, LARGEST))
def test_a_cluster_is_too_small_with_probability_2_to_the_minus_40(n):
    shape = layout(n)
    assert shape.clusters == n >> 14

    def too_small(capacity):
        return shape.clusters * binom.sf(capacity - 1, n, 1 / shape.clusters)

    assert too_small(shape.capacity) < 2**-40 * (1 + 1e-6)
    assert too_small(shape.capacity - 1) > 2**-40 * (1 - 1e-6)


@given(st.integers(0, (1 << 15) - 1))
def test_few_keys_have_one_cluster_that_holds_them_all(n):
    assert layout(n).clusters == 1
    assert layout(n).capacity == max(n, 64)


@pytest.mark.parametrize("n", [-1, LARGEST + 1])
def test_other_numbers_of_keys_are_refused(n):
    with pytest.raises(InvalidRequest, match="a store of"):
        layout(n)
