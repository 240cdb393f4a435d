"""Transcript vectors of the pairwise sum: whole runs, every message in hex, with the randomness that they came from.

    python -m tests.protocols.sums.transcript      writes tests/vectors/sums/pairwise.json anew

The randomness is stored as drawn, so that an implementation in another language needs no generator of ours.
"""

import json
from pathlib import Path

import numpy as np

from securecompute.arithmetic.rings import Ring, encode
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.local import play
from securecompute.primitives.keys import IdentityKey
from securecompute.protocols.sums.descriptor import Descriptor, default_threshold
from securecompute.protocols.sums.interface import Contributor
from securecompute.protocols.sums.pairwise import collect, contribute, coordinate
from securecompute.values import Plain
from tests.protocols.sums.playing import (
    ADVERTS,
    COLLECTOR,
    COORDINATOR,
    MASKED,
    REVEAL,
    SHARES,
    SIGN,
    SIGNATURES,
    SURVIVORS,
    Tape,
    leaves,
)
from tests.seeded import SeededRandomness

FILE = Path(__file__).parents[2] / "vectors" / "sums" / "pairwise.json"

CASES = [
    ("all present, 32 bits", Ring.Z32, {"a": [1, -2], "b": [30, -40], "c": [500, 600]}, {}),
    (
        "d drops out before its vector, 64 bits",
        Ring.Z64,
        {p: [3**k, -(5**k), k] for k, p in enumerate("abcd")},
        {"d": 4},
    ),
    (
        "a falls silent before it reveals, 128 bits",
        Ring.Z128,
        {p: [2**70 + k, -k] for k, p in enumerate("abcd")},
        {"a": 8},
    ),
]

# comment, case, (round, from, to), leaf, byte, bits; who ends, with what error, and words of its text
MUST_FAIL = [
    ("a key changed", 0, (ADVERTS, COORDINATOR, "a"), 1, 170, 1, "a", "PeerMisbehaved", "not signed by 'b'"),
    ("own key changed", 0, (ADVERTS, COORDINATOR, "a"), 1, 3, 1, "a", "PeerMisbehaved", "left out or changed"),
    ("a set with a flag of 3", 0, (ADVERTS, COORDINATOR, "a"), 0, 1, 2, "a", "PeerMisbehaved", "other than 0 and 1"),
    ("a box changed", 0, (SHARES, COORDINATOR, "b"), 1, 20, 128, "b", "BoxTampered", "box from 'a' does not open"),
    ("a box withheld", 1, (SHARES, COORDINATOR, "b"), 0, 3, 1, "b", "PeerMisbehaved", "not signed by"),
    ("a vector changed", 0, (MASKED, "b", COORDINATOR), 0, 0, 1, COLLECTOR, "PeerMisbehaved", "check words"),
    ("a check word changed", 0, (MASKED, "b", COORDINATOR), 1, 15, 64, COLLECTOR, "PeerMisbehaved", "check words"),
    ("left out of the set", 1, (SURVIVORS, COORDINATOR, "a"), 0, 0, 1, "a", "PeerMisbehaved", "leaves out"),
    ("the dropout called alive", 1, (SURVIVORS, COORDINATOR, "a"), 0, 3, 1, "a", "PeerMisbehaved", "not signed by"),
    ("a signature changed", 0, (SIGN, "c", COORDINATOR), 0, 40, 4, "a", "PeerMisbehaved", "not signed by 'c'"),
    ("a signature withheld", 0, (SIGNATURES, COORDINATOR, "a"), 0, 2, 1, "a", "PeerMisbehaved", "2 signatures"),
    ("another set at the end", 1, (SIGNATURES, COORDINATOR, COLLECTOR), 3, 3, 1, COLLECTOR, "PeerMisbehaved", "signed"),
    ("the total changed", 2, (SIGNATURES, COORDINATOR, COLLECTOR), 6, 31, 128, COLLECTOR, "PeerMisbehaved", "check"),
    ("a seed changed", 2, (REVEAL, "b", COLLECTOR), 1, 0, 1, COLLECTOR, "PeerMisbehaved", "check words"),
    ("a share of a seed changed", 2, (REVEAL, "b", COLLECTOR), 0, 32, 1, COLLECTOR, "PeerMisbehaved", "check words"),
    ("a share of a key changed", 1, (REVEAL, "b", COLLECTOR), 0, 131, 1, COLLECTOR, "PeerMisbehaved", "key of 'd'"),
    ("a share beyond the field", 1, (REVEAL, "b", COLLECTOR), 0, 99, 255, COLLECTOR, "InconsistentShares", "of 'd'"),
]
MUST_FAIL_FIELDS = ("comment", "case", "message", "leaf", "byte", "xor", "party", "error", "text")


