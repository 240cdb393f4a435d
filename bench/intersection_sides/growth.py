"""What an item costs against the size of the sets, both of n items, by the default way; as a table and a plot.

    flat     the dearest item is at most `FLAT` times the cheapest, over the sizes from 2^16 on

Seconds are of the fastest of some passes, from CSV to CSV and of the session; processor seconds and memory are of the
same pass; bytes are payload of both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from bench import growth
from bench.harness import amount
from bench.intersection_sides.answers import Answer
from bench.intersection_sides.files import power
from bench.intersection_sides.ours import answer, fabric

FLAT, FLAT_FROM = 1.5, 1 << 16
SIZES, QUICK_SIZES = [1 << k for k in range(14, 25)], [1 << k for k in (12, 14, 16, 17)]
PASSES, QUICK_PASSES = 5, 2
FLAT_SERIES = ("CSV to CSV", "processor, both")


@dataclass(frozen=True, slots=True)
class Point:
    """One figure of sets of n. unit: "s", "bits" or "MiB"."""

    series: str
    n: int
    unit: str
    amount: float


@dataclass(frozen=True, slots=True)
class Flat:
    """The dearest item of a series against its cheapest."""

    series: str
    ratio: float
    met: bool


def points_of(n: int, told: Answer) -> list[Point]:
    """All figures of a run."""
    seconds = told.seconds, told.core, *told.cpu, sum(told.cpu)
    names = "CSV to CSV", "identifiers to result", "processor, receiver", "processor, sender", "processor, both"
    found = [Point(name, n, "s", figure) for name, figure in zip(names, seconds, strict=True)]
    memory = max(told.peak_kib) / 1024
    return [*found, Point("traffic an item", n, "bits", 8 * told.bytes / n), Point("peak memory", n, "MiB", memory)]


def points(quick: bool) -> list[Point]:
    """Of every size the figures of its fastest pass; a first pass does not count."""
    found, on = [], fabric(2)
    for n in QUICK_SIZES if quick else SIZES:
        answer("vole", (n, n), on)
        passes = [answer("vole", (n, n), on) for _ in range(QUICK_PASSES if quick else PASSES)]
        found += points_of(n, min(passes, key=lambda told: told.seconds))
    return found


def flatness(found: Sequence[Point]) -> list[Flat]:
    """How far the cost of an item is from being the same for all sizes."""
    listed = []
    for series in dict.fromkeys(p.series for p in found if p.unit == "s"):
        costs = [p.amount / p.n for p in found if p.series == series and p.n >= FLAT_FROM]
        if len(costs) > 1:
            ratio = max(costs) / min(costs)
            listed.append(Flat(series, round(ratio, 3), ratio <= FLAT))
    return listed


def table(found: Sequence[Point], flat: Sequence[Flat]) -> Table:
    """A row for each size: seconds with those an item, the rest as they are."""
    shown = Table(title="Two sets of n items each", title_justify="left")
    series = dict.fromkeys(p.series for p in found)
    for heading in ("n", *series):
        shown.add_column(heading, justify="right")
    for n in dict.fromkeys(p.n for p in found):
        cells = []
        for p in (p for p in found if p.n == n):
            each = f"\n{1e6 * p.amount / n:.2f} µs each" if p.unit == "s" else ""
            cells.append(amount(p.amount, p.unit) + each)
        shown.add_row(power(n), *cells)
    ratios = {each.series: f"{each.ratio:.2f}" + ("" if each.met else " NO") for each in flat}
    shown.add_section()
    shown.add_row("dearest / cheapest", *(ratios.get(name, "-") for name in series))
    return shown


def plot(found: Sequence[Point], flat: Sequence[Flat], file: Path) -> None:
    """Microseconds an item against n, and memory."""
    ratios = {each.series: f" (dearest / cheapest {each.ratio:.2f})" for each in flat}
    with growth.drawn(file, "intersection", figsize=(11, 5), layout="constrained") as figure:
        left, right = figure.subplots(1, 2)
        for series in dict.fromkeys(p.series for p in found if p.unit != "bits"):
            own = [p for p in found if p.series == series]
            seconds = own[0].unit == "s"
            y = [1e6 * p.amount / p.n if seconds else p.amount for p in own]
            label = series + ratios.get(series, "")
            (left if seconds else right).plot([p.n for p in own], y, marker="o", ms=3, label=label)
        for axes, label in ((left, "µs an item"), (right, "MiB of the process that holds most")):
            axes.set_xscale("log", base=2)
            axes.set_ylim(bottom=0)
            growth.dressed(axes, "items of each set", label)
            axes.legend(fontsize=8)


def run(arguments: Sequence[str]) -> int:
    """As `growth.run`. Returns 1 if the cost of an item, CSV to CSV or of both processors, is not flat."""
    description = "Cost of an intersection against the size of the sets."
    flat = growth.run(arguments, description, "smaller sets, fewer passes", points, flatness, table, plot, "flat")
    return int(any(not each.met for each in flat if each.series in FLAT_SERIES))
