"""Lattice keys: a secret key that stays and a public key that travels, for BFV (exact) and CKKS (approximate).

In R = Z[X]/(Xⁿ + 1), with a secret s and small errors e, u, e₁, e₂ of fresh randomness for each ciphertext,

    pk = (b, a) = (−(a s + e), a) mod q        c = (b u + e₁ + m̂, a u + e₂) mod q        c₀ + c₁ s = m̂ + noise

m̂ is the plaintext polynomial m scaled: ⌊q m / t⌉ in BFV, 2^scale m in CKKS. Ciphertexts of one key add up.

Security   IND-CPA if ring-LWE with these parameters is hard. Sizes: the homomorphic encryption standard (2018) allows
           for 128 bits and a ternary secret log₂ q of 109 at n = 4096, 218 at n = 8192; ours have 109, 218, 166
           and 160. Not secure against chosen ciphertexts: whoever submits ciphertexts and sees whether they decrypt to
           something sensible learns the key, about a bit each time. So a protocol says `risk` before it decrypts what
           another party may have made up, and `accept` after; a key with eight risks that were not accepted is spent.
           That an attempt was accepted tells too, if it might have failed: n attempts give at most about 8 log₂ n bits.
           A secret key shows nothing in its text, cannot be pickled or copied and never leaves: the public half is
           taken once, as it is made. TenSEAL's own `copy` keeps the secret key; nothing here calls it. Parameters are
           ours: a public key names one of `ALL` and brings residues only, so nobody can send weaker ones.
           The one exception to `Randomness`: SEAL draws keys and errors itself, from a generator (BLAKE2Xb) that it
           seeds anew from the operating system.
Cost       8192 with 5 primes, ms: make a key 45, read a public one 20, of 491,530 bytes. TenSEAL keeps one idle thread
           for each context.
Reference  Fan, Vercauteren, ePrint 2012/144 (BFV); Cheon, Kim, Kim, Song, ASIACRYPT 2017 (CKKS); Albrecht et al.,
           Homomorphic Encryption Standard, 2018; Microsoft SEAL 4 under TenSEAL 0.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import tenseal

from securecompute.errors import InternalFault, InvalidRequest, PeerMisbehaved
from securecompute.primitives.lattice_bytes import (
    Words,
    ciphertext_bytes,
    field_of,
    message,
    pack,
    parameters_bytes,
    parameters_id,
    unpack,
    width,
    words_of,
)
from securecompute.values import Opaque

BFV, CKKS = 1, 2  # as SEAL numbers them
STANDARD_128 = {4096: 109, 8192: 218}  # n -> most bits of q for 128-bit security
MOST_REFUSALS = 8

_MAGIC = b"lattice/1"


@dataclass(frozen=True, slots=True)
class Parameters:
    """One choice of ring, modulus and encoding.

    scheme      BFV or CKKS
    degree      n
    primes      of the key's modulus; a ciphertext's has all but the last
    plain       BFV: t, a prime that is 1 modulo 2n, so that n slots hold integers mod t
    scale       CKKS: bits of the fixed-point scale; n/2 slots hold real numbers
    flood       BFV: bytes of the noise that hides what a ciphertext was computed from
    """

    scheme: int
    degree: int
    primes: tuple[int, ...]
    plain: int = 0
    scale: int = 0
    flood: int = 0

    @property
    def slots(self) -> int:
        """Numbers in one ciphertext."""
        return self.degree if self.scheme == BFV else self.degree // 2

    @property
    def data_primes(self) -> tuple[int, ...]:
        """The primes of a ciphertext's modulus."""
        return self.primes[:-1]

    @property
    def modulus(self) -> int:
        """q, of a ciphertext."""
        return prod(self.data_primes)

    @property
    def width(self) -> int:
        """Bytes of a ciphertext on the wire."""
        return width(self.data_primes, self.degree)

    @property
    def public_bytes(self) -> int:
        """Bytes of a public key."""
        return len(_MAGIC) + 1 + width(self.primes, self.degree)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a ciphertext's residues."""
        return 2, len(self.data_primes), self.degree


