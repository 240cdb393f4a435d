"""Questions to a prepared table, a count of common items and a histogram of tags, with what every fabric promises.

Two institutions ask and count among themselves; for tags, three compute parties and a receiver join. Every tape is
seeded, so the result is the same wherever the parts run.
"""

import msgpack
import numpy as np

from securecompute.engine.fabric import Recipe
from securecompute.engine.local import play
from securecompute.primitives.oprf import Mode
from securecompute.protocols.intersection import dh_count, oprf, tag
from securecompute.protocols.intersection.oprf_table import Table
from tests.protocols.intersection.sets import HEADER, Spent, plain
from tests.seeded import SeededRandomness

SETS = {"north": list(range(0, 60)), "south": list(range(40, 120, 2))}
TRIO, RECEIVER, QUERIES = ("P0", "P1", "P2"), "receiver", 1000
TWO, ALL = tuple(SETS), (*SETS, *TRIO, RECEIVER)
SIZES = {name: len(each) for name, each in SETS.items()}
PARTIES = {"OPRF": TWO, "VOPRF": TWO, "count": TWO, "tags": ALL}
LOST_AT = 0  # the round before which a party is lost
LEARNS = {"OPRF": "north", "VOPRF": "north", "count": "north", "tags": RECEIVER}


class Party:
    """A party of a session whose manifest is [protocol, seed]."""

    def __init__(self, me):
        self.me = me

    def answer(self, request, payload):
        """Nothing is asked."""

    def part(self, manifest):
        """This party's part; it returns its result as bytes."""
        name, seed = msgpack.unpackb(manifest)
        result = yield from self._role(name, SeededRandomness(f"{self.me} {seed}"))
        return b"" if result is None else np.asarray(result, np.int64).tobytes()

    def _role(self, name, tape):
        if name == "tags":
            return self._tags(tape)
        own, first = plain(SETS[self.me]), self.me == "north"
        if name == "count":
            role = dh_count.count if first else dh_count.help_count
            peer = "south" if first else "north"
            return role(peer, own, SIZES[self.me], SIZES[peer], HEADER, tape)
        if first:
            return oprf.receive("south", own, SIZES["north"], SIZES["south"], QUERIES, Mode[name], tape)
        table = Table.prepare(own, SIZES["south"], QUERIES, Mode[name], tape)
        return oprf.send("north", table, SIZES["north"], HEADER, Spent(), tape)

    def _tags(self, tape):
        if self.me in SETS:
            return tag.contribute(TRIO, plain(SETS[self.me]), SIZES[self.me], 0, HEADER, tape)
        if self.me in TRIO:
            return tag.shuffle(self.me, TRIO, SIZES, RECEIVER, tape)
        return tag.collect(TRIO, SIZES, RECEIVER)


RECIPES = {name: Recipe(Party, {"me": name}) for name in ALL}


def manifest(name, seed=0):
    """The manifest of one of the protocols."""
    return msgpack.packb([name, seed])


def in_the_clear(name):
    """What the one who learns must get."""
    north, south = (set(each) for each in SETS.values())
    if name == "tags":
        return [0, len(north ^ south), len(north & south)]
    return [len(north & south)] if name == "count" else [int(k in south) for k in SETS["north"]]


def in_lock_step(name):
    """The same session by `play`: what each party returns."""
    return play({party: Party(party).part(manifest(name)) for party in PARTIES[name]}).outputs


class CountingPromises:
    """What every fabric keeps."""

    def test_one_party_learns_the_result_and_the_others_nothing(self, fabric):
        for name, parties in PARTIES.items():
            outcomes = fabric.run(name, parties, manifest(name)).outcomes
            assert [str(outcome.error) for outcome in outcomes.values() if outcome.error] == []
            got = {party: np.frombuffer(outcome.value, np.int64).tolist() for party, outcome in outcomes.items()}
            assert got == {party: [] for party in parties} | {LEARNS[name]: in_the_clear(name)}
