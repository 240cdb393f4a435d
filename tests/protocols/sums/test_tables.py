"""Tables of one row per institution: what goes in comes out, and the size shows nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.engine.rounds import payload_bytes
from securecompute.errors import PeerMisbehaved
from securecompute.protocols.sums.tables import flags, members, rows, table, table_spec

NAMES = ("a", "b", "c", "d")
FILLED = st.dictionaries(st.sampled_from(NAMES), st.binary(min_size=3, max_size=3))


@given(FILLED)
def test_the_rows_come_back(filled):
    assert rows(NAMES, table(NAMES, filled, 3)) == filled


@given(FILLED)
def test_every_table_is_as_large_as_declared_whoever_is_missing(filled):
    spec = table_spec(4, 3)
    assert spec.admits(table(NAMES, filled, 3))
    assert payload_bytes(table(NAMES, filled, 3)) == spec.limit == 16


@given(st.sets(st.sampled_from(NAMES)))
def test_the_members_come_back_in_the_order_of_the_names(chosen):
    assert members(NAMES, flags(NAMES, chosen)) == tuple(name for name in NAMES if name in chosen)


def test_rows_that_are_not_there_are_zero():
    assert not table(NAMES, {"b": b"xyz"}, 3)[1][[0, 2, 3]].any()


@pytest.mark.parametrize("flag", [2, 3, 128, 255])
def test_a_flag_is_0_or_1(flag):
    present = np.array([1, 0, flag, 1], np.uint8)
    for read in (lambda: members(NAMES, present), lambda: rows(NAMES, (present, np.zeros((4, 3), np.uint8)))):
        with pytest.raises(PeerMisbehaved, match="other than 0 and 1"):
            read()


def test_a_row_of_another_width_is_an_error_of_the_caller():
    with pytest.raises(ValueError, match="broadcast"):
        table(NAMES, {"a": b"four"}, 3)
