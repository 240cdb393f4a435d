"""One party of a sum, played again alone: what its own steps cost, with nobody else's work in the figure.

A run of all parties is recorded once. A measurement then resumes one party's part with the messages that it received
and the random bytes that it drew, so that it takes every step of the protocol again, and adds up the processor time
of the steps. What the engine does between them (sealing, codec, copies) is not in it.

    whole      a party's whole part: keys, signatures, shares, masks
    growing    less that of a run with SHORT entries: what grows with the vector, keys apart
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.harness import Measure, cpu_timed, lazily, least
from securecompute.arithmetic.rings import Ring, encode
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.local import Played, play
from securecompute.engine.rounds import Inbox, Part, Party
from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.primitives.keys import AgreementKey, IdentityKey
from securecompute.primitives.randomness import Randomness, SystemRandomness
from securecompute.protocols.sums.descriptor import Descriptor, default_threshold
from securecompute.protocols.sums.interface import Contributor, make_key, protocol_of
from securecompute.protocols.sums.settings import Choice, Committee, Pairwise, Setting
from securecompute.values import Plain

COORDINATOR, COLLECTOR = "coordinator", "collector"
RUNS = 3  # of which the least counts, for ours and for the others
SHORT = 16  # entries of a run that costs what keys and signatures cost
SCALE = {Ring.Z32: 24, Ring.Z64: 40}  # fractional bits of a real number
TILE = 1 << 13  # reals that are quantised while they are in the cache
CLIP = 8.0  # largest real number, as Flower clips


def names(institutions: int) -> list[Party]:
    """h00, h01, ...: the first of them are the committee."""
    return [f"h{k:02}" for k in range(institutions)]


def reals(length: int) -> NDArray[np.float64]:
    """What an institution wants summed: float64 (length,), within CLIP."""
    return np.clip(np.random.default_rng(1).normal(size=length), -CLIP, CLIP)


def quantised(ring: Ring, x: NDArray[np.float64]) -> NDArray[Any]:
    """The reals as elements of the ring, rounded to 2^-SCALE."""
    integers, tile = np.empty(len(x), np.int64), np.empty(min(TILE, len(x)))
    for start in range(0, len(x), TILE):
        piece = x[start : start + TILE]
        part = np.multiply(piece, 2.0 ** SCALE[ring], out=tile[: len(piece)])
        integers[start : start + TILE] = np.rint(part, out=part)
    return encode(ring, integers)


@dataclass(slots=True)
class Tape:
    """Random bytes that were drawn once and can be drawn again in the same order."""

    drawn: list[bytes] = field(default_factory=list)
    source: Randomness = field(default_factory=SystemRandomness)

    def bytes(self, n: int) -> bytes:
        """n fresh bytes, noted."""
        self.drawn.append(self.source.bytes(n))
        return self.drawn[-1]


@dataclass(slots=True)
class Rewound:
    """A tape from its beginning."""

    drawn: Sequence[bytes]
    place: int = 0

    def bytes(self, n: int) -> bytes:
        """The next bytes of the tape."""
        self.place += 1
        return self.drawn[self.place - 1]


@dataclass(frozen=True, slots=True)
class Keys:
    """Who can read what: a setting with public keys, and the collector's secret key where it has one."""

    setting: Setting
    secret: Any = None


@cache
def keys(kind: str, institutions: int) -> Keys:
    """The keys of a network that adds in this way; 2048 bits for Paillier."""
    if kind in ("pairwise", "committee"):
        return Keys(Committee(tuple(names(institutions)[:3])) if kind == "committee" else Pairwise())
    secret, setting = make_key(Choice(kind, key_bits=2048), SystemRandomness())
    return Keys(setting, secret)


@cache
def identities(institutions: int) -> Mapping[Party, IdentityKey]:
    """The institutions' long-term keys."""
    return {name: IdentityKey.generate(SystemRandomness()) for name in names(institutions)}


@dataclass(frozen=True, slots=True)
class Case:
    """One sum to run.

    gone   how many institutions, the last ones, leave when they should send their vectors
    full   entries may be as large as the ring bears, not only the reals up to CLIP
    """

    kind: str
    length: int
    institutions: int = 10
    ring: Ring = Ring.Z64
    gone: int = 0
    full: bool = False

    @property
    def bound(self) -> int:
        """Largest entry that one institution declares."""
        most = ((1 << self.ring.bits - 1) - 1) // self.institutions
        return most if self.full else int(CLIP) << SCALE[self.ring]


