"""Products by a secret element: c = beta Delta + b, whatever both are, and a message that hides beta."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.gf128 import multiply, warm
from securecompute.errors import InvalidRequest
from securecompute.primitives import noisy_vole
from tests.primitives.test_transfer_extension import Dealt

WORD = st.integers(0, 2**64 - 1)
BLOCK = st.tuples(WORD, WORD)


@pytest.fixture(autouse=True, scope="module")
def _warm():
    warm()
    noisy_vole.warm()


def run(beta, delta, seed=0, dealt=None):
    """d, c and b of one run."""
    dealt = dealt or Dealt(seed, s=delta)
    d, c = noisy_vole.receive(dealt.both, beta)
    return d, c, noisy_vole.answer(dealt.one, dealt.s, d)


@given(st.lists(BLOCK, min_size=1, max_size=20), BLOCK)
@settings(max_examples=15)
def test_c_is_beta_times_delta_plus_b(beta, delta):
    beta = np.array(beta, np.uint64)
    _, c, b = run(beta, delta)
    assert (c == multiply(beta, np.broadcast_to(np.array(delta, np.uint64), beta.shape)) ^ b).all()


@pytest.mark.parametrize("bit", [0, 1, 63, 64, 126, 127])
def test_each_bit_of_delta_counts(bit):
    delta = np.array([(1 << bit) & (2**64 - 1), 1 << bit >> 64], np.uint64)
    beta = np.array([[1, 0], [0, 1 << 63], [2**64 - 1, 2**64 - 1], [3, 5]], np.uint64)
    before = beta.copy()
    _, c, b = run(beta, delta)
    assert (c ^ b == multiply(beta, np.broadcast_to(delta, beta.shape))).all()
    assert (beta == before).all()


@pytest.mark.parametrize("word", [0, 2**64 - 1])
def test_the_message_is_uniform_whatever_beta_is(word):
    d, _, _ = run(np.full((400, 2), word, np.uint64), [1, 1])
    counts = np.bincount(d.view(np.uint8).ravel(), minlength=256)
    expected = d.nbytes / 256
    assert 150 < ((counts - expected) ** 2 / expected).sum() < 380  # chi-square, 255 degrees of freedom


def test_streams_are_read_on_so_that_two_runs_share_no_row():
    dealt, beta = Dealt(), np.ones((50, 2), np.uint64)
    first, second = (run(beta, None, dealt=dealt) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert not {row.tobytes() for row in a.reshape(-1, 2)} & {row.tobytes() for row in b.reshape(-1, 2)}


def test_arrays_that_do_not_fit_are_refused():
    dealt, beta = Dealt(), np.ones((3, 2), np.uint64)
    for streams, wrong in ((dealt.both[:127], beta), (dealt.both, beta[:, :1]), (dealt.both, beta.astype(np.int64))):
        with pytest.raises(InvalidRequest, match="expected 128"):
            noisy_vole.receive(streams, wrong)
    d = np.zeros((128, 3, 2), np.uint64)
    for streams, wrong in ((dealt.one[:127], d), (dealt.one, d[:127]), (dealt.one, d[..., :1]), (dealt.one, d[0])):
        with pytest.raises(InvalidRequest, match="expected 128"):
            noisy_vole.answer(streams, dealt.s, wrong)
    with pytest.raises(InvalidRequest, match="expected 128"):
        noisy_vole.answer(dealt.one, dealt.s[:1], d)
