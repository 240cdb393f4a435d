"""What every result offers, and the four things that can stand where a number is expected.

    int or Estimate   the number
    Hidden            a count below the smallest cell: shown as "<10"
    Withheld          a number that would let a hidden count be worked out
    NotEstimable      a number that these data do not define, such as a mean of no patients

None of the last three is a number, has a value or takes part in arithmetic, so a plot or a table cannot take one for
zero by mistake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias

from securecompute.analyses.formats import number, sentence
from securecompute.errors import DisclosureRefused, InternalFault, InvalidRequest, PeerMisbehaved

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVEL = 0.95  # of every confidence interval


@dataclass(frozen=True, slots=True)
class Hidden:
    """A count in 1..below-1. Which one is not known to anybody who reads this."""

    below: int

    def __str__(self) -> str:
        return f"<{self.below}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, with its 95 % confidence interval where it has one; in the column's unit.

    raises   InternalFault  it is not finite: what cannot be estimated is NotEstimable
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not all(isfinite(x) for x in (self.value, self.low, self.high) if x is not None):
            raise InternalFault("an estimate is not finite; the analysis should have said that it is not estimable")

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return number(self.value)
        return f"{number(self.value)} ({100 * LEVEL:.0f}\u00a0% CI {number(self.low)} to {number(self.high)})"

    def __float__(self) -> float:
        return self.value

    def to_plain(self) -> dict[str, Any]:
        """value, and low and high where there is an interval."""
        plain = {"value": self.value, "low": self.low, "high": self.high}
        return {name: x for name, x in plain.items() if x is not None}


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """These data do not define the number; `reason` says why."""

    reason: str

    def __str__(self) -> str:
        return "not estimable"

    @property
    def value(self) -> NoReturn:
        """raises   InvalidRequest  always: there is no number"""
        raise InvalidRequest(f"not estimable: {self.reason}")

    low = high = p = value

    def to_plain(self) -> dict[str, Any]:
        """The reason under "not estimable"."""
        return {"not estimable": self.reason}


@dataclass(frozen=True, slots=True)
class Withheld:
    """The number exists and may not leave; `reason` says which rule keeps it."""

    reason: str

    def __str__(self) -> str:
        return "withheld"

    @property
    def value(self) -> NoReturn:
        """raises   DisclosureRefused  always: the number may not be shown"""
        raise DisclosureRefused(f"withheld: {self.reason}")

    low = high = p = value

    def to_plain(self) -> dict[str, Any]:
        """The reason under "withheld"."""
        return {"withheld": self.reason}


Count: TypeAlias = int | Hidden
Total: TypeAlias = int | Hidden | Withheld
Statistic: TypeAlias = Estimate | NotEstimable | Withheld
Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts and numbers. A column called "p" holds p-values; None is an empty cell."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Result(Protocol):
    """What an analysis's `finish` returns: a frozen dataclass whose fields are the numbers by name."""

    def headline(self) -> str:
        """The answer in a sentence."""
        ...

    def tables(self) -> list[Table]:
        """The answer in tables, the main one first."""
        ...

    def notes(self) -> list[str]:
        """What a reader must know: what is hidden and why, what is not estimable, warnings."""
        ...

    def to_plain(self) -> dict[str, Any]:
        """Every number at full precision, for JSON. A hidden count is a text such as "<10"."""
        ...

    def plot(self, axes: "Axes") -> None:
        """Draw the answer on one pair of axes."""
        ...


def count(released: int | None, min_cell: int, most: float = inf) -> Count:
    """A count as the gate left it. raises PeerMisbehaved: there cannot be so many, so some party was not honest"""
    if released is None:
        return Hidden(min_cell)
    if not 0 <= released <= most:
        raise PeerMisbehaved(
            "a count that was shown cannot be one: a party did not follow the protocol. Take no number of it for "
            "true; ask the stewards to compare their versions"
        )
    return released


_IN_IT = "a count in it is hidden, and this would let it be worked out"


def total_of(counts: Sequence[Count], reason: str = _IN_IT) -> int | Withheld:
    """The sum of counts, withheld for this reason if one of them is hidden."""
    known = [n for n in counts if isinstance(n, int)]
    return sum(known) if len(known) == len(counts) else Withheld(reason)


def plain_count(n: Total) -> int | str:
    """A count for JSON and for tables: the number, "<10" or "withheld"."""
    return n if isinstance(n, int) else str(n)


def plain_counts(table: Sequence[Sequence[Total]]) -> list[list[int | str]]:
    """A table of counts for JSON."""
    return [[plain_count(n) for n in row] for row in table]


def interval_cells(statistic: Statistic) -> tuple[Cell, Cell, Cell]:
    """Value, lower and upper limit for a table; a word in place of a value that is missing."""
    if isinstance(statistic, Estimate):
        return statistic.value, statistic.low, statistic.high
    return str(statistic), None, None


def reasons(statistics: Mapping[str, object], of: str = "") -> list[str]:
    """A sentence for each statistic that is not estimable, those with one reason together."""
    by_reason: dict[str, list[str]] = {}
    for name, statistic in statistics.items():
        if isinstance(statistic, NotEstimable):
            by_reason.setdefault(statistic.reason, []).append(name)
    return [f"{sentence(names)}{of}: not estimable: {reason}." for reason, names in by_reason.items()]
