"""What a vector of totals holds, segment by segment, and which count decides about which sum.

A question becomes one integer vector, equally laid out at every institution. The engine adds such vectors without
knowing what they mean; the gate reads the layout to know which entries are counts of patients and which count governs
a sum. Bounds prove, before anything is sent, that the ring can hold the total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import EncodingOverflow, InternalFault

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive entries of one kind.

    bound        largest absolute value that one institution may contribute to an entry
    scale        fractional bits of an entry: it stands for entry / 2^scale
    kind         "count" of patients, or "sum" over patients
    governed_by  for a sum: the count segment, of equal length, of the patients that it is taken over
    """

    name: str
    length: int
    bound: int
    scale: int = 0
    kind: Literal["count", "sum"] = "count"
    governed_by: str | None = None


class Layout(tuple[Segment, ...]):
    """The segments of a vector, in order. Make one with `Layout([...])`; raises InternalFault if it is inconsistent."""

    __slots__ = ()

    def __new__(cls, segments: Sequence[Segment]) -> "Layout":
        layout = super().__new__(cls, segments)
        counts = {segment.name: segment.length for segment in layout if segment.kind == "count"}
        if len({segment.name for segment in layout}) < len(layout):
            raise InternalFault("a layout names a segment twice")
        for segment in layout:
            if segment.length < 0 or segment.bound < 0:
                raise InternalFault(f"segment '{segment.name}' has a negative length or bound")
            if segment.kind == "sum" and counts.get(segment.governed_by or "") != segment.length:
                raise InternalFault(f"the sums of segment '{segment.name}' need a count segment of equal length")
        return layout

    @property
    def length(self) -> int:
        """Entries in the whole vector."""
        return sum(segment.length for segment in self)

    @property
    def bound(self) -> int:
        """Largest absolute value that one institution may contribute to any entry."""
        return max((segment.bound for segment in self), default=0)

    @property
    def offsets(self) -> dict[str, int]:
        """Where each segment starts."""
        ends = np.cumsum([0, *(segment.length for segment in self)]).tolist()
        return {segment.name: start for segment, start in zip(self, ends, strict=False)}

    def join(self, parts: Mapping[str, Sequence[int] | NDArray[np.int64]]) -> list[int]:
        """One institution's vector from its segments. Run by every institution.

        raises   EncodingOverflow  an entry is beyond its segment's bound; the text names the segment only
                 InternalFault     the segments are not those of the layout
        """
        if {segment.name for segment in self} != set(parts):
            raise InternalFault("an analysis returned other segments than its layout has")
        vector: list[int] = []
        for segment in self:
            entries = [int(entry) for entry in parts[segment.name]]
            if len(entries) != segment.length:
                raise InternalFault(f"segment '{segment.name}' has not the length that its layout gives")
            if any(abs(entry) > segment.bound for entry in entries):
                raise EncodingOverflow(
                    f"segment '{segment.name}': an entry is beyond {segment.bound}. "
                    "Raise max_records in the rules, or correct the column's range in the dictionary."
                )
            vector += entries
        return vector

    def split(self, vector: Sequence[T]) -> dict[str, list[T]]:
        """The segments of a vector, by name.

        raises   InternalFault  the vector has not the layout's length
        """
        if len(vector) != self.length:
            raise InternalFault(f"a vector of {len(vector)} entries meets a layout of {self.length}")
        starts = self.offsets
        return {s.name: list(vector[starts[s.name] : starts[s.name] + s.length]) for s in self}
