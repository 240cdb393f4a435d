"""Check words: they add up with the vectors, and say what they can of a total that is wrong."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring, add_into, decode, encode
from securecompute.primitives.masks import derive, odd_weights, uniform
from securecompute.protocols.sums.check_words import LENGTH, TILE, check_ring, check_words, words_agree

RINGS = list(Ring)
SID = b"s" * 32


def entries(ring, n=1):
    limit = ((1 << (ring.bits - 1)) - 1) // n
    return st.one_of(st.sampled_from([-limit, -1, 0, 1, limit]), st.integers(-limit, limit))


def vectors(ring, n):
    """n vectors of three entries whose total stays in the ring."""
    return st.lists(st.lists(entries(ring, n), min_size=3, max_size=3), min_size=n, max_size=n)


@pytest.mark.parametrize("ring", RINGS)
@given(data=st.data())
def test_the_second_word_is_the_weighted_sum_of_signed_entries(ring, data):
    e = data.draw(st.lists(entries(ring), min_size=1, max_size=5))
    w = odd_weights(derive(SID, b"", b"ss1/check"), len(e)).tolist()
    count, dot = decode(check_ring(ring), check_words(ring, encode(ring, e), 7, SID))
    assert count == 7
    assert (dot - sum(a * b for a, b in zip(w, e, strict=True))) % (1 << check_ring(ring).bits) == 0


@pytest.mark.parametrize("ring", RINGS)
@given(data=st.data())
def test_the_sum_of_the_words_is_the_words_of_the_sum(ring, data):
    inputs = [encode(ring, e) for e in data.draw(vectors(ring, 4))]
    total, words = inputs[0].copy(), check_words(ring, inputs[0], 1, SID)
    for e in inputs[1:]:
        add_into(ring, total, e)
        add_into(check_ring(ring), words, check_words(ring, e, 1, SID))
    assert words_agree(ring, total, words, 4, SID)


@pytest.mark.parametrize("ring", RINGS)
@given(data=st.data())
def test_one_wrong_entry_is_always_seen(ring, data):
    e = data.draw(st.lists(entries(ring), min_size=1, max_size=4))
    words, k = check_words(ring, encode(ring, e), 3, SID), data.draw(st.integers(0, len(e) - 1))
    wrong = [*e[:k], data.draw(entries(ring).filter(lambda v: v != e[k])), *e[k + 1 :]]
    assert not words_agree(ring, encode(ring, wrong), words, 3, SID)


@pytest.mark.parametrize("ring", RINGS)
def test_another_count_another_session_or_another_word_is_seen(ring):
    e = encode(ring, [5, -6, 7])
    words = check_words(ring, e, 3, SID)
    assert words_agree(ring, e, words, 3, SID)
    assert not words_agree(ring, e, words, 4, SID)
    assert not words_agree(ring, e, words, 3, b"t" * 32)
    words[0] += 1
    assert not words_agree(ring, e, words, 3, SID)


@pytest.mark.parametrize("ring", RINGS)
def test_a_mask_that_stayed_on_is_seen(ring):
    e = encode(ring, [5, -6, 7])
    words = check_words(ring, e, 3, SID)
    add_into(ring, e, uniform(ring, b"k" * 32, 3))
    assert not words_agree(ring, e, words, 3, SID)


def test_an_entry_that_wrapped_is_seen_in_32_bits_and_not_in_64():
    """Why the bound is checked before, and not left to the words."""
    for ring, seen in ((Ring.Z32, True), (Ring.Z64, False)):
        largest = (1 << (ring.bits - 1)) - 1
        total, words = encode(ring, [largest]), check_words(ring, encode(ring, [largest]), 1, SID)
        add_into(ring, total, encode(ring, [1]))
        add_into(check_ring(ring), words, check_words(ring, encode(ring, [1]), 1, SID))
        assert words_agree(ring, total, words, 2, SID) != seen


def test_errors_that_are_large_powers_of_two_can_cancel_as_the_docstring_says():
    half = encode(Ring.Z64, [-(1 << 63), -(1 << 63)])
    assert words_agree(Ring.Z64, half, check_words(Ring.Z64, encode(Ring.Z64, [0, 0]), 1, SID), 1, SID)


@pytest.mark.parametrize("ring", RINGS)
@given(data=st.data())
def test_the_words_of_pieces_add_up_to_the_words_of_the_whole(ring, data):
    e = encode(ring, data.draw(st.lists(entries(ring), min_size=1, max_size=9)))
    cuts = sorted({0, *data.draw(st.sets(st.sampled_from([2, 4, 6, 8]))), 10})
    words = check_words(ring, e[:0], 5, SID)
    for start, stop in pairwise(cuts):
        add_into(check_ring(ring), words, check_words(ring, e[start:stop], 0, SID, start))
    assert (words == check_words(ring, e, 5, SID)).all()


def weights(d):
    """The weights of d entries, as the docstring gives them."""
    key = derive(SID, b"", b"ss1/check")
    r = odd_weights(key, TILE + -(-d // TILE) + 1).tolist()
    return [r[j % TILE] * (r[TILE + j // TILE] if j >= TILE else 1) for j in range(d)]


@pytest.mark.parametrize("ring", RINGS)
def test_a_vector_of_several_tiles_has_the_words_of_its_integers(ring):
    d = 3 * TILE + 3
    e = [(-1) ** j * (j + 7) for j in range(d)]
    expected = sum(a * b for a, b in zip(weights(d), e, strict=True))
    modulus = 1 << check_ring(ring).bits
    assert (decode(check_ring(ring), check_words(ring, encode(ring, e), 1, SID))[1] - expected) % modulus == 0


@pytest.mark.parametrize("ring", RINGS)
def test_pieces_that_begin_anywhere_in_a_tile_add_up_to_the_whole(ring):
    d = 2 * TILE + 11
    e = encode(ring, [(-1) ** j * (j + 7) for j in range(d)])
    words = check_words(ring, e[:0], 5, SID)
    for start, stop in pairwise([0, 2, TILE - 4, TILE, TILE + 6, 2 * TILE + 10, d]):
        add_into(check_ring(ring), words, check_words(ring, e[start:stop], 0, SID, start))
    assert (words == check_words(ring, e, 5, SID)).all()


def test_the_same_error_in_two_tiles_does_not_cancel():
    """As it would if all tiles had the same factor."""
    e = encode(Ring.Z64, [0] * (2 * TILE))
    words = check_words(Ring.Z64, e, 1, SID)
    e[3], e[TILE + 3] = 1, np.uint64((1 << 64) - 1)
    assert not words_agree(Ring.Z64, e, words, 1, SID)


def test_there_are_as_many_words_as_are_sent():
    assert all(len(check_words(ring, encode(ring, [1]), 1, SID)) == LENGTH for ring in RINGS)
