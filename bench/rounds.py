"""What a round costs: every party sends 96 bytes to every other, in process and on Ray.

Unless a row says otherwise the bytes are a vector, and every part adds up what it receives.

    lock step     `play`: parts on copies of the objects, no sealing and no codec
    simulated     sealing, codec, windows and deadlines, on a virtual clock
    Ray sockets   an actor for each party, frames over Unix sockets
    Ray calls     the same, frames as calls from actor to actor

On Ray a session's own beginning and end are in the figure, spread over its rounds.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from functools import cache

import msgpack
import numpy as np

from bench.harness import Claim, Measure, run, timed
from securecompute.engine.fabric import Fabric, Recipe
from securecompute.engine.in_process import InProcess
from securecompute.engine.local import play
from securecompute.engine.rounds import Array, Bytes, Inbox, Part, Party, Round

MOST_PARTIES = 10
MESSAGE = Array(np.uint64, (12,))
IN_PROCESS_BUDGET = 30e-6  # seconds a round of 5 parties in lock step
RAY_BUDGET = 5e-3  # seconds a round of 4 parties on Ray

_numbers = itertools.count()


def names(parties: int) -> list[Party]:
    """p0, p1, ..."""
    return [f"p{k}" for k in range(parties)]


def talk(me: Party, others: Sequence[Party], rounds: int) -> Part[int]:
    """Send a vector to all others and add up what comes, so many times; the sum's first entry mod 2^32."""
    x = np.ones(MESSAGE.shape, np.uint64)
    expect = dict.fromkeys(others, MESSAGE)
    for _ in range(rounds):
        inbox = yield Round(send=dict.fromkeys(others, x), expect=expect, step="talk")
        for y in inbox.values():
            x = x + y
    return int(x[0]) & 0xFFFFFFFF


def send_bytes(others: Sequence[Party], rounds: int) -> Part[None]:
    """Send bytes to all others and do nothing with what comes: the engine's own cost, without a part's."""
    word, expect = bytes(96), dict.fromkeys(others, Bytes(96))
    for _ in range(rounds):
        yield Round(send=dict.fromkeys(others, word), expect=expect, step="talk")


class Talker:
    """A participant that talks as its manifest says."""

    def __init__(self, me: Party) -> None:
        self.me = me

    def answer(self, request: str, payload: object) -> None:
        """Nothing is asked."""

    def part(self, manifest: bytes) -> Part[int]:
        """manifest: [a fresh number, parties, rounds]"""
        _, parties, rounds = msgpack.unpackb(manifest)
        return talk(self.me, [p for p in names(parties) if p != self.me], rounds)


def talks(parties: int, rounds: int) -> dict[Party, Part[int]]:
    """All parts of a talk in one process."""
    return {me: talk(me, [p for p in names(parties) if p != me], rounds) for me in names(parties)}


def bare(parts: dict[Party, Part[int]]) -> None:
    """The least that can be done: resume each generator with the others' messages, unchecked and uncopied."""
    inboxes: dict[Party, Inbox | None] = dict.fromkeys(parts)
    while inboxes:
        turns = dict(_resumed(parts, inboxes))
        inboxes = {me: {p: turns[p].send[me] for p in turns if p != me} for me in turns}


def _resumed(parts: dict[Party, Part[int]], inboxes: dict[Party, Inbox | None]) -> Iterator[tuple[Party, Round]]:
    for party, inbox in inboxes.items():
        try:
            yield party, parts[party].send(inbox)  # type: ignore[arg-type]
        except StopIteration:
            continue


def in_lock_step(parties: int, rounds: int) -> Measure:
    """Seconds a round of `play`."""
    whole = timed(lambda: play(talks(parties, rounds)))
    return lambda: whole() / rounds


def bytes_in_lock_step(parties: int, rounds: int) -> Measure:
    """Seconds a round of `play` whose parts compute nothing."""
    everybody = names(parties)
    whole = timed(lambda: play({me: send_bytes([p for p in everybody if p != me], rounds) for me in everybody}))
    return lambda: whole() / rounds


def by_hand(parties: int, rounds: int) -> Measure:
    """Seconds a round of generators stepped by hand."""
    whole = timed(lambda: bare(talks(parties, rounds)))
    return lambda: whole() / rounds


def on(make: Fabric | None, carrier: str, parties: int, rounds: int) -> Measure:
    """Seconds a round on a fabric; `make` None: on Ray with that carrier."""

    def seconds() -> float:
        fabric = make or ray_fabric(carrier)
        manifest: bytes = msgpack.packb([next(_numbers), parties, rounds])
        return fabric.run("talk", names(parties), manifest).seconds / rounds

    return seconds


@cache
def ray_fabric(carrier: str) -> Fabric:
    """Talkers on Ray, made at the first measurement; both carriers share one private Ray."""
    from securecompute.engine.on_ray import OnRay, Placement

    if carrier == "calls":
        ray_fabric("sockets")
    placement = Placement(cluster=None if carrier == "sockets" else "auto", carrier=carrier)
    return OnRay({name: Recipe(Talker, {"me": name}) for name in names(MOST_PARTIES)}, placement=placement)


def claims(quick: bool) -> list[Claim]:
    """A row for each kind and number of parties; budgets where the project has set one."""
    rounds = 100 if quick else 400
    sizes = (3, 5, 10)
    simulated = InProcess({name: Recipe(Talker, {"me": name}) for name in names(MOST_PARTIES)})
    plain, added = bytes_in_lock_step(5, rounds), in_lock_step(5, rounds)
    listed = [
        Claim("lock step, 5 parties, a round of bytes", plain, IN_PROCESS_BUDGET, "budget", 1.0),
        Claim("lock step, 5 parties, a round of vectors, added up", added, IN_PROCESS_BUDGET, "budget", 1.0),
        Claim("Ray sockets, 4 parties, a round", on(None, "sockets", 4, rounds), RAY_BUDGET, "budget", 1.0),
    ]
    for n in sizes:
        bare_round = by_hand(n, rounds)
        listed.append(Claim(f"lock step, {n} parties, a round", in_lock_step(n, rounds), bare_round, "bare generators"))
    for n in sizes:
        ours = on(simulated, "", n, rounds)
        listed.append(Claim(f"simulated, {n} parties, a round", ours, in_lock_step(n, rounds), "lock step"))
    for n in (3, 4, 5, 10):
        ours, calls = on(None, "sockets", n, rounds), on(None, "calls", n, max(20, rounds // 10))
        listed.append(Claim(f"Ray sockets, {n} parties, a round", ours, calls, "Ray calls"))
    return listed


if __name__ == "__main__":
    sys.exit(run(__doc__, claims))
