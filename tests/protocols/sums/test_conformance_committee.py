"""A committee's sum keeps the promises of every sum: three members, five, three with a coordinator that is trusted."""

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
