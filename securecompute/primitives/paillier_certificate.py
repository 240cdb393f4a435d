"""A proof that a Paillier modulus is a good one, from whoever has its factors: gcd(n, φ(n)) = 1.

    ρ_k = SHAKE-256(label | n | k) mod n     σ_k = the n-th root of ρ_k mod n     check σ_kⁿ = ρ_k, k = 1 … 8

If a prime d divides both n and φ(n), at most one unit in d has an n-th root; n has no factor below 2^16, so eight
random numbers all have one with probability below 2^-128.

Why it matters: if gcd(n, φ(n)) ≠ 1, a uniform plaintext and a uniform randomiser do not reach every ciphertext, and
what is left shows, to the owner of the key, something of what was computed on ciphertexts that it made for the purpose.

Security   Sound in the random-oracle model, against an owner who tries fewer than 2^128 moduli. Zero knowledge: roots
           of random numbers, which anybody could make together with the numbers. Not promised: that n has two factors
           only, or large ones.
Cost       8 times as many bytes as n; ms, one core, 2048 / 3072 bits: to make 8 / 25, to check 20 / 60.
Reference  Goldberg, Reyzin, Sagga, Baldimtsi, ASIACRYPT 2019, the proof for Paillier moduli.
"""

from hashlib import shake_256

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from securecompute.primitives.keys import join
from securecompute.primitives.paillier import BadKey, PublicKey, SecretKey, numbers, rows

ROOTS = 8


def certify(secret: SecretKey) -> NDArray[np.uint8]:
    """The proof: uint8 (8, bytes of n)."""
    key = secret.public
    return rows((secret.root(rho) for rho in _challenges(key)), key.bits // 8)


def check_certificate(key: PublicKey, certificate: NDArray[np.uint8]) -> None:
    """raises   BadKey  the proof does not hold"""
    roots = numbers(certificate)
    if len(roots) != ROOTS or any(
        sigma >= key.n or gmpy2.powmod(sigma, key.n, key.n) != rho
        for sigma, rho in zip(roots, _challenges(key), strict=True)
    ):
        raise BadKey("the owner of a Paillier key has not shown that its modulus is sound")


def _challenges(key: PublicKey) -> list[mpz]:
    size = key.bits // 8 + 16  # so that reducing mod n leaves them uniform
    seeds = (join(b"paillier/certificate", key.modulus, bytes([k])) for k in range(ROOTS))
    return [mpz(int.from_bytes(shake_256(seed).digest(size), "big")) % key.n for seed in seeds]
