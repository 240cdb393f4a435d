"""Faults of a network and of its parties, drawn from a seed: the same seed, the same faults, in the same order.

Nothing here is secret, so this is the one file that may use a statistical generator.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from securecompute.engine.rounds import Party

Arrival = tuple[float, bytes]  # seconds from now, frame


class Network(Protocol):
    """What happens between two parties, and to them."""

    def carry(self, source: Party, destination: Party, frame: bytes, now: float) -> list[Arrival]:
        """When, and as what, a frame arrives: never, once, or several times."""

    def dies(self, party: Party, frames: int) -> bool:
        """Whether the party's process ends before it sends its frame of this number, counted from 0."""


@dataclass(frozen=True, slots=True)
class Faultless:
    """Every frame arrives once, `latency` seconds later, in order."""

    latency: float = 0.001

    def carry(self, source: Party, destination: Party, frame: bytes, now: float) -> list[Arrival]:
        """The frame, once."""
        return [(self.latency, frame)]

    def dies(self, party: Party, frames: int) -> bool:
        """Nobody dies."""
        return False


@dataclass(slots=True)
class Faults:
    """A network on which each thing goes wrong with the probability given, frame by frame.

    drop, duplicate, reorder, replay, corrupt   probabilities; the first four are cured by resending
    delay         mean of the extra latency in seconds, exponential
    kill          party -> (n, "before" | "after"): its process ends before or after its n-th frame
    replay        an earlier frame to the same party, from anybody
    partitions    (one, other, from, to): between these two no frame passes within these seconds
    """

    seed: int
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    replay: float = 0.0
    corrupt: float = 0.0
    delay: float = 0.0
    latency: float = 0.001
    kill: Mapping[Party, tuple[int, Literal["before", "after"]]] = field(default_factory=dict)
    partitions: tuple[tuple[Party, Party, float, float], ...] = ()
    _draw: random.Random = field(init=False)
    _seen: dict[Party, list[bytes]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)

    def carry(self, source: Party, destination: Party, frame: bytes, now: float) -> list[Arrival]:
        """The frame as this network delivers it."""
        for one, other, begin, end in self.partitions:
            if {source, destination} == {one, other} and begin <= now < end:
                return []
        draw, seen = self._draw, self._seen.setdefault(destination, [])
        arrivals = [] if draw.random() < self.drop else [self._arrival(frame)]
        if draw.random() < self.duplicate:
            arrivals.append((2 * draw.random(), frame))
        if draw.random() < self.replay and seen:
            arrivals.append((2 * draw.random(), draw.choice(seen)))
        seen.append(frame)
        return arrivals

    def _arrival(self, frame: bytes) -> Arrival:
        draw = self._draw
        after = self.latency + (draw.expovariate(1 / self.delay) if self.delay else 0.0)
        if draw.random() < self.reorder:
            after += draw.random()
        if draw.random() < self.corrupt:
            position, bit = draw.randrange(len(frame)), 1 << draw.randrange(8)
            frame = frame[:position] + bytes([frame[position] ^ bit]) + frame[position + 1 :]
        return after, frame

    def dies(self, party: Party, frames: int) -> bool:
        """Whether its time has come."""
        if party not in self.kill:
            return False
        number, when = self.kill[party]
        return frames >= number + (when == "after")
