"""Selection: numpy's, at every corner, with broadcasting; cost; views with and without each mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.local import play
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.comparison import negative_bits
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.selection import (
    absolute,
    between_evaluators,
    clamp,
    inject,
    injected,
    maximum,
    minimum,
    relu,
    select,
)
from tests.protocols.products.playing import TRIO, alone, compute, received, words
from tests.protocols.products.views import alike, parties, uniform

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
RINGS = st.sampled_from([Ring.Z64, Ring.Z128])
BITS = st.integers(0, 1)
SHAPES = [((), ()), ((3,), (3,)), ((2, 1), (2, 4)), ((4,), (2, 4)), ((2, 3), ()), ((0,), (0,)), ((5, 1), (3,))]


def corners(ring):
    """Of the numbers whose differences do not wrap."""
    top = 1 << (ring.bits - 2)
    return [0, 1, -1, 2, 15, 16, -16, 1 << 31, -(1 << 31), top - 1, -top + 1, top >> 1, -(top >> 1)]


def shared(party, bits, seed=3):
    """A party's share of public bits."""
    mask = np.random.default_rng(seed).integers(0, 2, np.shape(bits), np.uint8)
    return (np.asarray(bits, np.uint8) ^ mask, mask, np.zeros_like(mask))[party.index]


@pytest.mark.parametrize(("of_bits", "of_x"), SHAPES)
@BOTH
def test_bits_times_numbers_broadcast(of_bits, of_x, ring):
    rng = np.random.default_rng(1)
    b, x = rng.integers(0, 2, of_bits), rng.integers(-(2**62), 2**62, of_x)
    got, _ = alone(lambda party, x: inject(party.at("b"), shared(party, b), x), RingArray.integers(ring, x))
    assert (got.signed() == np.asarray(b * x)).all() and got.shape == np.broadcast_shapes(of_bits, of_x)


@settings(max_examples=20)
@given(RINGS, st.data())
def test_a_condition_chooses(ring, data):
    whole = st.integers(-(1 << (ring.bits - 1)), (1 << (ring.bits - 1)) - 1)
    cases = data.draw(st.lists(st.tuples(BITS, whole, whole), min_size=1, max_size=6))
    b, x, y = (list(column) for column in zip(*cases, strict=True))

    def by_bits(party, x, y):
        return (yield from select(party.at("s"), shared(party, b), x, y))

    def by_number(party, x, y, c):
        return (yield from select(party.at("s"), c, x, y))

    expected = [u if c else v for c, u, v in cases]
    seed = data.draw(st.integers(0, 99))
    assert alone(by_bits, words(x, ring), words(y, ring), seed=seed)[0].signed().tolist() == expected
    given = (words(x, ring), words(y, ring), words(b, ring))
    assert alone(by_number, *given, seed=seed)[0].signed().tolist() == expected


GATES = {
    "relu": (relu, lambda x: max(x, 0)),
    "absolute": (absolute, abs),
    "clamp": (lambda party, x: clamp(party, x, -7, 1 << 20), lambda x: min(max(x, -7), 1 << 20)),
    "clamp to one value": (lambda party, x: clamp(party, x, 3, 3), lambda x: 3),
}


@BOTH
@pytest.mark.parametrize("gate", GATES)
def test_gates_of_one_number_at_the_corners(gate, ring):
    function, plain = GATES[gate]
    x = corners(ring)
    got, played = alone(lambda party, x: function(party.at("g"), x), words(x, ring))
    assert got.signed().tolist() == [plain(v) for v in x]
    assert played.rounds == 5


@BOTH
def test_relu_and_absolute_of_all_the_ring_holds(ring):
    top = 1 << (ring.bits - 1)
    x = [top - 1, -top + 1, -top]
    assert alone(lambda p, x: relu(p.at("g"), x), words(x, ring))[0].signed().tolist() == [top - 1, 0, 0]
    assert alone(lambda p, x: absolute(p.at("g"), x), words(x[:2], ring))[0].signed().tolist() == [top - 1] * 2


@BOTH
def test_the_larger_and_the_smaller_at_the_corners(ring):
    x, y = np.meshgrid(np.array(corners(ring), object), np.array(corners(ring), object))
    given = (words(x[0], ring), words(y[:, :1], ring))
    for gate, plain in ((maximum, max), (minimum, min)):
        got, played = alone(lambda party, x, y, gate=gate: gate(party.at("g"), x, y), *given)
        assert got.signed().tolist() == [
            [plain(u, v) for u, v in zip(*rows, strict=True)] for rows in zip(x, y, strict=True)
        ]
        assert played.rounds == 5


@settings(max_examples=20)
@given(st.lists(st.integers(-(2**62), 2**62 - 1), min_size=1, max_size=6), st.integers(-9, 9), st.integers(0, 9))
def test_clamping_any_numbers(x, low, width):
    got, _ = alone(lambda party, x: clamp(party.at("g"), x, low, low + width), words(x))
    assert got.signed().tolist() == [min(max(v, low), low + width) for v in x]


