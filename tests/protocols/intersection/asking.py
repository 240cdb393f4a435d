"""Questions to a prepared table, with what every fabric promises.

Every tape is seeded, so the result is the same wherever the parts run.
"""

import msgpack
import numpy as np

from securecompute.engine.fabric import Recipe
from securecompute.engine.local import play
from securecompute.primitives.oprf import Mode
from securecompute.protocols.intersection import oprf
from securecompute.protocols.intersection.oprf_table import Table
from tests.protocols.intersection.sets import HEADER, Spent, plain
from tests.seeded import SeededRandomness

SETS = {"north": list(range(0, 60)), "south": list(range(40, 120, 2))}
QUERIES = 1000
SIZES = {name: len(each) for name, each in SETS.items()}
PARTIES = {"OPRF": tuple(SETS), "VOPRF": tuple(SETS)}
LOST_AT = 0  # the round before which a party is lost


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
        own = plain(SETS[self.me])
        if self.me == "north":
            return oprf.receive("south", own, SIZES["north"], SIZES["south"], QUERIES, Mode[name], tape)
        table = Table.prepare(own, SIZES["south"], QUERIES, Mode[name], tape)
        return oprf.send("north", table, SIZES["north"], HEADER, Spent(), tape)


RECIPES = {name: Recipe(Party, {"me": name}) for name in SETS}


def manifest(name, seed=0):
    """The manifest of one of the protocols."""
    return msgpack.packb([name, seed])


def in_lock_step(name):
    """The same session by `play`: what each party returns."""
    return play({party: Party(party).part(manifest(name)) for party in PARTIES[name]}).outputs


class AskingPromises:
    """What every fabric keeps."""

    def test_the_asker_learns_which_are_in_the_table_and_the_key_holder_nothing(self, fabric):
        for name, parties in PARTIES.items():
            outcomes = fabric.run(name, parties, manifest(name)).outcomes
            assert [str(outcome.error) for outcome in outcomes.values() if outcome.error] == []
            got = {party: np.frombuffer(outcome.value, np.int64).tolist() for party, outcome in outcomes.items()}
            assert got == {"north": [int(k in SETS["south"]) for k in SETS["north"]], "south": []}
