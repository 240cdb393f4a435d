"""The range proof: what fits is found by trying everything in a ring of 256 elements."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.headroom import check_fits, entry_bound, largest_scale, plan
from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest, PrecisionLoss

LIMITS = st.floats(1e-250, 1e250)


def every_total_survives(bits, limit, scale, records, institutions):
    """Whether all totals of rounded values within ±limit decode from Z_2^bits to themselves, by enumeration."""
    steps = range(-8 * records * institutions, 8 * records * institutions + 1)
    values = [limit * Fraction(step, 8 * records * institutions) for step in steps]
    rounded = {round(value * Fraction(2) ** scale) for value in values}
    extremes = {min(rounded), max(rounded), 0}
    totals = {sum(each) for each in itertools.product(extremes, repeat=records * institutions)}
    half = 1 << (bits - 1)
    return all((t + half) % (2 * half) - half == t for t in totals)


@pytest.mark.parametrize("limit", [0.03, 0.75, 1.0, 1.3, 5.0, 100.0, 127.0])
@pytest.mark.parametrize(("records", "institutions"), [(1, 1), (1, 3), (2, 2), (3, 1), (3, 3)])
def test_in_a_ring_of_256_elements_the_scale_is_safe_and_the_next_one_is_refused(limit, records, institutions):
    scale = largest_scale(8, limit, records, institutions)
    assert every_total_survives(8, Fraction(limit), scale, records, institutions)
    assert institutions * entry_bound(limit, scale + 1, records) > 127


@pytest.mark.parametrize("limit", [0.75, 1.0, 5.0, 127.0])
def test_in_a_ring_of_256_elements_the_next_scale_would_wrap(limit):
    assert not every_total_survives(8, Fraction(limit), largest_scale(8, limit, 1, 1) + 1, 1, 1)


@given(st.integers(2, 128), LIMITS, st.integers(1, 10**9), st.integers(1, 1000))
def test_the_largest_scale_is_the_largest(bits, limit, records, institutions):
    most = 2 ** (bits - 1) - 1
    scale = largest_scale(bits, limit, records, institutions)
    if scale is None:
        assert institutions * records > most
    else:
        assert institutions * entry_bound(limit, scale, records) <= most
        assert scale == 900 or institutions * entry_bound(limit, scale + 1, records) > most


@given(LIMITS, st.integers(1, 10**7), st.integers(1, 60), st.integers(-60, 20))
def test_a_plan_keeps_the_precision_in_the_smallest_ring_that_can(limit, records, institutions, exponent):
    precision = limit * 2.0**exponent
    try:
        planned = plan("x", limit, precision, records, institutions)
    except PrecisionLoss:
        scale = largest_scale(128, limit, records, institutions)
        assert Fraction(2) ** (-scale - 1) > Fraction(precision)
        return
    assert Fraction(2) ** (-planned.scale - 1) <= Fraction(precision)
    assert check_fits("x", limit, planned.scale, records, institutions, planned.ring) == planned.bound
    for smaller in [ring for ring in Ring if ring.bits < planned.ring.bits]:
        with pytest.raises((PrecisionLoss, EncodingOverflow)):
            plan("x", limit, precision, records, institutions, smaller)


@pytest.mark.parametrize(("ring", "larger"), [(Ring.Z32, Ring.Z64), (Ring.Z64, Ring.Z128)])
def test_half_a_unit_is_the_precision_and_anything_less_takes_the_next_ring(ring, larger):
    half_a_unit = 2.0 ** (-largest_scale(ring.bits, 300.0, 10, 3) - 1)
    assert plan("x", 300.0, half_a_unit, 10, 3).ring is ring
    assert plan("x", 300.0, half_a_unit * 0.99, 10, 3).ring is larger


def test_the_bound_is_reached_by_values_at_the_limit():
    x = np.full(1000, 99.7)
    planned = plan("hba1c", 99.7, 0.01, 1000, 7)
    total = sum(round(Fraction(v) * 2**planned.scale) for v in x.tolist())
    assert planned.bound - 1000 <= total <= planned.bound


def test_a_precision_that_no_ring_keeps_names_column_bound_and_remedy():
    with pytest.raises(PrecisionLoss, match=r"'hba1c': with limit ±1000, 7 institutions.*Z_2\^128.*narrower range"):
        plan("hba1c", 1000.0, 1e-30, 10**6, 7)
    with pytest.raises(PrecisionLoss, match=r"Z_2\^32 rounds values by up to 2\^.*take a wider ring"):
        plan("hba1c", 1000.0, 1e-9, 10**6, 7, Ring.Z32)


def test_a_scale_that_does_not_fit_names_column_bound_and_the_scale_that_does():
    scale = largest_scale(64, 300.0, 10**6, 7)
    check_fits("sbp", 300.0, scale, 10**6, 7, Ring.Z64)
    with pytest.raises(EncodingOverflow, match=rf"'sbp': with limit ±300 .* lower the scale to {scale},"):
        check_fits("sbp", 300.0, scale + 1, 10**6, 7, Ring.Z64)


def test_more_records_than_a_ring_counts_are_an_overflow():
    with pytest.raises(EncodingOverflow, match="lower max_records"):
        plan("age", 120.0, 1.0, 2**31, 3, Ring.Z32)
    with pytest.raises(EncodingOverflow, match="lower max_records"):
        check_fits("age", 120.0, 0, 2**31, 3, Ring.Z32)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("inf"), float("nan"), 1e300])
def test_a_limit_is_finite_and_positive(limit):
    for use in (lambda: plan("x", limit, 1.0, 1, 1), lambda: largest_scale(64, limit, 1, 1)):
        with pytest.raises(InvalidRequest, match="finite range"):
            use()


@pytest.mark.parametrize("precision", [0.0, -1.0, float("inf"), float("nan")])
def test_a_precision_is_finite_and_positive(precision):
    with pytest.raises(InvalidRequest, match="largest error of rounding"):
        plan("x", 1.0, precision, 1, 1)


@pytest.mark.parametrize(("records", "institutions"), [(0, 1), (1, 0)])
def test_somebody_contributes_something(records, institutions):
    with pytest.raises(InvalidRequest, match="1 or more"):
        largest_scale(64, 1.0, records, institutions)


@pytest.mark.parametrize("scale", [901, -901])
def test_a_scale_beyond_900_bits_is_refused(scale):
    with pytest.raises(InvalidRequest, match="900 bits"):
        check_fits("x", 1.0, scale, 1, 1, Ring.Z64)
