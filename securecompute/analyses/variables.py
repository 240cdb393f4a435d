"""Checks of what a question names: columns of the dictionary, categories of a column, a cohort.

Every refusal says what would have been accepted. Column names and categories are public; they come from the network's
dictionary, so an error here shows nothing about patients.
"""

from collections.abc import Iterable

from securecompute.errors import InvalidRequest
from securecompute.records.dictionary import Column, Dictionary

MOST_CATEGORIES = 64
FEWEST_VALUES = 6  # number, sum and sum of squares give the counts of three, and codes 1 to 3 are inferred as 0 to 4
EVERY = "A dictionary declares every column that is asked about."
_NUMERIC = ("integer", "number")


def named(dictionary: Dictionary, name: object, role: str) -> Column:
    """The column of this name.

    raises   InvalidRequest  there is none; the text suggests a near one, or lists them
    """
    if not isinstance(name, str):
        two = isinstance(name, list | tuple) and len(name) == 2
        other = "; columns of two institutions beside each other are asked as linked_crosstab" if two else ""
        raise InvalidRequest(f"{role} must be the name of a column, not {type(name).__name__}{other}")
    return dictionary.column(name)


def categorical(dictionary: Dictionary, name: object, role: str) -> tuple[str, ...]:
    """The categories of a categorical column, in the dictionary's order.

    raises   InvalidRequest  it has another type, no categories, or more than 64 of them; or as `named`
    """
    column = named(dictionary, name, role)
    if column.type != "categorical" or column.categories is None:
        raise InvalidRequest(
            f"{role}: '{column.name}' is of type {column.type}; a categorical column is needed. "
            f"Categorical columns: {_of_types(dictionary, ('categorical',))}.{_remedy(column)}"
        )
    if not column.categories:
        raise InvalidRequest(f"{role}: no value of '{column.name}' has been seen; declare its categories")
    if len(column.categories) > MOST_CATEGORIES:
        raise InvalidRequest(
            f"{role}: '{column.name}' has {len(column.categories)} categories; at most {MOST_CATEGORIES} make a table. "
            "Declare coarser categories in the dictionary."
        )
    return column.categories


def numeric(dictionary: Dictionary, name: object, role: str) -> tuple[Column, float]:
    """A numeric column and the largest absolute value that its declared range allows.

    raises   InvalidRequest  it has another type, or no range; or as `named`
    """
    column = named(dictionary, name, role)
    if column.unseen:
        raise InvalidRequest(f"{role}: no value of '{column.name}' has been seen; declare its type")
    if column.type not in _NUMERIC:
        raise InvalidRequest(
            f"{role}: '{column.name}' is of type {column.type}; a numeric column is needed. "
            f"Numeric columns: {_of_types(dictionary, _NUMERIC)}."
        )
    if column.low is None or column.high is None:
        raise InvalidRequest(
            f"{role}: '{column.name}' has no range, so no bound on its sums can be proved. "
            f"Declare low and high for [columns.{column.name}] in the dictionary."
        )
    return column, max(abs(column.low), abs(column.high))


def few_values(column: Column) -> bool:
    """Whether a column takes so few values, by its range, that sums of it would show how many patients have each."""
    if column.categories is not None:
        return True
    return column.type == "integer" and (column.high or 0) - (column.low or 0) < FEWEST_VALUES - 1


def category(categories: tuple[str, ...], value: object, role: str, column: str) -> str:
    """The category of this name.

    raises   InvalidRequest  the column has no such category
    """
    if isinstance(value, str) and value in categories:
        return value
    raise InvalidRequest(f"{role}: '{column}' has no category {value!r}. It has {', '.join(categories)}.")


def distinct(first: str, second: str, roles: str) -> None:
    """Return if two different columns were named.

    raises   InvalidRequest  both are the same
    """
    if first == second:
        raise InvalidRequest(f"{roles} are both '{first}'; name two different columns")


def cohort(where: object, dictionary: Dictionary) -> str | None:
    """The cohort's expression in canonical text; None where every patient is meant.

    raises   InvalidRequest  as records.cohort.parse
    """
    if where is None:
        return None
    if not isinstance(where, str):
        raise InvalidRequest(f'where must be a text such as "age >= 50", not {type(where).__name__}')
    from securecompute.records.cohort import parse  # sqlglot is heavy, and most questions have no cohort

    return str(parse(where, dictionary))


def _remedy(column: Column) -> str:
    """The end of the error about a column that is not categorical, where declaring it so could be meant."""
    heading = f" in the dictionary, under [columns.{column.name}]"
    if column.type in _NUMERIC:
        return f' If its numbers are codes, as 0 and 1 are, declare it{heading}: categories = ["0", "1"]. {EVERY}'
    if column.type == "text":
        return f" If it has few values, at most {MOST_CATEGORIES}, declare it{heading}: categories = [...]. {EVERY}"
    return ""


def _of_types(dictionary: Dictionary, types: Iterable[str]) -> str:
    return ", ".join(name for name in dictionary if dictionary[name].type in types) or "none"
