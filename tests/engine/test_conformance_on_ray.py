"""The conformance suite on Ray actors, once for each way in which frames travel between them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.conformance import Harness, LinkPromises, OnFabric

pytestmark = pytest.mark.ray


def on_ray(carrier: str) -> OnFabric:
    """Four talkers as actors of the cluster that all tests share."""
    from securecompute.engine.on_ray import OnRay, Placement

    placement = Placement(cluster="auto", carrier=carrier)
    return OnFabric(lambda recipes, limits: OnRay(recipes, limits, placement))


class OnActors(LinkPromises):
    """One set of actors for all tests of a class, and a fresh one for those who kill."""

    carrier: str

    @pytest.fixture(scope="class")
    @classmethod
    def harness(cls, ray_cluster: Any) -> Iterator[Harness]:
        harness = on_ray(cls.carrier)
        yield harness
        harness.close()

    @pytest.fixture
    def mortal(self, ray_cluster: Any) -> Iterator[Harness]:
        """A harness that the test may break."""
        harness = on_ray(self.carrier)
        yield harness
        harness.close()


class TestSockets(OnActors):
    """Unix sockets between actors of one node."""

    carrier = "sockets"


class TestCalls(OnActors):
    """Calls from actor to actor."""

    carrier = "calls"
