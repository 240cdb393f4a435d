"""Products mod 2¹²⁸ against Python's integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic import products_128
from securecompute.arithmetic.limb_products import BLOCK
from securecompute.arithmetic.products_128 import gram_128, matmul_128
from securecompute.arithmetic.ring_products import CORNERS
from securecompute.errors import InvalidRequest

CONSTANTS = [low | high << 64 for low in CORNERS for high in (0, 1, 1 << 63, (1 << 64) - 1)]


def planes(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, size=(2, *shape), dtype=np.uint64)


def integers(x):
    """Planes as Python's integers."""
    return x[0].astype(object) + (x[1].astype(object) << 64)


def split(values):
    """Python's integers as planes."""
    return np.array([[v % 2**64 for v in values], [v >> 64 for v in values]], np.uint64)


@pytest.mark.parametrize("depth", [BLOCK, 3 * BLOCK + 7])
def test_all_pairs_of_corner_constants_are_multiplied_exactly(depth):
    constants = split(CONSTANTS)
    a, b = np.repeat(constants[:, :, None], depth, 2), np.repeat(constants[:, None], depth, 1)
    expected = [[x * y * depth % 2**128 for y in CONSTANTS] for x in CONSTANTS]
    assert integers(matmul_128(a, b)).tolist() == expected
    assert integers(gram_128(b)).tolist() == expected


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(1, 40)] * 3), st.integers(1, 3), st.integers(0, 2**32))
def test_products_equal_those_of_python_integers_on_any_number_of_threads(shape, threads, seed):
    m, k, n = shape
    a, b = planes(m, k, seed=seed), planes(k, n, seed=seed + 1)
    assert np.array_equal(integers(matmul_128(a, b, threads)), integers(a) @ integers(b) % 2**128)
    assert np.array_equal(integers(gram_128(a, threads)), integers(a).T @ integers(a) % 2**128)


@pytest.mark.parametrize("m, k, n", [(0, 3, 2), (3, 0, 2), (3, 2, 0), (0, 0, 0)])
def test_empty_matrices_have_products(m, k, n):
    assert np.array_equal(matmul_128(planes(m, k), planes(k, n)), np.zeros((2, m, n)))
    assert np.array_equal(gram_128(planes(0, n)), np.zeros((2, n, n)))


def test_more_terms_than_a_sum_may_have_are_added_in_parts(monkeypatch):
    monkeypatch.setattr(products_128, "MOST_TERMS", 24)
    a, b = planes(3, 100), planes(100, 4, seed=1)
    assert np.array_equal(integers(matmul_128(a, b)), integers(a) @ integers(b) % 2**128)
    assert np.array_equal(integers(gram_128(b)), integers(b).T @ integers(b) % 2**128)


def test_rows_that_are_joined_strip_by_strip_are_all_there(monkeypatch):
    monkeypatch.setattr(products_128, "STRIP", 8)
    a, b = planes(7, 5), planes(5, 3, seed=1)
    assert np.array_equal(integers(matmul_128(a, b)), integers(a) @ integers(b) % 2**128)


def test_factors_may_be_any_views_and_are_only_read():
    a, b = planes(20, 30), planes(30, 25, seed=1)
    expected = integers(a) @ integers(b) % 2**128
    for x in (
        a.transpose(0, 2, 1).copy().transpose(0, 2, 1),
        a[:, ::-1].copy()[:, ::-1],
        np.repeat(a, 2, 2)[:, :, ::2],
    ):
        frozen = x.copy()
        x.flags.writeable = False
        assert np.array_equal(integers(matmul_128(x, b)), expected)
        assert np.array_equal(x, frozen)
    interleaved = np.moveaxis(np.moveaxis(b, 0, -1).copy(), -1, 0)
    assert np.array_equal(integers(matmul_128(a, interleaved)), expected)


@pytest.mark.parametrize(
    "a, b, threads",
    [
        (planes(3, 4), planes(5, 2), 1),
        (planes(3, 4), planes(4), 1),
        (planes(3, 4)[:1], planes(4, 2), 1),
        (planes(3, 4).astype(np.int64), planes(4, 2), 1),
        (planes(3, 4), planes(4, 2), 0),
    ],
)
def test_other_shapes_dtypes_and_numbers_of_threads_are_refused(a, b, threads):
    with pytest.raises(InvalidRequest):
        matmul_128(a, b, threads)


def test_what_has_no_two_planes_has_no_symmetric_product():
    for x in (planes(3), planes(3, 4)[:1], planes(3, 4).view(np.int64)):
        with pytest.raises(InvalidRequest):
            gram_128(x)
