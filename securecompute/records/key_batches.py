"""Some columns of a source, batch by batch, so that a file larger than memory can be read for its identifiers.

    rows, Records             their canonical columns, in slices; numbers as whole ones
    .parquet, .csv            read by row groups and blocks; of CSV every column as text, unless a dictionary says more
    .arrow, .feather          read by the file's own batches
    tables, frames            as `sources.load`, in slices
    any other Arrow stream    whatever offers __arrow_c_stream__: a DuckDB relation, a record batch reader

Order      Batches come in the order of the records.
Security   The readers' own error texts hold cells: none is passed on.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import csv, ipc, parquet

from securecompute.errors import InvalidRequest
from securecompute.records.canonical import canonical
from securecompute.records.checks import conform
from securecompute.records.columns import check_names, near
from securecompute.records.dictionary import Column, Dictionary
from securecompute.records.files import MISSING, READERS, refuse_separator
from securecompute.records.rows import Rows
from securecompute.records.sources import Records, load

BATCH: Final = 1 << 18
_BLOCK_BYTES: Final = 1 << 23


def batches(source: Any, columns: Sequence[str], dictionary: Dictionary | None = None) -> Iterator[pa.Table]:
    """Canonical tables of these columns, at least one, under the dictionary as far as it names them.

    source   as the module says; a file may be smaller or larger than memory
    raises   InvalidRequest  not found, unreadable, a lacking column, or what does not keep to the dictionary; at once
                             or in the middle. It names files without their folder, and never a value
    """
    if isinstance(source, Records):
        source = source.select()
    if isinstance(source, Rows):
        yield from _sliced(pa.table({name: source.identifying(name) for name in columns}))
        return
    declared = Dictionary(tuple(dictionary[name] for name in columns if name in dictionary)) if dictionary else None
    where = "the stream"
    if isinstance(source, str | Path):
        where = f"file '{Path(source).name}'"
    for table in _opened(source, columns, declared, where):
        table = canonical(table, where)
        if declared is not None:
            known = conform(_numerals(table, declared, where), declared, where)
            for name in declared:
                table = table.set_column(table.column_names.index(name), name, known[name])
        yield table


def _sliced(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, max(table.num_rows, 1), BATCH):
        yield table.slice(start, BATCH)


def _opened(source: Any, columns: Sequence[str], declared: Dictionary | None, where: str) -> Iterator[pa.Table]:
    if isinstance(source, str | Path):
        yield from _from_file(Path(source).expanduser(), columns, declared, where)
    elif hasattr(source, "__arrow_c_stream__") and not hasattr(source, "column_names") and not hasattr(source, "iloc"):
        yield from _from_stream(source, columns, where)
    else:
        table = load(source)
        _check_columns(table.column_names, columns, where)
        yield from _sliced(table.select(list(columns)))


def _check_columns(names: Sequence[str], columns: Sequence[str], where: str) -> None:
    check_names(names, where)
    for column in columns:
        if column not in names:
            raise InvalidRequest(f"{where}: there is no column '{column}'{near(column, names, 'columns')}")


def _from_stream(source: Any, columns: Sequence[str], where: str) -> Iterator[pa.Table]:
    try:
        reader = pa.RecordBatchReader.from_stream(source)
        _check_columns(reader.schema.names, columns, where)
        yield reader.schema.empty_table().select(list(columns))
        for batch in reader:
            yield pa.Table.from_batches([batch.select(list(columns))])
    except (pa.ArrowException, OSError):
        raise InvalidRequest(f"{where} cannot be read to its end; look at it where it comes from") from None


def _from_file(path: Path, columns: Sequence[str], declared: Dictionary | None, where: str) -> Iterator[pa.Table]:
    suffix = path.suffix.lower()
    if suffix not in READERS or not path.is_file():
        load(path)  # raises what it raises for a file that is not there, a folder, an unknown kind
    try:
        for table in _STREAMS[suffix](path, columns, declared, where):
            yield from _sliced(table)
    except PermissionError:
        raise InvalidRequest(f"{where} may not be read by the user who runs this; change that") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise InvalidRequest(f"{where} cannot be read as {suffix[1:]} to its end; save it again") from None


def _from_parquet(path: Path, columns: Sequence[str], _: Dictionary | None, where: str) -> Iterator[pa.Table]:
    with parquet.ParquetFile(path) as file:
        _check_columns(file.schema_arrow.names, columns, where)
        yield file.schema_arrow.empty_table().select(list(columns))
        for batch in file.iter_batches(BATCH, columns=list(columns)):
            yield pa.Table.from_batches([batch]).select(list(columns))


def _from_csv(path: Path, columns: Sequence[str], declared: Dictionary | None, where: str) -> Iterator[pa.Table]:
    refuse_separator(path)
    with csv.open_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True)) as whole:
        names = whole.schema.names
    _check_columns(names, columns, where)
    as_text = dict.fromkeys(columns, pa.large_string())
    convert = csv.ConvertOptions(
        null_values=MISSING, strings_can_be_null=True, column_types=as_text, include_columns=list(columns)
    )
    parse = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(names) > 1)
    read = csv.ReadOptions(block_size=_BLOCK_BYTES)
    with csv.open_csv(path, read_options=read, parse_options=parse, convert_options=convert) as reader:
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _from_arrow(path: Path, columns: Sequence[str], _: Dictionary | None, where: str) -> Iterator[pa.Table]:
    """The stream format and the file format; anything else is read whole, or refused."""
    with path.open("rb") as file:
        begins = file.read(6)
    with pa.memory_map(str(path)) as mapped:
        if begins[:4] == b"\xff\xff\xff\xff":
            yield from _from_stream(ipc.open_stream(mapped), columns, where)
        elif begins == b"ARROW1":
            reader = ipc.open_file(mapped)
            _check_columns(reader.schema.names, columns, where)
            yield reader.schema.empty_table().select(list(columns))
            for place in range(reader.num_record_batches):
                yield pa.Table.from_batches([reader.get_batch(place).select(list(columns))])
        else:
            table = load(path)
            _check_columns(table.column_names, columns, where)
            yield table.select(list(columns))


def _numerals(table: pa.Table, declared: Dictionary, where: str) -> pa.Table:
    """Text of a CSV file as whole numbers where the dictionary says so; `conform` refuses what is left."""
    for place, name in enumerate(table.column_names):
        column = declared.get(name)
        if column is not None and column.type in ("integer", "number") and pa.types.is_large_string(table[name].type):
            table = table.set_column(place, name, _as_numbers(table[name], column, where))
    return table


def _as_numbers(values: pa.ChunkedArray, column: Column, where: str) -> pa.ChunkedArray:
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:
        pass
    try:
        return values.cast(pa.float64())
    except pa.ArrowInvalid:
        raise InvalidRequest(f"{where}: column '{column.name}' holds text; it is declared as {column.type}") from None


_STREAMS: Final[dict[str, Callable[[Path, Sequence[str], Dictionary | None, str], Iterator[pa.Table]]]] = {
    ".parquet": _from_parquet,
    ".csv": _from_csv,
    ".arrow": _from_arrow,
    ".feather": _from_arrow,
}
