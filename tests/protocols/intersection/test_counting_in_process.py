"""Questions to a table, counts and tags on the simulated network: the exact result, or a typed end."""

import pytest

from securecompute.engine.faults import Faults
from securecompute.engine.in_process import InProcess
from securecompute.engine.runner import Limits
from securecompute.errors import AbortCode
from tests.protocols.intersection.counting import (
    LEARNS,
    PARTIES,
    RECIPES,
    CountingPromises,
    in_lock_step,
    manifest,
)

LIMITS = Limits(linger_seconds=60.0)


@pytest.fixture
def fabric():
    """A fresh one."""
    return InProcess(RECIPES)


class TestInProcess(CountingPromises):
    """The promises, on a network without faults."""


def outcomes(name, network):
    return InProcess(RECIPES, LIMITS, network).run(name, PARTIES[name], manifest(name)).outcomes


@pytest.mark.parametrize("name", PARTIES)
def test_frames_that_are_lost_doubled_late_or_old_change_nothing(name):
    ended = outcomes(name, Faults(1, drop=0.1, duplicate=0.1, reorder=0.2, replay=0.1, delay=0.1))
    assert {party: outcome.value for party, outcome in ended.items()} == in_lock_step(name)


@pytest.mark.parametrize("name", PARTIES)
@pytest.mark.parametrize("seed", range(2))
def test_frames_that_are_changed_on_the_way_never_change_the_result(name, seed):
    ended, right = outcomes(name, Faults(seed, corrupt=0.1)), in_lock_step(name)
    for party, outcome in ended.items():
        assert outcome.error is not None or outcome.value == right[party]
        assert outcome.error is None or outcome.error.code in (AbortCode.BAD_FRAME, AbortCode.DEADLINE)


@pytest.mark.parametrize(
    ("name", "lost"), [(n, p) for n, parties in PARTIES.items() for p in parties if p != LEARNS[n]]
)
def test_without_one_of_them_there_is_a_typed_end(name, lost):
    error = outcomes(name, Faults(0, kill={lost: (0, "before")}))[LEARNS[name]].error
    assert error.code in (AbortCode.PEER_LOST, AbortCode.DEADLINE)
