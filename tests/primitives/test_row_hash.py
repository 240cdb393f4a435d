"""BLAKE2b of rows: hashlib's, bit for bit."""

from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.primitives.row_hash import hash_rows, warm
from tests.seeded import SeededRandomness


@pytest.fixture(autouse=True, scope="module")
def _warm():
    warm()


@given(st.integers(0, 5), st.integers(1, 16), st.integers(1, 8), st.binary(min_size=16, max_size=16), st.integers())
def test_every_row_has_the_hash_that_hashlib_gives_it(n, width, digest_words, person, seed):
    rows = np.frombuffer(SeededRandomness(seed).bytes(8 * n * width), np.uint64).reshape(n, width)
    hashes = hash_rows(rows, person, digest_words)
    assert hashes.shape == (n, digest_words)
    for row, digest in zip(rows, hashes, strict=True):
        assert digest.tobytes() == blake2b(row.tobytes(), digest_size=8 * digest_words, person=person).digest()


@pytest.mark.parametrize("word", [0, 1, 2**63, 2**64 - 1])
def test_rows_of_extreme_words_are_hashed_right(word):
    rows = np.full((2, 16), word, np.uint64)
    assert hash_rows(rows, bytes(16)).tobytes() == 2 * blake2b(rows[0].tobytes(), digest_size=16).digest()


def test_strided_and_read_only_rows_are_hashed_as_they_read():
    rows = np.arange(60, dtype=np.uint64).reshape(5, 12)
    fixed = rows[:, ::2].copy()
    fixed.flags.writeable = False
    assert (hash_rows(rows[:, ::2], bytes(16)) == hash_rows(fixed, bytes(16))).all()


def test_other_arguments_are_refused():
    rows = np.zeros((2, 7), np.uint64)
    for wrong in (rows.astype(np.int64), rows[0], rows[:, :0], np.zeros((1, 17), np.uint64)):
        with pytest.raises(InvalidRequest, match="rows to hash"):
            hash_rows(wrong, bytes(16))
    for person, words in ((bytes(15), 2), (bytes(16), 0), (bytes(16), 9)):
        with pytest.raises(InvalidRequest, match="person"):
            hash_rows(rows, person, words)