_Q_8192 = (8796092858369, 8796092792833, 17592186028033, 17592185438209, 17592184717313)  # 43, 43, 44, 44, 44 bits
_T_60 = (1152921504606830593, 1152921504606748673, 1152921504606683137)  # the largest below 2⁶⁰

BFV_8192 = tuple(Parameters(BFV, 8192, _Q_8192, plain=t, flood=10) for t in _T_60)
BFV_4096 = Parameters(BFV, 4096, (68719403009, 68719230977, 137438822401), plain=1032193, flood=5)  # 36, 36, 37 bits
CKKS_50 = Parameters(CKKS, 8192, (288230376150712321, 1125899906826241, 288230376150876161), scale=50)  # 58, 50, 58
CKKS_40 = Parameters(CKKS, 8192, (1152921504606748673, 1099511480321, 1152921504606830593), scale=40)  # 60, 40, 60
ALL = (*BFV_8192, BFV_4096, CKKS_50, CKKS_40)


class PublicKey:
    """What encrypts: anybody's."""

    __slots__ = ("_context", "encoded", "parameters")

    def __init__(self, encoded: bytes) -> None:
        """encoded   as `SecretKey.public`. raises PeerMisbehaved: it is not of that form."""
        self.parameters = parameters_of(encoded)
        self.encoded = encoded
        p = self.parameters
        words = unpack(np.frombuffer(encoded, np.uint8)[len(_MAGIC) + 1 :], p.primes, p.degree)
        key = ciphertext_bytes(_identifier(p, p.primes), True, 1.0, words)
        public = message((1, key), (3, 2.0**p.scale)) if p.scheme == CKKS else message((1, key), (3, -1.0))
        known = parameters_bytes(p.scheme, p.degree, p.primes, p.plain)
        self._context = tenseal.context_from(message((1, known), (2, public)), n_threads=1)
        if self._context.is_private() or not self._context.has_public_key():
            raise InternalFault("a public context was put together with a secret key, or without a public one")

    def encrypt(self, slots: Sequence[Any]) -> Words:
        """A fresh ciphertext of exactly `parameters.slots` numbers: whole, |.| < t/2, for BFV; real for CKKS."""
        p = self.parameters
        if len(slots) != p.slots:
            raise InternalFault(f"{len(slots)} numbers for {p.slots} slots")
        vector = (tenseal.bfv_vector if p.scheme == BFV else tenseal.ckks_vector)(self._context, slots)
        return self._words(vector, [p.scale])

    def times_plain(self, words: Words, slots: Sequence[Any]) -> Words:
        """The ciphertext, each slot times the plain number in the same slot; its scale, in CKKS, is added to itself."""
        vector = _vector(self.parameters, self._context, words, self.parameters.scale)
        scale = self.parameters.scale
        return self._words(vector.mul_(slots), [2 * scale, scale])  # TenSEAL gives a fresh zero, at 2ˢ, for zeros

    def _words(self, vector: Any, scales: Sequence[int]) -> Words:
        p = self.parameters
        saved = field_of(vector.serialize(), 2)
        return words_of(
            saved, _identifier(p, p.data_primes), p.scheme == CKKS, [2.0**scale for scale in scales], p.shape
        )


@lru_cache(maxsize=16)
def public_key(encoded: bytes) -> PublicKey:
    """The public key of these bytes; the same object for the same bytes.

    raises   PeerMisbehaved  they are not a public key under one of `ALL`: other parameters, a secret key among them,
                             another length, a residue out of range
    """
    return PublicKey(encoded)


def parameters_of(encoded: bytes) -> Parameters:
    """The parameters that a public key's bytes name. raises PeerMisbehaved: none, or the length is not theirs."""
    name = encoded[len(_MAGIC) : len(_MAGIC) + 1]
    if type(encoded) is not bytes or not encoded.startswith(_MAGIC) or not name or name[0] >= len(ALL):
        raise PeerMisbehaved("a public lattice key is not in the known form; take what `SecretKey.public` gives")
    if len(encoded) != ALL[name[0]].public_bytes:
        raise PeerMisbehaved(f"a public lattice key has {len(encoded)} bytes; expected {ALL[name[0]].public_bytes}")
    return ALL[name[0]]


