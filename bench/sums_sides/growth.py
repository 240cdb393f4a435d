"""Processor time of each role against the number of institutions and against the length, as a table and two plots.

    seconds ≈ c · x^slope        over the points from `SLOPE_FROM` on (`bench/growth.py`)

A whole part of a short sum is all keys and signatures. A slope against the length is of what comes on top of these, in
long vectors. The longest vectors pass through the masking step in chunks, with the package's own functions, in the
memory of one chunk; keys are no part of those points.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.table import Table

from bench import growth
from bench.harness import Measure, amount
from bench.sums_sides.ours import COLLECTOR, COORDINATOR, Case, names, quantised, reals, whole
from securecompute.arithmetic.rings import Ring
from securecompute.primitives.masks import add_masks
from securecompute.protocols.sums.check_words import check_words

CHUNK = 1 << 19  # entries: 4 MiB
SLOPE_FROM = {"institutions": 3, "entries": 100_000}
CIPHERTEXTS = {"lattice": 8_000, "paillier": 1_000}  # entries while the institutions vary
CIPHERTEXTS_FROM = 10_000  # as SLOPE_FROM, where an entry costs a thousand times as much
KINDS = ("pairwise", "committee")
PASSES = 5
MASKING = "pairwise: masking step"


@dataclass(frozen=True, slots=True)
class Point:
    """One measured figure. against: "institutions" or "entries", whichever varies in its series."""

    series: str
    against: str
    institutions: int
    entries: int
    seconds: float

    @property
    def x(self) -> int:
        """Where it stands on the axis."""
        return self.institutions if self.against == "institutions" else self.entries


@dataclass(frozen=True, slots=True)
class Slope:
    """The exponent with which a series grows, over so many points."""

    series: str
    against: str
    exponent: float
    points: int


def masking_seconds(institutions: int, entries: int) -> float:
    """Processor time of one institution's masking step on a vector that passes in chunks."""
    x, session = quantised(Ring.Z64, reals(min(CHUNK, entries))), bytes(32)
    keys = [(k.to_bytes(32, "big"), +1 if k % 2 else -1) for k in range(institutions)]
    bound = x.dtype.type(1 << 43)
    spent, outside = 0.0, False
    for start in range(0, entries, CHUNK):
        piece = x[: min(CHUNK, entries - start)]
        begun = time.thread_time()
        outside |= bool((piece + bound > 2 * bound).any())
        y = piece.copy()
        check_words(Ring.Z64, y, int(start == 0), session, start)
        add_masks(Ring.Z64, y, keys, start * y.itemsize)
        spent += time.thread_time() - begun
    if outside:
        raise ValueError("the vector made for this is not within its own bound")
    return spent


def roles(kind: str, institutions: int) -> dict[str, str]:
    """What a series is called -> whose part it is."""
    everybody = names(institutions)
    own = {kind: everybody[-1]} if kind != "committee" else {f"{kind}: a member": everybody[0]}
    if kind == "committee" and institutions > 3:
        own[f"{kind}: not a member"] = everybody[-1]
    return own | {f"{kind}: coordinator": COORDINATOR, f"{kind}: collector": COLLECTOR}


