"""Records: opened from any source, checked, selected; and silent about their values."""

import logging
import pickle
import traceback

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from securecompute.errors import InternalFault, InvalidRequest, NonFiniteInput, SecureComputeError
from securecompute.records import sources
from securecompute.records.checks import check
from securecompute.records.dictionary import Column, Dictionary, agree, infer
from securecompute.records.sources import Records, load

TABLE = pa.table({"age": [61, None, 20, 75], "sex": ["female", "male", "female", None]})
EMPTY = TABLE.slice(0, 0)


def test_a_table_and_a_frame_are_the_same_records():
    frame = pd.DataFrame({"age": [61, np.nan, 20, 75], "sex": pd.Categorical(["female", "male", "female", None])})
    declared = infer(TABLE)
    one, other = Records.open("a", TABLE, declared), Records.open("a", frame, declared)
    assert one.data_version(declared) == other.data_version(declared) and one.n == other.n == 4
    assert other.select("age >= 60 and sex = 'female'").n == 1


def test_a_cohort_selects_and_none_selects_all():
    records = Records.open("north", TABLE)
    assert records.select().n == 4
    assert records.select("age < 70").numbers("age")[0].tolist() == [61.0, 20.0]


def test_an_empty_institution_is_held_under_the_networks_dictionary():
    empty = Records.open("east", EMPTY)
    records = empty.under(agree({"east": empty.dictionary, "north": infer(TABLE)}))
    rows = records.select("age >= 60 and sex = 'female'")
    assert (records.n, rows.n, rows.codes("sex").size, rows.numbers("age")[0].size) == (0, 0, 0, 0)
    assert len(records.data_version(["age"])) == 64


def test_an_empty_csv_institution_is_too(tmp_path):
    (tmp_path / "t.csv").write_text("age,sex\n")
    empty = Records.open("east", tmp_path / "t.csv", infer(TABLE))
    assert empty.select("sex in ('male')").codes("sex").dtype == np.int32


def test_an_empty_cohort_is_rows_without_records():
    rows = Records.open("north", TABLE).select("age > 100")
    assert rows.n == 0 and rows.codes("sex").shape == (0,)


def test_another_dictionary_leaves_the_data_version_other_columns_or_not():
    records = Records.open("north", TABLE)
    age = Column("age", "number", low=0, high=200)
    widened, narrowed = Dictionary((age, records.dictionary["sex"])), Dictionary((age,))
    versions = {
        each.data_version(["age"])
        for each in (
            records,
            records.under(widened),
            Records.open("n", TABLE, widened),
            Records.open("n", TABLE, narrowed),
        )
    }
    assert len(versions) == 1


def test_the_data_version_is_of_how_many_records_there_are_and_of_the_columns_that_are_asked_of():
    older = TABLE.set_column(0, "age", pa.array([62, None, 20, 75]))
    one, other, fewer = (Records.open("north", table) for table in (TABLE, older, TABLE.slice(1)))
    assert one.data_version(["age"]) != other.data_version(["age"])
    assert one.data_version(["sex"]) == other.data_version(["sex"]) != one.data_version(["age"])
    assert one.data_version([]) == other.data_version([]) != fewer.data_version([])


def test_every_problem_is_listed_with_the_institution():
    declared = Dictionary(
        (Column("age", "integer", low=0, high=70), Column("sex", "categorical", categories=("male",)))
    )
    with pytest.raises(
        InvalidRequest, match=r"^records of 'north': column 'age' .* 0 to 70.*\n.*column 'sex' holds a value"
    ):
        Records.open("north", TABLE, declared)


def test_an_infinity_without_a_dictionary_names_institution_and_column():
    with pytest.raises(NonFiniteInput, match=r"^records of 'north': column 'bmi' holds NaN or an infinity"):
        Records.open("north", pa.table({"bmi": [1.0, float("inf")]}))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (7, "records come from a path, a pyarrow table or a pandas frame, not int"),
        (
            pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]),
            "the table: the column name 'a' occurs twice",
        ),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "the frame: the column name 'a' occurs twice"),
        (pd.DataFrame({3: [1]}), "the frame: a column's name is not text"),
        (pd.DataFrame({"a": [1, "x"]}, dtype=object), "the frame: column 'a' mixes types"),
    ],
)
def test_a_faulty_source_says_what_is_expected(source, message):
    with pytest.raises(InvalidRequest, match=message):
        load(source)


