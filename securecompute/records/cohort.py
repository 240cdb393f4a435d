"""Cohort text: a small part of SQL conditions, read against a dictionary into a closed expression tree.

    age >= 60 and sex = 'female' and (site in ('a', 'b') or not (bmi between 18.5 and 25)) and died is null

    comparison  column = <> != < <= > >= value   order only for numbers and dates
    lists       column [not] in (values), column [not] between value and value, column is [not] null
    logic       and, or, not, parentheses; a missing value makes a comparison unknown, as in SQL
    names       a column name with other signs than letters, digits and _ in double quotes

Security  Three doors, each closed by default: words and signs (every word must be a column of the dictionary), the
          grammar of sqlglot, and the tree, of which only the forms above are taken over. Each institution reads the
          text itself; what reaches its database is written from the tree. Text, nesting and lists are bounded.
"""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

from securecompute.errors import InvalidRequest
from securecompute.records.columns import Column
from securecompute.records.dictionary import Dictionary
from securecompute.records.expressions import (
    All,
    Among,
    Between,
    Compare,
    Either,
    Expression,
    Missing,
    Not,
    Value,
    leaves,
    to_sql,
    to_text,
)
from securecompute.records.literals import to_value
from securecompute.records.words import ALLOWED, read_words, refuse

if TYPE_CHECKING:
    from sqlglot import exp

LONGEST_TEXT: Final = 4096
DEEPEST: Final = 32
LONGEST_LIST: Final = 1000
EXAMPLE: Final = "age >= 60 and sex = 'female'"


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who is meant: an expression over columns of a dictionary. `str` is its canonical text."""

    expression: Expression

    def __str__(self) -> str:
        return to_text(self.expression)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at, each once, in order of first use."""
        return tuple(dict.fromkeys(leaf.column for leaf in leaves(self.expression)))

    def sql(self) -> tuple[str, list[Value]]:
        """A condition for DuckDB with ? placeholders, and its parameters."""
        return to_sql(self.expression)


def parse(where: str, dictionary: Dictionary) -> Cohort:
    """Read a cohort text.

    raises   InvalidRequest  naming the construct that is not allowed, the unknown column and the near one, a category
                             unknown to the dictionary, a value of another type than its column, or the bound exceeded
    """
    if not isinstance(where, str):
        raise InvalidRequest(f"a cohort is text, not {type(where).__name__}")
    if any("\ud800" <= sign <= "\udfff" for sign in where):
        raise InvalidRequest("the cohort holds half a character (a surrogate), which no record can; write it whole")
    cohort = Cohort(_read(where, dictionary))
    try:
        _read(str(cohort), dictionary)  # the canonical text can be longer and deeper
    except InvalidRequest as problem:
        raise InvalidRequest(f"with every parenthesis written out, {problem}") from None
    return cohort


def _read(text: str, dictionary: Dictionary) -> Expression:
    import sqlglot
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect

    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(f"the cohort has more than {LONGEST_TEXT} characters; split the question")
    words = read_words(text, dictionary, DEEPEST)
    parser = Dialect.get_or_raise("duckdb").parser(error_level=sqlglot.ErrorLevel.IMMEDIATE)
    try:
        trees = parser.parse_into(exp.Condition, words, text)
    except sqlglot.ParseError as error:
        found = error.errors[0].get("highlight") if error.errors else None
        raise InvalidRequest(f"the cohort cannot be read near '{str(found or text)[-40:]}'. {ALLOWED}") from None
    except RecursionError:
        raise InvalidRequest("the cohort is nested too deep to be read here; split the question") from None
    if len(trees) != 1 or trees[0] is None:
        raise refuse("more than one condition")
    return _build(trees[0], dictionary)


def _build(node: "exp.Expr", dictionary: Dictionary) -> Expression:
    """Take over the forms that are allowed; whatever else the grammar made is refused."""
    from sqlglot import exp

    kind = type(node)
    if kind is exp.Paren:
        return _build(node.this, dictionary)
    if kind is exp.And or kind is exp.Or:
        terms = tuple(_build(term, dictionary) for term in _chain(node))
        return All(terms) if kind is exp.And else Either(terms)
    if kind is exp.Not:
        inner = _build(node.this, dictionary)
        direct = type(node.this) is not exp.Paren and isinstance(inner, Among | Between | Missing)
        return (
            replace(inner, negated=True)
            if direct and not isinstance(inner, Compare | Not | All | Either)
            else Not(inner)
        )
    if kind is exp.In:
        return _among(node, dictionary)
    if kind is exp.Between:
        return _between(node, dictionary)
    if kind is exp.Is and type(node.expression) is exp.Null:
        return Missing(_column(node.this, dictionary).name)
    operators = _operators()
    if kind in operators:
        return _compare(node, operators, dictionary)
    if kind is exp.Column or kind is exp.Boolean or kind is exp.Literal:
        raise InvalidRequest(f"a column or value alone is no condition; compare it, as in {EXAMPLE}")
    raise refuse("is with anything but null" if kind is exp.Is else f"this form ({kind.__name__.lower()})")


