"""Sums under BFV."""

from functools import cache

import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.primitives.lattice import BFV_4096
from securecompute.protocols.sums import lattice
from securecompute.protocols.sums.lattice import LatticeKey
from tests.protocols.sums.conformance import SumPromises


@cache
def small_key():
    """One key of the small parameters."""
    return LatticeKey([BFV_4096])


class TestLatticeOfSmallTotals(SumPromises):
    """One small plaintext modulus."""

    rings = (Ring.Z32,)
    examples = 5
    samples = 6
    uniform = 5000
    fresh_in_run = False

    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch):
        """The suite cheats often under one key."""
        monkeypatch.setattr(lattice, "MOST_REFUSALS", 10**6)

    def setting(self, names):
        return small_key().setting

    def key(self):
        return small_key()

    def bound(self, ring, n):
        return 1032192 // 2 // n
