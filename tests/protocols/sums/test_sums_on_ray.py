"""Sums between Ray actors: every way to add, and a vector that passes in several chunks."""

import hashlib

import msgpack
import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.engine.fabric import Recipe
from securecompute.primitives.randomness import SystemRandomness
from securecompute.protocols.sums.chunks import spans
from securecompute.protocols.sums.descriptor import Descriptor, default_threshold
from securecompute.protocols.sums.interface import Contributor, make_key, protocol_of
from securecompute.protocols.sums.settings import Choice, Committee, Pairwise, setting_from
from securecompute.values import Plain
from tests.protocols.sums.playing import COLLECTOR, COORDINATOR, identity, names

pytestmark = pytest.mark.ray
NAMES = names(4)


class Adder:
    """One party of a sum whose manifest is [kind, the setting's fields, length]; institution k adds (k + 1) j."""

    def __init__(self, me):
        self.me, self._key = me, None

    def answer(self, request, payload):
        """The collector's public key for a choice."""
        self._key, setting = make_key(Choice.parse(payload), SystemRandomness())
        return [setting.kind, setting.fields()]

    def part(self, manifest):
        """This party's part; the collector returns a digest of the total."""
        kind, fields, d = msgpack.unpackb(manifest)
        pinned = {name: identity(name).public for name in NAMES}
        nonce, setting = hashlib.sha256(manifest).digest(), setting_from(kind, fields)
        descriptor = Descriptor(b"p" * 32, pinned, Ring.Z64, d, 4 * d, default_threshold(4), 3, nonce, setting)
        return self._played(descriptor)

    def _played(self, descriptor):
        protocol = protocol_of(descriptor)
        if self.me == COORDINATOR:
            survivors = yield from protocol.coordinate(descriptor, COLLECTOR)
            return list(survivors.included)
        if self.me == COLLECTOR:
            _, total = yield from protocol.collect(descriptor, COORDINATOR, self._key)
            return hashlib.sha256(total.tobytes()).hexdigest()
        x = Plain(np.arange(descriptor.length, dtype=np.uint64) * np.uint64(1 + NAMES.index(self.me)))
        own = Contributor(self.me, identity(self.me), SurvivorLedger(), SystemRandomness())
        return list((yield from protocol.contribute(own, descriptor, COORDINATOR, COLLECTOR, x)))


@pytest.fixture(scope="module")
def fabric(ray_cluster):
    from securecompute.engine.on_ray import OnRay, Placement

    recipes = {party: Recipe(Adder, {"me": party}) for party in (*NAMES, COORDINATOR, COLLECTOR)}
    running = OnRay(recipes, placement=Placement(cluster="auto"))
    yield running
    running.close()


def total(fabric, setting, d):
    """What the collector says it got, and what it should be."""
    manifest = msgpack.packb([setting.kind, setting.fields(), d])
    run = fabric.run(f"{setting.kind} sum", fabric.parties, manifest)
    errors = [outcome.error for outcome in run.outcomes.values() if outcome.error is not None]
    assert not errors, errors[0]
    expected = np.arange(d, dtype=np.uint64) * np.uint64(1 + 2 + 3 + 4)
    return run.outcomes[COLLECTOR].value, hashlib.sha256(expected.tobytes()).hexdigest()


@pytest.mark.parametrize("setting", [Pairwise(), Committee(("h0", "h1", "h3"))], ids=lambda setting: setting.kind)
def test_a_vector_of_several_chunks_is_added_between_actors(fabric, setting):
    d = 1_200_001
    pinned = {name: identity(name).public for name in NAMES}
    assert len(spans(Descriptor(b"p" * 32, pinned, Ring.Z64, d, 4 * d, 3, 3, b"n" * 32))) == 3
    got, expected = total(fabric, setting, d)
    assert got == expected


@pytest.mark.parametrize("choice", [Choice("paillier", key_bits=2048), Choice("lattice")], ids=lambda c: c.kind)
def test_ciphertexts_are_added_between_actors(fabric, choice):
    setting = setting_from(*fabric.ask(COLLECTOR, "key", choice.to_plain()))
    got, expected = total(fabric, setting, 100)
    assert got == expected
