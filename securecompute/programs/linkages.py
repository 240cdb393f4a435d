"""Linkages: whose records are matched with whose, and the words by which the matches enter a program.

    leader, bins 0 .. B-1, at most one of its records in each          partner: for each bin, is it one of mine?

A linkage is data in a program. Its leader's records stand in the bins of a cuckoo table; with each of its partners a
two-party conversation (`protocols/intersection/circuit.py`) leaves each of the two with words, one a bin, that mean
nothing by themselves. Words are inputs that only `match` and `fetch` take:

    match(tag of the leader, tag of the partner)                 1 where the partner has the record of a bin, else 0
    fetch(match, word of the leader, word of the partner)        there the partner's number, else 0

What the leader brings along itself are ordinary inputs, 0 in empty bins. Where patients are told apart by several keys,
one linkage for each, the leader also has an order of the bins, words that only `arrange` takes:

    arrange(order, match)                                        the matches patient by patient, as many places as bins

Public are the fields that are compared, the cohorts, and for each side a number that its records do not exceed; how
many match is not, nor is which.

A bin matches falsely with probability 2^-64, and a program has at most 2^24 of them, counted once for each partner: so
false matches stay below 2^-40 for 12.9 million records of a leader and one partner. A record is never missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Party
from securecompute.errors import InternalFault, InvalidRequest
from securecompute.primitives.cuckoo import MOST, bins
from securecompute.protocols.intersection import circuit

TAG = "tag"
CELLS, TOTALS = "cells", "totals"  # one-hot rows of categorical columns in bins, and their sums over a side's records
ORDER = "order"
MOST_PARTNERS, MOST_NAMES = 64, 64
MOST_COMPARED = 1 << 24  # bins of a program, each of which matches falsely with 2^-64: 2^-40 in all
MOST_FIELDS, MOST_KEYS = 16, 16

Brought = str | tuple[str, str]  # a column, or a column and a category: 1 where the record has it, else 0
Parts = tuple[tuple[tuple[str, str, str], ...], ...]  # of a key: (column, kind, form), two of them where in any order


@dataclass(frozen=True, slots=True, repr=False)
class Placed:
    """What one institution has of a linkage after its conversations.

    words   (partner, word) -> uint64 (bins,)
    rows    of the leader, int64 (bins,): the record in each bin, -1 for none
    """

    words: Mapping[tuple[Party, str | int], NDArray[np.uint64]]
    rows: NDArray[np.int64] | None = None

    def spread(self, x: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The leader's own encoded numbers, one row a record, in the order of the bins; zeros in empty ones."""
        if self.rows is None:
            raise InternalFault("only the leader of a linkage has records in bins")
        return circuit.in_bins(self.rows, x)


