"""Exact sums: one rounding for each record, one for the total, and no trace of an order or a split."""

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic import exact_kernels, exact_sums
from securecompute.arithmetic.exact_sums import (
    Term,
    nearest,
    total,
    total_by,
    total_of_products,
    total_of_products_by,
)
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput, PrecisionLoss

LIMIT = 2.0**15
ROUNDED = Term("hba1c", LIMIT, rounded=True)
VALUES = st.floats(-LIMIT, LIMIT)
FACTORS = st.floats(-181.0, 181.0)  # 181^2 < 2^15
HALVES = st.builds(lambda k, e: k * 2.0**e, st.integers(-(2**20), 2**20), st.integers(-85, -75))  # ties are frequent
SCALES = st.integers(-40, 80)


@pytest.fixture(scope="module", autouse=True)
def compiled_once():
    exact_kernels.warm()


def array(values):
    return np.array(values, np.float64)


def exactly(numbers, scale=80):
    """Σ rint(2^f t) by Python's rationals."""
    return sum(round(Fraction(t) * Fraction(2) ** scale) for t in numbers)


def products(xs, ys):
    return [Fraction(x) * Fraction(y) for x, y in zip(xs, ys, strict=True)]


@given(st.lists(st.one_of(VALUES, HALVES), max_size=20), SCALES)
def test_each_value_is_rounded_once_half_to_even_and_added_exactly(values, scale):
    assert total(array(values), Term("x", LIMIT, scale, rounded=True)) == exactly(values, scale)


@given(st.lists(st.tuples(st.one_of(FACTORS, HALVES), st.one_of(FACTORS, HALVES)), max_size=20), SCALES)
def test_each_product_is_rounded_once_half_to_even_and_added_exactly(pairs, scale):
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    term = Term("x", LIMIT, scale, rounded=True)
    assert total_of_products(array(xs), array(ys), term) == exactly(products(xs, ys), scale)


@given(st.integers(0, 2**53 - 1), st.integers(0, 2**52 - 1), st.sampled_from([-1, 1]))
def test_a_product_just_beside_a_tie_goes_to_its_own_side(a, b, sign):
    x, y = (2**53 - 1 - a % 8) * 2.0**-52, (2**53 - 1 - b) * 2.0**-53
    scale = 50  # of the 106 bits of x y, the last 56 decide
    near = sign * (Fraction(x) * Fraction(y))
    tie = Term("x", 8.0, scale, rounded=True)
    assert total_of_products(array([sign * x]), array([y]), tie) == exactly([near], scale)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_tie_of_the_rounded_product_is_decided_by_its_error(sign):
    x = 1 + 2.0**-30  # x x = 1 + 2^-29 + 2^-60, of which a double keeps 1 + 2^-29
    half_above = Term("x", 2.0, 28, rounded=True)
    assert round((x * x) * 2.0**28) == 2**28
    assert total_of_products(array([sign * x]), array([x]), half_above) == sign * (2**28 + 1)
    y = 1 - 2.0**-30  # y y = 1 - 2^-29 + 2^-60
    assert total_of_products(array([sign * y]), array([y]), half_above) == sign * 2**28


def test_an_error_of_the_product_alone_is_a_lost_bit():
    x = array([1 + 2.0**-30])
    assert total_of_products(x, x, Term("x", 2.0, 60)) == 2**60 + 2**31 + 1
    with pytest.raises(PrecisionLoss):
        total_of_products(x, x, Term("x", 2.0, 29))


@given(st.lists(st.tuples(VALUES, FACTORS, st.integers(0, 4)), max_size=20))
def test_sums_by_group_are_those_of_each_group_alone(records):
    xs, ws, codes = ([r[k] for r in records] for k in range(3))
    xs = [x / 181 for x in xs]
    group = np.array(codes, np.int32)
    alone = [[r for r, code in enumerate(codes) if code == k] for k in range(5)]
    assert total_by(array(xs), group, 5, ROUNDED) == [exactly(xs[r] for r in rows) for rows in alone]
    by_products = [exactly(products([xs[r] for r in rows], [ws[r] for r in rows])) for rows in alone]
    assert total_of_products_by(array(xs), array(ws), group, 5, ROUNDED) == by_products


def test_a_million_random_normals_sum_as_fsum_does():
    x = np.random.default_rng(1).normal(size=1_000_000)
    assert nearest(total(x, Term("x", LIMIT)), 80) == math.fsum(x.tolist())


