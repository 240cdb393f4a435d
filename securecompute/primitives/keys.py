"""Key pairs: Ed25519 says who an institution is, X25519 gives two institutions a secret in common.

    signature = Ed25519(label | message)        k = HKDF-SHA256(X25519(mine, theirs), salt, info)

`|` joins byte strings with their lengths, so that no two lists of parts look alike; a label keeps a signature made
for one step of a protocol from passing in another.

Security   A signature proves who said what; a public key must be pinned out of band, and nothing is promised about
           one of low order. An agreed key is known to both ends only; it is bound to the session by salt and info,
           which must name both ends. A key shows no secret in its text and cannot be pickled or copied.
Cost       us: sign 40, verify 130, an X25519 pair 45, agree 45.
Reference  RFC 8032, RFC 7748, RFC 5869.
"""

from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.masks import KEY_BYTES, derive
from securecompute.primitives.randomness import Randomness
from securecompute.values import Opaque

PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64


class LowOrderPoint(PeerMisbehaved):
    """A public key with which anybody could compute the agreed secret."""


def join(*parts: bytes) -> bytes:
    """The parts, each after its length in 4 bytes, big-endian: different lists give different bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class _PrivateKey(Opaque):
    """What both kinds of key have in common: how they are made, and what they refuse."""

    __slots__ = ("_key", "public")
    _kind: ClassVar[type[Ed25519PrivateKey] | type[X25519PrivateKey]]

    def __init__(self, key: Ed25519PrivateKey | X25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls, randomness: Randomness) -> Self:
        """A fresh key."""
        return cls.from_private_bytes(randomness.bytes(KEY_BYTES))

    @classmethod
    def from_private_bytes(cls, private: bytes) -> Self:
        """The key of these 32 bytes.

        raises   InvalidRequest  not 32 bytes
        """
        return cls(cls._kind.from_private_bytes(_exactly_32(private)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(public={self.public.hex()[:16]}...)"


class IdentityKey(_PrivateKey):
    """An institution's long-term Ed25519 key. `public` is its 32 bytes."""

    __slots__ = ()
    _kind = Ed25519PrivateKey
    _key: Ed25519PrivateKey

    def sign(self, label: bytes, message: bytes) -> bytes:
        """64 bytes that only this key can make, for this label and message."""
        return self._key.sign(join(label, message))


def verify(public: bytes, label: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of `public` signed this message under this label. False for bytes of any wrong form."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, join(label, message))
    except (InvalidSignature, ValueError):
        return False
    return True


class AgreementKey(_PrivateKey):
    """An X25519 key for one session, with any number of peers. `public` is its 32 bytes."""

    __slots__ = ("_secrets",)
    _kind = X25519PrivateKey
    _key: X25519PrivateKey

    def __init__(self, key: X25519PrivateKey) -> None:
        super().__init__(key)
        self._secrets: dict[bytes, bytes] = {}  # by public key: two keys with one peer, of other infos, are usual

    def unchecked_private_bytes(self) -> bytes:
        """The secret itself, 32 bytes: only to be split among peers for recovery."""
        return self._key.private_bytes_raw()

    def agree(self, their_public: bytes, salt: bytes, info: bytes) -> bytes:
        """The 32-byte key that the holder of `their_public` gets from our public key, same salt and info.

        raises   LowOrderPoint   their public key would make the secret known to everybody
                 PeerMisbehaved  it is not 32 bytes
        """
        if len(their_public) != PUBLIC_BYTES:
            raise PeerMisbehaved(f"a public key of {len(their_public)} bytes; expected {PUBLIC_BYTES}")
        if their_public not in self._secrets:
            try:
                self._secrets[their_public] = self._key.exchange(X25519PublicKey.from_public_bytes(their_public))
            except ValueError:
                raise LowOrderPoint("a public key has low order; its sender is faulty or hostile") from None
        return derive(self._secrets[their_public], salt, info)


def _exactly_32(private: bytes) -> bytes:
    if type(private) is not bytes or len(private) != KEY_BYTES:
        raise InvalidRequest("a private key is exactly 32 bytes")
    return private
