"""Cross-tabulation over several institutions, from the question to the result."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.analyses import crosstab
from securecompute.analyses.result import Hidden, NotEstimable, Withheld
from securecompute.errors import InvalidRequest
from tests.analyses.pooled import SMALL, answer, ask, cross, rows

ARM_EVENT = {"row": "arm", "column": "event"}
MEASURES = ("fisher", "odds_ratio", "risk_ratio", "risk_difference")


def of(counts, row="arm", column="event", min_cell=3, **options):
    return answer(ask("crosstab", row=row, column=column, **options), cross(counts, row, column), min_cell=min_cell)


class TestTheTrial:
    def cross(self, trial, row="rx", column="outcome", min_cell=10, **options):
        dictionary, sites = trial
        question = ask("crosstab", dictionary, row=row, column=column, **options)
        return answer(question, *sites, dictionary=dictionary, min_cell=min_cell)

    def test_27_of_295_against_52_of_307_had_the_outcome(self, trial):
        result = self.cross(trial)
        assert result.counts == ((255, 52), (268, 27))
        assert (result.events, result.row_totals, result.n) == ((52, 27), (307, 295), 602)
        assert result.column_totals == (523, 79)

    def test_chi_square_and_fisher_agree_with_the_published_table(self, trial):
        result = self.cross(trial)
        assert result.chi_square.statistic == pytest.approx(7.998504, abs=5e-7)
        assert result.chi_square.p == pytest.approx(0.004682, abs=5e-7)
        assert result.chi_square.df == 1
        assert result.fisher.value == pytest.approx(0.005339, abs=5e-7)

    def test_yatess_correction_is_an_option(self, trial):
        assert self.cross(trial, correction=True).chi_square.statistic == pytest.approx(7.330184, abs=5e-7)

    @pytest.mark.parametrize(
        ("measure", "expected"),
        [
            ("odds_ratio", (0.494044, 0.300996, 0.810907)),
            ("risk_ratio", (0.540352, 0.349193, 0.836157)),
            ("risk_difference", (-0.077856, -0.131177, -0.024534)),
        ],
    )
    def test_the_measures_compare_indomethacin_with_placebo(self, trial, measure, expected):
        estimate = getattr(self.cross(trial), measure)
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx(expected, abs=5e-7)

    def test_the_exposed_row_and_the_event_can_be_chosen(self, trial):
        inverse = self.cross(trial, exposed="0_placebo")
        assert inverse.odds_ratio.value == pytest.approx(1 / 0.494044, rel=1e-5)
        both = self.cross(trial, exposed="0_placebo", event="0_no")
        assert both.odds_ratio.value == pytest.approx(0.494044, rel=1e-5)
        assert both.events == (255, 268)

    def test_sites_have_unequal_outcomes_and_three_cells_are_too_sparse_for_chi_square(self, trial):
        dictionary, sites = trial
        question = ask("crosstab", dictionary, row="site", column="outcome")
        counts = [crosstab.local(question, dictionary, site)["cells"] for site in sites]
        total = np.sum(counts, axis=0).tolist()
        released = {"cells": total, "row_missing": [0], "column_missing": [0]}
        result = crosstab.finish(question, dictionary, released, min_cell=3)
        assert result.chi_square.statistic == pytest.approx(15.677527, abs=5e-7)
        assert result.chi_square.df == 3
        assert any("smallest expected count is 0.39, below 5" in note for note in result.notes())

    def test_the_same_table_is_closed_at_the_default_smallest_cell(self, trial):
        result = self.cross(trial, row="site")
        assert result.counts[3] == (Hidden(10), 0)
        assert isinstance(result.chi_square, Withheld)


@given(
    st.lists(st.tuples(st.sampled_from(["placebo", "drug", None]), st.sampled_from(["I", "II", "III", None]))),
    st.integers(0, 40),
)
def test_the_counts_are_those_of_the_pooled_rows_however_they_are_split(pairs, cut):
    institutions = [
        rows(arm=[arm for arm, _ in part], stage=[stage for _, stage in part]) for part in (pairs[:cut], pairs[cut:])
    ]
    question = ask("crosstab", row="arm", column="stage")
    total = [
        sum(entry)
        for entry in zip(*(crosstab.local(question, SMALL, each)["cells"] for each in institutions), strict=True)
    ]
    assert total == [pairs.count((arm, stage)) for arm in ("placebo", "drug") for stage in ("I", "II", "III")]
    result = answer(question, *institutions)
    missing = sum(arm is None for arm, _ in pairs)
    assert result.row_missing == (missing if missing == 0 or missing >= 10 else Hidden(10))


@given(st.lists(st.lists(st.integers(0, 25), min_size=3, max_size=3), min_size=2, max_size=2))
def test_no_hidden_cell_can_be_worked_out_from_what_is_shown(counts):
    result = of(counts, column="stage", min_cell=10)
    hidden = [(i, j) for i, row in enumerate(result.counts) for j, n in enumerate(row) if isinstance(n, Hidden)]
    assert hidden == [(i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if 0 < n < 10]
    for i, j in hidden:
        assert isinstance(result.row_totals[i], Withheld)
        assert isinstance(result.column_totals[j], Withheld)
    assert isinstance(result.n, Withheld) == isinstance(result.chi_square, Withheld) == bool(hidden)


@given(st.tuples(*[st.integers(1, 9)] * 2))
def test_answers_that_differ_in_hidden_counts_alone_are_the_same(pair):
    first, second = (of([[20, n], [30, 40]], min_cell=10) for n in pair)
    assert (first, first.headline(), first.to_plain()) == (second, second.headline(), second.to_plain())


def test_a_hidden_cell_withholds_every_measure_and_says_so_in_a_sentence():
    result = of([[20, 9], [30, 40]], min_cell=10)
    assert all(isinstance(getattr(result, name), Withheld) for name in (*MEASURES, "chi_square"))
    assert result.headline() == (
        "1_yes: 40/70 (57.1\u00a0%) with drug against <10 of a total withheld with placebo; odds ratio withheld; "
        "chi-square withheld."
    )
    assert result.notes() == [
        "Cells below 10 are hidden; the totals, tests and measures that would let them be worked out are withheld."
    ]
    assert result.tables()[0].rows == (
        ("placebo", 20, "<10", "withheld", "withheld", None),
        ("drug", 30, 40, 70, "40/70", pytest.approx(400 / 7)),
        ("total", 50, "withheld", "withheld", "withheld", None),
    )


def test_hidden_missing_counts_withhold_nothing():
    institution = rows(arm=["placebo", "drug"] * 20 + [None], event=["0_no"] * 20 + ["1_yes"] * 20 + ["0_no"])
    result = answer(ask("crosstab", **ARM_EVENT), institution)
    assert result.n == 40
    assert result.notes() == ["Counts below 10 are hidden.", "Left out: <10 patients without arm."]


def test_an_empty_cohort_is_a_result_of_zeros():
    result = of([[0, 0], [0, 0]])
    assert (result.n, result.counts) == (0, ((0, 0), (0, 0)))
    assert all(getattr(result, name) == NotEstimable("no patients") for name in (*MEASURES, "chi_square"))
    assert result.notes() == [
        "chi-square, Fisher, odds ratio, risk ratio and risk difference: not estimable: no patients."
    ]


def test_a_zero_cell_leaves_what_can_be_estimated():
    result = of([[20, 10], [30, 0]])
    assert result.odds_ratio == NotEstimable("no patients with drug and 1_yes")
    assert result.risk_difference.value == pytest.approx(float(Fraction(-1, 3)))
    assert "odds ratio and risk ratio: not estimable: no patients with drug and 1_yes." in result.notes()
    assert "nan" not in str(result.to_plain()).lower()
    assert "inf" not in str(result.to_plain()).lower()


def test_a_table_of_two_columns_shows_events_without_measures():
    result = of([[20, 10], [30, 5], [40, 40]], row="stage")
    assert result.exposed is None
    assert result.odds_ratio is None
    assert [row[4] for row in result.tables()[0].rows] == ["10/30", "5/35", "40/80", "55/145"]
    assert [table.title for table in result.tables()] == ["Patients by stage and event", "Tests of association"]
    assert "odds_ratio" not in result.to_plain()


def test_a_table_of_three_columns_has_no_event():
    result = of([[20, 10, 5], [30, 5, 6]], column="stage")
    assert result.event is None
    assert result.headline().startswith("arm by stage: 76 patients; chi-square ")
    assert result.tables()[0].columns == ("arm", "I", "II", "III", "total")


def test_the_headline_names_the_cohort():
    assert of([[20, 10], [30, 5]], where="age > 3").headline().endswith("; where age > 3.")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"row": "arm", "column": "evnt"}, "no column 'evnt'; did you mean 'event'"),
        ({"row": "arm", "column": "arm"}, "row and column are both 'arm'"),
        (
            {"row": "age", "column": "arm"},
            "'age' is of type integer.*Categorical columns: arm, event, stage.*If its numbers are codes, as 0 and 1 "
            r'are, declare it in the dictionary, under \[columns.age\]: categories = \["0", "1"\]. '
            "A dictionary declares every column that is asked about",
        ),
        ({"row": "arm", "column": "code"}, "'code' has 65 categories; at most 64"),
        ({"row": "arm", "column": "empty"}, "no value of 'empty' has been seen; declare its categories"),
        ({"row": 3, "column": "arm"}, "row must be the name of a column, not int"),
        ({**ARM_EVENT, "correction": 1}, "correction must be True or False"),
        ({**ARM_EVENT, "exposed": "Drug"}, "exposed: 'arm' has no category 'Drug'. It has placebo, drug"),
        ({**ARM_EVENT, "event": 1}, "event: 'event' has no category 1"),
        ({"row": "arm", "column": "stage", "correction": True}, "correction is for tables of 2 × 2; .* is 2 × 3"),
        (
            {"row": "stage", "column": "arm", "exposed": "I"},
            "exposed is for tables of 2 × 2; 'stage' by 'arm'",
        ),
        ({"row": "arm", "column": "stage", "event": "I"}, "event is for a column of two categories"),
    ],
)
def test_a_question_without_sense_is_answered_with_what_would_have_some(parameters, message):
    with pytest.raises(InvalidRequest, match=message):
        crosstab.ask(SMALL, **parameters)


def test_the_defaults_are_written_into_the_question():
    assert ask("crosstab", **ARM_EVENT).parameters == {
        **ARM_EVENT,
        "correction": False,
        "exposed": "drug",
        "event": "1_yes",
    }