def test_sums_of_very_different_numbers_lose_nothing():
    x = array([2.0**15, 2.0**-80, -(2.0**15)] * 10_000)
    assert total(x, Term("x", LIMIT)) == 10_000
    assert x.sum() != 10_000 * 2.0**-80


@given(st.lists(VALUES, min_size=1, max_size=30), st.randoms(use_true_random=False), st.integers(1, 5))
def test_no_order_no_chunk_and_no_split_shows(values, shuffler, institutions):
    squares = Term("x", 2.0**30, 60, rounded=True)
    pooled = total(array(values), ROUNDED), total_of_products(array(values), array(values), squares)
    shuffled = list(values)
    shuffler.shuffle(shuffled)
    parts = [array(shuffled[k::institutions]) for k in range(institutions)]
    assert sum(total(part, ROUNDED) for part in parts) == pooled[0]
    assert sum(total_of_products(part, part, squares) for part in parts) == pooled[1]


@pytest.mark.parametrize("at_once", [1, 7, 512, 513])
def test_chunks_are_added_without_a_seam(monkeypatch, at_once):
    x, w = np.random.default_rng(2).uniform(-180, 180, (2, 2000))
    group = (np.arange(2000) % 3).astype(np.int32)

    def everything():
        return (
            total(x, ROUNDED),
            total_of_products(x, w, ROUNDED),
            total_by(x, group, 3, ROUNDED),
            total_of_products_by(x, w, group, 3, ROUNDED),
        )

    whole = everything()
    monkeypatch.setattr(exact_sums, "VALUES_AT_ONCE", at_once)
    monkeypatch.setattr(exact_sums, "PRODUCTS_AT_ONCE", at_once)
    assert everything() == whole


def test_at_the_limit_the_digits_of_a_whole_chunk_stay_within_their_words():
    largest_digit, of_a_product = 2**31, 2**43
    assert exact_sums.VALUES_AT_ONCE * largest_digit < 2**63
    assert exact_sums.PRODUCTS_AT_ONCE * of_a_product < 2**63


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_long_sum_of_the_largest_values_is_exact(sign):
    n = exact_sums.PRODUCTS_AT_ONCE + 3
    x = np.full(n, sign * LIMIT)
    assert total(x, Term("x", LIMIT)) == sign * n * 2**95
    y = np.full(n, 181.019335983756)
    assert total_of_products(sign * y, y, ROUNDED) == sign * n * exactly([Fraction(y[0]) ** 2])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 600])
def test_nan_and_infinity_are_refused_by_name_of_the_column(bad, place):
    x, one, group = np.ones(601), np.ones(601), np.zeros(601, np.int32)
    x[place] = bad
    for use in (
        lambda: total(x, ROUNDED),
        lambda: total_of_products(one, x, ROUNDED),
        lambda: total_by(x, group, 1, ROUNDED),
        lambda: total_of_products_by(x, one, group, 1, ROUNDED),
    ):
        with pytest.raises(NonFiniteInput, match=r"'hba1c'.*missing values as nulls"):
            use()


@pytest.mark.parametrize("beyond", [32768.125, -77777.25, 1e300])
def test_a_value_beyond_the_limit_is_refused_naming_column_and_limit_never_the_value(beyond):
    x, one, group = array([1.0, beyond]), np.ones(2), np.zeros(2, np.int32)
    for use in (
        lambda: total(x, ROUNDED),
        lambda: total_of_products(x, one, ROUNDED),
        lambda: total_by(x, group, 1, ROUNDED),
        lambda: total_of_products_by(x, one, group, 1, ROUNDED),
    ):
        with pytest.raises(EncodingOverflow, match=r"'hba1c'.*±32768;.*declared range") as refusal:
            use()
        assert str(abs(beyond)) not in str(refusal.value)


def test_a_product_that_overflows_is_beyond_the_limit():
    with pytest.raises(EncodingOverflow, match="beyond"):
        total_of_products(array([1e200]), array([1e200]), ROUNDED)


