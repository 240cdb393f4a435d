"""Questions as data."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.analyses.question import Question
from securecompute.errors import InvalidRequest

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
QUESTIONS = st.builds(Question, st.text(), st.dictionaries(st.text(), SCALARS), st.none() | st.text())


@given(QUESTIONS)
def test_a_question_goes_through_json_unchanged(question):
    assert Question.from_plain(json.loads(json.dumps(question.to_plain()))) == question


@given(QUESTIONS)
def test_a_question_survives_a_journey_between_processes(question):
    assert pickle.loads(pickle.dumps(question)) == question


def test_a_question_is_described_in_a_line():
    question = Question("describe", {"column": "age", "by": None}, "risk > 2")
    assert question.describe() == "describe(column=age) where risk > 2"
    assert Question("count").describe() == "count()"


@pytest.mark.parametrize(
    "plain",
    [
        None,
        [],
        "count",
        {},
        {"analysis": "count", "parameters": {}},
        {"analysis": "count", "parameters": {}, "where": None, "code": "x"},
        {"analysis": 3, "parameters": {}, "where": None},
        {"analysis": "count", "parameters": [], "where": None},
        {"analysis": "count", "parameters": {"x": [3]}, "where": None},
        {"analysis": "count", "parameters": {1: "x"}, "where": None},
        {"analysis": "count", "parameters": {}, "where": 3},
    ],
)
def test_what_has_not_the_form_of_a_question_is_refused(plain):
    with pytest.raises(InvalidRequest):
        Question.from_plain(plain)
