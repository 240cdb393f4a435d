"""What every test shares: properties are drawn the same way each time, and Ray starts on one worker only."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from securecompute.engine.ray_cluster import RayCluster

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=50, database=None)
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests marked `ray` in one group, which --dist loadgroup gives to one worker."""
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group("ray"))


@pytest.fixture(scope="session")
def ray_cluster() -> "Iterator[RayCluster]":
    """One private Ray for all tests that need one: it takes seconds to start. Networks join it by name."""
    from securecompute.engine.ray_cluster import RayCluster

    cluster = RayCluster(None)
    yield cluster
    cluster.close()
