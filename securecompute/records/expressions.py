"""A cohort as a closed expression tree: its canonical text, and its SQL.

    leaf   column = <> < <= > >= value | column is [not] null
           | column [not] in (values) | column [not] between low and high
    tree   leaf | not (tree) | tree and tree ... | tree or tree ...

A leaf on a missing value is unknown, `is null` apart; unknown stays unknown under not, and a record is in the cohort
only where the whole is true: SQL's rules.

Security  SQL is written from these classes alone: column names quoted, values as ? parameters.
"""

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

Value = str | int | float | datetime.date
WORDS: Final = frozenset({"and", "or", "not", "in", "between", "is", "null", "true", "false"})
"""The language's own words; a column of such a name is written in double quotes."""
PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Compare:
    """operator is one of = <> < <= > >=."""

    column: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Among:
    """column [not] in (values)."""

    column: str
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """column [not] between low and high, both included."""

    column: str
    low: Value
    high: Value
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """column is [not] null."""

    column: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """Not true, where the inner expression is known."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class All:
    """and."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """or."""

    terms: tuple["Expression", ...]


Leaf = Compare | Among | Between | Missing
Expression = Leaf | Not | All | Either


def leaves(expression: Expression) -> Iterator[Leaf]:
    """The leaves, from left to right."""
    match expression:
        case Not(inner):
            yield from leaves(inner)
        case All(terms) | Either(terms):
            for term in terms:
                yield from leaves(term)
        case _:
            yield expression


def to_text(expression: Expression) -> str:
    """The canonical text; parsing it gives the same tree."""
    return _write(expression, _name, _literal)


def to_sql(expression: Expression) -> tuple[str, list[Value]]:
    """A condition for DuckDB with a ? per value, and the values in order."""
    parameters: list[Value] = []

    def placeholder(value: Value) -> str:
        parameters.append(value)
        return "?"

    return _write(expression, _quoted, placeholder), parameters


def _write(expression: Expression, name: Callable[[str], str], value: Callable[[Value], str]) -> str:
    match expression:
        case Compare(column, operator, literal):
            return f"{name(column)} {operator} {value(literal)}"
        case Among(column, values, negated):
            return f"{name(column)} {'not ' * negated}in ({', '.join(map(value, values))})"
        case Between(column, low, high, negated):
            return f"{name(column)} {'not ' * negated}between {value(low)} and {value(high)}"
        case Missing(column, negated):
            return f"{name(column)} is {'not ' * negated}null"
        case Not(inner):
            return f"not ({_write(inner, name, value)})"
        case All(terms):
            return " and ".join(_write_term(term, name, value) for term in terms)
        case Either(terms):
            return " or ".join(_write_term(term, name, value) for term in terms)


def _write_term(term: Expression, name: Callable[[str], str], value: Callable[[Value], str]) -> str:
    text = _write(term, name, value)
    return f"({text})" if isinstance(term, All | Either) else text


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _name(column: str) -> str:
    return column if PLAIN_NAME.fullmatch(column) and column.lower() not in WORDS else _quoted(column)


def _literal(value: Value) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
