"""The survivor ledger: one set of institutions per plan, remembered before anything is revealed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from securecompute.disclosure.ledger import SurvivorLedger
from securecompute.errors import DisclosureRefused

PLAN, OTHER = b"p" * 32, b"q" * 32
SETS = st.sets(st.sampled_from("abcd"), min_size=1).map(sorted)


@given(SETS, SETS)
def test_a_plan_is_answered_again_for_the_same_institutions_only(first, second):
    ledger = SurvivorLedger()
    ledger.commit(PLAN, first)
    for deed in (ledger.check, ledger.commit):
        if first == second:
            deed(PLAN, second)
        else:
            with pytest.raises(DisclosureRefused, match=f"plan {PLAN.hex()[:8]} was already answered with"):
                deed(PLAN, second)
    ledger.check(PLAN, first)  # a refusal changes nothing


def test_the_order_and_a_repetition_of_the_names_do_not_matter():
    ledger = SurvivorLedger()
    ledger.commit(PLAN, ["a", "b", "c"])
    ledger.commit(PLAN, ("c", "b", "a", "a"))


def test_a_check_alone_remembers_nothing():
    ledger = SurvivorLedger()
    ledger.check(PLAN, ["a", "b"])
    ledger.commit(PLAN, ["a", "c"])


def test_plans_and_ledgers_are_apart():
    ledger = SurvivorLedger()
    ledger.commit(PLAN, ["a", "b"])
    ledger.commit(OTHER, ["a", "c"])
    SurvivorLedger().commit(PLAN, ["a", "c"])


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("ab", "answering again without 'c' would reveal the numbers of 'c' by subtraction."),
        ("abcd", "answering again with 'd' would reveal the numbers of 'd' by subtraction."),
        ("abd", "without 'c' would reveal the numbers of 'c' by subtraction and answering again with 'd' would reveal"),
        ("a", "answering again without 'b', 'c' would reveal the numbers of 'b', 'c' by subtraction."),
    ],
)
def test_the_refusal_says_what_was_answered_with_whom_and_what_subtraction_would_give(asked, why):
    ledger = SurvivorLedger()
    ledger.commit(PLAN, "abc")
    with pytest.raises(DisclosureRefused) as refused:
        ledger.commit(PLAN, asked)
    assert "plan 70707070 was already answered with 'a', 'b', 'c'; " in str(refused.value)
    assert why in str(refused.value)


class AnyHistory(RuleBasedStateMachine):
    """Whatever is asked in whatever order, no plan ever has two sets."""

    def __init__(self):
        super().__init__()
        self.ledger, self.answered = SurvivorLedger(), {}

    @rule(plan=st.sampled_from([PLAN, OTHER]), survivors=SETS)
    def commit(self, plan, survivors):
        try:
            self.ledger.commit(plan, survivors)
        except DisclosureRefused:
            assert self.answered[plan] != survivors
        else:
            assert self.answered.setdefault(plan, survivors) == survivors

    @invariant()
    def the_answers_given_may_be_given_again(self):
        for plan, survivors in self.answered.items():
            self.ledger.check(plan, survivors)


TestAnyHistory = AnyHistory.TestCase
