"""What an institution keeps of a list that it was told: for its steward, in files that only it may read."""

import copy
import pickle
import stat

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import securecompute as sc
from securecompute.errors import InternalFault
from securecompute.lists import MOST_KEPT, PatientList
from securecompute.records.identifiers import Report
from tests.hospitals import hospitals, software

THREE = {"Mayo": [1, 2, None, 3, 3, 9], "Duke": [9, 3, 4], "Yale": [1]}


@pytest.fixture
def network():
    with hospitals(THREE) as formed:
        formed.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        yield formed


@pytest.fixture
def mayo(network):
    return software(network, "Mayo")


def test_a_list_holds_one_place_for_each_patient_in_order(mayo):
    (told,) = mayo.lists
    assert told.places.tolist() == [3, 5]
    assert told.others == ("Duke",) and told.columns == ("mrn",)


def test_a_steward_reads_what_became_of_the_institutions_own_records(mayo):
    (told,) = mayo.lists
    assert told.report == Report(6, {"mrn": 1}, {"mrn": 0}, lacking=1, repeated=1, distinct=4)
    assert str(told) == (
        f"list {told.name}: of 4 different patients here, those whom Duke knows too: 2\n"
        "6 records were read; 1 lack the identifier (mrn: 1 missing, 0 unreadable), 1 repeat one"
    )


def test_an_empty_list_is_explained_by_records_that_cannot_be_read():
    days = {"Mayo": ["soon", "30.2.1961", None], "Duke": ["1961-07-03"] * 2}
    tables = {name: pa.table({"born": pa.array(own, pa.string())}) for name, own in days.items()}
    told = {
        "dictionary": sc.Dictionary((sc.Column("born", "text"),)),
        "rules": sc.Rules(linkage="lists"),
        "quiet": True,
    }
    with sc.Network.simulate(tables, fabric="in-process", helpers=["Aid"], **told) as network:
        network.intersect("Mayo", "Duke", on="born as date", to="Mayo", where={"Mayo": "born is not null"})
        (told,) = software(network, "Mayo").lists
    assert "those whom Duke knows too: 0" in str(told)
    assert "2 records were read; 2 lack the identifier (born: 0 missing, 2 unreadable), 0 repeat one" in str(told)


@pytest.mark.parametrize("protocol", ["vole", "iknp", "oprf"])
def test_nothing_of_the_report_travels_nor_of_the_list(protocol):
    """Whatever became of the receiver's records, others see the same lengths, and it answers one bit: a file or not."""

    def seen(patients):
        with hospitals({"Mayo": patients, "Duke": range(5)}) as network:
            runs, run = [], network.fabric.run
            network.fabric.run = lambda *given: runs.append(run(*given)) or runs[-1]
            receipt = network.intersect("Mayo", "Duke", on="mrn", to="Mayo", protocol=protocol)
            (told,) = software(network, "Mayo").lists
            assert told.report.records == len(patients)
        answered = {name: outcome.value for name, outcome in runs[0].outcomes.items()}
        return answered, receipt.bytes, receipt.rounds

    assert seen([1, 2, 3]) == seen([None] * 30 + [7] * 20) == seen([])
    assert seen([1])[0] == {"Mayo": {"written": False}, "Duke": {}}


def test_the_repr_of_a_list_shows_with_whom_and_never_how_many(mayo):
    (told,) = mayo.lists
    assert repr(told) == f"PatientList({told.name}; with Duke)"
    for deed in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="stays in its institution's process"):
            deed(told)


def test_no_request_reads_a_list(network, mayo):
    (told,) = mayo.lists
    for request in ("lists", "list", "shown", "write_list", told.name):
        with pytest.raises(sc.InvalidRequest, match="is not asked"):
            network.fabric.ask("Mayo", request, told.name)
    for source in ({"held": told.name}, {"columns": "age", "held": told.name}, {"columns": told.name}):
        with pytest.raises(sc.SecureComputeError):
            network.fabric.ask("Mayo", "measure", source)


