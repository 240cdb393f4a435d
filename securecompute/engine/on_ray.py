"""The fabric on Ray: one async actor per party. With `ray_cluster` the only file that knows Ray.

Settings, each against a trap: no restarts and no retries, for a repeated step would mask twice; one concurrency group,
for several would have several event loops; no exception leaves an actor, for Ray carries its values along, so an answer
is ["ok", bytes] or ["error", kind, text]; constructor arguments are kept by Ray, so records are loaded in the actor.

Security   One Ray cluster is one trust domain: whoever may submit work to it, administers it or is root on one of its
           machines can read every party's records, keys and shares. Frames are sealed all the same, so nothing that
           Ray stores or spills is in clear. Results carry trust = "single-domain".
"""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgpack
import ray
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from securecompute.engine.fabric import (
    SINGLE_DOMAIN,
    Participant,
    Progress,
    Recipe,
    Run,
    pack_error,
    pack_outcome,
    unpack_error,
    unpack_outcome,
)
from securecompute.engine.hosts import Host
from securecompute.engine.ray_cluster import SOCKETS, RayCluster, check_labels, choose_carrier
from securecompute.engine.rounds import Party
from securecompute.engine.runner import Limits, Outcome, Traffic
from securecompute.engine.session import open_session
from securecompute.engine.sockets import SocketCarrier
from securecompute.errors import InternalFault, InvalidRequest, PeerLost, PeerSilent, SecureComputeError

ANSWER_SECONDS: Final = 600.0  # that a participant may take over one request
Reply = list[Any]


class _PartyActor:
    """One party's process."""

    def __init__(self, party: Party, limits: Limits) -> None:
        os.umask(0o077)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self._party, self._limits = party, limits
        self._host: Host | None = None
        self._peers: dict[Party, ActorHandle[Any]] = {}
        self._sockets: SocketCarrier | None = None

    async def make(self, recipe: Recipe) -> Reply:
        """Make the participant; reply with the party's public key and the node that it lives on."""
        try:
            participant = await asyncio.to_thread(_make, recipe)
        except SecureComputeError as error:
            return ["error", *pack_error(error)]
        except Exception as fault:  # the border: its text may hold values
            return ["error", *pack_error(_unforeseen(fault, "while it was made"))]
        self._host = Host(self._party, participant, self._limits, self._carry)
        return ["ok", msgpack.packb([self._host.public, ray.get_runtime_context().get_node_id()])]

    async def connect(
        self, peers: dict[Party, ActorHandle[Any]], folder: str | None, number: int, numbers: dict[Party, int]
    ) -> Reply:
        """Learn how to reach the others: by calls, or by sockets in that folder."""
        self._peers = peers
        if folder is None:
            return ["ok", None]
        self._sockets = SocketCarrier(number, numbers, Path(folder), self._made.deliver)
        try:
            await self._sockets.listen()
        except OSError as error:  # the cluster's workers run as another user, or in a container
            refused = (
                f"'{self._party}' cannot open a socket beside you ({type(error).__name__}): place with carrier='calls'"
            )
            return ["error", *pack_error(InvalidRequest(refused))]
        return ["ok", None]

    async def answer(self, request: str, payload: bytes) -> Reply:
        """The participant's answer to a request."""
        try:
            plain = msgpack.unpackb(payload, strict_map_key=False)
            answer = await asyncio.to_thread(self._made.participant.answer, request, plain)
            return ["ok", msgpack.packb(answer)]
        except SecureComputeError as error:
            return ["error", *pack_error(error)]
        except Exception as fault:  # the border, as above
            return ["error", *pack_error(_unforeseen(fault, f"in '{request}'"))]

    async def begin(self, protocol: str, roster: dict[Party, bytes], manifest: bytes) -> Reply:
        """Begin a session."""
        try:
            return ["ok", self._made.begin(protocol, roster, manifest)]
        except SecureComputeError as error:
            return ["error", *pack_error(error)]

    async def run(self, session_id: bytes) -> Reply:
        """Run this party's part of it to its outcome."""
        outcome = await self._made.run(session_id)
        try:
            return ["ok", msgpack.packb(pack_outcome(outcome))]
        except (TypeError, ValueError, OverflowError):
            return [
                "error",
                *pack_error(InternalFault(f"'{self._party}': a part returned something that is not plain data")),
            ]

    async def deliver(self, frames: list[bytes]) -> None:
        """Take in frames that another actor carried here."""
        for frame in frames:
            self._made.deliver(frame)

    async def lose(self, session_id: bytes, party: Party) -> None:
        """A party of the session is gone."""
        self._made.lose(session_id, party)

    async def step(self, session_id: bytes) -> str:
        """What the session is doing."""
        return self._made.step(session_id)

    async def pid(self) -> int:
        """This process's number."""
        return os.getpid()

    @property
    def _made(self) -> Host:
        if self._host is None:
            raise InternalFault(f"'{self._party}' was asked before it was made")
        return self._host

    async def _carry(self, party: Party, frames: list[bytes]) -> None:
        if self._sockets is not None:
            await self._sockets.carry(party, frames)
        elif party in self._peers:
            self._peers[party].deliver.remote(frames)


