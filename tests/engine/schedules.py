"""Fault schedules for the pairwise-masked sum, drawn from a seed, and the oracle that judges a run.

Institution i contributes 2^i, so a total that lost somebody, or counted somebody twice, names who. Each kind of fault
is switched on for a quarter of the seeds. The parties' randomness is the same in every run of one size, so signatures
and key agreements are computed once: what is under test is the engine, not the curves.
"""

import random
from dataclasses import dataclass, field
from functools import cache, lru_cache

import msgpack
import pytest

from securecompute.arithmetic.rings import Ring, encode
from securecompute.engine.faults import Arrival, Faults
from securecompute.engine.rounds import Part, Party
from securecompute.engine.runner import Limits, Outcome
from securecompute.engine.session import open_session
from securecompute.engine.simulated import Simulated, simulate
from securecompute.engine.wire import DATA
from securecompute.errors import AbortCode, InternalFault
from securecompute.primitives.keys import AgreementKey, IdentityKey
from securecompute.protocols.sums import pairwise, pairwise_keys
from securecompute.protocols.sums.descriptor import Descriptor, default_threshold
from securecompute.protocols.sums.interface import Contributor, Survivors
from securecompute.values import Plain
from tests.seeded import SeededRandomness

COORDINATOR, COLLECTOR = "coordinator", "collector"
CURABLE = ("drop", "duplicate", "reorder", "replay", "delay", "blink")
INCURABLE = ("corrupt", "partition", "kill")
LIMITS = Limits(linger_seconds=60.0)


class OpenLedger:
    """An institution's ledger that has nothing against any set."""

    def check(self, plan: bytes, survivors: tuple[Party, ...]) -> None:
        """Fine."""

    def commit(self, plan: bytes, survivors: tuple[Party, ...]) -> None:
        """Fine."""


@dataclass(frozen=True)
class World:
    """N institutions, a coordinator and a collector, with all keys made."""

    size: int
    identities: dict[Party, IdentityKey]
    keys: dict[Party, AgreementKey]
    descriptor: Descriptor

    def parts(self) -> dict[Party, Part[object]]:
        """Fresh parts; institution i contributes 2^i."""
        parts: dict[Party, Part[object]] = {
            COORDINATOR: pairwise.coordinate(self.descriptor, COLLECTOR),
            COLLECTOR: pairwise.collect(self.descriptor, COORDINATOR),
        }
        for i, me in enumerate(self.descriptor.institutions):
            x = Plain(encode(Ring.Z64, [1 << i]))
            own = Contributor(me, self.identities[me], OpenLedger(), SeededRandomness(f"part {me}"))
            parts[me] = pairwise.contribute(own, self.descriptor, COORDINATOR, COLLECTOR, x)
        return parts

    def run(self, network: Faults, manifest: bytes = b"this", notice: float | None = None) -> Simulated:
        """One session on this network."""
        roster = {party: key.public for party, key in self.keys.items()}
        session = open_session("pairwise sum", roster, manifest)
        return simulate(session, self.parts(), self.keys, network, LIMITS, notice)


@cache
def world(size: int) -> World:
    """The world of this many institutions."""
    names = [f"institution {i}" for i in range(size)]
    identities = {p: IdentityKey.generate(SeededRandomness(f"identity {p}")) for p in names}
    keys = {p: AgreementKey.generate(SeededRandomness(f"key {p}")) for p in [*names, COORDINATOR, COLLECTOR]}
    public = {p: key.public for p, key in identities.items()}
    descriptor = Descriptor(
        bytes(32), public, Ring.Z64, 1, 1 << size, default_threshold(size), 3, bytes(31) + bytes([size])
    )
    return World(size, identities, keys, descriptor)


@cache
def old_frames(size: int) -> dict[Party, list[bytes]]:
    """What each party was sent in an earlier session."""
    frames = world(size).run(Faults(0), manifest=b"an earlier one").frames
    return {p: [frame for _, _, receiver, frame in frames if receiver == p] for p in world(size).keys}


