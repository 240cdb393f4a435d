"""The gate before anything is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.disclosure.gate import release
from securecompute.disclosure.layout import Layout, Segment
from securecompute.disclosure.rules import Rules
from securecompute.errors import InternalFault, PeerMisbehaved

COUNTS = Layout([Segment("n", 4, 2**24)])
SUMS = Layout([Segment("n", 2, 2**24), Segment("sum", 2, 2**70, 0, "sum", "n"), Segment("missing", 1, 2**24)])


def test_counts_of_1_to_9_are_hidden_and_zero_is_shown():
    assert release(COUNTS, [0, 1, 9, 10], Rules()).entries == (0, None, None, 10)


@given(st.integers(3, 30), st.lists(st.integers(0, 40), min_size=4, max_size=4))
def test_a_count_is_shown_exactly_if_it_is_zero_or_reaches_the_smallest_cell(min_cell, total):
    entries = release(COUNTS, total, Rules(min_cell=min_cell)).entries
    assert entries == tuple(c if c == 0 or c >= min_cell else None for c in total)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(-(2**80), 2**80), st.integers(0, 40))
def test_a_sum_is_shown_exactly_if_its_count_is(n_1, n_2, total, missing):
    shown = SUMS.split(release(SUMS, [n_1, n_2, total, total, missing], Rules()).entries)
    for n, entry, sum_ in zip((n_1, n_2), shown["n"], shown["sum"], strict=True):
        assert sum_ == (None if 0 < n < 10 else total)
        assert (sum_ is None) == (entry is None)


def test_joint_cells_count_and_not_those_of_an_institution():
    assert release(COUNTS, [3 * 7, 0, 0, 0], Rules(min_cell=11)).entries[0] == 21


@given(st.integers(1, 9), st.integers(1, 9))
def test_which_small_count_was_hidden_cannot_be_told(first, second):
    assert release(COUNTS, [first, 0, 0, 50], Rules()) == release(COUNTS, [second, 0, 0, 50], Rules())


def test_a_negative_count_means_that_an_institution_misbehaved():
    with pytest.raises(PeerMisbehaved, match="segment 'n' cannot be a count") as error:
        release(COUNTS, [0, -77, 0, 0], Rules())
    assert "77" not in str(error.value)


def test_a_total_of_another_length_is_a_fault():
    with pytest.raises(InternalFault):
        release(COUNTS, [1, 2, 3], Rules())
