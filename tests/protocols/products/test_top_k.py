"""The first k in order with their places: numpy's stable order; what it costs, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.sort import sort
from securecompute.protocols.products.top_k import top_k
from tests.protocols.products.playing import alone, compute, words


def first(k, **options):
    return lambda party, x: top_k(party.at("top"), x, k, **options)


def check(x, k, smallest=False, ring=Ring.Z64, bits=None):
    (values, places), _ = alone(first(k, bits=bits, smallest=smallest), words(x, ring))
    order = sorted(range(len(x)), key=lambda i: x[i] if smallest else -x[i])[:k]
    assert places.signed().tolist() == order
    assert values.signed().tolist() == [x[i] for i in order]


@settings(max_examples=12)
@given(st.lists(st.integers(-8, 7), min_size=1, max_size=10), st.booleans(), st.data())
def test_the_first_k_of_numbers_with_ties(x, smallest, data):
    check(x, data.draw(st.integers(1, len(x))), smallest, bits=4)


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
@pytest.mark.parametrize("smallest", [False, True])
def test_numbers_at_the_ends_of_the_integers(ring, smallest):
    check([2**63 - 1, -(2**63), 0, -1, 2**62, 2**63 - 1], 4, smallest, ring)


@pytest.mark.parametrize(("x", "k"), [([1, 2], 0), ([1, 2], 3), ([1, 2], -1), ([], 1), ([[1, 2]], 1)])
def test_a_k_beyond_the_numbers_and_another_shape_are_refused(x, k):
    with pytest.raises(InvalidRequest, match="expected 1 to"):
        alone(first(k), words(x))


def test_it_costs_what_a_sort_with_one_column_costs_and_reveals_nothing_to_the_dealer():
    x = words(np.arange(30))
    _, played = alone(first(3, bits=6), x)
    _, of_sort = alone(lambda party, x: as_tuple(sort(party.at("top"), x, [x], bits=6)), x)
    assert (played.rounds, played.sent) == (of_sort.rounds, of_sort.sent)
    assert not played.views["P2"]


def as_tuple(part):
    return tuple((yield from part))


def test_from_inputs_to_reveal():
    (values, places), _ = compute(first(2, bits=8), words([4, 100, -3, 100]))
    assert (values.signed().tolist(), places.signed().tolist()) == ([100, 100], [1, 3])
