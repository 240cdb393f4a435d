"""One plan asked in two ways: why an institution remembers, before it speaks, whose ledgers guard the plan."""

import pytest

from securecompute.errors import DisclosureRefused
from securecompute.protocols.sums.settings import Committee
from tests.protocols.sums.committee_playing import SPEAK, VERDICT
from tests.protocols.sums.playing import COORDINATOR, Federation, answer, describe, in_turn, names, without

TEN = names(10)
MEMBERS, OTHERS = tuple(TEN[:3]), tuple(TEN[3:])
SEVEN_AND_ONE = (MEMBERS[0], *OTHERS)


def by_the_committee(ledgers):
    """A total of the seven others and of h0; the coordinator lets none of the seven hear of it."""
    federation = Federation(describe(10, setting=Committee(MEMBERS)), seed=1, ledgers=ledgers)
    unheard = without(*((VERDICT, COORDINATOR, u) for u in OTHERS))
    left_out = without(*((SPEAK, u) for u in MEMBERS[1:]))
    return federation, federation.run(in_turn(left_out, unheard))


def by_the_seven(ledgers):
    """A total of the seven alone, who are enough."""
    federation = Federation(describe(10), seed=2, ledgers=ledgers)
    return federation, federation.run(without(*((0, u) for u in MEMBERS)))


def test_as_declared_ledgers_alone_would_let_two_totals_of_one_plan_out_that_differ_by_one_institution():
    ledgers = Federation(describe(10)).ledgers
    first, second = (answer(*by_the_committee(ledgers)), answer(*by_the_seven(ledgers)))
    assert first[0].included == tuple(sorted(SEVEN_AND_ONE))
    assert second[0].included == OTHERS
    assert [a - b for a, b in zip(first[1], second[1], strict=True)] == Federation(describe(10)).inputs["h0"]


def test_each_of_the_seven_refuses_the_second_way_once_it_has_spoken_in_the_first():
    ledgers = Federation(describe(10)).ledgers
    for u in TEN:
        ledgers[u].pledge(b"p" * 32, MEMBERS)
    assert answer(*by_the_committee(ledgers)) is not None
    for u in OTHERS:
        with pytest.raises(DisclosureRefused, match="was asked before of the committee of 'h0', 'h1', 'h2'"):
            ledgers[u].pledge(b"p" * 32, ())
