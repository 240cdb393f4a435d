"""Oblivious pseudo-random function: one party learns F_k(m), the key holder learns nothing, not even the output.

    F_k(m) = SHA-512(lp(m) | lp(k H(m)) | "Finalize")        H hashes into ristretto255, lp = length, 2 bytes, first

    asker  r random, B = r H(m)  ->  key holder  E = k B  ->  asker  F_k(m) from r^-1 E

In mode VOPRF the key holder proves that it used the key of its public key Y = k G in the whole batch: for weights d_i
hashed from all of it, M = sum d_i B_i and Z = sum d_i E_i, that log_G Y = log_M Z (Chaum and Pedersen, made
non-interactive by a hash).

Security   The asker's inputs are hidden from anybody: each B is uniform, whatever m is. An asker, whatever it does,
           gets at most as many values of F_k as it was given evaluations (one-more gap Diffie-Hellman; H a random
           oracle), and what it has not asked looks random to it. A proof that verifies was made with the key of Y,
           up to 2^-252 and the random oracle; without it a key holder can use another key and so make matches fail.
           Q evaluations lower the key's strength by at most log2(Q) / 2 of 126 bits (static Diffie-Hellman). The RFC
           knows of no proof for several keys of one holder or for batches.
Cost       us per item, one core: blind 60, evaluate 39, finalize 41, own outputs 55; prove 60 more, verify 115. An
           item is 32 bytes each way, a proof 64.
Reference  RFC 9497, suite ristretto255-SHA512, modes OPRF and VOPRF; every vector of its appendix A.1.1, A.1.2.
"""

import enum
from collections.abc import Iterable, Sequence
from hashlib import sha512
from hmac import compare_digest
from typing import Self

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives import ristretto
from securecompute.primitives.randomness import Randomness
from securecompute.primitives.ristretto import ELEMENT_BYTES, SCALAR_BYTES
from securecompute.values import Opaque

OUTPUT_BYTES = 64
PROOF_BYTES = 2 * SCALAR_BYTES
LARGEST_BATCH = 0xFFFF  # of a proof: items are numbered in two bytes

_SUITE = b"ristretto255-SHA512"


class Mode(enum.IntEnum):
    """Without or with proofs. The two are different functions of the same key and message."""

    OPRF = 0
    VOPRF = 1


class InvalidProof(PeerMisbehaved):
    """Evaluations that were not, or cannot be shown to be, made with the key of the public key."""