@BOTH
@pytest.mark.parametrize(("low", "high"), [(1, 0), (-(1 << 200), 0), (0, 1 << 200)])
def test_bounds_in_the_wrong_order_or_beyond_the_ring_are_refused(low, high, ring):
    with pytest.raises(InvalidRequest, match="low <= high"):
        alone(lambda party, x: clamp(party, x, low, high), words([1], ring))


def test_from_inputs_to_reveal():
    got, _ = compute(lambda party, x, y: maximum(party.at("m"), x, y), words([1, -5]), words([-2, -4]))
    assert got.signed().tolist() == [1, -4]


# ---- cost


@BOTH
def test_the_cost_lines_are_true(ring):
    w = ring.item_bytes
    x = words(np.arange(60).reshape(3, 20), ring)
    b = np.zeros(20, np.uint8)  # 3 bytes, packed
    _, played = alone(lambda party, x: inject(party.at("b"), shared(party, b), x), x)
    assert played.rounds == 2
    assert played.sent == {"P0": 2 * 60 * w + 3, "P1": 2 * 60 * w + 3, "P2": 60 * w + 20 * w}
    assert not played.views["P2"]
    _, played = alone(lambda party, x, c: select(party.at("b"), c, x, x), x, words(np.zeros(20, int), ring))
    assert played.rounds == 1 and played.sent == dict.fromkeys(TRIO, 60 * w)


def of_comparison(n, ring):
    """What the comparison of n numbers sends."""

    def part(party, x):
        yield from negative_bits(party.at("c"), x)
        return x

    return alone(part, words(np.arange(n), ring))[1].sent


@BOTH
def test_a_gate_costs_a_comparison_and_an_injection_and_clamping_two_less_one_resharing(ring):
    w, n = ring.item_bytes, 40
    compared, twice = of_comparison(n, ring), of_comparison(2 * n, ring)
    x = words(np.arange(n), ring)
    for gate in (GATES["relu"][0], GATES["absolute"][0]):
        _, played = alone(lambda party, x, gate=gate: gate(party.at("g"), x), x)
        for p in ("P0", "P1"):
            assert played.sent[p] == compared[p] + 2 * w * n + n // 8
        assert played.sent["P2"] == compared["P2"] + 2 * w * n
    _, played = alone(lambda party, x: GATES["clamp"][0](party.at("g"), x), x)
    for p in ("P0", "P1"):
        assert played.sent[p] == twice[p] + 3 * w * n + 2 * n // 8
    assert played.sent["P2"] == twice["P2"] + 4 * w * n
    assert not played.views["P2"]


# ---- what is seen


def seen(size=8192):
    """What each receives, numbers and bits shared alike; the evaluators' shares of the product."""
    shares, held = alike(77, size, Ring.Z64), {}

    def part(party, x):
        bits = np.full(size, (1, 0, 0)[party.index], np.uint8)
        held[party.index] = yield from injected(party.at("b"), bits, between_evaluators(party, x))

    played = play({me: part(party, x) for me, party, x in zip(TRIO, parties(), shares, strict=True)})
    assert set((held[0] + held[1]).words) == {77}
    return {p: received(played, p) for p in TRIO}, held


def test_all_that_an_evaluator_sees_and_its_share_of_the_product_are_uniform():
    views, held = seen()
    assert [len(views[p]) for p in TRIO] == [2, 4, 0]
    assert all(uniform(each) for p in TRIO for each in views[p])
    assert uniform(held[0].words) and uniform(held[1].words)


@pytest.mark.parametrize(("purpose", "place"), [("d", 0), ("a", 1), ("dealt 0", 2), ("dealt 1", 3)])
def test_a_mask_left_out_is_seen_by_p_1(purpose, place, monkeypatch):
    real_bits, real_stream, real_draw = ComputeParty.draw_bits, ComputeParty.stream, ComputeParty.draw

    def left_out(party, key, what):
        return what == purpose and (party.index, key) in {(0, "mine"), (2, "next")}

    def draw_bits(party, key, what, dtype, shape):
        bits = real_bits(party, key, what, dtype, shape)
        return np.zeros_like(bits) if left_out(party, key, what) else bits

    class Nothing:
        def __init__(self, ring, shape):
            self.ring, self.shape = ring, shape

        def read(self, shape):
            return RingArray.zeros(self.ring, shape)

    def stream(party, key, what, ring, shape):
        real = real_stream(party, key, what, ring, shape)
        return Nothing(ring, shape) if left_out(party, key, what) else real

    def draw(party, key, what, ring, shape):
        return RingArray.zeros(ring, shape) if left_out(party, key, what) else real_draw(party, key, what, ring, shape)

    monkeypatch.setattr(ComputeParty, "draw_bits", draw_bits)
    monkeypatch.setattr(ComputeParty, "stream", stream)
    monkeypatch.setattr(ComputeParty, "draw", draw)
    views, _ = seen()
    assert not uniform(views["P1"][place])


def test_a_replicated_condition_is_told_from_bits_by_its_type():
    def part(party, x):
        ones = Replicated.public(party.index, RingArray.integers(x.ring, np.ones(2, int)))
        return (yield from select(party.at("s"), ones, x, -x))

    assert alone(part, words([4, 5]))[0].signed().tolist() == [4, 5]
