"""Distinct patients by two categorical columns: a table as `crosstab` makes it, in which nobody is counted twice.

    cells = Σ_i Σ_b first_i(b) · row_i(b)       row_i(b) zeros and a one: the combination of categories of the record

A patient whom several institutions know is counted as the first of them, in the order of the question, has him.

Reveals    the cells, and the patients without row or column value, as `crosstab` does: of each number itself if it is
           0 or at least the smallest cell, else that it is closed; in the same way how many records have no readable
           value in some field of the key, all institutions together. Of each institution, to all: how many patients
           it has in all, in the cohort or not, rounded up to 64, or by at most an eighth.
Accuracy   counts exact, for identifiers that are equal.
Checked    against pooled records without their duplicates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from securecompute.analyses import crosstab
from securecompute.analyses.contingency import Contingency
from securecompute.analyses.formats import sentence
from securecompute.analyses.question import Question
from securecompute.analyses.result import Table
from securecompute.patients import counts
from securecompute.patients.counts import Sides
from securecompute.patients.identified import Identified
from securecompute.patients.keys import known_key
from securecompute.patients.overlap import named
from securecompute.programs.expressions import Expression

if TYPE_CHECKING:
    from securecompute.records.dictionary import Dictionary
    from securecompute.records.identifiers import On

NAME = "distinct_crosstab"
PRECISION = counts.EXACT


@dataclass(frozen=True, slots=True)
class DistinctContingency(Contingency):
    """As of `crosstab`, of patients that are each counted once.

    institutions   in the order of the question
    identified     by which fields, and how many records these leave out
    """

    institutions: tuple[str, ...] = field(kw_only=True)
    identified: Identified = field(kw_only=True)

    def tables(self) -> list[Table]:
        """As of `crosstab`."""
        first, *others = Contingency.tables(self)
        return [replace(first, title=f"Distinct patients by {self.row} and {self.column}"), *others]

    def notes(self) -> list[str]:
        """What a patient is and whose record speaks for him, and what `crosstab` says."""
        first = f"Of a patient whom several know, the first record of the first of {sentence(list(self.institutions))}"
        return [*self.identified.notes(), f"{first} is counted.", *Contingency.notes(self)]

    def to_plain(self) -> dict[str, Any]:
        """As of `crosstab`, with the fields that identify a patient."""
        return {**Contingency.to_plain(self), **self.identified.to_plain()}


def ask(
    dictionary: "Dictionary",
    row: str,
    column: str,
    on: "On",
    between: Sequence[str] | None = None,
    where: str | None = None,
    correction: bool = False,
    exposed: str | None = None,
    event: str | None = None,
) -> Question:
    """How many distinct patients each pair of categories has.

    row, column, correction, exposed, event   as of `crosstab`
    on, between, where                        as of `distinct`
    raises                                    InvalidRequest  as of both
    """
    plain = crosstab.ask(dictionary, row, column, where, correction, exposed, event)
    names = named(between)
    key = {"on": known_key(on, dictionary, names), "between": names}
    return Question(NAME, {**plain.parameters, **key}, plain.where)


def columns(question: Question) -> tuple[str, ...]:
    """The two columns."""
    return crosstab.columns(question)


def program(question: Question, sides: Sides, dictionary: "Dictionary") -> Expression:
    """The counts to gate: cells, row after row, then the patients without row value, and those without column value."""
    names = columns(question)
    r, c = (len(dictionary.column(name).categories or ()) for name in names)
    return counts.distinct(sides.linkages, names, r * c + 2)


def finish(
    question: Question,
    sides: Sides,
    shown: Sequence[int | None],
    identified: Identified,
    dictionary: "Dictionary",
    min_cell: int,
) -> DistinctContingency:
    """The answer from what is shown: None where a count is closed."""
    cells, row, column = list(shown[:-2]), [shown[-2]], [shown[-1]]
    released = {"cells": cells, "row_missing": row, "column_missing": column}
    found = crosstab.finish(question, dictionary, released, min_cell)
    numbers = {each.name: getattr(found, each.name) for each in fields(found)}
    return DistinctContingency(**numbers, institutions=sides.names, identified=identified)
