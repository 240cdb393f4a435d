"""About how many different patients institutions have together, however many institutions there are.

    x_i    the sketch of institution i: M cells, 1 where a patient of its cohort falls, else 0
    z      = Σ_c [Σ_i x_i,c = 0]                       empty cells, counted on shares
    n̂      = −M ln(z / M)                              linear counting
    error  = √(M (e^ρ − ρ − 1)),   ρ = n̂ / M           standard error of n̂

Reveals    to the collector, the number of taken cells M − z if it is 0 or at least the smallest cell, else that it is
           closed: patients are at least as many as taken cells; in the same way how many records have no readable value
           in some field, all institutions together. To nobody any cell, nor whose it is, as no institution shows its
           sketch: it enters in shares. Of each institution, to all: how many patients it has in all, in the cohort or
           not, rounded up to 64, or by at most an eighth.
           Not promised: an institution knows its own cells. One that enters others than its patients' can find out from
           the number whether cells that it chose are taken; all are trusted to follow the protocol.
           HyperLogLog is not used: its registers, shown, say of a single patient whether he is likely to be in them.
Accuracy   Relative standard error √(e^ρ − ρ − 1) / (ρ √M): at M = 2^20 0.08 % for ρ = 1, 0.17 % for 4, 0.67 % for 8.
           Unless given, M is the power of two from 2^10 to 2^22 for which the public numbers promise ρ ≤ 4, or ρ ≤ 1 as
           long as 2^16 cells are enough for that. The interval of 95 % is n̂ ± 1.96 errors, and not below the taken
           cells. If no cell is empty there is no estimate: from ρ = ln M on, 15 at 2^22.
Cost       13 rounds, however many institutions. Payload in bytes, M a power of two, N institutions: of each institution
           16 M + 144, or 8 M + 104 if it computes; and for computing, of two 18 5/8 M + 64 N + 318, of the third
           44 7/8 M + 64 N + 1438.
Checked    against the formula on plain bitmaps, equal in z; errors over many draws.
Reference  Whang, Vander-Zanden, Taylor, A Linear-Time Probabilistic Counting Algorithm for Database Applications, ACM
           TODS 15(2), 1990. Desfontaines, Lochbihler, Basin, Cardinality Estimators do not Preserve Privacy, PoPETs
           2019(2), on what registers give away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import expm1, log, sqrt
from typing import TYPE_CHECKING, Any, Final

from securecompute.analyses import variables
from securecompute.analyses.formats import sentence, whole
from securecompute.analyses.question import Question
from securecompute.analyses.result import (
    LEVEL,
    Count,
    Estimate,
    NotEstimable,
    Statistic,
    Table,
    Withheld,
    count,
    interval_cells,
    plain_count,
)
from securecompute.patients.counts import Sides
from securecompute.patients.identified import Identified
from securecompute.patients.keys import known_key
from securecompute.patients.overlap import named
from securecompute.programs.expressions import Expression, apply
from securecompute.programs.program import Input
from securecompute.programs.sketches import FEWEST_CELLS, MOST_CELLS, check_cells, source_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from securecompute.records.dictionary import Dictionary
    from securecompute.records.identifiers import On

NAME = "approximate_distinct"
PRECISION = "distinct patients are estimated from cells that they share; the interval is of that"
MOST_CHOSEN: Final = 1 << 22  # cells, unless the question names them
CHEAP: Final = 1 << 16
MOST_LOAD: Final = 4
DEVIATIONS: Final = 1.959963984540054  # of 95 % of a normal distribution


@dataclass(frozen=True, slots=True)
class ApproximateDistinct:
    """Patients, each counted once, as far as cells tell them apart.

    n           the estimate, with its 95 % confidence interval
    taken       cells with a patient, of `cells`
    identified  by which fields, and how many records these leave out
    """

    n: Statistic
    taken: Count
    cells: int
    institutions: tuple[str, ...]
    identified: Identified
    where: str | None

    def headline(self) -> str:
        """About 5,120 distinct patients (95 % CI 5,090 to 5,151), at A, B and C."""
        names, cohort = sentence(list(self.institutions)), f" where {self.where}" if self.where else ""
        if not isinstance(self.n, Estimate):
            return f"How many distinct patients are at {names}{cohort} is {self.n}."
        interval = f" ({self._interval()})," if self._interval() else ""
        return f"{self._number()}{interval} at {names}{cohort}."

    def tables(self) -> list[Table]:
        """One row."""
        level = f"{100 * LEVEL:.0f}\u00a0% CI"
        names = ("patients", f"{level} from", "to", "cells", "taken")
        row = (*interval_cells(self.n), self.cells, plain_count(self.taken))
        return [Table("Distinct patients, estimated", names, (row,))]

    def notes(self) -> list[str]:
        """What a patient is, how sure the number is, and why there is none."""
        notes = self.identified.notes()
        if self.taken == 0:
            return [*notes, "No cell holds a patient, so there are none: this number is no estimate."]
        if isinstance(self.n, Estimate):
            error = standard_error(self.n.value, self.cells)
            return [*notes, f"The standard error of the estimate is {whole(round(error))}; more cells make it smaller."]
        return [*notes, f"How many distinct patients there are is {self.n}: {self.n.reason}."]

    def to_plain(self) -> dict[str, Any]:
        """Every number."""
        numbers = {"n": self.n.to_plain(), "taken": plain_count(self.taken), "cells": self.cells}
        return {**numbers, **self.identified.to_plain(), "where": self.where}

    def plot(self, axes: "Axes") -> None:
        """The number, large, and below it its interval and of whom it is."""
        from securecompute.analyses.plots import big_number

        known, cohort = sentence(list(self.institutions)), f"\nwhere {self.where}" if self.where else ""
        interval = f"{self._interval()}\n" if self._interval() else ""
        big_number(axes, self._number(), f"{interval}{known}{cohort}")

    def _number(self) -> str:
        if not isinstance(self.n, Estimate):
            return f"Distinct patients: {self.n}"
        return "0 distinct patients" if self.taken == 0 else f"About {whole(round(self.n.value))} distinct patients"

    def _interval(self) -> str:
        """95 % CI 5,090 to 5,151; empty where there is none"""
        if not isinstance(self.n, Estimate) or self.taken == 0:
            return ""
        low, high = (whole(round(x)) for x in (self.n.low or 0.0, self.n.high or 0.0))
        return f"{100 * LEVEL:.0f}\u00a0% CI {low} to {high}"


def ask(
    dictionary: "Dictionary",
    on: "On",
    between: Sequence[str] | None = None,
    where: str | None = None,
    cells: int | None = None,
) -> Question:
    """About how many different patients institutions have together.

    on        the fields that identify a patient: columns, "born as date", "soundex(surname)", or `Field`s
    between   institutions, two or more; None: all of the network
    where     a cohort, at each of them
    cells     2^10 to 2^24, more for a smaller error; None: as many as the institutions' public numbers ask for
    raises    InvalidRequest  a field, cohort or institution that is not there; a number of cells that cannot be
    """
    names = named(between)
    parameters = {
        "on": known_key(on, dictionary, names),
        "between": names,
        "cells": None if cells is None else check_cells(cells),
    }
    return Question(NAME, parameters, variables.cohort(where, dictionary))


def columns(question: Question) -> tuple[str, ...]:
    """None beside those of key and cohort."""
    return ()


def program(question: Question, sides: Sides, dictionary: "Dictionary") -> Expression:
    """The count to gate: taken cells, (1,)."""
    cells = cells_for(question, sides)
    sketches = [
        Expression.of_input(Input(side.party, source_of(sides.on, side), (cells,), 1.0, True, least=0.0))
        for side in sides.sides
    ]
    patients = reduce(lambda x, y: apply("add", x, y), sketches)
    empty = apply("sum", apply("equal", patients, 0.0), axes=[0])
    return apply("reshape", apply("subtract", float(cells), empty), shape=[1])


def finish(
    question: Question,
    sides: Sides,
    shown: Sequence[int | None],
    identified: Identified,
    dictionary: "Dictionary",
    min_cell: int,
) -> ApproximateDistinct:
    """The answer from what is shown: None where the count is closed."""
    cells = cells_for(question, sides)
    taken = count(shown[0], min_cell, most=cells)
    n = (
        estimate(taken, cells)
        if isinstance(taken, int)
        else Withheld(f"fewer than {min_cell} cells hold patients, too few for their number to be shown")
    )
    return ApproximateDistinct(n, taken, cells, sides.names, identified, question.where)


def cells_for(question: Question, sides: Sides) -> int:
    """M: as the question says, or from the institutions' public numbers together."""
    if question.parameters["cells"] is not None:
        return int(question.parameters["cells"])
    most = sum(side.records for side in sides.sides)
    wanted = max(FEWEST_CELLS, min(most, CHEAP), -(-most // MOST_LOAD))
    return min(1 << (wanted - 1).bit_length(), MOST_CHOSEN)


def estimate(taken: int, cells: int) -> Statistic:
    """Patients from the cells that they take, with the interval of 95 %."""
    if taken == cells:
        return NotEstimable(
            f"each of the {whole(cells)} cells holds a patient; ask with more, cells=..., up to {whole(MOST_CELLS)}"
        )
    n = -cells * log((cells - taken) / cells) if taken else 0.0
    reach = DEVIATIONS * standard_error(n, cells)
    return Estimate(n, max(float(taken), n - reach), n + reach)


def standard_error(n: float, cells: int) -> float:
    """Of the estimate of n patients."""
    load = n / cells
    return sqrt(max(0.0, cells * (expm1(load) - load)))
