"""What lies beyond public ends gets the ends' values."""

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products.saturation import End, saturated
from tests.protocols.products.playing import alone, words

X = [-(2**61), -11, -10, -9, 0, 9, 10, 11, 2**61]


def doubled(x):
    return x << 1
    yield


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
@pytest.mark.parametrize("low", [None, -10])
@pytest.mark.parametrize("high", [None, 10])
def test_numbers_up_to_the_ends_keep_the_functions_value(ring, low, high):
    ends = [End(low, -77, above=False)] if low is not None else []
    ends += [End(high, 5, above=True)] if high is not None else []
    y, played = alone(lambda party, x: saturated(party, x, ends, doubled(x)), words(X, ring))
    expected = [-77 if low is not None and x < low else 5 if high is not None and x > high else 2 * x for x in X]
    assert y.signed().tolist() == expected
    assert played.rounds == (5 if ends else 0)


def test_whatever_the_function_gives_beyond_the_ends_is_replaced():
    y, _ = alone(lambda party, x: saturated(party, x, [End(0, 3, above=True)], garbage(x)), words(np.arange(-2, 3)))
    assert y.signed().tolist()[3:] == [3, 3]


def garbage(x):
    return x * 0x9E3779B97F4A7C15
    yield
