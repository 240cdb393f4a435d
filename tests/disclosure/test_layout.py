"""Layouts of totals."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.disclosure.layout import Layout, Segment
from securecompute.errors import EncodingOverflow, InternalFault

LAYOUT = Layout([Segment("n", 2, 100), Segment("sum", 2, 2**70, 3, "sum", "n"), Segment("missing", 1, 100)])


@given(st.lists(st.integers(0, 6), max_size=5))
def test_splitting_undoes_joining(lengths):
    layout = Layout([Segment(str(k), length, 10) for k, length in enumerate(lengths)])
    parts = {str(k): list(range(length)) for k, length in enumerate(lengths)}
    assert layout.split(layout.join(parts)) == parts
    assert layout.length == sum(lengths)


def test_a_segment_starts_where_the_one_before_it_ends():
    assert LAYOUT.offsets == {"n": 0, "sum": 2, "missing": 4}


def test_the_bound_is_the_largest_of_the_segments():
    assert LAYOUT.bound == 2**70


def test_a_vector_is_of_exact_integers_whatever_the_segments_are_made_of():
    vector = LAYOUT.join({"n": np.array([1, 2]), "sum": [-(2**70), 0], "missing": [3]})
    assert vector == [1, 2, -(2**70), 0, 3]
    assert all(type(entry) is int for entry in vector)


def test_an_entry_beyond_its_bound_is_refused_without_being_named():
    with pytest.raises(EncodingOverflow, match=r"an entry is beyond 100\. Raise max_records") as refusal:
        LAYOUT.join({"n": [1, 54321], "sum": [0, 0], "missing": [0]})
    assert "54321" not in str(refusal.value)


@pytest.mark.parametrize(
    "parts",
    [
        {"n": [1, 2], "sum": [0, 0]},
        {"n": [1, 2], "sum": [0, 0], "missing": [0], "more": [1]},
        {"n": [1], "sum": [0, 0], "missing": [0]},
    ],
)
def test_other_segments_than_the_layouts_are_a_fault(parts):
    with pytest.raises(InternalFault):
        LAYOUT.join(parts)


def test_a_vector_of_another_length_is_a_fault():
    with pytest.raises(InternalFault, match="4 entries meets a layout of 5"):
        LAYOUT.split([0] * 4)


@pytest.mark.parametrize(
    "segments",
    [
        [Segment("n", 1, 1), Segment("n", 1, 1)],
        [Segment("n", -1, 1)],
        [Segment("n", 1, -1)],
        [Segment("sum", 1, 1, kind="sum")],
        [Segment("n", 2, 1), Segment("sum", 1, 1, kind="sum", governed_by="n")],
        [Segment("s", 1, 1, kind="sum", governed_by="s")],
    ],
)
def test_an_inconsistent_layout_cannot_be_made(segments):
    with pytest.raises(InternalFault):
        Layout(segments)


def test_a_layout_survives_a_journey_between_processes():
    assert pickle.loads(pickle.dumps(LAYOUT)) == LAYOUT
