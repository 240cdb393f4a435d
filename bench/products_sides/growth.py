"""Processor time and bytes of each role: of A B against n, of X'X against the number of institutions.

    amount ≈ c · x^slope        over the points from `SLOPE_FROM` on (`bench/growth.py`)

Every party's part runs in lock step with the others' and its own clock runs while it works, so figures are those of one
party, whatever else the machine does. Institutions all bring as many records: with them grows what there is to add.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from bench import growth
from bench.harness import amount, cpu_timed
from bench.products_sides.cases import Case, operands
from bench.products_sides.gates import Ours
from bench.products_sides.ours import TRIO, encoded, parts_of
from securecompute.arithmetic.ring_products import warm
from securecompute.engine.local import play
from securecompute.engine.rounds import Part, Party
from securecompute.primitives.randomness import SystemRandomness
from securecompute.programs.execution import encode_input, take_part
from securecompute.programs.plan import plan
from securecompute.programs.program import INPUT, Input, Node, Program

SLOPE_FROM = {"n": 512, "institutions": 3}
RECORDS, COLUMNS = 2_000, 50  # of each institution
RECEIVER = "receiver"
ROLES = {TRIO[0]: "evaluator", TRIO[2]: "dealer", "h00": "institution", RECEIVER: "receiver"}
HEADINGS = {"s": "processor seconds", "B": "bytes sent"}


@dataclass(frozen=True, slots=True)
class Point:
    """One figure. against: "n" or "institutions", which x is; unit: "s" or "B"."""

    series: str
    against: str
    x: int
    unit: str
    amount: float


@dataclass(frozen=True, slots=True)
class Slope:
    """The exponent with which a series grows, over so many points."""

    series: str
    against: str
    unit: str
    exponent: float
    points: int


def clocked(part: Part[Any], spent: dict[Party, float], me: Party) -> Part[Any]:
    """The same part; the processor seconds of its steps are added up."""
    inbox: Any = None
    while True:
        start = time.thread_time()
        try:
            turn = part.send(inbox)
        except StopIteration as stop:
            return stop.value
        finally:
            spent[me] += time.thread_time() - start
        inbox = yield turn


def measured(parts: Mapping[Party, Part[Any]], against: str, x: int) -> list[Point]:
    """Seconds and bytes of each role."""
    spent = dict.fromkeys(parts, 0.0)
    sent = play({me: clocked(part, spent, me) for me, part in parts.items()}).sent
    found = []
    for me, role in ROLES.items():
        if me in parts:
            found.append(Point(role, against, x, "s", spent[me]))
            found += [Point(role, against, x, "B", float(sent[me]))] if sent[me] else []
    return found


def of_product(n: int) -> list[Point]:
    """A B from shares to shares, and numpy's on float64."""
    how = Ours("matmul", n)
    gate, (x, y) = how.made, operands(Case("matmul", n))
    points = measured(parts_of(gate, encoded(gate, (x, y))), "n", n)
    return [*points, Point("float64, one thread", "n", n, "s", cpu_timed(lambda: x @ y)())]


def of_institutions(count: int) -> list[Point]:
    """X'X of everybody's records, shown to one that is none of them."""
    owners, rng = [f"h{k:02}" for k in range(count)], np.random.default_rng(1)
    inputs = [Node(INPUT, (), {}, Input(each, {"held": "x"}, (RECORDS, COLUMNS), 1.0)) for each in owners]
    joined = Node("concatenate", tuple(range(count)), {"axis": 0})
    program = Program((*inputs, joined, Node("gram", (count,), {})), ((count + 1, RECEIVER),))
    planned, session = plan(program), SystemRandomness().bytes(32)
    own = {
        each: {k: encode_input(planned, k, rng.uniform(-1.0, 1.0, (RECORDS, COLUMNS)))} for k, each in enumerate(owners)
    }
    everybody = (*TRIO, *owners, RECEIVER)
    parts = {me: take_part(me, TRIO, planned, own.get(me, {}), session, SystemRandomness()) for me in everybody}
    return measured(parts, "institutions", count)


def points(quick: bool) -> list[Point]:
    """All figures: of each the least of some passes, of the longest products one."""
    warm()
    sizes = (64, 128, 256, 512) if quick else (128, 256, 512, 1024, 2048, 4096)
    counts = (3, 5) if quick else (3, 5, 10, 15, 20)
    found: list[Point] = []
    for n in sizes:
        found += _least([of_product(n) for _ in range(1 if quick or n > 1024 else 5)])
    for count in counts:
        found += _least([of_institutions(count) for _ in range(1 if quick else 5)])
    return found


def _least(passes: Sequence[list[Point]]) -> list[Point]:
    return [min(each, key=lambda point: point.amount) for each in zip(*passes, strict=True)]


def slopes(found: Sequence[Point]) -> list[Slope]:
    """One for each series with at least two points to take it from."""
    listed = []
    for series, against, unit in dict.fromkeys(map(_key, found)):
        fit = [p for p in found if _key(p) == (series, against, unit) and p.x >= SLOPE_FROM[against] and p.amount > 0]
        if len(fit) > 1:
            exponent = growth.exponent([p.x for p in fit], [p.amount for p in fit])
            listed.append(Slope(series, against, unit, exponent, len(fit)))
    return listed


def _key(p: Point | Slope) -> tuple[str, str, str]:
    return p.series, p.against, p.unit


def table(found: Sequence[Point], fitted: Sequence[Slope]) -> Table:
    """A row for each series, its points, its slope."""
    exponents = {_key(slope): f"{slope.exponent:.2f}" for slope in fitted}
    rows = []
    for key in dict.fromkeys(map(_key, found)):
        told = "  ".join(f"{p.x:,}: {amount(p.amount, p.unit)}" for p in found if _key(p) == key)
        rows.append((key[0], key[1], told, exponents.get(key, "-")))
    return growth.series_table("Processor time and bytes sent, of one party", rows)


def plot(found: Sequence[Point], fitted: Sequence[Slope], file: Path) -> None:
    """Seconds above, bytes below; both axes logarithmic."""
    exponents = {_key(slope): f" (slope {slope.exponent:.2f})" for slope in fitted}
    colours = {series: f"C{k}" for k, series in enumerate(dict.fromkeys(p.series for p in found))}
    with growth.drawn(file, "products", figsize=(11, 9), layout="constrained") as figure:
        for row, unit in zip(figure.subplots(2, 2), HEADINGS, strict=True):
            for axes, against in zip(row, SLOPE_FROM, strict=True):
                shown = [p for p in found if (p.against, p.unit) == (against, unit)]
                for key in dict.fromkeys(map(_key, shown)):
                    place = zip(*((p.x, p.amount) for p in shown if _key(p) == key), strict=True)
                    axes.loglog(*place, color=colours[key[0]], marker="o", ms=3, label=key[0] + exponents.get(key, ""))
                growth.dressed(axes, _axis(against), HEADINGS[unit], (p.x for p in shown))
                axes.legend(fontsize=8)


def _axis(against: str) -> str:
    if against == "n":
        return "n, of A B with matrices n x n"
    return f"institutions, of X'X with {RECORDS:,} records of {COLUMNS} columns from each"


def run(arguments: Sequence[str]) -> int:
    """As `growth.run`."""
    description = "Cost of products against n and institutions."
    growth.run(arguments, description, "smaller matrices, fewer institutions", points, slopes, table, plot)
    return 0
