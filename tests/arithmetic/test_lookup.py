"""Tables of rows: what a Python set says, for rows and entries of any length, and of which many have one hash."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic import lookup
from securecompute.arithmetic.lookup import Lookup, has_equal_rows, warm
from securecompute.errors import InvalidRequest

NUMBERS = st.integers(0, 2**128 - 1) | st.integers(0, 40) | st.integers(0, 40).map(lambda k: k << 64)


def rows(numbers):
    return np.array([[k & (1 << 64) - 1, k >> 64] for k in numbers], np.uint64).reshape(-1, 2)


def entries(numbers, size):
    octets = b"".join((k & (1 << 8 * size) - 1).to_bytes(size, "little") for k in numbers)
    return np.frombuffer(octets, np.uint8).reshape(-1, size)


@given(st.lists(NUMBERS, max_size=60), st.lists(NUMBERS, max_size=60), st.integers(1, 16))
def test_rows_are_found_by_their_first_bytes(own, others, size):
    table = Lookup(rows(own), size)
    table.mark(entries(others, size))
    known = {k & (1 << 8 * size) - 1 for k in others}
    assert table.found.dtype == np.bool_
    assert table.found.tolist() == [k & (1 << 8 * size) - 1 in known for k in own]


@given(st.lists(NUMBERS, max_size=60))
def test_equal_rows_are_noticed(numbers):
    assert has_equal_rows(rows(numbers)) == (len(set(numbers)) < len(numbers))


def test_long_lists_in_parts_find_what_one_list_finds():
    octets = np.random.default_rng(5).integers(0, 256, (5000, 16), dtype=np.uint8)
    own, listed = octets[:3000].view(np.uint64), np.ascontiguousarray(octets[1500:, :10])
    table = Lookup(own, 10)
    for start in range(0, 3500, 700):
        table.mark(listed[start : start + 700])
    assert table.found.tolist() == [False] * 1500 + [True] * 1500


def test_a_repeated_row_far_away_is_noticed():
    own = np.random.default_rng(6).integers(0, 2**64, (5000, 2), dtype=np.uint64)
    assert not has_equal_rows(own)
    own[4999] = own[0]
    assert has_equal_rows(own)
    own[4999, 1] ^= np.uint64(1)
    assert not has_equal_rows(own)


def test_rows_that_count_up_do_not_crowd():
    """Else this would take a minute: ways as long as the table."""
    own = np.zeros((100_000, 2), np.uint64)
    for column in (0, 1):
        own[:] = 0
        own[:, column] = np.arange(100_000)
        assert not has_equal_rows(own)


def test_rows_of_one_hash_are_told_apart():
    """High words whose products with the hash's factor agree in all but the lowest bits."""
    inverse = pow(int(lookup._HIGH), -1, 1 << 64)
    crowd = [(v * inverse % (1 << 64)) << 64 for v in range(600)]
    assert not has_equal_rows(rows(crowd))
    table = Lookup(rows(crowd[:100]))
    table.mark(entries(crowd[100:], 16))
    assert not table.found.any()
    table.mark(entries(crowd[:100:2], 16))
    assert table.found.tolist() == [k % 2 == 0 for k in range(100)]


def test_an_entry_that_is_sent_often_is_found_once():
    table = Lookup(rows([3, 5, 7]), 2)
    table.mark(entries([5] * 10_000, 2))
    assert table.found.tolist() == [False, True, False]


def test_what_was_found_is_a_copy_and_own_rows_stay():
    own = rows([1, 2])
    table = Lookup(own, 1)
    own[:] = 9
    table.found[:] = True
    table.mark(entries([2], 1))
    assert table.found.tolist() == [False, True]


def test_other_arrays_are_refused():
    table = Lookup(rows([1]), 4)
    for wrong in (np.zeros((2, 5), np.uint8), np.zeros((2, 4), np.int8), np.zeros(4, np.uint8)):
        with pytest.raises(InvalidRequest, match="entries are"):
            table.mark(wrong)
    for wrong in (np.zeros((2, 3), np.uint64), np.zeros((2, 2), np.int64)):
        with pytest.raises(InvalidRequest):
            Lookup(wrong)
        with pytest.raises(InvalidRequest):
            has_equal_rows(wrong)
    for size in (0, 17):
        with pytest.raises(InvalidRequest, match="bytes of a row"):
            Lookup(rows([1]), size)


def test_warming_takes_no_arguments():
    assert warm() is None
