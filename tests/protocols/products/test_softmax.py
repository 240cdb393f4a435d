"""Softmax: the error that is said whatever the sizes, and its refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax as true_softmax

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.products.softmax import softmax
from tests.protocols.products.real_functions import Number, run


def check(x, x_scale, bound, scale, ring=Ring.Z64):
    number = Number(x, x_scale, bound, ring)
    came = run(softmax, number, scale=scale)
    assert (np.abs(came.values - true_softmax(number.encoded, axis=-1)) <= 1e-8 + 2 * came.unit).all()
    return came


@pytest.mark.parametrize("n", [1, 2, 3, 10, 300])
@pytest.mark.parametrize(("x_scale", "bound", "scale", "ring"), [
    (20, 8.0, 20, Ring.Z64), (16, 1000.0, 24, Ring.Z64), (30, 2.0**20, 26, Ring.Z64), (40, 100.0, 40, Ring.Z128),
])  # fmt: skip
def test_every_length_and_size_has_the_error_that_is_said(n, x_scale, bound, scale, ring):
    rng = np.random.default_rng(n)
    rows = 20 if n < 100 else 3
    x = rng.uniform(-1, 1, (rows, n)) * bound * rng.choice([1e-6, 0.01, 0.1, 1], (rows, 1))
    x[0] = bound  # all equal
    check(x, x_scale, bound, scale, ring)


@settings(max_examples=15)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=7), st.integers(4, 26))
def test_any_row(x, scale):
    check(x, 20, 128.0, scale)


def test_only_the_last_axis_is_summed_and_rows_sum_to_one():
    came = check(np.random.default_rng(0).normal(size=(2, 3, 4)), 20, 8.0, 20)
    assert np.allclose(came.values.sum(-1), 1, atol=1e-5)


def test_the_rounds_are_those_of_its_parts():
    assert run(softmax, Number(np.zeros((2, 8)))).played.rounds == 4 * 3 + 1 + 5 + 11
    assert run(softmax, Number(np.zeros((2, 8)), 20, 100.0)).played.rounds == 4 * 3 + 1 + 7 + 11


def test_a_scale_without_headroom_is_refused():
    with pytest.raises(EncodingOverflow):
        run(softmax, Number(np.zeros((2, 8))), scale=32)


def test_nothing_to_sum_is_refused():
    for shape in ((), (3, 0)):
        with pytest.raises(InvalidRequest, match="softmax"):
            run(softmax, Number(np.zeros(shape)))
