"""What is linear needs no message: shares computed on apart recombine to the formula, and are no values."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import replicated
from securecompute.protocols.products.replicated import Replicated
from securecompute.values import SecretMisused
from tests.protocols.products.playing import recombine, share_out, words

BOTH = pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
RINGS = st.sampled_from([Ring.Z64, Ring.Z128])
INTEGERS = st.one_of(st.sampled_from([0, 1, -1, (1 << 63) - 1, -(1 << 63)]), st.integers(-(1 << 127), (1 << 127) - 1))


def numbers(ring, shape, seed=1):
    """Uniform elements."""
    size = int(np.prod(shape)) * 16
    words = np.frombuffer(np.random.default_rng(seed).bytes(size), np.uint64).reshape(2, *shape)
    return RingArray(ring, words if ring is Ring.Z128 else words[0])


def agree(shares, expected):
    """Whether the three hold what is expected, and every share is the same at both holders."""
    for i in range(3):
        assert shares[i].index == i
        assert (shares[i].next.words == shares[(i + 1) % 3].mine.words).all()
        assert shares[i].shape == shares[i].next.shape == expected.shape
        assert shares[i].size == expected.size and shares[i].ring is expected.ring
    for order in ((0, 1, 2), (2, 0, 1), (1, 0, 2)):  # recombination in any order
        total = shares[order[0]].mine + shares[order[1]].mine + shares[order[2]].mine
        assert (total.words == expected.words).all()
    assert (recombine(shares).words == expected.words).all()


PUBLIC = {
    "x + 5": lambda x: x + 5,
    "5 + x": lambda x: 5 + x,
    "x - 5": lambda x: x - 5,
    "5 - x": lambda x: 5 - x,
    "-x": lambda x: -x,
    "3 * x": lambda x: 3 * x,
    "x * -3": lambda x: x * -3,
    "x << 7": lambda x: x << 7,
    "numpy's integer": lambda x: x * np.int64(-2) + np.uint8(7),
    "x[1]": lambda x: x[1],
    "x[:, [0, 2]]": lambda x: x[:, [0, 2]],
    "reshape": lambda x: x.reshape((3, -1)),
    "T": lambda x: x.T,
    "transpose": lambda x: x.transpose((1, 0)),
    "broadcast_to": lambda x: x.broadcast_to((2, 2, 3)),
    "sum": lambda x: x.sum(),
    "sum(0)": lambda x: x.sum(0),
    "sum((0, 1))": lambda x: x.sum((0, 1)),
    "x[0, 0]": lambda x: x[0, 0] + 1,
}


@BOTH
@pytest.mark.parametrize("f", PUBLIC.values(), ids=PUBLIC)
def test_what_is_linear_is_done_share_by_share(ring, f):
    x = numbers(ring, (2, 3))
    agree([f(share) for share in share_out(x)], f(x))


@BOTH
@pytest.mark.parametrize("other", [(2, 3), (3,), (1,), (2, 1), (4, 2, 3), ()])
def test_shares_and_public_arrays_broadcast_on_either_side(ring, other):
    x, y = numbers(ring, (2, 3)), numbers(ring, other, 2)
    xs, ys = share_out(x), share_out(y, "y")
    for f in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: b - a, lambda a, b: b + a):
        agree([f(a, b) for a, b in zip(xs, ys, strict=True)], f(x, y))
        agree([f(a, y) for a in xs], f(x, y))
    agree([a * y for a in xs], x * y)
    agree([y * a for a in xs], x * y)


@BOTH
def test_products_with_public_matrices_are_local_on_either_side(ring):
    x, a, b = numbers(ring, (2, 3)), numbers(ring, (3, 4), 2), numbers(ring, (5, 2), 3)
    agree([s @ a for s in share_out(x)], x @ a)
    agree([b @ s for s in share_out(x)], b @ x)


@given(RINGS, st.lists(INTEGERS, min_size=1, max_size=4), INTEGERS)
def test_a_public_constant_is_added_once_whatever_it_is(ring, x, n):
    agree([share + n for share in share_out(words(x, ring))], words([v + n for v in x], ring))


@BOTH
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_shares_are_joined_as_arrays_are(ring, axis):
    x, y = numbers(ring, (2, 2)), numbers(ring, (2, 2), 2)
    pairs = list(zip(share_out(x), share_out(y, "y"), strict=True))
    for name in ("concatenate", "stack"):
        whole = getattr(replicated.ring_arrays, name)
        agree([getattr(replicated, name)(pair, axis) for pair in pairs], whole([x, y], axis))


@BOTH
def test_public_values_have_shares(ring):
    x = numbers(ring, (2, 3))
    agree([Replicated.public(i, x) for i in range(3)], x)


@BOTH
def test_each_party_alone_sees_nothing_but_what_was_drawn_and_any_two_know_all(ring):
    x, y = words([5] * 4, ring), words([-9] * 4, ring)
    for one, other in zip(share_out(x), share_out(y), strict=True):  # one tape
        same = [(one.mine.words == other.mine.words).all(), (one.next.words == other.next.words).all()]
        assert same == {0: [True, True], 1: [True, False], 2: [False, True]}[one.index]  # x_2 takes up the rest
    xs = share_out(x)
    for i in range(3):
        total = xs[i].mine + xs[i].next + xs[(i + 1) % 3].next
        assert (total.words == x.words).all()


@pytest.mark.parametrize("other", [1.5, np.float64(2.0), "1", None, np.array([1, 2])])
def test_reals_and_numpys_arrays_are_refused_at_all_three_alike(other):
    for share in share_out(words([1, 2])):
        for op in (lambda a, b: a + b, lambda a, b: b + a, lambda a, b: a - b, lambda a, b: b - a, lambda a, b: a * b):
            with pytest.raises(TypeError):
                op(share, other)


def test_shares_in_two_rings_are_not_added():
    a, b = share_out(words([1]))[0], share_out(words([1], Ring.Z128))[0]
    with pytest.raises(InvalidRequest):
        a + b
    with pytest.raises(InvalidRequest):
        a * words([1], Ring.Z128)


def test_a_share_is_no_value():
    a, b = share_out(words([1, 2]))[:2]
    deeds = [
        lambda: bool(a),
        lambda: a == b,
        lambda: a != b,
        lambda: 1 in a,
        lambda: pickle.dumps(a),
        lambda: copy.copy(a),
        lambda: a * b,
        lambda: a @ b,
    ]
    for deed in deeds:
        with pytest.raises(SecretMisused, match="reveal"):
            deed()
    for deed in (lambda: a < b, lambda: hash(a), lambda: np.add(a, 1), lambda: np.array([1]) * a):
        with pytest.raises(TypeError):
            deed()
    assert repr(a) == "Replicated(P_0, Z_2^64, shape=(2,))"
