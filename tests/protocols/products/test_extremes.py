"""The largest and smallest with their places: numpy's along the last axis, ties to the lower index; cost; views."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.comparison import negative_bits
from securecompute.protocols.products.extremes import largest, largest_and_place, smallest, smallest_and_place
from tests.protocols.products.playing import TRIO, alone, compute, received, words
from tests.protocols.products.views import alike, parties, uniform

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
ENDS = [2**62 - 1, -(2**62) + 1, 0, -1, 1, 2**62 - 2]


def at(gate):
    return lambda party, x: gate(party.at("extreme"), x)


def check(x, ring=Ring.Z64, seed=0):
    """All four against numpy, of whole numbers in an array of objects or integers."""
    x = np.asarray(x)
    shared = RingArray.integers(ring, x if x.dtype != object else x.tolist())
    for gate, value_of, place_of in ((largest_and_place, np.max, np.argmax), (smallest_and_place, np.min, np.argmin)):
        (value, place), _ = alone(at(gate), shared, seed=seed)
        assert value.shape == place.shape == x.shape[:-1]
        assert (value.signed() == value_of(x, axis=-1)).all()
        assert (place.signed() == place_of(x, axis=-1)).all()
    for gate, value_of in ((largest, np.max), (smallest, np.min)):
        assert (alone(at(gate), shared, seed=seed)[0].signed() == value_of(x, axis=-1)).all()


@settings(max_examples=12)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), st.integers(0, 99))
def test_few_values_with_many_ties(x, seed):
    check(x, seed=seed)


@settings(max_examples=12)
@given(st.lists(st.sampled_from(ENDS), min_size=1, max_size=7))
def test_numbers_at_the_ends_of_the_domain(x):
    check(x)


@BOTH
@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (2, 1), (3, 5), (2, 3, 6), (0, 4), (2, 0, 3)])
def test_any_shape_along_its_last_axis(shape, ring):
    check(np.random.default_rng(1).integers(-5, 5, shape), ring)


def test_the_wide_rings_numbers():
    check(np.array([2**126 - 1, -(2**126) + 1, 2**64, 2**126 - 1], dtype=object), Ring.Z128)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_what_has_no_extreme_is_refused(shape):
    for gate in (largest, smallest, largest_and_place, smallest_and_place):
        with pytest.raises(InvalidRequest, match="no largest element"):
            alone(at(gate), RingArray.zeros(Ring.Z64, shape))


def of_comparison(n, ring):
    """What the comparison of n numbers sends."""

    def part(party, x):
        yield from negative_bits(party.at("c"), x)
        return x

    return alone(part, words(np.arange(n), ring))[1].sent


@BOTH
@pytest.mark.parametrize("n", [1, 2, 3, 8, 9, 100])
def test_the_cost_line_is_true(n, ring):
    w = ring.item_bytes
    for gate, columns in ((largest, 1), (largest_and_place, 2)):
        _, played = alone(at(gate), words(np.zeros(n, int), ring))
        evaluator = dealer = 0
        left, levels = n, 0
        while left > 1:
            matches, levels = left // 2, levels + 1
            compared = of_comparison(matches, ring)
            evaluator += compared["P0"] + columns * w * matches + -(-matches // 8)
            dealer += compared["P2"] + (1 + columns) * w * matches
            left -= matches
        evaluator += columns * w * (n > 1)
        assert played.rounds == (4 * levels + 1 if n > 1 else 0)
        assert played.sent == {"P0": evaluator, "P1": evaluator, "P2": dealer}
        assert not played.views["P2"]


def test_from_inputs_to_reveal():
    (value, place), _ = compute(at(largest_and_place), words([[3, 9, 9], [-1, -2, -1]]))
    assert value.signed().tolist() == [9, -1] and place.signed().tolist() == [1, 0]


@pytest.mark.parametrize("value", [0, -5, 2**61])
def test_all_that_an_evaluator_sees_is_uniform_whatever_the_numbers(value):
    shares = alike(value, 40_000, Ring.Z64)
    parts = {
        me: largest_and_place(party, x.reshape((20_000, 2)))
        for me, party, x in zip(TRIO, parties(), shares, strict=True)
    }
    played = play(parts)
    assert not played.views["P2"]
    for p in ("P0", "P1"):
        large = [each for each in received(played, p) if each.nbytes >= 2048]
        assert len(large) >= 5 and all(uniform(each) for each in large)
