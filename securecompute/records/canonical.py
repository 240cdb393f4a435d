"""One Arrow form for records from any source, and its hash.

    booleans and text       large_string; 'false', 'true'; an empty text is a missing value
    whole numbers           int64
    other numbers           float64
    days, times at midnight date32
    a column without values null, where the source knew no type

data version = SHA-256 over, by sorted name: name, type, n, validity, values. Files of the same content have the same
version whatever their format, chunks and dictionary encoding; so whole numbers hash alike as int64 and float64, and a
column without values alike in any type.
"""

import hashlib
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from securecompute.errors import InvalidRequest
from securecompute.records.columns import check_names

KINDS: Final = {pa.large_string(): "text", pa.int64(): "integer", pa.float64(): "number", pa.date32(): "date"}
EXACT_IN_FLOAT: Final = 2**53
"""Whole numbers up to this, and their negatives, are exact as float64."""


def kind(column_type: pa.DataType) -> str:
    """'text', 'integer', 'number', 'date' or 'empty': what a canonical column holds."""
    return KINDS.get(column_type, "empty")


def canonical(table: pa.Table, where: str = "the table") -> pa.Table:
    """The table in the form above, same names and order. raises InvalidRequest naming every column that has none."""
    check_names(table.column_names, where)
    columns, problems = {}, []
    for name in table.column_names:
        try:
            columns[name] = canonical_column(table[name])
        except InvalidRequest as problem:
            problems.append(f"column '{name}' {problem}")
    if problems:
        raise InvalidRequest(f"{where}: " + "\n  ".join(problems))
    return pa.table(columns)


def canonical_column(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """One column in its canonical type. raises InvalidRequest, the end of a sentence about the column."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if (kind(values.type) != "empty" and not pa.types.is_large_string(values.type)) or pa.types.is_null(values.type):
        return values
    if pa.types.is_timestamp(values.type):
        return _days(values)
    try:
        values = values.cast(_target(values.type))
    except pa.ArrowInvalid:
        raise InvalidRequest("holds a whole number beyond 64 bits; declare it as text") from None
    if kind(values.type) == "text" and pc.any(pc.equal(values, "")).as_py():
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
    return values


def _target(source: pa.DataType) -> pa.DataType:
    types = pa.types
    if (
        types.is_boolean(source)
        or types.is_string(source)
        or types.is_large_string(source)
        or types.is_string_view(source)
    ):
        return pa.large_string()
    if types.is_integer(source):
        return pa.int64()
    if types.is_floating(source) or types.is_decimal(source):
        return pa.float64()
    if types.is_date(source):
        return pa.date32()
    remedy = "save the file as UTF-8" if types.is_binary(source) or types.is_large_binary(source) else "convert it"
    raise InvalidRequest(f"is {source}, which cannot be used; {remedy}, or declare a dictionary without it")


def _days(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    if (
        moments.type.tz is None
        and pc.all(pc.equal(pc.floor_temporal(moments, unit="day"), moments)).as_py() is not False
    ):
        return moments.cast(pa.date32(), safe=False)
    raise InvalidRequest("holds times of day or time zones; reduce it to dates, or declare a dictionary without it")


def data_version(table: pa.Table) -> str:
    """SHA-256, in hex, of a canonical table."""
    digest = hashlib.sha256(b"securecompute records 1")
    _add_length(digest, table.num_rows)
    for name in sorted(table.column_names):
        _add_length(digest, len(name.encode()))
        digest.update(name.encode())
        _add_column(digest, table[name])
    return digest.hexdigest()


def _add_column(digest: "hashlib._Hash", values: pa.ChunkedArray) -> None:
    if values.null_count == len(values):
        digest.update(b"empty")
        return
    values = as_integers(values) or values
    digest.update(kind(values.type).encode())
    for chunk in values.chunks:
        digest.update(chunk.is_valid().to_numpy(zero_copy_only=False).tobytes())
    if kind(values.type) == "text":
        _add_text(digest, values)
        return
    for chunk in values.chunks:
        if pa.types.is_date32(chunk.type):
            chunk = chunk.cast(pa.int32())
        numbers = pc.fill_null(chunk, 0).to_numpy(zero_copy_only=False)
        digest.update((numbers + numbers.dtype.type(0)).tobytes())  # -0.0 becomes 0.0


def _add_text(digest: "hashlib._Hash", values: pa.ChunkedArray) -> None:
    filled = [pc.fill_null(chunk, "") for chunk in values.chunks]
    for chunk in filled:
        digest.update(pc.binary_length(chunk).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
    for chunk in filled:
        _, offsets, data = chunk.buffers()
        ends = np.frombuffer(offsets, "<i8", len(chunk) + 1, chunk.offset * 8) if len(chunk) else np.zeros(1, int)
        if ends[-1] > ends[0]:
            digest.update(memoryview(data)[int(ends[0]) : int(ends[-1])])


def as_integers(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A number column as int64 if all its values are whole and exact as float64, else None."""
    if not pa.types.is_float64(values.type):
        return None
    whole = pc.and_(pc.equal(pc.round(values), values), pc.less_equal(pc.abs(values), EXACT_IN_FLOAT))
    return values.cast(pa.int64()) if pc.all(whole).as_py() is not False else None


def _add_length(digest: "hashlib._Hash", length: int) -> None:
    digest.update(length.to_bytes(8, "little"))
