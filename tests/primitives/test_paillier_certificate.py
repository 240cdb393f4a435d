"""The proof that gcd(n, φ(n)) = 1: it holds for every key that we make, and for no modulus of the dangerous form."""

from hashlib import shake_256

import gmpy2
import numpy as np
import pytest

from securecompute.primitives import paillier_certificate
from securecompute.primitives.paillier import SMALLEST_FACTOR, BadKey, PublicKey, numbers, rows
from securecompute.primitives.paillier_certificate import ROOTS, certify, check_certificate
from tests.primitives.paillier_keys import factors, secret_key

SECRET = secret_key()
CERTIFICATE = certify(SECRET)


@pytest.mark.parametrize("bits", [2048, 3072])
def test_a_key_of_ours_is_certified(bits):
    secret = secret_key(bits)
    certificate = certify(secret)
    assert certificate.shape == (ROOTS, bits // 8)
    check_certificate(secret.public, certificate)


def test_no_modulus_of_the_dangerous_form_passes_but_with_probability_2_to_the_minus_128():
    """Of a factor that divides φ(n) too at most one unit in d has a root, and d is larger than every small prime."""
    assert ROOTS * (SMALLEST_FACTOR.bit_length() - 1) >= 128


def test_the_numbers_whose_roots_are_asked_for_follow_from_the_modulus():
    """Known answer: a seed that did not hold n could be met with a modulus made for it."""
    n, size = SECRET.public.modulus, SECRET.public.bits // 8
    seeds = [
        b"".join(len(p).to_bytes(4, "big") + p for p in (b"paillier/certificate", n, bytes([k]))) for k in range(ROOTS)
    ]
    asked = [int.from_bytes(shake_256(seed).digest(size + 16), "big") % SECRET.public.n for seed in seeds]
    roots = numbers(CERTIFICATE)
    assert [gmpy2.powmod(root, SECRET.public.n, SECRET.public.n) for root in roots] == asked


def test_the_certificate_of_another_key_is_refused():
    with pytest.raises(BadKey):
        check_certificate(secret_key(name="other").public, CERTIFICATE)


@pytest.mark.parametrize("k", range(ROOTS))
def test_a_certificate_with_one_wrong_root_is_refused(k):
    changed = CERTIFICATE.copy()
    changed[k, -1] ^= 1
    with pytest.raises(BadKey):
        check_certificate(SECRET.public, changed)


def test_roots_in_another_order_or_beyond_n_are_refused():
    beyond = rows([n + SECRET.public.n if k == 0 else n for k, n in enumerate(numbers(CERTIFICATE))], 257)
    for changed in (CERTIFICATE[::-1], CERTIFICATE[1:], beyond):
        with pytest.raises((BadKey, ValueError)):
            check_certificate(SECRET.public, changed)


def dangerous():
    """p, q with p | q − 1 whose product passes for a key of 2048 bits."""
    p = gmpy2.next_prime(3 << 1014)
    while p % 4 != 3:
        p = gmpy2.next_prime(p)
    return p, next(q for k in range((1 << 15) + 1, 1 << 16, 2) if gmpy2.is_prime(q := 2 * k * p + 1))


def test_a_modulus_one_of_whose_factors_divides_the_other_less_one_passes_for_a_key_and_cannot_be_certified():
    p, q = dangerous()
    key = PublicKey(int(p * q))
    assert (q - 1) % p == 0
    roots = []
    for rho in paillier_certificate._challenges(key):  # the best that an owner who knows the factors can do
        r_p = gmpy2.powmod(rho % p, gmpy2.invert(key.n, p - 1), p)
        r_q = gmpy2.powmod(rho % q, gmpy2.invert(key.n // p, (q - 1) // p), q)
        roots.append(r_p + p * ((r_q - r_p) * gmpy2.invert(p, q) % q))
    with pytest.raises(BadKey, match="has not shown"):
        check_certificate(key, rows(roots, 256))


def test_the_key_of_the_tests_is_not_of_that_form():
    p, q = factors(SECRET)
    assert (q - 1) % p and (p - 1) % q


def test_the_certificate_is_of_bytes():
    assert CERTIFICATE.dtype == np.uint8
