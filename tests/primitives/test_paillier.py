"""Paillier keys: what a key must be, what a ciphertext must be, and that `phe` reads and writes the same."""

import copy
import pickle
from math import gcd

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.primitives.paillier import BITS, BadKey, PublicKey, SecretKey, below, numbers, rows
from securecompute.values import SecretMisused
from tests.primitives.paillier_keys import factors, secret_key
from tests.seeded import SeededRandomness

SECRET = secret_key()
KEY = SECRET.public
N, N2 = int(KEY.n), int(KEY.n2)
P, Q = factors(SECRET)


def ciphertext(plaintext, r=12345):
    """(1 + Mn) rⁿ."""
    return (1 + plaintext * N) * pow(r, N, N2) % N2


@pytest.mark.parametrize("bits", [2048, 3072])
def test_a_key_has_the_form_that_short_exponents_ask_for(bits):
    p, q = factors(secret_key(bits))
    assert p % 4 == q % 4 == 3
    assert gcd(p - 1, q - 1) == 2
    assert p.bit_length() == q.bit_length() == bits // 2
    assert (p * q).bit_length() == bits == secret_key(bits).public.bits
    assert gcd(p * q, (p - 1) * (q - 1)) == 1
    assert gmpy2.is_prime(p)
    assert gmpy2.is_prime(q)


def test_the_primes_come_from_the_given_randomness_alone():
    assert factors(SecretKey.generate(2048, SeededRandomness("paillier 2048 "))) == (P, Q)
    assert factors(secret_key(2048, "other")) != (P, Q)


@pytest.mark.parametrize("bits", [0, 512, 1024, 2047, 2056, 8192])
def test_a_key_of_another_length_is_not_made(bits):
    with pytest.raises(InvalidRequest, match="2048, 3072, 4096"):
        SecretKey.generate(bits, SeededRandomness(0))


def other_prime(residue, bits=1024):
    """A prime of this residue mod 4."""
    candidate = gmpy2.next_prime(3 << (bits - 2))
    while candidate % 4 != residue:
        candidate = gmpy2.next_prime(candidate)
    return int(candidate)


@pytest.mark.parametrize(
    ("p", "q"),
    [(P, P), (P, Q + 4), (P, other_prime(1)), (P, other_prime(3, 1032)), (3, 7), (P * Q, 1)],
    ids=["twice the same", "no prime", "1 mod 4", "other length", "too short", "one"],
)
def test_a_secret_key_of_factors_in_another_form_is_refused(p, q):
    with pytest.raises((InvalidRequest, BadKey)):
        SecretKey(p, q)


def prime_1_mod_4(bits=2048):
    """A prime that is 1 mod 4, in the place of a modulus."""
    return other_prime(1, bits)


