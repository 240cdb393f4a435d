"""Effect measures of 2 × 2 tables."""

from math import comb, exp, log, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import contingency, fisher_exact

from securecompute.analyses.result import NotEstimable
from securecompute.analyses.two_by_two import TwoByTwo

Z = 1.959963984540054
SOME = st.integers(1, 500)
FEW = st.integers(0, 12)
NAMES = {"exposed": "drug", "unexposed": "placebo", "event": "yes", "no_event": "no"}


@given(SOME, SOME, SOME, SOME)
def test_the_odds_ratio_has_woolfs_interval(a, b, c, d):
    ratio = TwoByTwo(a, b, c, d).odds_ratio()
    margin = Z * sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    expected = (a * d / (b * c), exp(log(a * d / b / c) - margin), exp(log(a * d / b / c) + margin))
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx(expected, rel=1e-12)


@given(SOME, st.integers(0, 500), SOME, st.integers(0, 500))
def test_the_risk_ratio_is_scipys_with_its_katz_interval(a, b, c, d):
    assume(b or d)
    ratio, oracle = TwoByTwo(a, b, c, d).risk_ratio(), contingency.relative_risk(a, a + b, c, c + d)
    interval = oracle.confidence_interval(0.95)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx(
        (oracle.relative_risk, interval.low, interval.high), rel=1e-10
    )


@given(SOME, SOME, SOME, SOME)
def test_the_risk_difference_has_walds_interval(a, b, c, d):
    difference = TwoByTwo(a, b, c, d).risk_difference()
    p_1, p_0 = a / (a + b), c / (c + d)
    margin = Z * sqrt(p_1 * (1 - p_1) / (a + b) + p_0 * (1 - p_0) / (c + d))
    expected = (p_1 - p_0, p_1 - p_0 - margin, p_1 - p_0 + margin)
    assert (difference.value, difference.low, difference.high) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(FEW, FEW, FEW, FEW)
def test_fishers_p_adds_the_tables_that_are_no_more_probable(a, b, c, d):
    assume(min(a + b, c + d, a + c, b + d) > 0)
    tables = [comb(a + b, x) * comb(c + d, a + c - x) for x in range(a + c + 1)]
    p = sum(ways for ways in tables if ways <= tables[a]) / sum(tables)
    assert TwoByTwo(a, b, c, d).fisher().value == pytest.approx(p, rel=1e-9)


@given(st.integers(0, 400), SOME, SOME, SOME)
def test_fishers_p_is_scipys(a, b, c, d):
    assert TwoByTwo(a, b, c, d).fisher().value == fisher_exact([[a, b], [c, d]]).pvalue


@given(SOME, SOME, SOME, SOME)
def test_changing_the_exposed_row_inverts_the_ratios(a, b, c, d):
    this, that = TwoByTwo(a, b, c, d), TwoByTwo(c, d, a, b)
    for measure in (TwoByTwo.odds_ratio, TwoByTwo.risk_ratio):
        assert measure(this).value * measure(that).value == pytest.approx(1)
        assert measure(this).low * measure(that).high == pytest.approx(1)
    assert this.risk_difference().value == -that.risk_difference().value


@given(FEW, FEW, FEW, FEW)
def test_every_table_has_finite_measures_or_says_why_not(a, b, c, d):
    table = TwoByTwo(a, b, c, d, **NAMES)
    for measure in (table.odds_ratio(), table.risk_ratio(), table.risk_difference(), table.fisher()):
        assert str(measure)
        assert not isinstance(measure, NotEstimable) or measure.reason


@pytest.mark.parametrize(
    ("counts", "measure", "reason"),
    [
        ((0, 0, 0, 0), "odds_ratio", "no patients"),
        ((0, 0, 3, 4), "risk_difference", "no patients with drug"),
        ((3, 4, 0, 0), "fisher", "no patients with placebo"),
        ((0, 9, 3, 4), "odds_ratio", "no patients with drug and yes"),
        ((9, 0, 3, 4), "odds_ratio", "no patients with drug and no"),
        ((9, 3, 0, 4), "risk_ratio", "no patients with placebo and yes"),
        ((9, 0, 4, 0), "risk_ratio", "every patient of a row has the same outcome"),
        ((0, 9, 0, 4), "risk_difference", "every patient of a row has the same outcome"),
        ((0, 9, 0, 4), "fisher", "all patients are in one column"),
    ],
)
def test_an_empty_cell_is_named(counts, measure, reason):
    assert getattr(TwoByTwo(*counts, **NAMES), measure)() == NotEstimable(reason)


def test_an_empty_cell_that_a_formula_does_not_divide_by_does_no_harm():
    assert TwoByTwo(9, 0, 3, 4).risk_ratio().value == pytest.approx(7 / 3)
    assert TwoByTwo(0, 9, 3, 4).risk_difference().value == pytest.approx(-3 / 7)
