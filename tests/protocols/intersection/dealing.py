"""A dealt PRF in place of the four rounds of `vole_oprf`: for tests of what is built on it, in milliseconds."""

import hashlib

import numpy as np
import pytest

from securecompute.engine.rounds import Bytes, Round
from securecompute.primitives.block_hash import BlockHash
from securecompute.protocols.intersection import vole_oprf
from securecompute.protocols.intersection.silent_vole import Cost

ROUNDS = 4
NOTHING = Cost(ROUNDS, 0, 0)


def prf(header, seed=0):
    """F of one pair: blocks to blocks."""
    return BlockHash(hashlib.sha256(b"dealt %d " % seed + header).digest()[:16])


@pytest.fixture
def dealt(monkeypatch):
    """Both sides get F from here, each pair and header another; the rounds go by in silence."""

    def ask(peer, prepared, header, randomness, profile="standard"):
        for _ in range(ROUNDS):
            yield Round()
        return prf(header)(prepared.keys)

    def answer(peer, asked, header, randomness, profile="standard"):
        for _ in range(ROUNDS):
            yield Round()
        return prf(header)

    for name, dealt in (("ask", ask), ("answer", answer), ("cost", lambda *_: NOTHING)):
        monkeypatch.setattr(vole_oprf, name, dealt)


def blocks(n, seed=0):
    """n blocks that look random."""
    return np.frombuffer(np.random.default_rng(seed).bytes(16 * n), np.uint64).reshape(n, 2)


def numbered(numbers):
    """An identifier for each number: distinct, and not random at all."""
    return np.array([(k, 7) for k in numbers], np.uint64).reshape(-1, 2)


def uniform(words):
    """Bytes pass χ² of 256 classes: one uniform array in ten thousand fails."""
    counts = np.bincount(np.ascontiguousarray(words).view(np.uint8).ravel(), minlength=256)
    expected = counts.sum() / 256
    return ((counts - expected) ** 2 / expected).sum() < 345


def then_meet(parts):
    """Each part, and then a round in which everyone hears from everyone: out of step, nobody would."""

    def meeting(me, part):
        output = yield from part
        others = [name for name in parts if name != me]
        yield Round(send=dict.fromkeys(others, b"here"), expect=dict.fromkeys(others, Bytes(4)))
        return output

    return {me: meeting(me, part) for me, part in parts.items()}
