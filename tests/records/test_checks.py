"""Checking records against a declared dictionary: every problem, by column, without values."""

import datetime

import pyarrow as pa
import pytest

from securecompute.errors import InvalidRequest
from securecompute.records.checks import check, conform
from securecompute.records.dictionary import Column, Dictionary

YES = Column("x", "categorical", categories=("false", "true"))
CODED = Column("x", "categorical", categories=("1", "2"))
INTEGER, NUMBER, DATE, TEXT = (Column("x", kind) for kind in ("integer", "number", "date", "text"))
DAY = datetime.date(2024, 2, 29)


@pytest.mark.parametrize(
    ("column", "values", "typed"),
    [
        (YES, [True, None, False], ["true", None, "false"]),
        (CODED, [1, 2, None], ["1", "2", None]),
        (CODED, [1.0, None], ["1", None]),
        (INTEGER, [1.0, -2.0, None], [1, -2, None]),
        (NUMBER, [1, None], [1.0, None]),
        (DATE, ["2024-02-29", None], [DAY, None]),
        (DATE, [datetime.datetime(2024, 2, 29)], [DAY]),
        (TEXT, [7, None], ["7", None]),
        (INTEGER, [None, None], [None, None]),
        (DATE, [], []),
    ],
)
def test_what_is_declared_wins_where_it_loses_nothing(column, values, typed):
    table = pa.table({"x": pa.array(values)})
    assert check(table, Dictionary((column,))) == []
    assert conform(table, Dictionary((column,)), "records")["x"].to_pylist() == typed


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        (Column("y", "text"), [1], "column 'y' is missing; add it, or leave it out of the dictionary"),
        (INTEGER, ["a", "b"], "column 'x' holds text; it is declared as integer"),
        (INTEGER, [1.5], "column 'x' holds numbers with decimals; it is declared as integer"),
        (NUMBER, ["1", "b"], "column 'x' mixes numbers and text; it is declared as number"),
        (NUMBER, [DAY], "column 'x' holds dates; it is declared as number"),
        (NUMBER, [2**53 + 1], "column 'x' holds a whole number beyond 2\\^53"),
        (NUMBER, [1.0, float("nan")], "column 'x' holds NaN or an infinity; write missing values as null"),
        (INTEGER, [1.0, float("inf")], "column 'x' holds NaN or an infinity; write missing values as null"),
        (DATE, ["29.2.2024"], "column 'x' holds text; it is declared as date"),
        (CODED, [3], "column 'x' holds a value that is not among its categories; correct it, or declare the category"),
        (CODED, [DAY], "column 'x' holds dates; it is declared as categorical"),
        (
            Column("x", "integer", low=0, high=120),
            [121],
            "column 'x' holds a value outside its declared range 0 to 120",
        ),
        (Column("x", "number", low=0), [-0.5], "column 'x' holds a value outside its declared range 0 to inf"),
        (TEXT, [datetime.datetime(2024, 2, 29, 12)], "column 'x' holds times of day or time zones"),
        (TEXT, [[1]], "column 'x' is list<.*>, which cannot be used; convert it"),
        (TEXT, [b"\xff"], "column 'x' is binary, which cannot be used; save the file as UTF-8"),
    ],
)
def test_a_problem_is_a_sentence_about_its_column(column, values, sentence):
    problems = check(pa.table({"x": pa.array(values)}), Dictionary((column,)))
    assert [problem.column for problem in problems] == [column.name]
    with pytest.raises(InvalidRequest, match=f"^{sentence}"):
        raise InvalidRequest(str(problems[0]))


def test_conforming_lists_every_problem_and_says_where():
    table = pa.table({"x": ["a"], "z": [1.5]})
    with pytest.raises(InvalidRequest, match=r"^records of 'north': column 'x' .*\n.*column 'z' ") as caught:
        conform(table, Dictionary((INTEGER, Column("z", "integer"), Column("w", "date"))), "records of 'north'")
    assert "column 'w' is missing" in str(caught.value)


def test_columns_that_are_not_declared_are_left_out():
    table = pa.table({"secret": [[1]], "x": [1]})
    assert conform(table, Dictionary((INTEGER,)), "records").column_names == ["x"]
