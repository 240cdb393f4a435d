"""Silent products and the intersection without LPN between Ray actors: the same bytes as in lock step."""

import pytest

from tests.protocols.intersection.correlations import RECIPES, CorrelationPromises

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def fabric(ray_cluster):
    """One for all: two actors."""
    from securecompute.engine.on_ray import OnRay, Placement

    running = OnRay(RECIPES, placement=Placement(cluster="auto"))
    yield running
    running.close()


class TestOnRay(CorrelationPromises):
    """The promises, between processes."""
