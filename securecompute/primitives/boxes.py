"""Sealed boxes: bytes that only the holder of a key can read, or have changed.

    box = ChaCha20-Poly1305(key, nonce 0, plaintext, aad)        16 bytes longer than the plaintext

Security   Confidential and authentic under RFC 8439's assumptions, for one box per key: a second box under the same
           key and nonce gives away the difference of the texts and the tag key. Using a key once is the caller's
           duty. The length is not hidden.
Reference  RFC 8439.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.masks import KEY_BYTES

TAG_BYTES = 16

_NONCE = bytes(12)


class BoxTampered(PeerMisbehaved):
    """A box that was not made with this key and this associated data."""


def seal_box(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """The box: len(plaintext) + 16 bytes.

    key      32 bytes, for this box only
    aad      sent beside the box or known to both ends; bound to it, not hidden
    raises   InvalidRequest  another key size
    """
    return _cipher(key).encrypt(_NONCE, plaintext, aad)


def open_box(key: bytes, box: bytes, aad: bytes) -> bytes:
    """The plaintext of a box.

    raises   BoxTampered     any bit of the box, the key or the associated data differs
             InvalidRequest  another key size
    """
    try:
        return _cipher(key).decrypt(_NONCE, box, aad)
    except InvalidTag:
        raise BoxTampered(
            "a sealed box does not open; it was changed, or made for somebody or something else"
        ) from None


def _cipher(key: bytes) -> ChaCha20Poly1305:
    if type(key) is not bytes or len(key) != KEY_BYTES:
        raise InvalidRequest("a box key is exactly 32 bytes")
    return ChaCha20Poly1305(key)
