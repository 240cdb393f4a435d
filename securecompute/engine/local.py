"""All parts of a protocol in this process, in lock step, on copies of the objects: no sealing, no codec, no clock.

The fastest way to play a protocol, and the one that reads like its figure: tests record views with it, tamper with
messages and silence parties. `simulated` runs the same parts with everything between them real.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from securecompute.engine.rounds import (
    Inbox,
    Message,
    Part,
    Party,
    Round,
    check_received,
    check_sendable,
    payload_bytes,
    private_copy,
)
from securecompute.errors import BadFrame, PeerSilent, SecureComputeError

View = dict[tuple[int, Party], Message]
Deliver = Callable[[int, Party, Party, Message], Message | None]


@dataclass(slots=True)
class Played:
    """What came of it.

    outputs   party -> what its part returned
    errors    party -> why its part ended early
    rounds    rounds that the longest part took
    sent      party -> payload bytes that it sent
    views     party -> {(round, sender): message}, all that it received
    """

    outputs: dict[Party, Any] = field(default_factory=dict)
    errors: dict[Party, SecureComputeError] = field(default_factory=dict)
    rounds: int = 0
    sent: dict[Party, int] = field(default_factory=dict)
    views: dict[Party, View] = field(default_factory=dict)


def play(parts: Mapping[Party, Part[Any]], deliver: Deliver | None = None, *, strict: bool = True) -> Played:
    """Run the parts to their ends.

    deliver   sees (round, sender, receiver, message) and returns the message to deliver, or None to lose it
    strict    raise the first error of any party; else the party falls silent and its error is recorded
    raises    BadFrame    a message is not what its receiver declared, or was not due
              PeerSilent  a message is missing and the receiver's quorum does not bear it
    """
    played = Played(sent=dict.fromkeys(parts, 0), views={party: {} for party in parts})
    inboxes: dict[Party, Inbox | None] = dict.fromkeys(parts)
    while True:
        rounds: dict[Party, Round] = {}
        for party, inbox in inboxes.items():
            try:
                rounds[party] = parts[party].send(inbox)  # type: ignore[arg-type]
            except StopIteration as stop:
                played.outputs[party] = stop.value
            except SecureComputeError as error:
                if strict:
                    raise
                played.errors[party] = error
        if not rounds:
            return played
        inboxes = {}
        mail = _exchange(played.rounds, rounds, played, deliver)
        for party, turn in rounds.items():
            try:
                inboxes[party] = _inbox(played.rounds, party, turn, mail[party], played.views[party])
            except SecureComputeError as error:
                if strict:
                    raise
                played.errors[party] = error
        played.rounds += 1


def _exchange(
    number: int, rounds: Mapping[Party, Round], played: Played, deliver: Deliver | None
) -> dict[Party, dict[Party, Message]]:
    mail: dict[Party, dict[Party, Message]] = {party: {} for party in rounds}
    for sender, turn in rounds.items():
        last, sent = None, 0
        for receiver, message in turn.send.items():
            if message is not last:  # one message for many receivers is checked and kept once
                check_sendable(receiver, message)
                last, kept, size = message, private_copy(message), payload_bytes(message)
            sent += size
            delivered: Message | None = kept
            if deliver is not None:  # which may have written into the message
                delivered = deliver(number, sender, receiver, message)
                delivered = private_copy(message) if delivered is message else delivered
            if delivered is not None and receiver in mail:
                mail[receiver][sender] = delivered
        played.sent[sender] += sent
    return mail


def _inbox(number: int, party: Party, turn: Round, mail: dict[Party, Message], view: View) -> Inbox:
    inbox: dict[Party, Message] = {}
    for sender, spec in turn.expect.items():
        message = mail.get(sender)
        if message is not None:
            if not spec.admits(message):
                check_received(number, sender, party, spec, message)
            view[number, sender] = message
            inbox[sender] = message.copy() if type(message) is np.ndarray else private_copy(message)
    if len(inbox) < len(mail):
        sender = next(sender for sender in mail if sender not in turn.expect)
        raise BadFrame(f"round {number}: '{sender}' sent '{party}' a message, and none was due from it")
    if len(inbox) < len(turn.expect) and (turn.quorum is None or len(inbox) < turn.quorum):
        names = ", ".join(f"'{sender}'" for sender in sorted(turn.expect.keys() - mail.keys()))
        raise PeerSilent(f"round {number}: '{party}' did not hear from {names}")
    return inbox
