"""The two parties beside the institutions: who drives a computation, and who its result is revealed to.

The coordinator turns a question into a manifest and adds masked or encrypted vectors; it sees no record, share or
number. The collector takes the masks off the total, or decrypts it, holds it against the rules, and gives out only what
the gate lets through. They are two processes so that the coordinator, who knows everybody, knows no result. Of a masked
sum the two together could do no more than the collector alone; of one under a key they read every institution's vector.
"""

from collections.abc import Mapping
from typing import Any

from securecompute.analyses.question import Question
from securecompute.computing import pack
from securecompute.disclosure.gate import release
from securecompute.disclosure.rules import Rules
from securecompute.engine.fabric import Run
from securecompute.engine.rounds import Part, Party
from securecompute.engine.wire import contents
from securecompute.errors import InternalFault, InvalidRequest, PeerMisbehaved, SecureComputeError
from securecompute.list_manifest import ListManifest
from securecompute.manifest import Enrolment, Manifest
from securecompute.primitives.randomness import Randomness, SystemRandomness
from securecompute.program_manifest import ProgramManifest, is_program
from securecompute.programs.execution import take_part
from securecompute.programs.program import Program
from securecompute.protocols.sums.interface import Survivors, make_key, protocol_of
from securecompute.protocols.sums.settings import Choice, Lattice, Paillier, Setting
from securecompute.values import Secret

COORDINATOR, COLLECTOR = "coordinator", "collector"
MOST_REFUSALS = 8  # totals under one key that the collector finds wrong before it gives the key up


class Coordinator:
    """Proposes computations and drives them."""

    def __init__(self, randomness: Randomness | None = None, keep_view: bool = False) -> None:
        """keep_view   remember the last masked vectors, so that people can be shown what a coordinator sees"""
        self._keep_view = keep_view
        self._view: dict[Party, bytes] = {}
        self._randomness = randomness or SystemRandomness()
        self._enrolment: Enrolment | None = None
        self._rules = Rules()

    def answer(self, request: str, payload: Any) -> Any:
        """`enrol` with the network's rules, `propose` a question, program or list for its manifest, or show the `view`.

        raises   SecureComputeError
        """
        if request == "enrol":
            self._enrolment = Enrolment.from_plain(payload["enrolment"])
            self._rules = Rules.from_plain(payload["rules"])
            return None
        if request == "propose":
            manifest = Manifest(Question.from_plain(payload), _formed(self._enrolment), self._rules, self._nonce())
            checked = Manifest.decode(manifest.encode(), manifest.enrolment)
            checked.respects(self._rules)
            checked.descriptor.hash()  # refuses what no sum can answer
            return checked.encode()
        if request == "propose program":
            program, asked = Program.from_plain(payload["program"]), payload["question"]
            question = None if asked is None else Question.from_plain(asked)
            enrolment = _formed(self._enrolment)
            proposed = ProgramManifest(program, enrolment, self._rules, self._nonce(), question).encode()
            ProgramManifest.decode(proposed, _formed(self._enrolment))
            return proposed
        if request == "propose list":
            return ListManifest.of(payload, _formed(self._enrolment), self._nonce()).encode()
        if request == "view":
            return self._view
        raise InvalidRequest(f"a coordinator is not asked '{request}'")

    def part(self, manifest: bytes) -> Part[dict[str, Any]]:
        """The coordinator's part of a session."""
        return self._coordinate(Manifest.decode(manifest, _formed(self._enrolment)))

    def _coordinate(self, manifest: Manifest) -> Part[dict[str, Any]]:
        descriptor = manifest.descriptor
        part = protocol_of(descriptor).coordinate(descriptor, manifest.enrolment.collector)
        survivors = yield from self._watched(part) if self._keep_view else part
        return {"included": list(survivors.included)}

    def _watched(self, part: Part[Survivors]) -> Part[Survivors]:
        """The same part, keeping the bytes of every hidden vector that it receives."""
        following = next(part)
        while True:
            inbox = yield following
            if hidden := {party: y for party, message in inbox.items() if (y := _hidden(message)) is not None}:
                self._view = {party: contents(y) for party, y in hidden.items()}
            try:
                following = part.send(inbox)
            except StopIteration as stop:
                survivors: Survivors = stop.value
                return survivors

    def _nonce(self) -> bytes:
        return self._randomness.bytes(32)


