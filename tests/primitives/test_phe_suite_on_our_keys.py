"""The tests that the package `phe` ships for its Paillier, run on keys that we made."""

import io
import logging
import random
import unittest

import pytest
from phe import paillier, util
from phe.tests import math_test, paillier_test, util_test

from securecompute.primitives.paillier import BITS
from tests.primitives.paillier_keys import factors, secret_key


class Ours:
    """In place of phe's own key generation: our keys in turn, where the length is one that we make."""

    def __init__(self, theirs):
        self.theirs, self.keys_given = theirs, 0

    def __call__(self, private_keyring=None, n_length=2048):
        """As phe's."""
        if n_length not in BITS:
            return self.theirs(private_keyring, n_length)
        private = secret_key(n_length, ("", "other")[self.keys_given % 2]).phe()
        self.keys_given += 1
        if private_keyring is not None:
            private_keyring.add(private)
        return private.public_key, private


@pytest.mark.slow
def test_phes_own_tests_pass_on_our_keys(monkeypatch):
    generate = Ours(paillier.generate_paillier_keypair)
    monkeypatch.setattr(paillier, "generate_paillier_keypair", generate)
    repeatable = random.Random(20)  # in place of the operating system's generator: alike each time
    monkeypatch.setattr(random, "SystemRandom", lambda: repeatable)
    monkeypatch.setattr(logging.getLogger(), "level", logging.ERROR)
    suites = [unittest.defaultTestLoader.loadTestsFromModule(m) for m in (paillier_test, math_test, util_test)]
    result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(unittest.TestSuite(suites))
    assert result.wasSuccessful(), result.failures + result.errors
    assert result.testsRun >= 200
    assert generate.keys_given > 20


def test_the_keys_that_replace_phes_are_ours():
    public, private = Ours(None)()
    assert (private.p, private.q) == tuple(sorted(factors(secret_key())))
    assert public.n == secret_key().public.n
    assert util.HAVE_GMP
