"""Signs and comparisons are exact for every number, cost what is said, and show neither evaluator anything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products import bit_decomposition, bit_sharing, dealing, masked_order
from securecompute.protocols.products.comparison import less, negative, negative_bits
from securecompute.protocols.products.dealing import additive
from tests.protocols.products.bit_views import relations, uniform_numbers
from tests.protocols.products.playing import TRIO, alone, compute, words

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
RINGS = st.sampled_from([Ring.Z64, Ring.Z128])


def corners(ring):
    """Ends, neighbours of zero and of every power of two: also the borders of digits and of groups of them."""
    top = ring.bits - 1
    powers = [sign * (1 << k) + d for k in range(top) for sign in (1, -1) for d in (-1, 0, 1)]
    return [0, (1 << top) - 1, -(1 << top), 1 - (1 << top), *powers]


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_the_sign_of_every_corner_is_exact(ring, seed):
    values = corners(ring)
    got, _ = alone(negative, words(values, ring), seed=seed)
    assert got.signed().tolist() == [int(v < 0) for v in values]


@given(RINGS, st.lists(st.integers(-(2**127), 2**127 - 1), max_size=20), st.integers(0, 99))
def test_the_sign_of_any_residue_is_exact(ring, values, seed):
    x = words(values, ring)
    got, _ = alone(negative, x, seed=seed)
    assert got.signed().tolist() == [int(v < 0) for v in x.signed()]


@given(RINGS, st.lists(st.integers(-(2**62), 2**62 - 1), min_size=1, max_size=9), st.data())
def test_less_is_the_order_of_integers_and_broadcasts(ring, values, data):
    near = st.integers(-2, 2).map(lambda d: max(-(2**62), min(2**62 - 1, values[0] + d)))
    other = data.draw(st.one_of(near, st.integers(-(2**62), 2**62 - 1)))
    got, _ = alone(less, words(values, ring), words([[other], [values[0]]], ring))
    assert got.signed().tolist() == [[int(v < w) for v in values] for w in (other, values[0])]


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0), (2, 3, 5)])
def test_any_shape_is_kept(shape):
    x = words(np.arange(-2, int(np.prod(shape)) - 2).reshape(shape))
    got, _ = alone(negative, x)
    assert got.shape == shape and (got.words == (x.signed() < 0)).all()


def test_a_comparison_runs_from_inputs_to_the_receiver():
    got, _ = compute(lambda party, x, y: less(party.at("gate"), x, y), words([1, 5, -7]), words([2, 5, -8]))
    assert got.signed().tolist() == [1, 0, 0]


@BOTH
def test_signs_of_additive_shares_are_the_same(ring):
    def of_shares(party, x):
        share = additive(party, x)
        return (yield from negative_bits(party, x.mine - x.mine if share is None else share))

    held, _ = alone(of_shares, words([5, 0, -1, -(2**62)], ring), keep=True)
    assert (held[0] ^ held[1]).tolist() == [0, 0, 1, 1] and held[2].tolist() == [0] * 4


@BOTH
def test_the_cost_line_is_true(ring):
    n, w = 24, ring.item_bytes
    opened, dealt = (33, 336) if ring is Ring.Z64 else (67, 984)
    x = words(range(-5, n - 5), ring)
    held, played = alone(negative_bits, x, keep=True)
    assert held[0].dtype == held[1].dtype == held[2].dtype == np.uint8 and not held[2].any()
    assert played.rounds == 3
    evaluators = dict.fromkeys(TRIO[:2], n * w + opened * n // 8)
    assert played.sent == evaluators | {"P2": dealt * n // 8}
    _, played = alone(negative, x)
    assert played.rounds == 5
    assert played.sent == {p: sent + n // 8 + n * w for p, sent in evaluators.items()} | {"P2": dealt * n // 8 + n * w}


def test_an_evaluators_view_is_uniform_and_independent_of_the_numbers():
    x, secrets = uniform_numbers()
    assert relations(negative_bits, secrets, x) == [0, 0]


@pytest.mark.slow
def test_so_it_is_in_the_wide_ring():
    x, secrets = uniform_numbers(Ring.Z128, many=4096)
    assert relations(negative_bits, secrets, x) == [0, 0]


def test_as_numbers_too_nothing_shows():
    x, secrets = uniform_numbers()
    assert relations(negative, secrets, x) == [0, 0]


def without(module, name):
    """The function with every value that it gives cancelled."""
    real = getattr(module, name)

    def nothing(*arguments):
        values = real(*arguments)
        return values ^ values if isinstance(values, np.ndarray) else values - values

    return module, name, nothing


@pytest.mark.parametrize("fault", [(bit_sharing, "mask"), (masked_order, "_numbers")], ids=["bits", "number"])
def test_a_mask_left_out_shows_in_both_views(fault, monkeypatch):
    monkeypatch.setattr(*without(*fault))
    x, secrets = uniform_numbers()
    assert min(relations(negative_bits, secrets, x)) > 0


def test_a_mask_used_in_two_places_shows(monkeypatch):
    real, kept = bit_sharing.mask, {}

    def same(party, purpose, shape):
        rows = real(party, purpose, shape)
        first = kept.setdefault(party.index, rows)
        return np.broadcast_to(first[:1, :1], shape)

    monkeypatch.setattr(bit_sharing, "mask", same)
    x, secrets = uniform_numbers()
    assert min(relations(negative_bits, secrets, x)) > 0


def test_dealt_values_that_are_not_masked_show_to_p_1(monkeypatch):
    monkeypatch.setattr(dealing, "_correction", lambda party, value, purpose: value)
    x, secrets = uniform_numbers()
    p0, p1 = relations(negative_bits, secrets, x)
    assert p0 == 0 < p1


@pytest.mark.parametrize("digit", [14, 15])
def test_a_sign_depends_on_the_digits_of_the_mask(digit, monkeypatch):
    real = masked_order.thermometers

    def spoilt(r):
        table = real(r)
        table[:, digit] ^= 255
        return table

    monkeypatch.setattr(masked_order, "thermometers", spoilt)
    x = words(np.random.default_rng(1).integers(-(1 << 62), 1 << 62, 400))
    got, _ = alone(negative, x)
    assert (got.words != x.words >> np.uint64(63)).any()


def test_the_gate_is_the_top_bit_of_the_decomposition():
    x = words([3, -4])
    held, _ = alone(lambda party, x: bit_decomposition.bits(party, x, 63, 64), x, keep=True)
    assert (held[0] ^ held[1]).tolist() == [[0, 1]]
