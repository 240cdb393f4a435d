"""Products on the simulated network: sealed, with faults; the exact result, or an error of the closed list."""

import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.engine.faults import Faults
from securecompute.engine.in_process import InProcess
from securecompute.engine.runner import Limits
from securecompute.errors import AbortCode
from tests.protocols.products.between_parties import PARTIES, RECIPES, ProductPromises, manifest, played
from tests.protocols.products.playing import RECEIVER, TRIO

LIMITS = Limits(linger_seconds=60.0)
GIVEN = manifest(1, Ring.Z64, 50)


@pytest.fixture
def fabric():
    """A fresh one."""
    return InProcess(RECIPES)


class TestInProcess(ProductPromises):
    """The promises, on a network without faults."""


@pytest.fixture(scope="module")
def result():
    """What the receiver should get."""
    return played(GIVEN)


def outcomes(network):
    """Party -> outcome, of one run on this network."""
    return InProcess(RECIPES, LIMITS, network).run("product", PARTIES, GIVEN).outcomes


@pytest.mark.parametrize("seed", range(12))
def test_frames_that_are_lost_doubled_late_or_old_change_nothing(seed, result):
    network = Faults(seed, drop=0.1, duplicate=0.1, reorder=0.2, replay=0.1, delay=0.1)
    ended = outcomes(network)
    assert [str(o.error) for o in ended.values() if o.error] == []
    assert ended[RECEIVER].value == result


@pytest.mark.parametrize("seed", range(12))
def test_frames_that_are_changed_on_the_way_never_change_the_result(seed, result):
    ended = outcomes(Faults(seed, corrupt=0.02))
    assert all(o.error.code in (AbortCode.BAD_FRAME, AbortCode.DEADLINE) for o in ended.values() if o.error)
    assert ended[RECEIVER].error or ended[RECEIVER].value == result


@pytest.mark.parametrize("party", [*TRIO, "left"])
@pytest.mark.parametrize("frame", range(0, 8, 2))
def test_without_a_party_there_is_the_result_or_a_typed_end(party, frame, result):
    ended = outcomes(Faults(0, kill={party: (frame, "before")}))
    survivors = [o for p, o in ended.items() if p != party and o.error]
    assert all(o.error.code in (AbortCode.PEER_LOST, AbortCode.DEADLINE) for o in survivors)
    assert ended[RECEIVER].error or ended[RECEIVER].value == result
