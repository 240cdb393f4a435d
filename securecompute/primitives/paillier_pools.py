"""Randomisers ρ = rⁿ mod n²: what makes a Paillier ciphertext that leaves look like every other.

    UniformPool   r uniform in Z_n^*: ρ is uniform among all n-th residues
    ShortPool     x ← Z_n^*, h = −x² mod n, h_s = hⁿ mod n², once; then ρ = h_sᵃ with a uniform of ⌈bits(n)/2⌉ bits

A pool is filled ahead or as it is drawn from; what was taken is gone.

Security   ShortPool hides a plaintext from everybody who lacks the key: short exponents are indistinguishable from
           full ones if factoring is hard. It draws its own x: a base that somebody else supplies could have small
           order, and take the randomness away. It hides nothing from the owner of the key, for whom ρ always has the
           Jacobi symbol +1. That is enough where the owner gets an encryption of what it may read anyway, made of the
           sender's own numbers alone. It is not enough where the sender raised the owner's ciphertexts to secret
           powers: the owner knows their r, and Π rᵢ^{xᵢ} would show through. That takes
           UniformPool, which leaves the owner a uniform ciphertext of the plaintext, whatever was done before.
Cost       ms for each ρ, one core, 2048 / 3072 bits: UniformPool 9 / 28. ShortPool 9 / 28 for its base, then 6 / 18 if
           two are drawn at once, 1.5 / 4.5 if 40 are, 0.6 / 1.7 if thousands are, with a table of up to 17 / 38 MB.
           Taking from a filled pool costs nothing.
Reference  Damgård, Jurik, Nielsen, 2010, section 4.2; Goldreich, Rosen, J. Cryptology 2003, for short exponents;
           Brickell et al., EUROCRYPT 1992, for the table.
"""

from abc import ABC, abstractmethod

import gmpy2
from gmpy2 import mpz

from securecompute.primitives.paillier import PublicKey, unit
from securecompute.primitives.randomness import Randomness
from securecompute.values import Opaque

_ONE = mpz(1)
_WINDOWS = range(1, 9)  # bits; a table of wider ones would not fit the caches


class FixedBase(Opaque):
    """Powers of one base: as many multiplications as the exponent has windows, whatever its bits are.

    The entry for a window of zeros is modulus + 1 and not 1, by which a number is multiplied in no time: an exponent's
    zeros would show in the time of its power. For the same reason secret exponents want a product as wide as the
    modulus to begin with; only those that are uniform and used once can do without.

    base, modulus   0 < base < modulus
    bits            of the largest exponent
    window          bits of a window; 2^window entries for each
    """

    __slots__ = ("_mask", "_modulus", "_tables", "window")

    def __init__(self, base: mpz, modulus: mpz, bits: int, window: int) -> None:
        self._modulus, self.window, self._mask = modulus, window, (1 << window) - 1
        self._tables = []
        for _ in range(-(-bits // window)):
            table = [modulus + 1]
            for _ in range(1 << window):
                table.append(table[-1] * base % modulus)
            base = table.pop()  # base^(2^window), the base of the next window
            self._tables.append(table)

    def power(self, exponent: int, product: mpz = _ONE) -> mpz:
        """product · base^exponent mod modulus, 0 ≤ exponent < 2^bits."""
        for table in self._tables:
            product = product * table[exponent & self._mask] % self._modulus
            exponent >>= self.window
        return product


class Pool(Opaque, ABC):
    """Randomisers of one key, each given once."""

    __slots__ = ("_randomness", "_ready", "key")

    def __init__(self, key: PublicKey, randomness: Randomness) -> None:
        self.key, self._randomness = key, randomness
        self._ready: list[mpz] = []

    def fill(self, count: int) -> None:
        """Have at least so many ready."""
        missing = count - len(self._ready)
        if missing > 0:
            self._ready += self._drawn(missing)

    def take(self, count: int) -> list[mpz]:
        """So many that nobody else gets, drawn now where the pool does not hold them."""
        self.fill(count)
        return [self._ready.pop() for _ in range(count)]

    @abstractmethod
    def _drawn(self, count: int) -> list[mpz]:
        """So many fresh ones."""


class UniformPool(Pool):
    """ρ uniform among the n-th residues: hides from everybody, the owner of the key included."""

    __slots__ = ()

    def _drawn(self, count: int) -> list[mpz]:
        n, n2 = self.key.n, self.key.n2
        return [gmpy2.powmod(unit(n, self._randomness), n, n2) for _ in range(count)]


class ShortPool(Pool):
    """ρ from an exponent of half the length: hides from whoever lacks the key."""

    __slots__ = ("_base", "_table")

    def __init__(self, key: PublicKey, randomness: Randomness) -> None:
        super().__init__(key, randomness)
        h = -(unit(key.n, randomness) ** 2) % key.n
        self._base = gmpy2.powmod(h, key.n, key.n2)
        self._table: FixedBase | None = None

    def _drawn(self, count: int) -> list[mpz]:
        bits = self.key.bits // 2
        window = min(_WINDOWS, key=lambda w: -(-bits // w) * ((1 << w) + count))  # fewest multiplications
        if self._table is None or self._table.window < window:
            self._table = FixedBase(self._base, self.key.n2, bits, window)
        exponents = (int.from_bytes(self._randomness.bytes(bits // 8), "big") for _ in range(count))
        return [self._table.power(a) for a in exponents]
