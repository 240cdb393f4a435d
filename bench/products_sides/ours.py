"""Our side: three compute parties in three threads of this process, as SPU's simulator runs its own.

Messages are handed over as copies, neither sealed nor encoded: SPU's links in memory do no more. What takes time in a
party lets the interpreter go, so the threads share the machine's cores. An answer tells the same as the others' do:

    run      from shares of the operands to shares of the result; keys are agreed on before, as SPU's are
    total    sharing, run and recombining;     cpu   of total, all parties
"""

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bench.harness import Measure
from bench.products_sides.cases import largest_error, operands
from bench.products_sides.gates import Gate, Ours, opened
from bench.products_sides.others import Answer, Runs
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.ring_products import warm
from securecompute.engine.rounds import Message, Part, Party, check_received, payload_bytes, private_copy
from securecompute.primitives.masks import KEY_BYTES
from securecompute.primitives.randomness import SystemRandomness
from securecompute.protocols.products.compute_party import PARTIES, ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.streams import expand

TRIO = ("P0", "P1", "P2")
WAIT_SECONDS = 600.0  # for a message, after which a run counts as hung


@dataclass(slots=True)
class Played:
    """What came of a run.

    seconds          from the moment when all parties stand ready to the last one's end
    outputs          party -> what its part returned
    sent, messages   party -> payload bytes, and messages
    rounds           of the longest part
    """

    seconds: float = 0.0
    outputs: dict[Party, Any] = field(default_factory=dict)
    sent: dict[Party, int] = field(default_factory=dict)
    messages: dict[Party, int] = field(default_factory=dict)
    rounds: int = 0


class _Ended(Exception):
    """Another party's part raised."""


def side_by_side(parts: Mapping[Party, Part[Any]]) -> Played:
    """Run every party's part in a thread of its own. Raises what a part raises."""
    boxes: dict[tuple[Party, Party], queue.SimpleQueue[Message | None]] = {
        (source, to): queue.SimpleQueue() for source in parts for to in parts
    }
    played, begun, ended = Played(), [0.0], dict.fromkeys(parts, 0.0)
    ready = threading.Barrier(len(parts), action=lambda: begun.__setitem__(0, time.perf_counter()))
    raised: list[BaseException] = []

    def work(me: Party) -> None:
        try:
            ready.wait()
            _play(me, parts[me], boxes, played)
            ended[me] = time.perf_counter()
        except BaseException as error:
            raised.append(error)
            for peer in parts:
                boxes[me, peer].put(None)

    threads = [threading.Thread(target=work, args=(me,), daemon=True) for me in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise next((error for error in raised if not isinstance(error, _Ended)), raised[0])
    played.seconds = max(ended.values()) - begun[0]
    return played


def _play(me: Party, part: Part[Any], boxes: Mapping[tuple[Party, Party], Any], played: Played) -> None:
    inbox: Any = None
    rounds = sent = messages = 0
    while True:
        try:
            turn = part.send(inbox)
        except StopIteration as stop:
            played.outputs[me], played.sent[me], played.messages[me] = stop.value, sent, messages
            played.rounds = max(played.rounds, rounds)
            return
        for receiver, message in turn.send.items():
            boxes[me, receiver].put(private_copy(message))
            sent += payload_bytes(message)
        inbox = {source: _next(boxes[source, me]) for source in turn.expect}
        for source, spec in turn.expect.items():
            if not spec.admits(inbox[source]):
                check_received(rounds, source, me, spec, inbox[source])
        rounds, messages = rounds + 1, messages + len(turn.send)


def _next(box: "queue.SimpleQueue[Message | None]") -> Message:
    message = box.get(timeout=WAIT_SECONDS)
    if message is None:
        raise _Ended
    return message


def parties() -> list[ComputeParty]:
    """P_0, P_1, P_2 with fresh keys, in a session of their own."""
    draw = SystemRandomness()
    session, keys = draw.bytes(32), [draw.bytes(KEY_BYTES) for _ in range(PARTIES)]
    return [
        ComputeParty(i, TRIO, {"mine": keys[i], "next": keys[(i + 1) % 3], "own": draw.bytes(KEY_BYTES)}, session)
        for i in range(PARTIES)
    ]


def shared(x: RingArray, seeds: Sequence[bytes]) -> list[Replicated]:
    """The three parties' shares: x_0 and x_1 drawn from the seeds, x_2 the rest."""
    parts = [expand(seed, x.ring, x.shape) for seed in seeds]
    parts.append(x - parts[0] - parts[1])
    return [Replicated(i, parts[i], parts[(i + 1) % PARTIES]) for i in range(PARTIES)]


def encoded(gate: Gate, x: Sequence[Any]) -> list[RingArray]:
    """The operands as their types say."""
    return [RingArray.quantised(t.ring, each, t.scale) for t, each in zip(gate.types, x, strict=True)]


def parts_of(gate: Gate, words: Sequence[RingArray]) -> dict[Party, Part[Any]]:
    """The three parts of a gate, on fresh shares."""
    draw = SystemRandomness()
    shares = [shared(x, (draw.bytes(KEY_BYTES), draw.bytes(KEY_BYTES))) for x in words]
    return {
        me: gate.run(party, *(Fixed(each[i], t) for each, t in zip(shares, gate.types, strict=True)))
        for i, (me, party) in enumerate(zip(TRIO, parties(), strict=True))
    }


@cache
def _prepared(how: Ours) -> tuple[Gate, list[Any]]:
    warm()
    return how.made, list(operands(how.case))


def answer(how: Ours) -> Answer:
    """One run: what the others' answers tell, and rounds."""
    gate, x = _prepared(how)
    start, cpu = time.perf_counter(), time.process_time()
    done = side_by_side(parts_of(gate, encoded(gate, x)))
    result = opened([done.outputs[me] for me in TRIO])
    took = {"run": done.seconds, "total": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    error = largest_error(how.case, result)
    traffic = {"bytes": max(done.sent.values()), "messages": max(done.messages.values()), "rounds": done.rounds}
    return Answer(**took, error=error, **traffic)


def most_sent(gate: Gate, x: Sequence[Any]) -> Measure:
    """Payload bytes of the party that sends most."""
    return lambda: float(max(side_by_side(parts_of(gate, encoded(gate, x))).sent.values()))


def ours(gate: str, size: int, **how: Any) -> Runs:
    """Our runs of a gate."""
    which = Ours(gate, size, **how)
    return Runs(lambda: answer(which))
