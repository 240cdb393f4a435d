"""Questions to a table, counts and tags between Ray actors."""

import pytest

from tests.protocols.intersection.counting import RECIPES, CountingPromises

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def fabric(ray_cluster):
    """One for all: six actors."""
    from securecompute.engine.on_ray import OnRay, Placement

    running = OnRay(RECIPES, placement=Placement(cluster="auto"))
    yield running
    running.close()


class TestOnRay(CountingPromises):
    """The promises, between processes."""
