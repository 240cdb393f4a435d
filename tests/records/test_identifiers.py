"""Identifiers: one for each person however written, never one for two key types, and every record accounted for."""

import pickle
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv

from securecompute.errors import InvalidRequest
from securecompute.primitives.batch_cmac import cmac_many
from securecompute.records import key_batches
from securecompute.records.dictionary import Column, Dictionary
from securecompute.records.identifiers import Found, Report, grouped, read_identifiers, settled, without
from securecompute.records.key_types import AnyOrder, Field, KeyType
from securecompute.records.sources import Records

PEOPLE = pa.table(
    {
        "name": ["Ana Berg", "BO  CHEN", None, "ana berg ", "Dora"],
        "born": ["1961-03-07", "19700101", "1980-01-01", "7.3.1961", "soon"],
        "age": [64, 55, 45, 64, 30],
    }
)
ON = ("name", Field("born", kind="date"))


def as_set(found):
    return {row.tobytes() for row in found.ids}


def test_an_identifier_is_the_cmac_of_lengths_and_fields():
    found = read_identifiers(pa.table({"name": ["Ana", "Bo"]}), "name")
    key = KeyType.of(Field("name", kind="text")).key()
    octets = b"\0\3ana\0\2bo"
    assert np.array_equal(found.ids, cmac_many(key, np.frombuffer(octets, np.uint8), np.array([0, 5, 9])))
    assert found.ids.dtype == np.uint64 and found.ids.flags.c_contiguous and not found.ids.flags.writeable


def test_identifiers_are_fixed_for_all_time():
    """Institutions of different versions compare them: whoever changes one counts up VERSION."""
    found = read_identifiers(pa.table({"name": ["Müller"], "born": ["7.3.1961"]}), ON)
    assert found.ids.tobytes().hex() == "c63e7904744925b96ba87e7ed7e772db"


def test_people_written_differently_are_one_and_every_record_is_accounted_for():
    found = read_identifiers(PEOPLE, ON)
    assert found.rows.tolist() == [0, 1] and found.owners.tolist() == [0, 1, -1, 0, -1]
    assert found.report == Report(5, {"name": 1, "born": 0}, {"name": 0, "born": 1}, 2, 1, 2)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from(["x", "y", None])), max_size=30))
def test_the_report_and_the_owners_say_the_same(people):
    table = pa.table({"a": pa.array([a for a, _ in people], "string"), "b": pa.array([b for _, b in people], "string")})
    first, dropped = (read_identifiers(table, ["a", "b"], duplicates=rule) for rule in ("first", "drop"))
    whole = [pair for pair in people if None not in pair]
    assert [people[row] for row in first.rows] == list(dict.fromkeys(whole))
    assert [people[row] for row in dropped.rows] == [pair for pair in whole if whole.count(pair) == 1]
    for found in (first, dropped):
        told = found.report
        assert told.records == len(people) == told.lacking + told.repeated + told.distinct == len(found.owners)
        assert told.lacking == len(people) - len(whole) and told.distinct == len(found.ids) == len(as_set(found))
        assert found.owners[found.rows].tolist() == list(range(len(found.rows)))
        assert all(people[found.rows[owner]] == people[k] for k, owner in enumerate(found.owners) if owner >= 0)
    assert (first.owners >= 0).sum() == len(whole) and (dropped.owners >= 0).sum() == dropped.report.distinct


@given(st.lists(st.tuples(st.sampled_from(["a", "?", None]), st.sampled_from(["7.3.1961", "soon", None])), max_size=30))
def test_records_without_a_key_are_those_that_the_report_lacks_and_of_several_keys_those_with_none(people):
    names, days = ([each[k] for each in people] for k in (0, 1))
    table = pa.table({"name": pa.array(names, "string"), "born": pa.array(days, "string")})
    records = Records.open("here", table, Dictionary((Column("name", "text"), Column("born", "text"))))
    name, born = KeyType((Field("name", "letters", "text"),)), KeyType((Field("born", kind="date"),))
    both = KeyType((*name.parts, *born.parts))
    for key in (name, born, both):
        assert without(records, [key]) == read_identifiers(records, key).report.lacking
    none = [(n, b) for n, b in people if n != "a" and b != "7.3.1961"]
    assert without(records, [name, born]) == without(records, [both, name, born]) == len(none)
    assert without(records.select("name = 'a'"), [born]) == sum(n == "a" and b != "7.3.1961" for n, b in people)


