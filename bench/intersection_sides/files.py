"""Hospitals' files: so many identifiers each, in no order; half of the smallest file is in all of them."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

KEY = "id"
_FACTOR, _DIGITS = np.uint64(618_033_988_749), 12  # odd, no multiple of 5: k -> k factor is a bijection modulo 10^12
_SPREAD = np.uint64(2_862_933_555_777_941_757)  # odd: a bijection modulo 2^64, whose order says nothing

Sizes = tuple[int, ...]
"""How many identifiers the receiver has, and every other hospital."""


def common(sizes: Sizes) -> int:
    """How many identifiers all have."""
    return min(sizes) // 2


def named(sizes: Sizes) -> str:
    """As a row calls them: 2^20 each, or 2^12 and 2^20."""
    if len(set(sizes)) == 1:
        return f"{power(sizes[0])} each"
    return " and ".join(map(power, sizes))


def power(n: int) -> str:
    """2^k where it is one."""
    return f"2^{n.bit_length() - 1}" if n > 1 and n & (n - 1) == 0 else f"{n:,}"


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """Gone when this process ends."""
    return tempfile.TemporaryDirectory(prefix="intersection-")


@cache
def written(sizes: Sizes) -> tuple[Path, ...]:
    """The receiver's CSV file, and the others': a column of 12 digits. Nobody shares more than what all share."""
    paths, next_one = [], common(sizes)
    for who, size in enumerate(sizes):
        own = size - common(sizes)
        numbers = np.concatenate([np.arange(common(sizes)), np.arange(next_one, next_one + own)])
        next_one += own
        paths.append(Path(folder().name, f"{'-'.join(map(str, sizes))}-{who}.csv"))
        csv.write_csv(pa.table({KEY: identifiers(numbers)}), paths[-1], csv.WriteOptions(quoting_style="none"))
    return tuple(paths)


def identifiers(numbers: NDArray[np.int64]) -> pa.Array:
    """Twelve digits each, different for different numbers below 2^24, in an order that says nothing."""
    words = numbers.astype(np.uint64)
    shuffled = words[np.argsort(words * _SPREAD)] * _FACTOR % np.uint64(10**_DIGITS)
    return pc.utf8_lpad(pa.array(shuffled).cast(pa.string()), _DIGITS, "0")


def members(path: Path | str) -> set[str]:
    """What is in a CSV file's column, for who checks a result."""
    text = csv.ConvertOptions(column_types={KEY: pa.string()})
    return set(csv.read_csv(path, convert_options=text)[KEY].to_pylist())
