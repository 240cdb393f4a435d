"""Columns of any source, batch by batch: the same records from all of them, and errors without values."""

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv, feather, ipc, parquet

from securecompute.errors import InvalidRequest
from securecompute.records import key_batches
from securecompute.records.dictionary import Column, Dictionary
from securecompute.records.key_batches import batches
from securecompute.records.sources import Records

TABLE = pa.table({"x": [1.5, 2.5, 3.5], "name": ["Ana", None, "Bo"], "number": ["007", "12", None]})
DICTIONARY = Dictionary((Column("number", "integer"), Column("name", "text"), Column("born", "date")))


def rows(source, columns=("number", "name"), dictionary=None):
    """All records of all batches."""
    return pa.concat_tables(list(batches(source, columns, dictionary))).to_pylist()


def stream(path):
    with ipc.new_stream(path, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=2)


def sources(folder):
    """The same records in every form that can be read."""
    parquet.write_table(TABLE, folder / "t.parquet", row_group_size=2)
    csv.write_csv(TABLE, folder / "t.csv")
    feather.write_feather(TABLE, folder / "t.feather", chunksize=2)
    stream(folder / "s.arrow")
    files = [folder / name for name in ("t.parquet", "t.csv", "t.feather", "s.arrow")]
    frame = TABLE.to_pandas()
    reader = pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(max_chunksize=1))
    records = Records.open("north", TABLE)
    relation = duckdb.connect().from_arrow(TABLE)
    return [*files, str(files[0]), TABLE, frame, reader, relation, records, records.select()]


def test_every_source_gives_the_same_records(tmp_path):
    expected = [{"number": "007", "name": "Ana"}, {"number": "12", "name": None}, {"number": None, "name": "Bo"}]
    for source in sources(tmp_path):
        assert rows(source) == expected


def test_batches_are_small_however_large_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(key_batches, "BATCH", 1)
    for source in sources(tmp_path):
        tables = list(batches(source, ["name"]))
        assert sum(table.num_rows for table in tables) == 3
        assert max(table.num_rows for table in tables) <= 1 or not isinstance(source, type(tmp_path) | str)


def test_a_csv_file_is_read_by_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(key_batches, "_BLOCK_BYTES", 64)
    (tmp_path / "t.csv").write_text("x,name\n" + "".join(f"{k},patient {k}\n" for k in range(40)))
    tables = list(batches(tmp_path / "t.csv", ["name"]))
    assert len(tables) > 5
    assert [row["name"] for table in tables for row in table.to_pylist()] == [f"patient {k}" for k in range(40)]


def test_an_empty_source_is_one_empty_batch(tmp_path):
    empty = TABLE.slice(0, 0)
    (tmp_path / "e.csv").write_text("x,name,number\n")
    parquet.write_table(empty, tmp_path / "e.parquet")
    for source in (empty, tmp_path / "e.csv", tmp_path / "e.parquet", Records.open("a", TABLE).select("x > 9")):
        assert rows(source) == [] and len(list(batches(source, ["name"]))) >= 1


def test_an_empty_line_of_a_file_of_one_column_is_a_record(tmp_path):
    (tmp_path / "t.csv").write_text("name\nAna\n\nBo\n")
    assert [row["name"] for row in rows(tmp_path / "t.csv", ["name"])] == ["Ana", None, "Bo"]


def test_what_says_missing_in_a_file_is_missing(tmp_path):
    (tmp_path / "t.csv").write_text("name,x\nNULL,1\nn/a,2\nnan,3\n")
    assert [row["name"] for row in rows(tmp_path / "t.csv", ["name"])] == [None, None, "nan"]


def test_a_dictionary_says_what_a_files_columns_are(tmp_path):
    (tmp_path / "t.csv").write_text("number,name,born\n007,Ana,1961-03-07\n12.0,Bo,\n,12,1999-12-31\n")
    table = pa.concat_tables(list(batches(tmp_path / "t.csv", ["born", "number", "name"], DICTIONARY)))
    assert table.schema.types == [pa.date32(), pa.int64(), pa.large_string()]
    assert table["number"].to_pylist() == [7, 12, None]
    assert table.column_names == ["born", "number", "name"]


def test_columns_that_the_dictionary_does_not_name_stay_as_they_are():
    wider = pa.table({"free": ["a"], "number": [1]})
    assert rows(wider, ["free", "number"], DICTIONARY) == [{"free": "a", "number": 1}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("number,name\n1,secret\nsecret,2\n", "'number' holds text; it is declared as integer"),
        ("number,name\n1.5,secret\n", "'number' holds numbers with decimals"),
        ("number,nam\n1,secret\n", "no column 'name'; did you mean 'nam'"),
        ("number,number,name\n1,2,secret\n", "number"),
        ("number;name\n1;secret\n", "semicolons"),
        ("number,name\n1,secret,secret\n", "cannot be read as csv"),
        ("number,name\n1,secr\xe9t\n", "cannot be read as csv"),
    ],
)
def test_what_cannot_be_read_is_told_without_values_or_folders(tmp_path, text, says):
    (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidRequest, match=says) as raised:
        rows(tmp_path / "t.csv", dictionary=DICTIONARY)
    assert "secr" not in str(raised.value) and str(tmp_path) not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.csv", "was not found"),
        ("t.xlsx", "unknown kind"),
        ("t.parquet", "cannot be read as parquet"),
        ("t.arrow", "cannot be read as arrow"),
    ],
)
def test_files_that_are_none_are_told(tmp_path, name, says):
    (tmp_path / "t.xlsx").write_text("")
    (tmp_path / "t.parquet").write_text("no parquet")
    (tmp_path / "t.arrow").write_text("no arrow")
    with pytest.raises(InvalidRequest, match=says):
        rows(tmp_path / name)


def test_a_stream_that_breaks_off_is_told():
    def breaking():
        yield TABLE.to_batches()[0]
        raise OSError("secret")

    reader = pa.RecordBatchReader.from_batches(TABLE.schema, breaking())
    with pytest.raises(InvalidRequest, match="the stream cannot be read to its end") as raised:
        rows(reader)
    assert "secret" not in str(raised.value)


def test_a_lacking_column_is_told_wherever_it_lacks(tmp_path):
    for source in sources(tmp_path):
        with pytest.raises(InvalidRequest, match="there is no column 'nam'"):
            rows(source, ["nam"])


def test_a_frames_missing_values_are_missing():
    assert rows(pd.DataFrame({"name": ["Ana", float("nan")]}), ["name"]) == [{"name": "Ana"}, {"name": None}]
