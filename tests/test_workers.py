"""Ray is started by one test worker only, or two clusters would compete for one machine."""

import os

import pytest


@pytest.mark.ray
def test_all_tests_that_start_ray_share_one_worker(request):
    assert request.node.nodeid.endswith("@ray") or "PYTEST_XDIST_WORKER" not in os.environ
