"""Chi-square."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

from securecompute.analyses.independence import ChiSquare, chi_square
from securecompute.analyses.result import NotEstimable

COUNTS = st.integers(0, 400)
TABLES = st.tuples(st.integers(2, 5), st.integers(2, 5)).flatmap(
    lambda shape: st.lists(st.lists(COUNTS, min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0])
)


def formula(table, yates):
    """X² by its definition, exactly, and the smallest expected count."""
    columns = [sum(column) for column in zip(*table, strict=True)]
    n = sum(columns)
    total, smallest = Fraction(0), Fraction(n)
    for row in table:
        for observed, column in zip(row, columns, strict=True):
            expected = Fraction(sum(row) * column, n)
            difference = abs(observed - expected)
            total += max(difference - Fraction(1, 2) * yates, 0) ** 2 / expected
            smallest = min(smallest, expected)
    return total, smallest


@given(TABLES, st.booleans())
def test_it_is_the_definition_on_every_table(table, corrected):
    assume(all(map(any, table)) and all(map(any, zip(*table, strict=True))))
    corrected = corrected and len(table) == len(table[0]) == 2
    test = chi_square(table, corrected)
    statistic, smallest = formula(table, corrected)
    assert test.statistic == pytest.approx(float(statistic), rel=1e-12, abs=1e-12)
    assert test.smallest_expected == pytest.approx(float(smallest), rel=1e-12)
    assert test.df == (len(table) - 1) * (len(table[0]) - 1)
    assert test.p == pytest.approx(chi2.sf(float(statistic), test.df), rel=1e-9, abs=1e-300)


@given(TABLES)
def test_categories_without_patients_change_nothing(table):
    rows = [row for row in table if any(row)]
    assume(len(rows) > 1)
    columns = [column for column in zip(*rows, strict=True) if any(column)]
    assume(len(columns) > 1)
    oracle = chi2_contingency(list(zip(*columns, strict=True)), correction=False)
    test = chi_square(table)
    assert (test.statistic, test.df, test.p) == pytest.approx((oracle.statistic, oracle.dof, oracle.pvalue), rel=1e-12)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[0, 0], [0, 0]], "no patients"),
        ([[3, 4], [0, 0]], "all patients are in one row"),
        ([[3, 0], [4, 0]], "all patients are in one column"),
        ([[30]], "all patients are in one row"),
    ],
)
def test_without_two_rows_and_two_columns_there_is_no_test(table, reason):
    assert chi_square(table) == NotEstimable(reason)


def test_it_names_itself_with_its_correction():
    assert ChiSquare(7.998504, 1, 0.004682, 38.7, False).name == "chi-square"
    assert str(ChiSquare(7.330184, 1, 0.00678, 38.7, True)) == (
        "chi-square with Yates's correction 7.330, df 1, p 0.00678"
    )
