"""The result of a cross-tabulation: counts, margins, tests and measures, with what is hidden marked as such.

A margin is shown only where all of its cells are, so that no hidden count can be worked out by subtraction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from securecompute.analyses.formats import patients, percent, sentence, whole
from securecompute.analyses.independence import SMALLEST_EXPECTED, ChiSquare
from securecompute.analyses.result import (
    Cell,
    Count,
    Estimate,
    Hidden,
    NotEstimable,
    Statistic,
    Table,
    Total,
    Withheld,
    interval_cells,
    plain_count,
    plain_counts,
    reasons,
    total_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HIDDEN = "a cell is hidden, and this total would let it be worked out"


@dataclass(frozen=True, slots=True)
class Contingency:
    """Counts of two categorical columns.

    counts       rows by columns, categories in the dictionary's order
    row_missing  patients without a row value; column_missing likewise; both are left out of the counts
    chi_square   statistic, df, p, smallest_expected
    exposed      the row category that the measures compare with the other; None unless 2 × 2, as are fisher (its
                 value is the p-value), odds_ratio, risk_ratio and risk_difference
    event        the column category that is the outcome; None unless there are two
    """

    row: str
    column: str
    row_categories: tuple[str, ...]
    column_categories: tuple[str, ...]
    counts: tuple[tuple[Count, ...], ...]
    row_missing: Count
    column_missing: Count
    chi_square: ChiSquare | NotEstimable | Withheld
    exposed: str | None = None
    event: str | None = None
    where: str | None = None
    fisher: Statistic | None = None
    odds_ratio: Statistic | None = None
    risk_ratio: Statistic | None = None
    risk_difference: Statistic | None = None

    @property
    def n(self) -> Total:
        """Patients in the table."""
        return total_of([cell for row in self.counts for cell in row], _HIDDEN)

    @property
    def row_totals(self) -> tuple[Total, ...]:
        """Patients of each row."""
        return tuple(total_of(row, _HIDDEN) for row in self.counts)

    @property
    def column_totals(self) -> tuple[Total, ...]:
        """Patients of each column."""
        return tuple(total_of(column, _HIDDEN) for column in zip(*self.counts, strict=True))

    @property
    def events(self) -> tuple[Count, ...]:
        """Patients of each row with the event; empty unless there are two columns."""
        return tuple(row[self.column_categories.index(self.event)] for row in self.counts) if self.event else ()

    def headline(self) -> str:
        """Events of the exposed against the others with the odds ratio, or the size of the table; and chi-square."""
        if self.exposed:
            first = self.row_categories.index(self.exposed)
            rows = [self._risk(i) + f" with {self.row_categories[i]}" for i in (first, 1 - first)]
            answer = f"{self.event}: {rows[0]} against {rows[1]}; odds ratio {self.odds_ratio}"
        else:
            total = patients(self.n) if isinstance(self.n, int) else "total withheld"
            answer = f"{self.row} by {self.column}: {total}"
        test = str(self.chi_square) if isinstance(self.chi_square, ChiSquare) else f"chi-square {self.chi_square}"
        return f"{answer}; {test}" + (f"; where {self.where}." if self.where else ".")

    def tables(self) -> list[Table]:
        """Counts with margins, tests, and for 2 × 2 the measures."""
        return [self._count_table(), self._test_table(), *([self._measure_table()] if self.exposed else [])]

    def notes(self) -> list[str]:
        """What is hidden, left out, not estimable or approximate."""
        notes = self._hidden_notes()
        missing = {self.row: self.row_missing, self.column: self.column_missing}
        if any(n != 0 for n in missing.values()):
            listed = sentence([f"{patients(n)} without {name}" for name, n in missing.items() if n != 0])
            notes.append(f"Left out: {listed}.")
        if isinstance(self.chi_square, ChiSquare) and self.chi_square.smallest_expected < SMALLEST_EXPECTED:
            notes.append(
                f"The smallest expected count is {self.chi_square.smallest_expected:.2f}, below {SMALLEST_EXPECTED}: "
                "the p-value of chi-square is a poor approximation. "
                + ("Use Fisher's." if self.exposed else "Merge sparse categories.")
            )
        return notes + reasons({"chi-square": self.chi_square, "Fisher": self.fisher, **self._measures()})

    def to_plain(self) -> dict[str, Any]:
        """Counts, totals and every statistic by name."""
        statistics: dict[str, ChiSquare | Statistic | None] = {
            "chi_square": self.chi_square,
            "fisher": self.fisher,
            "odds_ratio": self.odds_ratio,
            "risk_ratio": self.risk_ratio,
            "risk_difference": self.risk_difference,
        }
        return {
            "row": self.row,
            "column": self.column,
            "where": self.where,
            "row_categories": list(self.row_categories),
            "column_categories": list(self.column_categories),
            "counts": plain_counts(self.counts),
            "row_totals": [plain_count(n) for n in self.row_totals],
            "column_totals": [plain_count(n) for n in self.column_totals],
            "n": plain_count(self.n),
            "row_missing": plain_count(self.row_missing),
            "column_missing": plain_count(self.column_missing),
            "exposed": self.exposed,
            "event": self.event,
        } | {name: statistic.to_plain() for name, statistic in statistics.items() if statistic is not None}

    def plot(self, axes: "Axes") -> None:
        """Risk of the event by row with 95 % intervals; for more than two columns, shares of each row."""
        from securecompute.analyses import plots

        if self.event:
            plots.risks(axes, self.row_categories, self.events, self.row_totals, event=f"{self.column}: {self.event}")
        else:
            plots.shares(axes, self.row_categories, self.column_categories, self.counts, legend=self.column)
        below = f"odds ratio {self.odds_ratio}" if self.exposed else ""
        plots.title(axes, f"{self.column} by {self.row}", self.where, below)
        axes.set_ylabel(self.row)

    def _measures(self) -> dict[str, Statistic | None]:
        return {
            "odds ratio": self.odds_ratio,
            "risk ratio": self.risk_ratio,
            "risk difference": self.risk_difference,
        }

    def _risk(self, i: int) -> str:
        """27/295 (9.2 %); a word where the row's total is withheld."""
        events, total = self.events[i], self.row_totals[i]
        if isinstance(events, int) and isinstance(total, int):
            return f"{whole(events)}/{whole(total)} ({percent(events, total)})"
        return f"{plain_count(events)} of a total withheld"

    def _count_table(self) -> Table:
        columns: tuple[str, ...] = (self.row, *self.column_categories, "total")
        rows: list[tuple[Cell, ...]] = []
        lines = [*zip(self.row_categories, self.counts, self.row_totals, strict=True)]
        for category, counts, total in [*lines, ("total", self.column_totals, self.n)]:
            rows.append((category, *map(plain_count, counts), plain_count(total), *self._event_cells(counts, total)))
        if self.event:
            columns += (f"{self.event} / total", f"{self.event} %")
        return Table(f"Patients by {self.row} and {self.column}", columns, tuple(rows))

    def _event_cells(self, counts: Sequence[Total], total: Total) -> tuple[Cell, ...]:
        """27/295 and 9.15, where there are two columns and the row may be shown."""
        if not self.event:
            return ()
        n = counts[self.column_categories.index(self.event)]
        if isinstance(n, int) and isinstance(total, int):
            return f"{n}/{total}", 100 * n / total if total else None
        return "withheld", None

    def _test_table(self) -> Table:
        rows: list[tuple[Cell, ...]] = []
        if isinstance(self.chi_square, ChiSquare):
            test = self.chi_square
            rows.append((test.name, test.statistic, test.df, test.p, test.smallest_expected))
        else:
            rows.append(("chi-square", str(self.chi_square), None, None, None))
        if self.fisher is not None:
            p = self.fisher.value if isinstance(self.fisher, Estimate) else str(self.fisher)
            rows.append(("Fisher's exact, two-sided", None, None, p, None))
        return Table("Tests of association", ("test", "statistic", "df", "p", "smallest expected"), tuple(rows))

    def _measure_table(self) -> Table:
        other = next(category for category in self.row_categories if category != self.exposed)
        rows = [(name, *interval_cells(s)) for name, s in self._measures().items() if s is not None]
        title = f"{self.column} {self.event}: {self.exposed} against {other}"
        return Table(title, ("measure", "estimate", "95 % low", "95 % high"), tuple(rows))

    def _hidden_notes(self) -> list[str]:
        hidden = [cell for row in self.counts for cell in row if isinstance(cell, Hidden)]
        if hidden:
            return [
                f"Cells below {hidden[0].below} are hidden; the totals, tests and measures that would let them be "
                "worked out are withheld."
            ]
        missing = [n for n in (self.row_missing, self.column_missing) if isinstance(n, Hidden)]
        return [f"Counts below {missing[0].below} are hidden."] if missing else []
