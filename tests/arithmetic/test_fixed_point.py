"""Quantising rounds once; sums are exact and do not depend on order or partition."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.fixed_point import (
    exact_sum,
    exact_sum_by,
    exact_sum_of_squares,
    exact_sum_of_squares_by,
    quantise,
    scale_for,
)
from securecompute.errors import InvalidRequest, NonFiniteInput

LIMITS = st.floats(1e-250, 1e250)
INT64 = st.integers(-(2**63), 2**63 - 1)
SQUARABLE = st.integers(-(2**46), 2**46)
LONG = 140_000  # records, more than two chunks, and more than 2^17


def int64(values):
    return np.array(values, np.int64)


def split_by(values, group, groups):
    return [[v for v, g in zip(values, group, strict=True) if g == k] for k in range(groups)]


@given(LIMITS, st.lists(st.floats(-1, 1), max_size=6), st.integers(-5, 0))
def test_quantising_rounds_the_exact_product_once_half_to_even(limit, fractions, coarser):
    scale = scale_for(limit, integer=False) + coarser
    x = np.array([limit * f for f in fractions], np.float64)
    exact = [round(Fraction(v) * Fraction(2) ** scale) for v in x.tolist()]
    assert quantise(x, scale, limit, "x").tolist() == exact


def test_a_half_goes_to_the_even_neighbour():
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5])
    assert quantise(x, 0, 3.0, "x").tolist() == [0, 2, 2, 0, -2, -2]


@given(LIMITS)
def test_the_scale_is_the_largest_that_keeps_the_limit_within_46_bits(limit):
    scale = scale_for(limit, integer=False)
    assert Fraction(limit) * Fraction(2) ** scale <= 2**46 < Fraction(limit) * Fraction(2) ** (scale + 1)


def test_integers_and_an_all_zero_variable_need_no_fractional_bits():
    assert scale_for(120.0, integer=True) == 0
    assert scale_for(0.0, integer=False) == 0


@given(st.integers(-40, 40))
def test_a_value_at_a_limit_that_is_a_power_of_two_can_be_squared(exponent):
    limit = 2.0**exponent
    q = quantise(np.array([limit, -limit]), scale_for(limit, integer=False), limit, "x")
    assert exact_sum_of_squares(q) == 2 * 2**92


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_and_infinity_are_refused_by_name_of_the_column(bad, place):
    x = np.array([1.0, 2.0, 3.0])
    x[place] = bad
    with pytest.raises(NonFiniteInput, match=r"'hba1c'.*missing values as nulls"):
        quantise(x, 4, 10.0, "hba1c")


@pytest.mark.parametrize("beyond", [10.000001, -77.25])
def test_a_value_beyond_the_limit_is_refused_naming_column_and_limit_never_the_value(beyond):
    with pytest.raises(InvalidRequest, match=r"'hba1c'.*±10;") as refusal:
        quantise(np.array([1.0, beyond]), 4, 10.0, "hba1c")
    assert str(abs(beyond)) not in str(refusal.value)


@pytest.mark.parametrize("limit", [-1.0, np.nan, np.inf])
def test_a_limit_is_finite_and_not_negative(limit):
    with pytest.raises(InvalidRequest, match="declare a finite range"):
        scale_for(limit, integer=False)
    with pytest.raises(InvalidRequest, match="declare a finite range"):
        quantise(np.array([0.0]), 0, limit, "x")


@pytest.mark.parametrize(("scale", "limit"), [(62, 1.5), (63, 1.0), (1001, 1e-300), (-1001, 1.0), (0, 2.0**63)])
def test_a_scale_without_headroom_is_refused(scale, limit):
    with pytest.raises(InvalidRequest, match="no headroom"):
        quantise(np.array([0.0]), scale, limit, "x")


@pytest.mark.parametrize("x", [np.zeros(2, np.float32), np.zeros(2, np.int64), np.zeros((2, 2))])
def test_only_float64_vectors_are_quantised(x):
    with pytest.raises(InvalidRequest, match="expected float64"):
        quantise(x, 0, 1.0, "x")


def test_quantising_leaves_its_input_as_it_was():
    x = np.array([0.25, 0.75])
    quantise(x, 10, 1.0, "x")
    assert x.tolist() == [0.25, 0.75]


def test_no_records_sum_to_zero():
    q = quantise(np.empty(0), 3, 1.0, "x")
    none = np.empty(0, np.int32)
    assert exact_sum(q) == exact_sum_of_squares(q) == 0
    assert exact_sum_by(q, none, 2) == exact_sum_of_squares_by(q, none, 2) == [0, 0]


@given(st.lists(INT64, max_size=20))
def test_a_sum_is_that_of_pythons_integers(values):
    assert exact_sum(int64(values)) == sum(values)


@given(st.lists(SQUARABLE, max_size=20))
def test_a_sum_of_squares_is_that_of_pythons_integers(values):
    assert exact_sum_of_squares(int64(values)) == sum(v * v for v in values)


@given(st.lists(st.tuples(INT64, st.integers(0, 4)), max_size=20))
def test_grouped_sums_are_those_of_pythons_integers(records):
    values, group = [v for v, _ in records], [g for _, g in records]
    expected = [sum(vs) for vs in split_by(values, group, 5)]
    assert exact_sum_by(int64(values), np.array(group, np.int32), 5) == expected


@given(st.lists(st.tuples(SQUARABLE, st.integers(0, 4)), max_size=20))
def test_grouped_sums_of_squares_are_those_of_pythons_integers(records):
    values, group = [v for v, _ in records], [g for _, g in records]
    expected = [sum(v * v for v in vs) for vs in split_by(values, group, 5)]
    assert exact_sum_of_squares_by(int64(values), np.array(group, np.int32), 5) == expected


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=20), st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_answer_does_not_depend_on_order_or_split_of_the_records(values, shuffler, institutions):
    def sums(x):
        q = quantise(np.array(x, np.float64), 43, 8.0, "x")
        return np.array([exact_sum(q), exact_sum_of_squares(q)], object)

    pooled = sums(values)
    shuffled = list(values)
    shuffler.shuffle(shuffled)
    assert (sum(sums(shuffled[k::institutions]) for k in range(institutions)) == pooled).all()


@pytest.mark.parametrize("extreme", [-(2**63), 2**63 - 1])
def test_sums_far_beyond_64_bits_are_exact(extreme):
    q = np.full(LONG, extreme, np.int64)
    group = (np.arange(LONG) % 2).astype(np.int32)
    assert exact_sum(q) == LONG * extreme
    assert exact_sum_by(q, group, 2) == [LONG // 2 * extreme] * 2


@pytest.mark.parametrize("extreme", [-(2**46), 2**46, 2**46 - 1])
def test_sums_of_the_largest_squares_are_exact(extreme):
    q = np.full(LONG, extreme, np.int64)
    one_group = np.zeros(LONG, np.int32)
    assert exact_sum_of_squares(q) == LONG * extreme**2
    assert exact_sum_of_squares_by(q, one_group, 1) == [LONG * extreme**2]


@pytest.mark.parametrize("beyond", [2**46 + 1, -(2**46) - 1, -(2**63)])
def test_squares_beyond_46_bits_are_refused(beyond):
    with pytest.raises(InvalidRequest, match="lower the scale") as refusal:
        exact_sum_of_squares(int64([0, beyond]))
    assert str(abs(beyond)) not in str(refusal.value)
    with pytest.raises(InvalidRequest, match="lower the scale"):
        exact_sum_of_squares_by(int64([0, beyond]), np.zeros(2, np.int32), 1)


@pytest.mark.parametrize("by", [exact_sum_by, exact_sum_of_squares_by])
@pytest.mark.parametrize("code", [-1, 3])
def test_a_code_outside_the_groups_is_refused(by, code):
    with pytest.raises(InvalidRequest, match=r"outside 0 \.\. 2"):
        by(int64([1, 2]), np.array([0, code], np.int32), 3)


@pytest.mark.parametrize("by", [exact_sum_by, exact_sum_of_squares_by])
@pytest.mark.parametrize(
    "group", [np.zeros(2), np.zeros(2, np.int64), np.zeros(1, np.int32), np.zeros((2, 1), np.int32)]
)
def test_groups_are_int32_codes_one_per_record(by, group):
    with pytest.raises(InvalidRequest, match="expected int32"):
        by(int64([1, 2]), group, 3)


@pytest.mark.parametrize("q", [np.zeros(2), np.zeros(2, np.int32), np.zeros(2, np.uint64), np.zeros((2, 2), np.int64)])
def test_only_int64_vectors_are_summed(q):
    group = np.zeros(len(q), np.int32)
    for total in (exact_sum, exact_sum_of_squares):
        with pytest.raises(InvalidRequest, match="expected int64"):
            total(q)
    for by in (exact_sum_by, exact_sum_of_squares_by):
        with pytest.raises(InvalidRequest, match="expected int64"):
            by(q, group, 1)
