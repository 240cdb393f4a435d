"""Our side on Ray: three actors that hold shares of the operands and compute shares of the result.

    run      from asking for a session to the last actor's end: the manifest, agreeing on keys (1 round) and the gate;
             messages encoded, sealed, and sent through Unix sockets
    not in it: starting Ray, loading kernels, making the shares, recombining the result

Bytes are payload, of the actor that sends most.
"""

import atexit
import itertools
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgpack
import numpy as np

from bench.products_sides.cases import largest_error, operands
from bench.products_sides.gates import Gate, Ours, opened
from bench.products_sides.others import NAN, Answer, Runs
from bench.products_sides.ours import TRIO, encoded, shared
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.ring_products import warm
from securecompute.arithmetic.rings import Ring
from securecompute.engine.fabric import Fabric, Recipe
from securecompute.engine.rounds import Part, Party
from securecompute.primitives.randomness import SystemRandomness
from securecompute.protocols.products.compute_party import make_keys
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.replicated import Replicated

_SEEDS = (bytes(32), bytes([1]) * 32)  # of the operands' shares: every actor makes its own, the same as the others
_numbers = itertools.count()


class Holder:
    """A compute party that makes its shares of cases by itself, and keeps what a session leaves."""

    def __init__(self, me: Party) -> None:
        self.me, self.index = me, TRIO.index(me)
        self._held: dict[Ours, tuple[Gate, list[Fixed]]] = {}
        self._result: Any = None

    def answer(self, request: str, payload: Any) -> Any:
        """`hold` the shares of a case; `result`, as plain data."""
        if request != "hold":
            return packed(self._result)
        warm()
        how = from_plain(payload)
        gate = how.made
        shares = [shared(each, _SEEDS)[self.index] for each in encoded(gate, operands(how.case))]
        self._held[how] = gate, [Fixed(share, t) for share, t in zip(shares, gate.types, strict=True)]
        return None

    def part(self, manifest: bytes) -> Part[None]:
        """Keys, then the gate. manifest: a fresh number, and the case"""
        gate, own = self._held[from_plain(msgpack.unpackb(manifest)[1:])]
        party = yield from make_keys(self.me, TRIO, manifest, SystemRandomness())
        self._result = yield from gate.run(party, *own)


def to_plain(how: Ours) -> list[Any]:
    """Gate, size, bits of the ring."""
    return [how.gate, how.size, how.ring.bits]


def from_plain(plain: Sequence[Any]) -> Ours:
    """The inverse of `to_plain`."""
    gate, size, bits = plain
    return Ours(gate, size, Ring.Z64 if bits == Ring.Z64.bits else Ring.Z128)


def packed(result: Any) -> list[Any]:
    """A party's result: x_i and the scale, or its bits."""
    if isinstance(result, Fixed):
        words = result.share.mine.words
        return [result.ring.bits, result.scale, result.bound, list(words.shape), words.tobytes()]
    return [0, 0, 0.0, list(result.shape), result.tobytes()]


def unpacked(index: int, plain: Sequence[Any]) -> Any:
    """The inverse of `packed`; x_(i+1) is missing."""
    bits, scale, bound, shape, data = plain
    if not bits:
        return np.frombuffer(data, np.uint8).reshape(shape)
    ring = Ring.Z64 if bits == Ring.Z64.bits else Ring.Z128
    mine = RingArray(ring, np.frombuffer(data, np.uint64).reshape(shape))
    return Fixed.of(Replicated(index, mine, mine), scale, bound)


@cache
def fabric() -> Fabric:
    """Three holders on a private Ray, which ends with this process."""
    from securecompute.engine.on_ray import OnRay

    running = OnRay({name: Recipe(Holder, {"me": name}) for name in TRIO})
    atexit.register(running.close)
    return running


def answer(how: Ours, on: Fabric) -> Answer:
    """One session on a fabric of holders. Raises what ended it."""
    manifest: bytes = msgpack.packb([next(_numbers), *to_plain(how)])
    run = on.run("product", TRIO, manifest)
    for outcome in run.outcomes.values():
        if outcome.error is not None:
            raise outcome.error
    plain = on.ask_all(TRIO, "result")
    result = opened([unpacked(i, plain[name]) for i, name in enumerate(TRIO)])
    traffic = [outcome.traffic for outcome in run.outcomes.values()]
    sent, rounds = max(each.sent for each in traffic), max(each.rounds for each in traffic)
    return Answer(run.seconds, NAN, NAN, largest_error(how.case, result), bytes=sent, rounds=rounds)


def on_ray(gate: str, size: int, **how: Any) -> Runs:
    """Runs of a gate by actors, which make their shares at the first of them."""
    which = Ours(gate, size, **how)

    @cache
    def held() -> Fabric:
        on = fabric()
        on.ask_all(TRIO, "hold", to_plain(which))
        return on

    return Runs(lambda: answer(which, held()))
