"""Sealed boxes: RFC 8439, and nothing opens that was changed."""

import pytest
from cryptography.hazmat.primitives.poly1305 import Poly1305
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.boxes import BoxTampered, open_box, seal_box

KEY = bytes(range(32))

# RFC 8439, A.1 vector 2: key stream for a zero key and nonce from block 1; A.4 vector 1: their Poly1305 key
BLOCK_1 = (
    "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
    "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"
)
TAG_KEY = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"


def test_a_box_of_zeros_under_a_zero_key_agrees_with_rfc_8439():
    box = seal_box(bytes(32), bytes(64), b"")
    lengths = (0).to_bytes(8, "little") + (64).to_bytes(8, "little")
    assert box[:64].hex() == BLOCK_1
    assert box[64:] == Poly1305.generate_tag(bytes.fromhex(TAG_KEY), bytes.fromhex(BLOCK_1) + lengths)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.binary(max_size=40))
def test_a_box_opens_with_its_key_and_associated_data(key, plaintext, aad):
    box = seal_box(key, plaintext, aad)
    assert len(box) == len(plaintext) + 16
    assert open_box(key, box, aad) == plaintext


def test_changing_any_bit_keeps_a_box_shut():
    plaintext, aad = b"two shares", b"session"
    parts = {"key": KEY, "box": seal_box(KEY, plaintext, aad), "aad": aad}
    for place, part in parts.items():
        for bit in range(8 * len(part)):
            changed = bytearray(part)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(BoxTampered):
                open_box(**parts | {place: bytes(changed)})


@pytest.mark.parametrize("box", [b"", bytes(15), seal_box(KEY, b"text", b"")[:-1], seal_box(KEY, b"text", b"") + b"\0"])
def test_a_truncated_or_extended_box_stays_shut(box):
    with pytest.raises(BoxTampered, match="does not open") as refusal:
        open_box(KEY, box, b"")
    assert isinstance(refusal.value, PeerMisbehaved)


def test_two_boxes_under_one_key_give_away_the_difference_of_their_texts():
    one, other = seal_box(KEY, b"yes", b""), seal_box(KEY, b"no.", b"")
    difference = bytes(a ^ b for a, b in zip(b"yes", b"no.", strict=True))
    assert bytes(a ^ b for a, b in zip(one[:3], other[:3], strict=True)) == difference  # why a key seals once


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(31), bytes(33), bytearray(32), "0" * 32])
def test_a_key_of_other_than_32_bytes_is_refused(key):
    with pytest.raises(InvalidRequest, match="exactly 32 bytes"):
        seal_box(key, b"", b"")
    with pytest.raises(InvalidRequest, match="exactly 32 bytes"):
        open_box(key, bytes(16), b"")
