"""A party's process without Ray and without sockets: hosts on one event loop that hand each other frames."""

import asyncio
import threading

import msgpack

from securecompute.engine.hosts import Host
from securecompute.engine.rounds import Bytes, Round
from securecompute.engine.runner import Limits, Runner
from securecompute.engine.sealed import WINDOW_BYTES

SIZE = WINDOW_BYTES + (1 << 20)  # more than is under way before the receiver acknowledges some


class Sender:
    """Sends, then computes until it is heard; returns whether it was."""

    def __init__(self, heard):
        self.heard = heard

    def part(self, manifest):
        yield Round(send={"b": bytes(SIZE)})
        return self.heard.wait(10)


class Receiver:
    """Says that it heard."""

    def __init__(self, heard):
        self.heard = heard

    def part(self, manifest):
        inbox = yield Round(expect={"a": Bytes(SIZE)})
        self.heard.set()
        return len(inbox["a"])


async def session(participants, limits):
    """Every party's outcome."""
    hosts = {}

    async def carry(party, frames):
        for frame in frames:
            hosts[party].deliver(frame)

    hosts |= {name: Host(name, each, limits, carry) for name, each in participants.items()}
    roster, manifest = {name: host.public for name, host in hosts.items()}, msgpack.packb(1)
    ids = [host.begin("talk", roster, manifest) for host in hosts.values()]
    outcomes = await asyncio.gather(*(host.run(id) for host, id in zip(hosts.values(), ids, strict=True)))
    return dict(zip(hosts, outcomes, strict=True))


def test_a_long_message_arrives_while_its_sender_computes():
    heard = threading.Event()
    outcomes = asyncio.run(session({"a": Sender(heard), "b": Receiver(heard)}, Limits(linger_seconds=0.0)))
    assert (outcomes["a"].value, outcomes["b"].value) == (True, SIZE)


class Slow:
    """Computes for longer than its last round had."""

    def part(self, manifest):
        yield Round()
        threading.Event().wait(0.05)
        return "done"


def test_whoever_computes_past_a_deadline_is_not_late_and_is_left_to_it(monkeypatch):
    asked, original = [], Runner.due
    monkeypatch.setattr(Runner, "due", lambda runner: asked.append(1) or original(runner))
    outcomes = asyncio.run(session({"a": Slow()}, Limits(round_seconds=0.001)))
    assert outcomes["a"].value == "done" and len(asked) < 10