class Collector:
    """Learns the total, and releases of it what may leave. Holds the key that totals are encrypted under, if any."""

    def __init__(self, randomness: Randomness | None = None) -> None:
        self._randomness = randomness or SystemRandomness()
        self._key: Any = None
        self._refused = 0
        self._setting: Setting | None = None
        self._enrolment: Enrolment | None = None

    def answer(self, request: str, payload: Any) -> Any:
        """Make a `key` for a way to add, once, and give the public one; `enrol`, under that key or under none.

        raises   SecureComputeError
        """
        if request == "key":
            if self._setting is not None:
                raise InvalidRequest("the collector has made its key already; form another network for another key")
            self._key, self._setting = make_key(Choice.parse(payload), self._randomness)
            return [self._setting.kind, self._setting.fields()]
        if request == "enrol":
            enrolment = Enrolment.from_plain(payload["enrolment"])
            if isinstance(enrolment.setting, Paillier | Lattice) and enrolment.setting != self._setting:
                raise InvalidRequest("the enrolment names a public key that is not the collector's")
            self._enrolment = enrolment
            return None
        raise InvalidRequest(f"a collector is not asked '{request}'")

    def part(self, manifest: bytes) -> Part[dict[str, Any]]:
        """The collector's part of a session: returns released entries, None where hidden, or what a program shows."""
        enrolment = _formed(self._enrolment)
        if is_program(manifest):
            return self._shown(ProgramManifest.decode(manifest, enrolment))
        return self._collect(Manifest.decode(manifest, enrolment))

    def _shown(self, manifest: ProgramManifest) -> Part[dict[str, Any]]:
        enrolment = manifest.enrolment
        part = take_part(enrolment.collector, enrolment.compute, manifest.plan, {}, manifest.session, self._randomness)
        shown = yield from part
        return {"shown": {str(k): pack(x) for k, x in shown.items()}}

    def _collect(self, manifest: Manifest) -> Part[dict[str, Any]]:
        """As `_released`, for as long as few totals under the key were refused: each tells whoever made it one bit."""
        if self._key is not None and self._refused >= MOST_REFUSALS:
            raise InvalidRequest(
                "too many totals under the collector's key could not be right, and each of them may tell of an "
                "institution's numbers. Find out who sent them, and form the network anew"
            )
        try:
            return (yield from self._released(manifest))
        except PeerMisbehaved:
            self._refused += 1
            raise

    def _released(self, manifest: Manifest) -> Part[dict[str, Any]]:
        descriptor, coordinator = manifest.descriptor, manifest.enrolment.coordinator
        survivors, total = yield from protocol_of(descriptor).collect(descriptor, coordinator, self._key)
        manifest.rules.permits_institutions(len(survivors.included))
        totals = manifest.totals(total, len(survivors.included))
        released = release(manifest.layout, totals, manifest.rules)
        entries = [None if entry is None else str(entry) for entry in released.entries]  # beyond 64 bits, so as text
        return {"included": list(survivors.included), "entries": entries}


def _formed(enrolment: Enrolment | None) -> Enrolment:
    if enrolment is None:
        raise InvalidRequest("the network is not formed yet")
    return enrolment


def _hidden(message: Any) -> Secret | None:
    """The first masked or encrypted vector in a message."""
    if isinstance(message, Secret):
        return message
    parts = message if isinstance(message, tuple) else ()
    return next((found for part in parts if (found := _hidden(part)) is not None), None)


def answers(given: Mapping[Party, Any]) -> Mapping[Party, Any]:
    """What parties answered, if none of it is an error; several errors of one kind become one text."""
    errors = [each for each in given.values() if isinstance(each, SecureComputeError)]
    if errors:
        texts = dict.fromkeys(str(error) for error in errors)
        raise type(errors[0])("\n".join(texts))
    return given


def cause(run: Run) -> SecureComputeError:
    """The error of a run that explains the others.

    One that merely repeats that another party ended comes last, a party that is gone before it, and of the others the
    coordinator's first, since it saw everybody.
    """
    order = [COORDINATOR, COLLECTOR, *(p for p in run.outcomes if p not in (COORDINATOR, COLLECTOR))]
    failed = [run.outcomes[party] for party in order if party in run.outcomes and run.outcomes[party].error is not None]
    failed.sort(key=lambda outcome: (outcome.echo, outcome.traffic.rounds == 0))
    error = failed[0].error if failed else None
    return error if error is not None else InternalFault("a session failed and nobody says why")
