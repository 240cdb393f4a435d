"""Identifiers of an institution's records: 128 bits for each patient, which institutions compare and never exchange.

    id = AES-CMAC_key(string)        string, key: those of the key type, see `key_types`

Security   An identifier is a public function of a person's data: whoever sees one may try names until it fits. So it
           hides nothing, stays in its institution, and enters a session only as input of a protocol that hides it.
           All that is asked of it is that different strings have different identifiers. AES-CMAC under a public key is
           not a hash that an adversary could not make collide; but strings are people's data, chosen without regard to
           the key, and for those it is as good as random: q strings of at most l blocks collide with probability about
           q² l/2^127, that is 2^-75 for 2^25 strings of up to four blocks. Who would make strings collide on purpose
           gains nothing: an institution may claim any string it can write down anyway.
Rules      A record lacks the identifier if it lacks any of its fields. Of several records with one identifier the first
           stands for all, or, if so asked, none does, or they are refused. What was missing, unreadable or repeated is
           counted in the report, for the institution itself. How many lack all of some keys, `without` counts: of all
           institutions together answers say it (`programs/unidentified`).
Cost       2^20 texts of 16 bytes, on one core: 0.15 s from an Arrow table, 0.2 s from Parquet, 0.25 s from CSV.
           Memory: 32 bytes a record at rest, three times as much while repeated identifiers are looked for.
Reference  RFC 4493; why not a hash call for each record: those of hashlib take 0.75 s for 2^20.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NoReturn, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.primitives.batch_cmac import cmac_many
from securecompute.records.columns import near
from securecompute.records.dictionary import Dictionary
from securecompute.records.key_batches import batches
from securecompute.records.key_types import AnyOrder, Field, KeyType, Spelled, present, strings
from securecompute.records.rows import Rows
from securecompute.records.sources import Records
from securecompute.records.spelling import natural

Duplicates = Literal["first", "drop", "refuse"]
Combine = Literal["first", "sum", "max"]
DUPLICATES: Final[tuple[str, ...]] = get_args(Duplicates)
COMBINATIONS: Final[tuple[str, ...]] = get_args(Combine)
On = KeyType | Field | AnyOrder | str | Iterable[Field | AnyOrder | str]


@dataclass(slots=True)
class Report:
    """What became of the records. Counts of one institution, which may be small: for its steward, not for a log.

    records      that were read
    missing      column -> records without a value there
    unreadable   column -> records whose value is none: no day of the calendar, no letter in a name, beyond 65535 bytes
    lacking      records without the identifier, for one reason or the other
    repeated     records with an identifier that another record stands for, or, where so asked, that none does
    distinct     identifiers that are left
    """

    records: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)
    lacking: int = 0
    repeated: int = 0
    distinct: int = 0


class Identifiers:
    """Identifiers of some records, each once. Shows of what fields, never how many or which.

    key_type   with the kinds of its fields; `key_type.label()` is what institutions compare first
    ids        uint64 (n, 2), C-contiguous, rows different, in the order of `rows`; to be wrapped in `Plain`
    rows       int64 (n,): the record that stands for each identifier, by its place among those that were read: in a
               cohort, among the cohort's, as the columns of `Rows` are
    owners     int64 (records,): for each record the place of its identifier in `ids`, -1 without one
    report     what became of the records
    """

    __slots__ = ("ids", "key_type", "owners", "report", "rows")

    def __init__(
        self,
        key_type: KeyType,
        ids: NDArray[np.uint64],
        rows: NDArray[np.int64],
        owners: NDArray[np.int64],
        report: Report,
    ) -> None:
        for array in (ids, rows, owners):
            array.flags.writeable = False
        self.key_type, self.ids, self.rows, self.owners, self.report = key_type, ids, rows, owners, report

    def __repr__(self) -> str:
        return f"Identifiers({self.key_type})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("identifiers stay in their institution's process")

    def collect(self, values: NDArray[Any], how: Combine = "first") -> NDArray[Any]:
        """One value for each identifier, of the records that have it: the first one's, their sum, or the largest.

        values    (records, ...), in the order in which the records were read; sums are of the same type, and wrap
        returns   (n, ...), in the order of `ids`
        raises    InvalidRequest  another number of values, or another way to combine
        """
        if how not in COMBINATIONS:
            raise InvalidRequest(f"values cannot be combined by {how!r}{near(str(how), COMBINATIONS, 'ways')}")
        if len(values) != len(self.owners):
            raise InvalidRequest("there is not one value for each record that was read")
        if how == "first" or not len(self.rows):
            return values[self.rows]
        owned = np.flatnonzero(self.owners >= 0)
        order = owned[np.argsort(self.owners[owned], kind="stable")]
        starts = np.searchsorted(self.owners[order], np.arange(len(self.rows)))
        combine = np.add if how == "sum" else np.maximum
        return combine.reduceat(values[order], starts, axis=0, dtype=values.dtype)


def read_identifiers(
    source: Any,
    on: On,
    where: str | None = None,
    dictionary: Dictionary | None = None,
    duplicates: Duplicates = "first",
) -> Identifiers:
    """The identifiers of a source's records, in one pass. Run by an institution.

    source       Records, Rows, a path, a table, a frame or an Arrow stream, see `key_batches`
    on           columns and fields of the key, in an order on which institutions agree
    where        a cohort, for Records
    dictionary   what the columns of a file, table or stream are; Records bring their own. Columns that it does not name
                 are spelled as their type says: in CSV, as text
    duplicates   of records with one identifier: "first" in the source's order stands for all, "drop" takes none,
                 "refuse" raises
    raises       InvalidRequest  no such column, cohort, file or policy; or a record repeats an identifier
    """
    if duplicates not in DUPLICATES:
        raise InvalidRequest(f"there is no rule {duplicates!r} for duplicates{near(duplicates, DUPLICATES, 'rules')}")
    (found,) = read_all(source, [KeyType.of(on)], where, dictionary)
    return settled(found, duplicates)


@dataclass(slots=True, repr=False)
class Found:
    """All identifiers of one key type before repeated ones are looked for, uint64 (m, 2), and their records' places."""

    key_type: KeyType
    ids: NDArray[np.uint64]
    rows: NDArray[np.int64]
    report: Report


