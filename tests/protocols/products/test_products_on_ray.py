"""Products between Ray actors: the same words as in lock step."""

import pytest

from tests.protocols.products.between_parties import RECIPES, ProductPromises

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def fabric(ray_cluster):
    """One for all."""
    from securecompute.engine.on_ray import OnRay, Placement

    running = OnRay(RECIPES, placement=Placement(cluster="auto"))
    yield running
    running.close()


class TestOnRay(ProductPromises):
    """The promises, between processes."""
