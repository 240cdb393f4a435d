"""Lattice keys for tests: made once, since each takes up to 50 ms."""

from functools import cache

from securecompute.primitives.lattice import SecretKey, public_key


@cache
def secret(parameters):
    """The secret key of these parameters."""
    return SecretKey(parameters)


def public(parameters):
    """The public key that belongs to it."""
    return public_key(secret(parameters).public)