def read_all(
    source: Any, key_types: Sequence[KeyType], where: str | None = None, dictionary: Dictionary | None = None
) -> list[Found]:
    """Several key types' identifiers of the same records, in one pass. raises InvalidRequest as `read_identifiers`."""
    if where is not None and not isinstance(source, Records):
        raise InvalidRequest("a cohort selects from Records; open the source as Records first")
    if where is not None:
        source = source.select(where)
    columns = list(dict.fromkeys(name for key_type in key_types for name in key_type.columns))
    gathered: list[list[tuple[NDArray[np.uint64], NDArray[np.int64]]]] = [[] for _ in key_types]
    reports = [Report() for _ in key_types]
    for table in batches(source, columns, dictionary):
        if not reports[0].records:
            kinds = {name: natural(table[name].type) for name in columns}
            key_types = [key_type.under(kinds) for key_type in key_types]
        spelled = Spelled({name: _one(table[name]) for name in columns})
        for key_type, report, pieces in zip(key_types, reports, gathered, strict=True):
            places, data, offsets = strings(key_type, spelled)
            pieces.append((cmac_many(key_type.key(), data, offsets), places + report.records))
            _count(report, key_type, spelled, table.num_rows, len(places))
    found = []
    for key_type, report, pieces in zip(key_types, reports, gathered, strict=True):
        ids, rows = (np.concatenate(arrays) for arrays in zip(*pieces, strict=True))
        found.append(Found(key_type, ids, rows, report))
    return found


def without(source: Records | Rows, key_types: Sequence[KeyType]) -> int:
    """How many records have none of these keys, whose kinds are told. raises InvalidRequest as `read_identifiers`."""
    columns = list(dict.fromkeys(name for key_type in key_types for name in key_type.columns))
    lacking = 0
    for table in batches(source, columns):
        spelled = Spelled({name: _one(table[name]) for name in columns})
        having = np.logical_or.reduce([present(key_type, spelled) for key_type in key_types])
        lacking += table.num_rows - int(having.sum())
    return lacking


def _one(values: pa.ChunkedArray) -> pa.Array:
    return values.chunk(0) if values.num_chunks == 1 else pa.concat_arrays([pa.array([], values.type), *values.chunks])


def _count(report: Report, key_type: KeyType, spelled: Spelled, records: int, having: int) -> None:
    report.records += records
    report.lacking += records - having
    for column in key_type.columns:
        missing = spelled.missing(column)
        without = max(spelled.field(each).null_count for each in key_type.fields if each.column == column)
        report.missing[column] = report.missing.get(column, 0) + missing
        report.unreadable[column] = report.unreadable.get(column, 0) + without - missing


def settled(found: Found, duplicates: Duplicates = "first", patients: NDArray[np.int64] | None = None) -> Identifiers:
    """Each identifier once.

    patients   int64 (records,): the record that stands for each record's patient; then records of one patient are no
               duplicates, and the identifiers of a patient all have that record in `rows`
    raises     InvalidRequest  duplicates are to be refused and there are some
    """
    stands = found.rows if patients is None else patients[found.rows]
    owners = np.full(found.report.records, -1)
    runs = grouped(found.ids)
    if runs is None:
        owners[found.rows] = np.arange(len(found.rows))
        found.report.distinct = len(found.rows)
        return Identifiers(found.key_type, found.ids, stands.copy(), owners, found.report)
    order, starts = runs
    counts, first = np.diff(starts, append=len(order)), np.minimum.reduceat(order, starts)
    shared = counts > 1
    if patients is not None:
        people = stands[order]
        shared = np.minimum.reduceat(people, starts) < np.maximum.reduceat(people, starts)
    if duplicates == "refuse" and shared.any():
        raise InvalidRequest(f"two records have the same {found.key_type}; choose a rule for duplicates, or mend them")
    kept = np.flatnonzero(~shared) if duplicates == "drop" else np.arange(len(starts))
    kept = kept[np.argsort(first[kept])]
    places = np.full(len(starts), -1)
    places[kept] = np.arange(len(kept))
    owners[found.rows[order]] = np.repeat(places, counts)
    found.report.distinct = len(kept)
    found.report.repeated = int(counts[shared].sum()) - (0 if duplicates == "drop" else int(shared.sum()))
    return Identifiers(found.key_type, found.ids[first[kept]], stands[first[kept]], owners, found.report)


def grouped(ids: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """An order in which equal identifiers are neighbours, and where each run of them starts; None if none are equal."""
    low, high = ids[:, 0], ids[:, 1]
    in_order = np.sort(low)
    if not (in_order[1:] == in_order[:-1]).any():
        return None
    order = np.argsort(low)
    begins = _differ(low[order])
    if (_differ(high[order]) & ~begins).any():  # some share their low word and no more
        order = np.lexsort((high, low))
        begins = _differ(low[order]) | _differ(high[order])
    return order, np.flatnonzero(begins)


def _differ(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each word is another than the one before it; the first is."""
    return np.concatenate([[True], words[1:] != words[:-1]])