NO_KEYS = {
    "zero": 0,
    "negative": -N,
    "a byte short": P * other_prime(3, 1016),
    "a byte long": P * other_prime(3, 1032),
    "even": N + 1,
    "3 mod 4": P * other_prime(1),
    "prime": prime_1_mod_4(),
    "square": P * P,
    "fourth power": int(gmpy2.next_prime(15 << 508)) ** 4,
    "small factor": 65521 * (((1 << 2048) // 65521 - 8) // 4 * 4 + 1),
}


@pytest.mark.parametrize("n", NO_KEYS.values(), ids=NO_KEYS)
def test_a_modulus_that_is_none_is_refused(n):
    with pytest.raises(BadKey):
        PublicKey(n)


def test_each_check_of_a_modulus_has_a_case_that_only_it_refuses():
    for name in ("prime", "square", "fourth power", "small factor"):
        assert NO_KEYS[name].bit_length() == 2048
        assert NO_KEYS[name] % 4 == 1
    assert NO_KEYS["3 mod 4"].bit_length() == 2048
    assert {NO_KEYS[name] % 4 for name in ("a byte short", "a byte long")} == {1}


@pytest.mark.parametrize("modulus", [b"", b"\0" + KEY.modulus, KEY.modulus[1:], KEY.modulus[:-1]])
def test_a_received_modulus_has_exactly_as_many_bytes_as_its_key(modulus):
    with pytest.raises(BadKey, match="bytes"):
        PublicKey.received(modulus)


@pytest.mark.parametrize("bits", [2048, 3072])
def test_a_received_key_is_the_key_that_was_sent(bits):
    key = secret_key(bits).public
    received = PublicKey.received(key.modulus)
    assert received == key
    assert hash(received) == hash(key)
    assert (received.n, received.width) == (key.n, bits // 4)


def test_a_secret_key_shows_nothing_and_cannot_be_copied_or_pickled():
    assert str(P)[:9] not in f"{SECRET!r} {SECRET}"
    for deed in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(SecretMisused, match="cannot be pickled or copied"):
            deed(SECRET)
    assert not hasattr(SECRET, "__dict__")


# ---- ciphertexts


@given(st.integers(0, N - 1), st.integers(1, 1 << 40))
@settings(max_examples=5)
def test_decryption_gives_the_plaintext(plaintext, r):
    assert SECRET.decrypt([gmpy2.mpz(ciphertext(plaintext, r))]) == [plaintext]


@pytest.mark.parametrize("plaintext", [0, 1, N // 2, N - 1, P, Q, N - P])
def test_decryption_gives_the_ends_of_the_range_and_the_factors(plaintext):
    assert SECRET.decrypt([gmpy2.mpz(ciphertext(plaintext))]) == [plaintext]


@given(st.integers(1, N - 1))
@settings(max_examples=10)
def test_the_root_of_a_unit_is_its_nth_root(y):
    assert pow(int(SECRET.root(gmpy2.mpz(y))), N, N) == y


@given(st.lists(st.integers(0, N2 - 1), min_size=1, max_size=3))
def test_the_wire_form_is_of_fixed_width_and_reads_back(values):
    wire = KEY.rows(values)
    assert wire.shape == (len(values), 512)
    assert wire.dtype == "uint8"
    assert numbers(wire) == values


def test_the_wire_form_is_big_endian():
    assert rows([0x0102], 4).tolist() == [[0, 0, 1, 2]]


MALFORMED = {
    "zero": 0,
    "n": N,
    "multiple of p": 7 * P,
    "multiple of q": (Q * Q * 5) % N2,
    "n squared": N2,
    "beyond n squared": N2 + 1,
    "all bits": (1 << 4096) - 1,
}


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_malformed_ciphertext_is_refused_wherever_it_stands_and_its_sender_named(bad, place):
    values = [ciphertext(1), ciphertext(2)]
    values.insert(place, bad)
    with pytest.raises(PeerMisbehaved, match="'h7' sent a Paillier ciphertext that is none"):
        KEY.residues(rows(values, 512), "h7")


@pytest.mark.parametrize("good", [1, N2 - 1, 1 + N, N - 1, N + 1])
def test_every_unit_is_a_ciphertext(good):
    assert KEY.residues(rows([good], 512), "h7") == [good]


# ---- with phe


@pytest.mark.parametrize("bits", [2048, 3072])
@pytest.mark.parametrize("value", [0, 1, -1, 10**40, -(10**40)])
def test_phe_decrypts_what_we_encrypt_and_we_decrypt_what_phe_encrypts(bits, value):
    secret = secret_key(bits)
    public, private = secret.public.phe(), secret.phe()
    n, n2 = int(secret.public.n), int(secret.public.n2)
    ours = (1 + value * n) * pow(3, n, n2) % n2
    theirs = public.raw_encrypt(value % n)
    assert private.raw_decrypt(ours) == value % n
    assert secret.decrypt(secret.public.residues(secret.public.rows([theirs]), "phe")) == [value % n]


def test_phe_adds_our_ciphertexts():
    from phe import EncryptedNumber

    one, other = (EncryptedNumber(KEY.phe(), ciphertext(m, m), 0) for m in (20, 22))
    assert SECRET.phe().decrypt(one + other) == 42


# ---- uniform numbers


class Bytes:
    """Gives these, in order."""

    def __init__(self, *given):
        self.given = list(given)

    def bytes(self, n):
        """The next, which must be as long as asked for."""
        assert len(self.given[0]) == n
        return self.given.pop(0)


def test_a_number_below_n_is_drawn_until_it_is_below_so_that_none_is_likelier():
    too_large = [N.to_bytes(256, "big"), ((1 << 2048) - 1).to_bytes(256, "big")]
    source = Bytes(*too_large, (N - 1).to_bytes(256, "big"))
    assert below(KEY.n, source) == N - 1
    assert not source.given


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_a_number_below_n_is_below_n(seed):
    assert 0 <= below(KEY.n, SeededRandomness(seed)) < N


def test_keys_of_every_offered_length_have_a_width():
    assert BITS == (2048, 3072, 4096)
