"""What it costs to make identifiers of a million records: tags in batches beside a hash call for each record.

Strings are of 12 to 40 bytes, all different. Seconds are of processors, of all threads together.
"""

import hashlib
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from bench.harness import Claim, cpu_timed, run
from securecompute.primitives.batch_cmac import cmac_many
from securecompute.records.identifiers import On, read_identifiers

TAGS_BUDGET = 0.15  # seconds for 2^20 strings
FIRST_DAY, LAST_DAY = -14_000, 18_000  # days of birth, counted from 1970


def people(n: int) -> pa.Table:
    """n records: a number that no two share, of 12 to 40 bytes, and a date of birth."""
    chance = np.random.default_rng(1)
    lengths = chance.integers(12, 41, n)
    numbers = [f"{k:0{width}}" for k, width in zip(chance.permutation(n).tolist(), lengths.tolist(), strict=True)]
    born = chance.integers(FIRST_DAY, LAST_DAY, n).astype(np.int32)
    return pa.table({"patient": pa.array(numbers, pa.large_string()), "born": pa.array(born).cast(pa.date32())})


def hashed(table: pa.Table) -> list[bytes]:
    """A hash call for each record."""
    sha256 = hashlib.sha256
    return [sha256(text.encode()).digest()[:16] for text in table["patient"].to_pylist()]


def from_file(read: Callable[[Path], Any], path: Path) -> list[bytes]:
    """The same of a file."""
    return hashed(read(path))


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """Where the files are while this process lasts."""
    return tempfile.TemporaryDirectory(prefix="identifiers-")


def claims(quick: bool) -> list[Claim]:
    """Tags alone, and identifiers from a table and from files."""
    power = 16 if quick else 20
    table, n = people(1 << power), f"2^{power}"
    files = {kind: Path(folder().name) / f"people.{kind}" for kind in ("parquet", "csv")}
    parquet.write_table(table, files["parquet"])
    csv.write_csv(table, files["csv"])
    column = pa.concat_arrays(table["patient"].chunks)
    _, offsets, data = column.buffers()
    strings = np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int64, len(column) + 1)
    tags = cpu_timed(partial(cmac_many, bytes(16), *strings))
    each = cpu_timed(partial(hashed, table))
    both: On = ("patient", "born")
    return [
        Claim(f"tags of {n} strings", tags, TAGS_BUDGET * 2.0 ** (power - 20), "budget", 1.0),
        Claim(f"tags of {n} strings", tags, each, "hashlib, each", 3.0),
        Claim(
            f"identifiers of {n} records, a table",
            cpu_timed(partial(read_identifiers, table, "patient")),
            each,
            "hashlib, each",
        ),
        Claim(
            "the same, with the date of birth", cpu_timed(partial(read_identifiers, table, both)), each, "hashlib, each"
        ),
        Claim(
            f"identifiers of {n} records, Parquet",
            cpu_timed(partial(read_identifiers, files["parquet"], "patient")),
            cpu_timed(partial(from_file, partial(parquet.read_table, columns=["patient"]), files["parquet"])),
            "pyarrow, hashlib each",
        ),
        Claim(
            f"identifiers of {n} records, CSV",
            cpu_timed(partial(read_identifiers, files["csv"], "patient")),
            cpu_timed(partial(from_file, _read_csv, files["csv"])),
            "pyarrow, hashlib each",
        ),
    ]


def _read_csv(path: Path) -> pa.Table:
    as_text = csv.ConvertOptions(include_columns=["patient"], column_types={"patient": pa.large_string()})
    return csv.read_csv(path, convert_options=as_text)


if __name__ == "__main__":
    sys.exit(run(__doc__, claims))
