"""How many patients a cohort has."""

import pytest

from securecompute.errors import InvalidRequest
from tests.analyses.pooled import answer, ask, rows


def of(*sizes):
    return [rows(age=[50] * n) for n in sizes]


def test_the_institutions_patients_add_up():
    result = answer(ask("count"), *of(3, 0, 40))
    assert result.n == 43
    assert result.headline() == "43 patients."
    assert result.tables()[0].rows == (("all", 43),)
    assert result.notes() == []


def test_a_small_count_is_hidden_everywhere():
    result = answer(ask("count", where="age >= 50"), *of(3, 0, 4))
    assert result.headline() == "<10 patients where age >= 50."
    assert result.tables()[0].rows == (("age >= 50", "<10"),)
    assert result.to_plain() == {"n": "<10", "where": "age >= 50"}
    assert result.notes() == ["A count below 10 is hidden."]


def test_nobody_is_a_result():
    assert answer(ask("count"), *of(0, 0, 0)).to_plain() == {"n": 0, "where": None}


def test_the_trial_has_602_patients(trial):
    dictionary, sites = trial
    assert answer(ask("count", dictionary), *sites, dictionary=dictionary).n == 602


@pytest.mark.parametrize("where", ["agee > 3", "age > ", 5, "age > 'x'"])
def test_a_cohort_that_cannot_be_read_is_refused(where):
    with pytest.raises(InvalidRequest):
        ask("count", where=where)
