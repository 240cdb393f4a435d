"""A whole product between six parties, from inputs to reveal, with what every fabric promises of it.

Two owners outside share their numbers, three compute parties multiply and truncate them, a receiver gets the result.
Every tape is seeded, so the result is the same word for word wherever the parts run. A test class for a fabric inherits
the promises and gives the fabric:

    @pytest.fixture
    def fabric():
        return Mine(RECIPES)

    class TestMine(ProductPromises):
        pass
"""

import hashlib

import msgpack
import numpy as np

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.fabric import Recipe
from securecompute.engine.local import play
from securecompute.engine.rounds import Round, together
from securecompute.protocols.products.compute_party import make_keys
from securecompute.protocols.products.dealing import Form
from securecompute.protocols.products.inputs import accept, compare, provide
from securecompute.protocols.products.multiplication import multiply
from securecompute.protocols.products.reveal import collect, reveal
from tests.protocols.products.playing import RECEIVER, TRIO
from tests.seeded import SeededRandomness

OWNERS = ("left", "right")
PARTIES = (*OWNERS, *TRIO, RECEIVER)
BITS = 20


def numbers(owner, ring, size):
    """What an owner shares: signed numbers of 30 bits, the corners first."""
    values = np.random.default_rng(OWNERS.index(owner)).integers(-(1 << 30), 1 << 30, size)
    values[:4] = [0, -1, (1 << 30) - 1, -(1 << 30)][:size]
    return RingArray.integers(ring, values)


class Computer:
    """One party of a product whose manifest is [seed, ring's bits, elements]."""

    def __init__(self, me):
        self.me = me

    def answer(self, request, payload):
        """Nothing is asked."""

    def part(self, manifest):
        """This party's part; the receiver returns the words that it got."""
        seed, bits, size = msgpack.unpackb(manifest)
        ring, session, tape = Ring(bits), hashlib.sha256(manifest).digest(), SeededRandomness(f"{self.me} {seed}")
        if self.me in OWNERS:
            return self._own(numbers(self.me, ring, size), session, tape)
        form = Form(ring, (size,))
        return self._receive(form) if self.me == RECEIVER else self._compute(form, session, tape)

    def _own(self, x, session, tape):
        yield from together(provide(self.me, TRIO, [x], session, tape))  # as the others do: it reaches them inside one

    def _compute(self, form, session, tape):
        accepted = [accept(self.me, TRIO, owner, [form], session) for owner in OWNERS]
        party, *inputs = yield from together(make_keys(self.me, TRIO, session, tape), *accepted)
        digests = {owner: each[1] for owner, each in zip(OWNERS, inputs, strict=True)}
        x, y = (shares[0] for shares, _ in inputs)
        _, z = yield from together(compare(self.me, TRIO, digests), multiply(party.at("product"), x, y, BITS))
        yield from reveal(TRIO, RECEIVER, z)

    def _receive(self, form):
        for _ in range(3):
            yield Round()
        result = yield from collect(TRIO, form, after=3)
        return result.words.tobytes()


RECIPES = {party: Recipe(Computer, {"me": party}) for party in PARTIES}


def manifest(seed=0, ring=Ring.Z64, size=1000):
    """The manifest of a product."""
    return msgpack.packb([seed, ring.bits, size])


def played(given):
    """The same product in lock step: what the receiver got."""
    return play({party: Computer(party).part(given) for party in PARTIES}).outputs[RECEIVER]


def is_product(words, ring, size):
    """Whether these words are the truncated product of the owners' numbers."""
    got = RingArray(ring, np.frombuffer(words, np.uint64).reshape((size,) if ring is Ring.Z64 else (2, size)))
    exact = numbers("left", Ring.Z128, size) * numbers("right", Ring.Z128, size)
    return set((got.signed() - (exact.signed() >> BITS)).tolist()) <= {0, 1}


class ProductPromises:
    """What holds of a product wherever its parts run."""

    def test_the_result_is_right_and_word_for_word_that_of_the_lock_step(self, fabric):
        for ring, size in ((Ring.Z64, 1000), (Ring.Z128, 1000), (Ring.Z64, 1), (Ring.Z64, 300_000)):
            self.check(fabric, manifest(3, ring, size), ring, size)

    def check(self, fabric, given, ring, size):
        """Run the product; compare it with `played`."""
        run = fabric.run("product", PARTIES, given)
        assert [str(outcome.error) for outcome in run.outcomes.values() if outcome.error] == []
        words = run.outcomes[RECEIVER].value
        assert is_product(words, ring, size)
        assert words == played(given)

    def test_rounds_and_bytes_are_counted_as_in_the_lock_step(self, fabric):
        given = manifest(4, Ring.Z64, 10)
        run, locked = fabric.run("product", PARTIES, given), play({p: Computer(p).part(given) for p in PARTIES})
        assert {p: outcome.traffic.sent for p, outcome in run.outcomes.items()} == locked.sent
        assert max(outcome.traffic.rounds for outcome in run.outcomes.values()) == locked.rounds == 4