class Schedule(Faults):
    """Faults that also replay frames of an earlier session."""

    def __init__(self, size: int, replay_old: float, **faults: object) -> None:
        super().__init__(**faults)  # type: ignore[arg-type]
        self._old, self._replay_old = old_frames(size), replay_old

    def carry(self, source: Party, destination: Party, frame: bytes, now: float) -> list[Arrival]:
        """As `Faults`, and now and then something old besides."""
        arrivals = Faults.carry(self, source, destination, frame, now)
        if self._replay_old and self._draw.random() < self._replay_old:
            arrivals.append((self._draw.random(), self._draw.choice(self._old[destination])))
        return arrivals


@dataclass
class Drawn:
    """What one seed says: how many institutions, which faults, and after how long a death is noticed."""

    seed: int
    size: int
    kinds: frozenset[str]
    notice: float | None
    victims: tuple[Party, ...] = ()
    network: Schedule = field(init=False)

    def __str__(self) -> str:
        kinds = ", ".join(sorted(self.kinds)) or "none"
        return f"seed {self.seed}: {self.size} institutions; faults: {kinds}; killed: {self.victims}"


def draw(seed: int, without: frozenset[str] = frozenset()) -> Drawn:
    """The schedule of this seed; `without` switches kinds off, to shrink a failure.

    Every number is drawn whether it is used or not, so that switching one kind off leaves the others as they were.
    """
    r = random.Random(f"schedule {seed}")
    size = r.randint(4, 6)
    kinds = frozenset(kind for kind in (*CURABLE, *INCURABLE) if r.random() < 0.25) - without
    rates = {kind: r.choice((0.02, 0.1, 0.3)) for kind in ("drop", "duplicate", "reorder", "replay")}
    corrupt, delay = r.choice((0.005, 0.02, 0.1)), r.choice((0.01, 0.1, 1.0))
    institutions = [f"institution {i}" for i in range(size)]
    everybody = [*institutions, COORDINATOR, COLLECTOR]
    blink = (*r.sample(everybody, 2), r.random() * 0.02, r.uniform(0.1, 8.0))
    partition = (r.choice(institutions), r.choice((COORDINATOR, COLLECTOR)), r.random() * 0.02, r.choice((30.0, 1e9)))
    victims = r.sample(everybody, r.choice((1, 1, 1, 2)))
    kill = {v: (r.randrange(14 if v in institutions else 6 * size), r.choice(("before", "after"))) for v in victims}
    notice = r.choice((None, 0.05, 5.0))
    drawn = Drawn(seed, size, kinds, notice, tuple(victims) if "kill" in kinds else ())
    on = {kind: rate for kind, rate in rates.items() if kind in kinds}
    drawn.network = Schedule(
        size,
        on.get("replay", 0.0),
        seed=seed,
        corrupt=corrupt if "corrupt" in kinds else 0.0,
        delay=delay if "delay" in kinds else 0.0,
        kill=kill if "kill" in kinds else {},
        partitions=tuple(w for kind, w in (("blink", blink), ("partition", partition)) if kind in kinds),
        **on,
    )
    return drawn


def run(drawn: Drawn) -> Simulated:
    """The run of a schedule."""
    return world(drawn.size).run(drawn.network, notice=drawn.notice)


def legal_codes(drawn: Drawn) -> set[AbortCode]:
    """How a party may end without a value. Nobody lies and nobody has a bug, so CONSISTENCY, POLICY, INTERNAL never."""
    codes: set[AbortCode] = set()
    if drawn.kinds & {"kill", "partition"}:
        codes |= {AbortCode.PEER_LOST, AbortCode.DEADLINE}
    if "corrupt" in drawn.kinds:
        codes |= {AbortCode.BAD_FRAME, AbortCode.DEADLINE}
    return codes


