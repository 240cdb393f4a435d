"""Products, and every gate and operation, between Ray actors: the same words as in lock step."""

import pytest

from tests.protocols.products.between_parties import ProductPromises
from tests.protocols.products.conformance import RECIPES, ConformancePromises

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def fabric(ray_cluster):
    """One for all: six actors."""
    from securecompute.engine.on_ray import OnRay, Placement

    running = OnRay(RECIPES, placement=Placement(cluster="auto"))
    yield running
    running.close()


class TestProductsOnRay(ProductPromises):
    """The promises of a product, between processes."""


class TestConformanceOnRay(ConformancePromises):
    """The promises of every gate and operation, between processes."""