class _NoPandas:
    """Finds no pandas, which Arrow would load at its first use, a second and 40 MB in each process, to recognise data
    frames. A party on Ray is handed none, and what Arrow does not find the first time it does not look for again."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Nothing, or an ImportError for pandas."""
        if name == "pandas":
            raise ImportError(name)


def _make(recipe: Recipe) -> Participant:
    sys.meta_path.insert(0, _NoPandas)
    try:
        return recipe.make(**recipe.arguments)
    finally:
        sys.meta_path.remove(_NoPandas)


def _unforeseen(fault: Exception, where: str) -> InternalFault:
    return InternalFault(f"{type(fault).__name__} {where}; its text stays unsaid because it may hold values")


@dataclass(frozen=True, slots=True)
class Placement:
    """Where parties' actors are to live.

    cluster   address of a running cluster ("auto", "host:port"); None: a private one on this machine
    labels    party -> node labels that its node must have, e.g. {"institution": "Indiana"}
    carrier   "sockets" or "calls"; None: sockets if all parties live on this node
    """

    cluster: str | None = None
    labels: Mapping[Party, Mapping[str, str]] = field(default_factory=dict)
    carrier: str | None = None


class OnRay:
    """Parties as Ray actors."""

    name = "ray"
    trust = SINGLE_DOMAIN

    def __init__(
        self, recipes: Mapping[Party, Recipe], limits: Limits | None = None, placement: Placement | None = None
    ) -> None:
        """Start Ray, unless the placement names a running cluster, and make the participants in their actors.

        raises   SecureComputeError  what a participant raises while it is made; several in one text
                 InvalidRequest      Ray runs in this process and the placement does not name its cluster
        """
        placement = placement or Placement()
        self._ray = RayCluster(placement.cluster, len(recipes))
        self._actors: dict[Party, ActorHandle[Any]] = {}
        try:
            self._start(recipes, limits or Limits(), placement)
        except BaseException:
            self.close()
            raise

    def _start(self, recipes: Mapping[Party, Recipe], limits: Limits, placement: Placement) -> None:
        check_labels({party: placement.labels.get(party, {}) for party in recipes})
        remote: Any = ray.remote(max_restarts=0, max_task_retries=0, num_cpus=0)(_PartyActor)
        for party in recipes:
            labels = dict(placement.labels.get(party, {}))
            options = {"label_selector": labels} if labels else {}
            self._actors[party] = remote.options(**options).remote(party, limits)
        made = self._all("start", {p: self._actors[p].make.remote(r) for p, r in recipes.items()})
        unpacked = {party: msgpack.unpackb(reply) for party, reply in made.items()}
        self._keys: dict[Party, bytes] = {party: key for party, (key, _) in unpacked.items()}
        self.carrier = choose_carrier(placement.carrier, {node for _, node in unpacked.values()})
        folder = str(self._ray.folder()) if self.carrier == SOCKETS else None
        numbers = {party: number for number, party in enumerate(self._actors)}
        connecting = {p: a.connect.remote(self._actors, folder, numbers[p], numbers) for p, a in self._actors.items()}
        self._all("start", connecting)

    def _all(self, phase: str, references: Mapping[Party, Any]) -> dict[Party, Any]:
        """Everybody's reply; several errors of one kind become one text. raises SecureComputeError."""
        replies = self._gather(references, phase)
        failed = [error for error in replies.values() if isinstance(error, SecureComputeError)]
        if len(failed) == 1:
            raise failed[0]
        if failed:
            raise type(failed[0])("\n".join(map(str, failed)))
        return replies

    @property
    def parties(self) -> Sequence[Party]:
        """All parties, dead ones included."""
        return tuple(self._actors)

    def ask(self, party: Party, request: str, payload: Any = None) -> Any:
        """One participant's answer. raises SecureComputeError, as `Fabric.ask`."""
        answer = self.ask_all([party], request, payload)[party]
        if isinstance(answer, SecureComputeError):
            raise answer
        return answer

    def ask_all(self, parties: Sequence[Party], request: str, payload: Any = None) -> dict[Party, Any]:
        """Several participants' answers, at the same time; an error takes the place of an answer."""
        packed = msgpack.packb(payload)
        replies = self._gather({p: self._actors[p].answer.remote(request, packed) for p in parties}, f"'{request}'")
        return {p: r if isinstance(r, SecureComputeError) else msgpack.unpackb(r) for p, r in replies.items()}

    def run(self, protocol: str, parties: Sequence[Party], manifest: bytes, progress: Progress | None = None) -> Run:
        """Run one session. A party that dies is reported to the others at once.

        raises   InvalidRequest  the session ran before
        """
        begun = time.perf_counter()
        roster = {party: self._keys[party] for party in parties}
        session = open_session(protocol, roster, manifest)
        begins = self._gather({p: self._actors[p].begin.remote(protocol, roster, manifest) for p in parties}, "begin")
        for error in begins.values():
            if isinstance(error, SecureComputeError) and not isinstance(error, PeerLost):
                raise error
        outcomes = {p: _failed(error) for p, error in begins.items() if isinstance(error, SecureComputeError)}
        waiting: dict[Any, Party] = {self._actors[p].run.remote(session.id): p for p in parties if p not in outcomes}
        for party in outcomes:
            self._tell(party, session.id, list(waiting.values()))
        while waiting:
            done, _ = ray.wait(list(waiting), timeout=0.5)
            for reference in done:
                party = waiting.pop(reference)
                reply = self._gather({party: reference}, f"{protocol}")[party]
                lost = isinstance(reply, SecureComputeError)
                outcomes[party] = _failed(reply) if lost else unpack_outcome(msgpack.unpackb(reply))
                if isinstance(reply, PeerLost):
                    self._tell(party, session.id, list(waiting.values()))
            if progress is not None and waiting:
                self._report(progress, session.id, parties[-1])
        return Run(session.id, outcomes, time.perf_counter() - begun)

    def kill(self, party: Party) -> None:
        """End a party's process with SIGKILL; it is gone when this returns."""
        ray.kill(self._actors[party], no_restart=True)
        with suppress(RayActorError):
            while True:  # Ray only sends the signal
                self.pid(party)

    def pid(self, party: Party) -> int:
        """The number of a party's process on its node."""
        reference: Any = self._actors[party].pid.remote()
        return int(ray.get(reference))

    def close(self) -> None:
        """End the actors, and Ray if it was started here."""
        for actor in self._actors.values():
            ray.kill(actor, no_restart=True)
        self._actors = {}
        self._ray.close()

    # ---- inside

    def _tell(self, lost: Party, session_id: bytes, others: Sequence[Party]) -> None:
        for other in others:
            self._actors[other].lose.remote(session_id, lost)

    def _report(self, progress: Progress, session_id: bytes, party: Party) -> None:
        try:
            reference: Any = self._actors[party].step.remote(session_id)
            progress(str(ray.get(reference, timeout=0.5)))
        except (RayError, GetTimeoutError):
            return

    def _gather(self, references: Mapping[Party, Any], phase: str) -> dict[Party, Any]:
        """Each party's reply, or the error that takes its place."""
        replies: dict[Party, Any] = {}
        for party, reference in references.items():
            try:
                status, *rest = ray.get(reference, timeout=ANSWER_SECONDS)
                replies[party] = rest[0] if status == "ok" else unpack_error(rest)
            except RayActorError as died:
                replies[party] = PeerLost(
                    f"'{party}' is gone: {_cause(died)} during {phase}. Start the network anew, "
                    "or ask what does not need it"
                )
            except GetTimeoutError:
                replies[party] = PeerSilent(f"'{party}' did not answer during {phase} within {ANSWER_SECONDS:.0f} s")
            except RayError as error:
                replies[party] = InternalFault(f"'{party}' failed during {phase}: {type(error).__name__}")
        return replies


def _failed(error: SecureComputeError) -> Outcome:
    return Outcome(None, error, Traffic(), "", {})


def _cause(died: RayActorError) -> str:
    """Ray's report of a death in a few words; its own text names hosts, files and numbers."""
    text = str(died)
    if "creation task" in text:
        return "the same version of securecompute is not installed where it was to live,"
    if "ray.kill" in text:
        return "its process was ended"
    if "its node has died" in text:
        return "its machine was lost"
    return "its process ended without warning, killed or out of memory,"
