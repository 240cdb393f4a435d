"""An institution's own side of lists of common patients: its part of a session, and the lists that it was told.

A list says which of an institution's own patients all the others know too, by the places of their records: of a patient
with several the first. With it stands what became of the institution's own records, which says why a list is short.
Both stay in the institution's software for its steward; no request reads them. With a folder the list is written there
too, as lists/<name>.parquet, which only this user may read; that it is, and no more of it, the researcher is told.

Security   The receiver learns which of its own patients all the others have, and their public numbers; every other
           institution the public numbers; coordinator and researcher that it was done. No number of patients leaves,
           the list's own length included. `protocols/intersection` says under which assumptions, semi-honest; where
           several receive, each has a run of its own, under keys of its own, and none depends on what another tells.
           A list names patients one by one, so it has no smallest length: rule 'min_cell', which is of counts that are
           shown, does not hold here. Rules 'linkage' and 'lists_to' do, and who has a list holds it by agreement.
           Who is told has a cohort only if nobody else is: a cohort of another institution would say of each patient on
           the list what it asks for (`list_manifest`). So does a field of the key: patients of whom it is the same are
           on the list. Rules 'columns' and 'keys' stand against that.
           Not promised: that the others' sets are true, nor that the receiver's is. It may hold identifiers of people
           whom it never treated, and so ask for them; the stewards' agreement is all that stands against that.
           When a party is lost, a receiver has its whole list or none; of several, one may have its own.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from securecompute.engine.rounds import Part, Party, together
from securecompute.errors import InternalFault, InvalidRequest
from securecompute.linking import Own, key_of, own_side
from securecompute.list_manifest import IKNP, OPRF, STAR, ListManifest
from securecompute.prepared_tables import QUERIES, PreparedTables
from securecompute.primitives.oprf import Mode
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.intersection import iknp, oprf, star, vole
from securecompute.protocols.intersection.oprf_table import Table
from securecompute.protocols.intersection.silent_vole import Cost
from securecompute.records.identifiers import Report
from securecompute.records.sources import Records

SUFFIXES: Final = (".csv", ".parquet")
MOST_KEPT: Final = 64  # older ones are let go of; their files stay


@dataclass(frozen=True, slots=True, repr=False)
class Listing:
    """What an institution brings into a session. table: where others ask it by `oprf`"""

    own: Own
    table: Table | None


@dataclass(frozen=True, slots=True, repr=False)
class PatientList:
    """What one institution was told. Its repr shows with whom, never how many; its str is for the steward alone.

    others    the institutions that know these patients too
    columns   of the key
    places    int64 (n,), ascending: where the records stand among its own, one for each patient
    report    what became of its own records: which have no identifier, and why
    """

    name: str
    others: tuple[Party, ...]
    columns: tuple[str, ...]
    places: NDArray[np.int64]
    report: Report

    def __repr__(self) -> str:
        return f"PatientList({self.name}; with {', '.join(self.others)})"

    def __str__(self) -> str:
        own = self.report
        lacking = [
            f"{column}: {own.missing[column]} missing, {own.unreadable[column]} unreadable" for column in own.missing
        ]
        return "\n".join(
            [
                f"list {self.name}: of {own.distinct} different patients here, those whom {' and '.join(self.others)} "
                f"{'knows' if len(self.others) == 1 else 'all know'} too: {len(self.places)}",
                f"{own.records} records were read; {own.lacking} lack the identifier ({'; '.join(lacking)}), "
                f"{own.repeated} repeat one",
            ]
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("a list of patients stays in its institution's process; write it to a file there")


def bring(me: Party, manifest: ListManifest, records: Records, tables: PreparedTables, draw: Randomness) -> Listing:
    """This institution's identifiers, and their table if others ask it by `oprf`.

    raises   InvalidRequest  as `own_side`, and as `PreparedTables.table`
    """
    side = manifest.side(me)
    own = own_side(records, manifest.on, side, 0, draw)
    asked = manifest.protocol == OPRF and manifest.receivers != (me,)
    return Listing(own, tables.table(own, side.records) if asked else None)


def conversation(
    me: Party, manifest: ListManifest, brought: Listing, tables: PreparedTables, draw: Randomness
) -> Part[PatientList | None]:
    """This institution's part: its list, if it receives one. raises as `protocols/intersection`."""
    runs = [_run(me, receiver, manifest, brought, tables, draw) for receiver in manifest.receivers]
    ended = yield from together(*runs)
    found = dict(zip(manifest.receivers, ended, strict=True)).get(me)
    if found is None:
        return None
    own = brought.own
    places = own.rows.places[own.taken[found[: own.true]]]
    others = tuple(name for name in manifest.parties if name != me)
    return PatientList(manifest.name, others, key_of(manifest.on).columns, np.sort(places), own.report)


