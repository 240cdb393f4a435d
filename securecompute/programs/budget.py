"""What a rehearsal may cost, counted before anything is played: programs come from others, and rehearsing is not free.

    Σ over lines that differ   seconds of the operation + seconds of an element · elements that are played   ≤  30

Operation, attributes, types and shapes are public, so every party counts the same and refuses alike. Seconds are of one
core, roughly, as measured; a line that stands in a program many times is played once and counted once. Counted once
more with the scales that only playing tells, while it is played: a program cannot do worse than it said.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from math import prod

from securecompute.errors import InvalidRequest
from securecompute.programs.operation import Operation, Shape, Site

MOST_SECONDS = 30.0
OUTPUT_SECONDS = 0.005
FEW = 4096  # elements that are played as they are
NAMED = 3  # of the operations that cost most


class Budget:
    """Counts lines, each once."""

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()
        self._seconds: dict[str, float] = {}
        self._lines: Counter[str] = Counter()

    def count(self, line: Hashable, name: str, seconds: float) -> None:
        """Add a line, unless one that is played alike has been counted."""
        if line not in self._seen:
            self._seen.add(line)
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds
            self._lines[name] += 1

    def check(self) -> None:
        """Return if it is not too much. raises InvalidRequest: naming what costs most"""
        total = sum(self._seconds.values())
        if total > MOST_SECONDS:
            dearest = sorted(self._seconds, key=lambda name: -self._seconds[name])[:NAMED]
            most = ", ".join(f"{self._lines[name]} of {name} {self._seconds[name]:.2g} s" for name in dearest)
            raise InvalidRequest(
                f"to work out what this program costs would take every compute party about {total:.0f} s, and may take "
                f"{MOST_SECONDS:g} ({most}); ask in several programs, or for fewer elements at once"
            )


def seconds(operation: Operation, shapes: Sequence[Shape], site: Site) -> float:
    """Of rehearsing a line."""
    if is_whole(operation, shapes, site):
        return operation.effort(shapes, site)
    if operation.arranges:
        return operation.once
    samples = (operation.sampled(shapes, size, site.attributes) for size in operation.samples)
    return sum(operation.effort(each, site) for each in dict.fromkeys(map(tuple, samples)))


def is_whole(operation: Operation, shapes: Sequence[Shape], site: Site) -> bool:
    """Whether a line is played as it is: it has few elements, or brings some into another ring, and nothing else."""
    brought = any(each.ring is not site.result.ring for each in site.operands if not each.public)
    return (operation.quiet and brought) or max(prod(shape) for shape in (*shapes, site.result.shape)) <= FEW
