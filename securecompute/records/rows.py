"""The records that a cohort selects, column by column, as an analysis takes them.

What makes a column unfit is looked for in all records, selected or not: an error that depended on the cohort would say
of one person whether it selects him.
"""

from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from securecompute.errors import InvalidRequest
from securecompute.records.checks import check_exact, check_whole
from securecompute.records.dictionary import Dictionary


class Rows:
    """Selected records of one institution. Shows its columns, never its size or a value."""

    __slots__ = ("_dictionary", "_positions", "_table")

    def __init__(self, dictionary: Dictionary, table: pa.Table, positions: np.ndarray | None) -> None:
        """table in the dictionary's types; positions int64 (n,) of the selected records, None for all."""
        self._dictionary = dictionary
        self._table = table
        self._positions = positions

    def __repr__(self) -> str:
        return f"Rows({', '.join(self._dictionary)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("rows stay in their institution's process; send the source's path, or an answer")

    @property
    def n(self) -> int:
        """How many records are selected."""
        return int(self._table.num_rows) if self._positions is None else len(self._positions)

    @property
    def places(self) -> np.ndarray:
        """Where the selected records stand among all: int64, shape (n,)."""
        return np.arange(self.n) if self._positions is None else self._positions

    def those(self, chosen: np.ndarray) -> "Rows":
        """Some of them. chosen: bool, shape (n,)"""
        return Rows(self._dictionary, self._table, self.places[chosen])

    def codes(self, column: str) -> np.ndarray:
        """Each record's index into the dictionary's categories: int32, shape (n,), -1 for missing.

        raises   InvalidRequest  no such column, or it is not categorical
        """
        declared = self._dictionary.column(column)
        if declared.categories is None:
            raise InvalidRequest(f"column '{column}' is {declared.type}; expected a categorical column")
        categories = pa.array(declared.categories, pa.large_string())
        codes = pc.index_in(self._selected(column), value_set=categories, skip_nulls=True)
        return np.array(pc.fill_null(codes, -1).to_numpy(), np.int32)

    def numbers(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Each record's value, in the column's unit: float64, shape (n,), 0 for missing; and bool, shape (n,), present.

        raises   InvalidRequest  no such column, it is neither integer nor number, or a whole number is beyond 2^53
        """
        declared = self._dictionary.column(column)
        if declared.type not in ("integer", "number"):
            raise InvalidRequest(f"column '{column}' is {declared.type}; expected an integer or a number column")
        values = self._selected(column)
        if declared.type == "integer":
            try:
                check_exact(self._table[column])
            except InvalidRequest as problem:
                raise InvalidRequest(f"column '{column}' {problem}") from None
        filled = pc.fill_null(values, 0).to_numpy()
        return np.array(filled, np.float64), np.array(values.is_valid().to_numpy(), np.bool_)

    def values(self, column: str) -> pa.ChunkedArray:
        """The column in its canonical type: large_string, int64, float64 or date32, null for missing.

        raises   InvalidRequest  no such column
        """
        self._dictionary.column(column)
        return self._selected(column)

    def identifying(self, column: str) -> pa.ChunkedArray:
        """As `values`, numbers as int64: what fields of keys are read from.

        raises   InvalidRequest  no such column, or it holds numbers with decimals
        """
        values = self.values(column)
        if not pa.types.is_float64(values.type):
            return values
        try:
            check_whole(self._table[column])
        except InvalidRequest as problem:
            raise InvalidRequest(f"column '{column}' {problem}") from None
        return check_whole(values)

    def _selected(self, column: str) -> pa.ChunkedArray:
        values = self._table[column]
        return values if self._positions is None else values.take(pa.array(self._positions))
