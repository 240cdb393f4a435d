"""Silent products and the intersection without LPN on the simulated network: the exact result, or a typed end."""

import pytest

from securecompute.engine.faults import Faults
from securecompute.engine.in_process import InProcess
from securecompute.engine.runner import Limits
from securecompute.errors import AbortCode
from tests.protocols.intersection.correlations import RECIPES, SIDES, CorrelationPromises, in_lock_step, manifest

LIMITS = Limits(linger_seconds=60.0)
NAMES = ("products", "intersection")


@pytest.fixture
def fabric():
    """A fresh one."""
    return InProcess(RECIPES)


class TestInProcess(CorrelationPromises):
    """The promises, on a network without faults."""


def outcomes(name, network):
    return InProcess(RECIPES, LIMITS, network).run(name, SIDES, manifest(name)).outcomes


@pytest.mark.parametrize("name", NAMES)
def test_frames_that_are_lost_doubled_late_or_old_change_nothing(name):
    ended = outcomes(name, Faults(1, drop=0.1, duplicate=0.1, reorder=0.2, replay=0.1, delay=0.1))
    assert {side: outcome.value for side, outcome in ended.items()} == in_lock_step(manifest(name))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(2))
def test_frames_that_are_changed_on_the_way_never_change_the_result(name, seed):
    ended, right = outcomes(name, Faults(seed, corrupt=0.05)), in_lock_step(manifest(name))
    for side, outcome in ended.items():
        assert outcome.error is not None or outcome.value == right[side]
        assert outcome.error is None or outcome.error.code in (AbortCode.BAD_FRAME, AbortCode.DEADLINE)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", SIDES)
def test_without_the_other_side_there_is_a_typed_end(name, side):
    survivor = "RS".replace(side, "")
    error = outcomes(name, Faults(0, kill={side: (1, "before")}))[survivor].error
    assert error.code in (AbortCode.PEER_LOST, AbortCode.DEADLINE)
