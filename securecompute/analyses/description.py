"""The result of a description: number, mean and spread of a column, for all patients or by group."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from securecompute.analyses.formats import patients
from securecompute.analyses.moments import Moments
from securecompute.analyses.result import Count, Hidden, Statistic, Table, Total, Withheld, plain_count, reasons

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Description:
    """A column's moments.

    overall      of all patients, or with groups of those whose group is known; None if a group is hidden
    groups       by category of `by`, in the dictionary's order; empty without `by`
    by_missing   patients left out because they have no group
    """

    column: str
    unit: str | None
    by: str | None
    where: str | None
    overall: Moments | None
    groups: dict[str, Moments]
    by_missing: Count

    @property
    def n(self) -> Total:
        """Patients with a value."""
        return self.overall.n if self.overall else _WITHHELD

    @property
    def missing(self) -> Total:
        """Patients without a value."""
        return self.overall.missing if self.overall else _WITHHELD

    @property
    def mean(self) -> Statistic:
        """Mean with its 95 % confidence interval."""
        return self.overall.mean if self.overall else _WITHHELD

    @property
    def sd(self) -> Statistic:
        """Standard deviation, n − 1 in the denominator."""
        return self.overall.sd if self.overall else _WITHHELD

    @property
    def variance(self) -> Statistic:
        """Variance, n − 1 in the denominator."""
        return self.overall.variance if self.overall else _WITHHELD

    def headline(self) -> str:
        """Means of the groups, or of all."""
        named = self._named().items()
        parts = [f"{name if self.by else ''} {self._brief(group)}".lstrip() for name, group in named]
        by = f" by {self.by}" if self.by else ""
        where = f" where {self.where}" if self.where else ""
        return f"{self.column}{by}{where}: {'; '.join(parts)}."

    def tables(self) -> list[Table]:
        """One row for each group, then all."""
        columns = (self.by or "patients", "n", "missing", "mean", "95 % low", "95 % high", "sd", "variance")
        named = self.groups | {"all": self.overall} if self.overall else self.groups
        unit = f" ({self.unit})" if self.unit else ""
        rows = tuple((name, *group.cells()) for name, group in named.items())
        return [Table(f"{self.column}{unit}", columns, rows)]

    def notes(self) -> list[str]:
        """What is hidden, left out or not estimable."""
        named = self._named()
        notes = []
        hidden = [n for group in named.values() for n in (group.n, group.missing) if isinstance(n, Hidden)]
        if any(isinstance(group.n, Hidden) for group in named.values()):
            row = ", and so is the row of all patients" if self.by else ""
            notes.append(f"Groups below {hidden[0].below} patients are hidden, their mean and spread withheld{row}.")
        elif hidden:
            notes.append(f"Counts below {hidden[0].below} are hidden.")
        if self.by_missing != 0:
            notes.append(f"Left out: {patients(self.by_missing)} without {self.by}.")
        for name, group in named.items():
            notes += reasons(group.statistics(), f" of {name}" if self.by else "")
        return notes

    def to_plain(self) -> dict[str, Any]:
        """Every number by name."""
        return {
            "column": self.column,
            "unit": self.unit,
            "by": self.by,
            "where": self.where,
            "overall": self.overall.to_plain() if self.overall else _WITHHELD.to_plain(),
            "groups": {name: group.to_plain() for name, group in self.groups.items()},
            "by_missing": plain_count(self.by_missing),
        }

    def plot(self, axes: "Axes") -> None:
        """Means with 95 % confidence intervals, one line for each group."""
        from securecompute.analyses import plots

        named = self._named()
        plots.means(axes, tuple(named), [(group.n, group.mean) for group in named.values()])
        plots.title(axes, f"mean {self.column}" + (f" by {self.by}" if self.by else ""), self.where)
        axes.set_xlabel(f"{self.column} ({self.unit})" if self.unit else self.column)
        axes.set_ylabel(self.by or "")

    def _named(self) -> dict[str, Moments]:
        return self.groups or ({"all": self.overall} if self.overall else {})

    def _brief(self, group: Moments) -> str:
        unit = f" {self.unit}" if self.unit and not isinstance(group.mean, Withheld) else ""
        return f"mean {group.mean}{unit}, sd {group.sd}, n {plain_count(group.n)}"


_WITHHELD = Withheld("a group is hidden, and this would let it be worked out")
