"""OpenMined's intersection beside ours, on the same sets: the same items.

An oracle that shares no line with us: elliptic curves of another library, in C++. Where it has no wheel, this file is
not collected (`conftest.py`).
"""

import private_set_intersection.python as psi
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from securecompute.engine.local import play
from securecompute.primitives.oprf import Mode
from securecompute.protocols.intersection import iknp, oprf, vole
from securecompute.protocols.intersection.oprf_table import Table
from tests.protocols.intersection.sets import HEADER, Spent, plain
from tests.seeded import SeededRandomness

FALSE_MATCHES = 2.0**-40
SETS = st.integers(0, 300).flatmap(lambda n: st.sets(st.integers(0, 400), max_size=n))


@pytest.fixture(autouse=True, scope="module")
def _warm():
    vole.warm()
    iknp.warm()


def theirs(x, y):
    """Places in x of what is in y too, as their client learns them."""
    client, server = psi.client.CreateWithNewKey(True), psi.server.CreateWithNewKey(True)
    x, y = [str(k) for k in x], [str(k) for k in y]
    setup = server.CreateSetupMessage(FALSE_MATCHES, len(x), y, psi.DataStructure.RAW)
    answered = server.ProcessRequest(client.CreateRequest(x))
    return client.GetIntersection(setup, answered)


def ours(part, x, y):
    """Which of x are in y: bool (len(x),)."""
    own, other = SeededRandomness("R"), SeededRandomness("S")
    if part is oprf:
        table = Table.prepare(plain(y), len(y), 1000, Mode.OPRF, other)
        receiver = oprf.receive("S", plain(x), len(x), len(y), 1000, Mode.OPRF, own)
        sender = oprf.send("R", table, len(x), HEADER, Spent(), other)
    else:
        receiver = part.receive("S", plain(x), len(x), len(y), HEADER, own)
        sender = part.send("R", plain(y), len(x), len(y), HEADER, other)
    return play({"R": receiver, "S": sender}).outputs["R"]


@settings(max_examples=4)
@given(SETS, SETS)
@example(set(), {1})
@example({1}, set())
@example({1}, {1})
@example({1, 2}, {3})
def test_all_two_party_protocols_find_what_openmined_finds(x, y):
    x, y = sorted(x), sorted(y)
    places = sorted(theirs(x, y))
    for part in (vole, iknp, oprf):
        assert [k for k, member in enumerate(ours(part, x, y)) if member] == places