def test_the_database_reaches_nothing(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    reaches = [
        f"SELECT * FROM '{tmp_path}/t.csv'",
        "SELECT * FROM TABLE",
        "SET enable_external_access=true",
        "LOAD httpfs",
    ]
    with duckdb.connect(":memory:", config=sources.CLOSED) as database:
        for text in [*reaches, f"ATTACH '{tmp_path}/d'", f"COPY (SELECT 1) TO '{tmp_path}/o.csv'"]:
            with pytest.raises(duckdb.Error):
                database.execute(text)


def test_a_failing_database_is_an_internal_fault_without_its_text(monkeypatch):
    monkeypatch.setattr(sources.Cohort, "sql", lambda cohort: ("error(age || 'leak')", []))
    with pytest.raises(InternalFault, match=r"failed inside DuckDB \(\w+\)") as caught:
        Records.open("north", TABLE).select("age > 0")
    assert "61" not in str(caught.value) and "leak" not in str(caught.value)


CANARY, NUMBER = "Xanthippe", 918273645
PLANTED = pa.table({
    "who": [CANARY, "b", None] * 12,
    "age": [NUMBER, 1, None] * 12,
    "size": [NUMBER + 0.25, 0.5, None] * 12,
})  # fmt: skip
OTHERS = {
    "who": [Column("who", "integer"), Column("who", "date"), Column("who", "categorical", categories=("b",))],
    "age": [Column("age", "integer", high=5), Column("age", "date"), Column("age", "categorical", categories=("1",))],
    "size": [Column("size", "integer"), Column("size", "number", low=1), Column("size", "text")],
}


def silent(text):
    return not any(value in text for value in (CANARY, str(NUMBER)))


def test_no_repr_holds_a_value():
    records = Records.open("north", PLANTED, Dictionary(tuple(Column(n, t) for n, t in KINDS.items())))
    rows = records.select(f"age = {NUMBER}")
    assert all(silent(shown) for thing in (records, rows) for shown in (repr(thing), str(thing), f"{thing}"))
    assert rows.n == 12 and "12" not in repr(rows)


KINDS = {"who": "text", "age": "integer", "size": "number"}


@pytest.mark.parametrize("column", [column for columns in OTHERS.values() for column in columns], ids=repr)
def test_no_problem_holds_a_value(column):
    problems = check(PLANTED, Dictionary((column,)))
    assert problems and all(silent(repr(problem) + str(problem)) for problem in problems)


@pytest.mark.parametrize(
    "content",
    [
        f"who,age\n{CANARY},{NUMBER},3\n",
        f"who,age\n1,{NUMBER}\n{CANARY},{NUMBER}\n",
        f"who,age\n{CANARY},{NUMBER}\n{CANARY}",
        f"who,age\n{CANARY}\xff,{NUMBER}\n".encode("latin-1"),
        f'who,age\n"{CANARY},{NUMBER}\n',
    ],
)
def test_no_error_log_or_output_about_a_csv_holds_a_cell(tmp_path, content, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SecureComputeError) as caught:
        Records.open("north", path, Dictionary((Column("who", "number"), Column("age", "number"))))
    shown = repr(caught.value) + "".join(traceback.format_exception(caught.value))
    assert silent(shown + caplog.text + "".join(capfd.readouterr()))


@pytest.mark.parametrize("where", ["who = 'b' and nowhere = 1", "age = 'b'", "size in (select size)", "who > 'a'"])
def test_no_error_about_a_cohort_holds_a_value(where):
    records = Records.open("north", PLANTED, Dictionary(tuple(Column(n, t) for n, t in KINDS.items())))
    with pytest.raises(InvalidRequest) as caught:
        records.select(where)
    assert silent(str(caught.value))


def test_records_and_rows_do_not_pickle():
    records = Records.open("north", TABLE)
    for held in (records, records.select()):
        with pytest.raises(TypeError, match="stay in their institution's process"):
            pickle.dumps(held)
