"""The protocols that are measured, each as the part of one hospital; the receiver's returns which rows it found."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from securecompute.engine.rounds import Part, Party
from securecompute.primitives.lpn import RECOMMENDED
from securecompute.primitives.oprf import Mode
from securecompute.primitives.randomness import SystemRandomness
from securecompute.protocols.intersection import iknp, opprf, oprf, star, vole
from securecompute.protocols.intersection.oprf_table import Table
from securecompute.protocols.intersection.star import Star
from securecompute.values import Plain

RECEIVER = "h0"
Found = NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Session:
    """What everybody knows of a session: sizes by name, the receiver's first, and a header that no other has."""

    sizes: dict[Party, int]
    header: bytes


Way = Callable[[Party, Plain, Session], Part[Found]]


def hospitals(count: int) -> tuple[Party, ...]:
    """Their names, the receiver's first."""
    return tuple(f"h{k}" for k in range(count))


def _between_two(protocol: Any, profile: str, me: Party, own: Plain, of: Session) -> Part[Found]:
    (_, nx), (sender, ny) = of.sizes.items()
    run, peer = (protocol.receive, sender) if me == RECEIVER else (protocol.send, RECEIVER)
    found: Found = yield from run(peer, own, nx, ny, of.header, SystemRandomness(), profile)
    return found


def _by_table(me: Party, own: Plain, of: Session) -> Part[Found]:
    """Of a table that is made for this session: what is made once is paid for here."""
    (_, nx), (sender, ny) = of.sizes.items()
    if me == RECEIVER:
        return (yield from oprf.receive(sender, own, nx, ny, nx, Mode.OPRF, SystemRandomness()))
    table = Table.prepare(own, ny, nx, Mode.OPRF, SystemRandomness())
    yield from oprf.send(RECEIVER, table, nx, of.header, _NoLog(), SystemRandomness())
    return None


def _among_many(me: Party, own: Plain, of: Session) -> Part[Found]:
    agreed = Star(of.sizes, RECEIVER, of.header)
    if me == RECEIVER:
        return (yield from star.lead(agreed, own, SystemRandomness()))
    yield from star.support(agreed, me, own, SystemRandomness())
    return None


class _NoLog:
    """A log on which nothing depends: every session has a table of its own."""

    def spend(self, key: bytes, asker: Party, session: bytes, items: int, allowed: int) -> None:
        """Nothing."""


WAYS: dict[str, Way] = {
    "vole": partial(_between_two, vole, RECOMMENDED),
    "vole, standard noise": partial(_between_two, vole, "standard"),
    "iknp": partial(_between_two, iknp, RECOMMENDED),
    "oprf": _by_table,
    "star": _among_many,
}


def warm() -> None:
    """Compile every kernel, or load it from the cache."""
    for protocol in (vole, iknp, opprf):
        protocol.warm()
