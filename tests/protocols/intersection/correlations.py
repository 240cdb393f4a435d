"""Silent products and the intersection without LPN between two parties of a network, with what every fabric promises.

Every tape is seeded, so the result is the same byte for byte wherever the parts run. A test class for a fabric inherits
the promises and gives the fabric, made of `RECIPES`.
"""

import msgpack
import numpy as np

from securecompute.engine.fabric import Recipe
from securecompute.engine.local import play
from securecompute.protocols.intersection import iknp, silent_vole
from tests.protocols.intersection.sets import HEADER, plain
from tests.seeded import SeededRandomness

SIDES = ("R", "S")
PARTIES = {"products": SIDES, "intersection": SIDES}
LOST_AT = 1  # the round before which a party is lost
X, Y = range(0, 900), range(600, 1300)


class Side:
    """R or S of a session whose manifest is [protocol, seed]."""

    def __init__(self, me):
        self.me = me
        silent_vole.warm()  # as an institution does when it starts
        iknp.warm()

    def answer(self, request, payload):
        """Nothing is asked."""

    def part(self, manifest):
        """This side's part; it returns its result as bytes."""
        name, seed = msgpack.unpackb(manifest)
        tape, peer = SeededRandomness(f"{self.me} {seed}"), "RS".replace(self.me, "")
        return self._products(peer, tape) if name == "products" else self._intersection(peer, tape)

    def _products(self, peer, tape):
        part = silent_vole.receive if self.me == "R" else silent_vole.send
        first, second = yield from part(peer, 2000, HEADER, tape)
        return first.tobytes() + second.tobytes()

    def _intersection(self, peer, tape):
        part, own = (iknp.receive, X) if self.me == "R" else (iknp.send, Y)
        members = yield from part(peer, plain(own), len(X), len(Y), HEADER, tape)
        return b"" if members is None else members.tobytes()


RECIPES = {side: Recipe(Side, {"me": side}) for side in SIDES}


def manifest(name, seed=0):
    """The manifest of one of both protocols."""
    return msgpack.packb([name, seed])


def in_lock_step(name):
    """The same session by `play`: what each side returns."""
    return play({side: Side(side).part(manifest(name)) for side in SIDES}).outputs


class CorrelationPromises:
    """What every fabric keeps."""

    def test_products_are_those_of_the_lock_step(self, fabric):
        outcomes = fabric.run("products", SIDES, manifest("products")).outcomes
        assert {side: outcome.value for side, outcome in outcomes.items()} == in_lock_step("products")

    def test_the_intersection_is_that_of_sets(self, fabric):
        outcomes = fabric.run("intersection", SIDES, manifest("intersection")).outcomes
        members = np.frombuffer(outcomes["R"].value, np.bool_)
        assert [x for x, member in zip(X, members, strict=True) if member] == sorted(set(X) & set(Y))
        assert outcomes["S"].value == b""
