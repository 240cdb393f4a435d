"""Patients whom two institutions know, by a column of one and a column of the other: treatment here, outcome there.

    o_ij = Σ_b e(b) r_i(b) c_j(b)      over the bins of the row's institution, which leads

e(b) = 1 if the record in bin b is also one of the column's institution, r a row of zeros and a one, of the leader's
category, and c_j(b) = 1 if the other's record has category j, fetched where it matches. Records without a value have a
place of their own in r, and no c_j: so they are counted apart.

Reveals    the r·c counts, and the patients in common without row or column value, as `crosstab` does: of each number
           itself if it is 0 or at least the smallest cell, else that it is closed; in the same way how many records of
           both have no readable value in some field of the key. To nobody which patients these are. Of each
           institution, to the other: how many patients it has in all, in the cohort or not, rounded up to 64, or by at
           most an eighth.
           Not promised: an institution knows its own column of all of its patients, and can subtract.
Accuracy   counts exact, for identifiers that are equal; false matches have probability 2^-40 in all.
Checked    against pandas on an inner join.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from securecompute.analyses import crosstab, variables
from securecompute.analyses.contingency import Contingency
from securecompute.analyses.formats import sentence
from securecompute.analyses.question import Question
from securecompute.analyses.result import Table
from securecompute.errors import InvalidRequest
from securecompute.patients import counts
from securecompute.patients.counts import Sides
from securecompute.patients.identified import Identified
from securecompute.patients.keys import known_key
from securecompute.patients.overlap import named
from securecompute.programs.expressions import Expression, apply
from securecompute.records.dictionaries import column_at, columns_at
from securecompute.records.dictionary import Dictionary

if TYPE_CHECKING:
    from securecompute.engine.rounds import Party
    from securecompute.programs.linkages import Brought
    from securecompute.records.identifiers import On

NAME = "linked_crosstab"
PRECISION = counts.EXACT
gated = counts.gated


@dataclass(frozen=True, slots=True)
class LinkedContingency(Contingency):
    """As of `crosstab`, of patients whom both institutions know.

    institutions   of the column, and of the row
    identified     by which fields, and how many records these leave out
    """

    institutions: tuple[str, ...] = field(kw_only=True)
    identified: Identified = field(kw_only=True)

    def tables(self) -> list[Table]:
        """As of `crosstab`."""
        first, *others = Contingency.tables(self)
        return [replace(first, title=f"Patients in common by {self.row} and {self.column}"), *others]

    def notes(self) -> list[str]:
        """What a patient is and who is counted, and what `crosstab` says."""
        who = f"Patients whom {sentence(list(self.institutions))} both know are counted."
        nobody = (self.n, self.row_missing, self.column_missing) == (0, 0, 0)
        unlike = self.identified.if_nobody() if nobody else []
        return [*self.identified.notes(), who, *unlike, *Contingency.notes(self)]

    def to_plain(self) -> dict[str, Any]:
        """As of `crosstab`, with the fields that identify a patient."""
        return {**Contingency.to_plain(self), "institutions": list(self.institutions), **self.identified.to_plain()}


def ask(
    dictionary: Dictionary,
    row: Sequence[str],
    column: Sequence[str],
    on: "On",
    where: str | None = None,
    between: Sequence[str] | None = None,
    correction: bool = False,
    exposed: str | None = None,
    event: str | None = None,
) -> Question:
    """How many patients of two institutions each pair of categories has.

    row, column   institution and its column, ("Mayo", "rx") and ("Duke", "relapse"), of different institutions
    on            the fields that identify a patient: columns, "born as date", "soundex(surname)", or `Field`s
    where         a cohort, at both of them
    between       those of column and row, in that order; None: so it is
    correction, exposed, event   as of `crosstab`
    raises        InvalidRequest  as `crosstab`; no such institution; a field that is not common to all
    """
    row, column = placed(row, "row"), placed(column, "column")
    if row[0] == column[0]:
        raise InvalidRequest(f"row and column are both of '{row[0]}'; ask a crosstab, or name two institutions")
    if between is not None and named(between) != [column[0], row[0]]:
        raise InvalidRequest(
            f"the table is of patients whom {column[0]} and {row[0]} both know, the institutions of column and row; "
            "leave between out"
        )
    both = _pair(dictionary, row, column)
    for role, (institution, name) in (("row", row), ("column", column)):
        variables.categorical(columns_at(dictionary, institution), name, role)
    first, second = both
    plain = crosstab.ask(both, first, second, None, correction, exposed, event)
    names = [column[0], row[0]]
    key = {"row": row, "column": column, "on": known_key(on, dictionary, names), "between": names}
    return Question(NAME, {**plain.parameters, **key}, variables.cohort(where, dictionary))


def columns(question: Question) -> tuple[str, ...]:
    """The two columns."""
    return question.parameters["row"][1], question.parameters["column"][1]


def brought(question: Question, dictionary: Dictionary) -> Mapping["Party", tuple["Brought", ...]]:
    """Of the column's institution a word for each category."""
    institution, name = question.parameters["column"]
    categories = column_at(dictionary, institution, name).categories or ()
    return {institution: tuple((name, category) for category in categories)}


