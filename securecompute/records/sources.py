"""Where records come from, and `Records`: what an institution holds of them.

A source is a path to a .parquet, .csv, .arrow or .feather file, a pyarrow table or a pandas frame.

Security  A cohort runs in a DuckDB that can reach no file, network or extension, on text of our own making with the
          values as parameters. Error texts of DuckDB and pyarrow hold values, so none is passed on.
"""

import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import pyarrow as pa

from securecompute.errors import InternalFault, InvalidRequest
from securecompute.records.canonical import canonical, data_version
from securecompute.records.checks import conform
from securecompute.records.cohort import Cohort, parse
from securecompute.records.columns import check_names
from securecompute.records.dictionary import Dictionary, infer
from securecompute.records.files import read
from securecompute.records.rows import Rows

CLOSED: Final[dict[str, str | bool | int | float | list[str]]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    "lock_configuration": "true",
}


def load(source: Any, dictionary: Dictionary | None = None) -> pa.Table:
    """The source as a canonical table (see `canonical`); with a dictionary only its columns, as far as there are any.

    source   path (str or Path), pyarrow.Table or pandas.DataFrame; NaN in a frame is missing, as pandas means it
    raises   InvalidRequest  not found, unreadable or unknown file; a column named twice, of mixed type, or of a type
                             that cannot be used. It never quotes a value, nor the folder of a file
    """
    pandas = sys.modules.get("pandas")  # whoever holds a frame has imported it
    if isinstance(source, str | Path):
        where = f"file '{Path(source).name}'"
        table = read(Path(source).expanduser(), dictionary)
    elif isinstance(source, pa.Table):
        where, table = "the table", source
        check_names(table.column_names, where)
    elif pandas is not None and isinstance(source, pandas.DataFrame):
        where, table = "the frame", _from_frame(source)
    else:
        raise InvalidRequest(
            f"records come from a path, a pyarrow table or a pandas frame, not {type(source).__name__}"
        )
    if dictionary is not None:
        table = table.select([name for name in dictionary if name in table.column_names])
    return canonical(table, where)


def _from_frame(frame: Any) -> pa.Table:
    if not all(isinstance(name, str) for name in frame.columns):
        raise InvalidRequest("the frame: a column's name is not text; rename it")
    check_names(frame.columns, "the frame")
    columns = {}
    for name in frame.columns:
        try:
            columns[name] = pa.chunked_array(pa.array(frame[name], from_pandas=True))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise InvalidRequest(
                f"the frame: column '{name}' mixes types, or is of one that cannot be used; convert it to one type"
            ) from None
    return pa.table(columns)


class Records:
    """One institution's records under a dictionary. Shows the institution and the columns, never a value."""

    __slots__ = ("_counted", "_loaded", "_table", "_versions", "dictionary", "name")

    def __init__(self, name: str, loaded: pa.Table, dictionary: Dictionary) -> None:
        """loaded: a canonical table. raises InvalidRequest listing every problem of `checks.check`."""
        self.name = name
        self.dictionary = dictionary
        self._loaded = loaded
        self._table = conform(loaded, dictionary, f"records of '{name}'")
        self._versions: dict[tuple[str, ...], str] = {}
        self._counted: dict[bytes, int] = {}

    @classmethod
    def open(cls, name: str, source: Any, dictionary: Dictionary | None = None) -> "Records":
        """Load a source and check it; without a dictionary, infer one.

        name     the institution, for error texts
        raises   InvalidRequest  as `load`, `infer` and `check` say, naming the institution
        """
        try:
            loaded = load(source, dictionary)
            dictionary = dictionary if dictionary is not None else infer(loaded)
        except InvalidRequest as problem:
            raise type(problem)(f"records of '{name}': {problem}") from None
        return cls(name, loaded, dictionary)

    def under(self, dictionary: Dictionary) -> "Records":
        """The same records under another dictionary, such as the one the network agreed on. raises InvalidRequest."""
        return Records(self.name, self._loaded, dictionary)

    def __repr__(self) -> str:
        return f"Records({self.name!r}: {', '.join(self.dictionary)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("records stay in their institution's process; send the source's path, or an answer")

    @property
    def n(self) -> int:
        """How many records there are."""
        return int(self._loaded.num_rows)

    def data_version(self, columns: Collection[str]) -> str:
        """SHA-256 in hex of the number of records and of what these columns hold, as far as they are there.

        The same under every dictionary, whatever other columns it names.
        """
        there = tuple(name for name in sorted(columns) if name in self._loaded.column_names)
        if there not in self._versions:  # records do not change, and hashing passes over all of them
            self._versions[there] = data_version(self._loaded.select(list(there)))
        return self._versions[there]

    def counted(self, what: bytes, count: Callable[[], int]) -> int:
        """A number of all records, worked out once: records do not change."""
        if what not in self._counted:
            self._counted[what] = count()
        return self._counted[what]

    def select(self, where: str | None = None) -> Rows:
        """The records of a cohort, None for all. raises InvalidRequest as `cohort.parse` does."""
        if where is None:
            return Rows(self.dictionary, self._table, None)
        return Rows(self.dictionary, self._table, _positions(self._table, parse(where, self.dictionary)))


def _positions(table: pa.Table, cohort: Cohort) -> np.ndarray:
    """Positions of the records for which the cohort is true (not unknown): int64, ascending."""
    text, parameters = cohort.sql()
    position = max(cohort.columns, key=len) + "#"  # longer than every column's name, so different
    used = table.select(list(cohort.columns)).append_column(position, pa.array(np.arange(table.num_rows)))
    quoted = position.replace('"', '""')
    import duckdb  # 20 MB that an institution takes only when it is asked for a cohort

    try:
        with duckdb.connect(":memory:", config=CLOSED) as database:
            database.register("records", used)
            database.execute(f'SELECT "{quoted}" FROM records WHERE {text}', parameters)
            found = database.fetchnumpy()[position]
    except duckdb.Error as error:
        kind = type(error).__name__
        raise InternalFault(f"a cohort query failed inside DuckDB ({kind}); report it with the cohort's text") from None
    return np.sort(np.asarray(found, np.int64))
