"""The ledger of questions: no more than allowed under one key, remembered before it is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.disclosure.query_ledger import QueryLedger
from securecompute.errors import DisclosureRefused, InternalFault, InvalidRequest
from securecompute.protocols.intersection.oprf import QueryLog

KEY, OTHER = b"k" * 32, b"o" * 32


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(0, 20))
def test_what_is_asked_under_one_key_never_exceeds_what_is_allowed(sizes, allowed):
    ledger: QueryLog = QueryLedger()
    left = allowed
    for items in sizes:
        if items <= left:
            ledger.spend(KEY, "north", b"s", items, allowed)
            left -= items
        else:
            with pytest.raises(DisclosureRefused):
                ledger.spend(KEY, "north", b"s", items, allowed)
    assert sum(each.items for each in ledger.asked(KEY)) == allowed - left


def test_askers_share_what_is_allowed_and_keys_do_not():
    ledger = QueryLedger()
    ledger.spend(KEY, "north", b"s", 6, 10)
    with pytest.raises(DisclosureRefused):
        ledger.spend(KEY, "south", b"t", 5, 10)
    ledger.spend(OTHER, "south", b"t", 5, 10)
    assert [(each.asker, each.session, each.items) for each in ledger.asked(KEY)] == [("north", b"s", 6)]


def test_a_file_remembers_after_the_process(tmp_path):
    first = QueryLedger(tmp_path / "asked")
    first.spend(KEY, "north", b"s", 6, 10)
    first.close()
    again = QueryLedger(tmp_path / "asked")
    with pytest.raises(DisclosureRefused):
        again.spend(KEY, "north", b"s", 5, 10)
    again.spend(KEY, "north", b"t", 4, 10)
    assert [each.items for each in again.asked(KEY)] == [6, 4]
    assert all(len(each.at) == 19 for each in again.asked(KEY))


def test_two_openings_of_one_file_share_what_is_left(tmp_path):
    one, other = (QueryLedger(tmp_path / "asked") for _ in range(2))
    one.spend(KEY, "north", b"s", 6, 10)
    with pytest.raises(DisclosureRefused):
        other.spend(KEY, "north", b"s", 5, 10)


def test_a_question_that_cannot_be_noted_is_not_answered():
    ledger = QueryLedger()
    ledger._database.execute("DROP TABLE asked")
    with pytest.raises(InternalFault, match="nothing is answered"):
        ledger.spend(KEY, "north", b"s", 1, 10)


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    (tmp_path / "text").write_text("no database" * 100)
    with pytest.raises(InvalidRequest):
        QueryLedger(tmp_path / "text")