class Recorded:
    """A run of one sum with all its parties, of which each can be played again."""

    def __init__(self, case: Case) -> None:
        self.keys, n = keys(case.kind, case.institutions), case.institutions
        self.identities = identities(n)
        pinned = {name: key.public for name, key in self.identities.items()}
        plan, nonce = SystemRandomness().bytes(32), SystemRandomness().bytes(32)
        public = (case.ring, case.length, case.bound, default_threshold(n), 3, nonce, self.keys.setting)
        self.descriptor = Descriptor(plan, pinned, *public)
        self.protocol = protocol_of(self.descriptor)
        self.x = quantised(case.ring, reals(case.length))
        self.tapes = {name: Tape() for name in pinned}
        self.gone = names(n)[n - case.gone :]

    @cached_property
    def played(self) -> Played:
        """The run, when it is first needed."""
        parts: dict[Party, Part[Any]] = {name: self.part(name, self.tapes.get(name)) for name in self.parties}
        return play(parts | {name: _leaving(parts[name]) for name in self.gone})

    @property
    def parties(self) -> list[Party]:
        """Everybody."""
        return [*self.descriptor.institutions, COORDINATOR, COLLECTOR]

    def part(self, party: Party, randomness: Randomness | None) -> Part[Any]:
        """A party's part, not yet started."""
        if party == COORDINATOR:
            return self.protocol.coordinate(self.descriptor, COLLECTOR)
        if party == COLLECTOR:
            return self.protocol.collect(self.descriptor, COORDINATOR, self.keys.secret)
        own = Contributor(party, self.identities[party], SurvivorLedger(), randomness or SystemRandomness())
        return self.protocol.contribute(own, self.descriptor, COORDINATOR, COLLECTOR, Plain(self.x))

    def seconds(self, party: Party) -> float:
        """Processor time of the party's own steps, from its first to its last."""
        view, tape = self.played.views[party], self.tapes.get(party)
        part = self.part(party, Rewound(tape.drawn) if tape else None)
        inbox, number, spent = None, 0, 0.0
        while True:
            start = time.thread_time()
            try:
                turn = part.send(inbox)  # type: ignore[arg-type]
            except StopIteration:
                return spent + time.thread_time() - start
            spent += time.thread_time() - start
            received: Inbox = {p: view[number, p] for p in turn.expect if (number, p) in view}
            inbox, number = received, number + 1

    def first_step_seconds(self, party: Party) -> float:
        """Processor time of what the party does before it hears of anybody: under a key, all that grows with length."""
        part = self.part(party, None)
        start = time.thread_time()
        next(part)
        spent = time.thread_time() - start
        part.close()
        return spent


def _leaving(part: Part[Any]) -> Part[None]:
    """The part up to the vector, which it does not send."""
    turn = next(part)
    while not (turn.send and turn.step in ("masked", "encrypted")):
        inbox = yield turn
        turn = part.send(inbox)


@cache
def recorded(case: Case) -> Recorded:
    """The sum, made at its first measurement."""
    return Recorded(case)


def whole(case: Case, party: Party) -> Measure:
    """Seconds of a party's whole part."""
    return least(lambda: recorded(case).seconds(party), RUNS)


def growing(case: Case, party: Party) -> Measure:
    """Seconds of a party's part that grow with the vector: the whole, less that of a run with SHORT entries."""
    long, short = whole(case, party), whole(replace(case, length=SHORT), party)
    return lambda: long() - short()


def first_step(case: Case, party: Party, runs: int) -> Measure:
    """Seconds of a party's first step."""
    return least(lambda: recorded(case).first_step_seconds(party), runs)


def per_entry(case: Case, party: Party, short: int, runs: int = RUNS) -> Measure:
    """Seconds of the first step for each entry by which the case is longer than `short`: a table is ready by then."""
    long, less = first_step(case, party, runs), first_step(replace(case, length=short), party, runs)
    return lambda: (long() - less()) / (case.length - short)


@lazily
def from_reals(case: Case, party: Party) -> Measure:
    """As `growing`, with quantising the reals."""
    x, masked = reals(case.length), growing(case, party)
    rounding = least(cpu_timed(lambda: quantised(case.ring, x)), RUNS)
    return lambda: rounding() + masked()


@lazily
def wire_bytes(case: Case, party: Party) -> Measure:
    """Bytes of all sealed frames that a party puts on the network in a run without faults."""
    sent = float(_frame_bytes(case)[party])
    return lambda: sent


@cache
def _frame_bytes(case: Case) -> dict[Party, int]:
    run = recorded(case)
    hold = {party: AgreementKey.generate(SystemRandomness()) for party in run.parties}
    session = open_session("sum", {party: key.public for party, key in hold.items()}, SystemRandomness().bytes(32))
    ended = simulate(session, {party: run.part(party, None) for party in run.parties}, hold)
    for outcome in ended.outcomes.values():
        if outcome.error is not None:
            raise outcome.error
    sent = dict.fromkeys(run.parties, 0)
    for _, source, _, frame in ended.frames:
        sent[source] += len(frame)
    return sent
