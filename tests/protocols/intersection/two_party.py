"""Both protocols by which R learns which of its items S has: what they share, and what tells them apart in a test."""

from dataclasses import dataclass
from types import ModuleType

from securecompute.engine.local import play
from securecompute.protocols.intersection import iknp, vole
from tests.protocols.intersection.sets import HEADER, plain
from tests.seeded import SeededRandomness


@dataclass(frozen=True)
class Way:
    """One of them.

    part     the module
    masked   the round in which R sends its masked set, rows of `words` words
    tags     the round in which S sends its tags, which is the last one
    heard    (round, sender) of all that R receives, and of all that S does
    """

    part: ModuleType
    masked: int
    words: int
    tags: int
    heard: dict[str, set[tuple[int, str]]]


VOLE = Way(vole, 2, 2, 3, {"R": {(0, "S"), (2, "S"), (3, "S")}, "S": {(0, "R"), (1, "R"), (2, "R")}})
IKNP = Way(iknp, 1, 7, 2, {"R": {(0, "S"), (2, "S")}, "S": {(0, "R"), (1, "R")}})
WAYS = {"vole": VOLE, "iknp": IKNP}


def run(way, x, y, seed=0, headers=(HEADER, HEADER), deliver=None, **options):
    """A session over sets of numbers, of one's own seeds."""
    x, y = list(x), list(y)
    return run_on(way, plain(x), plain(y), len(x), len(y), seed, headers, deliver, **options)


def run_on(way, x, y, nx, ny, seed=0, headers=(HEADER, HEADER), deliver=None, **options):
    """The same over identifiers."""
    parts = {
        "R": way.part.receive("S", x, nx, ny, headers[0], SeededRandomness(f"R {seed}"), **options),
        "S": way.part.send("R", y, nx, ny, headers[1], SeededRandomness(f"S {seed}"), **options),
    }
    return play(parts, deliver)


def found(played, x):
    """The items that R has learned to be in both sets, in its order."""
    return [item for item, member in zip(x, played.outputs["R"], strict=True) if member]


def instead(number, sender, change):
    """Deliver another message of this sender in this round."""

    def deliver(here, source, _receiver, message):
        return change(message) if (here, source) == (number, sender) else message

    return deliver
