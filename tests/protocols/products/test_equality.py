"""Equality is exact for every pair of residues, costs what is said, and shows neither evaluator anything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products import bit_sharing
from securecompute.protocols.products.equality import equal, equal_bits
from tests.protocols.products.bit_views import relations, uniform_numbers
from tests.protocols.products.playing import TRIO, alone, words

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)


def to_zero(party, x):
    return equal_bits(party, x, x * 0)


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_numbers_that_differ_in_one_bit_are_not_equal(ring, seed):
    """In every bit, hence in every digit; and zero is equal to itself."""
    got, _ = alone(equal, words([*(1 << k for k in range(ring.bits)), 0], ring), words(0, ring), seed=seed)
    assert got.signed().tolist() == [0] * ring.bits + [1]


@given(
    st.sampled_from([Ring.Z64, Ring.Z128]),
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 0, 1, -1, 16, 2**60, -(2**63)]))),
    st.integers(0, 99),
)
def test_equality_is_that_of_residues(ring, pairs, seed):
    x, y = words([v for v, _ in pairs], ring), words([v + d for v, d in pairs], ring)
    got, _ = alone(equal, x, y, seed=seed)
    assert got.signed().tolist() == [int(d == 0) for _, d in pairs]


def test_it_broadcasts():
    got, _ = alone(equal, words([[1], [2]]), words([1, 2, 3]))
    assert got.words.tolist() == [[1, 0, 0], [0, 1, 0]]


@BOTH
def test_the_cost_line_is_true(ring):
    n, w = 16, ring.item_bytes
    opened, dealt = (20, 295) if ring is Ring.Z64 else (38, 755)
    _, played = alone(equal_bits, *[words(range(n), ring)] * 2, keep=True)
    assert played.rounds == 3
    evaluators = dict.fromkeys(TRIO[:2], n * w + opened * n // 8)
    assert played.sent == evaluators | {"P2": dealt * n // 8}
    _, played = alone(equal, *[words(range(n), ring)] * 2)
    assert played.rounds == 5
    assert played.sent == {p: sent + n // 8 + n * w for p, sent in evaluators.items()} | {"P2": dealt * n // 8 + n * w}


def test_an_evaluators_view_is_uniform_and_independent_of_the_numbers():
    x, secrets = uniform_numbers()
    assert relations(to_zero, secrets, x) == [0, 0]


def test_a_mask_left_out_shows_in_both_views(monkeypatch):
    real = bit_sharing.mask
    monkeypatch.setattr(bit_sharing, "mask", lambda *arguments: np.zeros_like(real(*arguments)))
    x, secrets = uniform_numbers()
    assert min(relations(to_zero, secrets, x)) > 0
