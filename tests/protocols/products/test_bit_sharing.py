"""Bits shared by XOR become numbers exactly, and sums of them; the plans of chains hold what is said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products.bit_sharing import to_arithmetic, weighted_sums
from securecompute.protocols.products.masked_order import groups
from tests.protocols.products.bit_views import relations, uniform_numbers
from tests.protocols.products.playing import TRIO, alone, words


def shared(bits):
    """This party's share of public bits, made by hand."""
    random = np.random.default_rng(7).integers(0, 2, bits.shape).astype(np.uint8)
    return lambda party: [random, random ^ bits, np.zeros_like(bits)][party.index]


@given(st.sampled_from([Ring.Z64, Ring.Z128]), st.lists(st.integers(0, 1), max_size=20), st.integers(0, 99))
def test_bits_become_numbers(ring, values, seed):
    bits = np.array(values, np.uint8)
    got, _ = alone(lambda party: to_arithmetic(party, shared(bits)(party), ring), seed=seed)
    assert got.signed().tolist() == values


@given(st.sampled_from([Ring.Z64, Ring.Z128]), st.integers(1, 5), st.integers(1, 3), st.integers(0, 99))
def test_weighted_sums_are_exact(ring, k, sums, seed):
    draw = np.random.default_rng(seed)
    bits = draw.integers(0, 2, (k, 2, 3)).astype(np.uint8)
    weights = draw.integers(-(1 << 62), 1 << 62, (sums, k)).tolist()
    got, _ = alone(lambda party: weighted_sums(party, shared(bits)(party), weights, ring), seed=seed)
    exact = np.einsum("mk,k...->m...", np.array(weights, object), bits.astype(object))
    assert (got.signed() == RingArray.integers(ring, exact).signed()).all()


@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
def test_the_cost_line_is_true(ring):
    bits, w = np.ones((2, 8), np.uint8), ring.item_bytes
    _, played = alone(lambda party: to_arithmetic(party, shared(bits)(party), ring))
    assert (played.rounds, played.sent) == (2, dict.fromkeys(TRIO[:2], 2 + 16 * w) | {"P2": 16 * w})
    _, played = alone(lambda party: weighted_sums(party, shared(bits)(party), [[1, 2]], ring))
    assert (played.rounds, played.sent) == (2, dict.fromkeys(TRIO[:2], 2 + 8 * w) | {"P2": 16 * w})


def test_the_dealer_receives_nothing_and_an_evaluator_sees_no_relation():
    x, secrets = uniform_numbers()

    def lowest_bits(party, x):
        """The numbers' lowest bits, of which two of the three shares belong to P_0."""
        own = [x.mine + x.next, x.next, x.mine - x.mine][party.index]
        return (yield from to_arithmetic(party, (own.words & np.uint64(1)).astype(np.uint8), Ring.Z64))

    assert relations(lowest_bits, secrets, x) == [0, 0]


@pytest.mark.parametrize("count", range(1, 40))
def test_groups_are_nearly_square_and_leave_no_digit_out(count):
    parts = groups(count, 4)
    assert [j for part in parts for j in part] == list(range(count))
    lengths = [len(part) for part in parts]
    assert lengths == sorted(lengths) and lengths[-1] - lengths[0] <= 1
    assert len(parts) == 1 if count <= 4 else (len(parts) - 1) ** 2 < count <= len(parts) ** 2


def test_numbers_of_nothing_become_nothing():
    got, _ = alone(lambda party: to_arithmetic(party, np.zeros((0, 3), np.uint8), Ring.Z64))
    assert got.shape == (0, 3) and words([]).size == 0
