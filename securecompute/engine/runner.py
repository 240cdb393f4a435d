"""The runner around a part: everything that a protocol does not do itself, without I/O and without a clock.

A fabric owns time and bytes. It feeds the runner frames, lost parties and the time; it asks for frames to carry, and
when to come back. The runner seals, orders, decodes against the declaration, counts, and ends every wait:

    deadline of a round = (round_seconds + expected bytes / bytes_per_second + declared work) x (1 + after)

Who is silent at the deadline, is gone, or has sent an abort code is missing. With enough others for the round's quorum
the part goes on without them, and what they send later for that round is dropped; else the session ends with one code.
"""

import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from securecompute.engine.endings import ended_by, lost
from securecompute.engine.rounds import (
    Inbox,
    Message,
    Part,
    Party,
    Round,
    check_sendable,
    payload_bytes,
)
from securecompute.engine.sealed import Channel
from securecompute.engine.session import Session
from securecompute.engine.wire import Assembly, Header, encode, parse_frame
from securecompute.errors import (
    AbortCode,
    BadFrame,
    Cancelled,
    InternalFault,
    InvalidRequest,
    PeerMisbehaved,
    PeerSilent,
    SecureComputeError,
)
from securecompute.primitives.keys import AgreementKey

Observer = Callable[[int, Party, Message], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a runner waits, and how much it takes.

    round_seconds, bytes_per_second   see the formula above
    session_seconds                   hard end of the whole session
    linger_seconds                    how long a party that has ended still answers, after it last heard a peer
    message_bytes                     most that one declared message may take
    """

    round_seconds: float = 30.0
    bytes_per_second: float = 1e6
    session_seconds: float = 3600.0
    linger_seconds: float = 30.0
    message_bytes: int = 1 << 31


@dataclass(slots=True)
class Traffic:
    """What one party sent and received: payload without headers, and everything on the wire."""

    rounds: int = 0
    sent: int = 0
    received: int = 0
    wire: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one party's part ended: with a value, or with an error.

    missing   who was silent, gone or had ended the session, as far as this party noticed
    echo      the error only repeats that another party ended the session
    """

    value: Any
    error: SecureComputeError | None
    traffic: Traffic
    step: str
    missing: dict[Party, AbortCode]
    echo: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What a part did when it was resumed: yielded a round, returned, or raised."""

    round: Round | None
    bodies: dict[Party, bytes] = field(default_factory=dict)
    payload: int = 0
    value: Any = None
    error: SecureComputeError | None = None


class Runner:
    """One party's side of one session."""

    def __init__(
        self,
        me: Party,
        part: Part[Any],
        session: Session,
        key: AgreementKey,
        limits: Limits,
        now: float,
        observe: Observer | None = None,
    ) -> None:
        """key, session   whose roster holds this key's public half under `me`
        observe           called with (round, sender, message) for every message that the part receives: the part's view
        """
        self.me, self.session = me, session
        self._part, self._key, self._limits, self._observe = part, key, limits, observe
        self._channels: dict[Party, Channel] = {}
        self._assemblies: dict[Party, Assembly] = {}
        self._tardy: dict[int, frozenset[Party]] = {}
        self._missing: dict[Party, AbortCode] = {}
        self._round = Round()
        self._number = -1
        self._inbox: dict[Party, Any] = {}
        self._lost: set[Party] = set()  # of the missing, those whose process or link is gone
        self._resuming = self._echo = False
        self._round_due = self._session_due = now + limits.session_seconds
        self._lingering_until: float | None = None
        self.traffic = Traffic()
        self.outcome: Outcome | None = None

    # ---- what a fabric calls

    def receive(self, frame: bytes, now: float) -> None:
        """Take in a frame. One that is not for this party, session and roster is dropped."""
        try:
            header, raw, sealed = parse_frame(frame)
        except BadFrame as error:
            self._fail(error, now)
        else:
            self.take(header, raw, sealed, now)

    def take(self, header: Header, raw: bytes, sealed: memoryview, now: float) -> None:
        """Take in a frame that `parse_frame` has split already."""
        if (header.session, header.destination) != (self.session.id, self.me) or not self._knows(header.source):
            return
        try:
            channel = self._channel(header.source)
            channel.receive(header, raw, sealed, now)
            if self._lingering_until is not None:  # for whoever still answers
                self._lingering_until = min(now + self._limits.linger_seconds, self._session_due)
            if channel.aborted is not None:
                self._missing.setdefault(header.source, channel.aborted)
            self._read(header.source, now)
        except SecureComputeError as error:
            self._fail(error, now)

    def lose(self, party: Party, now: float) -> None:
        """The fabric says that a party's process or link is gone for good."""
        if self._knows(party):
            self._missing.setdefault(party, AbortCode.PEER_LOST)
            self._lost.add(party)
            self._read(party, now)

    def cancel(self, now: float) -> None:
        """A person stops the session."""
        self._end(Turn(None, error=Cancelled("stopped by a person")), now)

    @property
    def ready(self) -> bool:
        """Whether the part can be resumed now."""
        return self.outcome is None and not self._resuming and self._complete()

    def resume(self) -> Turn:
        """Resume the part with what it waited for: the only slow step, safe to run in another thread.

        Until `proceed` takes its result, `ready` is false.
        """
        self._resuming = True
        inbox: Inbox | None = None
        if self._number >= 0:  # in the order declared, whatever the order of arrival
            inbox = {party: self._inbox[party] for party in self._round.expect if party in self._inbox}
        try:
            following = self._part.send(inbox)  # type: ignore[arg-type]
            self._check(following)
            bodies = {party: encode(message) for party, message in following.send.items()}
            return Turn(following, bodies, sum(map(payload_bytes, following.send.values())))
        except StopIteration as stop:
            return Turn(None, value=stop.value)
        except SecureComputeError as error:
            return Turn(None, error=error)
        except Exception as fault:  # the border: a fault's text may hold values, so only its place goes on
            return Turn(None, error=_internal(fault))

    def proceed(self, turn: Turn, now: float) -> None:
        """Send what the part yielded and wait for what it expects, or end."""
        self._resuming = False
        if self.outcome is not None:
            return
        if turn.round is None:
            self._end(turn, now)
            return
        if tardy := frozenset(self._round.expect.keys() - self._inbox.keys()):
            self._tardy[self._number] = tardy
        self._assemblies.clear()  # of messages that the round went on without
        self._round, self._inbox = turn.round, {}
        self._number += 1
        self.traffic.rounds = self._number + 1
        self.traffic.sent += turn.payload
        try:
            for party, body in turn.bodies.items():
                self._channel(party).send(self._number, body)
        except PeerMisbehaved as error:  # a key in the roster is unusable
            self._fail(error, now)
            return
        expected = sum(spec.limit for spec in turn.round.expect.values())
        wait = self._limits.round_seconds + expected / self._limits.bytes_per_second + turn.round.work
        self._round_due = min(now + wait * (1 + turn.round.after), self._session_due)
        for peer in list(self._channels):
            self._read(peer, now)

    def run_ready(self, now: float) -> None:
        """Resume the part in this thread as often as it can go on."""
        while self.ready:
            self.proceed(self.resume(), now)

    def tick(self, now: float) -> None:
        """Let time pass: end a wait that is over, and a lingering that is."""
        if self.outcome is None and not self._resuming and now >= self._round_due and not self._complete():
            self._deadline(now)

    def outgoing(self, now: float) -> list[tuple[Party, bytes]]:
        """The frames to carry now, with their receivers."""
        frames: list[tuple[Party, bytes]] = []
        for peer, channel in self._channels.items():
            if not channel.idle(now):
                frames += [(peer, frame) for frame in channel.frames(now)]
        for _, frame in frames:
            self.traffic.wire += len(frame)
        return frames

    def due(self) -> float | None:
        """When the fabric should come back if nothing arrives; None: never."""
        times = [due for channel in self._channels.values() if (due := channel.due) is not None]
        if self.closed_at is None and not self._resuming:  # a part that computes is not late
            return min([self._round_due, *times])
        return min(times, default=None)

    @property
    def step(self) -> str:
        """What the part says that it is doing."""
        return self._round.step

    @property
    def closed_at(self) -> float | None:
        """When an ended party stops answering for lost frames; None while it runs."""
        return self._lingering_until

    @property
    def drained(self) -> bool:
        """Whether this party has ended and nothing that it sent is outstanding."""
        return self.outcome is not None and all(channel.drained for channel in self._channels.values())

    # ---- inside

    def _knows(self, party: Party) -> bool:
        return party in self.session.roster and party != self.me

    def _channel(self, peer: Party) -> Channel:
        if peer not in self._channels:
            self._channels[peer] = Channel(self.session, self.me, peer, self._key)
        return self._channels[peer]

    def _check(self, following: object) -> None:
        if not isinstance(following, Round):
            raise InvalidRequest(f"a part yielded a {type(following).__name__}; it yields rounds")
        for party in {*following.send, *following.expect}:
            if not self._knows(party):
                raise InvalidRequest(f"'{self.me}' would talk to '{party}', who is not in the roster of {self.session}")
        for receiver, message in following.send.items():
            check_sendable(receiver, message)
        for sender, spec in following.expect.items():
            if spec.limit > self._limits.message_bytes:
                most = self._limits.message_bytes
                raise InvalidRequest(f"'{self.me}' would take {spec.limit} bytes from '{sender}'; the limit is {most}")

    def _complete(self) -> bool:
        if self._number < 0:
            return True
        waiting = self._round.expect.keys() - self._inbox.keys()
        if not waiting:
            return True
        quorum = self._round.quorum
        return quorum is not None and waiting <= self._missing.keys() and len(self._inbox) >= quorum

    def _read(self, peer: Party, now: float) -> None:
        """Consume what has come from a peer for this round, and end the session if it can no longer be completed."""
        if self.outcome is not None or self._resuming or self._number < 0:
            return
        channel = self._channels.get(peer)
        try:
            if channel is not None:
                self._read_from(peer, channel, now)
        except SecureComputeError as error:
            self._fail(error, now)
            return
        if not self._missing:
            return
        gone = [p for p in self._round.expect if p in self._missing and p not in self._inbox]
        if gone and not self._enough(len(self._round.expect) - len(gone)):
            few, really = self._too_few(gone), [party for party in gone if party in self._lost]
            self._echo = not really
            self._fail(lost(really, few) if really else ended_by(gone, self._missing[gone[0]], few), now)

    def _enough(self, answers: int) -> bool:
        return self._round.quorum is not None and answers >= self._round.quorum

    def _read_from(self, peer: Party, channel: Channel, now: float) -> None:
        while (header := channel.peek()) is not None and header.round <= self._number:
            due = header.round == self._number and peer in self._round.expect and peer not in self._inbox
            if not due and (peer in self._missing or peer in self._tardy.get(header.round, ())):
                channel.consume(now)  # the round went on without it
            elif not due or bool(header.piece) != (peer in self._assemblies):
                raise BadFrame(f"'{peer}' sent a message for round {header.round}, in which none was due from it")
            else:
                try:
                    self._take(peer, header.pieces, channel.consume(now))
                except BadFrame as bad:
                    raise BadFrame(f"'{peer}' sent '{self.me}' something else: {bad}") from None
        if header is not None and peer in self._round.expect and peer not in self._inbox:
            raise BadFrame(f"'{peer}' left out its message of round {self._number}")

    def _take(self, peer: Party, pieces: int, piece: bytes) -> None:
        if peer in self._assemblies:
            self._assemblies[peer].add(piece)
        else:
            self._assemblies[peer] = Assembly(self._round.expect[peer], pieces, piece)
        if not self._assemblies[peer].missing:
            self._deliver(peer, self._assemblies.pop(peer).message())

    def _deliver(self, peer: Party, message: Message) -> None:
        self._inbox[peer] = message
        self.traffic.received += payload_bytes(message)
        if self._observe is not None:
            self._observe(self._number, peer, message)

    def _deadline(self, now: float) -> None:
        waiting = sorted(self._round.expect.keys() - self._inbox.keys())
        if not self._enough(len(self._inbox)):
            names = ", ".join(f"'{party}'" for party in waiting)
            few = self._too_few(waiting)
            self._fail(PeerSilent(f"{names} did not answer in time{few}. Ask again when they can be reached"), now)
            return
        for party in waiting:
            self._missing.setdefault(party, AbortCode.DEADLINE)

    def _too_few(self, gone: list[Party]) -> str:
        quorum = self._round.quorum
        return "" if quorum is None else f"; {len(self._round.expect) - len(gone)} are left and {quorum} are needed"

    def _fail(self, error: SecureComputeError, now: float) -> None:
        if self.outcome is None:
            self._end(Turn(None, error=error), now)

    def _end(self, turn: Turn, now: float) -> None:
        if self.outcome is not None:
            return
        error = None if turn.error is None else self._placed(turn.error)
        if error is not None:
            if not self._resuming:
                with suppress(Exception):  # a part's own `finally` that fails must not hide why it ends
                    self._part.close()
            for peer in self.session.roster:
                if self._knows(peer) and peer not in self._lost:
                    with suppress(PeerMisbehaved):  # one whose key is unusable is told nothing
                        self._channel(peer).abort(error.code)
        for channel in self._channels.values():
            channel.acknowledge_now()
        self._lingering_until = now + self._limits.linger_seconds
        self.outcome = Outcome(turn.value, error, self.traffic, self._round.step, dict(self._missing), self._echo)

    def _placed(self, error: SecureComputeError) -> SecureComputeError:
        """The same kind of error, with where it happened in front."""
        step = f" ({self._round.step})" if self._round.step else ""
        place = f"{self.session}, at '{self.me}', round {max(self._number, 0)}{step}"
        return type(error)(f"{place}: {error}").with_traceback(None)


def _internal(fault: BaseException) -> InternalFault:
    frames = traceback.extract_tb(fault.__traceback__)
    place = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "unknown place"
    return InternalFault(f"{type(fault).__name__} in {place}; its text stays unsaid because it may hold values")
