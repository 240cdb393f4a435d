"""Public keys of a session: what they depend on, and that they are HKDF as the standard has it."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.protocols.intersection.header import KEY_BYTES, public_key

HEADERS, LABELS = st.binary(min_size=1, max_size=200), st.text(min_size=1, max_size=40)


@given(HEADERS, LABELS)
def test_a_public_key_is_hkdf_of_the_header_under_the_label(header, label):
    extracted = hmac.new(b"securecompute/intersection/v1", header, hashlib.sha256).digest()
    expanded = hmac.new(extracted, label.encode() + b"\x01", hashlib.sha256).digest()
    assert public_key(header, label) == expanded[:KEY_BYTES]


@given(HEADERS, LABELS, HEADERS, LABELS)
def test_another_header_or_label_gives_another_key(header, label, other_header, other_label):
    same = (header, label) == (other_header, other_label)
    assert (public_key(header, label) == public_key(other_header, other_label)) is same


def test_the_end_of_a_header_and_the_start_of_a_label_do_not_mix():
    assert public_key(b"session a", "b") != public_key(b"session ", "ab")


@pytest.mark.parametrize(("header", "label"), [(b"", "leaves"), (b"session", "")])
def test_nothing_comes_from_an_empty_header_or_label(header, label):
    with pytest.raises(InvalidRequest, match="empty"):
        public_key(header, label)
