"""Reading a .parquet, .csv, .arrow or .feather file into an Arrow table.

In CSV commas separate cells, and a point the decimals; a file with semicolons, as for decimal commas, is refused
with the remedy, not guessed at. An empty cell is missing, and so is NA, N/A, n/a, #N/A, NULL and null; nan is a number,
refused later as such. A column that a dictionary declares as categorical or text is read as text, so that a code '007'
stays one.

Security  The readers' own error texts hold cells of the file: none is passed on.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, feather, ipc, parquet

from securecompute.errors import InvalidRequest
from securecompute.records.checks import mixed
from securecompute.records.columns import Column, check_names
from securecompute.records.dictionary import Dictionary

DECIMAL_COMMA: Final = r"^\s*[+-]?\d+,\d+\s*$"
MISSING: Final = ("", "NA", "N/A", "n/a", "#N/A", "NULL", "null")
LONGEST_HEADER: Final = 2**20
PANDAS_ROW_LABELS: Final = "__index_level_"


def read(path: Path, dictionary: Dictionary | None) -> pa.Table:
    """The file's table, in the types the file has; the dictionary helps to read CSV.

    raises   InvalidRequest  not found, unreadable, of unknown suffix; a column named twice or not at all, or, in CSV,
                             of mixed type. It names the file without its folder
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidRequest(f"'{path.name}' is of unknown kind; expected a name ending in {', '.join(READERS)}")
    if path.is_dir():
        raise InvalidRequest(f"'{path.name}' is a folder; name the one file that holds the records")
    if not path.is_file():
        raise InvalidRequest(f"file '{path.name}' was not found; check its folder and name")
    try:
        table = reader(path, dictionary)
        names = table.column_names
    except PermissionError:
        raise InvalidRequest(f"file '{path.name}' may not be read by the user who runs this; change that") from None
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
    refuse_separator(path)
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


def refuse_separator(path: Path) -> None:
    """raises InvalidRequest if the header is separated by something else than commas."""
    with path.open("rb") as file:
        header = file.readline(LONGEST_HEADER)
    if b"," in header:
        return
    for sign, name in ((b";", "semicolons"), (b"\t", "tabs")):
        if sign in header:
            raise InvalidRequest(
                f"file '{path.name}' is separated by {name}; save it with commas between the cells and a point in "
                "numbers (R: write.csv, not write.csv2; pandas: to_csv without sep and decimal), or as Parquet"
            )


def _refuse_mixed(table: pa.Table, name: str) -> None:
    texts = [column for column in table.column_names if pa.types.is_string(table[column].type)]
    faulty = [f"'{column}'" for column in texts if mixed(table[column])]
    if faulty:
        raise InvalidRequest(
            f"file '{name}': numbers and text are mixed in column {', '.join(faulty)}. "
            "Correct the cells, or declare the type of the column in a dictionary"
        )
    commas = [f"'{column}'" for column in texts if _has_decimal_commas(table[column])]
    if commas:
        raise InvalidRequest(
            f"file '{name}': numbers have a decimal comma in column {', '.join(commas)}; write a point, or declare the "
            "column as text in a dictionary"
        )


def _has_decimal_commas(values: pa.ChunkedArray) -> bool:
    """Whether every value of a text column is a number with a comma in it, and there is one."""
    return pc.min(pc.match_substring_regex(values, DECIMAL_COMMA)).as_py() is True


def _remedy(path: Path) -> str:
    if path.suffix.lower() != ".csv":
        return "save it again"
    return "it needs a header line, the same number of cells in each line, and UTF-8"


Reader = Callable[[Path, Dictionary | None], pa.Table]
READERS: Final[dict[str, Reader]] = {".parquet": _parquet, ".csv": _csv, ".arrow": _arrow, ".feather": _arrow}
