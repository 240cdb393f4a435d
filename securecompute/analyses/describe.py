"""Number, mean and spread of a numeric column, for all patients or by the categories of another column.

    n, missing, S = Σq, Q = Σq²  per group, q = rint(2ˢ x)        then `moments`

Reveals    n, missing, S and Q of each group, all institutions together, to the collector, before its gate; to
           everybody else those of groups whose n is 0 or at least the smallest cell k. Never a minimum or maximum.
           With groups, the row of all patients is shown only if every group is, so that none can be subtracted.
           Not promised: a mean over k patients still shows each of them the mean of the others. Where a column holds
           few different values, or few patients differ from the rest, the moments show how many have which value.
Accuracy   x is rounded to 2⁻ˢ of its unit, s = 46 − ⌈log₂ limit⌉ by the dictionary's range (integers: not at all);
           sums are exact, whatever institution holds which record; mean, sd and variance are rounded once.
Checked    bit for bit against statistics.mean, .stdev and .variance of the pooled rounded records.
"""

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from securecompute.analyses import variables
from securecompute.analyses.description import Description
from securecompute.analyses.moments import Moments, moments
from securecompute.analyses.question import Layout, Question, Segment
from securecompute.analyses.result import Withheld, count
from securecompute.arithmetic.fixed_point import (
    SQUARE_BITS,
    exact_sum_by,
    exact_sum_of_squares_by,
    quantise,
    scale_for,
)
from securecompute.errors import DisclosureRefused, InvalidRequest

if TYPE_CHECKING:
    from securecompute.records.dictionary import Column, Dictionary
    from securecompute.records.rows import Rows

NAME = "describe"


def ask(dictionary: "Dictionary", column: str, by: str | None = None, where: str | None = None) -> Question:
    """Number, mean and spread of a column.

    column   a numeric column with a declared range
    by       a categorical column of at most 64 categories; None: all patients together
    where    the cohort; None: every patient
    raises   InvalidRequest     a column is unknown, of another type, named twice or without a range; integers
                                beyond 2^46; the cohort's expression is not valid
             DisclosureRefused  integers of fewer than 6 values
    """
    variable, limit = variables.numeric(dictionary, column, "column")
    if variable.type == "integer" and limit > 2**SQUARE_BITS:
        raise InvalidRequest(f"column: the range of '{column}' exceeds 2^{SQUARE_BITS}; declare it as type number")
    if variables.few_values(variable):
        raise DisclosureRefused(
            f"{NAME}: '{column}' takes so few values by its range that n, mean and variance would show how many "
            "patients have each. Declare it as categorical and cross-tabulate it."
        )
    if by is not None:
        variables.categorical(dictionary, by, "by")
        variables.distinct(column, by, "column and by")
    return Question(NAME, {"column": column, "by": by}, variables.cohort(where, dictionary))


def columns(question: Question) -> tuple[str, ...]:
    """The column and the grouping; those of the cohort are found where it is parsed."""
    return tuple(name for name in (question.parameters["column"], question.parameters["by"]) if name is not None)


def summed(question: Question) -> tuple[str, ...]:
    """What the sum is of, beside the cohort: the column and the grouping."""
    return columns(question)


def precision(question: Question, dictionary: "Dictionary") -> str:
    """A sentence on rounding."""
    scale, _ = _encoding(dictionary[question.parameters["column"]])
    rounded = f"each value is rounded to 2^{-scale} of its unit" if scale else "values are taken as they are"
    return f"{rounded}; sums are exact; mean, sd and variance are rounded once"


def layout(question: Question, dictionary: "Dictionary", max_records: int) -> Layout:
    """Per group n, missing, S and Q; and the patients without a group."""
    groups = len(_groups(question, dictionary))
    scale, limit = _encoding(dictionary[question.parameters["column"]])
    largest = ceil(limit * 2.0**scale)
    return Layout(
        [
            Segment("n", groups, max_records),
            Segment("missing", groups, max_records),
            Segment("sum", groups, max_records * largest, scale, "sum", "n"),
            Segment("squares", groups, max_records * largest**2, 2 * scale, "sum", "n"),
            Segment("by_missing", 1, max_records),
        ]
    )


def local(question: Question, dictionary: "Dictionary", rows: "Rows") -> dict[str, list[int]]:
    """One institution's counts and sums. Run by every institution, on the cohort's rows.

    raises   InvalidRequest  a value is beyond the dictionary's range; never which
    """
    column, by = question.parameters["column"], question.parameters["by"]
    groups = len(_groups(question, dictionary))
    x, present = rows.numbers(column)
    codes = np.zeros(len(x), np.int32) if by is None else rows.codes(by)
    known, absent = (codes >= 0) & present, (codes >= 0) & ~present
    scale, limit = _encoding(dictionary[column])
    q, group = quantise(x[known], scale, limit, column), codes[known]
    return {
        "n": np.bincount(group, minlength=groups).tolist(),
        "missing": np.bincount(codes[absent], minlength=groups).tolist(),
        "sum": exact_sum_by(q, group, groups),
        "squares": exact_sum_of_squares_by(q, group, groups),
        "by_missing": [int((codes < 0).sum())],
    }


def finish(
    question: Question, dictionary: "Dictionary", released: dict[str, list[int | None]], min_cell: int
) -> Description:
    """The answer from the released totals."""
    variable, by = dictionary[question.parameters["column"]], question.parameters["by"]
    scale, _ = _encoding(variable)
    sums = [released[name] for name in ("n", "missing", "sum", "squares")]
    each = [
        moments(count(n, min_cell), count(missing, min_cell), total, squares, scale)
        for n, missing, total, squares in zip(*sums, strict=True)
    ]
    return Description(
        column=variable.name,
        unit=variable.unit,
        by=by,
        where=question.where,
        overall=_pooled(sums, scale, min_cell) if by else each[0],
        groups=dict(zip(_groups(question, dictionary), each, strict=True)) if by else {},
        by_missing=count(released["by_missing"][0], min_cell),
    )


def _pooled(sums: list[list[int | None]], scale: int, min_cell: int) -> Moments | None:
    """The moments of all groups together, if no group is hidden; the missing may be, on their own."""
    totals = [None if None in each else sum(entry for entry in each if entry is not None) for each in sums]
    n, missing, total, squares = totals
    if n is None:
        return None
    unknown = Withheld("a group's is hidden, and this would let it be worked out")
    return moments(n, unknown if missing is None else missing, total, squares, scale)


def _groups(question: Question, dictionary: "Dictionary") -> tuple[str, ...]:
    by = question.parameters["by"]
    return ("all",) if by is None else dictionary[by].categories or ()


def _encoding(variable: "Column") -> tuple[int, float]:
    """Fractional bits, and the largest absolute value that the dictionary allows."""
    limit = max(abs(variable.low or 0.0), abs(variable.high or 0.0))
    return scale_for(limit, variable.type == "integer"), limit
