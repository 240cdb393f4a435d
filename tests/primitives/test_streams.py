"""Streams side by side: each is what `masks.Reader` gives of its key, however it is read."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.primitives import aes_kernels, streams
from securecompute.primitives.masks import STREAM_BYTES, Reader
from securecompute.primitives.streams import Streams
from tests.seeded import SeededRandomness


@pytest.fixture(autouse=True, scope="module")
def _warm():
    streams.warm()


@pytest.fixture(autouse=True, params=["instructions", "library"])
def _way(request, monkeypatch):
    """Every test runs both ways."""
    if request.param == "library":
        monkeypatch.setattr(aes_kernels, "has_instruction", lambda: False)


def keys(n, seed=0):
    draw = SeededRandomness(f"streams {seed}")
    return [draw.bytes(32) for _ in range(n)]


@settings(max_examples=30)
@given(st.integers(1, 5), st.lists(st.integers(0, 70), max_size=5), st.integers(0, 1000))
def test_every_stream_is_that_of_its_reader(n, counts, seed):
    side_by_side, readers = Streams(keys(n, seed)), [Reader(key) for key in keys(n, seed)]
    assert len(side_by_side) == n
    for count in counts:
        words = side_by_side.words(count)
        assert words.shape == (n, count)
        assert words.flags.c_contiguous
        assert words.flags.writeable
        assert (words == [reader.words(count) for reader in readers]).all()


def test_a_stream_is_aes_256_in_counter_mode():
    """Blocks of counters, encrypted one by one, under the key of NIST SP 800-38A."""
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    blocks = b"".join(i.to_bytes(16, "big") for i in range(300))
    expected = Cipher(algorithms.AES256(key), modes.ECB()).encryptor().update(blocks)
    assert Streams([key]).words(600).tobytes() == expected


def test_the_counter_goes_on_beyond_a_byte():
    key = keys(1, 9)
    whole, parts = Streams(key).words(4 * 256 + 6), Streams(key)
    assert (np.hstack([parts.words(515), parts.words(4 * 256 + 6 - 515)]) == whole).all()


def test_no_streams_give_no_words():
    assert Streams([]).words(4).shape == (0, 4)


@pytest.mark.parametrize("bad", [b"short", bytes(33), bytearray(32), "x" * 32])
def test_a_key_is_32_bytes(bad):
    with pytest.raises(InvalidRequest, match="32 bytes"):
        Streams([bytes(32), bad])


def test_a_stream_ends_where_counters_would_come_again():
    of = Streams(keys(1))
    for count in (STREAM_BYTES // 8 + 1, -1):
        with pytest.raises(InvalidRequest):
            of.words(count)
