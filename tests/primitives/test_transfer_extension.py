"""Extended transfers: q = t + rho s, pads of the choice only, columns that hide choices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.primitives import transfer_extension as extension
from securecompute.primitives.block_hash import BlockHash
from securecompute.primitives.masks import Reader
from tests.seeded import SeededRandomness

KEYED = BlockHash(b"pads of one test")


class Dealt:
    """Base transfers by a dealer: both keys to the receiver, one of each pair to the sender."""

    def __init__(self, seed=0, s=None):
        draw = SeededRandomness(f"dealt {seed}")
        pairs = [(draw.bytes(32), draw.bytes(32)) for _ in range(128)]
        self.s = np.frombuffer(draw.bytes(16), np.uint64) if s is None else np.array(s, np.uint64)
        self.both = [(Reader(first), Reader(second)) for first, second in pairs]
        bits = extension.bits_of(self.s)
        self.one = [Reader(pair[bit]) for pair, bit in zip(pairs, bits.astype(int), strict=True)]

    def extend(self, choices):
        u, t = extension.choose(self.both, extension.packed(choices))
        return u, t, extension.answer(self.one, self.s, u)


def bits(n, seed=0):
    return np.unpackbits(np.frombuffer(SeededRandomness(f"bits {seed}").bytes(n // 8 + 1), np.uint8))[:n].astype(bool)


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.integers(0, 3))
@settings(max_examples=15)
def test_rows_differ_by_s_where_the_choice_is_one(choices, seed):
    dealt, choices = Dealt(seed), np.array(choices)
    _, t, q = dealt.extend(choices)
    assert t.shape == q.shape == (64 * extension.words_of(len(choices)), 2)
    assert (q[: len(choices)] == t[: len(choices)] ^ (choices[:, None] * dealt.s)).all()


@pytest.mark.parametrize("s", [[1, 0], [0, 1 << 63], [0, 0], [2**64 - 1, 2**64 - 1]])
def test_any_secret_block_works(s):
    dealt, choices = Dealt(s=s), bits(100)
    _, t, q = dealt.extend(choices)
    assert (q[:100] == t[:100] ^ (choices[:, None] * dealt.s)).all()


def test_the_receiver_has_the_pad_of_its_choice_and_not_the_other():
    dealt, choices = Dealt(), bits(200)
    _, t, q = dealt.extend(choices)
    pads, mine = extension.both_pads(KEYED, q, dealt.s), extension.chosen_pads(KEYED, t)
    rows = np.arange(200)
    assert (pads[rows, choices.astype(int)] == mine[:200]).all()
    assert (pads[rows, 1 - choices.astype(int)] != mine[:200]).all()


def test_the_row_number_is_part_of_a_pad():
    same = np.full((3, 2), 5, np.uint64)
    assert len({row.tobytes() for row in extension.chosen_pads(KEYED, same)}) == 3


def test_columns_are_uniform_whatever_the_choices():
    n = 6400
    for choices in (np.zeros(n, bool), np.ones(n, bool)):
        u, _, _ = Dealt().extend(choices)
        counts = np.bincount(u.view(np.uint8).ravel(), minlength=256)
        expected = u.nbytes / 256
        assert 150 < ((counts - expected) ** 2 / expected).sum() < 380  # chi-square, 255 degrees of freedom


def test_streams_are_read_on_so_that_two_runs_share_no_column():
    dealt, choices = Dealt(), bits(64)
    first, second = (dealt.extend(choices) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert not {row.tobytes() for row in a} & {row.tobytes() for row in b}


@given(st.lists(st.booleans(), max_size=300))
def test_bits_are_packed_from_the_lowest_on(values):
    choices = np.array(values, bool)
    words = extension.packed(choices)
    assert words.size == extension.words_of(len(values)) == -(-len(values) // 64)
    assert sum(int(word) << 64 * k for k, word in enumerate(words)) == sum(bit << k for k, bit in enumerate(values))
    assert (extension.bits_of(words)[: len(values)] == choices).all()


def test_arrays_that_do_not_fit_are_refused():
    dealt = Dealt()
    for choices in (np.zeros(2, np.int64), np.zeros((1, 2), np.uint64)):
        with pytest.raises(InvalidRequest, match="choices"):
            extension.choose(dealt.both, choices)
    for s, u in ((dealt.s, np.zeros((127, 2), np.uint64)), (dealt.s[:1], np.zeros((128, 2), np.uint64))):
        with pytest.raises(InvalidRequest, match="do not fit"):
            extension.answer(dealt.one, s, u)
    for u in (np.zeros((128, 2), np.int64), np.zeros((128, 2, 1), np.uint64)):
        with pytest.raises(InvalidRequest, match="do not fit"):
            extension.answer(dealt.one, dealt.s, u)
