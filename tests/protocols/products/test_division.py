"""Quotients: the error that is said for every size of either operand, division by zero, refusals, cost, views."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.products.division import divide
from tests.protocols.products.real_functions import Number, floor_power, log_spaced, masked, run

ERROR = 4.2e-9
# scale of a, bound of a, scale of b, low, bound of b, scale of the quotient, ring
CASES = [
    (20, 8.0, 20, 0.0625, 64.0, 20, Ring.Z64),
    (20, 1.0, 16, 1.0, 1000.0, 24, Ring.Z64),
    (10, 2.0**15, 20, 0.5, 2.0**12, 10, Ring.Z64),
    (24, 0.01, 24, 0.001, 1.0, 24, Ring.Z64),
    (0, 2.0**14, 0, 1.0, 2.0**30, 14, Ring.Z64),
    (40, 2.0**20, 40, 2.0**-20, 2.0**20, 40, Ring.Z128),
]


def check(a, b, case, **options):
    a_scale, a_bound, b_scale, low, b_bound, scale, ring = case
    numerator, denominator = Number(a, a_scale, a_bound, ring), Number(b, b_scale, b_bound, ring)
    came = run(divide, numerator, denominator, low=low, scale=scale, **options)
    least, y = max(floor_power(low), 2.0**-b_scale), denominator.encoded
    true = numerator.encoded / np.where(np.abs(y) < least, np.where(y < 0, -least, least), y)
    assert (np.abs(came.values - true) <= ERROR * np.abs(true) + 2 * came.unit).all()
    return came


def operands(case, count, seed=0):
    b = log_spaced(case[3], case[4], count, seed)
    a = np.random.default_rng(seed).uniform(-case[1], case[1], b.size)
    a[:3] = 0.0, case[1], -case[1]
    return a, b


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_quotient_has_the_error_that_is_said(case):
    a, b = operands(case, 2000)
    check(a, b, case, positive=True)
    check(np.concatenate([a, a]), np.concatenate([b, -b]), case)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES[:-1], ids=str)
def test_a_million_quotients_have_the_error_that_is_said(case):
    check(*operands(case, 1_000_000), case, positive=True)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(-8, 8), st.floats(-64, 64)), min_size=1, max_size=6))
def test_any_pair(pairs):
    a, b = np.array(pairs).T
    check(a, b, CASES[0])


def test_a_column_divides_a_matrix():
    a = np.arange(12.0).reshape(3, 4) / 4 - 1
    came = check(a, np.array([[1.0], [2.0], [-4.0]]), CASES[0])
    assert came.values.shape == (3, 4)


def test_division_by_a_secret_zero_is_division_by_the_declared_low():
    came = check([1.0, -1.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.01], CASES[0])
    assert np.allclose(came.values, [16, -16, 0, 32], atol=1e-5)


@pytest.mark.parametrize(("a", "b"), [(1.0, 3.0), (7.0, 0.07), (-5.0, 60.0), (2.0**-20, 64.0), (8.0, 0.0625)])
def test_quotients_that_others_document_as_failing(a, b):
    check([a, -a], [b, b], CASES[0])


def test_domains_that_the_ring_does_not_bear_are_refused():
    one = Number([1.0], 20, 2.0**20)
    with pytest.raises(EncodingOverflow, match=r"too long|headroom"):
        run(divide, one, Number([1.0], 20, 2.0**10), low=2.0**-10)
    with pytest.raises(InvalidRequest, match="smallest magnitude"):
        run(divide, one, one, low=0.0)
    with pytest.raises(InvalidRequest, match="widen"):
        run(divide, one, Number([1.0], 20, 8.0, Ring.Z128), low=1.0)


def test_the_rounds_are_as_said():
    a, b = Number(np.ones(8), 20, 8.0), Number(np.ones(8), 20, 64.0)
    assert run(divide, a, b, low=0.0625, positive=True).played.rounds == 11
    assert run(divide, a, b, low=0.0625).played.rounds == 16


def test_nothing_is_seen_but_uniform_words():
    for value in (0.0, -3.0):
        a, b = Number(np.full(2000, value)), Number(np.full(2000, value), 20, 64.0)
        assert masked(run(divide, a, b, low=0.5).played)