def _chain(node: "exp.Expr") -> "list[exp.Expr]":
    """a and b and c, which the grammar nests to the left, as [a, b, c]."""
    kind, terms = type(node), []
    while type(node) is kind:
        terms.append(node.expression)
        node = node.this
    return [node, *reversed(terms)]


def _operators() -> "dict[type[exp.Expr], tuple[str, str]]":
    """Grammar class -> operator, and the operator with its sides exchanged."""
    from sqlglot import exp

    return {
        exp.EQ: ("=", "="),
        exp.NEQ: ("<>", "<>"),
        exp.LT: ("<", ">"),
        exp.LTE: ("<=", ">="),
        exp.GT: (">", "<"),
        exp.GTE: (">=", "<="),
    }


def _compare(node: "exp.Expr", operators: "dict[type[exp.Expr], tuple[str, str]]", dictionary: Dictionary) -> Compare:
    from sqlglot import exp

    exchanged = type(node.this) is not exp.Column
    named, literal = (node.expression, node.this) if exchanged else (node.this, node.expression)
    column = _column(named, dictionary)
    operator = operators[type(node)][exchanged]
    if operator not in ("=", "<>"):
        _check_ordered(column)
    return Compare(column.name, operator, _value(literal, column))


def _among(node: "exp.Expr", dictionary: Dictionary) -> Among:
    column = _column(node.this, dictionary)
    if not _only(node, "this", "expressions"):
        raise refuse("in without a list of values")
    if len(node.expressions) > LONGEST_LIST:
        raise InvalidRequest(f"column '{column.name}': in takes at most {LONGEST_LIST:,} values; split the question")
    values = tuple(_value(item, column) for item in node.expressions)
    if column.type == "integer" and any(isinstance(value, float) for value in values):
        raise InvalidRequest(f"column '{column.name}' holds whole numbers; in takes no decimals there")
    return Among(column.name, values)


def _between(node: "exp.Expr", dictionary: Dictionary) -> Between:
    column = _column(node.this, dictionary)
    if not _only(node, "this", "low", "high"):
        raise refuse("this form of between")
    _check_ordered(column)
    low, high = _value(node.args["low"], column), _value(node.args["high"], column)
    if column.type == "integer":  # whole ends mean the same, and compare exactly
        low, high = math.ceil(cast(float, low)), math.floor(cast(float, high))
    return Between(column.name, low, high)


def _only(node: "exp.Expr", *parts: str) -> bool:
    """Whether the grammar found these parts of a form, and no other."""
    return {name for name, part in node.args.items() if part} == set(parts)


def _column(node: "exp.Expr", dictionary: Dictionary) -> Column:
    from sqlglot import exp

    if type(node) is not exp.Column or type(node.this) is not exp.Identifier or not _only(node, "this"):
        raise InvalidRequest(f"a cohort compares one column with values, as in {EXAMPLE}")
    return dictionary.column(node.name)


def _check_ordered(column: Column) -> None:
    if column.type in ("categorical", "text"):
        raise InvalidRequest(f"column '{column.name}' is {column.type} and has no order; use =, <>, in or not in")


def _value(node: "exp.Expr", column: Column) -> Value:
    from sqlglot import exp

    kind = type(node)
    if kind is exp.Null:
        raise InvalidRequest(f"nothing equals null; write {column.name} is null, or is not null")
    if kind is exp.Boolean:
        return to_value("boolean", "true" if node.this else "false", column)
    if kind is exp.Neg and type(node.this) is exp.Literal and not node.this.is_string:
        return to_value("number", f"-{node.this.this}", column)
    if kind is exp.Literal:
        return to_value("text" if node.is_string else "number", node.this, column)
    if kind is exp.Column:
        raise InvalidRequest(f"column '{column.name}' is compared with another column; compare it with values")
    raise refuse(f"this form as a value ({kind.__name__.lower()})")
