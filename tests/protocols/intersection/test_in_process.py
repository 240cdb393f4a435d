"""Every conversation about sets on the simulated network: the exact result, or a typed end."""

import pytest

from securecompute.engine.faults import Faults
from securecompute.engine.in_process import InProcess
from securecompute.engine.runner import Limits
from securecompute.errors import AbortCode
from tests.protocols.intersection import asking, correlations, linking
from tests.protocols.intersection.asking import AskingPromises
from tests.protocols.intersection.correlations import CorrelationPromises
from tests.protocols.intersection.linking import LinkingPromises

LIMITS = Limits(linger_seconds=60.0)
SUITES = (asking, correlations, linking)
SESSIONS = pytest.mark.parametrize(
    ("suite", "name"), [pytest.param(suite, name, id=name) for suite in SUITES for name in suite.PARTIES]
)
LOSSES = pytest.mark.parametrize(
    ("suite", "name", "lost"),
    [
        pytest.param(suite, name, lost, id=f"{name} {lost}")
        for suite in SUITES
        for name in suite.PARTIES
        for lost in suite.PARTIES[name]
    ],
)


@pytest.fixture
def fabric(request):
    """A fresh one."""
    return InProcess(request.cls.SUITE.RECIPES)


class TestCorrelations(CorrelationPromises):
    """The promises, on a network without faults."""

    SUITE = correlations


class TestAsking(AskingPromises):
    """Likewise."""

    SUITE = asking


class TestLinking(LinkingPromises):
    """Likewise."""

    SUITE = linking


def outcomes(suite, name, network):
    return InProcess(suite.RECIPES, LIMITS, network).run(name, suite.PARTIES[name], suite.manifest(name)).outcomes


@SESSIONS
def test_frames_that_are_lost_doubled_late_or_old_change_nothing(suite, name):
    ended = outcomes(suite, name, Faults(1, drop=0.1, duplicate=0.1, reorder=0.2, replay=0.1, delay=0.1))
    assert {party: outcome.value for party, outcome in ended.items()} == suite.in_lock_step(name)


@SESSIONS
@pytest.mark.parametrize("seed", range(2))
def test_frames_that_are_changed_on_the_way_never_change_the_result(suite, name, seed):
    ended, right = outcomes(suite, name, Faults(seed, corrupt=0.1)), suite.in_lock_step(name)
    for party, outcome in ended.items():
        assert outcome.error is not None or outcome.value == right[party]
        assert outcome.error is None or outcome.error.code in (AbortCode.BAD_FRAME, AbortCode.DEADLINE)


@LOSSES
def test_without_one_of_them_there_is_a_typed_end(suite, name, lost):
    ended, right = outcomes(suite, name, Faults(0, kill={lost: (suite.LOST_AT, "before")})), suite.in_lock_step(name)
    left = {party: outcome for party, outcome in ended.items() if party != lost}
    codes = {party: outcome.error.code for party, outcome in left.items() if outcome.error}
    assert set(codes.values()) <= {AbortCode.PEER_LOST, AbortCode.DEADLINE}
    assert all(party in codes for party in left if right[party])  # who would have learned something
    assert all(left[party].value == right[party] for party in left if party not in codes)
