"""Rows: codes and numbers of the selected records, and what a wrong column is told."""

import numpy as np
import pyarrow as pa
import pytest

from securecompute.errors import InvalidRequest
from securecompute.records.dictionary import Column, Dictionary
from securecompute.records.sources import Records

DICTIONARY = Dictionary((
    Column("sex", "categorical", categories=("male", "female", "unknown")),
    Column("age", "integer"),
    Column("bmi", "number"),
    Column("note", "text"),
))  # fmt: skip
TABLE = pa.table({
    "note": ["p", None, "q", "r"],
    "bmi": [20.5, 31.25, None, 18.0],
    "age": [61, None, 20, 75],
    "sex": ["female", "male", None, "male"],
})  # fmt: skip
RECORDS = Records.open("north", TABLE, DICTIONARY)


def test_codes_index_the_declared_categories_and_missing_is_minus_one():
    codes = RECORDS.select().codes("sex")
    assert codes.dtype == np.int32 and codes.tolist() == [1, 0, -1, 0]


@pytest.mark.parametrize(("column", "values"), [("age", [61.0, 0.0, 20.0, 75.0]), ("bmi", [20.5, 31.25, 0.0, 18.0])])
def test_numbers_come_with_what_is_present(column, values):
    numbers, present = RECORDS.select().numbers(column)
    assert (numbers.dtype, present.dtype) == (np.float64, np.bool_)
    assert numbers.tolist() == values and present.tolist() == [value != 0 for value in values]


def test_columns_of_a_cohort_are_of_the_same_records():
    rows = RECORDS.select("sex = 'male' or bmi is null")
    assert rows.n == 3
    assert rows.codes("sex").tolist() == [0, -1, 0] and rows.numbers("age")[0].tolist() == [0.0, 20.0, 75.0]


def test_arrays_are_the_callers_own():
    RECORDS.select().numbers("bmi")[0][:] = 7
    assert RECORDS.select().numbers("bmi")[0][0] == 20.5


@pytest.mark.parametrize(
    ("method", "column", "message"),
    [
        ("codes", "age", "column 'age' is integer; expected a categorical column"),
        ("numbers", "sex", "column 'sex' is categorical; expected an integer or a number column"),
        ("numbers", "note", "column 'note' is text; expected"),
        ("codes", "sexx", "there is no column 'sexx'; did you mean 'sex'?"),
    ],
)
def test_a_wrong_column_is_told_what_it_is(method, column, message):
    with pytest.raises(InvalidRequest, match=message):
        getattr(RECORDS.select(), method)(column)


def test_a_whole_number_that_is_not_exact_as_float64_is_refused():
    rows = Records.open("north", pa.table({"x": [2**53 + 1]})).select()
    with pytest.raises(InvalidRequest, match=r"column 'x' holds a whole number beyond 2\^53"):
        rows.numbers("x")


def test_values_are_those_of_the_cohort_in_their_canonical_type():
    rows = RECORDS.select("sex = 'male' or bmi is null")
    assert rows.values("note").to_pylist() == [None, "q", "r"] and rows.values("age").type == pa.int64()
    with pytest.raises(InvalidRequest, match="'nota'; did you mean 'note'"):
        rows.values("nota")


@pytest.mark.parametrize(
    ("method", "column", "says"),
    [
        ("numbers", "nr", "'nr' holds a whole number beyond 2"),
        ("identifying", "bmi", "'bmi' holds numbers with decimals"),
    ],
)
def test_what_makes_a_column_unfit_is_said_whichever_records_are_selected(method, column, says):
    """Said of a cohort of one person, it would tell whether he is in it."""
    columns = (Column("nr", "integer", low=0, high=2**60), Column("bmi", "number", low=0, high=90))
    records = Records.open("north", pa.table({"nr": [1, 2**54 + 1], "bmi": [20.0, 31.25]}), Dictionary(columns))
    for where in (None, "bmi = 20", "bmi = 31.25", "bmi > 80"):
        with pytest.raises(InvalidRequest, match=says):
            getattr(records.select(where), method)(column)


def test_keys_are_read_from_whole_numbers_as_such():
    records = Records.open("north", pa.table({"nr": [3.0, None, 7.0]}))
    assert records.select("nr > 3").identifying("nr").to_pylist() == [7]
