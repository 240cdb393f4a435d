"""Lanes: every sum of packed counts unpacks to the sums of the counts, and what could spill over is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.lanes import Lanes
from securecompute.arithmetic.rings import Ring, add_into, fits, zeros
from securecompute.errors import EncodingOverflow, InvalidRequest

RINGS = [Ring.Z32, Ring.Z64]


def summed(lanes, inputs):
    """The sum of the institutions' words."""
    total = zeros(lanes.ring, lanes.words(len(inputs[0])))
    for counts in inputs:
        add_into(lanes.ring, total, lanes.pack(np.array(counts, np.int64)))
    return total


@st.composite
def packings(draw):
    ring, n = draw(st.sampled_from(RINGS)), draw(st.integers(1, 6))
    low = draw(st.one_of(st.just(0), st.integers(-1000, 1000)))
    return Lanes(ring, low, low + draw(st.integers(0, (1 << draw(st.integers(1, 28))) // n)), n)


@given(packings(), st.data())
def test_the_sum_of_the_words_unpacks_to_the_sums_of_the_counts(lanes, data):
    d, k = data.draw(st.integers(0, 12)), data.draw(st.integers(1, lanes.institutions))
    counts = st.one_of(st.sampled_from([lanes.low, lanes.high]), st.integers(lanes.low, lanes.high))
    inputs = [data.draw(st.lists(counts, min_size=d, max_size=d)) for _ in range(k)]
    found = lanes.unpack(summed(lanes, inputs), d, k)
    assert found.dtype == np.int64
    assert found.tolist() == [sum(column) for column in zip(*inputs, strict=True)]


@given(packings())
def test_a_descriptor_takes_the_largest_word_as_its_bound_and_one_lane_more_would_not_fit(lanes):
    most = lanes.pack(np.full(lanes.lanes, lanes.high))
    assert most.tolist() == [lanes.largest] or lanes.high == lanes.low
    assert fits(lanes.ring.bits, lanes.largest, lanes.institutions)
    assert lanes.width * lanes.lanes < lanes.ring.bits <= lanes.width * (lanes.lanes + 1)
    assert lanes.institutions * (lanes.high - lanes.low) < 1 << lanes.width


@pytest.mark.parametrize(("high", "n"), [(1, 3), (2, 3), (3, 2), (5, 3), (7, 1)])
def test_every_pair_of_words_of_two_small_lanes_adds_up(high, n):
    """Brute force: every combination of two lanes of two institutions, in as few bits as they need."""
    lanes = Lanes(Ring.Z32, 0, high, n)
    values = np.arange(high + 1)
    pairs = np.stack(np.meshgrid(values, values), -1).reshape(-1, 2)
    words = np.concatenate([lanes.pack(pair) for pair in pairs])
    assert len(set(words.tolist())) == len(pairs)
    assert words.max() >> (2 * lanes.width) == 0
    for j, pair in enumerate(pairs) if n > 1 else []:
        found = [lanes.unpack(words[i : i + 1] + words[j], 2, 2).tolist() for i in range(len(pairs))]
        assert found == (pairs + pair).tolist()


@pytest.mark.parametrize("ring", RINGS)
def test_all_institutions_at_the_largest_count_in_every_lane_are_exact(ring):
    for n in (1, 2, 3, 7, 1000):
        for width in range(n.bit_length() + 1, ring.bits):
            lanes = Lanes(ring, 0, ((1 << width) - 1) // n, n)
            total = zeros(ring, 1)
            total[0] = n * int(lanes.pack(np.full(lanes.lanes, lanes.high))[0])
            assert lanes.unpack(total, lanes.lanes, n).tolist() == [n * lanes.high] * lanes.lanes


def test_three_counts_of_a_thousand_institutions_share_a_word_of_64_bits():
    lanes = Lanes(Ring.Z64, 0, 2097, 1000)
    assert (lanes.width, lanes.lanes) == (21, 3)
    assert 8 * lanes.words(3 * 10**6) / (3 * 10**6) == pytest.approx(2.667, abs=0.001)
    one = lanes.pack(np.array([2097, 0, 2097, 1]))
    total = zeros(Ring.Z64, 2)
    for _ in range(1000):
        add_into(Ring.Z64, total, one)
    assert lanes.unpack(total, 4, 1000).tolist() == [2_097_000, 0, 2_097_000, 1000]
    assert Lanes(Ring.Z64, 0, 2098, 1000).lanes == 2


@given(packings(), st.integers(-5, 5).filter(bool), st.booleans())
def test_a_count_outside_its_range_is_refused_whichever_it_is(lanes, beyond, at_the_end):
    wrong = lanes.high + beyond if beyond > 0 else lanes.low + beyond
    counts = [lanes.low, wrong] if at_the_end else [wrong, lanes.low]
    with pytest.raises(EncodingOverflow, match="outside the declared"):
        lanes.pack(np.array(counts, np.int64))


def test_the_extremes_of_int64_are_refused_and_not_wrapped():
    for value in (-(1 << 63), (1 << 63) - 1):
        with pytest.raises(EncodingOverflow):
            Lanes(Ring.Z64, -3, 3, 5).pack(np.array([value]))


@pytest.mark.parametrize(
    ("ring", "low", "high", "n"),
    [(Ring.Z32, 0, 1 << 31, 1), (Ring.Z64, 0, 1 << 63, 1), (Ring.Z64, 0, 1 << 62, 3), (Ring.Z64, 1 << 62, 1 << 62, 2)],
)
def test_counts_whose_total_needs_more_than_a_word_are_refused(ring, low, high, n):
    with pytest.raises(EncodingOverflow, match="do not fit"):
        Lanes(ring, low, high, n)


@pytest.mark.parametrize(("ring", "low", "high", "n"), [(Ring.Z128, 0, 1, 3), (Ring.Z64, 2, 1, 3), (Ring.Z64, 0, 1, 0)])
def test_a_packing_that_means_nothing_is_refused(ring, low, high, n):
    with pytest.raises(InvalidRequest):
        Lanes(ring, low, high, n)


@pytest.mark.parametrize("counts", [np.zeros(3), np.zeros(3, np.int32), np.zeros((3, 1), np.int64)])
def test_counts_of_another_dtype_or_shape_are_refused(counts):
    with pytest.raises(InvalidRequest, match="counts are"):
        Lanes(Ring.Z64, 0, 5, 3).pack(counts)


@pytest.mark.parametrize(("words", "d", "included"), [(2, 3, 3), (1, 4, 3), (1, 3, 1000), (1, 3, -1)])
def test_a_total_of_another_length_or_of_more_institutions_is_refused(words, d, included):
    with pytest.raises(InvalidRequest, match="institutions; expected"):
        Lanes(Ring.Z64, 0, 2097, 999).unpack(zeros(Ring.Z64, words), d, included)


@pytest.mark.parametrize("word", [1 << 63, 1 << 42, 3001, 3000 << 21 | 3001])
def test_a_total_that_no_counts_in_range_can_give_is_refused(word):
    lanes = Lanes(Ring.Z64, 0, 1000, 2000)
    assert lanes.lanes == 3
    with pytest.raises(EncodingOverflow, match="larger than their declared range"):
        lanes.unpack(np.array([word], np.uint64), 2, 3)
