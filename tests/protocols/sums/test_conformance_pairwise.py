"""The pairwise-masked sum keeps the promises of every sum."""

from securecompute.protocols.sums.settings import Pairwise
from tests.protocols.sums.conformance import SumPromises


class TestPairwise(SumPromises):
    """Nobody holds a key."""

    def setting(self, names):
        """No names, no keys."""
        return Pairwise()
