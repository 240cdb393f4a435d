"""Logarithms: the error that is said over the declared domain, what happens below it, cost, views."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.products.logarithm import halvings, logarithm
from tests.protocols.products.real_functions import Number, floor_power, log_spaced, masked, run

ERROR = 6e-9
LOG_2 = Fraction("0.6931471805599453094172321214581765680755001343602552541206800094933936219696947")
# scale of x, low, bound, scale of the result, ring
CASES = [
    (20, 2.0**-20, 2.0**10, 20, Ring.Z64),
    (20, 0.001, 1000.0, 40, Ring.Z64),
    (30, 0.5, 1.0, 50, Ring.Z64),
    (0, 1.0, 2.0**60, 50, Ring.Z64),
    (20, 0.3, 2.0**40, 30, Ring.Z64),
    (40, 2.0**-40, 2.0**40, 40, Ring.Z128),
]


def check(x, x_scale, low, bound, scale, ring, **options):
    number = Number(x, x_scale, bound, ring)
    came = run(logarithm, number, low=low, scale=scale, **options)
    true = np.log(np.maximum(number.encoded, max(floor_power(low), 2.0**-x_scale)))
    assert (np.abs(came.values - true) <= ERROR + 2 * came.unit).all()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_number_has_the_error_that_is_said(case):
    x = log_spaced(case[1], case[2], 2000)
    check(x, *case, positive=True)
    check(np.concatenate([x, -x, [0.0, case[1] / 3]]), *case)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES[:-1], ids=str)
def test_a_million_numbers_have_the_error_that_is_said(case):
    check(log_spaced(case[1], case[2], 1_000_000), *case, positive=True)


@settings(max_examples=25)
@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=6), st.integers(-20, 9), st.integers(0, 40))
def test_any_number_small_and_negative_ones_too(x, low, scale):
    check(x, 20, 2.0**low, 1000.0, scale, Ring.Z64)


@pytest.mark.parametrize("x", [1e-4, 1e-3, 0.01, 1.0, 250.0, 1e4, 1e6])
def test_numbers_on_which_series_about_one_fail(x):
    check([x], 20, 2.0**-20, 2.0**20, 30, Ring.Z64)


def test_multiples_of_log_2_are_rounded_correctly():
    for p in (-40, -1, 0, 1, 3, 62):
        for scale in (0, 20, 50):
            assert halvings(p, scale) == round(LOG_2 * p * 2**scale)


def test_domains_that_the_ring_does_not_bear_are_refused():
    with pytest.raises(EncodingOverflow):
        run(logarithm, Number([1.0]), low=2.0**-20, scale=60)
    with pytest.raises(InvalidRequest, match="smallest magnitude"):
        run(logarithm, Number([1.0]), low=-1.0)


def test_the_rounds_are_as_said_and_nothing_is_seen_but_uniform_words():
    number = Number(np.full(2000, 3.0), 20, 1000.0)
    came = run(logarithm, number, low=2.0**-10, positive=True)
    assert came.played.rounds == 9 and masked(came.played)
    assert run(logarithm, Number([1.0], 20, 1000.0), low=2.0**-10).played.rounds == 14
