"""What the tests of set intersections share: sets as identifiers, and a log that only counts."""

import numpy as np
from hypothesis import strategies as st

from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.errors import DisclosureRefused
from securecompute.primitives.keys import AgreementKey
from securecompute.values import Plain
from tests.seeded import SeededRandomness

HEADER = b"one session"
FEW = st.sets(st.integers(0, 30), max_size=12)  # of a small world, so that sets meet


def identifiers(members):
    """Members, numbers below 2^16, as identifiers in the order given: uint64 (n, 2), read-only."""
    ids = np.array([[m * 0x9E3779B97F4A7C15 % (1 << 64), m] for m in members], np.uint64).reshape(-1, 2)
    ids.flags.writeable = False
    return ids


def plain(members):
    """The same, to be given to a protocol."""
    return Plain(identifiers(members))


def far_apart(parts):
    """Run the parts with sealing, codec and deadlines between them, on a network that is only simulated: outputs."""
    keys = {party: AgreementKey.generate(SeededRandomness(party)) for party in parts}
    session = open_session("sets", {party: key.public for party, key in keys.items()}, b"manifest")
    return {party: outcome.value for party, outcome in simulate(session, parts, keys).outcomes.items()}


class Spent:
    """A query log in memory."""

    def __init__(self):
        self.asked = []

    def spend(self, key, asker, session, items, allowed):
        if sum(n for k, *_, n in self.asked if k == key) + items > allowed:
            raise DisclosureRefused("no more questions")
        self.asked.append((key, asker, session, items))
