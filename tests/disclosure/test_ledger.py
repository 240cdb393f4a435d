"""The survivor ledger: one set of institutions per plan, remembered before anything is revealed."""

import signal
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from securecompute.disclosure.ledger import BoundLedger, SurvivorLedger
from securecompute.errors import DisclosureRefused, InternalFault, InvalidRequest

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


def test_another_version_of_the_data_is_answered_anew():
    """Of other records another total; the institutions whose data have not changed still refuse."""
    ledger = SurvivorLedger()
    january, february = BoundLedger(ledger, "1"), BoundLedger(ledger, "2")
    january.commit(PLAN, ["a", "b", "c"])
    february.check(PLAN, ["a", "b"])
    february.commit(PLAN, ["a", "b"])
    for version, answered in ((january, "ab"), (february, "abc")):
        with pytest.raises(DisclosureRefused):
            version.check(PLAN, answered)


def test_a_plan_is_guarded_by_the_same_ledgers_for_ever_also_when_it_is_opened_again(tmp_path):
    first = SurvivorLedger(tmp_path / "ledger.sqlite")
    first.pledge(PLAN, ["a", "b", "c"])
    first.close()
    ledger = SurvivorLedger(tmp_path / "ledger.sqlite")
    ledger.pledge(PLAN, ["c", "b", "a"])
    for others, named in (((), "of every institution itself"), (["a", "b", "d"], "of the committee of 'a', 'b', 'd'")):
        with pytest.raises(DisclosureRefused, match=f"before of the committee of 'a', 'b', 'c', and is now .* {named}"):
            ledger.pledge(PLAN, others)
    ledger.pledge(OTHER, ())
    with pytest.raises(DisclosureRefused, match="before of every institution itself, and is now"):
        ledger.pledge(OTHER, ["a", "b", "c"])
    ledger.pledge(OTHER, ["a", "b", "c"], "another version of the data")


def test_a_pledge_that_cannot_be_written_is_an_error_and_not_silence(tmp_path):
    ledger = SurvivorLedger(tmp_path / "ledger.sqlite")
    ledger._database.execute("PRAGMA query_only = on")
    with pytest.raises(InternalFault, match="nothing is revealed"):
        ledger.pledge(PLAN, ())


def test_a_ledger_with_a_file_remembers_when_it_is_opened_again(tmp_path):
    first = SurvivorLedger(tmp_path / "ledger.sqlite")
    first.commit(PLAN, ["a", "b"])
    first.close()
    again = SurvivorLedger(tmp_path / "ledger.sqlite")
    again.check(PLAN, ["a", "b"])
    with pytest.raises(DisclosureRefused):
        again.commit(PLAN, ["a", "c"])


DIES = """
import os, signal, sys
from pathlib import Path
from securecompute.disclosure.ledger import SurvivorLedger
SurvivorLedger(Path(sys.argv[1])).commit(b"p" * 32, ["a", "b"])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_commit_that_has_returned_survives_kill_9(tmp_path):
    path = tmp_path / "ledger.sqlite"
    died = subprocess.run([sys.executable, "-c", DIES, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    with pytest.raises(DisclosureRefused):
        SurvivorLedger(path).commit(PLAN, ["a", "c"])


def test_a_commit_waits_for_the_disk_and_for_the_folder_that_holds_the_file(tmp_path):
    ledger = SurvivorLedger(tmp_path / "ledger.sqlite")
    (level,) = ledger._database.execute("PRAGMA synchronous").fetchone()
    assert level == 3  # EXTRA


def test_two_processes_on_one_file_cannot_both_be_first(tmp_path):
    one, other = (SurvivorLedger(tmp_path / "ledger.sqlite") for _ in range(2))
    one.check(PLAN, ["a", "b"])
    other.check(PLAN, ["a", "c"])  # nothing is committed yet: both may go on
    one.commit(PLAN, ["a", "b"])
    with pytest.raises(DisclosureRefused):
        other.commit(PLAN, ["a", "c"])


def test_a_record_that_cannot_be_written_is_an_error_and_not_silence(tmp_path):
    ledger = SurvivorLedger(tmp_path / "ledger.sqlite")
    ledger._database.execute("PRAGMA query_only = on")
    with pytest.raises(InternalFault, match="nothing is revealed"):
        ledger.commit(PLAN, ["a", "b"])
    ledger._database.execute("PRAGMA query_only = off")
    ledger.commit(PLAN, ["a", "c"])


@pytest.mark.parametrize("found", [b"not a database, but long enough to look like a file of somebody's", None])
def test_a_file_that_is_no_ledger_is_refused_when_it_is_opened(tmp_path, found):
    path = tmp_path / "ledger.sqlite"
    path.mkdir() if found is None else path.write_bytes(found)
    with pytest.raises(InvalidRequest, match="cannot be used"):
        SurvivorLedger(path)


def test_a_table_of_another_shape_is_refused_before_anything_is_revealed(tmp_path):
    database = sqlite3.connect(tmp_path / "ledger.sqlite")
    database.execute("CREATE TABLE answered (something TEXT)")
    database.close()
    with pytest.raises(InternalFault):
        SurvivorLedger(tmp_path / "ledger.sqlite").check(PLAN, ["a"])
