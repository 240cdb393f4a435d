"""Linkages and intersections of three between Ray actors."""

import pytest

from tests.protocols.intersection.linking import RECIPES, LinkingPromises

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def fabric(ray_cluster):
    """One for all: three actors."""
    from securecompute.engine.on_ray import OnRay, Placement

    running = OnRay(RECIPES, placement=Placement(cluster="auto"))
    yield running
    running.close()


class TestOnRay(LinkingPromises):
    """The promises, between processes."""
