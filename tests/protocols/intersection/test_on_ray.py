"""Every conversation about sets between Ray actors: the same results as in lock step."""

import pytest

from tests.protocols.intersection import asking, correlations, linking
from tests.protocols.intersection.asking import AskingPromises
from tests.protocols.intersection.correlations import CorrelationPromises
from tests.protocols.intersection.linking import LinkingPromises

pytestmark = pytest.mark.ray


@pytest.fixture(scope="class")
def fabric(request, ray_cluster):
    """One for a suite: an actor for each of its parties."""
    from securecompute.engine.on_ray import OnRay, Placement

    running = OnRay(request.cls.SUITE.RECIPES, placement=Placement(cluster="auto"))
    yield running
    running.close()


class TestCorrelations(CorrelationPromises):
    """The promises, between processes."""

    SUITE = correlations


class TestAsking(AskingPromises):
    """Likewise."""

    SUITE = asking


class TestLinking(LinkingPromises):
    """Likewise."""

    SUITE = linking
