"""What `--growth` is in every benchmark that has it: figures against a size, what is fitted to them, a table, a plot.

    python -m bench.NAME --growth [--quick] [--json FILE]

A side gives its figures, its fit and its plot; here is what all of them do alike.

    amount ≈ c · x^slope        slope by least squares of log amount on log x
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.harness import machine

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = TypeVar("P")
F = TypeVar("F")


def run(
    arguments: Sequence[str],
    description: str,
    smaller: str,
    points: Callable[[bool], Sequence[P]],
    fit: Callable[[Sequence[P]], Sequence[F]],
    table: Callable[[Sequence[P], Sequence[F]], Table],
    plot: Callable[[Sequence[P], Sequence[F], Path], None],
    fits: str = "slopes",
) -> Sequence[F]:
    """Print the table; with --json FILE write the points, and the plot beside it as FILE's name with .svg.

    smaller   what --quick does
    points    all figures, given whether to be quick; a dataclass each, as is what `fit` makes of them
    fits      what the fitted are called in FILE
    returns   the fitted
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--growth", action="store_true", help="this")
    parser.add_argument("--quick", action="store_true", help=smaller)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the points to FILE, and a plot beside it")
    options = parser.parse_args(arguments)
    found = points(options.quick)
    fitted = fit(found)
    Console(width=160).print(table(found, fitted))
    if options.json:
        written = {"machine": machine(), "points": _plain(found), fits: _plain(fitted)}
        options.json.write_text(json.dumps(written, indent=1) + "\n")
        plot(found, fitted, options.json.with_suffix(".svg"))
    return fitted


def exponent(x: Sequence[float], amounts: Sequence[float]) -> float:
    """The slope, to three places; at least two points, all above 0."""
    return round(float(np.polyfit(np.log(x), np.log(amounts), 1)[0]), 3)


def series_table(title: str, rows: Iterable[tuple[str, str, str, str]]) -> Table:
    """A row for each series: what it is called, what it is against, its points in words, its slope."""
    shown = Table(title=title, title_justify="left")
    for heading in ("series", "against", "points", "slope"):
        shown.add_column(heading)
    for row in rows:
        shown.add_row(*row)
    return shown


@contextmanager
def drawn(file: Path, salt: str, **options: Any) -> "Iterator[Figure]":
    """A figure that is written when all is drawn: the same bytes for the same figures, its text as text."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": salt})
    figure = Figure(**options)
    yield figure
    figure.savefig(file, metadata={"Date": None})


def dressed(axes: "Axes", x: str, y: str, ticks: Iterable[int] = ()) -> None:
    """What both axes are, and a grid. ticks: the only ones of x"""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    if places := sorted(set(ticks)):
        axes.set_xticks(places, [str(place) for place in places])
        axes.minorticks_off()


def _plain(listed: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(each) for each in listed]
