"""The fabric without processes: participants are objects here, sessions run on the simulated network.

For tests, for teaching, and for a look at a question before a cluster is started. Everything between the parties is as
real as `simulated` makes it: sealed frames, codec, deadlines.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from securecompute.engine.fabric import SINGLE_DOMAIN, Participant, Progress, Recipe, Run, part_of
from securecompute.engine.faults import Network
from securecompute.engine.rounds import Message, Party
from securecompute.engine.runner import Limits, Outcome, Traffic
from securecompute.engine.session import SessionsUsed, open_session
from securecompute.engine.simulated import simulate
from securecompute.errors import PeerLost, SecureComputeError
from securecompute.primitives.keys import AgreementKey
from securecompute.primitives.randomness import Randomness, SystemRandomness


class InProcess:
    """Parties in this process.

    network    what happens to frames and processes in the next session; None: nothing
    views      of the last session: party -> {(round, sender): message}
    """

    name = "in-process"
    trust = SINGLE_DOMAIN

    def __init__(
        self,
        recipes: Mapping[Party, Recipe],
        limits: Limits | None = None,
        network: Network | None = None,
        randomness: Randomness | None = None,
    ) -> None:
        """Make the participants.

        randomness   of the parties' keys; None: the system's
        raises       SecureComputeError  what a participant raises while it is made
        """
        draw = randomness or SystemRandomness()
        self._participants: dict[Party, Participant] = {p: r.make(**r.arguments) for p, r in recipes.items()}
        self._keys = {party: AgreementKey.generate(draw) for party in recipes}
        self._limits, self.network = limits or Limits(), network
        self._used = SessionsUsed()
        self._dead: set[Party] = set()
        self.views: dict[Party, dict[tuple[int, Party], Message]] = {}

    @property
    def parties(self) -> Sequence[Party]:
        """All parties, dead ones included."""
        return tuple(self._participants)

    def ask(self, party: Party, request: str, payload: Any = None) -> Any:
        """One participant's answer. raises SecureComputeError, as `Fabric.ask`."""
        if party in self._dead:
            raise PeerLost(
                f"'{party}' is gone: its process ended before it could answer '{request}'. Ask what does not need it"
            )
        return self._participants[party].answer(request, payload)

    def ask_all(self, parties: Sequence[Party], request: str, payload: Any = None) -> dict[Party, Any]:
        """Several participants' answers; an error takes the place of an answer."""
        answers: dict[Party, Any] = {}
        for party in parties:
            try:
                answers[party] = self.ask(party, request, payload)
            except SecureComputeError as error:
                answers[party] = error
        return answers

    def run(self, protocol: str, parties: Sequence[Party], manifest: bytes, progress: Progress | None = None) -> Run:
        """Run one session. Who was killed before takes no part; the others are told after a virtual tenth of a second.

        raises   InvalidRequest  the session ran before
        """
        begun = time.perf_counter()
        session = open_session(protocol, {p: self._keys[p].public for p in parties}, manifest)
        self._used.begin(session)
        parts = {p: part_of(self._participants[p], manifest) for p in parties if p not in self._dead}
        gone = [party for party in parties if party in self._dead]
        simulated = simulate(session, parts, self._keys, self.network, self._limits, 0.1, gone)
        self.views = simulated.views
        lost = {party: PeerLost(f"'{party}' is gone: its process ended before the session began") for party in gone}
        outcomes = {party: Outcome(None, error, Traffic(), "", {}) for party, error in lost.items()}
        return Run(session.id, outcomes | simulated.outcomes, time.perf_counter() - begun)

    def kill(self, party: Party) -> None:
        """From now on this party is dead."""
        self._dead.add(party)

    def close(self) -> None:
        """Nothing is left running."""
