"""Planes hold the bits of numbers, and thermometers answer every comparison with a public number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.bit_planes import (
    digits,
    packed,
    pick,
    planes,
    row_bytes,
    thermometers,
    top_bit,
    unpacked,
    without_top_bit,
)
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest

DTYPES = st.sampled_from([np.uint8, np.uint16, np.uint32, np.uint64])


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), DTYPES, st.data())
def test_a_plane_holds_one_bit_of_every_number(values, dtype, data):
    numbers = np.array(values, np.uint64).astype(dtype)
    count = data.draw(st.integers(0, 8 * numbers.itemsize))
    rows = planes(numbers, count)
    assert rows.shape == (count, row_bytes(len(values)))
    expected = [[int(v) >> k & 1 for v in numbers] for k in range(count)]
    assert unpacked(rows, numbers.shape).tolist() == expected


def test_planes_of_a_wide_ring_go_on_in_its_high_words():
    x = RingArray.integers(Ring.Z128, [[1 << 127 | 5, -1], [1 << 64, 0]])
    rows = unpacked(planes(x, 128), x.shape)
    assert rows.shape == (128, 2, 2)
    assert (sum(rows[k].astype(object) << k for k in range(128)) == x.signed() % (1 << 128)).all()


def test_bits_that_numbers_do_not_have_are_refused():
    with pytest.raises(InvalidRequest, match="33 bits of numbers that have 32"):
        planes(np.zeros(3, np.uint32), 33)


def test_planes_of_many_numbers_do_not_depend_on_how_they_are_cut():
    numbers = np.random.default_rng(1).integers(0, 1 << 63, 3 * (1 << 14) + 5).astype(np.uint64)
    assert (planes(numbers, 64)[17] == packed(numbers >> np.uint64(17) & np.uint64(1))).all()


def test_planes_of_numbers_that_lie_apart_are_in_c_order():
    numbers = np.arange(24, dtype=np.uint64).reshape(4, 6)
    assert (planes(numbers.T[::2], 5) == planes(numbers.T[::2].copy(), 5)).all()


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_a_thermometer_says_which_numbers_are_reached(m):
    r = np.arange(1 << m, dtype=np.uint8)
    table = unpacked(thermometers(planes(r, m)[:, np.newaxis]), r.shape)[:, 0]
    assert table.tolist() == [[int(v <= each) for each in r] for v in range(1, 1 << m)]


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_picking_compares_every_pair_of_digits_also_on_shares(m):
    r, c = (np.array(each, np.uint8) for each in zip(*np.ndindex(1 << m, 1 << m), strict=True))
    table = thermometers(planes(r, m)[:, np.newaxis])
    public = planes(c, m)[:, np.newaxis]
    share = np.random.default_rng(m).integers(0, 256, table.shape).astype(np.uint8)
    mine, theirs = pick(share, public, 255), pick(table ^ share, public, 0)
    less, equal = (unpacked(a ^ b, r.shape)[0] for a, b in zip(mine, theirs, strict=True))
    assert (less == (c < r)).all() and (equal == (c == r)).all()


def test_picking_from_many_numbers_does_not_depend_on_how_they_are_cut():
    draw = np.random.default_rng(2)
    r, c = draw.integers(0, 16, (2, 20_000)).astype(np.uint8)
    less, equal = pick(thermometers(planes(r, 4)[:, np.newaxis]), planes(c, 4)[:, np.newaxis], 255)
    assert (unpacked(less, r.shape)[0] == (c < r)).all() and (unpacked(equal, r.shape)[0] == (c == r)).all()


@pytest.mark.parametrize("m", [2, 3, 4])
def test_a_thermometer_gives_its_top_bit_and_that_of_the_bits_below(m):
    r = np.arange(1 << m, dtype=np.uint8)
    table = thermometers(planes(r, m))
    assert (top_bit(table) == planes(r, m)[-1]).all()
    assert (without_top_bit(table) == thermometers(planes(r, m - 1))).all()


def test_digits_that_a_number_does_not_have_are_zero():
    rows = np.arange(6, dtype=np.uint8).reshape(6, 1)
    assert digits(rows, 2)[..., 0].tolist() == [[0, 4], [1, 5], [2, 0], [3, 0]]
