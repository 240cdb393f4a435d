"""The Paillier keys of the tests: made once, from a fixed seed, because primes take time."""

from functools import cache

from securecompute.primitives.paillier import SecretKey
from tests.seeded import SeededRandomness


@cache
def secret_key(bits=2048, name=""):
    """The same secret key for the same arguments."""
    return SecretKey.generate(bits, SeededRandomness(f"paillier {bits} {name}"))


def factors(secret):
    """p and q."""
    private = secret.phe()
    return private.p, private.q


def jacobi_of_randomiser(secret, residue):
    """The Jacobi symbol of r, for a ciphertext (1 + Mn) rⁿ: what the owner of the key can see of r."""
    from gmpy2 import jacobi, mpz

    return jacobi(secret.root(mpz(residue) % secret.public.n), secret.public.n)