@pytest.mark.parametrize(("suffix", "read"), [(".csv", pd.read_csv), (".parquet", pd.read_parquet)])
def test_a_steward_writes_the_records_to_a_file_of_its_own(mayo, tmp_path, suffix, read):
    (told,) = mayo.lists
    path = tmp_path / f"common{suffix}"
    mayo.write_list(told.name, path)
    assert read(path).to_dict("list") == {"mrn": ["patient 3", "patient 9"]}
    mayo.write_list(told.name, path, columns=["age", "mrn"])
    assert read(path).to_dict("list") == {"age": [3, 5], "mrn": ["patient 3", "patient 9"]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_file_that_cannot_be_written_is_told(mayo, tmp_path):
    (told,) = mayo.lists
    with pytest.raises(sc.InvalidRequest, match=r"'common\.xlsx' is of unknown kind; expected a name ending in \.csv"):
        mayo.write_list(told.name, tmp_path / "common.xlsx")
    with pytest.raises(sc.InvalidRequest, match=r"'common\.csv' cannot be written: No such file"):
        mayo.write_list(told.name, tmp_path / "nowhere" / "common.csv")
    with pytest.raises(sc.InvalidRequest, match="'Mayo' has been told no list 'abc'"):
        mayo.write_list("abc", tmp_path / "common.csv")
    with pytest.raises(sc.InvalidRequest, match="height"):
        mayo.write_list(told.name, tmp_path / "common.csv", columns=["height"])
    assert not list(tmp_path.iterdir())


def test_an_empty_list_is_a_list(tmp_path):
    with hospitals({"Mayo": [1], "Duke": [2]}) as network:
        network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        mayo = software(network, "Mayo")
        (told,) = mayo.lists
        assert told.places.tolist() == []
        mayo.write_list(told.name, tmp_path / "none.csv")
        assert (tmp_path / "none.csv").read_text().strip() == '"mrn"'


def test_with_a_folder_the_list_is_written_there_for_the_receiver_alone(tmp_path):
    with hospitals(THREE, state=tmp_path) as network:
        receipt = network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        name = receipt.name
    (written,) = tmp_path.rglob("*.parquet")
    assert receipt.written == ("Mayo",)
    assert f"it is a file in the folder of Mayo's state: lists/{name}.parquet" in str(receipt)
    assert str(written).endswith(receipt.place("Mayo").rpartition(" ")[2])
    assert str(tmp_path) not in str(receipt)
    assert written.name == f"{name}.parquet" and written.parts[-3].startswith("Mayo-")
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert stat.S_IMODE(written.parent.stat().st_mode) == 0o700
    assert pd.read_parquet(written)["mrn"].tolist() == ["patient 3", "patient 9"]


@pytest.mark.parametrize("said", [None, 7, [], {}, {"written": 7}])
def test_who_answers_neither_that_it_has_a_file_nor_that_it_has_none_has_none(network, mayo, said, monkeypatch):
    part, answer = mayo.part, mayo.answer

    def other(manifest):
        yield from part(manifest)
        return said

    monkeypatch.setattr(mayo, "part", other)
    monkeypatch.setattr(mayo, "answer", lambda request, x: said if request == "permit" else answer(request, x))
    asked = {"on": "mrn", "to": "Mayo"}
    assert network.intersect("Mayo", "Duke", **asked).written == ()
    assert network.explain_intersect("Mayo", "Duke", **asked).written == ()


def test_without_a_folder_the_receipt_says_that_the_list_is_in_memory_and_how_to_read_it(network, mayo, tmp_path):
    receipt = network.intersect("Mayo", "Duke", on="mrn", to=["Mayo", "Duke"])
    assert receipt.written == ()
    for name in ("Mayo", "Duke"):
        call = f"write_list('{receipt.name}', 'common.csv')"
        assert f"it is in memory until {name}'s software ends, where its steward calls {call}; with a" in str(receipt)
    mayo.write_list(receipt.name, tmp_path / "common.csv")
    assert pd.read_csv(tmp_path / "common.csv")["mrn"].tolist() == ["patient 3", "patient 9"]


def test_a_folder_that_cannot_be_written_is_told_and_the_list_is_kept(tmp_path):
    with hospitals(THREE, state=tmp_path) as network:
        (folder,) = tmp_path.glob("Mayo-*")
        (folder / "lists").write_text("in the way")
        with pytest.raises(InternalFault, match="'Mayo' cannot write into its folder of lists"):
            network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        assert len(software(network, "Mayo").lists) == 1


def test_old_lists_are_let_go_of(mayo):
    kept = mayo._lists
    for k in range(MOST_KEPT):
        kept.keep(PatientList(str(k), ("Duke",), ("mrn",), np.zeros(0, np.int64), Report()), mayo._records)
    assert [told.name for told in kept] == [str(k) for k in range(MOST_KEPT)]
