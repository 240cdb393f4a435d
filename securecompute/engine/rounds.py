"""Protocols as conversations.

One party's part in a protocol is a generator: it yields a `Round` (what it sends, and the declared shape of what it
waits for), is resumed with what it waited for, and returns its output. A part opens no socket, calls no actor and
reads no clock, so the same text runs in a test, on Ray and over a link.

    inbox = yield Round(send={peer: key.public for peer in peers}, expect={peer: Bytes(32) for peer in peers})
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import BadFrame, InvalidRequest
from securecompute.values import Ciphertext, Masked, Plain, Secret, Share

Party: TypeAlias = str
T = TypeVar("T")

DTYPES = {"u1": np.uint8, "u2": np.uint16, "u4": np.uint32, "u8": np.uint64, "i8": np.int64, "f8": np.float64}
_CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
MAX_AXES = 8
_SENDABLE = (Share, Masked, Ciphertext)

Leaf: TypeAlias = tuple[str, tuple[int, ...]]  # dtype code ("b" for bytes), shape


@dataclass(frozen=True, slots=True)
class Bytes:
    """Exactly `size` bytes."""

    size: int

    @property
    def limit(self) -> int:
        """Most payload bytes that this can take."""
        return self.size

    def admits(self, message: object) -> bool:
        """Whether the message is what was declared."""
        return type(message) is bytes and len(message) == self.size

    def __str__(self) -> str:
        return f"{self.size} bytes"


@dataclass(frozen=True, slots=True)
class BytesUpTo:
    """At most `limit` bytes."""

    limit: int

    def admits(self, message: object) -> bool:
        """Whether the message is what was declared."""
        return type(message) is bytes and len(message) <= self.limit

    def __str__(self) -> str:
        return f"at most {self.limit} bytes"


@dataclass(frozen=True, slots=True)
class Array:
    """An array of this dtype and shape; wrapped in `holds` where it is a Share, Masked or Ciphertext value."""

    dtype: Any
    shape: tuple[int, ...]
    holds: type[Secret] | None = None
    code: str = field(init=False)
    limit: int = field(init=False)

    def __post_init__(self) -> None:
        dtype = np.dtype(self.dtype)
        if dtype not in _CODES:
            raise InvalidRequest(f"arrays of {dtype} do not travel; use one of {', '.join(map(str, _CODES))}")
        if self.holds is Plain:
            raise InvalidRequest("a Plain value never travels")
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "code", _CODES[dtype])
        object.__setattr__(self, "limit", dtype.itemsize * prod(self.shape))

    def admits(self, message: object) -> bool:
        """Whether the message is what was declared."""
        if self.holds is not None:
            if type(message) is not self.holds:
                return False
            message = message.elements
        return isinstance(message, np.ndarray) and message.dtype == self.dtype and message.shape == self.shape

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


@dataclass(frozen=True, slots=True)
class Several:
    """A tuple of messages."""

    parts: tuple["Spec", ...]

    @property
    def limit(self) -> int:
        """Most payload bytes that this can take."""
        return sum(part.limit for part in self.parts)

    def admits(self, message: object) -> bool:
        """Whether the message is what was declared."""
        return (
            type(message) is tuple
            and len(message) == len(self.parts)
            and all(part.admits(m) for part, m in zip(self.parts, message, strict=True))
        )

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.parts))})"


Spec: TypeAlias = Bytes | BytesUpTo | Array | Several
Message: TypeAlias = bytes | NDArray[Any] | Secret | tuple["Message", ...]
Inbox: TypeAlias = Mapping[Party, Any]


@dataclass(frozen=True, slots=True)
class Round:
    """What one party sends in a round, and what it waits for.

    send     receiver -> message
    expect   sender -> declared shape; the runner decodes against it
    quorum   go on, at the deadline or when the others are lost, with at least so many senders; None: all of them
    step     a word for people: what this round does ("advertise", "reveal")
    after    how many round deadlines the senders may themselves spend waiting before they can send
    work     seconds of computing that the senders declare beyond the usual
    """

    send: Mapping[Party, Message] = field(default_factory=dict)
    expect: Mapping[Party, Spec] = field(default_factory=dict)
    quorum: int | None = None
    step: str = ""
    after: int = 0
    work: float = 0.0


Part: TypeAlias = Generator[Round, Inbox, T]


def shape_of(message: Message) -> str:
    """A message's dtype and shape in words, never its contents."""
    if isinstance(message, tuple):
        return f"({', '.join(shape_of(part) for part in message)})"
    if isinstance(message, bytes):
        return f"{len(message)} bytes"
    array: object = message.elements if isinstance(message, Secret) else message
    return f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(message).__name__


def payload_bytes(message: Message) -> int:
    """Bytes of contents, without any header."""
    if isinstance(message, bytes):
        return len(message)
    if isinstance(message, np.ndarray):
        return message.nbytes
    if isinstance(message, tuple):
        return sum(map(payload_bytes, message))
    return message.elements.nbytes


