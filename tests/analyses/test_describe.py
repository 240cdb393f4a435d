"""Description of a numeric column over several institutions, from the question to the result."""

import statistics

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.analyses import describe
from securecompute.analyses.result import Hidden, NotEstimable, Withheld
from securecompute.arithmetic.fixed_point import quantise
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.records.dictionary import infer
from tests.analyses.pooled import SMALL, answer, ask, rows

RISKS = st.lists(st.floats(-8, 8), min_size=2, max_size=40)


class TestTheTrial:
    def test_age_has_the_published_mean_and_spread(self, trial):
        dictionary, sites = trial
        result = answer(ask("describe", dictionary, column="age"), *sites, dictionary=dictionary)
        assert (result.n, result.missing) == (602, 0)
        assert result.mean.value == pytest.approx(45.269103, abs=5e-7)
        assert result.sd.value == pytest.approx(13.297968, abs=5e-7)

    def test_age_by_arm(self, trial):
        dictionary, sites = trial
        result = answer(ask("describe", dictionary, column="age", by="rx"), *sites, dictionary=dictionary)
        placebo, drug = result.groups["0_placebo"], result.groups["1_indomethacin"]
        assert (placebo.n, drug.n, result.n) == (307, 295, 602)
        assert (placebo.mean.value, placebo.sd.value) == pytest.approx((46.035831, 13.086515), abs=5e-7)
        assert (drug.mean.value, drug.sd.value) == pytest.approx((44.471186, 13.490423), abs=5e-7)
        assert result.mean.value == pytest.approx(45.269103, abs=5e-7)


@given(RISKS, st.integers(0, 40))
def test_moments_are_those_of_the_pooled_rounded_records_bit_for_bit(values, cut):
    institutions = rows(risk=values[:cut]), rows(risk=values[cut:])
    result = answer(ask("describe", column="risk"), *institutions, min_cell=3)
    rounded = (quantise(np.array(values), 43, 8.0, "risk") * 2.0**-43).tolist()
    if len(values) < 3:
        assert result.n == Hidden(3)
        return
    assert result.n == len(values)
    assert result.mean.value == statistics.mean(rounded)
    assert result.variance.value == statistics.variance(rounded)
    assert result.sd.value == statistics.stdev(rounded)


@given(st.lists(st.tuples(st.sampled_from(["placebo", "drug"]), st.integers(0, 120) | st.none()), max_size=60))
def test_groups_are_described_as_if_they_were_alone(pairs):
    result = answer(
        ask("describe", column="age", by="arm"), rows(arm=[arm for arm, _ in pairs], age=[age for _, age in pairs])
    )
    for arm in ("placebo", "drug"):
        alone = rows(age=[age for name, age in pairs if name == arm])
        assert result.groups[arm] == answer(ask("describe", column="age"), alone).overall


@given(st.lists(st.integers(0, 120), min_size=1, max_size=9), st.lists(st.integers(0, 120), min_size=1, max_size=9))
def test_answers_that_differ_in_a_hidden_group_alone_are_the_same(first, second):
    def of(ages):
        question = ask("describe", column="age", by="arm")
        return answer(question, rows(arm=["placebo"] * 12 + ["drug"] * len(ages), age=[*range(12), *ages]))

    assert of(first) == of(second)
    assert of(first).overall is None
    assert isinstance(of(first).mean, Withheld)


def test_a_hidden_group_is_said_in_a_sentence():
    institution = rows(arm=["placebo"] * 12 + ["drug"] * 9, age=[50] * 21)
    result = answer(ask("describe", column="age", by="arm"), institution)
    assert result.notes() == [
        "Groups below 10 patients are hidden, their mean and spread withheld, and so is the row of all patients."
    ]
    assert result.tables()[0].rows[1] == ("drug", "<10", 0, "withheld", None, None, "withheld", "withheld")
    assert len(result.tables()[0].rows) == 2
    assert result.headline().endswith("; drug mean withheld, sd withheld, n <10.")
    assert "withheld" in result.to_plain()["overall"]


def test_without_groups_a_hidden_count_is_said_in_a_sentence():
    result = answer(ask("describe", column="age"), rows(age=[50] * 9))
    assert result.notes() == ["Groups below 10 patients are hidden, their mean and spread withheld."]


