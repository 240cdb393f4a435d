"""AES-CMAC of many strings: the RFC's vectors, and every string's tag as if it came alone."""

import time

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.primitives import batch_cmac
from securecompute.primitives.batch_cmac import cmac_many

# RFC 4493, section 4: one key, four lengths of one text
RFC_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
RFC_TEXT = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
RFC_TAGS = {
    0: "bb1d6929e95937287fa37d129b756746",
    16: "070a16b46b4d4144f79bdd9dd04a287c",
    40: "dfa66747de9ae63030ca32611497c827",
    64: "51f0bebf7e3b9d92fc49741779363cfe",
}


def packed(strings):
    """The strings as bytes in a row, and where each begins and ends."""
    offsets = np.cumsum([0, *map(len, strings)], dtype=np.int64)
    return np.frombuffer(b"".join(strings), np.uint8), offsets


def tags(key, strings):
    return [tag.tobytes() for tag in cmac_many(key, *packed(strings))]


def alone(key, string):
    """The tag of one string, as another library makes it."""
    whole = CMAC(algorithms.AES128(key))
    whole.update(string)
    return whole.finalize()


def test_the_rfcs_vectors():
    assert tags(RFC_KEY, [RFC_TEXT[:length] for length in RFC_TAGS]) == [bytes.fromhex(t) for t in RFC_TAGS.values()]


@given(st.binary(min_size=16, max_size=16), st.lists(st.binary(max_size=70), max_size=40))
def test_a_strings_tag_is_the_one_it_has_alone(key, strings):
    assert tags(key, strings) == [alone(key, string) for string in strings]


@given(st.lists(st.binary(max_size=40), min_size=2, max_size=30), st.data())
def test_strings_may_be_a_piece_of_a_longer_row(strings, data):
    first = data.draw(st.integers(0, len(strings) - 1))
    octets, offsets = packed(strings)
    assert np.array_equal(cmac_many(RFC_KEY, octets, offsets[first:]), cmac_many(RFC_KEY, octets, offsets)[first:])


def test_tiles_do_not_show(monkeypatch):
    octets, offsets = packed([RFC_TEXT[: k * 7 % 65] for k in range(50)])
    whole = cmac_many(RFC_KEY, octets, offsets)
    monkeypatch.setattr(batch_cmac, "_ROWS", 7)
    assert np.array_equal(cmac_many(RFC_KEY, octets, offsets), whole)


def test_one_long_string_among_short_ones():
    strings = [b"short", bytes(range(256)) * 300, b""]
    assert tags(RFC_KEY, strings) == [alone(RFC_KEY, string) for string in strings]


def test_no_strings_have_no_tags():
    assert cmac_many(RFC_KEY, np.zeros(0, np.uint8), np.zeros(1, np.int64)).shape == (0, 2)


def test_the_strings_are_read_only_read():
    octets, offsets = packed([b"first", b"second string"])
    assert not octets.flags.writeable
    cmac_many(RFC_KEY, octets, offsets)
    assert octets.tobytes() == b"firstsecond string"


def test_a_public_key_makes_collisions_easy_to_whoever_seeks_them():
    """What the docstring warns of: two texts of two blocks with one tag, written down without any search."""
    start = [b"a" * 16, b"b" * 16]
    difference = bytes(x ^ y for x, y in zip(*(_aes(RFC_KEY, block) for block in start), strict=True))
    assert len(set(tags(RFC_KEY, [start[0] + difference, start[1] + bytes(16)]))) == 1


def _aes(key, block):
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    return Cipher(algorithms.AES128(key), modes.ECB()).encryptor().update(block)


@pytest.mark.parametrize(
    ("key", "data", "offsets", "says"),
    [
        (bytes(15), np.zeros(4, np.uint8), np.array([0, 4]), "16 bytes"),
        (bytearray(16), np.zeros(4, np.uint8), np.array([0, 4]), "16 bytes"),
        (RFC_KEY, np.zeros(4, np.int8), np.array([0, 4]), "uint8"),
        (RFC_KEY, np.zeros(8, np.uint8)[::2], np.array([0, 4]), "contiguous"),
        (RFC_KEY, np.zeros((2, 2), np.uint8), np.array([0, 4]), "contiguous"),
        (RFC_KEY, np.zeros(4, np.uint8), np.array([0, 4], np.int32), "int64"),
        (RFC_KEY, np.zeros(4, np.uint8), np.zeros(0, np.int64), "int64"),
        (RFC_KEY, np.zeros(4, np.uint8), np.array([0, 5]), "leave"),
        (RFC_KEY, np.zeros(4, np.uint8), np.array([-1, 4]), "leave"),
        (RFC_KEY, np.zeros(4, np.uint8), np.array([0, 3, 2, 4]), "fall"),
    ],
)
def test_anything_else_is_refused(key, data, offsets, says):
    with pytest.raises(InvalidRequest, match=says):
        cmac_many(key, data, offsets)


@pytest.mark.slow
def test_a_million_identifiers_take_a_fraction_of_a_second():
    lengths = np.random.default_rng(1).integers(12, 41, 1 << 20)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    data = np.full(offsets[-1], ord("x"), np.uint8)

    def seconds():
        start = time.process_time()
        cmac_many(RFC_KEY, data, offsets)
        return time.process_time() - start

    assert min(seconds() for _ in range(5)) < 0.15
