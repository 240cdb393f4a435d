"""Rings: two's complement, carries, and the proof that a total fits."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import (
    Ring,
    add_all_into,
    add_into,
    check,
    choose_ring,
    decode,
    encode,
    fits,
    subtract_into,
    unchecked_accumulate,
    zeros,
)
from securecompute.errors import EncodingOverflow, InvalidRequest

RINGS = list(Ring)
# whole numbers near the places where a limb is full, a carry starts or a sign changes
NEAR = st.builds(int.__add__, st.sampled_from([0, 2**31, 2**32, 2**63, 2**64, 2**65, 2**127]), st.integers(-2, 2))
ANY = st.one_of(NEAR, NEAR.map(int.__neg__), st.integers(-(2**127), 2**127))


def wrapped(ring: Ring, v: int) -> int:
    half = 1 << (ring.bits - 1)
    return (v + half) % (1 << ring.bits) - half


@pytest.mark.parametrize("ring", RINGS)
@given(integers=st.lists(ANY, max_size=5))
def test_decoding_undoes_encoding(ring, integers):
    integers = [wrapped(ring, v) for v in integers]
    assert decode(ring, encode(ring, integers)) == integers


@pytest.mark.parametrize("ring", RINGS)
@given(integers=st.lists(ANY, min_size=1, max_size=5))
def test_an_element_is_little_endian_twos_complement(ring, integers):
    integers = [wrapped(ring, v) for v in integers]
    y = encode(ring, integers)
    assert y.tobytes() == b"".join(v.to_bytes(ring.bits // 8, "little", signed=True) for v in integers)
    assert (y.dtype, y.shape) == (ring.dtype, ring.shape(len(integers)))
    assert y.nbytes == ring.item_bytes * len(integers)


def test_the_first_limb_is_the_low_one():
    assert encode(Ring.Z128, [1 + (5 << 64)]).tolist() == [[1, 5]]


@pytest.mark.parametrize("ring", RINGS)
@given(integers=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5))
def test_an_int64_array_encodes_as_its_numbers_do(ring, integers):
    y = encode(ring, np.array(integers, np.int64))
    assert (y == encode(ring, integers)).all()
    assert y.flags.writeable and y.dtype == ring.dtype


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128])
def test_the_extremes_of_int64_encode(ring):
    extremes = [-(2**63), 2**63 - 1]
    assert decode(ring, encode(ring, np.array(extremes))) == extremes


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("side", [-1, 1])
def test_an_entry_outside_the_ring_is_refused_and_not_shown(ring, side):
    outside = 1 << (ring.bits - 1) if side > 0 else -(1 << (ring.bits - 1)) - 1
    encode(ring, [outside - side])
    with pytest.raises(EncodingOverflow, match="outside Z_2") as refusal:
        encode(ring, [0, outside])
    assert str(outside) not in str(refusal.value)


@pytest.mark.parametrize("outside", [2**31, -(2**31) - 1])
def test_an_int64_entry_outside_the_ring_is_refused(outside):
    with pytest.raises(EncodingOverflow):
        encode(Ring.Z32, np.array([0, outside]))


@pytest.mark.parametrize("entries", [[1.0], ["1"], np.array([1.0]), np.array([1], np.uint64), np.zeros((2, 2), int)])
def test_only_whole_numbers_are_encoded(entries):
    with pytest.raises(InvalidRequest):
        encode(Ring.Z64, entries)


@pytest.mark.parametrize("ring", RINGS)
@given(pairs=st.lists(st.tuples(ANY, ANY), max_size=5))
def test_addition_and_subtraction_are_those_of_the_integers_wrapped(ring, pairs):
    a = [wrapped(ring, v) for v, _ in pairs]
    b = [wrapped(ring, v) for _, v in pairs]
    total, y = encode(ring, a), encode(ring, b)
    add_into(ring, total, y)
    assert decode(ring, total) == [wrapped(ring, v + w) for v, w in zip(a, b, strict=True)]
    assert decode(ring, y) == b
    subtract_into(ring, total, y)
    assert decode(ring, total) == a
    subtract_into(ring, total, y)
    assert decode(ring, total) == [wrapped(ring, v - w) for v, w in zip(a, b, strict=True)]


def test_carries_and_borrows_pass_in_every_chunk():
    d = 20_001
    total = encode(Ring.Z128, [2**64 - 1] * d)
    ones = encode(Ring.Z128, [1] * d)
    add_into(Ring.Z128, total, ones)
    assert (total == np.array([0, 1], np.uint64)).all()
    subtract_into(Ring.Z128, total, ones)
    assert (total == np.array([2**64 - 1, 0], np.uint64)).all()


@pytest.mark.parametrize("ring", RINGS)
@given(columns=st.lists(st.lists(ANY, min_size=3, max_size=3), min_size=1, max_size=6))
def test_adding_all_at_once_is_adding_in_turn(ring, columns):
    columns = [[wrapped(ring, v) for v in column] for column in columns]
    total = encode(ring, columns[0])
    add_all_into(ring, total, [encode(ring, column) for column in columns[1:]])
    assert decode(ring, total) == [wrapped(ring, sum(entries)) for entries in zip(*columns, strict=True)]


def test_more_carries_or_borrows_than_a_byte_counts_are_not_lost():
    full, one = 2**64 - 1, encode(Ring.Z128, [2**64 - 1] * 3)
    total = zeros(Ring.Z128, 3)
    add_all_into(Ring.Z128, total, [one] * 400)
    assert decode(Ring.Z128, total) == [400 * full] * 3
    unchecked_accumulate(Ring.Z128, total, [(one, -1)] * 700)
    assert decode(Ring.Z128, total) == [-300 * full] * 3
    unchecked_accumulate(Ring.Z128, total, [(one, sign) for sign in (+1, -1, +1) for _ in range(128)])
    assert decode(Ring.Z128, total) == [-172 * full] * 3


@pytest.mark.parametrize("ring", RINGS)
def test_long_vectors_are_added_in_pieces_and_every_piece_once(ring):
    d = 300_001  # several pieces in each ring, the last one short
    ys = [np.full(ring.shape(d), k, ring.dtype) for k in (1, 2, 4)]
    total = zeros(ring, d)
    add_all_into(ring, total, ys)
    assert (total == 7).all()


@pytest.mark.parametrize("ring", RINGS)
def test_a_sum_that_is_refused_leaves_the_total_as_it_was(ring):
    total = zeros(ring, 3)
    with pytest.raises(InvalidRequest):
        add_all_into(ring, total, [encode(ring, [1, 2, 3]), zeros(ring, 2)])
    assert not total.any()


def test_every_second_element_of_the_largest_ring_can_be_added_to():
    y = zeros(Ring.Z128, 6)
    add_all_into(Ring.Z128, y[::2], [encode(Ring.Z128, [2**64 - 1] * 3)] * 3)
    assert decode(Ring.Z128, y) == [3 * (2**64 - 1), 0] * 3


@pytest.mark.parametrize("ring", RINGS)
def test_a_vector_may_be_added_to_itself_or_to_its_neighbour(ring):
    full = wrapped(ring, 2**64 - 1)
    y = encode(ring, [full] * 3)
    add_into(ring, y, y)
    assert decode(ring, y) == [wrapped(ring, 2 * full)] * 3
    subtract_into(ring, y, y)
    assert decode(ring, y) == [0, 0, 0]


def test_overlapping_vectors_add_as_if_they_were_apart():
    y = encode(Ring.Z128, [2**64 - 1, 2**64 - 1, 3])
    add_into(Ring.Z128, y[1:], y[:-1])
    assert decode(Ring.Z128, y) == [2**64 - 1, 2**65 - 2, 2**64 + 2]


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("accumulate", [add_into, subtract_into])
def test_nothing_is_broadcast_converted_or_written_through_a_read_only_array(ring, accumulate):
    other = Ring.Z64 if ring is Ring.Z32 else Ring.Z32
    read_only = zeros(ring, 3)
    read_only.flags.writeable = False
    for total, y in [
        (zeros(ring, 3), zeros(ring, 1)),
        (zeros(ring, 3), zeros(other, 3)),
        (zeros(other, 3), zeros(ring, 3)),
        (zeros(ring, 3), zeros(ring, 3).view(f"i{ring.dtype.itemsize}")),
        (zeros(ring, 3), np.zeros((), ring.dtype)),
        (read_only, zeros(ring, 3)),
    ]:
        with pytest.raises(InvalidRequest):
            accumulate(ring, total, y)
    accumulate(ring, zeros(ring, 3), read_only)


def test_a_refusal_names_both_forms():
    with pytest.raises(InvalidRequest, match=r"uint64 \(3,\) is not a vector in Z_2\^128; expected uint64 \(d, 2\)"):
        check(Ring.Z128, np.zeros(3, np.uint64))
    with pytest.raises(InvalidRequest, match="3 and 1 elements"):
        add_into(Ring.Z64, zeros(Ring.Z64, 3), zeros(Ring.Z64, 1))


@pytest.mark.parametrize("ring", RINGS)
def test_an_empty_vector_is_a_vector(ring):
    total = zeros(ring, 0)
    add_into(ring, total, encode(ring, []))
    assert decode(ring, total) == []


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_the_bound_fits_exactly_when_every_total_of_every_survivor_set_decodes_to_itself(bits):
    half = 1 << (bits - 1)
    for institutions, bound in itertools.product(range(1, 4), range(half + 1)):
        vectors = itertools.product(range(-bound, bound + 1), repeat=institutions)
        totals = {sum(v[:survivors]) for v in vectors for survivors in range(institutions + 1)}
        survives = all((t + half) % (2 * half) - half == t for t in totals)
        assert fits(bits, bound, institutions) == survives


@given(st.integers(0, 2**130), st.integers(1, 2000))
def test_the_smallest_ring_that_fits_is_chosen(bound, institutions):
    fitting = [ring for ring in Ring if institutions * bound <= 2 ** (ring.bits - 1) - 1]
    if fitting:
        assert choose_ring(bound, institutions) is min(fitting, key=lambda ring: ring.bits)
    else:
        with pytest.raises(EncodingOverflow):
            choose_ring(bound, institutions)


@pytest.mark.parametrize(("ring", "larger"), [(Ring.Z32, Ring.Z64), (Ring.Z64, Ring.Z128)])
def test_one_more_than_fits_takes_the_next_ring(ring, larger):
    most = 2 ** (ring.bits - 1) - 1
    assert choose_ring(most, 1) is ring
    assert choose_ring(most + 1, 1) is larger
    assert choose_ring(most // 7 + 1, 7) is larger


def test_an_overflow_names_the_bound_and_what_to_do():
    with pytest.raises(EncodingOverflow, match=f"7 institutions times the bound {2**126}.*lower the declared limit"):
        choose_ring(2**126, 7)


@pytest.mark.parametrize(("bound", "institutions"), [(-1, 3), (1, 0), (1, -2)])
def test_a_senseless_bound_or_roster_is_refused(bound, institutions):
    with pytest.raises(InvalidRequest, match="expected"):
        choose_ring(bound, institutions)
