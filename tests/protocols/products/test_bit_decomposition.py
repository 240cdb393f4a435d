"""Any range of bits comes out exactly, costs what the range costs, and shows neither evaluator anything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import bit_sharing
from securecompute.protocols.products.bit_decomposition import bits
from tests.protocols.products.bit_views import relations, uniform_numbers
from tests.protocols.products.playing import TRIO, alone, words


def of(low, high):
    return lambda party, x: bits(party, x, low, high)


def opened(x, low, high, seed=0):
    """The bits that the evaluators hold together, and the play."""
    held, played = alone(of(low, high), x, seed=seed, keep=True)
    assert [each.dtype for each in held.values()] == [np.uint8] * 3 and not held[2].any()
    assert held[2].shape == held[0].shape == (high - low, *x.shape)
    return held[0] ^ held[1], played


@given(
    st.sampled_from([Ring.Z64, Ring.Z128]),
    st.lists(st.integers(-(2**127), 2**127 - 1), max_size=9),
    st.tuples(st.integers(0, 128), st.integers(0, 128)).filter(lambda ends: ends[0] != ends[1]),
    st.integers(0, 99),
)
def test_a_range_of_bits_is_exact(ring, values, ends, seed):
    low, high = sorted(end * ring.bits // 128 for end in ends)
    high += low == high
    x = words(values, ring)
    got, _ = opened(x, low, min(high, ring.bits), seed)
    assert got.tolist() == [[int(v) >> k & 1 for v in x.signed()] for k in range(low, min(high, ring.bits))]


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
def test_all_bits_of_the_corners_are_exact(ring):
    values = [sign * (1 << k) + d for k in range(ring.bits) for sign in (1, -1) for d in (-1, 0, 1)]
    got, _ = opened(words(values, ring), 0, ring.bits)
    assert got.tolist() == [[v >> k & 1 for v in values] for k in range(ring.bits)]


@pytest.mark.parametrize("high", [31, 32, 33, 63, 64, 65])
def test_numbers_of_every_width_that_is_shown_are_exact(high):
    """c has 32 bits, 64 or 128."""
    values = [sign * ((1 << k) - d) for k in (31, 32, 33, 63, 64, 65, 127) for sign in (1, -1) for d in (0, 1)]
    got, _ = opened(words(values, Ring.Z128), high - 2, high)
    assert got.tolist() == [[v >> k & 1 for v in values] for k in (high - 2, high - 1)]


def test_any_shape_is_kept():
    x = words(np.arange(24).reshape(2, 3, 4))
    got, _ = opened(x, 1, 5)
    assert (got == [x.words >> np.uint64(k) & np.uint64(1) for k in range(1, 5)]).all()


@pytest.mark.parametrize(
    ("low", "high", "rounds", "number", "shown", "dealt"),
    [
        (63, 64, 3, 8, 33, 336),
        (0, 64, 3, 8, 382, 979),
        (0, 32, 3, 4, 132, 261),
        (0, 33, 3, 8, None, None),
        (0, 18, 3, 4, None, None),
        (0, 17, 2, 4, None, None),
        (25, 26, 3, 4, None, None),
        (24, 25, 2, 4, None, None),
        (0, 6, 2, 4, None, None),
        (0, 5, 1, 4, 0, 30),
        (0, 1, 1, 4, 0, 15),
    ],
)
def test_the_cost_line_is_true(low, high, rounds, number, shown, dealt):
    _, played = opened(words(range(8)), low, high)
    assert played.rounds == rounds
    if shown is not None:
        assert played.sent == dict.fromkeys(TRIO[:2], 8 * number + shown) | {"P2": dealt}


def test_in_the_wide_ring_a_low_range_costs_no_more():
    low, wide = (opened(words(range(8), ring), 0, 32)[1] for ring in (Ring.Z64, Ring.Z128))
    assert low.sent == wide.sent
    _, played = opened(words(range(8), Ring.Z128), 127, 128)
    assert played.sent == dict.fromkeys(TRIO[:2], 128 + 67) | {"P2": 984}


@pytest.mark.parametrize(("low", "high"), [(-1, 3), (3, 3), (4, 3), (0, 65)])
def test_bits_that_there_are_not_are_refused(low, high):
    with pytest.raises(InvalidRequest, match="Z_2\\^64"):
        alone(of(low, high), words([1]))


@pytest.mark.parametrize(("low", "high"), [(0, 18), (3, 7), (40, 44)])
def test_an_evaluators_view_is_uniform_and_independent_of_the_numbers(low, high):
    x, secrets = uniform_numbers()
    assert relations(of(low, high), secrets, x) == [0, 0]


def test_a_mask_left_out_shows_in_both_views(monkeypatch):
    real = bit_sharing.mask
    monkeypatch.setattr(bit_sharing, "mask", lambda *arguments: np.zeros_like(real(*arguments)))
    x, secrets = uniform_numbers()
    assert min(relations(of(3, 7), secrets, x)) > 0
