"""Public keys of a session: every fixed AES key, public seed and domain string of set intersections comes from here.

    public_key(header, label) = HKDF-SHA256(header, salt "securecompute/intersection/v1", label), 16 bytes

The header is what all parties of a session know and agree on: session, institutions, roles, declared sizes, protocol,
version of the code. So no value that is hashed under such a key means anything in another session, and parties that
were told different things get different keys: their results do not match, instead of matching falsely.

Security   Nothing here is secret: anybody who has the header computes the keys. They separate uses; they hide nothing.
Reference  RFC 5869.
"""

from securecompute.errors import InvalidRequest
from securecompute.primitives.masks import derive

KEY_BYTES = 16

_SALT = b"securecompute/intersection/v1"


def public_key(header: bytes, label: str) -> bytes:
    """16 bytes for one use in one session: the same to all who have the header, unrelated for another label or header.

    header   the public session header
    label    what the key is for, as "leaves left"; one label, one use
    raises   InvalidRequest  the header or the label is empty
    """
    if not header or not label:
        raise InvalidRequest("a public key is of a session's header and a label; neither may be empty")
    return derive(header, _SALT, label.encode(), KEY_BYTES)
