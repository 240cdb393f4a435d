"""The data dictionary: what is declared, what is inferred, and what is told about what does not fit."""

import contextlib
import datetime
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest, NonFiniteInput
from securecompute.records.dictionary import Column, Dictionaries, Dictionary, infer

AGE = Column("age", "integer", unit="years", low=0, high=120)
SEX = Column("sex", "categorical", categories=("female", "male"))
DECLARED = Dictionary((AGE, SEX, Column("bmi", "number"), Column("seen", "date"), Column("note", "text")))

TOML = """
[columns.age]
type = "integer"
unit = "years"
low = 0
high = 120

[columns.sex]
type = "categorical"
categories = ["female", "male"]
"""


def test_it_is_an_ordered_mapping():
    assert list(DECLARED) == ["age", "sex", "bmi", "seen", "note"]
    assert DECLARED["age"] == AGE and len(DECLARED) == 5 and "weight" not in DECLARED


def test_its_plain_form_is_json_and_comes_back_equal():
    assert Dictionary.from_plain(json.loads(json.dumps(DECLARED.to_plain()))) == DECLARED


def test_its_hash_is_32_bytes_and_changes_with_every_part():
    others = [(AGE,), (SEX, AGE), (AGE, Column("sex", "categorical", categories=("male", "female")))]
    hashes = {Dictionary(columns).hash() for columns in [(AGE, SEX), *others]}
    assert len(hashes) == 4 and {len(value) for value in hashes} == {32}


def test_integer_and_decimal_bounds_hash_alike():
    assert (
        Dictionary((AGE,)).hash() == Dictionary((Column("age", "integer", unit="years", low=0.0, high=120.0),)).hash()
    )


def test_toml_tables_are_columns_in_their_order(tmp_path):
    path = tmp_path / "dictionary.toml"
    path.write_text(TOML)
    assert Dictionary.from_toml(path) == Dictionary((AGE, SEX))


def test_a_column_that_not_all_institutions_have_says_where_it_is(tmp_path):
    path = tmp_path / "dictionary.toml"
    path.write_text("[columns.cost]\nat = ['Bern', 'Lyon']\ntype = 'number'\n" + TOML)
    declared, cost = Dictionary.from_toml(path), Dictionary((Column("cost", "number"),))
    assert declared == Dictionaries((AGE, SEX), {"Bern": cost, "Lyon": cost})


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[columns.a]\nat = 'Bern'\ntype = 'text'", "column 'a': at is a list of the institutions that have it"),
        ("[columns.a]\nat = []\ntype = 'text'", "column 'a': at is a list"),
        ("[columns.a]\nat = ['Bern', 'Bern']\ntype = 'text'", "column 'a': at is a list .*, each once"),
        ("[columns.a]\nat = ['B']\ntype = 'text'\n[columns.A]\ntype = 'text'", "the column name 'A' occurs twice"),
        ("[columns.age]\ntypo = 1\ntype = 'integer'", "column 'age': unknown key 'typo'; did you mean 'type'?"),
        ("[column.age]\ntype = 'integer'", "unknown key 'column'; did you mean 'columns'?"),
        ("[columns.age]\nlow = 1", "column 'age' has no type; expected one of categorical, integer"),
        ("[columns.age]\ntype = 'boolean'", "column 'age': type is 'boolean'; .* yes/no column is categorical"),
        ("[columns.age]\ntype = 'integer'\nlow = 9\nhigh = 1", "column 'age': low 9 is above high 1"),
        ("[columns.age]\ntype = 'integer'\nlow = 'a'", "column 'age': low must be a finite number"),
        ("[columns.age]\ntype = 'number'\nhigh = inf", "column 'age': high must be a finite number"),
        ("[columns.sex]\ntype = 'categorical'", "column 'sex' needs categories"),
        ("[columns.sex]\ntype = 'categorical'\ncategories = [1]", "column 'sex': a category is text in quotes"),
        ("[columns.sex]\ntype = 'categorical'\ncategories = ['a', 'a']", "column 'sex': a category is listed twice"),
        ("[columns.sex]\ntype = 'categorical'\ncategories = 'a'", "column 'sex': categories is a list of texts"),
        ("[columns.d]\ntype = 'date'\nlow = 1", "column 'd' is date; only an integer or a number takes low"),
        ("[columns.a]\ntype = 'text'\n[columns.A]\ntype = 'text'", "the column name 'A' occurs twice"),
        ("columns = 3", r"write each column as a table, \[columns.age\]"),
        ("[columns", "dictionary 'd.toml' is not TOML"),
    ],
)
def test_a_faulty_toml_names_the_place_and_the_remedy(tmp_path, toml, message):
    path = tmp_path / "d.toml"
    path.write_text(toml)
    with pytest.raises(InvalidRequest, match=message):
        Dictionary.from_toml(path)


