"""Sets that an institution has prepared for questions by `oprf`: once for each set, in a sealed file, for all who ask.

    file   tables/<name>.table     name = HMAC(file key, identifiers), declared number
    key    tables.key, 32 bytes, made when it is first needed; who holds neither this nor the records learns no set
    log    queries.sqlite: who asked how many items under which key, noted before it is answered

A set that has changed has another name, and so another key. Under one key at most `QUERIES` items are answered, all
askers and sessions together; whoever needs more removes the file, and the set is prepared anew under a new key.

A set is of all records of the institution, by some key; the time that it takes says whether it was prepared before, so
whether these records have changed since. A table of a cohort would say whether two cohorts are of the same patients:
there is none, as nobody who is asked has a cohort (`list_manifest`).

Without a folder a table lives as long as its institution's process, and so does the log.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

from securecompute.disclosure.query_ledger import QueryLedger
from securecompute.engine.rounds import Party
from securecompute.errors import InternalFault, InvalidRequest
from securecompute.linking import Own, fingerprint
from securecompute.primitives.boxes import BoxTampered
from securecompute.primitives.masks import KEY_BYTES
from securecompute.primitives.oprf import Mode
from securecompute.primitives.randomness import Randomness
from securecompute.protocols.intersection.oprf_table import Table

QUERIES: Final = 1 << 24
_MOST_IN_MEMORY: Final = 4


class PreparedTables:
    """One institution's. Tables are made when they are first asked for."""

    def __init__(self, name: Party, state: Path | None, randomness: Randomness) -> None:
        """state   the institution's folder, which is there; None: memory"""
        self._name, self._state, self._randomness = name, state, randomness
        self._log: QueryLedger | None = None
        self._key: bytes | None = None
        self._in_memory: dict[str, Table] = {}

    @property
    def log(self) -> QueryLedger:
        """What was asked. raises InvalidRequest: its file cannot be used"""
        if self._log is None:
            self._log = QueryLedger(None if self._state is None else self._state / "queries.sqlite")
        return self._log

    def table(self, own: Own, ny: int) -> Table:
        """The table of this set with its padding, made now if there is none: 55 us an item.

        ny       the declared number
        raises   InvalidRequest  a file was changed, or is not one of a table
                 InternalFault   the folder cannot be read or written
        """
        purpose = f"{fingerprint(own, self._file_key())}-{ny}"
        if purpose in self._in_memory:
            return self._in_memory[purpose]
        path = None if self._state is None else self._state / "tables" / f"{purpose}.table"
        if path is not None and path.exists():
            return self._read(path, purpose)
        table = Table.prepare(own.ids, ny, QUERIES, Mode.OPRF, self._randomness)
        if path is None:
            while len(self._in_memory) >= _MOST_IN_MEMORY:
                del self._in_memory[next(iter(self._in_memory))]
            self._in_memory[purpose] = table
            return table
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            table.write(path, self._file_key(), purpose, self._randomness)
        except OSError as error:
            raise self._fault(error) from None
        return table

    def _read(self, path: Path, purpose: str) -> Table:
        try:
            return Table.read(path, self._file_key(), purpose)
        except OSError as error:
            raise self._fault(error) from None
        except (BoxTampered, InvalidRequest):
            raise InvalidRequest(
                f"a prepared table of '{self._name}' was changed, or is of another version: remove {path.name}"
            ) from None

    def _file_key(self) -> bytes:
        if self._key is None:
            self._key = self._randomness.bytes(KEY_BYTES) if self._state is None else self._kept_key(self._state)
        return self._key

    def _kept_key(self, state: Path) -> bytes:
        path = state / "tables.key"
        try:
            with suppress(FileExistsError):
                path.touch(mode=0o600, exist_ok=False)
                path.write_bytes(self._randomness.bytes(KEY_BYTES))
            key = path.read_bytes()
        except OSError as error:
            raise self._fault(error) from None
        if len(key) != KEY_BYTES:
            raise InvalidRequest(f"{path.name} of '{self._name}' is not {KEY_BYTES} bytes; remove it, and its tables")
        return key

    def _fault(self, error: OSError) -> InternalFault:
        return InternalFault(f"'{self._name}' cannot use its folder of prepared tables: {error.strerror}")