def test_missing_values_and_missing_groups_are_counted_apart():
    institution = rows(arm=["placebo"] * 30 + ["drug"] * 30 + [None] * 11, age=[None] * 12 + [50] * 18 + [60] * 41)
    result = answer(ask("describe", column="age", by="arm"), institution)
    assert (result.groups["placebo"].n, result.groups["placebo"].missing) == (18, 12)
    assert (result.groups["drug"].n, result.groups["drug"].missing) == (30, 0)
    assert (result.n, result.missing, result.by_missing) == (48, 12, 11)
    assert result.notes() == ["Left out: 11 patients without arm."]


def test_a_hidden_missing_count_withholds_its_total_and_nothing_else():
    institution = rows(arm=["placebo"] * 30 + ["drug"] * 30, age=[None] * 4 + [50] * 56)
    result = answer(ask("describe", column="age", by="arm"), institution)
    assert result.groups["placebo"].missing == Hidden(10)
    assert isinstance(result.missing, Withheld)
    assert (result.n, result.mean.value) == (56, 50.0)
    assert result.notes() == ["Counts below 10 are hidden."]


def test_nobody_is_a_result():
    result = answer(ask("describe", column="age", by="arm"), rows())
    assert (result.n, result.by_missing) == (0, 0)
    assert result.mean == NotEstimable("no patients")
    assert result.notes()[0] == "mean, sd and variance of placebo: not estimable: no patients."


def test_a_column_that_does_not_vary_has_no_spread():
    result = answer(ask("describe", column="age"), rows(age=[50] * 12))
    assert (result.mean.low, result.mean.high, result.sd.value, result.variance.value) == (50, 50, 0, 0)


def test_the_unit_is_shown():
    result = answer(ask("describe", column="age"), rows(age=list(range(40, 60))))
    assert result.headline().startswith("age: mean 49.50 (95\u00a0% CI ")
    assert " years, sd 5.916, n 20." in result.headline()
    assert result.tables()[0].title == "age (years)"


def test_bounds_hold_for_the_largest_values_and_most_records():
    question = ask("describe", column="risk")
    layout = describe.layout(question, SMALL, 5)
    vector = layout.join(describe.local(question, SMALL, rows(risk=[-8.0] * 5)))
    assert vector == [5, 0, -5 * 2**46, 5 * 2**92, 0]
    assert [segment.bound for segment in layout] == [5, 5, 5 * 2**46, 5 * 2**92, 5]


def test_a_value_beyond_the_range_is_refused_without_being_shown():
    with pytest.raises(InvalidRequest, match="'risk' holds a value beyond") as refusal:
        describe.local(ask("describe", column="risk"), SMALL, rows(risk=[8.5]))
    assert "8.5" not in str(refusal.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"column": "aeg"}, "no column 'aeg'; did you mean 'age'"),
        ({"column": "arm"}, "'arm' is of type categorical.*Numeric columns: age, risk, bmi, score"),
        ({"column": "born"}, "'born' is of type date"),
        ({"column": "bmi"}, r"'bmi' has no range.*Declare low and high for \[columns.bmi\]"),
        ({"column": "age", "by": "risk"}, "by: 'risk' is of type number.* If its numbers are codes"),
        ({"column": "age", "by": "code"}, "at most 64"),
        ({"column": "empty"}, "no value of 'empty' has been seen; declare its type"),
        ({"column": None}, "column must be the name of a column"),
    ],
)
def test_a_question_without_sense_is_answered_with_what_would_have_some(parameters, message):
    with pytest.raises(InvalidRequest, match=message):
        describe.ask(SMALL, **parameters)


def test_moments_that_are_counts_in_disguise_are_refused():
    with pytest.raises(DisclosureRefused, match="'score' takes so few values"):
        describe.ask(SMALL, "score")


def test_codes_from_1_to_3_are_refused_in_the_range_that_is_inferred_for_them():
    inferred = infer(pa.table({"grade": [1, 2, 3]}))
    assert (inferred["grade"].low, inferred["grade"].high) == (0, 4)
    with pytest.raises(DisclosureRefused, match="'grade' takes so few values"):
        describe.ask(inferred, "grade")


@pytest.mark.parametrize(
    ("column", "words"),
    [("age", "values are taken as they are"), ("risk", "rounded to 2^-43 of its unit")],
)
def test_it_says_how_values_are_rounded(column, words):
    assert words in describe.precision(ask("describe", column=column), SMALL)
