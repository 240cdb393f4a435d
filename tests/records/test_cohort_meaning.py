"""What a cohort means: the database selects the records that an independent reading of the same expression selects.

The oracle evaluates nested tuples in Python with SQL's three values, None for unknown; the text is written by the test.
"""

import datetime
import operator

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from securecompute.records.cohort import parse
from securecompute.records.dictionary import Column, Dictionary
from securecompute.records.sources import Records

CATEGORIES = ("1_indo", "0_placebo", "it's", "Zürich")
DICTIONARY = Dictionary((
    Column("row", "integer"),
    Column("age", "integer"),
    Column("bmi", "number"),
    Column("rx", "categorical", categories=CATEGORIES),
    Column("alive", "categorical", categories=("false", "true")),
    Column("seen", "date"),
    Column("note", "text"),
))  # fmt: skip
EDGES = [2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
VALUES = {
    "age": st.integers(-2, 3) | st.sampled_from(EDGES),
    "bmi": st.sampled_from([-0.0, 0.1, 1.0, 1.5, -2.5, 1e300, 5e-324]),
    "rx": st.sampled_from(CATEGORIES),
    "alive": st.sampled_from(["false", "true"]),
    "seen": st.dates(datetime.date(2024, 2, 27), datetime.date(2024, 3, 2)),
    "note": st.sampled_from(["a", "A", "a b", "';--", "null"]),
}
LITERALS = VALUES | {"age": VALUES["age"] | st.sampled_from([-1.5, 0.5, 1.0, 2.0**53])}
OPERATORS = {
    "=": operator.eq, "<>": operator.ne, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ORDERED = ("age", "bmi", "seen")
TABLES = st.lists(st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()}), max_size=8)


def leaf(name):
    literal, negated = LITERALS[name], st.booleans()
    signs = OPERATORS if name in ORDERED else ["=", "<>", "!="]
    listed = st.lists(VALUES[name], min_size=1, max_size=3)
    forms = [
        st.tuples(st.just("compare"), st.just(name), st.sampled_from(list(signs)), literal),
        st.tuples(st.just("in"), st.just(name), negated, listed),
        st.tuples(st.just("null"), st.just(name), negated),
    ]
    between = st.tuples(st.just("between"), st.just(name), negated, literal, literal)
    return st.one_of(*forms, between) if name in ORDERED else st.one_of(*forms)


EXPRESSIONS = st.recursive(
    st.sampled_from(list(VALUES)).flatmap(leaf),
    lambda inner: (
        st.tuples(st.just("not"), inner)
        | st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3))
    ),
    max_leaves=8,
)


def literal(value):
    return repr(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def write(expression):
    match expression:
        case ("compare", name, sign, value):
            return f"{name} {sign} {literal(value)}"
        case ("in", name, negated, values):
            return f"{name} {'NOT ' if negated else ''}IN ({','.join(map(literal, values))})"
        case ("between", name, negated, low, high):
            return f"{name} {'not ' if negated else ''}between {literal(low)} and {literal(high)}"
        case ("null", name, negated):
            return f"{name} is {'not ' if negated else ''}null"
        case ("not", inner):
            return f"not ({write(inner)})"
        case (word, terms):
            return f" {word} ".join(f"({write(term)})" for term in terms)


def holds(expression, record):
    """True, False, or None for unknown."""
    match expression:
        case ("null", name, negated):
            return (record[name] is None) != negated
        case ("not", inner):
            inner = holds(inner, record)
            return None if inner is None else not inner
        case ("and" | "or" as word, terms):
            decisive, known = word == "or", [holds(term, record) for term in terms]
            return decisive if decisive in known else (None if None in known else not decisive)
    if record[expression[1]] is None:
        return None
    match expression:
        case ("compare", name, sign, value):
            return OPERATORS[sign](record[name], value)
        case ("in", name, negated, values):
            return (record[name] in values) != negated
        case ("between", name, negated, low, high):
            return (low <= record[name] <= high) != negated


def table(records):
    types = {"age": pa.int64(), "bmi": pa.float64(), "seen": pa.date32()}
    columns = {name: pa.array([r[name] for r in records], types.get(name, pa.string())) for name in VALUES}
    return pa.table({"row": pa.array(range(len(records)), pa.int64()), **columns})


@given(TABLES, EXPRESSIONS)
def test_the_records_selected_are_those_for_which_it_is_true(records, expression):
    rows = Records.open("north", table(records), DICTIONARY).select(write(expression))
    expected = [float(row) for row, record in enumerate(records) if holds(expression, record) is True]
    assert rows.numbers("row")[0].tolist() == expected and rows.n == len(expected)


@given(EXPRESSIONS)
def test_the_canonical_text_is_read_as_itself(expression):
    cohort = parse(write(expression), DICTIONARY)
    assert str(parse(str(cohort), DICTIONARY)) == str(cohort) and parse(str(cohort), DICTIONARY) == cohort


def test_a_split_of_the_records_splits_the_cohort():
    whole, where = pa.table({"age": np.arange(3000) * 37 % 101}), "age between 20 and 60 and age <> 30"
    parts = [Records.open("p", whole.slice(k * 1000, 1000)).select(where).numbers("age")[0] for k in range(3)]
    assert (Records.open("w", whole).select(where).numbers("age")[0] == np.concatenate(parts)).all()
