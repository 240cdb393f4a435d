"""One column of a data dictionary, and the rules for names.

A column is categorical (a closed list of texts, booleans included), an integer, a number, a date or free text.
"""

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from securecompute.errors import InvalidRequest

ColumnType = Literal["categorical", "integer", "number", "date", "text"]
TYPES: tuple[str, ...] = get_args(ColumnType)
FIELDS = ("type", "unit", "categories", "low", "high")
STEERING: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What steers a terminal, or turns the text around it, instead of being shown: another institution may have sent it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `low` and `high` bound an integer or a number, both included, in `unit`; None is no bound.

    categories  in the order of their codes; () where no value has been seen yet
    raises      InvalidRequest  the parts do not fit together
    """

    name: str
    type: ColumnType
    unit: str | None = None
    categories: tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or not self.name.isprintable():
            raise InvalidRequest("a column needs a name of printable characters")
        if self.type not in TYPES:
            hint = " (a yes/no column is categorical)" if str(self.type).startswith("bool") else ""
            raise InvalidRequest(
                f"column '{self.name}': type is {self.type!r}; expected one of {', '.join(TYPES)}{hint}"
            )
        if self.unit is not None and (not isinstance(self.unit, str) or STEERING.search(self.unit)):
            raise InvalidRequest(f"column '{self.name}': unit must be text without control characters")
        self._check_categories()
        self._check_range()

    def _check_categories(self) -> None:
        if (self.type == "categorical") != (self.categories is not None):
            remedy = "needs categories" if self.type == "categorical" else f"is {self.type} and takes no categories"
            raise InvalidRequest(f"column '{self.name}' {remedy}")
        for category in self.categories or ():
            if not isinstance(category, str) or not category:
                raise InvalidRequest(f"column '{self.name}': a category is text in quotes, not empty")
            if STEERING.search(category):
                raise InvalidRequest(f"column '{self.name}': a category holds control characters; write it without")
        if len(set(self.categories or ())) != len(self.categories or ()):
            raise InvalidRequest(f"column '{self.name}': a category is listed twice")

    def _check_range(self) -> None:
        for side in ("low", "high"):
            bound = getattr(self, side)
            if bound is None:
                continue
            if self.type not in ("integer", "number"):
                raise InvalidRequest(f"column '{self.name}' is {self.type}; only an integer or a number takes {side}")
            if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
                raise InvalidRequest(f"column '{self.name}': {side} must be a finite number")
            object.__setattr__(self, side, float(bound))
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidRequest(f"column '{self.name}': low {self.low:g} is above high {self.high:g}")

    @property
    def unseen(self) -> bool:
        """Whether this was inferred from no value at all, so that it fits any type."""
        return self.categories == ()


def column_to_plain(column: Column) -> dict[str, object]:
    """The fields that are set, JSON-able."""
    fields = {field: getattr(column, field) for field in ("name", *FIELDS)}
    if column.categories is not None:
        fields["categories"] = list(column.categories)
    return {field: value for field, value in fields.items() if value is not None}


def column_from_plain(fields: object) -> Column:
    """A Column from a mapping of unchecked values; `Column` itself checks their types."""
    if not isinstance(fields, dict) or "name" not in fields:
        raise InvalidRequest("a column of a dictionary is a table with a name")
    name = fields["name"]
    for key in fields:
        if key not in ("name", *FIELDS):
            raise InvalidRequest(f"column '{name}': unknown key '{key}'{near(str(key), FIELDS, 'keys')}")
    if "type" not in fields:
        raise InvalidRequest(f"column '{name}' has no type; expected one of {', '.join(TYPES)}")
    categories = fields.get("categories")
    if categories is not None and not isinstance(categories, list):
        raise InvalidRequest(f"column '{name}': categories is a list of texts")
    return Column(
        name=name,
        type=fields["type"],
        unit=fields.get("unit"),
        categories=None if categories is None else tuple(categories),
        low=fields.get("low"),
        high=fields.get("high"),
    )


def near(name: str, names: Iterable[str], what: str) -> str:
    """The end of a sentence about an unknown name: the near one, or the first twenty there are."""
    names = list(names)
    by_fold = {known.casefold(): known for known in names}
    close = difflib.get_close_matches(name.casefold(), by_fold, n=1)
    if close:
        return f"; did you mean '{by_fold[close[0]]}'?"
    shown = ", ".join(f"'{known}'" for known in names[:20]) or "none"
    return f"; the {what} are: {shown}{', ...' if len(names) > 20 else ''}"


def check_names(names: Iterable[str], where: str) -> None:
    """raises InvalidRequest if a column has no name, or two have the same but for case."""
    seen: set[str] = set()
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise InvalidRequest(f"{where}: column {position} has no name; name it")
        if name.casefold() in seen:
            raise InvalidRequest(f"{where}: the column name '{name}' occurs twice (case ignored); rename one")
        seen.add(name.casefold())