def test_records_without_a_key_are_counted_in_all_batches(monkeypatch):
    monkeypatch.setattr(key_batches, "BATCH", 3)
    table = pa.table({"name": ["a", None, "c", None, None, "f", None]})
    records = Records.open("here", table, Dictionary((Column("name", "text"),)))
    assert without(records, [KeyType((Field("name", kind="text"),))]) == 4


def test_different_field_lists_never_match():
    table = pa.table({"a": ["x", "y"], "b": ["x", "y"]})
    kinds: tuple = ("a", "b", ("a", "b"), ("b", "a"), Field("a", "soundex"), Field("a", kind="number"))
    kinds = (*kinds, AnyOrder(Field("a"), Field("b")))
    found = [read_identifiers(table, on) for on in kinds]
    assert len(set.union(*map(as_set, found))) == 2 * len(kinds)
    assert len({each.key_type.label() for each in found}) == len(kinds)


def test_a_text_and_a_number_are_told_apart_by_their_labels():
    text, number = read_identifiers(pa.table({"id": ["7"]}), "id"), read_identifiers(pa.table({"id": [7]}), "id")
    assert text.key_type.label() != number.key_type.label() and as_set(text) != as_set(number)
    assert as_set(read_identifiers(pa.table({"id": ["007"]}), Field("id", kind="number"))) == as_set(number)


def test_records_files_and_dictionaries_give_the_same_identifiers(tmp_path):
    dictionary = Dictionary((Column("name", "text"), Column("age", "integer")))
    csv.write_csv(PEOPLE, tmp_path / "t.csv")
    sources = (Records.open("a", PEOPLE, dictionary), tmp_path / "t.csv", PEOPLE)
    found = [read_identifiers(source, ["name", "age"], dictionary=dictionary) for source in sources]
    assert len({tuple(sorted(as_set(each))) for each in found}) == 1
    assert len({each.key_type.label() for each in found}) == 1


def test_batches_do_not_show(monkeypatch):
    whole = read_identifiers(PEOPLE, ON)
    monkeypatch.setattr(key_batches, "BATCH", 2)
    pieces = read_identifiers(PEOPLE, ON)
    assert np.array_equal(whole.ids, pieces.ids) and np.array_equal(whole.rows, pieces.rows)
    assert np.array_equal(whole.owners, pieces.owners) and whole.report == pieces.report


def test_a_cohort_has_the_identifiers_of_its_records():
    records = Records.open("north", PEOPLE)
    found = read_identifiers(records, ON, where="age > 60")
    selected = records.select("age > 60")
    assert as_set(found) == as_set(read_identifiers(selected, ON)) == as_set(read_identifiers(PEOPLE.slice(0, 1), ON))
    assert found.collect(selected.numbers("age")[0]).tolist() == [64.0] and found.report.records == 2


def test_nobody_is_an_answer():
    for source in (PEOPLE.slice(0, 0), PEOPLE.slice(2, 1)):
        found = read_identifiers(source, ON)
        assert found.ids.shape == (0, 2) and found.report.distinct == 0
        assert found.collect(np.ones(source.num_rows), "sum").shape == (0,)


def test_repeated_identifiers_may_be_refused_without_saying_whose_or_how_many():
    with pytest.raises(InvalidRequest, match=r"two records have the same name, born; choose a rule") as raised:
        read_identifiers(PEOPLE, ON, duplicates="refuse")
    assert "berg" not in str(raised.value).lower()
    assert read_identifiers(PEOPLE.slice(0, 3), ON, duplicates="refuse").report.distinct == 2