@pytest.mark.parametrize("finer", [2.0**-81, -3 * 2.0**-82, 5e-324])
def test_a_lost_bit_is_an_error_that_names_column_bound_and_remedy(finer):
    x, one, group = array([1.0, finer]), np.ones(2), np.zeros(2, np.int32)
    strict = Term("crp", LIMIT)
    for use in (
        lambda: total(x, strict),
        lambda: total_of_products(x, one, strict),
        lambda: total_by(x, group, 1, strict),
        lambda: total_of_products_by(x, one, group, 1, strict),
    ):
        with pytest.raises(PrecisionLoss, match=r"'crp'.*2\^-80.*±32768.*Raise the scale, or say"):
            use()


@given(VALUES, VALUES)
def test_bits_are_lost_exactly_if_the_product_is_no_multiple_of_the_unit(x, y):
    term = Term("x", 2.0**30, 60)
    if (Fraction(x) * Fraction(y) * 2**60).denominator == 1:
        total_of_products(array([x]), array([y]), term)
    else:
        with pytest.raises(PrecisionLoss):
            total_of_products(array([x]), array([y]), term)


def test_a_product_that_vanishes_is_a_lost_bit():
    with pytest.raises(PrecisionLoss):
        total_of_products(array([1e-200]), array([1e-200]), Term("x", 1.0))
    assert total_of_products(array([1e-200, 0.0]), array([0.0, 1e-200]), Term("x", 1.0)) == 0


def test_read_only_strided_and_reversed_columns_are_summed_and_left_as_they_are():
    table = np.arange(30.0).reshape(10, 3)
    table.flags.writeable = False
    assert total(table[::-1, 1], Term("x", LIMIT, 0)) == sum(range(1, 30, 3))
    assert total_of_products(table[:, 0], table[:, 2], Term("x", LIMIT, 0)) == sum(k * (k + 2) for k in range(0, 30, 3))


def test_no_records_sum_to_zero():
    none = np.empty(0)
    assert total(none, ROUNDED) == total_of_products(none, none, ROUNDED) == 0
    assert total_by(none, np.empty(0, np.int32), 2, ROUNDED) == [0, 0]


@given(st.integers(-(2**200), 2**200), st.integers(-50, 300))
def test_the_total_is_rounded_once(integer, scale):
    assert nearest(integer, scale) == float(Fraction(integer) / Fraction(2) ** scale)


def test_a_total_beyond_doubles_is_refused():
    with pytest.raises(InvalidRequest, match="beyond the range of doubles"):
        nearest(1 << 2000, 0)


@pytest.mark.parametrize(("limit", "scale"), [(2.0**15 + 1, 80), (1.0, 96), (2.0**200, -100)])
def test_a_term_without_headroom_is_refused(limit, scale):
    with pytest.raises(EncodingOverflow, match=r"'x': limit .* exceeds 95 bits; declare a narrower range or lower"):
        Term("x", limit, scale)


@pytest.mark.parametrize(("limit", "scale"), [(0.0, 1), (np.nan, 1), (np.inf, 1), (-1.0, 1), (1.0, 901), (1.0, -901)])
def test_a_term_has_a_finite_range_and_a_moderate_scale(limit, scale):
    with pytest.raises(InvalidRequest, match="declare a finite range"):
        Term("x", limit, scale)


@pytest.mark.parametrize("x", [np.zeros(2, np.float32), np.zeros(2, np.int64), np.zeros((2, 2)), np.zeros(2, ">f8")])
def test_only_float64_vectors_are_summed(x):
    with pytest.raises(InvalidRequest, match="expected float64"):
        total(x, ROUNDED)


def test_factors_have_one_length():
    with pytest.raises(InvalidRequest, match="expected float64"):
        total_of_products(np.zeros(2), np.zeros(1), ROUNDED)


def test_the_compiler_is_loaded_by_the_first_sum_and_not_before():
    report = "import sys; import securecompute.arithmetic.exact_sums, securecompute.analyses.describe; {}"
    check = "sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", report.format(check)], check=False).returncode == 0


@pytest.mark.parametrize("code", [-1, 3])
def test_a_code_outside_the_groups_is_refused(code):
    with pytest.raises(InvalidRequest, match=r"outside 0 \.\. 2"):
        total_by(np.ones(2), np.array([0, code], np.int32), 3, ROUNDED)


@pytest.mark.parametrize("group", [np.zeros(2), np.zeros(2, np.int64), np.zeros(1, np.int32)])
def test_groups_are_int32_codes_one_per_record(group):
    with pytest.raises(InvalidRequest, match="expected int32"):
        total_by(np.ones(2), group, 3, ROUNDED)
