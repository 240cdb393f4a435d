"""Sort: numpy's stable order, up and down, of signed keys at every declared width, with columns; order statistics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.arranging import arrange
from securecompute.protocols.products.bit_decomposition import bits as bits_of
from securecompute.protocols.products.ranking import digits_of
from securecompute.protocols.products.sort import argsort, order_statistics, rank, sort
from tests.protocols.products.playing import alone, compute, words

CORNERS = [0, 1, -1, 2**62, -(2**62), 2**63 - 1, -(2**63), -(2**63) + 1]


def sorted_with_numbers(bits=None, descending=False):
    def part(party, keys):
        numbers = RingArray.integers(Ring.Z64, np.arange(keys.shape[0]))
        column = type(keys).public(party.index, numbers)
        return tuple((yield from sort(party.at("sort"), keys, [column], bits=bits, descending=descending)))

    return part


def stable(keys, descending):
    """Python's stable order."""
    return sorted(range(len(keys)), key=lambda i: -keys[i] if descending else keys[i])


def check(keys, bits=None, descending=False, ring=Ring.Z64, seed=0):
    (got, rows), _ = alone(sorted_with_numbers(bits, descending), words(keys, ring), seed=seed)
    order = stable(keys, descending)
    assert rows.signed().tolist() == order
    assert got.signed().tolist() == [keys[i] for i in order]


@settings(max_examples=20)
@given(st.integers(1, 64), st.booleans(), st.data())
def test_keys_of_any_declared_width_are_in_stable_order(bits, descending, data):
    some = data.draw(st.lists(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1), min_size=1, max_size=4))
    keys = data.draw(st.lists(st.sampled_from(some), max_size=9))
    check(keys, bits, descending, seed=data.draw(st.integers(0, 99)))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
@pytest.mark.parametrize("keys", [[], [5], [2, 1], [1, 2], [3, 3, 3], CORNERS + CORNERS[::-1]], ids=str)
def test_few_keys_equal_keys_and_the_ends_of_the_integers(keys, ring, descending):
    check(keys, None, descending, ring)


def test_keys_of_the_wide_ring():
    check([2**127 - 1, -(2**127), 0, 2**64, -(2**64), 2**64 + 1], ring=Ring.Z128)


def test_a_thousand_keys_with_many_ties():
    keys = np.random.default_rng(2).integers(-50, 50, 1000).tolist()
    check(keys, 7)


@pytest.mark.slow
def test_a_hundred_thousand_keys():
    keys = np.random.default_rng(3).integers(-(2**63), 2**63, 100_000)
    keys[::7] = keys[0]
    (got, rows), _ = alone(sorted_with_numbers(), words(keys))
    order = np.argsort(keys, kind="stable")
    assert (got.words.view(np.int64) == keys[order]).all() and (rows.words.astype(np.int64) == order).all()


def test_columns_of_any_shape_and_ring_go_with_their_keys():
    keys, order = [30, 10, 20], [1, 2, 0]
    table, wide = np.arange(12).reshape(3, 2, 2), np.array([-7, 8, -9])

    def part(party, *given):
        return tuple((yield from sort(party.at("sort"), given[0], given[1:], bits=6)))

    (_, a, b), _ = alone(part, words(keys), words(table), words(wide, Ring.Z128))
    assert (a.words == table[order]).all()
    assert b.signed().tolist() == wide[order].tolist()


def test_ranks_serve_for_more_than_one_arrangement():
    def part(party, keys, x):
        ranks = yield from rank(party.at("rank"), keys, bits=5)
        (a,) = yield from arrange(party.at("a"), ranks, [keys])
        (b,) = yield from arrange(party.at("b"), ranks, [x])
        return a, b

    (a, b), _ = alone(part, words([3, -1, 2]), words([7, 8, 9]))
    assert (a.signed().tolist(), b.signed().tolist()) == ([-1, 2, 3], [8, 9, 7])


@pytest.mark.parametrize("descending", [False, True])
def test_argsort_gives_the_rows(descending):
    keys = [5, -5, 5, 0, -5]
    got, _ = alone(lambda party, x: argsort(party, x, bits=4, descending=descending), words(keys))
    assert got.signed().tolist() == stable(keys, descending)


@settings(max_examples=15)
@given(st.lists(st.integers(-100, 100), min_size=1, max_size=9), st.data())
def test_order_statistics_are_entries_of_the_sorted_values(values, data):
    places = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=4))
    got, _ = alone(lambda party, x: order_statistics(party, x, places, bits=8), words(values))
    assert got.signed().tolist() == [sorted(values)[place] for place in places]


def test_from_inputs_to_reveal():
    (got, rows), _ = compute(sorted_with_numbers(4), words([3, -8, 7, 0]))
    assert (got.signed().tolist(), rows.signed().tolist()) == ([-8, 0, 3, 7], [1, 3, 0, 2])


@pytest.mark.parametrize(("n", "bits"), [(10, 12), (300, 64)])
def test_the_cost_is_that_of_bits_ranks_and_an_arrangement(n, bits):
    keys = words(np.zeros(n, np.int64))

    def only_bits(party, x):
        yield from bits_of(party, x, 0, bits)
        return x

    _, played = alone(sorted_with_numbers(bits), keys)
    _, of_bits = alone(only_bits, keys)
    assert played.rounds == of_bits.rounds + 4 * len(digits_of(bits, n)) + 1 + 4
    assert not played.views["P2"]


@pytest.mark.parametrize("bits", [-1, 0, 65])
def test_a_width_that_is_not_the_rings_is_refused(bits):
    with pytest.raises(InvalidRequest, match="1 to 64"):
        alone(sorted_with_numbers(bits), words([1, 2]))


def test_keys_of_another_shape_are_refused():
    with pytest.raises(InvalidRequest, match=r"expected \(n,\)"):
        alone(lambda party, x: argsort(party, x), words([[1, 2]]))


@pytest.mark.parametrize("places", [[-1], [3], [0, 7]])
def test_places_beyond_the_values_are_refused(places):
    with pytest.raises(InvalidRequest, match="expected 0 to 2"):
        alone(lambda party, x: order_statistics(party, x, places), words([1, 2, 3]))


def test_a_key_beyond_the_declared_bits_is_sorted_by_its_lowest():
    (got, _), _ = alone(sorted_with_numbers(4), words([16 + 3, 1, 2]))
    assert got.signed().tolist() == [1, 2, 19]