def test_values_of_several_records_become_one():
    found = read_identifiers(PEOPLE, ON)
    for dtype in (np.uint64, np.float64, np.int32):
        values = np.array([5, 7, 11, 13, 17], dtype)
        for how, expected in (("first", [5, 7]), ("sum", [18, 7]), ("max", [13, 7])):
            got = found.collect(values, how)
            assert got.tolist() == expected and got.dtype == dtype
    assert found.collect(np.array([2**64 - 1, 0, 0, 2, 0], np.uint64), "sum").tolist() == [1, 0]
    assert found.collect(np.arange(10).reshape(5, 2), "sum").tolist() == [[6, 8], [2, 3]]
    for values, how, says in ((np.ones(4), "sum", "one value for each"), (np.ones(5), "mean", "combined by 'mean'")):
        with pytest.raises(InvalidRequest, match=says):
            found.collect(values, how)


def test_a_sum_adds_in_the_order_of_the_records():
    names, values = ["a", "b"] * 2000, np.random.default_rng(1).normal(size=4000)
    found = read_identifiers(pa.table({"name": names}), "name")
    in_order = [np.add.reduceat(values[start::2], [0])[0] for start in (0, 1)]
    assert found.collect(values, "sum").tolist() == in_order


def test_identifiers_that_share_half_their_bits_are_two():
    ids = np.array([[5, 1], [5, 2], [7, 1], [5, 1], [5, 2]], np.uint64)
    found = Found(KeyType.of("a"), ids, np.arange(5), Report(records=5))
    assert settled(found).rows.tolist() == [0, 1, 2] and settled(found, "drop").rows.tolist() == [2]
    assert grouped(ids[:2])[1].tolist() == [0, 1] and grouped(ids[[0, 2]]) is None


def test_records_of_one_patient_are_no_duplicates():
    ids = np.array([[5, 0], [5, 0], [6, 0], [6, 0], [7, 0]], np.uint64)
    found = Found(KeyType.of("a"), ids, np.arange(5), Report(records=5))
    settles = settled(found, "drop", patients=np.array([0, 0, 2, 3, 0]))
    assert settles.rows.tolist() == [0, 0] and settles.ids[:, 0].tolist() == [5, 7]
    assert settles.owners.tolist() == [0, 0, -1, -1, 1] and settles.report.repeated == 2


def test_identifiers_show_fields_only_and_stay():
    found = read_identifiers(PEOPLE, ON)
    assert repr(found) == "Identifiers(name, born)"
    with pytest.raises(TypeError, match="stay in their institution"):
        pickle.dumps(found)
    unsettled = Found(found.key_type, found.ids, found.rows, found.report)
    assert "array" not in repr(unsettled) and str(found.ids[0, 0]) not in repr(unsettled)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: read_identifiers(PEOPLE, "nam"), "no column 'nam'; did you mean 'name'"),
        (lambda: read_identifiers(PEOPLE, []), "at least one field"),
        (lambda: read_identifiers(PEOPLE, "name", duplicates="last"), "no rule 'last' for duplicates"),
        (lambda: read_identifiers(PEOPLE, "name", where="age > 60"), "open the source as Records"),
        (lambda: read_identifiers(Records.open("a", PEOPLE), "name", where="agee > 60"), "did you mean 'age'"),
        (lambda: read_identifiers(pa.table({"w": [70.5]}), "w"), "column 'w' holds numbers with decimals"),
        (lambda: read_identifiers(3, "name"), "records come from"),
    ],
)
def test_what_cannot_be_asked_is_refused(ask, says):
    with pytest.raises(InvalidRequest, match=says):
        ask()


@pytest.mark.slow
def test_a_million_records_take_a_fraction_of_a_second():
    table = pa.table({"id": [f"patient-{k:08}" for k in range(1 << 20)]})
    start = time.process_time()
    assert read_identifiers(table, "id").report.distinct == 1 << 20
    assert time.process_time() - start < 1
