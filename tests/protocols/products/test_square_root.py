"""Roots and inverse roots: the error that is said over the declared domain, what happens below it, cost, views."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.products.square_root import inverse_square_root, square_root
from tests.protocols.products.real_functions import Number, floor_power, log_spaced, masked, run

ERROR = 3.6e-9
# scale of x, low, bound, scale of the result, ring: even and odd sums of scale and size
CASES = [
    (20, 2.0**-10, 2.0**10, 20, Ring.Z64),
    (21, 0.001, 1000.0, 20, Ring.Z64),
    (20, 0.001, 2000.0, 30, Ring.Z64),
    (30, 0.5, 1.0, 40, Ring.Z64),
    (16, 2.0**-16, 2.0**13.9, 16, Ring.Z64),
    (0, 1.0, 2.0**60, 16, Ring.Z64),
    (40, 2.0**-30, 2.0**31, 40, Ring.Z128),
]


def check_root(x, x_scale, low, bound, scale, ring, **options):
    number = Number(x, x_scale, bound, ring)
    came = run(square_root, number, low=low, scale=scale, **options)
    least = max(floor_power(low), 2.0**-x_scale)
    true = np.sqrt(np.where(number.encoded < least, 0, number.encoded))
    assert (np.abs(came.values - true) <= ERROR * true + came.unit).all()


def check_inverse(x, x_scale, low, bound, scale, ring, **options):
    number = Number(x, x_scale, bound, ring)
    came = run(inverse_square_root, number, low=low, scale=scale, **options)
    true = np.maximum(number.encoded, max(floor_power(low), 2.0**-x_scale)) ** -0.5
    assert (np.abs(came.values - true) <= ERROR * true + came.unit).all()


BOTH = pytest.mark.parametrize("check", [check_root, check_inverse])


@BOTH
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_number_has_the_error_that_is_said(check, case):
    x = log_spaced(case[1], case[2], 2000)
    check(x, *case, positive=True)
    check(np.concatenate([x, -x, [0.0, case[1] / 3]]), *case)


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("case", CASES[:-1], ids=str)
def test_a_million_numbers_have_the_error_that_is_said(check, case):
    check(log_spaced(case[1], case[2], 1_000_000), *case, positive=True)


@BOTH
@settings(max_examples=20)
@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=6), st.integers(-20, 9), st.integers(0, 30))
def test_any_number_small_and_negative_ones_too(check, x, low, scale):
    check(x, 20, 2.0**low, 1000.0, scale, Ring.Z64)


def test_whatever_is_above_zero_has_a_root_unless_a_low_is_declared():
    unit = 2.0**-20
    came = run(square_root, Number([0.0, unit, 3 * unit, -1.0]), scale=30)
    assert np.allclose(came.values, np.sqrt([0, unit, 3 * unit, 0]), atol=2e-9)
    assert (run(square_root, Number([0.1, 0.25]), low=0.25).values.round(3) == [0, 0.5]).all()


def test_domains_that_the_ring_does_not_bear_are_refused():
    with pytest.raises(EncodingOverflow):
        run(inverse_square_root, Number([1.0], 40, 8.0), low=2.0**-40, scale=45)
    with pytest.raises(InvalidRequest, match="smallest magnitude"):
        run(inverse_square_root, Number([1.0]), low=0.0)


@pytest.mark.parametrize("gate", [square_root, inverse_square_root])
def test_the_rounds_are_as_said_and_nothing_is_seen_but_uniform_words(gate):
    number = Number(np.full(2000, 3.0), 20, 1000.0)
    came = run(gate, number, low=2.0**-10, positive=True)
    assert came.played.rounds == 11 and masked(came.played)
    assert run(gate, Number([1.0], 20, 1000.0), low=2.0**-10).played.rounds == 16
