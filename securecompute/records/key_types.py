"""Which fields make an identifier, and the string of bytes that stands for a record under them.

    key type    a list of fields, each in one spelling and one form (see `spelling`); two fields may be declared to
                stand in any order, as names do that were entered in each other's place
    label       msgpack of [version, [[[column, kind, form], ...], ...]]: public, the same at all institutions
    string      lp(field 1) ‖ lp(field 2) ‖ ...        lp(t) = length of t in bytes, 16 bits, big-endian ‖ t in UTF-8
    key         HKDF-SHA256(label), 16 bytes

Lengths stand in front, so that no two lists of fields have one string; and the key hangs on the label, so that
identifiers of different key types, or of different versions of the spelling, have nothing in common.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final, cast

import msgpack
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest
from securecompute.primitives.masks import derive
from securecompute.records.columns import near
from securecompute.records.spelling import FORMS, KINDS, Form, Kind, shape, spell

VERSION: Final = 1
"""Of spelling, forms and strings together: whatever changes an identifier counts it up."""
LONGEST_FIELD: Final = 2**16 - 1


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a key, in one spelling and one form; as text "born", "born as date", "soundex(surname)".

    form     "whole"; "letters" without accents, blanks and signs, "initial", "soundex", "first3"; "year" of a date
    kind     what the column holds, where institutions write it differently: "text", whose case, blanks and width do not
             matter; "number", of which letters and digits count, and no zeros in front; "date". None: as its type says
    raises   InvalidRequest  no such kind or form, or not of this kind

    Dates in text are read where year, month and day stand in this order, 1961-03-07, 1961/03/07, 1961.03.07 and
    19610307, or day, month and year between dots, 7.3.1961. All else is unreadable, 03/07/1961 above all, which is one
    day to some and another one to others: a record with it has no key, and answers say how many there are.
    """

    column: str
    form: Form = "whole"
    kind: Kind | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.column, str) or not self.column:
            raise InvalidRequest("a field of a key is named by its column")
        if self.form not in FORMS:
            raise InvalidRequest(f"there is no form {self.form!r} of a field{near(str(self.form), FORMS, 'forms')}")
        if self.kind is not None and self.kind not in KINDS:
            raise InvalidRequest(f"there is no kind {self.kind!r} of a field{near(str(self.kind), KINDS, 'kinds')}")
        if self.kind is not None and self.form == "year" and self.kind != "date":
            told = f"year({self.column}) as date"
            raise InvalidRequest(f"column '{self.column}' is a {self.kind}; only a date has a year: say '{told}'")
        if self.kind not in (None, "text") and self.form == "soundex":
            raise InvalidRequest(f"column '{self.column}' is a {self.kind}; only a text has a soundex")

    def __str__(self) -> str:
        return self.column if self.form == "whole" else f"{self.form}({self.column})"


@dataclass(frozen=True, slots=True)
class AnyOrder:
    """Two fields whose contents may stand in each other's place; as text "given_name and surname in any order"."""

    one: Field
    other: Field

    def __str__(self) -> str:
        return f"{self.one} and {self.other} in any order"


