"""What every fabric offers, and what it needs of a party: the border between questions and the machinery under them.

A participant is one party's own software. It answers a closed list of requests (the control plane: plain data in, plain
data out) and writes its part of a session from the session's manifest. A fabric makes participants where they are to
live, carries requests to them, and runs sessions between them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from securecompute import errors
from securecompute.engine.rounds import Part, Party
from securecompute.engine.runner import Outcome, Traffic
from securecompute.errors import AbortCode, InternalFault, SecureComputeError

Progress = Callable[[str], None]

SINGLE_DOMAIN: Final = "single-domain"


class Participant(Protocol):
    """One party's own software."""

    def answer(self, request: str, payload: Any) -> Any:
        """Plain data for plain data: None, bool, int, float, str, bytes, lists, string-keyed dicts.

        raises   SecureComputeError  with a text that may be shown to whoever asked
        """

    def part(self, manifest: bytes) -> Part[Any]:
        """This party's part of the session with that manifest; what it returns is plain data.

        raises   SecureComputeError  the manifest is not one to take part in
        """


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make a participant where it is to live: a class or function, and plain arguments for it."""

    make: Callable[..., Participant]
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a session: its id, each party's outcome, and the seconds that it took."""

    session: bytes
    outcomes: Mapping[Party, Outcome]
    seconds: float


class Fabric(Protocol):
    """Parties, and a way to talk to them and to let them talk to each other."""

    name: str
    trust: str

    @property
    def parties(self) -> Sequence[Party]:
        """All parties, dead ones included."""

    def ask(self, party: Party, request: str, payload: Any = None) -> Any:
        """One participant's answer.

        raises   SecureComputeError  what the participant raised; PeerLost if it is gone
        """

    def ask_all(self, parties: Sequence[Party], request: str, payload: Any = None) -> dict[Party, Any]:
        """Several participants' answers, asked at the same time; an error takes the place of an answer."""

    def run(self, protocol: str, parties: Sequence[Party], manifest: bytes, progress: Progress | None = None) -> Run:
        """Run one session between these parties, once. A party that dies gets a PeerLost outcome."""

    def kill(self, party: Party) -> None:
        """End a party's process without warning, for demonstrations and tests."""

    def close(self) -> None:
        """End all parties. May be called twice."""


def part_of(participant: Participant, manifest: bytes) -> Part[Any]:
    """The participant's part, written when it is first resumed: a refusal then ends it as any error of a part does."""
    return (yield from participant.part(manifest))


def pack_error(error: SecureComputeError) -> list[str]:
    """An error as plain data: the nearest kind of the tree, and its text."""
    kind = next(c for c in type(error).__mro__ if getattr(errors, c.__name__, None) is c)
    return [kind.__name__, str(error)]


def unpack_error(plain: Sequence[str]) -> SecureComputeError:
    """The error that `pack_error` packed; a kind that does not exist is an InternalFault."""
    kind = getattr(errors, plain[0], None)
    if isinstance(kind, type) and issubclass(kind, SecureComputeError):
        return kind(plain[1])
    return InternalFault(plain[1])


def pack_outcome(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain data."""
    traffic = outcome.traffic
    return {
        "value": outcome.value,
        "error": None if outcome.error is None else pack_error(outcome.error),
        "traffic": [traffic.rounds, traffic.sent, traffic.received, traffic.wire],
        "step": outcome.step,
        "missing": {party: code.name for party, code in outcome.missing.items()},
        "echo": outcome.echo,
    }


def unpack_outcome(plain: Mapping[str, Any]) -> Outcome:
    """The outcome that `pack_outcome` packed."""
    error = None if plain["error"] is None else unpack_error(plain["error"])
    missing = {party: AbortCode[code] for party, code in plain["missing"].items()}
    return Outcome(plain["value"], error, Traffic(*plain["traffic"]), plain["step"], missing, plain["echo"])