def complaint(drawn: Drawn, simulated: Simulated) -> str | None:
    """What is wrong with a run, or None."""
    names = world(drawn.size).descriptor.institutions
    legal = legal_codes(drawn)
    if simulated.seconds > LIMITS.session_seconds:
        return f"it took {simulated.seconds} seconds"
    sets: set[tuple[Party, ...]] = set()
    for party, outcome in simulated.outcomes.items():
        if outcome.error is not None:
            if outcome.error.code not in legal and party not in drawn.victims:
                return f"'{party}' ended with {outcome.error.code.name}: {outcome.error}"
            continue
        sets.add(_included(outcome))
    if len(sets) > 1:
        return f"results of different sets: {sets}"
    if not drawn.kinds & set(INCURABLE) and sets != {names}:
        return f"curable faults only, and yet not all are in the total: {sets}"
    collected = simulated.outcomes[COLLECTOR]
    if drawn.kinds & set(INCURABLE) == {"kill"} and len(drawn.victims) == 1 and drawn.victims[0] in names:
        if collected.error is not None:
            return f"one institution died, which the protocol bears, and yet: {collected.error}"
        if not set(names) - set(drawn.victims) <= set(collected.value[0].included):
            return f"one institution died, and the total is only of {collected.value[0].included}"
    if collected.error is None:
        survivors, total = collected.value
        exact = sum(1 << names.index(v) for v in survivors.included)
        if len(survivors.included) < world(drawn.size).descriptor.quorum or total.tolist() != [exact]:
            return f"the total of {survivors.included} is {total.tolist()}, not {exact}"
    return _reused_number(simulated)


def _included(outcome: Outcome) -> tuple[Party, ...]:
    value = outcome.value
    if isinstance(value, Survivors):
        return value.included
    return value if isinstance(value[0], str) else value[0].included


def _reused_number(simulated: Simulated) -> str | None:
    """Two different frames sealed under one key and nonce, if there are."""
    sealed: dict[tuple[Party, Party, bool, int], bytes] = {}
    for frame in {frame for *_, frame in simulated.frames}:
        length = int.from_bytes(frame[:2])
        _, _, source, destination, sequence, kind, *_ = msgpack.unpackb(frame[2 : 2 + length])
        if sealed.setdefault((source, destination, kind == DATA, sequence), frame) != frame:
            return f"'{source}' sealed two frames for '{destination}' under number {sequence}"
    return None


def judge(seed: int, without: frozenset[str] = frozenset()) -> str | None:
    """What is wrong with the run of this seed, or None."""
    drawn = draw(seed, without)
    try:
        return complaint(drawn, run(drawn))
    except InternalFault as fault:  # a deadline is missing, or the parties go on for ever
        return str(fault)


def explain(seed: int) -> str:
    """A failing seed with as few kinds of faults as still fail, for the report of a test."""
    without: frozenset[str] = frozenset()
    for kind in sorted(draw(seed).kinds):
        if judge(seed, without | {kind}) is not None:
            without |= {kind}
    return f"{draw(seed, without)}: {judge(seed, without)}"


@pytest.fixture(scope="module")
def remembered_curves():
    """Signatures and key agreements are functions: what was computed once in this module is remembered."""
    agree, verify, sign = AgreementKey.agree, pairwise_keys.verify, IdentityKey.sign

    @lru_cache(1 << 16)
    def agreed(mine: bytes, theirs: bytes, salt: bytes, info: bytes) -> bytes:
        return agree(AgreementKey.from_private_bytes(mine), theirs, salt, info)

    signed = lru_cache(1 << 16)(lambda key, label, message: sign(key, label, message))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            AgreementKey, "agree", lambda key, *given: agreed(key.unchecked_private_bytes(), *map(bytes, given))
        )
        patch.setattr(IdentityKey, "sign", lambda key, *given: signed(key, *given))
        patch.setattr(pairwise_keys, "verify", lru_cache(1 << 16)(verify))
        yield