@dataclass(frozen=True, slots=True)
class KeyType:
    """What two records must have in common to be one patient's. raises InvalidRequest: no field, or one twice."""

    parts: tuple[Field | AnyOrder, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise InvalidRequest("a key needs at least one field: on=['surname', 'born']")
        if len({(field.column, field.form) for field in self.fields}) < len(self.fields):
            raise InvalidRequest(f"a field stands twice in the key: {self}")

    @classmethod
    def of(cls, on: "KeyType | Field | AnyOrder | str | Iterable[Field | AnyOrder | str]") -> "KeyType":
        """A key type from columns' names and fields. raises InvalidRequest."""
        if isinstance(on, KeyType):
            return on
        if isinstance(on, str | Field | AnyOrder):
            on = [on]
        return cls(tuple(Field(part) if isinstance(part, str) else part for part in on))

    def __str__(self) -> str:
        return ", ".join(map(str, self.parts))

    @property
    def groups(self) -> tuple[tuple[Field, ...], ...]:
        """The fields of each part: one, or two in any order."""
        return tuple((part,) if isinstance(part, Field) else (part.one, part.other) for part in self.parts)

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, from left to right."""
        return tuple(field for group in self.groups for field in group)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the fields are taken from, each once."""
        return tuple(dict.fromkeys(field.column for field in self.fields))

    def under(self, kinds: Mapping[str, Kind]) -> "KeyType":
        """The key type with every field's kind told; kinds: column -> kind. raises InvalidRequest: year of no date."""

        def told(field: Field) -> Field:
            return field if field.kind is not None else replace(field, kind=kinds[field.column])

        return KeyType(
            tuple(
                told(part) if isinstance(part, Field) else AnyOrder(told(part.one), told(part.other))
                for part in self.parts
            )
        )

    def label(self) -> bytes:
        """What institutions compare before they compare identifiers. raises InvalidRequest: a kind is not told."""
        untold = [field.column for field in self.fields if field.kind is None]
        if untold:
            raise InvalidRequest(f"whether column '{untold[0]}' is text, a number or a date is not known yet")
        parts = [[[field.column, field.kind, field.form] for field in group] for group in self.groups]
        return cast(bytes, msgpack.packb([VERSION, parts]))

    def key(self) -> bytes:
        """16 bytes that anybody can compute from the label."""
        return derive(self.label(), b"securecompute/identifiers", b"key of AES-CMAC", 16)


class Spelled:
    """Columns of some records, each spelled and shaped once for all key types."""

    def __init__(self, columns: Mapping[str, pa.Array]) -> None:
        """columns   column -> values of a canonical type, all of one length"""
        self._columns = columns
        self._spelled: dict[tuple[str, Kind | None], pa.Array] = {}
        self._shaped: dict[Field, pa.Array] = {}

    def spelled(self, field: Field) -> pa.Array:
        """The field's column in one spelling. raises InvalidRequest naming the column."""
        at = field.column, field.kind
        if at not in self._spelled:
            try:
                self._spelled[at] = spell(self._columns[field.column], cast(Kind, field.kind))
            except InvalidRequest as problem:
                raise InvalidRequest(f"column '{field.column}' {problem}") from None
        return self._spelled[at]

    def field(self, field: Field) -> pa.Array:
        """The field: large_string, null where a record lacks it, or more than 65535 bytes. raises as `spelled`."""
        if field not in self._shaped:
            self._shaped[field] = _short(shape(self.spelled(field), field.form))
        return self._shaped[field]

    def missing(self, column: str) -> int:
        """How many records hold nothing in the column."""
        return int(self._columns[column].null_count)


def _short(values: pa.Array) -> pa.Array:
    """The texts for whose length there is room; said as an error, a longer one would tell that a cohort selects it."""
    long = pc.greater(pc.binary_length(values), LONGEST_FIELD)
    return pc.if_else(long, pa.scalar(None, values.type), values) if pc.any(long).as_py() else values


def present(key_type: KeyType, spelled: Spelled) -> NDArray[np.bool_]:
    """Which records have all fields: bool (records,). raises InvalidRequest as `spell`, naming the column"""
    first, *others = (spelled.field(field).is_valid() for field in key_type.fields)
    there = reduce(pc.and_, others, first)
    return cast(NDArray[np.bool_], there.to_numpy(zero_copy_only=False))


def strings(key_type: KeyType, spelled: Spelled) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    """The strings of the records that have all fields.

    returns   places of these records: int64 (m,), ascending; the strings' bytes, uint8; their offsets, int64 (m + 1,)
    raises    InvalidRequest  naming a column, as `spell` says
    """
    fields = {field: spelled.field(field) for field in key_type.fields}
    there = present(key_type, spelled)
    places = np.flatnonzero(there)
    if len(places) < len(there):
        mask = pa.array(there)
        fields = {field: values.filter(mask) for field, values in fields.items()}
    pieces: list[Any] = []
    for part in key_type.parts:
        if isinstance(part, Field):
            pieces += _with_length(fields[part])
        else:
            both = fields[part.one], fields[part.other]
            pieces += _with_length(pc.min_element_wise(*both))
            pieces += _with_length(pc.max_element_wise(*both))
    joined = pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.large_binary()))
    _, offsets, data = joined.buffers()
    octets = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    ends = np.frombuffer(offsets, np.int64, len(joined) + 1) if len(joined) else np.zeros(1, np.int64)
    return places, octets, ends


def _with_length(values: pa.Array) -> list[pa.Array]:
    """Two columns of bytes: the lengths of the values, 16 bits each, and the values."""
    lengths = pc.binary_length(values).to_numpy(zero_copy_only=False)
    sizes = lengths.astype(">u2").tobytes()
    prefix = pa.FixedSizeBinaryArray.from_buffers(pa.binary(2), len(lengths), [None, pa.py_buffer(sizes)])
    return [prefix.cast(pa.large_binary()), values.cast(pa.large_binary())]