class Recorded:
    """The draws of a vector, given out again in order."""

    def __init__(self, draws):
        self._draws = iter(draws)

    def bytes(self, n):
        """The next draw, which must have been of n bytes."""
        drawn = bytes.fromhex(next(self._draws))
        assert len(drawn) == n
        return drawn


def replay(case, randomness=None, deliver=None):
    """Play a case: with its recorded randomness, or another; with its own silences, or other deliveries on top."""
    ring, inputs, said = Ring(case["ring"]), case["inputs"], case["descriptor"]
    keys = {p: IdentityKey.from_private_bytes(bytes.fromhex(key)) for p, key in case["identity_private"].items()}
    pinned = {p: key.public for p, key in keys.items()}
    plan, nonce = bytes.fromhex(said["plan"]), bytes.fromhex(said["nonce"])
    descriptor = Descriptor(
        plan, pinned, ring, len(inputs["a"]), said["bound"], said["threshold"], said["minimum"], nonce
    )
    draws = randomness or {p: Recorded(drawn) for p, drawn in case["randomness"].items()}
    parts = {COORDINATOR: coordinate(descriptor, COLLECTOR), COLLECTOR: collect(descriptor, COORDINATOR)}
    for p, e in inputs.items():
        own = Contributor(p, keys[p], SurvivorLedger(), draws[p])
        parts[p] = contribute(own, descriptor, COORDINATOR, COLLECTOR, Plain(encode(ring, e)))
    messages = []

    def delivered(number, sender, receiver, message):
        if number >= case["silent_from"].get(sender, 99):
            return None
        hexed = [np.ascontiguousarray(leaf).tobytes().hex() for leaf in leaves(message)]
        messages.append({"round": number, "from": sender, "to": receiver, "leaves": hexed})
        return message if deliver is None else deliver(number, sender, receiver, message)

    return descriptor, messages, play(parts, delivered, strict=False)


def record(number):
    """One case of the file."""
    comment, ring, inputs, silent = CASES[number]
    case = {
        "comment": comment,
        "ring": ring.bits,
        "inputs": inputs,
        "silent_from": silent,
        "identity_private": {p: SeededRandomness(f"vector identity {p}").bytes(32).hex() for p in inputs},
        "descriptor": {
            "plan": bytes(range(32)).hex(),
            "bound": 1000 if ring is not Ring.Z128 else 2**80,
            "threshold": default_threshold(len(inputs)),
            "minimum": 3,
            "nonce": SeededRandomness(f"vector nonce {number}").bytes(32).hex(),
        },
    }
    tapes = {p: Tape(f"vector {number} {p}") for p in inputs}
    descriptor, messages, played = replay(case, tapes)
    survivors, _ = played.outputs[COLLECTOR]
    case["descriptor"]["hash"] = descriptor.hash().hex()
    case["randomness"] = {p: [drawn.hex() for drawn in tape.drawn] for p, tape in tapes.items()}
    case["messages"] = messages
    case["included"] = list(survivors.included)
    case["total"] = [sum(column) for column in zip(*(inputs[p] for p in survivors.included), strict=True)]
    return case


def document():
    """The whole file."""
    cases = [record(number) for number in range(len(CASES))]
    failures = []
    for comment, case, place, *rest in MUST_FAIL:
        places = [(m["round"], m["from"], m["to"]) for m in cases[case]["messages"]]
        failures.append(dict(zip(MUST_FAIL_FIELDS, [comment, case, places.index(place), *rest], strict=True)))
    about = "rounds count from 0; leaves are a message's arrays in order, little-endian; see protocols/sums/pairwise.py"
    roles = {"coordinator": COORDINATOR, "collector": COLLECTOR}
    return {"protocol": "pairwise/1", "about": about, "roles": roles, "cases": cases, "must_fail": failures}


if __name__ == "__main__":
    FILE.write_text(json.dumps(document(), indent=1) + "\n")