def cost(manifest: ListManifest) -> tuple[int, dict[Party, int]]:
    """Rounds, and payload bytes that each institution sends, exactly: of declared numbers alone.

    raises   InvalidRequest  numbers that the protocol has no room for
    """
    sizes, rounds, sent = manifest.sizes, 0, dict.fromkeys(manifest.parties, 0)
    for receiver in manifest.receivers:
        if manifest.protocol == STAR:
            agreed = star.Star(sizes, receiver, manifest.header(receiver))
            needed, run = agreed.rounds, agreed.sent
        else:
            (peer,) = (name for name in sizes if name != receiver)
            price = _cost_of_two(manifest.protocol, sizes[receiver], sizes[peer])
            needed, run = price.rounds, {receiver: price.receiver, peer: price.sender}
        rounds = max(rounds, needed)
        sent = {name: total + run[name] for name, total in sent.items()}
    return rounds, sent


def _cost_of_two(protocol: str, nx: int, ny: int) -> Cost:
    if protocol == OPRF:
        return oprf.cost(nx, ny, QUERIES, Mode.OPRF)
    return (iknp.cost if protocol == IKNP else vole.cost)(nx, ny)


def _run(
    me: Party, receiver: Party, manifest: ListManifest, brought: Listing, tables: PreparedTables, draw: Randomness
) -> Part[NDArray[np.bool_] | None]:
    """The part in the run that tells one receiver: which rows of its padded identifiers all others have."""
    sizes, header, ids = manifest.sizes, manifest.header(receiver), brought.own.ids
    if manifest.protocol == STAR:
        agreed = star.Star(sizes, receiver, header)
        if me == receiver:
            return (yield from star.lead(agreed, ids, draw))
        yield from star.support(agreed, me, ids, draw)
        return None
    peer = next(name for name in sizes if name != me)
    nx, ny = sizes[receiver], sizes[peer if me == receiver else me]
    if manifest.protocol == OPRF:
        if brought.table is not None and me != receiver:
            yield from oprf.send(peer, brought.table, nx, header, tables.log, draw)
            return None
        return (yield from oprf.receive(peer, ids, nx, ny, QUERIES, Mode.OPRF, draw))
    receive, send = (iknp.receive, iknp.send) if manifest.protocol == IKNP else (vole.receive, vole.send)
    if me == receiver:
        return (yield from receive(peer, ids, nx, ny, header, draw))
    yield from send(peer, ids, nx, ny, header, draw)
    return None


class PatientLists:
    """The lists that one institution was told, by name, for its steward."""

    def __init__(self, name: Party, folder: Path | None) -> None:
        """folder   where each is written as well; made when there is one. None: memory only"""
        self._name, self._folder = name, folder
        self._lists: dict[str, PatientList] = {}

    @property
    def written(self) -> bool:
        """Whether lists are files too, in a folder."""
        return self._folder is not None

    def __iter__(self) -> Iterator[PatientList]:
        """All that are kept, in the order in which they came."""
        return iter(list(self._lists.values()))

    def keep(self, told: PatientList, records: Records) -> None:
        """Keep it, in the folder too. raises InternalFault: it cannot be written there"""
        while len(self._lists) >= MOST_KEPT:
            del self._lists[next(iter(self._lists))]
        self._lists[told.name] = told
        if self._folder is not None:
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                write(told, records, self._folder / f"{told.name}.parquet")
            except (OSError, InvalidRequest):
                raise InternalFault(f"'{self._name}' cannot write into its folder of lists") from None

    def find(self, name: str) -> PatientList:
        """raises   InvalidRequest  there is none of that name"""
        if name not in self._lists:
            raise InvalidRequest(f"'{self._name}' has been told no list '{name}'")
        return self._lists[name]


def write(
    told: PatientList, records: Records, path: str | PathLike[str], columns: Collection[str] | None = None
) -> None:
    """Write the records of a list to a file that only this user may read: in full, or not at all.

    path      .csv or .parquet
    columns   of the records; None: those of the key
    raises    InvalidRequest  another kind of file, no such column, or a place that cannot be written to
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidRequest(f"'{path.name}' is of unknown kind; expected a name ending in {' or '.join(SUFFIXES)}")
    chosen = np.zeros(records.n, np.bool_)
    chosen[told.places] = True
    rows = records.select().those(chosen)
    table = pa.table({name: rows.values(name) for name in (told.columns if columns is None else columns)})
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600, exist_ok=False)
        with unfinished.open("wb") as file:
            if path.suffix.lower() == ".csv":
                csv.write_csv(table, file)
            else:
                parquet.write_table(table, file)
        unfinished.replace(path)
    except OSError as error:
        raise InvalidRequest(f"'{path.name}' cannot be written: {error.strerror}") from None
