"""Sigmoid, tanh, normal distribution and erf: right for every number, at the cost that is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf as true_erf
from scipy.special import expit, ndtr

from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products import sigmoid as curves
from securecompute.protocols.products.sigmoid import LOGISTIC, NORMAL, erf, normal_cdf, series, sigmoid, tanh
from tests.protocols.products.real_functions import Number, masked, run

GATES = {
    "sigmoid": (sigmoid, expit, 2.5e-7, 15.75),
    "normal_cdf": (normal_cdf, ndtr, 2.5e-7, 5.5),
    "tanh": (tanh, np.tanh, 5e-7, 15.75 / 2),
    "erf": (erf, true_erf, 5e-7, 5.5 / 2**0.5),
}
ALL = pytest.mark.parametrize("name", GATES)


def largest_error(name, number, scale=40):
    gate, function, bound, _ = GATES[name]
    came = run(gate, number, scale=scale)
    assert came.type.scale == scale and came.type.bound <= 1 + 4e-6
    return np.abs(came.values - function(number.encoded)).max() - bound - came.unit


def border_points(edge, bound, scale=20):
    """Zero, the ends, and the unit on either side of where the function is replaced by its limits."""
    near = [s * edge + d * 2.0**-scale for s in (-1, 1) for d in (-2, -1, 0, 1, 2)]
    return np.clip([0, *near, -bound, bound, 2.0**-scale, -(2.0**-scale)], -bound, bound)


@ALL
@pytest.mark.parametrize("bound", [0.25, 1, 3.9, 8, 15.75, 16, 1000, 2.0**40])
def test_every_bound_has_the_error_that_is_said(name, bound):
    x = np.concatenate([np.linspace(-1, 1, 4001) * bound, np.linspace(-1, 1, 4001) * min(bound, 20)])
    assert largest_error(name, Number(np.concatenate([x, border_points(GATES[name][3], bound)]), 20, bound)) <= 0


@ALL
@pytest.mark.parametrize(
    ("scale", "ring"), [(8, Ring.Z64), (30, Ring.Z64), (45, Ring.Z64), (20, Ring.Z128), (60, Ring.Z128)]
)
def test_every_scale_and_ring_has_the_error_that_is_said(name, scale, ring):
    assert largest_error(name, Number(np.linspace(-30, 30, 5001), scale, 30, ring)) <= 0


@ALL
@settings(max_examples=25)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.integers(1, 24))
def test_any_number_at_any_scale(name, x, scale):
    gate, function, bound, _ = GATES[name]
    number = Number(x, 20, 2.0**20)
    came = run(gate, number, scale=scale)
    assert (np.abs(came.values - function(number.encoded)) <= bound + came.unit).all()


def test_the_result_has_the_scale_of_the_argument_unless_another_is_asked_for():
    assert run(sigmoid, Number([1.0], 17)).type.scale == 17
    assert run(tanh, Number([1.0], 17)).type.scale == 17


@pytest.mark.slow
@ALL
def test_a_million_numbers_have_the_error_that_is_said(name):
    edge = GATES[name][3]
    for bound in (edge, 2 * edge):
        assert largest_error(name, Number(np.linspace(-bound, bound, 1_000_001), 24, bound)) <= 0


@pytest.mark.parametrize(("curve", "true"), [(LOGISTIC, expit), (NORMAL, ndtr)], ids=["logistic", "normal"])
@pytest.mark.parametrize("reach", [0.0, 0.25, 1.0, 4.0, 5.5, 8.0, 15.75])
def test_the_series_itself_is_within_the_error_on_a_dense_grid(curve, true, reach):
    reach = min(reach, curve.edge)
    x, half_period = np.linspace(-reach, reach, 50_001), curve.edge + reach
    assert np.abs(series(curve, half_period)(x / (2 * half_period)) - true(x)).max() < 2.45e-7
    assert true(-curve.edge) < 2.45e-7


def test_the_harmonics_are_as_many_as_said():
    counts = [len(series(LOGISTIC, 15.75 + reach).sines) for reach in (15.75, 8.0)]
    assert [*counts, len(series(NORMAL, 11.0).sines)] == [24, 18, 9]


def test_a_bound_within_the_edge_costs_three_rounds():
    n = 1000
    played = run(sigmoid, Number(np.zeros(n), 20, 8.0)).played
    assert played.rounds == 3
    assert played.sent == {"P0": 16 * n, "P1": 16 * n, "P2": (32 + 16 * 18) * n}


def test_a_larger_bound_costs_two_comparisons_and_finer_numbers_two_rounds():
    assert run(sigmoid, Number(np.zeros(10), 20, 100.0)).played.rounds == 5
    assert run(sigmoid, Number(np.zeros(10), 31, 100.0)).played.rounds == 7


@ALL
def test_nothing_is_seen_but_uniform_words(name):
    for value in (0.0, 3.0, -50.0):
        assert masked(run(GATES[name][0], Number(np.full(2000, value), 20, 64.0)).played)


def test_without_the_saturation_a_large_number_would_come_back(monkeypatch):
    monkeypatch.setattr(curves, "saturated", lambda party, x, ends, function: function)
    number = Number([31.0, 40.0], 20, 64.0)
    assert np.abs(run(sigmoid, number, scale=30).values - 1).max() > 0.1
