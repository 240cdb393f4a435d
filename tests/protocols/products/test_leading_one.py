"""The most significant one is found exactly among the declared bits, at the cost that is said, unseen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import bit_sharing
from securecompute.protocols.products.leading_one import leading_bits, leading_one, leading_plan
from tests.protocols.products.bit_views import relations, uniform_numbers
from tests.protocols.products.playing import TRIO, alone, words


def of(low, high, gate=leading_one):
    return lambda party, x: gate(party, x, low, high)


def expected(values, low, high):
    return [[int(v >> i == 1) for i in range(low, high)] for v in values]


@pytest.mark.parametrize(
    ("ring", "low", "high"),
    [
        *(
            (Ring.Z64, low, high)
            for low, high in [(0, 63), (0, 62), (0, 30), (0, 16), (5, 17), (20, 50), (0, 1), (7, 8)]
        ),
        (Ring.Z128, 0, 30),
        (Ring.Z128, 50, 127),
    ],
)
def test_every_power_and_its_neighbours_are_found(ring, low, high):
    values = sorted({0, (1 << high) - 1, *((1 << k) + d for k in range(high) for d in (-1, 0, 1) if k or d < 1)})
    values = [v for v in values if 0 <= v < 1 << high]
    got, _ = alone(of(low, high), words(values, ring))
    assert got.shape == (len(values), high - low)
    assert got.signed().tolist() == expected(values, low, high)


@given(st.sampled_from([Ring.Z64, Ring.Z128]), st.data(), st.integers(0, 99))
def test_any_declared_range_is_exact(ring, data, seed):
    high = data.draw(st.integers(1, 40))
    low = data.draw(st.integers(0, high - 1))
    lengths = st.integers(0, high).flatmap(lambda k: st.integers(0, (1 << k) - 1))
    values = data.draw(st.lists(lengths, max_size=9))
    got, _ = alone(of(low, high), words(values, ring), seed=seed)
    assert got.signed().tolist() == expected(values, low, high)


def test_any_shape_is_kept():
    got, _ = alone(of(0, 5), words([[1, 2, 3], [16, 0, 31]]))
    assert got.shape == (2, 3, 5)
    assert got.words.argmax(axis=-1).tolist() == [[0, 1, 1], [4, 0, 4]] and got.words[1, 1].tolist() == [0] * 5


@pytest.mark.parametrize(
    ("low", "high", "rounds", "number", "shown", "dealt"),
    [
        (0, 30, 5, 4, 258, 471),
        (0, 62, 5, 8, 817, 2503),
        (0, 16, 4, 4, None, None),
        (0, 17, 5, 4, None, None),
        (0, 4, 3, 4, 0, 30),
    ],
)
def test_the_cost_line_is_true(low, high, rounds, number, shown, dealt):
    n, k = 8, high - low
    _, played = alone(of(low, high), words([1] * n))
    assert played.rounds == rounds
    if shown is not None:
        evaluators = n * number + shown + k + 8 * n * k
        assert played.sent == dict.fromkeys(TRIO[:2], evaluators) | {"P2": dealt + 8 * n * k}


@pytest.mark.parametrize(("low", "high"), [(-1, 3), (3, 3), (0, 64)])
def test_ranges_that_there_are_not_are_refused(low, high):
    with pytest.raises(InvalidRequest, match="Z_2\\^64"):
        alone(of(low, high), words([1]))


def test_the_plan_grows_with_the_range_only():
    few, many = ([len(level) for level in leading_plan(low, 30)] for low in (27, 0))
    assert few[1] == 3 and many[1] == 30 and few[0] <= 3 + 3


@pytest.mark.parametrize(("low", "high"), [(3, 9), (26, 28)])
def test_an_evaluators_view_is_uniform_and_independent_of_the_numbers(low, high):
    x, secrets = uniform_numbers(bits=high)
    assert relations(of(low, high, leading_bits), secrets, x) == [0, 0]


def test_a_mask_left_out_shows_in_both_views(monkeypatch):
    real = bit_sharing.mask
    monkeypatch.setattr(bit_sharing, "mask", lambda *arguments: np.zeros_like(real(*arguments)))
    x, secrets = uniform_numbers(bits=9)
    assert min(relations(of(3, 9, leading_bits), secrets, x)) > 0