def program(question: Question, sides: Sides, dictionary: Dictionary) -> Expression:
    """The counts to gate: cells, row after row, then the patients without row value, and those without column value."""
    (linkage,) = sides.linkages
    (partner,) = linkage.partners
    row, column = question.parameters["row"], question.parameters["column"]
    r, c = (len(each.categories or ()) for each in _pair(dictionary, row, column).columns)
    matched = counts.match_of(linkage, partner, 0)
    words = [counts.words_of(linkage, partner, j) for j in range(c)]
    fetched = [apply("fetch", matched, *pair, bound=1.0, integer=True) for pair in words]
    products = apply("matmul", apply("stack", *fetched, matched, axis=0), counts.cells(linkage, [row[1]], r + 1))
    return counts.linear(_arranged(r, c), apply("reshape", products, shape=[(c + 1) * (r + 1)]))


def finish(
    question: Question,
    sides: Sides,
    shown: Sequence[int | None],
    identified: Identified,
    dictionary: Dictionary,
    min_cell: int,
) -> LinkedContingency:
    """The answer from what is shown: None where a count is closed."""
    both = _pair(dictionary, question.parameters["row"], question.parameters["column"])
    row, column = both
    inner = Question(crosstab.NAME, {**question.parameters, "row": row, "column": column}, question.where)
    released = {"cells": list(shown[:-2]), "row_missing": [shown[-2]], "column_missing": [shown[-1]]}
    plain = crosstab.finish(inner, both, released, min_cell)
    told = {each.name: getattr(plain, each.name) for each in fields(Contingency)}
    return LinkedContingency(**told, institutions=sides.names, identified=identified)


def placed(given: Any, role: str) -> list[str]:
    """Institution and column. raises InvalidRequest: it is something else"""
    pair = list(given) if isinstance(given, list | tuple) else []
    if len(pair) != 2 or not all(isinstance(each, str) for each in pair):
        raise InvalidRequest(f"{role} names an institution and its column, as ('Mayo', 'rx')")
    return pair


def _pair(dictionary: Dictionary, row: Sequence[str], column: Sequence[str]) -> Dictionary:
    """The two columns, under names that say whose they are."""
    found = [(name, column_at(dictionary, institution, name)) for institution, name in (row, column)]
    where = [institution for institution, _ in (row, column)]
    return Dictionary(tuple(replace(of, name=f"{name} at {at}") for (name, of), at in zip(found, where, strict=True)))


def _arranged(r: int, c: int) -> NDArray[np.float64]:
    """From the products (c + 1, r + 1), one row after the other, to the counts in the order of `crosstab`.

    The last row of the products counts all patients in common, the last column those without row value.
    """
    m = np.zeros((r * c + 2, c + 1, r + 1))
    for i in range(r):
        for j in range(c):
            m[i * c + j, j, i] = 1
    m[-2, c, r] = 1
    m[-1, c, :], m[-1, :c, :] = 1, -1
    return m.reshape(r * c + 2, -1)
