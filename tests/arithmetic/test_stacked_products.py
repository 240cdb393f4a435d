"""Products of small matrices mod 2^128: exact for all words, every shape, views; what is not a stack is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.stacked_products import stacked_matmul_128
from securecompute.errors import InvalidRequest

CORNERS = [0, 1, 1 << 32, (1 << 32) - 1, 1 << 63, (1 << 63) - 1, 1 << 64, (1 << 64) - 1, 1 << 127, (1 << 128) - 1]


def planes(x):
    x = np.asarray(x, dtype=object)
    return np.stack([(x % (1 << 64)).astype(np.uint64), (x >> 64).astype(np.uint64)])


def whole(words):
    return words[0].astype(object) + words[1].astype(object) * (1 << 64)


@pytest.mark.parametrize("a", CORNERS)
@pytest.mark.parametrize("b", CORNERS)
def test_constants_at_which_carries_arise(a, b):
    x, y = np.full((1, 2, 3), a, dtype=object), np.full((1, 3, 2), b, dtype=object)
    assert (whole(stacked_matmul_128(planes(x), planes(y))) == (x @ y) % (1 << 128)).all()


@given(st.integers(0, 3), st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.integers(0, 999))
def test_every_matrix_is_multiplied_by_its_fellow(s, m, k, n, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 1 << 64, (2, *shape), dtype=np.uint64) for shape in ((s, m, k), (s, k, n)))
    before = a.copy(), b.copy()
    c = stacked_matmul_128(a, b)
    assert c.shape == (2, s, m, n)
    for t in range(s):
        assert (whole(c)[t] == (whole(a)[t] @ whole(b)[t]) % (1 << 128)).all()
    assert (a == before[0]).all() and (b == before[1]).all()


def test_views_are_read_as_they_are():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 1 << 64, (2, 3, 4, 5), dtype=np.uint64)
    turned = a.transpose(0, 1, 3, 2)
    assert (stacked_matmul_128(a, turned) == stacked_matmul_128(a, turned.copy())).all()


@pytest.mark.parametrize(
    ("a", "b"),
    [((2, 1, 2, 3), (2, 1, 2, 3)), ((2, 1, 2, 2), (2, 2, 2, 2)), ((3, 1, 2, 2), (3, 1, 2, 2)), ((2, 2, 2), (2, 2, 2))],
)
def test_shapes_that_do_not_fit_are_refused(a, b):
    with pytest.raises(InvalidRequest, match="times"):
        stacked_matmul_128(np.zeros(a, np.uint64), np.zeros(b, np.uint64))


def test_other_dtypes_are_refused():
    with pytest.raises(InvalidRequest, match="expected uint64"):
        stacked_matmul_128(np.zeros((2, 1, 1, 1)), np.zeros((2, 1, 1, 1), np.uint64))
