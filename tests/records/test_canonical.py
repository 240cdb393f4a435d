"""The canonical table and its version: the same for the same content, whatever holds it."""

import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, feather, parquet

from securecompute.errors import InvalidRequest
from securecompute.records.canonical import canonical, data_version
from securecompute.records.sources import load

N = 5
WORDS = st.sampled_from(["red", "green", "Zürich", "it's", 'a "b", c'])
TABLES = st.fixed_dictionaries({
    "age": st.lists(st.none() | st.integers(-(2**50), 2**50), min_size=N, max_size=N),
    "bmi": st.lists(st.none() | st.floats(-1e6, 1e6), min_size=N, max_size=N),
    "sex": st.lists(st.none() | WORDS, min_size=N, max_size=N),
    "seen": st.lists(st.none() | st.dates(datetime.date(1900, 1, 1)), min_size=N, max_size=N),
    "alive": st.lists(st.none() | st.booleans(), min_size=N, max_size=N),
})  # fmt: skip
TYPES = {"age": pa.int64(), "bmi": pa.float64(), "sex": pa.string(), "seen": pa.date32(), "alive": pa.bool_()}


def arrow(columns):
    return pa.table({name: pa.array(values, TYPES[name]) for name, values in columns.items()})


def version(table):
    return data_version(canonical(table))


@given(TABLES)
def test_the_version_does_not_depend_on_the_format(tmp_path_factory, columns):
    table, folder = arrow(columns), tmp_path_factory.mktemp("formats")
    parquet.write_table(table, folder / "t.parquet")
    feather.write_feather(table, folder / "t.feather")
    csv.write_csv(table, folder / "t.csv")
    with pa.ipc.new_stream(folder / "t.arrow", table.schema) as stream:
        stream.write_table(table)
    versions = {data_version(load(folder / f"t.{kind}")) for kind in ("parquet", "feather", "csv", "arrow")}
    assert versions == {version(table)} == {data_version(load(table.to_pandas()))}


@given(TABLES, st.integers(0, N))
def test_the_version_does_not_depend_on_chunks_encoding_or_column_order(columns, cut):
    table = arrow(columns)
    chunked = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    encoded = table.set_column(table.column_names.index("sex"), "sex", table["sex"].dictionary_encode())
    reversed_columns = table.select(table.column_names[::-1])
    assert {version(other) for other in (chunked, encoded, reversed_columns)} == {version(table)}


@given(TABLES, TABLES)
def test_the_version_changes_with_the_content(one, other):
    assert (version(arrow(one)) == version(arrow(other))) == (one == other)


@pytest.mark.parametrize(
    "other",
    [{"x": ["ab", "c"]}, {"x": ["a", None]}, {"x": ["bc", "a"]}, {"x": ["a"]}, {"y": ["a", "bc"]}, {"x": [1, 2]}, {}],
)
def test_the_version_tells_shifted_missing_reordered_and_renamed_apart(other):
    assert version(pa.table({"x": ["a", "bc"]})) != version(pa.table(other))


def test_an_empty_text_is_missing_and_negative_zero_is_zero():
    assert version(pa.table({"x": ["", "a"]})) == version(pa.table({"x": [None, "a"]}))
    assert version(pa.table({"x": [-0.0, 0.5]})) == version(pa.table({"x": [0.0, 0.5]}))


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([1], pa.uint8()), pa.int64()),
        (pa.array([1.5], pa.float32()), pa.float64()),
        (pa.array(["a"], pa.string_view()), pa.large_string()),
        (pa.array(["a"]).dictionary_encode(), pa.large_string()),
        (pa.array([True]), pa.large_string()),
        (pa.array([datetime.datetime(2020, 1, 2)], pa.timestamp("ns")), pa.date32()),
        (pa.array([datetime.date(2020, 1, 2)], pa.date64()), pa.date32()),
        (pa.nulls(1), pa.null()),
    ],
)
def test_there_is_one_type_for_each_kind(array, kind):
    assert canonical(pa.table({"x": array})).schema.field("x").type == kind


def test_a_whole_number_beyond_64_bits_is_refused():
    with pytest.raises(InvalidRequest, match="column 'x' holds a whole number beyond 64 bits"):
        canonical(pa.table({"x": pa.array([2**64 - 1], pa.uint64())}))
