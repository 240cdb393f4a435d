"""The data dictionary: which columns there are, in which type, unit and range, and which categories they know.

It is public: it travels between institutions and stands in agreements. A declared dictionary says what a network means;
an inferred one says what one institution holds, in a form made for showing:

    a range is rounded outward to powers of two (and 0), so no patient's value shows;
    text becomes categories only with at most 64 different values, none of which holds control characters, and not if
    there are more than ten which are hardly ever repeated, as names and numbers of patients are. Categories do show:
    declare a column where they should not.
"""

import hashlib
import math
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgpack

from securecompute.errors import InvalidRequest, NonFiniteInput
from securecompute.records.columns import STEERING, Column, check_names, column_from_plain, column_to_plain, near

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Column", "Dictionaries", "Dictionary", "agree", "infer"]

MOST_CATEGORIES = 64
TOO_FEW_TO_BE_NAMES = 10


@dataclass(frozen=True, slots=True)
class Dictionary(Mapping[str, Column]):
    """An ordered mapping from name to `Column`. raises InvalidRequest for names equal but for case."""

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        check_names((column.name for column in self.columns), "the dictionary")

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(column.name for column in self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def column(self, name: str) -> Column:
        """The column of that name. raises InvalidRequest, suggesting the near name, if there is none."""
        if name not in self:
            raise InvalidRequest(f"there is no column '{name}'{near(name, self, 'columns')}")
        return self[name]

    def to_plain(self) -> dict[str, object]:
        """{"columns": [{"name", "type", ...}]} of lists, strings and floats; absent is None."""
        return {"columns": [column_to_plain(column) for column in self.columns]}

    @classmethod
    def from_plain(cls, plain: object) -> "Dictionary":
        """The inverse of `to_plain`, for bytes that somebody else chose. raises InvalidRequest."""
        if not isinstance(plain, dict) or list(plain) != ["columns"] or not isinstance(plain["columns"], list):
            raise InvalidRequest("a dictionary is written as {'columns': [...]}")
        return cls(tuple(column_from_plain(fields) for fields in plain["columns"]))

    @classmethod
    def from_toml(cls, path: str | Path) -> "Dictionary":
        """Read `[columns.age]` tables with the keys type, unit, low, high, categories. raises InvalidRequest.

        A column that not all institutions have says who does: at = ["Duke"]. Then this is a `Dictionaries`.
        """
        path = Path(path)
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except OSError:
            raise InvalidRequest(f"dictionary '{path.name}' cannot be read; check that the file exists") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidRequest(f"dictionary '{path.name}' is not TOML: {error}") from None
        for key in document:
            if key != "columns":
                raise InvalidRequest(f"dictionary '{path.name}': unknown key '{key}'{near(key, ['columns'], 'keys')}")
        return cls.from_tables(document.get("columns", {}), f"dictionary '{path.name}'")

    @classmethod
    def from_tables(cls, columns: object, where: str) -> "Dictionary":
        """A dictionary from TOML's `columns`: name -> fields. `where` begins the error. raises InvalidRequest."""
        if not isinstance(columns, dict) or not all(isinstance(fields, dict) for fields in columns.values()):
            raise InvalidRequest(f"{where}: write each column as a table, [columns.age]")
        common: list[Column] = []
        own: dict[str, list[Column]] = {}
        for name, fields in columns.items():
            column = column_from_plain({"name": name} | {key: fields[key] for key in fields if key != "at"})
            for institution in _institutions(name, fields["at"]) if "at" in fields else ():
                own.setdefault(institution, []).append(column)
            if "at" not in fields:
                common.append(column)
        check_names(columns, where)
        if not own:
            return cls(tuple(common))
        return Dictionaries(tuple(common), {who: Dictionary(tuple(theirs)) for who, theirs in own.items()})

    def without(self, other: "Dictionary") -> "Dictionary":
        """The columns that the other one does not name."""
        return Dictionary(tuple(column for column in self.columns if column.name not in other))

    def hash(self) -> bytes:
        """SHA-256 (32 bytes) of the canonical msgpack of `to_plain`; the order of columns and categories counts."""
        return hashlib.sha256(cast(bytes, msgpack.packb(self.to_plain()))).digest()


@dataclass(frozen=True, slots=True)
class Dictionaries(Dictionary):
    """The dictionary that institutions have in common. own: institution -> the columns that it has beyond it"""

    own: Mapping[str, Dictionary] = field(default_factory=dict, hash=False)


def _institutions(column: str, at: object) -> list[str]:
    if not isinstance(at, list) or not at or not all(isinstance(name, str) for name in at) or len(set(at)) < len(at):
        raise InvalidRequest(f"column '{column}': at is a list of the institutions that have it, each once: at = [...]")
    return at


def infer(table: "pyarrow.Table") -> Dictionary:
    """The dictionary of one institution's table, as `records.sources.load` returns it or any other.

    Text and booleans are categorical, else text; whole numbers integer; other numbers number; days date. A column
    without a value is categorical with no categories, which `agree` takes for any type.

    raises   NonFiniteInput  a column holds NaN or an infinity
             InvalidRequest  a column is of no type that can be used
    """
    from securecompute.records.canonical import canonical

    table = canonical(table)
    return Dictionary(tuple(_infer_column(name, table[name]) for name in table.column_names))


def _infer_column(name: str, values: "pyarrow.ChunkedArray") -> Column:
    import pyarrow.compute as pc

    from securecompute.records.canonical import kind

    present = len(values) - values.null_count
    kept = kind(values.type)
    if present == 0:
        return Column(name, "categorical", categories=())
    if kept == "text":
        categories = pc.unique(values.drop_null())
        named = len(categories) > TOO_FEW_TO_BE_NAMES and 2 * len(categories) > present
        if named or len(categories) > MOST_CATEGORIES:
            return Column(name, "text")
        listed = tuple(sorted(categories.to_pylist()))
        return Column(name, "text") if STEERING.search("".join(listed)) else Column(name, "categorical", None, listed)
    if kept == "date":
        return Column(name, "date")
    if kept == "number" and not pc.all(pc.is_finite(values)).as_py():
        raise NonFiniteInput(f"column '{name}' holds NaN or an infinity; write missing values as null")
    ends = pc.min_max(values).as_py()
    low, high = 0.0 - _outward(-ends["min"]), _outward(ends["max"])
    return Column(name, "integer" if kept == "integer" else "number", low=low, high=high if high > low else low + 1)


def _outward(bound: float) -> float:
    """The smallest of 0 and the powers of two that is not below `bound`; the largest double where there is none."""
    if bound <= 0:
        return 0.0
    fraction, exponent = math.frexp(bound)
    exponent -= fraction == 0.5 and math.ldexp(1.0, exponent - 1) >= bound  # frexp rounds a whole number beyond 2^53
    return math.ldexp(1.0, exponent) if exponent < sys.float_info.max_exp else sys.float_info.max


def agree(inferred: Mapping[str, Dictionary]) -> Dictionary:
    """The common dictionary of institutions: the same columns, types, units and categories, and the widest range.

    inferred  institution -> its dictionary; the order of the mapping does not matter
    returns   columns in the order of the institution first by name. An integer here that is a number there is a number.
              Categories must all be known to at least one institution, as smaller ones may have seen fewer
    raises    InvalidRequest  listing every problem, and which institution lacks what
    """
    common, problems = compare(inferred)
    if problems:
        raise InvalidRequest("the institutions' dictionaries do not agree:\n  " + "\n  ".join(problems.values()))
    return common


def compare(inferred: Mapping[str, Dictionary]) -> tuple[Dictionary, dict[str, str]]:
    """As `agree`, for networks that need not agree on everything: the columns that all agree on, and the others.

    returns   the common dictionary, and column -> what is wrong with it, naming which institution lacks what
    raises    InvalidRequest  there is no institution
    """
    if not inferred:
        raise InvalidRequest("there is no institution whose dictionary could be agreed on")
    names = dict.fromkeys(name for institution in sorted(inferred) for name in inferred[institution])
    columns: list[Column] = []
    problems: dict[str, str] = {}
    for name in names:
        lacking = [repr(institution) for institution in sorted(inferred) if name not in inferred[institution]]
        if lacking:
            where = ", ".join(lacking)
            problems[name] = f"column '{name}' is missing at {where}. Add it there, or leave it out elsewhere."
            continue
        by_institution = {institution: inferred[institution][name] for institution in sorted(inferred)}
        looks = (_type_problem, _unit_problem, _category_problem, _blank_problem)
        found = next((problem for look in looks if (problem := look(by_institution))), None)
        if found:
            problems[name] = f"column '{name}' {found}"
        else:
            columns.append(_common(list(by_institution.values())))
    return Dictionary(tuple(columns)), problems


def _seen(columns: Mapping[str, Column]) -> dict[str, Column]:
    return {institution: column for institution, column in columns.items() if not column.unseen}


def _who(answers: Mapping[str, str]) -> str:
    """'integer at 'east', 'west'; text at 'north'': institutions grouped by what they say."""
    groups: dict[str, list[str]] = {}
    for institution, answer in answers.items():
        groups.setdefault(answer, []).append(repr(institution))
    return "; ".join(f"{answer} at {', '.join(who)}" for answer, who in groups.items())


def _type_problem(columns: Mapping[str, Column]) -> str | None:
    types = {institution: str(column.type) for institution, column in _seen(columns).items()}
    if len(set(types.values())) < 2 or set(types.values()) == {"integer", "number"}:
        return None
    return f"is {_who(types)}. Declare one type in the dictionary."


def _unit_problem(columns: Mapping[str, Column]) -> str | None:
    units = {institution: column.unit or "without a unit" for institution, column in _seen(columns).items()}
    if len(set(units.values())) < 2:
        return None
    return f"is {_who(units)}. Declare one unit in the dictionary."


def _category_problem(columns: Mapping[str, Column]) -> str | None:
    union = {category for column in columns.values() for category in column.categories or ()}
    lacks = {who: union - set(column.categories or ()) for who, column in _seen(columns).items() if column.categories}
    if not union or not all(lacks.values()):
        return None
    listed = "; ".join(f"{who!r} lacks {', '.join(map(repr, sorted(missing)))}" for who, missing in lacks.items())
    return f"has other categories: {listed}. Declare its categories in the dictionary."


def _blank_problem(columns: Mapping[str, Column]) -> str | None:
    """Two categories that print alike would be two rows of one name."""
    union = sorted({category for column in columns.values() for category in column.categories or ()})
    alike = [category for category in union if category != category.strip() and category.strip() in union]
    if not alike:
        return None
    listed = ", ".join(f"{category!r} beside {category.strip()!r}" for category in alike)
    return f"has categories that differ in blanks only: {listed}. Take the blanks away in the records."


def _common(columns: list[Column]) -> Column:
    """The column that all of these agree on; the caller has found no problem."""
    seen = [column for column in columns if not column.unseen]
    if not seen:
        return columns[0]
    if seen[0].type == "categorical":
        return max(seen, key=lambda column: len(column.categories or ()))
    widest = replace(seen[0], type="number") if any(column.type == "number" for column in seen) else seen[0]
    lows = [column.low for column in seen if column.low is not None]
    highs = [column.high for column in seen if column.high is not None]
    return replace(widest, low=min(lows, default=None), high=max(highs, default=None))
