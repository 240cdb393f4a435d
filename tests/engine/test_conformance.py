"""The conformance suite on the fabrics without processes."""

from collections.abc import Iterator

import pytest

from securecompute.engine.faults import Faults
from securecompute.engine.in_process import InProcess
from tests.engine.conformance import Harness, LinkPromises, LockStep, OnFabric, Promises


class TestLockStep(Promises):
    """`play`."""

    @pytest.fixture
    def harness(self) -> Harness:
        return LockStep()


class TestInProcess(LinkPromises):
    """`simulate`, on a network without faults."""

    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        harness = OnFabric(InProcess)
        yield harness
        harness.close()


class TestInProcessOnABadNetwork(LinkPromises):
    """`simulate`, on a network that loses, repeats, reorders and delays."""

    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        network = Faults(7, drop=0.05, duplicate=0.05, reorder=0.02, replay=0.05, delay=0.01)
        harness = OnFabric(lambda recipes, limits: InProcess(recipes, limits, network))
        yield harness
        harness.close()