class SecretKey(Opaque):
    """What decrypts. `public` is the other half, bytes; this one stays in the process that made it."""

    __slots__ = ("_context", "_refused", "parameters", "public")

    def __init__(self, parameters: Parameters) -> None:
        """A fresh key. raises InternalFault: this TenSEAL would use other primes than `ALL` pins."""
        p = self.parameters = parameters
        if p not in ALL:
            raise InvalidRequest("a lattice key takes one of the parameters in `ALL`")
        bits = [q.bit_length() for q in p.primes]
        sort = tenseal.SCHEME_TYPE.BFV if p.scheme == BFV else tenseal.SCHEME_TYPE.CKKS
        # SEAL's own primes for BFV are asked for by an empty list
        self._context = tenseal.context(sort, p.degree, p.plain, [] if p.scheme == BFV else bits, n_threads=1)
        if p.scheme == CKKS:
            self._context.global_scale = 2.0**p.scale
        known = self._context.data.seal_context().key_context_data().parms().coeff_modulus()
        if tuple(q.value() for q in known) != p.primes:
            raise InternalFault("SEAL chose other primes than this version of securecompute knows")
        saved = self._context.serialize(save_secret_key=False, save_galois_keys=False, save_relin_keys=False)
        shape = 2, len(p.primes), p.degree
        words = words_of(field_of(field_of(saved, 2), 1), _identifier(p, p.primes), True, [1.0], shape)
        self.public = _MAGIC + bytes([ALL.index(p)]) + pack(words, p.primes).tobytes()
        self._refused = 0

    def decrypt(self, words: Words, scale: int = 0) -> list[Any]:
        """The numbers in the slots: for BFV integers in (−t/2, t/2), for CKKS floats at this scale."""
        slots: list[Any] = _vector(self.parameters, self._context, words, scale).decrypt()
        return slots

    def risk(self) -> None:
        """What is decrypted next counts as refused until it is accepted. raises InvalidRequest: there were too many."""
        if self._refused >= MOST_REFUSALS:
            raise InvalidRequest("too many totals under this key were refused, and each may tell of it; make a new key")
        self._refused += 1

    def accept(self) -> None:
        """What was decrypted made sense, so that whoever sent it learns hardly anything from that."""
        self._refused -= 1

    def __repr__(self) -> str:
        return f"SecretKey(degree={self.parameters.degree})"


def add(parameters: Parameters, a: Words, b: Words) -> Words:
    """a + b mod q, prime by prime; any residues of the same shape, with the primes on the last axis but one."""
    total: Words = a + b
    np.minimum(total, total - _column(parameters), out=total)  # a difference below zero wraps to something large
    return total


def negate(parameters: Parameters, a: Words) -> Words:
    """−a mod q."""
    return np.where(a == 0, a, _column(parameters) - a)


def times(parameters: Parameters, a: Words, factor: int) -> Words:
    """factor · a mod q, by Horner's rule over digits so small that no step exceeds 63 bits."""
    primes = _column(parameters)
    bits = 62 - max(parameters.data_primes).bit_length()
    size, total = abs(factor), np.zeros_like(a)
    for k in reversed(range(-(-size.bit_length() // bits))):
        total = ((total << np.uint64(bits)) + a * np.uint64(size >> bits * k & ((1 << bits) - 1))) % primes
    return total if factor >= 0 else negate(parameters, total)


def _column(parameters: Parameters) -> Words:
    return np.array(parameters.data_primes, np.uint64)[:, None]


def _identifier(parameters: Parameters, primes: Sequence[int]) -> bytes:
    return parameters_id(parameters.scheme, parameters.degree, primes, parameters.plain)


def _vector(parameters: Parameters, context: Any, words: Words, scale: int) -> Any:
    """TenSEAL's vector of one ciphertext, of residues that `unpack` has checked or SEAL has made."""
    p = parameters
    transformed = p.scheme == CKKS
    sealed = ciphertext_bytes(_identifier(p, p.data_primes), transformed, 2.0**scale, words)
    if transformed:
        return tenseal.ckks_vector_from(context, message((1, p.slots), (2, sealed), (3, 2.0**p.scale)))
    return tenseal.bfv_vector_from(context, message((1, p.slots), (2, sealed)))
