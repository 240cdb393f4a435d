"""Mean, variance and standard deviation, bit for bit."""

import statistics
from fractions import Fraction
from math import inf, nextafter, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from securecompute.analyses.moments import moments, root
from securecompute.analyses.result import Hidden, NotEstimable, Withheld


@given(st.lists(st.integers(-(2**46), 2**46), min_size=2, max_size=30), st.integers(-3, 50))
def test_mean_variance_and_sd_are_the_nearest_doubles(q, scale):
    true = [Fraction(each) / Fraction(2) ** scale for each in q]
    result = moments(len(q), 0, sum(q), sum(each * each for each in q), scale)
    assert result.mean.value == float(statistics.mean(true))
    assert result.variance.value == float(statistics.variance(true))
    assert result.sd.value == statistics.stdev(true)


@given(st.fractions(0, 10**40, max_denominator=10**30))
def test_no_double_is_nearer_to_a_root(x):
    nearest = root(x)
    below, above = ((Fraction(nearest) + Fraction(nextafter(nearest, to))) / 2 for to in (0, inf))
    assert below**2 <= x <= above**2


@pytest.mark.parametrize("n", [0, 1, 4, 10**20])
def test_the_root_of_a_square_is_exact(n):
    assert root(Fraction(n * n)) == n


def test_the_mean_has_students_interval():
    result = moments(4, 0, 10, 30, 0)
    margin = t.ppf(0.975, 3) * result.sd.value / sqrt(4)
    assert (result.mean.low, result.mean.high) == pytest.approx((2.5 - margin, 2.5 + margin))


def test_a_group_that_is_hidden_has_its_estimates_withheld():
    result = moments(Hidden(10), 0, None, None, 0)
    assert {type(each) for each in result.statistics().values()} == {Withheld}


def test_nobody_has_no_mean_and_one_patient_no_variance():
    assert moments(0, 0, 0, 0, 0).mean == NotEstimable("no patients")
    alone = moments(1, 0, 5, 25, 0)
    assert alone.mean.value == 5
    assert alone.sd == alone.variance == NotEstimable("one patient")
