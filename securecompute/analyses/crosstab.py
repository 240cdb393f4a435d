"""Counts of patients by two categorical columns, with tests of association and effect measures.

    oᵢⱼ = Σ over institutions of the patients with row category i and column category j, both known

Of these counts alone: chi-square (`independence`), and for two categories by two Fisher's test, odds ratio, risk ratio
and risk difference (`two_by_two`). `exposed` names the row category whose risk is compared with the other's, `event`
the column category that is the outcome; without them each is the LAST category in the dictionary's order, so that
0_placebo, 1_indomethacin by 0_no, 1_yes compares indomethacin with placebo and counts yes.

Reveals    the r·c counts and the patients without row or column value to the collector, before its gate; to everybody
           else those that are 0 or at least the smallest cell k. If a cell is hidden, so is everything that would let
           it be worked out from this answer: its margins, the total, every test and measure.
           Not promised: two answers over cohorts that differ by few patients may be subtracted.
Accuracy   counts exact; each statistic in double precision from exact counts.
Checked    against scipy.stats on the pooled rows, and Fisher's p against its definition in integers.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from securecompute.analyses import variables
from securecompute.analyses.contingency import Contingency
from securecompute.analyses.independence import ChiSquare, chi_square
from securecompute.analyses.question import Layout, Question, Segment
from securecompute.analyses.result import NotEstimable, Statistic, Withheld, count
from securecompute.analyses.two_by_two import TwoByTwo
from securecompute.errors import InvalidRequest

if TYPE_CHECKING:
    from securecompute.records.dictionary import Dictionary
    from securecompute.records.rows import Rows

NAME = "crosstab"


def ask(
    dictionary: "Dictionary",
    row: str,
    column: str,
    where: str | None = None,
    correction: bool = False,
    exposed: str | None = None,
    event: str | None = None,
) -> Question:
    """How many patients each pair of categories has.

    row, column  two categorical columns of at most 64 categories
    where        the cohort; None: every patient
    correction   Yates's correction of chi-square; for two categories by two
    exposed      the row category that is compared with the other; for two by two; None: the last
    event        the column category that is the outcome; for two columns; None: the last
    raises       InvalidRequest  a column is unknown, not categorical or named twice; no such category; an option that
                                 this table has no use for; the cohort's expression is not valid
    """
    rows, columns = variables.categorical(dictionary, row, "row"), variables.categorical(dictionary, column, "column")
    variables.distinct(row, column, "row and column")
    if not isinstance(correction, bool):
        raise InvalidRequest(f"correction must be True or False, not {correction!r}")
    shape = f"'{row}' by '{column}' is {len(rows)} × {len(columns)}"
    two_by_two = len(rows) == len(columns) == 2
    if not two_by_two and (correction or exposed is not None):
        raise InvalidRequest(f"{'correction' if correction else 'exposed'} is for tables of 2 × 2; {shape}")
    if len(columns) != 2 and event is not None:
        raise InvalidRequest(f"event is for a column of two categories; {shape}")
    parameters: dict[str, Any] = {"row": row, "column": column, "correction": correction}
    if two_by_two:
        parameters["exposed"] = rows[-1] if exposed is None else variables.category(rows, exposed, "exposed", row)
    if len(columns) == 2:
        parameters["event"] = columns[-1] if event is None else variables.category(columns, event, "event", column)
    return Question(NAME, parameters, variables.cohort(where, dictionary))


def columns(question: Question) -> tuple[str, ...]:
    """The two columns; those of the cohort are found where it is parsed."""
    return question.parameters["row"], question.parameters["column"]


def summed(question: Question) -> tuple[str, ...]:
    """What the sum is of, beside the cohort: the two columns, in either order; options change the statistics only."""
    return tuple(sorted((question.parameters["row"], question.parameters["column"])))


def precision(question: Question, dictionary: "Dictionary") -> str:
    """A sentence on rounding."""
    return "counts are exact; statistics are computed from them in double precision"


def layout(question: Question, dictionary: "Dictionary", max_records: int) -> Layout:
    """Cells, row after row; then the patients without row value, and those without column value."""
    r, c = _shape(question, dictionary)
    return Layout(
        [
            Segment("cells", r * c, max_records),
            Segment("row_missing", 1, max_records),
            Segment("column_missing", 1, max_records),
        ]
    )


def local(question: Question, dictionary: "Dictionary", rows: "Rows") -> dict[str, list[int]]:
    """One institution's counts. Run by every institution, on the cohort's rows."""
    r, c = _shape(question, dictionary)
    i, j = rows.codes(question.parameters["row"]), rows.codes(question.parameters["column"])
    both = (i >= 0) & (j >= 0)
    return {
        "cells": np.bincount(i[both] * c + j[both], minlength=r * c).tolist(),
        "row_missing": [int((i < 0).sum())],
        "column_missing": [int((j < 0).sum())],
    }


def finish(
    question: Question, dictionary: "Dictionary", released: dict[str, list[int | None]], min_cell: int
) -> Contingency:
    """The answer from the released totals."""
    row, column, correction = (question.parameters[name] for name in ("row", "column", "correction"))
    exposed, event = question.parameters.get("exposed"), question.parameters.get("event")
    rows, columns = dictionary[row].categories or (), dictionary[column].categories or ()
    table = _table(released["cells"], len(columns))
    counts = tuple(tuple(count(cell, min_cell) for cell in cells) for cells in table)
    known = [[cell for cell in cells if cell is not None] for cells in table]
    test: ChiSquare | NotEstimable | Withheld
    measures: dict[str, Statistic] = {}
    if None in released["cells"]:
        test = Withheld(f"a cell below {min_cell} is hidden, and this would let it be worked out")
        measures = dict.fromkeys(_MEASURES if exposed else (), test)
    else:
        test = chi_square(known, correction)
        if exposed and event:
            oriented = _oriented(known, rows, columns, exposed, event)
            measures = {name: getattr(oriented, name)() for name in _MEASURES}
    return Contingency(
        row=row,
        column=column,
        row_categories=rows,
        column_categories=columns,
        counts=counts,
        row_missing=count(released["row_missing"][0], min_cell),
        column_missing=count(released["column_missing"][0], min_cell),
        chi_square=test,
        exposed=exposed,
        event=event,
        where=question.where,
        **measures,
    )


_MEASURES = ("fisher", "odds_ratio", "risk_ratio", "risk_difference")


def _shape(question: Question, dictionary: "Dictionary") -> tuple[int, int]:
    r, c = (len(dictionary[name].categories or ()) for name in columns(question))
    return r, c


def _table(cells: list[int | None], width: int) -> list[list[int | None]]:
    """Cells, row after row, as rows."""
    return [cells[k : k + width] for k in range(0, len(cells), width)]


def _oriented(
    table: list[list[int]], rows: tuple[str, ...], columns: tuple[str, ...], exposed: str, event: str
) -> TwoByTwo:
    """The table with the exposed row and the event column first."""
    i, j = rows.index(exposed), columns.index(event)
    return TwoByTwo(
        a=table[i][j],
        b=table[i][1 - j],
        c=table[1 - i][j],
        d=table[1 - i][1 - j],
        exposed=exposed,
        unexposed=rows[1 - i],
        event=event,
        no_event=columns[1 - j],
    )
