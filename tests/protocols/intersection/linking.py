"""The halves of a linkage, and an intersection of three, with what every fabric promises.

The leader L has one of them, the partner p the other; h joins in the intersection. Every tape is seeded, so the result
is the same wherever the parts run.
"""

import msgpack
import numpy as np

from securecompute.engine.fabric import Recipe
from securecompute.engine.local import play
from securecompute.protocols.intersection import circuit
from securecompute.protocols.intersection.circuit import Linkage, Partner, assist, lead
from securecompute.protocols.intersection.star import Star, support
from securecompute.protocols.intersection.star import lead as lead_star
from securecompute.values import Plain
from tests.protocols.intersection.sets import HEADER, plain
from tests.seeded import SeededRandomness

PARTIES = {"linkage": ("L", "p"), "star": ("L", "p", "h")}
LOST_AT = 2  # the round before which a party is lost
SETS = {"L": range(0, 400), "p": range(150, 900, 3), "h": range(0, 900, 2)}
AGREED = Linkage("L", len(SETS["L"]), (Partner("p", len(SETS["p"]), 2),), HEADER)
STAR = Star({name: len(each) for name, each in SETS.items()}, "L", HEADER)


def payload():
    """Of the partner's records k: k and k^2, negative."""
    k = np.array(SETS["p"], np.int64)
    return np.stack([k, -(k**2)]).view(np.uint64)


class Institution:
    """A party of a session whose manifest is [protocol, seed]."""

    def __init__(self, me):
        self.me = me
        circuit.warm()  # as an institution does when it starts

    def answer(self, request, payload):
        """Nothing is asked."""

    def part(self, manifest):
        """This party's part; it returns its result as bytes."""
        name, seed = msgpack.unpackb(manifest)
        tape = SeededRandomness(f"{self.me} {seed}")
        return self._half(tape) if name == "linkage" else self._common(tape)

    def _common(self, tape):
        own = plain(SETS[self.me])
        common = yield from lead_star(STAR, own, tape) if self.me == "L" else support(STAR, self.me, own, tape)
        return b"" if common is None else common.tobytes()

    def _half(self, tape):
        """The words of this half: tags, columns; of the leader its records before them."""
        rows = np.empty(0, np.int64)
        if self.me == "L":
            led = yield from lead(AGREED, plain(SETS["L"]), tape)
            rows, half = led.rows, led.halves[0]
        else:
            half = yield from assist(AGREED, "p", plain(SETS["p"]), Plain(payload()), tape)
        return rows.tobytes() + half.tags.words.tobytes() + half.columns.words.tobytes()


RECIPES = {name: Recipe(Institution, {"me": name}) for name in SETS}


def manifest(name, seed=0):
    """The manifest of one of both protocols."""
    return msgpack.packb([name, seed])


def in_lock_step(name):
    """The same session by `play`: what each party returns."""
    return play({party: Institution(party).part(manifest(name)) for party in PARTIES[name]}).outputs


class LinkingPromises:
    """What every fabric keeps."""

    def test_both_halves_together_are_the_join(self, fabric):
        outcomes = fabric.run("linkage", PARTIES["linkage"], manifest("linkage")).outcomes
        mine, theirs = (np.frombuffer(outcomes[party].value, np.uint64).reshape(-1, AGREED.bins) for party in "Lp")
        rows, mine = mine[0].view(np.int64), mine[1:]
        matched = np.flatnonzero(mine[0] == theirs[0])
        joined = {SETS["L"][rows[b]]: (mine[1:, b] + theirs[1:, b]).view(np.int64).tolist() for b in matched}
        assert joined == {k: [k, -(k * k)] for k in set(SETS["L"]) & set(SETS["p"])}

    def test_the_intersection_of_three_is_that_of_sets(self, fabric):
        outcomes = fabric.run("star", PARTIES["star"], manifest("star")).outcomes
        common = np.frombuffer(outcomes["L"].value, np.bool_)
        got = {k for k, c in zip(SETS["L"], common, strict=True) if c}
        assert got == set.intersection(*map(set, SETS.values()))
        assert outcomes["p"].value == outcomes["h"].value == b""
