"""Parties in this process on a network made of an event heap and a virtual clock.

Sealing, codec, windows, acknowledgements, deadlines: everything that a real fabric uses is real. Only the sockets, the
clock and what the network does to frames are made, from a seed, so a failing run can be had again. Hours pass in
milliseconds.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from securecompute.engine.faults import Faultless, Network
from securecompute.engine.rounds import Message, Part, Party, private_copy
from securecompute.engine.runner import Limits, Outcome, Runner
from securecompute.engine.session import Session
from securecompute.errors import InternalFault, PeerLost
from securecompute.primitives.keys import AgreementKey

EVENTS_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of a run.

    outcomes   party -> its outcome; one that was killed has a PeerLost error
    seconds    virtual time that passed until the last outcome
    frames     (time, source, destination, frame) of all that was put on the network, for tests of what is seen there
    views      party -> {(round, sender): message}
    """

    outcomes: dict[Party, Outcome]
    seconds: float
    frames: list[tuple[float, Party, Party, bytes]]
    views: dict[Party, dict[tuple[int, Party], Message]]


def simulate(
    session: Session,
    parts: Mapping[Party, Part[Any]],
    keys: Mapping[Party, AgreementKey],
    network: Network | None = None,
    limits: Limits | None = None,
    death_noticed_after: float | None = None,
    gone: Sequence[Party] = (),
) -> Simulated:
    """Run all parts of a session to their outcomes.

    death_noticed_after   seconds after which the others are told that a party died; None: only their deadlines tell
    gone                  parties of the roster that have no part, as everybody is told at the beginning
    raises                InternalFault  the parties go on for ever without getting anywhere
    """
    run = _Run(session, parts, keys, network or Faultless(), limits or Limits(), death_noticed_after)
    for party in gone:
        run.tell_of(party, 0.0)
    return run.run()


class _Run:
    def __init__(
        self,
        session: Session,
        parts: Mapping[Party, Part[Any]],
        keys: Mapping[Party, AgreementKey],
        network: Network,
        limits: Limits,
        death_noticed_after: float | None,
    ) -> None:
        self.network, self.notice = network, death_noticed_after
        self.views: dict[Party, dict[tuple[int, Party], Message]] = {party: {} for party in parts}
        self.runners = {
            party: Runner(party, part, session, keys[party], limits, 0.0, self._observer(party))
            for party, part in parts.items()
        }
        self.frames: list[tuple[float, Party, Party, bytes]] = []
        self.sent = dict.fromkeys(parts, 0)
        self.dead: dict[Party, Outcome] = {}
        self.events: list[tuple[float, int, Party, bytes | Party | None]] = []  # time, number, receiver, what
        self.number = 0
        self.woken: dict[Party, float] = {}

    def _observer(self, party: Party) -> Any:
        return lambda number, sender, message: self.views[party].__setitem__((number, sender), private_copy(message))

    def run(self) -> Simulated:
        for party in self.runners:
            self._attend(party, 0.0)
        finished = 0.0
        for _ in range(EVENTS_MOST):
            if not self.events or self._all_quiet():
                break
            now, _, party, what = heapq.heappop(self.events)
            if party in self.dead or party not in self.runners:
                continue
            runner = self.runners[party]
            running = runner.outcome is None
            if isinstance(what, bytes):
                runner.receive(what, now)
            elif what is not None:
                runner.lose(what, now)
            elif self.woken.get(party) == now:
                del self.woken[party]
            self._attend(party, now)
            finished = now if running and runner.outcome is not None else finished
        else:
            raise InternalFault(f"{EVENTS_MOST} events and no end: the parties answer each other for ever")
        outcomes = {p: self.dead.get(p) or self._outcome(r) for p, r in self.runners.items()}
        return Simulated(outcomes, finished, self.frames, self.views)

    def _outcome(self, runner: Runner) -> Outcome:
        if runner.outcome is None:
            raise InternalFault(f"'{runner.me}' waits and nothing will ever come: a deadline is missing")
        return runner.outcome

    def _all_quiet(self) -> bool:
        return all(p in self.dead or r.drained for p, r in self.runners.items())

    def _at(self, time: float, party: Party, what: bytes | Party | None) -> None:
        self.number += 1
        heapq.heappush(self.events, (time, self.number, party, what))

    def _attend(self, party: Party, now: float) -> None:
        """Let a party do all it can now, carry what it sends, and come back when it asks."""
        runner = self.runners[party]
        runner.tick(now)
        runner.run_ready(now)
        for receiver, frame in runner.outgoing(now):
            if self.network.dies(party, self.sent[party]):
                self._die(party, now)
                return
            self.sent[party] += 1
            self.frames.append((now, party, receiver, frame))
            for after, arriving in self.network.carry(party, receiver, frame, now):
                self._at(now + after, receiver, arriving)
        if self.network.dies(party, self.sent[party]):
            self._die(party, now)
            return
        due = runner.due()
        if runner.closed_at is not None and (due is None or due > runner.closed_at):
            return
        if due is not None and (party not in self.woken or due < self.woken[party]):
            self.woken[party] = max(due, now)
            self._at(self.woken[party], party, None)

    def _die(self, party: Party, now: float) -> None:
        runner = self.runners[party]
        error = PeerLost(f"{runner.session}: the process of '{party}' ended")
        if runner.outcome is None:
            self.dead[party] = Outcome(None, error, runner.traffic, "", {})
        else:
            self.dead[party] = runner.outcome
        if self.notice is not None:
            self.tell_of(party, now + self.notice)

    def tell_of(self, party: Party, when: float) -> None:
        """Let everybody else know, at that time, that a party is gone."""
        for other in self.runners:
            if other != party:
                self._at(when, other, party)
