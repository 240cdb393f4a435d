"""What ledgers are kept in: a database whose records are on the disk, not in a buffer, when a transaction ends."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from securecompute.errors import InvalidRequest

_WAIT_SECONDS = 10.0  # for another process that writes the same file


def open_ledger(path: Path | None, tables: Iterable[str]) -> sqlite3.Connection:
    """The ledger of a file, with its tables; any thread may use it.

    path     made if it is not there. None: memory, forgotten with the connection
    tables   statements that make them if they are not there
    raises   InvalidRequest  the file cannot be opened, or is not a ledger
    """
    try:
        database = sqlite3.connect(
            ":memory:" if path is None else path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        database.execute("PRAGMA synchronous = EXTRA")  # the folder's entry too is on the disk
        for table in tables:
            database.execute(table)
    except sqlite3.Error as error:
        raise InvalidRequest(f"the ledger '{path}' cannot be used: {error}") from None
    return database
