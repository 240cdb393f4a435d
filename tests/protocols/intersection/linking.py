"""A linkage from two sets to a revealed sum, and an intersection of three, with what every fabric promises.

Three parties: the leader L and the partner p are evaluators as well, and h helps. Every tape is seeded, so the result
is the same wherever the parts run.
"""

import msgpack
import numpy as np

from securecompute.engine.fabric import Recipe
from securecompute.engine.local import play
from securecompute.engine.rounds import together
from securecompute.protocols.intersection import circuit
from securecompute.protocols.intersection.circuit import Linkage, Partner, assist, lead, link, spread
from securecompute.protocols.intersection.star import Star, support
from securecompute.protocols.intersection.star import lead as lead_star
from securecompute.protocols.products import replicated
from securecompute.protocols.products.bit_sharing import silent
from securecompute.protocols.products.compute_party import make_keys
from securecompute.protocols.products.dealing import Form
from securecompute.protocols.products.inputs import accept, compare, provide
from securecompute.protocols.products.reveal import reveal
from securecompute.values import Plain
from tests.protocols.intersection.sets import HEADER, plain
from tests.seeded import SeededRandomness

PARTIES = ("L", "p", "h")
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
        return self._sums(tape) if name == "linkage" else self._common(tape)

    def _common(self, tape):
        own = plain(SETS[self.me])
        common = yield from lead_star(STAR, own, tape) if self.me == "L" else support(STAR, self.me, own, tape)
        return b"" if common is None else common.tobytes()

    def _sums(self, tape):
        """How many match, sums of both columns of the partner and of the leader's own, revealed to the leader."""
        own, halves = {"L": [], "p": []}, AGREED.forms(AGREED.partners[0])
        if self.me == "L":
            led = yield from lead(AGREED, plain(SETS["L"]), tape)
            ages = np.array([[k % 90 for k in SETS["L"]]], np.uint64)
            own["L"] = [*led.halves[0].inputs(), spread(led, Plain(ages))]
        elif self.me == "p":
            own["p"] = (yield from assist(AGREED, "p", plain(SETS["p"]), Plain(payload()), tape)).inputs()
        else:
            yield from silent(AGREED.rounds)
        forms = {"L": [*halves, Form(halves[0].kind, (1, AGREED.bins))], "p": halves}
        sharing = [
            provide(self.me, PARTIES, own[owner], HEADER, tape)
            if owner == self.me
            else accept(self.me, PARTIES, owner, forms[owner], HEADER)
            for owner in "Lp"
        ]
        party, *shared = yield from together(make_keys(self.me, PARTIES, HEADER, tape), *sharing)
        (of_leader, _), (of_partner, _) = shared
        digests = {owner: both for owner, (_, both) in zip("Lp", shared, strict=True)}
        _, linked = yield from together(
            compare(self.me, PARTIES, digests), link(party, of_leader[:2], of_partner, of_leader[2])
        )
        parts = [linked.matched.reshape((1, -1)), linked.columns, linked.own]
        sums = yield from reveal(PARTIES, "L", replicated.concatenate(parts).sum(axis=-1))
        return b"" if sums is None else sums.words.tobytes()


RECIPES = {name: Recipe(Institution, {"me": name}) for name in PARTIES}


def manifest(name, seed=0):
    """The manifest of one of both protocols."""
    return msgpack.packb([name, seed])


def in_lock_step(given):
    """The same session by `play`: what each party returns."""
    return play({name: Institution(name).part(given) for name in PARTIES}).outputs


class LinkingPromises:
    """What every fabric keeps."""

    def test_the_sums_are_those_over_the_common_records(self, fabric):
        outcomes = fabric.run("linkage", PARTIES, manifest("linkage")).outcomes
        both = sorted(set(SETS["L"]) & set(SETS["p"]))
        sums = np.frombuffer(outcomes["L"].value, np.int64).tolist()
        assert sums == [len(both), sum(both), -sum(k * k for k in both), sum(k % 90 for k in both)]
        assert outcomes["p"].value == outcomes["h"].value == b""

    def test_the_intersection_of_three_is_that_of_sets(self, fabric):
        outcomes = fabric.run("star", PARTIES, manifest("star")).outcomes
        common = np.frombuffer(outcomes["L"].value, np.bool_)
        got = {k for k, c in zip(SETS["L"], common, strict=True) if c}
        assert got == set.intersection(*map(set, SETS.values()))
        assert outcomes["p"].value == outcomes["h"].value == b""
