"""The closed list of analyses."""

import pytest

from securecompute.analyses import catalogue
from securecompute.analyses.question import Question
from securecompute.errors import InvalidRequest
from tests.analyses.pooled import SMALL, ask

CROSSTAB = {"row": "arm", "column": "event"}


def test_the_catalogue_is_closed():
    assert list(catalogue.CATALOGUE) == ["count", "crosstab", "describe"]
    with pytest.raises(TypeError):
        catalogue.CATALOGUE["mine"] = catalogue.CATALOGUE["count"]


@pytest.mark.parametrize("name", catalogue.CATALOGUE)
def test_an_analysis_knows_its_name(name):
    assert name == catalogue.find(name).NAME


def test_an_unknown_analysis_is_answered_with_the_near_one():
    with pytest.raises(InvalidRequest, match="no analysis 'crosstabs'; did you mean 'crosstab'"):
        catalogue.find("crosstabs")


def test_an_unknown_parameter_is_answered_with_the_near_one():
    with pytest.raises(InvalidRequest, match="crosstab has no parameter 'col'"):
        catalogue.ask("crosstab", SMALL, row="arm", col="event")


def test_a_lacking_parameter_is_named():
    with pytest.raises(InvalidRequest, match="crosstab: missing a required argument: 'column'"):
        catalogue.ask("crosstab", SMALL, row="arm")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("count", {}), ("crosstab", CROSSTAB), ("describe", {"column": "age", "by": "arm"})],
)
def test_a_question_that_was_asked_passes_an_institutions_check(name, parameters):
    question = catalogue.ask(name, SMALL, **parameters, where="age >= 50")
    assert catalogue.check(Question.from_plain(question.to_plain()), SMALL) == question


@pytest.mark.parametrize(
    "question",
    [
        Question("crosstab", CROSSTAB),
        Question("crosstab", {"row": "arm", "column": "nothing"}),
        Question("count", {}, "age>=50"),
        Question("count", {}, "age >= 50; drop table patients"),
        Question("count", {"where": "age >= 50"}),
        Question("count", {"dictionary": "x"}),
        Question("count", {"name": "x"}),
        Question("ask", {}),
    ],
)
def test_a_question_that_ask_does_not_make_is_refused(question):
    with pytest.raises(InvalidRequest):
        catalogue.check(question, SMALL)


def test_the_columns_used_are_those_of_the_analysis_and_of_the_cohort():
    question = ask("crosstab", **CROSSTAB, where="age >= 50 and event = '1_yes'")
    assert catalogue.columns_used(question, SMALL) == ("arm", "event", "age")
    assert catalogue.columns_used(ask("count"), SMALL) == ()


@pytest.mark.parametrize("name", catalogue.CATALOGUE)
def test_an_analysis_says_how_it_rounds(name):
    parameters = {"count": {}, "crosstab": CROSSTAB, "describe": {"column": "risk"}}[name]
    assert catalogue.find(name).precision(ask(name, **parameters), SMALL)
