"""An analysis over several institutions without any cryptography: the vectors are added in clear, the gate is real."""

import pyarrow as pa

from securecompute.analyses import catalogue
from securecompute.disclosure.gate import release
from securecompute.disclosure.rules import Rules
from securecompute.records.dictionary import Column, Dictionary
from securecompute.records.rows import Rows

YES_NO = ("0_no", "1_yes")
SMALL = Dictionary(
    (
        Column("arm", "categorical", categories=("placebo", "drug")),
        Column("event", "categorical", categories=YES_NO),
        Column("stage", "categorical", categories=("I", "II", "III")),
        Column("age", "integer", unit="years", low=0, high=120),
        Column("risk", "number", low=-8, high=8),
        Column("bmi", "number"),
        Column("score", "integer", low=0, high=2),
        Column("born", "date"),
        Column("code", "categorical", categories=tuple(f"c{i}" for i in range(65))),
        Column("empty", "categorical", categories=()),
    )
)
TYPES = {"categorical": pa.string(), "integer": pa.int64(), "number": pa.float64(), "date": pa.date32()}


def rows(dictionary=SMALL, **columns):
    """Records with these columns, lists of equal length; the dictionary's other columns are missing throughout."""
    n = max((len(values) for values in columns.values()), default=0)
    arrays = {c.name: pa.array(columns.get(c.name, [None] * n), TYPES[c.type]) for c in dictionary.columns}
    return Rows(dictionary, pa.table(arrays), None)


def ask(name, dictionary=SMALL, **parameters):
    return catalogue.check(catalogue.ask(name, dictionary, **parameters), dictionary)


def answer(question, *institutions, dictionary=SMALL, min_cell=10):
    """The result of a question over the rows of all institutions."""
    analysis, rules = catalogue.find(question.analysis), Rules(min_cell=min_cell)
    layout = analysis.layout(question, dictionary, rules.max_records)
    vectors = [layout.join(analysis.local(question, dictionary, each)) for each in institutions]
    total = [sum(entries) for entries in zip(*vectors, strict=True)]
    released = layout.split(release(layout, total, rules).entries)
    return analysis.finish(question, dictionary, released, min_cell)


def cross(counts, row="arm", column="event", dictionary=SMALL):
    """Records with these counts of two categorical columns."""
    pairs = [
        (i, j)
        for i, line in zip(dictionary[row].categories, counts, strict=True)
        for j, n in zip(dictionary[column].categories, line, strict=True)
        for _ in range(n)
    ]
    return rows(dictionary, **{row: [i for i, _ in pairs], column: [j for _, j in pairs]})