def private_copy(message: Message) -> Message:
    """The same message, sharing no memory with it: what crossing a link does."""
    if isinstance(message, np.ndarray):
        return message.copy()
    if isinstance(message, bytes):
        return message
    if isinstance(message, tuple):
        return tuple(map(private_copy, message))
    return type(message)(message.elements.copy())


def check_sendable(receiver: Party, message: Message) -> None:
    """Refuse to send what may not travel.

    raises   InvalidRequest  the message is a Plain value, or not of a kind that the codec knows
    """
    if isinstance(message, bytes) or _travels(message):
        return
    if isinstance(message, tuple):
        for part in message:
            check_sendable(receiver, part)
        return
    if isinstance(message, Plain):
        raise InvalidRequest(f"a Plain value was about to go to '{receiver}'; mask, share or encrypt it first")
    array: object = message.elements if isinstance(message, _SENDABLE) else message
    if not isinstance(array, np.ndarray):
        raise InvalidRequest(
            f"a {type(message).__name__} was about to go to '{receiver}'; it has no wire form. Send bytes or an array"
        )
    if not _travels(array):
        known = ", ".join(map(str, _CODES))
        raise InvalidRequest(
            f"{shape_of(array)} was about to go to '{receiver}'; send one of {known}, of at most {MAX_AXES} axes"
        )


def _travels(array: object) -> bool:
    return (
        isinstance(array, np.ndarray)
        and (array.dtype in _CODES or array.dtype.newbyteorder("=") in _CODES)
        and array.ndim <= MAX_AXES
    )


def check_received(number: int, sender: Party, receiver: Party, spec: Spec, message: Message) -> None:
    """Compare a received message with its declaration.

    raises   BadFrame  naming round, sender and both shapes
    """
    if not spec.admits(message):
        raise BadFrame(f"round {number}: '{sender}' sent '{receiver}' {shape_of(message)}; expected {spec}")


def together(*parts: Part[Any]) -> Part[tuple[Any, ...]]:
    """Run independent sub-protocols side by side, sharing rounds: as many rounds as the longest.

    Every party must list the same sub-protocols in the same order. Sub-protocols that wait in one round for the same
    senders with the same quorum share it: a sender's messages travel as one, so all of them go on with the same
    senders. Any other mixture would let one sub-protocol go on where another must wait, or would make it wait for
    parties that it does not need, so it is refused.

    raises   InvalidRequest  sub-protocols wait in one round with a quorum, and for other senders or another quorum
    """
    outputs: dict[int, Any] = {}
    running = dict(enumerate(parts))
    inboxes: dict[int, Inbox | None] = dict.fromkeys(running)
    while True:
        ended, rounds = advance(running, inboxes)
        outputs |= ended
        if not rounds:
            return tuple(outputs[k] for k in range(len(parts)))
        heard = yield merged(rounds)
        inboxes = dict(divided(rounds, heard))


def advance(
    parts: Mapping[int, Part[Any]], inboxes: Mapping[int, Inbox | None]
) -> tuple[dict[int, Any], dict[int, Round]]:
    """Resume parts with what they waited for, None at their start: what those that end return, and others' rounds."""
    ended: dict[int, Any] = {}
    rounds: dict[int, Round] = {}
    for k, inbox in inboxes.items():
        try:
            rounds[k] = parts[k].send(inbox)  # type: ignore[arg-type]
        except StopIteration as stop:
            ended[k] = stop.value
    return ended, rounds


def merged(rounds: Mapping[int, Round]) -> Round:
    """One round in which several go side by side: a peer's messages travel as one. raises as `together`."""
    senders = dict.fromkeys(p for r in rounds.values() for p in r.expect)
    receivers = dict.fromkeys(p for r in rounds.values() for p in r.send)
    return Round(
        send={p: tuple(r.send[p] for r in rounds.values() if p in r.send) for p in receivers},
        expect={p: Several(tuple(r.expect[p] for r in rounds.values() if p in r.expect)) for p in senders},
        quorum=_shared_quorum(rounds.values()),
        step=" + ".join(dict.fromkeys(r.step for r in rounds.values() if r.step)),
        after=max(r.after for r in rounds.values()),
        work=sum(r.work for r in rounds.values()),
    )


def divided(rounds: Mapping[int, Round], heard: Inbox) -> dict[int, Inbox]:
    """What each of the merged rounds has heard."""
    unread = {p: iter(messages) for p, messages in heard.items()}
    return {k: {p: next(unread[p]) for p in r.expect if p in unread} for k, r in rounds.items()}


def _shared_quorum(rounds: Iterable[Round]) -> int | None:
    waits = {(r.quorum, frozenset(r.expect)) for r in rounds if r.expect}
    if len(waits) > 1 and any(quorum is not None for quorum, _ in waits):
        raise InvalidRequest(
            "a sub-protocol that goes on without silent parties shares rounds only with such as wait for the same "
            "parties and go on with as many"
        )
    return next((quorum for quorum, _ in waits), None)