def measures(quick: bool) -> dict[Point, Measure]:
    """What is to be measured, by the figure that it gives, in which 0 stands for the seconds."""
    length, counts = (1_000, (3, 5, 10)) if quick else (100_000, (3, 5, 10, 20, 30, 50))
    listed: list[tuple[str, str, Case, str]] = []
    for kind in KINDS:
        for n in counts:
            listed += [(s, "institutions", Case(kind, length, n), party) for s, party in roles(kind, n).items()]
        for d in [10**k for k in range(1, 5 if quick else 7)]:
            listed += [(s, "entries", Case(kind, d), party) for s, party in roles(kind, 10).items()]
    for kind, usual in CIPHERTEXTS.items():
        for n in counts:
            listed.append((kind, "institutions", Case(kind, usual // 10 if quick else usual, n), names(n)[-1]))
        for d in (10, 100, 1_000) if quick else (10, 100, 1_000, 10_000, 30_000):
            listed.append((kind, "entries", Case(kind, d), names(10)[-1]))
    parts = {Point(s, against, case.institutions, case.length, 0): whole(case, p) for s, against, case, p in listed}
    lengths = [10**k for k in range(4, 7 if quick else 9)]
    return parts | {Point(MASKING, "entries", 10, d, 0): partial(masking_seconds, 10, d) for d in lengths}


def points(quick: bool) -> list[Point]:
    """All figures: of each the least of some passes over all, because a machine's slow moments last for seconds."""
    wanted = measures(quick)
    passes = [[measure() for measure in wanted.values()] for _ in range(1 if quick else PASSES)]
    return [replace(point, seconds=min(each)) for point, *each in zip(wanted, *passes, strict=True)]


def slopes(found: Sequence[Point]) -> list[Slope]:
    """One for each series with at least two points to take it from; keys, the least of its figures, apart."""
    listed = []
    for series, against in dict.fromkeys((p.series, p.against) for p in found):
        own = [p for p in found if (p.series, p.against) == (series, against)]
        start = CIPHERTEXTS_FROM if series in CIPHERTEXTS and against == "entries" else SLOPE_FROM[against]
        keys = min(p.seconds for p in own) if against == "entries" and series != MASKING else 0.0
        fit = [p for p in own if p.x >= start and p.seconds > keys]
        if len(fit) > 1:
            exponent = growth.exponent([p.x for p in fit], [p.seconds - keys for p in fit])
            listed.append(Slope(series, against, exponent, len(fit)))
    return listed


def table(found: Sequence[Point], fitted: Sequence[Slope]) -> Table:
    """The figures as people read them: a row for each series, its points, its slope."""
    exponents = {(slope.series, slope.against): f"{slope.exponent:.2f}" for slope in fitted}
    rows = []
    for key in dict.fromkeys((p.series, p.against) for p in found):
        told = (f"{p.x:,}: {amount(p.seconds, 's')}" for p in found if (p.series, p.against) == key)
        rows.append((*key, "  ".join(told), exponents.get(key, "-")))
    return growth.series_table("Processor time of a whole part, or of the masking step where it says so", rows)


def plot(found: Sequence[Point], fitted: Sequence[Slope], file: Path) -> None:
    """Two plots side by side, both axes logarithmic."""
    exponents = {(slope.series, slope.against): f" (slope {slope.exponent:.2f})" for slope in fitted}
    colours = {series: f"C{k % 10}" for k, series in enumerate(dict.fromkeys(p.series for p in found))}
    with growth.drawn(file, "sums", figsize=(13, 6.5)) as figure:
        figure.subplots_adjust(left=0.06, right=0.99, bottom=0.3, top=0.98, wspace=0.15)
        for axes, against in zip(figure.subplots(1, 2), ("institutions", "entries"), strict=True):
            shown = [p for p in found if p.against == against]
            for series in dict.fromkeys(p.series for p in shown):
                own, line = [p for p in shown if p.series == series], "--" if ":" in series else "-"
                label = series + exponents.get((series, against), "")
                place = [p.x for p in own], [p.seconds for p in own]
                axes.loglog(*place, line, color=colours[series], marker="o", markersize=3, label=label)
            ticks = (p.x for p in shown if against == "institutions")
            growth.dressed(axes, _fixed(shown, against), "processor seconds", ticks)
            if shown:
                axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False)


def _fixed(shown: Sequence[Point], against: str) -> str:
    """What an axis is, and what does not vary along it."""
    if against == "entries":
        return "entries (10 institutions)"
    lengths = {p.entries: p.series if p.series in CIPHERTEXTS else "masks" for p in shown}
    return f"institutions ({', '.join(f'{name}: {d:,} entries' for d, name in lengths.items())})"


def run(arguments: Sequence[str]) -> int:
    """As `growth.run`."""
    description = "Cost of a sum against institutions and length."
    growth.run(arguments, description, "fewer and shorter sums", points, slopes, table, plot)
    return 0
