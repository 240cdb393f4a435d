"""Paillier keys: who has n adds under encryption, who has its factors reads.

    n = pq    p = q = 3 mod 4    gcd(p − 1, q − 1) = 2    |p| = |q|
    c = (1 + Mn) rⁿ mod n²         c₁c₂ encrypts M₁ + M₂ mod n         cᵏ encrypts kM
    M = L_p(c^{p−1} mod p²) h_p mod p, the same mod q, and the Chinese remainder theorem;    L_p(u) = (u − 1)/p

`PublicKey` takes and gives ciphertexts in their wire form: n² is twice as wide as n, and so is every row, big-endian.
What is encrypted, and how it leaves, is in `paillier_vectors`; rⁿ comes from `paillier_pools`.

Security   Semantic security under the decisional composite residuosity assumption. 2048 bits are worth about 112 bits
           of security, 3072 about 128. Decryption raises to secret exponents in time that does not depend on them.
           Not promised: anything about a modulus that its owner made badly, beyond what `PublicKey` can see without the
           factors; `paillier_certificate` proves the rest. Other side channels than time. Memory is not wiped.
Cost       ms, one core, 2048 / 3072 bits: a key 60 / 300, checking a received one 3 / 8, decrypt 3.5 / 11.
Reference  Paillier, EUROCRYPT 1999; Damgård, Jurik, Nielsen, A generalization of Paillier's public-key system, 2010,
           section 4.2, for the form of p and q.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.randomness import Randomness
from securecompute.values import Opaque

if TYPE_CHECKING:
    import phe

BITS = (2048, 3072, 4096)
SMALLEST_FACTOR = 1 << 16  # a received modulus has no factor below
_TESTS = 40  # rounds of gmpy2's primality test


class BadKey(PeerMisbehaved):
    """A modulus that no Paillier key has."""


class PublicKey:
    """n, once it has passed every check that needs no factor.

    n        of 2048, 3072 or 4096 bits exactly
    raises   BadKey  another length; even, or 3 mod 4; a prime, a perfect power, or a multiple of a small prime
    """

    __slots__ = ("bits", "n", "n2", "width")

    def __init__(self, n: int) -> None:
        self.n = mpz(n)
        self.n2, self.bits = self.n * self.n, int(self.n.bit_length())
        self.width = self.bits // 4  # bytes of a ciphertext
        if self.n <= 0 or self.bits not in BITS:
            raise BadKey(f"a Paillier modulus of {self.bits} bits; expected one of {', '.join(map(str, BITS))}")
        if self.n % 4 != 1 or gmpy2.gcd(self.n, _small_primes()) != 1:
            raise BadKey("a Paillier modulus is 1 mod 4 and has no small factor; this one is not such a number")
        if gmpy2.is_power(self.n) or gmpy2.is_prime(self.n, _TESTS):
            raise BadKey("a Paillier modulus is the product of two different primes; this one is a prime or a power")

    @staticmethod
    def received(modulus: bytes) -> "PublicKey":
        """The key with this modulus, big-endian, exactly as many bytes as it has. raises BadKey."""
        return _received(modulus)

    @property
    def modulus(self) -> bytes:
        """n, big-endian."""
        return int(self.n).to_bytes(self.bits // 8, "big")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and bool(self.n == other.n)

    def __hash__(self) -> int:
        return hash(self.modulus)

    def __repr__(self) -> str:
        return f"PublicKey({self.bits} bits, {self.modulus[:8].hex()}...)"

    def phe(self) -> "phe.PaillierPublicKey":
        """The same key for the package `phe`."""
        from phe import PaillierPublicKey

        return PaillierPublicKey(int(self.n))

    def rows(self, residues: Iterable[int]) -> NDArray[np.uint8]:
        """The wire form of ciphertexts: uint8 (count, width), big-endian."""
        return rows(residues, self.width)

    def residues(self, received: NDArray[np.uint8], sender: str) -> list[mpz]:
        """The ciphertexts that arrived, once each is a unit mod n².

        raises   PeerMisbehaved  naming the sender: one is 0, n² or more, or shares a factor with n
        """
        values = numbers(received)
        product = mpz(1)
        for c in values:
            product = product * c % self.n
        if any(not 0 < c < self.n2 for c in values) or gmpy2.gcd(product, self.n) != 1:
            raise PeerMisbehaved(f"'{sender}' sent a Paillier ciphertext that is none under this key")
        return values


@lru_cache(maxsize=16)
def _received(modulus: bytes) -> PublicKey:
    if len(modulus) * 8 not in BITS:
        raise BadKey(f"a Paillier modulus in {len(modulus)} bytes; expected {' or '.join(str(b // 8) for b in BITS)}")
    return PublicKey(int.from_bytes(modulus, "big"))


@lru_cache(maxsize=1)
def _small_primes() -> mpz:
    """The product of all primes below `SMALLEST_FACTOR`."""
    return gmpy2.primorial(SMALLEST_FACTOR - 1)


def rows(values: Iterable[int], width: int) -> NDArray[np.uint8]:
    """Numbers as rows of bytes, big-endian: uint8 (count, width). Each must fit."""
    joined = b"".join(int(value).to_bytes(width, "big") for value in values)
    return np.frombuffer(joined, np.uint8).reshape(-1, width)


def numbers(received: NDArray[np.uint8]) -> list[mpz]:
    """What `rows` wrote."""
    return [mpz(int.from_bytes(row.tobytes(), "big")) for row in received]


def below(n: mpz, randomness: Randomness) -> mpz:
    """A uniform integer in [0, n): as many bytes as n has are drawn until they are below."""
    size = (int(n.bit_length()) + 7) // 8
    while (drawn := int.from_bytes(randomness.bytes(size), "big")) >= n:
        pass
    return mpz(drawn)


def unit(n: mpz, randomness: Randomness) -> mpz:
    """A uniform element of Z_n^*."""
    while gmpy2.gcd(drawn := below(n, randomness), n) != 1:
        pass
    return drawn


class SecretKey(Opaque):
    """The factors of n. It stays with whoever made it; `public` goes to everybody.

    As p and q have one length, neither divides the other less one: gcd(n, φ(n)) = 1.
    """

    __slots__ = ("_h_p", "_h_q", "_p", "_p_inverse", "_q", "public")

    def __init__(self, p: int, q: int) -> None:
        """raises   InvalidRequest  p and q are not two primes of the form above, of one length"""
        p, q = mpz(p), mpz(q)
        formed = p % 4 == q % 4 == 3 and p.bit_length() == q.bit_length() and gmpy2.gcd(p - 1, q - 1) == 2
        if not formed or not gmpy2.is_prime(p, _TESTS) or not gmpy2.is_prime(q, _TESTS):
            raise InvalidRequest("a Paillier key takes two primes, 3 mod 4, of one length, with gcd(p − 1, q − 1) = 2")
        self._p, self._q, self.public = p, q, PublicKey(p * q)
        self._h_p = gmpy2.invert((p - 1) * q % p, p)  # L_p((1 + n)^{p−1} mod p²) = (p − 1) q mod p
        self._h_q = gmpy2.invert((q - 1) * p % q, q)
        self._p_inverse = gmpy2.invert(p, q)

    @classmethod
    def generate(cls, bits: int, randomness: Randomness) -> "SecretKey":
        """A fresh key. raises InvalidRequest: bits is not 2048, 3072 or 4096."""
        if bits not in BITS:
            raise InvalidRequest(f"a Paillier key has {', '.join(map(str, BITS))} bits, not {bits}")
        p = _prime(bits // 2, randomness)
        while (q := _prime(bits // 2, randomness)) == p or gmpy2.gcd(p - 1, q - 1) != 2:
            pass
        return cls(p, q)

    def decrypt(self, ciphertexts: Sequence[mpz]) -> list[int]:
        """The plaintexts M, in [0, n)."""
        return [int(self._plaintext(c)) for c in ciphertexts]

    def root(self, y: int) -> mpz:
        """The one r in Z_n^* with rⁿ = y mod n."""
        p, q, n = self._p, self._q, self.public.n
        r_p = gmpy2.powmod_sec(y % p, gmpy2.invert(n, p - 1), p)
        r_q = gmpy2.powmod_sec(y % q, gmpy2.invert(n, q - 1), q)
        return self._combine(r_p, r_q)

    def phe(self) -> "phe.PaillierPrivateKey":
        """The same key for the package `phe`, which pickles and copies it gladly: guard what you get."""
        from phe import PaillierPrivateKey

        return PaillierPrivateKey(self.public.phe(), int(self._p), int(self._q))

    def _plaintext(self, c: mpz) -> mpz:
        p, q = self._p, self._q
        m_p = (gmpy2.powmod_sec(c % (p * p), p - 1, p * p) - 1) // p * self._h_p % p
        m_q = (gmpy2.powmod_sec(c % (q * q), q - 1, q * q) - 1) // q * self._h_q % q
        return self._combine(m_p, m_q)

    def _combine(self, x_p: mpz, x_q: mpz) -> mpz:
        """The x in [0, n) that is x_p mod p and x_q mod q."""
        return x_p + self._p * ((x_q - x_p) * self._p_inverse % self._q)


def _prime(bits: int, randomness: Randomness) -> mpz:
    """A uniform prime among those of so many bits that are 3 mod 4 and at least 3/4 of 2^bits: pq has 2·bits bits."""
    top = 3 << (bits - 2)
    while not gmpy2.is_prime(candidate := mpz(int.from_bytes(randomness.bytes(bits // 8), "big") | top | 3), _TESTS):
        pass
    return candidate
