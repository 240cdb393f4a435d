"""Exact Gram matrices: Python's integers, whatever the order of the rows and the split over institutions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic import exact_gram as module
from securecompute.arithmetic.exact_gram import Columns, exact_gram
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput

LIMITS = (1.0, 99.7, 1e-6, 3e8)
NAMES = ("age", "bmi", "dose", "cost")
BITS = [21, 42]
ROWS = st.lists(st.tuples(*[st.floats(-limit, limit) for limit in LIMITS], st.integers(0, 2**21)), max_size=8)


def columns(bits):
    return Columns(NAMES, LIMITS, bits)


def quantised(x, design):
    factors = [Fraction(2) ** s for s in design.scales]
    rows = [[round(Fraction(v) * f) for v, f in zip(row, factors, strict=True)] for row in x.tolist()]
    return np.array(rows, object).reshape(len(x), len(LIMITS))


def random_rows(n, seed=5):
    generator = np.random.default_rng(seed)
    return generator.uniform(-1, 1, (n, 4)) * LIMITS, generator.integers(0, 2**21 + 1, n)


@pytest.mark.parametrize("bits", BITS)
@given(rows=ROWS)
def test_the_matrix_is_that_of_pythons_integers(bits, rows):
    x = np.array([row[:4] for row in rows], np.float64).reshape(-1, 4)
    w = np.array([row[4] for row in rows], np.int64)
    q = quantised(x, columns(bits))
    assert (exact_gram(x, columns(bits)) == q.T @ q).all()
    assert (exact_gram(x, columns(bits), w) == (q * w.astype(object)[:, None]).T @ q).all()


@pytest.mark.parametrize("bits", BITS)
def test_no_order_of_the_rows_and_no_split_shows(bits):
    x, w = random_rows(3001)
    order = np.random.default_rng(6).permutation(3001)
    for weights in (None, w):
        pooled = exact_gram(x, columns(bits), weights)
        shuffled = exact_gram(x[order], columns(bits), None if weights is None else w[order])
        parts = [exact_gram(x[k::7], columns(bits), None if weights is None else w[k::7]) for k in range(7)]
        assert (shuffled == pooled).all()
        assert (sum(parts) == pooled).all()


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_values_and_weights_are_exact_over_many_blocks(bits, sign):
    n = 5 * module.ROWS + 1
    design = Columns(("a", "b"), (1.0, 4.0), bits)
    x = np.tile([sign * 1.0, 4.0 - 2.0**-40], (n, 1))
    q = [round(Fraction(v) * Fraction(2) ** s) for v, s in zip(x[0].tolist(), design.scales, strict=True)]
    w = np.full(n, 2**21)
    assert (exact_gram(x, design) == n * np.outer(q, np.array(q, object))).all()
    assert (exact_gram(x, design, w) == 2**21 * n * np.outer(q, np.array(q, object))).all()


def test_every_partial_sum_of_a_block_is_an_integer_that_a_double_holds():
    one_side, other_side = 2**21, 2**21 + 2**20
    assert one_side * other_side * module.ROWS <= 2**53


@pytest.mark.parametrize(("bits", "error"), [(21, 3e-6), (42, 1e-12)])
def test_it_is_the_matrix_of_the_doubles_up_to_the_rounding_of_the_columns(bits, error):
    x, w = random_rows(500)
    steps = np.array(columns(bits).scales)
    unit = 2.0 ** -(steps[:, None] + steps).astype(float)
    largest = np.outer(LIMITS, LIMITS)
    assert (np.abs(exact_gram(x, columns(bits)).astype(float) * unit - x.T @ x) <= 500 * error * largest).all()
    weighted = exact_gram(x, columns(bits), w).astype(float) * unit
    assert (np.abs(weighted - (x.T * w) @ x) <= 500 * 2**21 * error * largest).all()


@given(st.floats(1e-200, 1e200), st.sampled_from(BITS))
def test_the_scale_is_the_largest_that_keeps_the_limit_within_the_bits(limit, bits):
    (scale,) = Columns(("x",), (limit,), bits).scales
    assert Fraction(limit) * Fraction(2) ** scale <= 2**bits < Fraction(limit) * Fraction(2) ** (scale + 1)


def test_weights_of_one_change_nothing():
    x, _ = random_rows(100)
    assert (exact_gram(x, columns(42), np.ones(100, np.int64)) == exact_gram(x, columns(42))).all()


def test_no_records_give_zeros():
    assert exact_gram(np.empty((0, 4)), columns(21)).tolist() == [[0] * 4] * 4
    assert exact_gram(np.empty((0, 4)), columns(42), np.empty(0, np.int64)).tolist() == [[0] * 4] * 4


def test_columns_in_any_memory_order_are_read_and_left_as_they_are():
    x, _ = random_rows(50)
    other = np.asfortranarray(x)
    other.flags.writeable = False
    assert (exact_gram(other, columns(42)) == exact_gram(x, columns(42))).all()
    assert (exact_gram(x[::-1], columns(42)) == exact_gram(x, columns(42))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 699])
def test_nan_and_infinity_are_refused_by_name_of_the_column(bad, row):
    x, _ = random_rows(700)
    x[row, 1] = bad
    with pytest.raises(NonFiniteInput, match=r"'bmi'.*missing values as nulls"):
        exact_gram(x, columns(21))


@pytest.mark.parametrize("beyond", [99.70001, -123.25])
def test_a_value_beyond_its_limit_is_refused_naming_column_and_limit_never_the_value(beyond):
    x, _ = random_rows(10)
    x[3, 1] = beyond
    with pytest.raises(EncodingOverflow, match=r"'bmi'.*±99\.7;.*declared range") as refusal:
        exact_gram(x, columns(42))
    assert str(abs(beyond)) not in str(refusal.value)


@pytest.mark.parametrize(
    ("weights", "kind", "match"),
    [
        (np.array([1, -1]), InvalidRequest, "negative"),
        (np.array([1, 2**21 + 1]), EncodingOverflow, r"beyond 2\^21; lower"),
        (np.ones(2), InvalidRequest, "expected int64"),
        (np.ones(3, np.int64), InvalidRequest, "expected int64"),
    ],
)
def test_weights_are_integers_from_0_to_2_21_one_per_record(weights, kind, match):
    with pytest.raises(kind, match=match):
        exact_gram(np.zeros((2, 4)), columns(21), weights)


@pytest.mark.parametrize("x", [np.zeros((2, 3)), np.zeros(4), np.zeros((2, 4), np.float32)])
def test_a_design_is_float64_with_the_declared_columns(x):
    with pytest.raises(InvalidRequest, match=r"expected float64 \(n, 4\)"):
        exact_gram(x, columns(21))


@pytest.mark.parametrize("limit", [0.0, -1.0, np.inf, np.nan])
def test_a_limit_is_finite_and_positive(limit):
    with pytest.raises(InvalidRequest, match="'x': a limit"):
        Columns(("x",), (limit,), 21)


@pytest.mark.parametrize(("names", "limits", "bits"), [((), (), 21), (("x",), (1.0, 2.0), 21), (("x",), (1.0,), 30)])
def test_columns_have_a_limit_each_and_21_or_42_bits(names, limits, bits):
    with pytest.raises(InvalidRequest, match="expected"):
        Columns(names, limits, bits)
