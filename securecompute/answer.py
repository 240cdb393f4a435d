"""What a researcher gets back: the result, the question it answers, and where it comes from.

An answer shows itself in a terminal (`print`), in a notebook, as a pandas or Arrow table, as JSON and as a figure. It
holds released numbers only, so it may be copied, stored and shared as any document.
"""

import json
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from securecompute import display
from securecompute.analyses.question import Question
from securecompute.analyses.result import Result, Table
from securecompute.errors import InvalidRequest

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from matplotlib.figure import Figure
    from rich.console import RenderableType

FIGURES = (".png", ".pdf", ".svg")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an answer comes from.

    trust         "single-domain": a simulation, whose operator could read everything
    institutions  all on the roster; took_part, those in the total; dropped_out, those lost on the way
    protocol      the protocol's name; rounds, bytes and seconds, what it took
    session       the session's id, hexadecimal
    rules         the rules in force, as Rules.to_plain gave them
    precision     a sentence on rounding
    """

    trust: str
    institutions: tuple[str, ...]
    took_part: tuple[str, ...]
    dropped_out: tuple[str, ...]
    coordinator: str
    protocol: str
    rounds: int
    bytes: int
    seconds: float
    session: str
    rules: dict[str, Any] = field(default_factory=dict)
    precision: str = ""

    def to_plain(self) -> dict[str, Any]:
        """Every field by name."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def lines(self) -> list[str]:
        """A few lines for people: who took part and in which mode, what it cost, which rules held."""
        without = f", without {', '.join(self.dropped_out)}" if self.dropped_out else ""
        who = f"{len(self.took_part)} of {len(self.institutions)} institutions{without}"
        cost = f"{self.protocol}, {self.rounds} rounds, {display.size(self.bytes)}, {self.seconds:.2g} s"
        rule = f"counts below {self.rules['min_cell']} hidden" if "min_cell" in self.rules else ""
        last = [text for text in (rule, self.precision, f"session {self.session[:16]}") if text]
        mode = "simulation, one trust domain" if self.trust == "single-domain" else self.trust
        return [f"{mode}: {who}", cost, "; ".join(last)]


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A result with its question and provenance. The result's fields are the answer's: answer.n, answer.odds_ratio."""

    question: Question
    result: Result
    provenance: Provenance

    def __getattr__(self, name: str) -> Any:
        """A field of the result. raises AttributeError naming what there is."""
        if name.startswith("_") or name in ("question", "result", "provenance"):
            raise AttributeError(name)
        try:
            return getattr(self.result, name)
        except AttributeError:
            kind = type(self.result).__name__
            known = ", ".join(display.fields_of(self.result))
            raise AttributeError(f"a {kind} has no '{name}'; it has {known}") from None

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *display.fields_of(self.result)})

    def __rich__(self) -> "RenderableType":
        return display.for_terminal(self.result, self.provenance.lines())

    def __str__(self) -> str:
        return display.text(self.__rich__())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return display.html(self.result, self.provenance.lines())

    def tables(self) -> "list[pandas.DataFrame]":
        """All tables; a hidden count is the text "<10", an empty cell None."""
        return [_frame(table) for table in self.result.tables()]

    def table(self) -> "pandas.DataFrame":
        """The main table; a hidden count is the text "<10", an empty cell None."""
        return _frame(self.result.tables()[0])

    def to_arrow(self, position: int = 0) -> "pyarrow.Table":
        """The main table, or another of `tables()`. A column with a hidden or withheld entry is of texts."""
        import pyarrow

        table = self.result.tables()[position]
        columns = [list(column) for column in zip(*table.rows, strict=True)] or [[] for _ in table.columns]
        return pyarrow.table(dict(zip(table.columns, map(_of_one_type, columns), strict=True)))

    def to_plain(self) -> dict[str, Any]:
        """Question, result, notes and provenance: numbers, texts, lists and tables only."""
        return {
            "question": self.question.to_plain(),
            "headline": self.result.headline(),
            "result": self.result.to_plain(),
            "notes": self.result.notes(),
            "provenance": self.provenance.to_plain(),
        }

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """`to_plain` as JSON text, numbers at full precision; written to the path if there is one."""
        text = json.dumps(self.to_plain(), indent=2, ensure_ascii=False, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def plot(self, path: str | PathLike[str] | None = None) -> "Figure":
        """The result as a figure; written to the path, .png, .pdf or .svg, if there is one.

        raises   InvalidRequest  a path of another kind
        """
        if path is not None and Path(path).suffix.lower() not in FIGURES:
            raise InvalidRequest(f"'{path}' is no figure that can be written; name it {', '.join(FIGURES)}")
        figure = display.figure(self.result, self.provenance.lines()[0])
        if path is not None:
            figure.savefig(path, dpi=200)
        return figure


def _frame(table: Table) -> "pandas.DataFrame":
    import pandas

    return pandas.DataFrame(list(table.rows), columns=list(table.columns))


def _of_one_type(column: list[Any]) -> list[Any]:
    """The column as it is, or as texts if texts and numbers are mixed in it."""
    if any(isinstance(cell, str) for cell in column):
        return [cell if cell is None else str(cell) for cell in column]
    return column
