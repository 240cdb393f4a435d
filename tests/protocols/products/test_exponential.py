"""exp of secrets: the error that is said over every representable result, saturation, refusals, cost, views."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow
from securecompute.protocols.products.exponential import exponential, exponential_between, plan
from tests.protocols.products.real_functions import Number, masked, run

ERROR, UNITS = 3.2e-9, 33 / 32
# scale of x, bound, most, scale of the result, ring
CASES = [
    (20, 8.0, None, 20, Ring.Z64),
    (20, 8.0, 1.0, 20, Ring.Z64),
    (20, 1000.0, 0.0, 20, Ring.Z64),
    (20, 28.0, None, 20, Ring.Z64),
    (20, 1000.0, 28.0, 20, Ring.Z64),
    (16, 2.0**40, 10.0, 16, Ring.Z64),
    (20, 42.0, None, 0, Ring.Z64),
    (24, 0.5, None, 50, Ring.Z64),
    (45, 10.0, None, 20, Ring.Z64),
    (40, 1000.0, 28.0, 20, Ring.Z128),
    (60, 1.0, None, 40, Ring.Z128),
]


def points(bound, most, scale, count):
    """Evenly from what gives the least result to what gives the largest, beyond them, and the borders."""
    high = bound if most is None else most
    least = max(-bound, -(scale + 2) * log(2))
    near = [end + d * 2.0**-16 for end in (least, high, 0.0, least - 1, high + 1) for d in (-1, 0, 1)]
    even, pieces = np.linspace(least, high, count), np.arange(-40, 41) * log(2)
    return np.clip(np.concatenate([even, pieces, near, [-bound, bound]]), -bound, bound)


def check(x_scale, bound, most, scale, ring, count):
    number = Number(points(bound, most, scale, count), x_scale, bound, ring)
    came = run(exponential, number, scale=scale, most=most)
    true = np.exp(np.minimum(number.encoded, bound if most is None else most))
    assert (np.abs(came.values - true) <= ERROR * true + UNITS * came.unit).all()
    assert came.type.scale == scale


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_number_has_the_error_that_is_said(case):
    check(*case, count=3000)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_million_numbers_have_the_error_that_is_said(case):
    check(*case, count=1_000_000 if case[-1] is Ring.Z64 else 300_000)


@settings(max_examples=40)
@given(
    st.floats(-45, 45).map(lambda high: round(high, 3)),
    st.floats(0, 60),
    st.integers(0, 50),
    st.integers(8, 40),
    st.integers(0, 99),
)
def test_any_interval_and_scales(high, length, scale, x_scale, seed):
    if exp(high) * 2.0**scale > 2.0**60 or max(abs(high), abs(high - length)) * 2.0**x_scale > 2.0**60:
        return
    x = np.array([high, high - length / 3, high - length])
    number = Number(np.clip(np.round(x, 2), high - length, high), x_scale, 128.0)
    low, high = number.encoded.min(), max(high, number.encoded.max())
    came = run(exponential_between, number, seed=seed, low=low, high=high, scale=scale)
    true = np.exp(number.encoded)
    assert (np.abs(came.values - true) <= ERROR * true + UNITS * came.unit).all()


@pytest.mark.parametrize("x", [-1e9, -1000.0, -16.0, 0.0, 10.0, 11.0, 1000.0, 1e9])
def test_far_beyond_the_ends_it_saturates(x):
    came = run(exponential, Number([x], 20, 2.0**31), scale=20, most=10.0)
    assert abs(came.values[0] - exp(min(x, 10.0))) <= ERROR * exp(10) + UNITS * came.unit


def test_results_that_do_not_fit_are_refused_before_a_message_is_sent():
    with pytest.raises(EncodingOverflow, match="declare a smaller range"):
        run(exponential, Number([0.0], 20, 100.0))
    with pytest.raises(EncodingOverflow, match="too many powers"):
        plan(60, -50.0, 88.0)


def test_results_up_to_one_take_few_pieces_and_five_rounds():
    n, pieces = 1000, plan(20, -15.3, 0.0)
    assert (pieces.words, pieces.rho) == (4, 8)
    played = run(exponential, Number(-np.ones(n), 20, 8.0), most=0.0).played
    assert played.rounds == 5
    inside = run(exponential_between, Number(-np.ones(n), 20, 8.0), low=-8.0, high=0.0).played
    assert inside.rounds == 3
    words = plan(20, -8.0, 0.0).words
    assert inside.sent == {"P0": 16 * n, "P1": 16 * n, "P2": (32 + 8 * words) * n}


def test_composed_results_take_five_rounds_and_widened_ones_seven():
    assert run(exponential, Number([1.0], 20, 14.0)).played.rounds == 5
    assert run(exponential, Number([1.0], 40, 14.0), scale=20).played.rounds == 7


@pytest.mark.parametrize("bound", [1.0, 14.0])
def test_nothing_is_seen_but_uniform_words(bound):
    for value in (-bound, bound):
        assert masked(run(exponential, Number(np.full(2000, value), 20, bound)).played)