class OprfKey(Opaque):
    """A key of F. `public` is its 32-byte public key; `mode` the mode that all its outputs belong to."""

    __slots__ = ("_k", "mode", "public")

    def __init__(self, scalar: bytes, mode: Mode) -> None:
        """scalar   32 bytes, canonical and not zero. raises InvalidRequest: other than these"""
        self._k = ristretto.check_scalar(scalar)
        self.mode = mode
        self.public = ristretto.multiply_base(scalar)

    @classmethod
    def generate(cls, randomness: Randomness, mode: Mode) -> Self:
        """A fresh key."""
        return cls(ristretto.random_scalar(randomness), mode)

    @classmethod
    def derive(cls, seed: bytes, info: bytes, mode: Mode) -> Self:
        """The key of a 32-byte secret seed and a public description (RFC 9497, 3.2.1). raises InvalidRequest"""
        if len(seed) != SCALAR_BYTES or len(info) > 0xFFFF:
            raise InvalidRequest(f"a key is derived from a seed of 32 bytes and a description of at most {0xFFFF}")
        tag = b"DeriveKeyPair" + context(mode)
        scalars = (ristretto.hash_to_scalar(seed + _lp(info) + bytes([i]), tag) for i in range(256))
        return cls(next(scalar for scalar in scalars if scalar != bytes(SCALAR_BYTES)), mode)

    def unchecked_private_bytes(self) -> bytes:
        """The key itself, 32 bytes: only to be sealed in a file."""
        return self._k

    def evaluate(self, blinded: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """E = k B for every row: uint8 (n, 32).

        raises   ristretto.InvalidElement  a row is the identity or no element
        """
        return ristretto.multiply_all(self._k, blinded)

    def outputs(self, inputs: Sequence[bytes]) -> NDArray[np.uint8]:
        """F_k of the key holder's own inputs: uint8 (n, 64). raises as `blind`"""
        return _finalized(inputs, (ristretto.multiply(self._k, p) for p in _hashed(inputs, self.mode)))

    def prove(self, blinded: NDArray[np.uint8], evaluated: NDArray[np.uint8], randomness: Randomness) -> bytes:
        """64 bytes that show evaluated = k blinded, row by row, under this key.

        raises   InvalidRequest  mode OPRF; none, or more than 65,535 rows; not as many of both
        """
        if self.mode is not Mode.VOPRF:
            raise InvalidRequest("a key of mode OPRF proves nothing; make one of mode VOPRF")
        m, _ = _composite(self.public, blinded, evaluated)
        z = ristretto.multiply(self._k, m)  # which is the sum over E
        r = ristretto.random_scalar(randomness)
        c = _challenge(self.public, m, z, ristretto.multiply_base(r), ristretto.multiply(r, m))
        return c + ristretto.subtract_scalars(r, ristretto.multiply_scalars(c, self._k))

    def __repr__(self) -> str:
        return f"OprfKey({self.mode.name}, public={self.public.hex()[:16]}...)"


def context(mode: Mode) -> bytes:
    """The RFC's contextString."""
    return b"OPRFV1-" + bytes([mode]) + b"-" + _SUITE


def blind(inputs: Sequence[bytes], mode: Mode, randomness: Randomness) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Run by the asker: what takes the blinding off, to be kept, and B, to be sent; both uint8 (n, 32).

    raises   InvalidRequest  an input of 65,535 bytes or more
    """
    r = ristretto.random_scalars(randomness, len(inputs))
    blinded = ristretto.table(map(ristretto.multiply, ristretto.rows(r), _hashed(inputs, mode)))
    return ristretto.invert_all(r), blinded


def finalize(inputs: Sequence[bytes], unblinders: NDArray[np.uint8], evaluated: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Run by the asker: F_k of its inputs, uint8 (n, 64).

    unblinders   the first that `blind` gave
    raises       ristretto.InvalidElement  a row of `evaluated` is the identity or no element
                 InvalidRequest            not as many of each
    """
    if not len(inputs) == len(unblinders) == len(evaluated):
        raise InvalidRequest(f"{len(inputs)} inputs, {len(unblinders)} blinded, {len(evaluated)} evaluated")
    return _finalized(inputs, map(ristretto.multiply, ristretto.rows(unblinders), ristretto.rows(evaluated)))


def verify(public: bytes, blinded: NDArray[np.uint8], evaluated: NDArray[np.uint8], proof: bytes) -> None:
    """Run by the asker: return if the proof shows that `evaluated` was made with the key of `public`.

    raises   InvalidProof              it does not
             ristretto.InvalidElement  a row, or the public key, is the identity or no element
             InvalidRequest            as `OprfKey.prove`
    """
    ristretto.check_element(public)
    if len(proof) != PROOF_BYTES:
        raise InvalidProof(f"a proof of {len(proof)} bytes; expected {PROOF_BYTES}")
    c, s = proof[:SCALAR_BYTES], proof[SCALAR_BYTES:]
    m, weights = _composite(public, blinded, evaluated)
    z = _weighted(weights, evaluated)
    try:
        ristretto.check_scalar(c)
        ristretto.check_scalar(s)
    except InvalidRequest:
        raise InvalidProof("a proof whose numbers are not canonical scalars") from None
    t_2 = ristretto.add(ristretto.multiply_base(s), ristretto.multiply(c, public))
    t_3 = ristretto.add(ristretto.multiply(s, m), ristretto.multiply(c, z))
    if not compare_digest(c, _challenge(public, m, z, t_2, t_3)):
        raise InvalidProof("the evaluations were not made with the key of the public key")


def _hashed(inputs: Sequence[bytes], mode: Mode) -> list[bytes]:
    """H of each input."""
    if any(len(m) >= 0xFFFF for m in inputs):
        raise InvalidRequest(f"an input of {0xFFFF} bytes or more")
    tag = b"HashToGroup-" + context(mode)
    return [ristretto.hash_to_element(m, tag) for m in inputs]


def _finalized(inputs: Sequence[bytes], unblinded: Iterable[bytes]) -> NDArray[np.uint8]:
    """The outputs of inputs and their k H(m): uint8 (n, 64)."""
    pairs = zip(inputs, unblinded, strict=True)
    digests = b"".join(sha512(_lp(m) + _lp(n) + b"Finalize").digest() for m, n in pairs)
    return np.frombuffer(digests, np.uint8).reshape(-1, OUTPUT_BYTES)


def _composite(public: bytes, blinded: NDArray[np.uint8], evaluated: NDArray[np.uint8]) -> tuple[bytes, list[bytes]]:
    """M = sum d_i B_i, and the weights d_i, hashed from the public key and all rows."""
    if blinded.shape != evaluated.shape or not 0 < len(blinded) <= LARGEST_BATCH:
        raise InvalidRequest(
            f"a proof is of 1 to {LARGEST_BATCH} items; {len(blinded)} blinded, {len(evaluated)} evaluated"
        )
    ctx = context(Mode.VOPRF)
    seed = sha512(_lp(public) + _lp(b"Seed-" + ctx)).digest()
    start, size, tag = _lp(seed), ELEMENT_BYTES.to_bytes(2, "big"), b"HashToScalar-" + ctx
    weights = [
        ristretto.hash_to_scalar(start + i.to_bytes(2, "big") + size + b + size + e + b"Composite", tag)
        for i, (b, e) in enumerate(zip(ristretto.rows(blinded), ristretto.rows(evaluated), strict=True))
    ]
    return _weighted(weights, blinded), weights


def _weighted(weights: Sequence[bytes], elements: NDArray[np.uint8]) -> bytes:
    """The sum of weight times element."""
    terms = map(ristretto.multiply, weights, ristretto.rows(elements))
    total = next(terms)
    for term in terms:
        total = ristretto.add(total, term)
    return total


def _challenge(public: bytes, *elements: bytes) -> bytes:
    """The scalar hashed from a public key and M, Z, t_2, t_3."""
    message = b"".join(map(_lp, (public, *elements))) + b"Challenge"
    return ristretto.hash_to_scalar(message, b"HashToScalar-" + context(Mode.VOPRF))


def _lp(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part
