"""How an answer is shown to people: in a terminal, in a notebook, as a figure.

Names of columns and categories come from dictionaries that others wrote: they are escaped for HTML, and never read as
markup by rich or as formulas by matplotlib.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from securecompute.analyses.formats import number, p_value, whole
from securecompute.analyses.result import Cell, Result, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console, ConsoleOptions, RenderableType

_WORD, _BETWEEN = 12, 3  # characters: a column is not folded to less, and what stands between two
_WIDTH = 120  # of text where no terminal says how wide it is
_WHO = 23  # "operator of the cluster"; what is longer wraps
_CELL = "padding:0.25em 0.9em;border:none;border-bottom:1px solid rgba(128,128,128,0.25);"
_MUTED = "opacity:0.7;font-size:0.85em;"


def cell(value: Cell, column: str) -> str:
    """A table's cell as people read it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if column == "p":
        return p_value(value)
    return whole(value) if isinstance(value, int) else number(value)


def size(n: int) -> str:
    """Bytes in decimal units: 930 bytes, 12.3 kB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= factor:
            return f"{n / factor:.1f} {unit}"
    return f"{n} bytes"


def fields_of(result: object) -> list[str]:
    """Names of a result's numbers."""
    names = [field.name for field in fields(result)] if is_dataclass(result) else []
    return names + [name for name, value in vars(type(result)).items() if isinstance(value, property)]


def for_terminal(result: Result, provenance: Sequence[str]) -> "RenderableType":
    """Headline, tables, notes and provenance for rich."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(result.headline(), style="bold")]
    for table in result.tables():
        parts += [Text(), grid(table)]
    parts.append(Text())
    parts += [Text(f"* {note}", style="yellow") for note in result.notes()]
    parts += [Text(line, style="dim") for line in provenance]
    return Group(*parts)


def grid(table: Table) -> "RenderableType":
    """A table for rich; one that is far too wide in several parts, each with the first column."""
    return _Grid(table)


class _Grid:
    """A table that learns how wide it may be when it is drawn."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[RenderableType]":
        for part in bands(self._table, options.max_width):
            yield _grid(part)


def who_learns(learns: Sequence[tuple[str, str]], lines: Sequence[str], title: str | None = None) -> "RenderableType":
    """Who learns what, as a table for rich, and lines below it."""
    from rich.console import Group
    from rich.table import Table as Grid

    table = Grid(title=title, title_justify="left", box=None)
    table.add_column("who", max_width=_WHO)
    table.add_column("learns")
    for who, what in learns:
        table.add_row(who, what)
    return Group(table, *lines)


def bands(table: Table, width: int) -> list[Table]:
    """The table, or, where its columns would be folded to less than a word, parts of it that have room."""
    rows = [[cell(value, name) for value, name in zip(row, table.columns, strict=True)] for row in table.rows]
    natural = [max(map(len, column)) for column in zip(table.columns, *rows, strict=True)]
    needed = [min(n, _WORD) + _BETWEEN for n in natural]
    if sum(needed) <= width:
        return [table]
    chosen: list[list[int]] = [[]]
    for position in range(1, len(needed)):
        if chosen[-1] and needed[0] + sum(needed[k] for k in (*chosen[-1], position)) > width:
            chosen.append([])
        chosen[-1].append(position)
    return [
        Table(
            table.title if not number else f"{table.title} (continued)",
            tuple(table.columns[k] for k in (0, *positions)),
            tuple(tuple(row[k] for k in (0, *positions)) for row in table.rows),
        )
        for number, positions in enumerate(chosen)
    ]


def _grid(table: Table) -> "RenderableType":
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    title = Text(table.title)
    shown = Grid(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, show_edge=False)
    for position, column in enumerate(table.columns):
        shown.add_column(Text(column), justify="right" if position else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell(value, column)) for value, column in zip(row, table.columns, strict=True)))
    return shown


def text(renderable: "RenderableType") -> str:
    """What rich would show, as plain text without colours."""
    from rich.console import Console

    width = get_terminal_size((_WIDTH, 40)).columns
    console = Console(width=width, no_color=True, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def html(result: Result, provenance: Sequence[str]) -> str:
    """Headline, tables, notes and provenance for a notebook: inline styles only, light and dark."""
    parts = [f'<p style="font-weight:600;margin:0.4em 0">{escape(result.headline())}</p>']
    for table in result.tables():
        head = "".join(_html_cell("th", name, position) for position, name in enumerate(table.columns))
        rows = [
            "".join(
                _html_cell("td", cell(value, column), position)
                for position, (value, column) in enumerate(zip(row, table.columns, strict=True))
            )
            for row in table.rows
        ]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        parts.append(
            '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums;margin:0.6em 0">'
            f'<caption style="caption-side:top;text-align:left;{_MUTED}">{escape(table.title)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes())
    parts += [f'<ul style="margin:0.4em 0;padding-left:1.2em">{notes}</ul>'] if notes else []
    parts.append(f'<p style="{_MUTED}margin:0.4em 0">{"<br>".join(map(escape, provenance))}</p>')
    return f"<div>{''.join(parts)}</div>"


def figure(result: Result, provenance: str) -> "Figure":
    """A figure of the result, with a line on where it comes from."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"text.parse_math": False, "axes.titlelocation": "left", "hatch.color": "white"}):
        drawn = Figure(figsize=_figure_size(result), layout="constrained")
        result.plot(drawn.subplots())
        drawn.supxlabel(provenance, fontsize=7.5, color="#666666", ha="left", x=0.01)
    return drawn


def _figure_size(result: Result) -> tuple[float, float]:
    """Width and height in inches: what the result itself says, if it does, else room for its table's rows."""
    own: Callable[[], tuple[float, float]] | None = getattr(result, "figure_size", None)
    if own is not None:
        return own()
    table = result.tables()[0]
    width = 8.4 + 0.3 * max(len(table.columns) - 9, 0)
    return min(width, 16), min(2.0 + 0.55 * len(table.rows), 30)


def _html_cell(tag: str, value: Any, position: int) -> str:
    align = "right" if position else "left"
    return f'<{tag} style="{_CELL}text-align:{align}">{escape(str(value))}</{tag}>'
