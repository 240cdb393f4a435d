"""The form that every benchmark has: ours and the other alternate within one run, and medians are compared.

    python -m bench.NAME [--quick] [--json FILE]

A benchmark is a docstring, a function that lists its claims, and two lines:

    def claims(quick: bool) -> list[Claim]: ...

    if __name__ == "__main__":
        sys.exit(run(__doc__, claims))

    ratio = median(other) / median(ours)        met when ratio ≥ target

Amounts are seconds, or bytes, or anything of which less is better. Sides take turns, and the turn order flips every
time, so that a machine that slows down during the run slows both. A missing peer is named and its rows stay null: a
number is either measured here, beside ours, or it is not there.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, wraps
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ParamSpec

from rich.console import Console
from rich.table import Table

Measure = Callable[[], float]
P = ParamSpec("P")
TURNS, QUICK_TURNS = 9, 3
TOLD_EXTENSIONS = ("aes", "vaes", "sha_ni", "avx2", "avx512f", "avx512ifma")
ALWAYS_NAMED = ("securecompute", "numpy", "ray", "cryptography")


@dataclass(frozen=True, slots=True)
class Claim:
    """Ours takes at most 1/target of what the other takes.

    text       what is claimed, with the sizes: "sum of 7 vectors of 10^6 entries"
    ours       one run; returns its amount, see `timed`
    other      one run of the other, or a fixed amount: a budget that ours must keep to
    other_is   who the other is, as a reader would call it: "numpy, no secrecy", "budget"
    target     least ratio other/ours; None where nothing is claimed and the figure only informs
    needs      modules that the other imports: absent, `other` is not called
    unit       "s", or the word for what is counted
    """

    text: str
    ours: Measure
    other: Measure | float
    other_is: str
    target: float | None = None
    needs: tuple[str, ...] = ()
    unit: str = "s"


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a claim. None where the other is missing; `met` is None too where no target was set."""

    claim: str
    ours: float | None
    other: float | None
    other_is: str
    ratio: float | None
    target: float | None
    met: bool | None


def timed(work: Callable[[], object]) -> Measure:
    """A measure of the wall-clock seconds of one call."""

    def seconds() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return seconds


def cpu_timed(work: Callable[[], object]) -> Measure:
    """A measure of the processor seconds of one call, of all threads: waiting, and others' work, do not count."""

    def seconds() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return seconds


def scaled(measure: Measure, factor: float) -> Measure:
    """The amount of a sample, times how much larger the whole is; for work that is known to be linear."""
    return lambda: measure() * factor


def least(measure: Measure, runs: int) -> Measure:
    """The least of so many runs: what a figure of milliseconds is when nobody else disturbs the machine."""
    return lambda: min(measure() for _ in range(runs))


def lazily(make: Callable[P, Measure]) -> Callable[P, Measure]:
    """For what makes a measure at a price: it is made when it first measures; a row that is not run costs nothing."""

    @wraps(make)
    def named(*args: P.args, **kwargs: P.kwargs) -> Measure:
        made = cache(lambda: make(*args, **kwargs))
        return lambda: made()()

    return named


def missing(claim: Claim) -> list[str]:
    """The modules that the other needs and this machine does not have."""
    return [name for name in claim.needs if find_spec(name) is None]


def compare(claim: Claim, turns: int) -> Row:
    """Measure both sides in turns, after one run of each that does not count."""
    if absent := missing(claim):
        name = f"{claim.other_is}: not installed ({', '.join(absent)})"
        return Row(claim.text, None, None, name, None, claim.target, None)
    sides: list[Measure] = [claim.ours]
    if callable(claim.other):
        sides.append(claim.other)
    for side in sides:
        side()
    amounts: dict[Measure, list[float]] = {side: [] for side in sides}
    for turn in range(turns):
        for side in sides if turn % 2 == 0 else reversed(sides):
            amounts[side].append(side())
    ours = statistics.median(amounts[claim.ours])
    other = statistics.median(amounts[claim.other]) if callable(claim.other) else claim.other
    ratio = other / ours if ours else None
    met = ratio >= claim.target if claim.target is not None and ratio is not None else None
    return Row(claim.text, ours, other, claim.other_is, ratio, claim.target, met)


def processor() -> str:
    """The processor's trade name, or the kind of processor where the system tells no name."""
    if platform.system() == "Darwin":
        told = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        return told.stdout.strip() or platform.machine()
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def extensions() -> list[str]:
    """The instructions for ciphers and vectors that this processor has, as far as the system tells."""
    listing = Path("/proc/cpuinfo")
    told = set(listing.read_text().split()) if listing.exists() else set()
    return [name for name in TOLD_EXTENSIONS if name in told]


def machine(peers: Iterable[str] = ()) -> dict[str, Any]:
    """Where the figures were measured, and with which versions; plain values for JSON."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": processor(),
        "extensions": extensions(),
        "cores": allowed,
        "load": [round(average, 2) for average in os.getloadavg()],
        "ram_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in dict.fromkeys([*ALWAYS_NAMED, *peers])},
    }


def installed(name: str) -> str | None:
    """The version of an installed distribution."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def amount(value: float | None, unit: str) -> str:
    """A figure for people: seconds as s, ms or µs, anything else as a count with its unit."""
    if value is None:
        return "-"
    if unit != "s":
        return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    factor, name = next(((f, n) for f, n in ((1, "s"), (1e3, "ms")) if value * f >= 1), (1e6, "µs"))
    return f"{value * factor:.3g} {name}"


def table(title: str, claims: Sequence[Claim], rows: Sequence[Row], here: dict[str, Any]) -> Table:
    """The rows as people read them, with the machine underneath."""
    versions = ", ".join(f"{name} {number or 'absent'}" for name, number in here["versions"].items())
    load = "; ".join((" ".join(here["extensions"]), f"load {here['load'][0]:g}"))
    caption = "{cpu}, {cores} cores, {ram_gib} GiB, {os}, Python {python}".format(**here) + f"\n{load}\n{versions}"
    shown = Table(title=title, caption=caption, caption_justify="left", title_justify="left")
    for heading in ("claim", "ours", "other", "other is", "ratio", "target", "met"):
        shown.add_column(heading, justify="right" if heading in ("ours", "other", "ratio", "target") else "left")
    for claim, row in zip(claims, rows, strict=True):
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        target = "-" if row.target is None else f"{row.target:g}"
        met = {True: "yes", False: "NO", None: "-"}[row.met]
        sides = amount(row.ours, claim.unit), amount(row.other, claim.unit)
        shown.add_row(row.claim, *sides, row.other_is, ratio, target, met)
    return shown


def run(title: str | None, claims: Callable[[bool], Sequence[Claim]], arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark from the command line: print its table, write its JSON. Returns 1 if a claim was not met.

    title       the benchmark's docstring; its first line heads the table
    claims      given whether to be quick (smaller sizes), the claims
    arguments   those of the command line, by default
    """
    heading = (title or "").strip().split("\n")[0]
    parser = argparse.ArgumentParser(description=heading)
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer turns: does it run at all?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE as well")
    options = parser.parse_args(arguments)
    listed = claims(options.quick)
    rows = [compare(claim, QUICK_TURNS if options.quick else TURNS) for claim in listed]
    here = machine(name for claim in listed for name in claim.needs)
    console = Console(width=None if os.isatty(1) else 140)
    console.print(table(heading, listed, rows, here))
    if options.json:
        options.json.write_text(json.dumps({"machine": here, "rows": [asdict(row) for row in rows]}, indent=2) + "\n")
    return int(any(row.met is False for row in rows))
