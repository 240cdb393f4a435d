"""How many patients a cohort has, all institutions together.

    n = Σᵢ nᵢ        nᵢ the patients of institution i in the cohort

Reveals    n to the collector, before its gate; to everybody else n if it is 0 or at least the smallest cell.
Accuracy   exact.
Checked    against the length of the pooled rows.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from securecompute.analyses import variables
from securecompute.analyses.formats import patients
from securecompute.analyses.question import Layout, Question, Segment
from securecompute.analyses.result import Count, Table, count, plain_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from securecompute.records.dictionary import Dictionary
    from securecompute.records.rows import Rows

NAME = "count"


@dataclass(frozen=True, slots=True)
class Counted:
    """A cohort's size."""

    n: Count
    where: str | None

    def headline(self) -> str:
        """602 patients where age >= 50."""
        return patients(self.n) + (f" where {self.where}." if self.where else ".")

    def tables(self) -> list[Table]:
        """One row."""
        return [Table("Patients", ("cohort", "n"), ((self.where or "all", plain_count(self.n)),))]

    def notes(self) -> list[str]:
        """Whether the count is hidden."""
        return [] if isinstance(self.n, int) else [f"A count below {self.n.below} is hidden."]

    def to_plain(self) -> dict[str, Any]:
        """n and the cohort."""
        return {"n": plain_count(self.n), "where": self.where}

    def plot(self, axes: "Axes") -> None:
        """The number, large."""
        from securecompute.analyses.plots import big_number

        big_number(axes, patients(self.n), f"where {self.where}" if self.where else "all institutions together")


def ask(dictionary: "Dictionary", where: str | None = None) -> Question:
    """How many patients are in the cohort.

    where    the cohort, such as "age >= 50 and rx = '0_placebo'"; None: every patient
    raises   InvalidRequest  the cohort's expression is not valid
    """
    return Question(NAME, {}, variables.cohort(where, dictionary))


def columns(question: Question) -> tuple[str, ...]:
    """No column; the cohort's own are found where it is parsed."""
    return ()


def summed(question: Question) -> tuple[str, ...]:
    """What the sum is of, beside the cohort: nothing but patients."""
    return ()


def precision(question: Question, dictionary: "Dictionary") -> str:
    """A sentence on rounding."""
    return "counts are exact"


def layout(question: Question, dictionary: "Dictionary", max_records: int) -> Layout:
    """One count."""
    return Layout([Segment("n", 1, max_records)])


def local(question: Question, dictionary: "Dictionary", rows: "Rows") -> dict[str, list[int]]:
    """One institution's n. Run by every institution, on the cohort's rows."""
    return {"n": [rows.n]}


def finish(
    question: Question, dictionary: "Dictionary", released: dict[str, list[int | None]], min_cell: int
) -> Counted:
    """The answer from the released total."""
    return Counted(count(released["n"][0], min_cell), question.where)