def test_a_missing_toml_is_named_without_its_folder(tmp_path):
    with pytest.raises(InvalidRequest, match=r"^dictionary 'absent\.toml' cannot be read"):
        Dictionary.from_toml(tmp_path / "absent.toml")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["columns", "name", "type", "categories", "low"]) | st.text(max_size=4), inner
        )
    ),
)


@given(PLAIN | st.fixed_dictionaries({"columns": st.lists(PLAIN, max_size=3)}))
def test_a_plain_form_of_any_shape_is_a_dictionary_or_refused(plain):
    with contextlib.suppress(InvalidRequest):
        assert isinstance(Dictionary.from_plain(plain), Dictionary)


def test_an_unknown_column_suggests_the_near_one():
    with pytest.raises(InvalidRequest, match="there is no column 'agee'; did you mean 'age'"):
        DECLARED.column("agee")


def test_types_are_inferred():
    table = pa.table({
        "sex": ["f", "m", None],
        "alive": [True, None, False],
        "age": [1, 2, None],
        "bmi": [20.5, None, 31.0],
        "seen": [datetime.date(2020, 1, 2)] * 3,
        "empty": pa.nulls(3),
        "coded": pa.array(["x", "y", "x"]).dictionary_encode(),
    })  # fmt: skip
    assert infer(table) == Dictionary((
        Column("sex", "categorical", categories=("f", "m")),
        Column("alive", "categorical", categories=("false", "true")),
        Column("age", "integer", low=0, high=2),
        Column("bmi", "number", low=0, high=32),
        Column("seen", "date"),
        Column("empty", "categorical", categories=()),
        Column("coded", "categorical", categories=("x", "y")),
    ))  # fmt: skip


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_an_inferred_range_holds_every_value_and_only_powers_of_two_show(values):
    column = infer(pa.table({"x": pa.array(values, pa.float64())}))["x"]
    assert column.low <= min(values) and max(values) <= column.high and column.low < column.high
    largest = 1.7976931348623157e308
    for bound in (column.low, column.high):
        assert bound == 0 or abs(bound) == largest or abs(bound).hex().startswith(("0x1.0000000000000p", "0x0.0"))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_an_inferred_range_holds_every_whole_number(values):
    column = infer(pa.table({"x": values}))["x"]
    assert column.low <= min(values) and max(values) <= column.high


@pytest.mark.parametrize(("distinct", "repeats", "kind"), [(64, 2, "categorical"), (65, 2, "text"), (11, 1, "text")])
def test_many_or_unrepeated_texts_are_no_categories(distinct, repeats, kind):
    values = [f"value {k}" for k in range(distinct)] * repeats
    assert infer(pa.table({"x": values}))["x"].type == kind


@pytest.mark.parametrize("steering", ["\x1b[2J", "\x07", "\n", "\x9b2J", "\u202e", "\u2066"])
def test_what_would_steer_a_terminal_is_no_category_and_no_unit(steering):
    assert infer(pa.table({"a": ["x", "y" + steering] * 9}))["a"].type == "text"
    with pytest.raises(InvalidRequest, match="category holds control characters") as refusal:
        Column("a", "categorical", categories=("x", steering))
    with pytest.raises(InvalidRequest, match="unit must be text without control characters"):
        Column("a", "number", unit=steering)
    assert steering not in str(refusal.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused_with_the_remedy(value):
    with pytest.raises(NonFiniteInput, match="column 'bmi' holds NaN or an infinity; write missing values as null"):
        infer(pa.table({"bmi": [1.0, value]}))


def test_an_empty_table_has_columns_without_categories():
    table = pa.table({"age": pa.array([], pa.int64()), "sex": pa.array([], pa.string())})
    assert all(column.unseen for column in infer(table).values())
