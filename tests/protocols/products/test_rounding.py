"""Truncation to the nearest is exact for every number in range, whatever the masks, at the cost that is said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import bit_sharing, rounding
from securecompute.protocols.products.rounding import truncate_to_nearest
from tests.protocols.products.bit_views import relations, uniform_numbers
from tests.protocols.products.playing import TRIO, alone, words


def by(bits):
    return lambda party, x: truncate_to_nearest(party, x, bits)


def nearest(values, bits):
    return [(v + (1 << (bits - 1))) >> bits for v in values]


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 8, 20, 24, 25, 40, 61])
def test_corners_are_rounded_to_the_nearest_with_halves_upwards(ring, bits):
    limit = (1 << (ring.bits - 2)) - (1 << (bits - 1)) - 1
    half, unit = 1 << (bits - 1), 1 << bits
    near = [m * unit + s * half + d for m in (-2, -1, 0, 1, 7) for s in (0, 1) for d in (-1, 0, 1)]
    values = [limit, -limit, *(v for v in near if abs(v) <= limit)]
    for seed in range(3):
        got, _ = alone(by(bits), words(values, ring), seed=seed)
        assert got.signed().tolist() == nearest(values, bits)


@given(st.sampled_from([Ring.Z64, Ring.Z128]), st.integers(1, 50), st.data(), st.integers(0, 99))
def test_any_number_in_range_is_rounded_to_the_nearest(ring, bits, data, seed):
    limit = (1 << (ring.bits - 2)) - (1 << (bits - 1)) - 1
    values = data.draw(st.lists(st.integers(-limit, limit), max_size=9))
    got, _ = alone(by(bits), words(values, ring), seed=seed)
    assert got.signed().tolist() == nearest(values, bits)


@pytest.mark.slow
def test_a_hundred_thousand_numbers_are_rounded_exactly():
    values = np.random.default_rng(1).integers(-(1 << 61), 1 << 61, 100_000)
    got, _ = alone(by(20), words(values))
    assert (got.words.view(np.int64) == (values + (1 << 19)) >> 20).all()


def test_any_shape_is_kept():
    got, _ = alone(by(3), words(np.arange(24).reshape(2, 3, 4)))
    assert (got.words == (np.arange(24).reshape(2, 3, 4) + 4) // 8).all()


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
@pytest.mark.parametrize(
    ("bits", "rounds", "shown", "dealt"),
    [(4, 3, 0, 15), (5, 4, None, None), (20, 4, 8, 112), (24, 4, 10, 173), (25, 5, None, None)],
)
def test_the_cost_line_is_true(ring, bits, rounds, shown, dealt):
    n, w = 8, ring.item_bytes
    _, played = alone(by(bits), words(range(n), ring))
    assert played.rounds == rounds
    if shown is not None:
        assert played.sent == dict.fromkeys(TRIO[:2], n * w + 1 + shown) | {"P2": 5 * n * w + dealt}


@pytest.mark.parametrize("bits", [0, -1, 63])
def test_a_truncation_that_there_is_not_is_refused(bits):
    with pytest.raises(InvalidRequest, match="expected 1 to 62"):
        alone(by(bits), words([1]))


@pytest.mark.parametrize("bits", [3, 20])
def test_an_evaluators_view_is_uniform_and_independent_of_the_numbers(bits):
    x, secrets = uniform_numbers(bits=61)
    assert relations(by(bits), secrets, x) == [0, 0]


@pytest.mark.parametrize("module", [bit_sharing, rounding], ids=["of the comparison", "of the excess"])
def test_a_mask_left_out_shows_in_both_views(module, monkeypatch):
    real = module.mask
    monkeypatch.setattr(module, "mask", lambda *arguments: np.zeros_like(real(*arguments)))
    x, secrets = uniform_numbers(bits=61)
    assert min(relations(by(20), secrets, x)) > 0


def test_without_the_excess_taken_off_some_are_one_too_high(monkeypatch):
    monkeypatch.setattr(rounding, "unmasked", lambda party, v, d: d - d)
    values = np.random.default_rng(1).integers(-(1 << 61), 1 << 61, 100)
    got, _ = alone(by(20), words(values))
    error = got.words.view(np.int64) - ((values + (1 << 19)) >> 20)
    assert set(error.tolist()) == {0, 1}