def in_order(rows: NDArray[np.int64], patients: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Every number from 0 to bins − 1 once: in a bin with a record its patient's, in the others those that are left.

    rows      int64 (bins,): the record in each bin; one beyond those of patients, or -1, is nobody's
    patients  int64 (records,), numbers below that of bins, each once
    """
    known = (rows >= 0) & (rows < len(patients))
    taken, left = patients[rows[known]], np.ones(len(rows), np.bool_)
    left[taken] = False
    order = np.empty(len(rows), np.uint64)
    order[known], order[~known] = taken, np.flatnonzero(left)
    return order


@dataclass(frozen=True, slots=True)
class Side:
    """One institution in a linkage.

    where     cohort of its records, None: all
    records   at most so many identifiers take part: public
    columns   what its records bring along; records that lack a value in a column take no part, unless it is asked for
              one category of it
    """

    party: Party
    where: str | None
    records: int
    columns: tuple[Brought, ...] = ()

    def to_plain(self) -> list[Any]:
        """Plain data."""
        columns = [each if isinstance(each, str) else list(each) for each in self.columns]
        return [self.party, self.where, self.records, columns]

    @classmethod
    def from_plain(cls, plain: Any) -> "Side":
        """The inverse of `to_plain`, of data that somebody else chose. raises InvalidRequest."""
        if not isinstance(plain, list) or len(plain) != 4:
            raise InvalidRequest("a side of a linkage is [institution, cohort, records, columns]")
        party, where, records, columns = plain
        if type(party) is not str or not (where is None or type(where) is str):
            raise InvalidRequest("a side of a linkage names an institution, and a cohort or none")
        if type(records) is not int or not 1 <= records <= MOST:
            raise InvalidRequest(f"{records!r} records in a linkage; it takes 1 to {MOST}")
        return cls(party, where, records, _brought(columns))


@dataclass(frozen=True, slots=True)
class Linkage:
    """Records of a leader, looked up at its partners by fields that identify a patient (`records/key_types.py`).

    unambiguous  an identifier that two patients of an institution have takes no part; else its first record does
    patient      then: the column by which an institution tells its own patients apart; None: a record is a patient
    """

    on: Parts
    leader: Side
    partners: tuple[Side, ...]
    unambiguous: bool = False
    patient: str | None = None

    def __post_init__(self) -> None:
        names = [self.leader.party, *(side.party for side in self.partners)]
        if not 2 <= len(set(names)) == len(names) <= MOST_PARTNERS + 1:
            raise InvalidRequest(f"a linkage is between a leader and 1 to {MOST_PARTNERS} others, each named once")
        if not self.on:
            raise InvalidRequest("a linkage compares at least one field")
        if self.unambiguous and any(side.columns for side in self.sides.values()):
            raise InvalidRequest("a linkage by one of several keys brings along no columns")
        if self.patient is not None and not self.unambiguous:
            raise InvalidRequest("a linkage by one key takes no column of patients")

    @property
    def bins(self) -> int:
        """How many rows its words have."""
        return bins(self.leader.records)

    @property
    def sides(self) -> dict[Party, Side]:
        """By institution, the leader first."""
        return {side.party: side for side in (self.leader, *self.partners)}

    def agreed(self, session: bytes, number: int) -> circuit.Linkage:
        """What its conversations are held under, in a session where it has this number."""
        partners = tuple(circuit.Partner(side.party, side.records, len(side.columns)) for side in self.partners)
        header = session + number.to_bytes(2, "big")
        return circuit.Linkage(self.leader.party, self.leader.records, partners, header)

    @staticmethod
    def fields_from(plain: Any) -> Parts:
        """The fields of a key, from plain data that somebody else chose. raises InvalidRequest."""
        return _parts(plain)

    def to_plain(self) -> dict[str, Any]:
        """Plain data."""
        partners = [side.to_plain() for side in self.partners]
        return {
            "on": [[list(field) for field in part] for part in self.on],
            "leader": self.leader.to_plain(),
            "partners": partners,
            "unambiguous": self.unambiguous,
            "patient": self.patient,
        }

    @classmethod
    def from_plain(cls, plain: Any) -> "Linkage":
        """The inverse of `to_plain`, of data that somebody else chose. raises InvalidRequest."""
        if not isinstance(plain, dict) or set(plain) != {"on", "leader", "partners", "unambiguous", "patient"}:
            raise InvalidRequest("a linkage has on, leader, partners, unambiguous and patient")
        unambiguous, patient = plain["unambiguous"], plain["patient"]
        if type(unambiguous) is not bool or not (patient is None or type(patient) is str):
            raise InvalidRequest("whether a linkage is unambiguous is true or false, and its patient a column or none")
        if not isinstance(plain["partners"], list):
            raise InvalidRequest("a linkage's partners are a list")
        partners = tuple(Side.from_plain(side) for side in plain["partners"])
        return cls(_parts(plain["on"]), Side.from_plain(plain["leader"]), partners, unambiguous, patient)


def check_compared(linkages: Sequence[Linkage]) -> None:
    """Return if false matches of a program have a probability of 2^-40 at most, all of them together.

    raises   InvalidRequest  more bins than that
    """
    compared = sum(each.bins * len(each.partners) for each in linkages)
    if compared > MOST_COMPARED:
        raise InvalidRequest(
            f"institutions have so many records that {compared:,} comparisons are needed; with more than "
            f"{MOST_COMPARED:,} a false match would be likelier than 2^-40. Name fewer institutions, or fewer keys"
        )


def linked(source: Mapping[str, Any]) -> int | None:
    """The number of the linkage that an input comes of, None where it comes of none."""
    number = source.get("linkage")
    return number if type(number) is int else None


def check_source(
    source: Mapping[str, Any], owner: Party, shape: tuple[int, ...], words: bool, linkage: Linkage
) -> None:
    """Return if an input is one that a linkage gives: words of a pair, the leader's own numbers, or a side's totals.

    raises   InvalidRequest
    """
    if TOTALS in source and not words:
        if owner not in linkage.sides:
            raise InvalidRequest(f"'{owner}' has no records in this linkage")
        return _check_numbers(source)
    if shape[:1] != (linkage.bins,):
        raise InvalidRequest(f"an input of a linkage has a row for each of {linkage.bins} bins")
    if not words:
        if owner != linkage.leader.party:
            raise InvalidRequest(f"only the leader of a linkage, '{linkage.leader.party}', brings in numbers itself")
        return _check_numbers(source)
    if source.get("word") == ORDER:
        if set(source) != {"linkage", "word"} or not linkage.unambiguous or len(shape) != 1:
            raise InvalidRequest("an order is of a linkage by one of several keys, a number for each bin")
        if owner != linkage.leader.party:
            raise InvalidRequest(f"only the leader of a linkage, '{linkage.leader.party}', knows its order")
        return
    partner = linkage.sides.get(str(source.get("partner")))
    if set(source) != {"linkage", "partner", "word"} or partner is None or partner == linkage.leader:
        raise InvalidRequest("words of a linkage name one of its partners, and a word")
    if owner not in (linkage.leader.party, partner.party) or len(shape) != 1:
        raise InvalidRequest("words of a linkage belong to its leader or to the partner, one for each bin")
    if source["word"] not in (TAG, *range(len(partner.columns))):
        raise InvalidRequest(f"'{partner.party}' brings no word {source['word']!r} into the linkage")


def _check_numbers(source: Mapping[str, Any]) -> None:
    """Numbers are of columns that a side brings, or of cells or totals of columns: one of them, so that no rule reads
    another one than the institution does."""
    kind, *others = [name for name in source if name != "linkage"] or [""]
    names = source.get(kind)
    alone = kind == "columns" and type(names) is str
    listed = isinstance(names, list) and all(type(name) is str for name in names) and (names or kind != "columns")
    if others or kind not in ("columns", CELLS, TOTALS) or not (alone or listed):
        raise InvalidRequest("numbers of a linkage are columns, or cells or totals of columns, named by text")


def _parts(plain: Any) -> Parts:
    if not isinstance(plain, list) or len(plain) > MOST_FIELDS:
        raise InvalidRequest(f"a linkage compares at most {MOST_FIELDS} fields")
    for part in plain:
        fields = part if isinstance(part, list) and 1 <= len(part) <= 2 else [None]
        if not all(isinstance(each, list) and len(each) == 3 and all(type(t) is str for t in each) for each in fields):
            raise InvalidRequest("a field of a linkage is [column, kind, form], and two stand in any order")
    return tuple(tuple((each[0], each[1], each[2]) for each in part) for part in plain)


def column_of(brought: Brought) -> str:
    """The column that it is of."""
    return brought if isinstance(brought, str) else brought[0]


def _brought(plain: Any) -> tuple[Brought, ...]:
    if not isinstance(plain, list) or len(plain) > MOST_NAMES or not all(map(_is_brought, plain)):
        raise InvalidRequest(f"the columns of a linkage are a list of at most {MOST_NAMES} names, or of categories")
    columns = tuple(each if isinstance(each, str) else (each[0], each[1]) for each in plain)
    if len(set(columns)) < len(columns):
        raise InvalidRequest("one of the columns of a linkage is named twice")
    return columns


def _is_brought(each: Any) -> bool:
    return type(each) is str or (isinstance(each, list) and len(each) == 2 and all(type(t) is str for t in each))
