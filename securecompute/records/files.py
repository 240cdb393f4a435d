"""Reading a .parquet, .csv, .arrow or .feather file into an Arrow table.

In CSV an empty cell is missing, and so is NA, N/A, n/a, #N/A, NULL and null; nan is a number, refused later as such. A
column that a dictionary declares as categorical or text is read as text, so that a code '007' stays one.

Security  The readers' own error texts hold cells of the file: none is passed on.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import csv, feather, ipc, parquet

from securecompute.errors import InvalidRequest
from securecompute.records.checks import mixed
from securecompute.records.columns import Column, check_names
from securecompute.records.dictionary import Dictionary

MISSING: Final = ("", "NA", "N/A", "n/a", "#N/A", "NULL", "null")
PANDAS_ROW_LABELS: Final = "__index_level_"


def read(path: Path, dictionary: Dictionary | None) -> pa.Table:
    """The file's table, in the types the file has; the dictionary helps to read CSV.

    raises   InvalidRequest  not found, unreadable, of unknown suffix; a column named twice or not at all, or, in CSV,
                             of mixed type. It names the file without its folder
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidRequest(f"'{path.name}' is of unknown kind; expected a name ending in {', '.join(READERS)}")
    if not path.is_file():
        raise InvalidRequest(f"file '{path.name}' was not found; check its folder and name")
    try:
        table = reader(path, dictionary)
        names = table.column_names
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise InvalidRequest(
            f"file '{path.name}' cannot be read as {path.suffix[1:].lower()}; {_remedy(path)}"
        ) from None
    check_names(names, f"file '{path.name}'")
    table = table.select([name for name in names if not name.startswith(PANDAS_ROW_LABELS)])
    if reader is _csv and dictionary is None:
        _refuse_mixed(table, path.name)
    return table


def _parquet(path: Path, dictionary: Dictionary | None) -> pa.Table:
    return parquet.ParquetFile(path).read()  # read_table would take columns from names of folders


def _arrow(path: Path, dictionary: Dictionary | None) -> pa.Table:
    """The file format, either version, or the stream format."""
    with path.open("rb") as file:
        is_stream = file.read(4) == b"\xff\xff\xff\xff"
    if is_stream:
        with ipc.open_stream(path.read_bytes()) as stream:
            return stream.read_all()
    return feather.read_table(path)


def _csv(path: Path, dictionary: Dictionary | None) -> pa.Table:
    as_text = {name: pa.large_string() for name, column in (dictionary or {}).items() if _keeps_spelling(column)}
    convert = csv.ConvertOptions(null_values=MISSING, strings_can_be_null=True, column_types=as_text)
    table = csv.read_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True), convert_options=convert)
    if table.num_columns > 1:
        return table
    with_empty_lines = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    return csv.read_csv(path, parse_options=with_empty_lines, convert_options=convert)


def _keeps_spelling(column: Column) -> bool:
    """Text and categories, but for booleans, which files spell in several ways."""
    return column.type == "text" or (column.type == "categorical" and set(column.categories or ()) != {"false", "true"})


def _refuse_mixed(table: pa.Table, name: str) -> None:
    texts = [column for column in table.column_names if pa.types.is_string(table[column].type)]
    faulty = [f"'{column}'" for column in texts if mixed(table[column])]
    if faulty:
        raise InvalidRequest(
            f"file '{name}': numbers and text are mixed in column {', '.join(faulty)}. "
            "Correct the cells, or declare the type of the column in a dictionary"
        )


def _remedy(path: Path) -> str:
    if path.suffix.lower() != ".csv":
        return "save it again"
    return "it needs a header line, the same number of cells in each line, and UTF-8"


Reader = Callable[[Path, Dictionary | None], pa.Table]
READERS: Final[dict[str, Reader]] = {".parquet": _parquet, ".csv": _csv, ".arrow": _arrow, ".feather": _arrow}
