"""A function from one opening: what the evaluators see is uniform, and a fault in the masks is seen."""

import numpy as np
import pytest

from securecompute.arithmetic import harmonic_kernels
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products import masked_functions
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.harmonics import Harmonics, Series, sums
from securecompute.protocols.products.masked_functions import evaluate, settled
from securecompute.protocols.products.multiplication import local_multiply
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.streams import Stream
from tests.protocols.products.playing import TRIO, alone, received, words
from tests.protocols.products.real_functions import masked
from tests.protocols.products.views import uniform, watch

N = 2000
SINE = Series(0.0, 0.0, (0.0, 0.125), (0.5, 0.0))
BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)


def of_shares(party, x):
    return (yield from sums(party, x, [SINE], 40, x.ring))


def of_product(party, x):
    one = Replicated.public(party.index, RingArray.integers(x.ring, [1]))
    return (yield from sums(party, local_multiply(x, one), [SINE], 40, x.ring))


def turns(ring, fractions):
    return words(np.asarray(np.asarray(fractions) * 2.0**53, np.int64), ring) << (ring.bits - 53)


@BOTH
@pytest.mark.parametrize("gate", [of_shares, of_product])
def test_shares_and_products_give_the_function(ring, gate):
    fractions = np.random.default_rng(0).random((3, 7))
    y, _ = alone(gate, turns(ring, fractions))
    assert np.abs(y[0].reals(40) - SINE(fractions)).max() < 1e-8


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0), (1025,), (3, 700)])
def test_any_shape_is_kept(shape):
    y, _ = alone(of_shares, turns(Ring.Z64, np.full(shape, 0.25)))
    assert y.shape == (1, *shape)
    assert (np.abs(y.reals(40) - SINE(0.25)) < 1e-8).all()


@BOTH
def test_the_cost_is_as_said(ring):
    w = ring.bits // 8
    _, played = alone(of_shares, turns(ring, np.zeros(N)))
    assert played.rounds == 3
    assert played.sent == {"P0": (8 + w) * N, "P1": (8 + w) * N, "P2": (2 * w + 2 * w + 8 * 4) * N}
    _, played = alone(of_product, turns(ring, np.zeros(N)))
    assert played.sent == {"P0": (8 + 2 * w) * N, "P1": (8 + 2 * w) * N, "P2": (4 * w + 8 * 4) * N}


@BOTH
@pytest.mark.parametrize("gate", [of_shares, of_product])
def test_all_that_is_seen_of_equal_numbers_is_uniform(ring, gate):
    for fraction in (0.0, 0.375):
        assert masked(alone(gate, turns(ring, np.full(N, fraction)))[1])


def test_what_is_opened_hides_the_number_from_each_evaluator():
    """The dealer's message less the missing share is the mask, and c less x the mask again: both uniform."""
    x = turns(Ring.Z64, np.full(N, 0.3))
    held, played = alone(lambda party, x: _kept(party, x), x, keep=True)
    for i, lacks in ((0, 2), (1, 0)):
        told = received(played, f"P{i}")[0]
        assert uniform(told - held[lacks].mine.words)


DRAW = ComputeParty.draw


def no_r(party, key, purpose, ring, shape):
    """The streams, but for the dealer's r, which is 0."""
    return RingArray.zeros(ring, shape) if purpose == "r" else DRAW(party, key, purpose, ring, shape)


def _kept(party, x):
    yield from evaluate(party, x, Harmonics((SINE,)))
    return x


@pytest.mark.parametrize("gate", [of_shares, of_product])
def test_what_is_seen_of_numbers_shared_alike_is_uniform_unless_a_mask_is_left_out(monkeypatch, gate):
    def all_uniform():
        seen, _ = watch(gate, (1 << 62, Ring.Z64), size=N)
        return all(uniform(a.words) for party in TRIO for a in seen[party])

    assert all_uniform()
    if gate is of_product:
        monkeypatch.setattr(ComputeParty, "masked", lambda party, z: z)
    else:
        monkeypatch.setattr(ComputeParty, "draw", no_r)
    assert not all_uniform()


@pytest.mark.parametrize("purpose", ["mask", "words"])
def test_a_stream_that_is_constant_is_seen(monkeypatch, purpose):
    stream = ComputeParty.stream

    class Constant(Stream):
        def read(self, shape):
            return RingArray.zeros(self.ring, shape)

    def constant(party, key, name, ring, shape):
        return Constant(bytes(32), ring, shape) if name == purpose else stream(party, key, name, ring, shape)

    monkeypatch.setattr(ComputeParty, "stream", constant)
    y, played = alone(of_shares, turns(Ring.Z64, np.full(N, 0.25)))
    assert np.abs(y.reals(40) - SINE(0.25)).max() < 1e-8, "right all the same"
    assert not masked(played)


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
@pytest.mark.parametrize("bits", [1, 20, 61])
def test_settling_divides_what_two_hold_downwards_or_one_more(ring, bits):
    values = [0, 1, -1, 2**62 - 1, -(2**62) + 1, 2**bits, -(2**bits), *range(-9, 9)]

    def function(party, x):
        z = None if party.deals else (x.mine + x.next if party.index == 0 else x.next)
        return (yield from settled(party, z, x.shape, bits, ring))

    for seed in range(5):
        y, _ = alone(function, words(values), seed=seed)
        assert all(v - (u >> bits) in (0, 1) for v, u in zip(y.signed().tolist(), values, strict=True))


def test_numbers_are_worked_through_in_chunks_of_any_length(monkeypatch):
    fractions = np.random.default_rng(1).random(50)
    whole, _ = alone(of_shares, turns(Ring.Z64, fractions))
    monkeypatch.setattr(masked_functions, "_CHUNK", 7)
    chunked, _ = alone(of_shares, turns(Ring.Z64, fractions))
    assert np.abs(whole.reals(40) - chunked.reals(40)).max() < 1e-8


@pytest.mark.parametrize("offset", [0, 1], ids=["aligned", "not aligned"])
def test_a_message_as_decoded_from_a_frame_asks_for_no_other_compilation(offset):
    frame = bytes(offset) + np.arange(4, dtype=np.uint64).tobytes()  # bytes are read-only
    words = np.frombuffer(frame, np.uint64, 4, offset)
    usable = masked_functions._usable(words)
    assert usable.flags.writeable and usable.flags.aligned and usable.tolist() == [0, 1, 2, 3]
    assert masked_functions._usable(usable) is usable


def test_a_gate_in_use_compiles_nothing_that_warming_up_did_not():
    harmonic_kernels.warm()
    kernels = harmonic_kernels.combine, harmonic_kernels.deal
    before = [len(kernel.signatures) for kernel in kernels]
    for ring in (Ring.Z64, Ring.Z128):
        for gate in (of_shares, of_product):
            alone(gate, turns(ring, np.full(3, 0.25)))
    assert [len(kernel.signatures) for kernel in kernels] == before
