"""A committee's sum keeps the promises of every sum: three members, five, three with a coordinator that is trusted;
and vectors in several chunks.
"""

import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.protocols.sums import chunks
from securecompute.protocols.sums.settings import Committee
from tests.protocols.sums.conformance import SumPromises


class TestThreeMembers(SumPromises):
    """One of them may collude; none may be missing."""

    def setting(self, names):
        """The first three."""
        return Committee(tuple(names[:3]))

    def guards(self, names):
        """Members are asked before U is fixed; the others are told."""
        return names[:3]

    def spare(self, names):
        """Whoever is not a member."""
        return names[3:]


class TestThreeMembersAndAnHonestCoordinator(TestThreeMembers):
    """One of the members may be missing."""

    def setting(self, names):
        """The first three."""
        return Committee(tuple(names[:3]), honest_coordinator=True)

    def spare(self, names):
        """Anybody."""
        return names


class TestFiveMembers(SumPromises):
    """Two of them may collude; one may be missing."""

    n = 6
    sizes = (5, 6, 7)
    lengths = (1, 5)
    examples, samples = 5, 10

    def setting(self, names):
        """The last five."""
        return Committee(tuple(names[-5:]))

    def guards(self, names):
        """As above."""
        return names[-5:]


class InChunks:
    """Chunks of two entries of 128 bits, so that the vectors of most tests take several."""

    rings = (Ring.Z128, Ring.Z32, Ring.Z64)
    uniform = 1 << 8
    examples, samples = 10, 20

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        """As above."""
        monkeypatch.setattr(chunks, "CHUNK_BYTES", 32)

    def test_the_vectors_of_this_suite_take_several_chunks(self):
        """Else it shows nothing new."""
        assert len(chunks.spans(self.describe())) == 2


class TestThreeMembersInChunks(InChunks, TestThreeMembers):
    """As above."""


class TestFiveMembersInChunks(InChunks, TestFiveMembers):
    """As above."""

    examples, samples = 5, 10
