"""Sets prepared for questions: once for each set, sealed, counted, and of no use to who has the files alone."""

import stat

import pytest

import securecompute as sc
from securecompute import prepared_tables
from securecompute.protocols.intersection.oprf_table import Table
from tests.hospitals import hospitals, listed, software

THREE = {"Mayo": [1, 2, 3], "Duke": [3, 4, 5, 1], "Yale": [5, 4]}


@pytest.fixture
def prepared(monkeypatch):
    """The sizes of the sets that were prepared from now on."""
    sizes = []
    prepare = Table.prepare.__func__

    def counted(cls, y, ny, *given):
        sizes.append(ny)
        return prepare(cls, y, ny, *given)

    monkeypatch.setattr(Table, "prepare", classmethod(counted))
    return sizes


def ask(network, who="Mayo", whom="Duke", on="mrn"):
    network.intersect(who, whom, on=on, to=who, protocol="oprf")
    return listed(network, who)


@pytest.mark.parametrize("kept", [False, True])
def test_a_set_is_prepared_once_and_later_askers_use_it_again(prepared, tmp_path, kept):
    with hospitals(THREE, state=tmp_path if kept else None) as network:
        assert ask(network) == [0, 2]
        assert ask(network) == [0, 2]
        assert ask(network, "Yale") == [0, 1]
        assert prepared == [64]
        log = software(network, "Duke")._tables.log
        assert log._database.execute("SELECT asker, items FROM asked").fetchall() == [
            ("Mayo", 64),
            ("Mayo", 64),
            ("Yale", 64),
        ]


def test_another_set_has_another_key(prepared):
    with hospitals(THREE) as network:
        assert ask(network, on=["mrn", "age"]) == []
        assert ask(network) == [0, 2]
        assert len(prepared) == 2
        log = software(network, "Duke")._tables.log
        assert log._database.execute("SELECT count(DISTINCT key) FROM asked").fetchone() == (2,)


def test_a_set_that_has_changed_is_prepared_anew(prepared, tmp_path):
    for duke, common in (([3, 4, 5, 1], [0, 2]), ([3, 4, 5], [2]), ([3, 4, 5, 1], [0, 2])):
        with hospitals(THREE | {"Duke": duke}, state=tmp_path) as network:
            assert ask(network) == common
    assert prepared == [64, 64] and len(list(tmp_path.rglob("*.table"))) == 2


def test_what_may_be_asked_under_one_key_is_counted_before_it_is_answered(monkeypatch):
    monkeypatch.setattr(prepared_tables, "QUERIES", 100)
    monkeypatch.setattr("securecompute.lists.QUERIES", 100)
    with hospitals(THREE) as network:
        ask(network)
        with pytest.raises(sc.DisclosureRefused, match="'Yale' asks 64 items, more than are left of the 100"):
            ask(network, "Yale")
        assert listed(network, "Yale") is None


def test_tables_and_counts_outlive_the_process_and_the_files_are_this_users_alone(prepared, tmp_path):
    for _ in range(2):
        with hospitals(THREE, state=tmp_path) as network:
            assert ask(network) == [0, 2]
    assert prepared == [64]
    (folder,) = tmp_path.glob("Duke-*")
    (table,) = (folder / "tables").iterdir()
    for path in (table, folder / "tables.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not (next(tmp_path.glob("Mayo-*")) / "tables").exists()


def test_a_table_that_was_changed_is_refused_by_name(tmp_path):
    with hospitals(THREE, state=tmp_path) as network:
        ask(network)
        (table,) = tmp_path.glob("Duke-*/tables/*.table")
        content = bytearray(table.read_bytes())
        content[-1] ^= 1
        table.write_bytes(content)
        with pytest.raises(sc.InvalidRequest, match=f"of 'Duke' was changed.*remove {table.name}"):
            ask(network)
        table.unlink()
        assert ask(network) == [0, 2]


def test_under_another_file_key_the_set_is_prepared_anew(prepared, tmp_path):
    with hospitals(THREE, state=tmp_path) as network:
        ask(network)
    (key,) = tmp_path.glob("Duke-*/tables.key")
    key.write_bytes(bytes(32))
    with hospitals(THREE, state=tmp_path) as network:
        assert ask(network) == [0, 2]
    assert prepared == [64, 64]
    key.write_bytes(b"short")
    with (
        hospitals(THREE, state=tmp_path) as network,
        pytest.raises(sc.InvalidRequest, match=r"tables\.key of 'Duke' is not 32 bytes; remove it, and its tables"),
    ):
        ask(network)
