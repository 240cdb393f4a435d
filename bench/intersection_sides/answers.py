"""What one run of an intersection tells, of our sides and of the peers'."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bench.harness import Measure
from bench.intersection_sides.files import Sizes, common

NAN = math.nan
Figure = Callable[["Answer"], float]


@dataclass(frozen=True, slots=True)
class Answer:
    """One run, from CSV files to a CSV file.

    seconds    of all of it
    cpu        processor seconds of each process
    peak_kib   most memory that each process held during it
    found      how many identifiers the receiver wrote
    core       seconds from identifiers to the result, where the side tells
    reading    seconds from files to identifiers, likewise
    bytes      payload that all sent, likewise
    """

    seconds: float
    cpu: tuple[float, ...]
    peak_kib: tuple[int, ...]
    found: int
    core: float = NAN
    reading: float = NAN
    bytes: float = NAN


def right(answer: Answer, sizes: Sizes) -> Answer:
    """The same. Raises RuntimeError if another number was found than all have."""
    if answer.found != common(sizes):
        raise RuntimeError(f"{answer.found} of {common(sizes)} were found")
    return answer


def seconds(answer: Answer) -> float:
    """CSV to CSV."""
    return answer.seconds


def core(answer: Answer) -> float:
    """Identifiers to result."""
    return answer.core


def reading(answer: Answer) -> float:
    """Files to identifiers."""
    return answer.reading


def busy(answer: Answer) -> float:
    """Processor seconds of all."""
    return sum(answer.cpu)


def peak_mib(answer: Answer) -> float:
    """Memory of the process that held most."""
    return max(answer.peak_kib) / 1024


def sent(answer: Answer) -> float:
    """Payload bytes of all."""
    return answer.bytes


class Runs:
    """One side of a case, for several rows: a row of seconds runs it, others read the run before them.

    So the memory and the bytes that stand in a table are of the runs whose seconds stand above them.
    """

    def __init__(self, run: Callable[[], Answer]) -> None:
        self._run = run
        self._latest: Answer | None = None

    def anew(self, figure: Figure) -> Measure:
        """A figure of a new run."""

        def measure() -> float:
            self._latest = self._run()
            return figure(self._latest)

        return measure

    def latest(self, figure: Figure) -> Measure:
        """A figure of the latest run; of a first one, if there was none."""

        def measure() -> float:
            if self._latest is None:
                self._latest = self._run()
            return figure(self._latest)

        return measure
