"""What an institution has already answered: for each plan one set of institutions, for ever.

A total over U and a total of the same plan over U without X differ by X's numbers, whatever the cryptography does. So
whoever has revealed for one set refuses every other, and remembers before it reveals.

Security   Stops a total from being repeated over another set while this object lives; a process that starts afresh has
           forgotten. Not stopped: another plan that selects nearly the same records.
Reference  Denning, Denning and Schwartz, The tracker, ACM TODS 4(1), 1979: allowed answers whose difference is not.
"""

from collections.abc import Sequence

from securecompute.engine.rounds import Party
from securecompute.errors import DisclosureRefused


class SurvivorLedger:
    """One institution's memory, kept in this process. Safe to share between threads and sessions."""

    __slots__ = ("_answered",)

    def __init__(self) -> None:
        self._answered: dict[bytes, frozenset[Party]] = {}

    def check(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """Return if the plan has not been answered, or for the same institutions.

        raises   DisclosureRefused  naming the plan, whom it was answered with, and whose numbers would show
        """
        _compare(plan, self._answered.get(plan, frozenset(survivors)), frozenset(survivors))

    def commit(self, plan: bytes, survivors: Sequence[Party]) -> None:
        """As `check`, and remember the answer. To be called before anything is revealed.

        raises   DisclosureRefused  as `check`; the earlier answer stays the one remembered
        """
        now = frozenset(survivors)
        _compare(plan, self._answered.setdefault(plan, now), now)  # one step, so two sessions cannot both be first


def _compare(plan: bytes, answered: frozenset[Party], asked: frozenset[Party]) -> None:
    if asked == answered:
        return
    ways = [
        f"answering again {word} {_listed(others)} would reveal the numbers of {_listed(others)} by subtraction"
        for word, others in (("without", answered - asked), ("with", asked - answered))
        if others
    ]
    raise DisclosureRefused(
        f"plan {plan.hex()[:8]} was already answered with {_listed(answered)}; {' and '.join(ways)}. "
        "Ask again when the same institutions can be reached"
    )


def _listed(parties: frozenset[Party]) -> str:
    return ", ".join(f"'{party}'" for party in sorted(parties))
