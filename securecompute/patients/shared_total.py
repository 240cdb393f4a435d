"""How many patients institutions have in common, and the total of a column of one of them over these.

    n = Σ_b e(b)        total = Σ_b e(b) x(b)         e(b) = 1 if all of the others know the record in bin b

The institution of the column leads; its records without a value in the column take no part.

Reveals    n, if it is 0 or at least the smallest cell, and then the total; else that n is closed, and nothing of the
           total; beside n, in the same way, how many records have no readable value in some field of the key, all
           institutions together, with a value in the column or not. To nobody which patients these are. Of each
           institution, to the others: how many patients it has in all, in the cohort or not, rounded up to 64, or by
           at most an eighth.
           Not promised: the total of a few large numbers among many small ones is close to the large ones, and one of
           which nearly all are zero says how few are not. Categories, and whole numbers with fewer than six values by
           their range, have no total: it would be a count, and maybe a small one.
Accuracy   n exact, for identifiers that are equal; the total as the column's range and the number of rows leave digits
           in 64 bits, whole numbers exact.
Checked    against pandas on an inner join.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from securecompute.analyses import variables
from securecompute.analyses.formats import patients, sentence, whole
from securecompute.analyses.question import Question
from securecompute.analyses.result import (
    Count,
    Estimate,
    NotEstimable,
    Statistic,
    Table,
    Withheld,
    count,
    plain_count,
)
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.patients import counts
from securecompute.patients.counts import Sides
from securecompute.patients.identified import Identified
from securecompute.patients.keys import known_key
from securecompute.patients.linked_crosstab import placed
from securecompute.patients.overlap import named
from securecompute.programs.expressions import Expression, apply
from securecompute.programs.linkages import Linkage
from securecompute.programs.program import Input
from securecompute.records.dictionaries import column_at, columns_at
from securecompute.records.dictionary import Dictionary
from securecompute.records.numeric import declared_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from securecompute.engine.rounds import Party
    from securecompute.programs.linkages import Brought
    from securecompute.records.identifiers import On

NAME = "shared_total"
PRECISION = "counts of patients with equal identifiers are exact; each value is rounded once before it is added"


@dataclass(frozen=True, slots=True)
class SharedTotal:
    """Patients in common, and the total and mean of a column over them.

    column, of   the column, and whose it is; whole, whether its numbers are whole
    identified   by which fields, and how many records these leave out
    """

    n: Count
    total: Statistic
    mean: Statistic
    column: str
    of: str
    whole: bool
    unit: str | None
    institutions: tuple[str, ...]
    identified: Identified
    where: str | None

    def headline(self) -> str:
        """250 patients at A and B; total of cost at B: 12,000 EUR."""
        cohort = f" where {self.where}" if self.where else ""
        known = f"{patients(self.n)} at {sentence(list(self.institutions))}{cohort}"
        return f"{known}; total of {self.column} at {self.of}: {self._total()}."

    def tables(self) -> list[Table]:
        """One row."""
        total, mean = (each.value if isinstance(each, Estimate) else str(each) for each in (self.total, self.mean))
        total = round(total) if self.whole and isinstance(total, float) else total
        row = (f"{self.column} at {self.of}", plain_count(self.n), total, mean)
        return [Table("Patients in common", ("", "patients", "total", "mean"), (row,))]

    def notes(self) -> list[str]:
        """What a patient is, who takes no part, and what is hidden."""
        notes = [*self.identified.notes(), f"Records of {self.of} without {self.column} are not counted either."]
        if self.n == 0:
            notes += self.identified.if_nobody()
        if not isinstance(self.n, int):
            notes.append(f"A count below {self.n.below} is hidden, and its total is withheld.")
        return notes

    def to_plain(self) -> dict[str, Any]:
        """Every number."""
        numbers = {"n": plain_count(self.n), "total": self.total.to_plain(), "mean": self.mean.to_plain()}
        named = {"column": self.column, "of": self.of, "unit": self.unit, "institutions": list(self.institutions)}
        return {**numbers, **named, **self.identified.to_plain(), "where": self.where}

    def plot(self, axes: "Axes") -> None:
        """The total, large, and of whom it is."""
        from securecompute.analyses.plots import big_number

        cohort = f" where {self.where}" if self.where else ""
        whose = f"total of {self.column} at {self.of}, of {patients(self.n)} at {sentence(list(self.institutions))}"
        big_number(axes, self._total(), f"{whose}{cohort}")

    def _total(self) -> str:
        """The total as a person writes it, with its unit; of whole numbers whole."""
        if not isinstance(self.total, Estimate):
            return str(self.total)
        unit = f" {self.unit}" if self.unit else ""
        return f"{whole(round(self.total.value)) if self.whole or not self.total.value else self.total}{unit}"


def ask(
    dictionary: Dictionary,
    column: Sequence[str],
    on: "On",
    between: Sequence[str],
    where: str | None = None,
) -> Question:
    """How many patients institutions have in common, and their total of a column of one of them.

    column   institution and its column, ("Duke", "cost"): numbers with a range
    on       the fields that identify a patient: columns, "born as date", "soundex(surname)", or `Field`s
    between  the institutions, that of the column among them
    where    a cohort, at each of them
    raises   InvalidRequest     a column, field, cohort or institution that is not there; a column without numbers
             DisclosureRefused  categories, or whole numbers with fewer than six values
    """
    institution, name = placed(column, "column")
    found, names = column_at(dictionary, institution, name), named(between) or []
    if institution not in names:
        raise InvalidRequest(
            f"between=[...] names the institutions whose common patients are meant, and '{institution}', whose column "
            "it is, among them"
        )
    if variables.few_values(found):
        raise DisclosureRefused(
            f"{NAME}: '{name}' takes so few values that a total would show how many patients have each. Declare it as "
            "categorical, and count them by it: linked_crosstab"
        )
    declared_range(columns_at(dictionary, institution), [name])
    key = {"column": [institution, name], "on": known_key(on, dictionary, names), "between": names}
    return Question(NAME, key, variables.cohort(where, dictionary))


def columns(question: Question) -> tuple[str, ...]:
    """The column."""
    return (question.parameters["column"][1],)


def brought(question: Question, dictionary: Dictionary) -> Mapping["Party", tuple["Brought", ...]]:
    """The column, of its institution."""
    institution, name = question.parameters["column"]
    return {institution: (name,)}


def program(question: Question, sides: Sides, dictionary: Dictionary) -> Expression:
    """n and the total: (2,)."""
    institution, name = question.parameters["column"]
    leader, *partners = sorted(sides.sides, key=lambda side: side.party != institution)
    linkage = Linkage(sides.on, leader, tuple(partners))
    integer, least, most = declared_range(columns_at(dictionary, institution), [name])
    declared = Input(institution, {"columns": name}, (linkage.bins,), most, integer, least=min(0.0, least))
    matched = reduce(lambda a, b: apply("multiply", a, b), counts.matches(linkage))
    total = apply("matmul", matched, Expression.of_input(declared, linkage))
    return apply("stack", apply("sum", matched, axes=[0]), total, axis=0)


def gated(counted: Expression, min_cell: int) -> Expression:
    """What may be shown: n and the total, or zeros where n is closed, and twice whether it is."""
    n = apply("index", counted, index=[0])
    none, small = apply("equal", n, 0.0), apply("less", n, float(min_cell))
    closed = apply("subtract", small, none)
    shown = apply("multiply", counted, apply("subtract", 1.0, closed))
    return apply("stack", shown, apply("stack", closed, closed, axis=0), axis=0)


def finish(
    question: Question,
    sides: Sides,
    shown: Sequence[Any],
    identified: Identified,
    dictionary: Dictionary,
    min_cell: int,
) -> SharedTotal:
    """The answer from what is shown: None where n is closed."""
    institution, name = question.parameters["column"]
    n = count(None if shown[0] is None else round(shown[0]), min_cell)
    total: Statistic = Withheld(f"of fewer than {min_cell} patients")
    mean = total
    if isinstance(n, int):
        total = Estimate(float(shown[1]))
        mean = Estimate(shown[1] / n) if n else NotEstimable("there are no patients in common")
    unit = column_at(dictionary, institution, name).unit
    integer, _, _ = declared_range(columns_at(dictionary, institution), [name])
    return SharedTotal(n, total, mean, name, institution, integer, unit, sides.names, identified, question.where)
