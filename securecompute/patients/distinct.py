"""How many different patients institutions have together, or how many are known to at least k of them.

    k = 1    Σ_i Σ_b first_i(b)                     each patient where the first institution that knows him counts him
    k > 1    Σ_T exactly(T),  |T| ≥ k               for at most 8 institutions

Reveals    that number to the collector, if it is 0 or at least the smallest cell, else that it is closed; with `seen`
           the numbers known to exactly 1, 2, ... institutions, in the same way; and how many records have no readable
           value in some field, all institutions together. Of each institution, to all: how many patients it has in
           all, in the cohort or not, rounded up to 64, or by at most an eighth.
Accuracy   exact, for identifiers that are equal; false matches have probability 2^-40 in all.
Checked    against the set of pooled records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from securecompute.analyses import variables
from securecompute.analyses.formats import sentence
from securecompute.analyses.question import Question
from securecompute.analyses.result import Count, Table, Withheld, count, plain_count, total_of
from securecompute.errors import InvalidRequest
from securecompute.patients import counts
from securecompute.patients.counts import Sides
from securecompute.patients.identified import Identified
from securecompute.patients.keys import known_key
from securecompute.patients.overlap import distinct_patients, named, what_is_hidden
from securecompute.programs.expressions import Expression

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from securecompute.records.dictionary import Dictionary
    from securecompute.records.identifiers import On

NAME = "distinct"
PRECISION = counts.EXACT


@dataclass(frozen=True, slots=True)
class Distinct:
    """Patients, each counted once.

    n           those known to at least so many institutions as were asked for
    seen_at     how many are known to exactly 1, 2, ... institutions; empty if that was not asked
    identified  by which fields, and how many records these leave out
    """

    n: Count | Withheld
    at_least: int
    seen_at: tuple[Count, ...]
    institutions: tuple[str, ...]
    identified: Identified
    where: str | None

    def headline(self) -> str:
        """5,439 distinct patients at A, B and C; or of them those known to at least 2."""
        names = sentence(list(self.institutions))
        cohort = f" where {self.where}" if self.where else ""
        if isinstance(self.n, Withheld):
            return f"How many distinct patients are at {names}{cohort} is withheld."
        known = "at" if self.at_least == 1 else f"known to at least {self.at_least} of"
        return f"{distinct_patients(self.n)} {known} {names}{cohort}."

    def tables(self) -> list[Table]:
        """One row; and one for each number of institutions, if that was asked."""
        tables = [
            Table("Distinct patients", ("known to", "patients"), ((f"{self.at_least} or more", plain_count(self.n)),))
        ]
        if self.seen_at:
            rows = tuple((str(c), plain_count(n)) for c, n in enumerate(self.seen_at, 1))
            tables.append(Table("By the number of institutions", ("known to exactly", "patients"), rows))
        return tables

    def notes(self) -> list[str]:
        """What a patient is, what is hidden, and why nobody may be known to several."""
        own = [] if isinstance(self.n, Withheld) else [self.n]
        if self.seen_at:
            nobody = self.seen_at[0] != 0 and all(n == 0 for n in self.seen_at[1:])
        else:
            nobody = self.at_least > 1 and self.n == 0
        notes = [*self.identified.notes(), *what_is_hidden([*own, *self.seen_at])]
        return [*notes, *(self.identified.if_nobody() if nobody else [])]

    def to_plain(self) -> dict[str, Any]:
        """Every number."""
        seen = [plain_count(n) for n in self.seen_at]
        numbers = {"n": plain_count(self.n), "at_least": self.at_least, "seen_at": seen}
        return {**numbers, **self.identified.to_plain(), "where": self.where}

    def plot(self, axes: "Axes") -> None:
        """The number, large; or a bar for each number of institutions."""
        from securecompute.analyses.plots import big_number
        from securecompute.patients.plots import multiplicities

        if self.seen_at:
            multiplicities(axes, self.seen_at, self.where)
        else:
            known = "" if self.at_least == 1 else f"known to at least {self.at_least} of "
            below = f"{known}{sentence(list(self.institutions))}" + (f"\nwhere {self.where}" if self.where else "")
            big_number(axes, "withheld" if isinstance(self.n, Withheld) else distinct_patients(self.n), below)

    def figure_size(self) -> tuple[float, float]:
        """Width and height of a figure of its own, in inches."""
        return 8.4, 2.0 + 0.55 * max(1, len(self.seen_at))


def ask(
    dictionary: "Dictionary",
    on: "On",
    between: Sequence[str] | None = None,
    where: str | None = None,
    at_least: int = 1,
    seen: bool = False,
) -> Question:
    """How many different patients institutions have together.

    on        the fields that identify a patient: columns, "born as date", "soundex(surname)", or `Field`s
    between   institutions, two or more; None: all of the network
    where     a cohort, at each of them
    at_least  count those known to so many institutions
    seen      show how many are known to exactly 1, 2, ... institutions, and so how many there are in all
    raises    InvalidRequest  a field, cohort or institution that is not there; a number that cannot be
    """
    if type(at_least) is not int or at_least < 1:
        raise InvalidRequest(f"at_least is {at_least!r}; it is a number of institutions, from 1 on")
    if not isinstance(seen, bool) or (seen and at_least > 1):
        raise InvalidRequest(
            "seen is True or False; True shows how many are known to 1, 2, ... institutions, so leave at_least out"
        )
    names = named(between)
    parameters = {"on": known_key(on, dictionary, names), "between": names, "at_least": at_least, "seen": seen}
    return Question(NAME, parameters, variables.cohort(where, dictionary))


def columns(question: Question) -> tuple[str, ...]:
    """None beside those of key and cohort."""
    return ()


def program(question: Question, sides: Sides, dictionary: "Dictionary") -> Expression:
    """The counts to gate."""
    n, at_least = len(sides.sides), question.parameters["at_least"]
    if at_least > n:
        raise InvalidRequest(f"at_least is {at_least}, and there are {n} institutions; ask for 1 to {n}")
    if at_least == 1 and not question.parameters["seen"]:
        return counts.distinct(sides.linkages, (), 1)
    sizes = np.bitwise_count(np.arange(1, 1 << n))
    chosen = [sizes == c for c in range(1, n + 1)] if question.parameters["seen"] else [sizes >= at_least]
    return counts.linear(np.array(chosen, np.float64) @ counts.exactly(n), counts.common(sides.linkages))


def finish(
    question: Question,
    sides: Sides,
    shown: Sequence[int | None],
    identified: Identified,
    dictionary: "Dictionary",
    min_cell: int,
) -> Distinct:
    """The answer from what is shown: None where a count is closed."""
    numbers = tuple(count(n, min_cell) for n in shown)
    n = total_of(numbers) if question.parameters["seen"] else numbers[0]
    seen = numbers if question.parameters["seen"] else ()
    return Distinct(n, question.parameters["at_least"], seen, sides.names, identified, question.where)
