"""Vectors under Paillier: integers packed in lanes, added and multiplied unseen, with one door out.

    M = Σ_j e_j 2^{wj},   |e_j| ≤ T < 2^{w−1},   j < L = ⌊(bits(n) − 2)/w⌋          one ciphertext, L lanes of w bits

The e_j are signed; a bias of 2^{w−1} per lane, added after decryption, makes them digits again. So a sum of N entries
of magnitude E comes back exactly if 2NE < 2^w, whoever takes part, and |M| < 2^{wL−1} < n/2 leaves no room for a wrap.
Every vector carries the bound T of its entries, and an operation that could leave its lanes is refused beforehand.

Security   Inside, ciphertexts are not randomised: (1 + Mn) shows M. `leave` and `leave_masked` are the only ways out,
           and multiply every ciphertext by a randomiser spent on nothing else. Towards the owner of the key, what was
           computed from received ciphertexts goes out with a `UniformPool` only (why: `paillier_pools`); with
           `leave_masked` a uniform plaintext mod n is added as well, and what leaves is a uniform ciphertext.
           Rows on the wire have one length, and nothing else is on the wire: no exponents, no scale.
           Not promised: that a received ciphertext holds what its sender says; the bound of a received vector is the
           sender's word. A lie puts wrong numbers in the result, and shows nobody's.
Cost       us per 64-bit entry, 2048 bits, 31 lanes: encrypt 20 (pooled 0.1), add 0.15, decrypt 110. `dot`: for every
           row and entry one multiplication mod n² (4 us) per 4 bits of the plaintext entry.
Reference  Paillier, EUROCRYPT 1999; Ge, Zdonik, VLDB 2007, for packing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.primitives.paillier import PublicKey, below, numbers
from securecompute.primitives.paillier_pools import FixedBase, Pool, UniformPool
from securecompute.primitives.randomness import Randomness
from securecompute.values import Ciphertext, Opaque

_DOT_WINDOW = 4


@dataclass(frozen=True, slots=True)
class Lanes:
    """Where the entries of a vector stand in its plaintexts.

    length   entries
    width    w, bits of a lane
    each     L, entries per ciphertext
    """

    length: int
    width: int
    each: int

    @classmethod
    def packed(cls, key: PublicKey, length: int, bound: int) -> "Lanes":
        """The narrowest lanes for totals up to this magnitude. raises EncodingOverflow: one alone is too wide."""
        width = (2 * bound).bit_length() or 1
        each = (key.bits - 2) // width
        if not each:
            raise EncodingOverflow(f"entries up to {bound} do not fit a Paillier key of {key.bits} bits")
        return cls(length, width, each)

    @classmethod
    def single(cls, key: PublicKey, length: int) -> "Lanes":
        """One entry per ciphertext, as `dot` needs."""
        return cls(length, key.bits - 2, 1)

    @property
    def count(self) -> int:
        """Ciphertexts that hold the vector."""
        return -(-self.length // self.each)

    @property
    def most(self) -> int:
        """The largest |entry| that a lane holds: 2^{w−1} − 1."""
        return (1 << self.width - 1) - 1

    def pack(self, entries: Sequence[int]) -> list[int]:
        """The plaintexts, signed. Entries must not exceed `most`."""
        return [self._joined(entries[k : k + self.each]) for k in range(0, self.length, self.each)]

    def unpack(self, plaintexts: Sequence[int], n: int) -> list[int]:
        """The entries in plaintexts mod n. raises PeerMisbehaved: some plaintext has no such form."""
        bias = sum(1 << self.width * (k + 1) - 1 for k in range(self.each))
        entries: list[int] = []
        for plaintext in plaintexts:
            lanes = (plaintext + bias) % n
            if lanes >> self.width * self.each:
                raise PeerMisbehaved("a plaintext is wider than its lanes")
            entries += [(lanes >> self.width * k & 2 * self.most + 1) - self.most - 1 for k in range(self.each)]
        if len(entries) != self.count * self.each or any(entries[self.length :]):
            raise PeerMisbehaved("plaintexts hold more or fewer entries than their vector")
        return entries[: self.length]

    def _joined(self, entries: Sequence[int]) -> int:
        plaintext = 0
        for e in reversed(entries):
            plaintext = (plaintext << self.width) + e
        return plaintext


class Masks(Opaque):
    """Uniform numbers mod n that hide plaintexts, kept to be taken off again, once."""

    __slots__ = ("_key", "_lanes", "_masks")

    def __init__(self, key: PublicKey, lanes: Lanes, randomness: Randomness) -> None:
        self._key, self._lanes = key, lanes
        self._masks = [below(key.n, randomness) for _ in range(lanes.count)]

    def hide(self, residues: Sequence[mpz]) -> list[mpz]:
        """The same ciphertexts with a mask added to each plaintext."""
        n, n2 = self._key.n, self._key.n2
        return [c * (1 + r * n) % n2 for c, r in zip(residues, self._masks, strict=True)]

    def take_off(self, masked: NDArray[np.uint8]) -> list[int]:
        """The entries behind masked plaintexts: uint8 (count, bytes of n).

        raises   PeerMisbehaved  not such numbers, or entries beyond their lanes
                 InvalidRequest  for the second time
        """
        masks, self._masks = self._masks, []
        if not masks:
            raise InvalidRequest("the masks have been taken off before")
        values = numbers(masked)
        if len(values) != len(masks) or any(value >= self._key.n for value in values):
            raise PeerMisbehaved("masked plaintexts are numbers below n, one for each ciphertext")
        n = self._key.n
        return self._lanes.unpack([int((v - r) % n) for v, r in zip(values, masks, strict=True)], int(n))


class EncryptedVector(Opaque):
    """Integers under a key, as ciphertexts that must not leave but by the door.

    key, lanes   under what, and in which form
    bound        T: no |entry| is larger
    """

    __slots__ = ("_received", "_residues", "bound", "key", "lanes")

    def __init__(self, key: PublicKey, lanes: Lanes, residues: Sequence[mpz], bound: int, received: bool) -> None:
        """raises   EncodingOverflow  the bound does not fit the lanes"""
        if bound > lanes.most:
            raise EncodingOverflow(f"entries up to {bound} could leave lanes of {lanes.width} bits; choose wider lanes")
        self.key, self.lanes, self.bound = key, lanes, bound
        self._residues, self._received = residues, received

    @classmethod
    def of(cls, key: PublicKey, lanes: Lanes, entries: Sequence[int], bound: int) -> "EncryptedVector":
        """One's own integers. raises EncodingOverflow: beyond the bound, or the bound beyond the lanes."""
        if len(entries) != lanes.length:
            raise InvalidRequest(f"{len(entries)} entries for lanes of {lanes.length}")
        if max(entries) > bound or min(entries) < -bound:
            raise EncodingOverflow(f"an entry lies beyond the declared bound {bound}; raise the bound")
        vector = cls(key, lanes, [], bound, received=False)
        vector._residues = [(1 + m * key.n) % key.n2 for m in lanes.pack(entries)]
        return vector

    @classmethod
    def received(
        cls, key: PublicKey, lanes: Lanes, rows: NDArray[np.uint8], bound: int, sender: str
    ) -> "EncryptedVector":
        """What somebody sent. raises PeerMisbehaved, naming the sender: not `lanes.count` ciphertexts of this key."""
        residues = key.residues(rows, sender)
        if len(residues) != lanes.count:
            raise PeerMisbehaved(f"'{sender}' sent {len(residues)} ciphertexts; expected {lanes.count}")
        return cls(key, lanes, residues, bound, received=True)

    def __add__(self, other: "EncryptedVector") -> "EncryptedVector":
        """Entry by entry. raises EncodingOverflow, InvalidRequest: another key or form."""
        return self._combined(other, other._residues)

    def __sub__(self, other: "EncryptedVector") -> "EncryptedVector":
        """Entry by entry. raises as `+`."""
        return self._combined(other, [gmpy2.invert(c, self.key.n2) for c in other._residues])

    def scale(self, factor: int) -> "EncryptedVector":
        """Every entry times a public integer. raises EncodingOverflow."""
        n2, bound = self.key.n2, self.bound * abs(factor)
        scaled = EncryptedVector(self.key, self.lanes, [], bound, self._received)
        scaled._residues = [gmpy2.powmod(c, factor, n2) for c in self._residues]
        return scaled

    def dot(self, matrix: NDArray[np.int64], limit: int) -> "EncryptedVector":
        """matrix @ entries, for one's own integers: int64 (m, length), |integer| ≤ limit; one entry per ciphertext.

        The same multiplications whatever the integers are: all are shifted by `limit`, and the shift is taken off.
        raises   EncodingOverflow  an integer beyond the limit, or results beyond n
                 InvalidRequest    another shape, or a vector in lanes
        """
        m, length = matrix.shape if matrix.ndim == 2 else (0, 0)
        if matrix.dtype != np.int64 or length != self.lanes.length or m < 1 or self.lanes.each != 1:
            raise InvalidRequest(
                f"{matrix.dtype} {matrix.shape} times {self.lanes.length} ciphertexts; lanes must be single"
            )
        if limit >= 1 << 62 or max(int(matrix.max()), -int(matrix.min())) > limit:
            raise EncodingOverflow(f"an entry lies beyond the declared limit {limit}; raise the limit")
        n2, bits = self.key.n2, (2 * limit).bit_length()
        result = EncryptedVector(self.key, Lanes.single(self.key, m), [], length * limit * self.bound, self._received)
        bases = [FixedBase(c, n2, bits, _DOT_WINDOW) for c in self._residues]
        shift = mpz(1)
        for c in self._residues:
            shift = shift * gmpy2.powmod(c, limit, n2) % n2
        start = gmpy2.invert(shift, n2)
        result._residues = [_product(start, bases, row) for row in (matrix + limit).tolist()]
        return result

    def pack(self) -> "EncryptedVector":
        """The same entries in the narrowest lanes for their bound. raises InvalidRequest: they are in lanes already."""
        if self.lanes.each != 1:
            raise InvalidRequest("only a vector with one entry per ciphertext can be packed")
        lanes, n2 = Lanes.packed(self.key, self.lanes.length, self.bound), self.key.n2
        packed = []
        for k in range(0, lanes.length, lanes.each):
            joined = mpz(1)
            for c in reversed(self._residues[k : k + lanes.each]):
                joined = gmpy2.powmod(joined, 1 << lanes.width, n2) * c % n2
            packed.append(joined)
        return EncryptedVector(self.key, lanes, packed, self.bound, self._received)

    def leave(self, pool: Pool, *, to_owner: bool) -> Ciphertext:
        """The door: uint8 (count, width), each ciphertext with a randomiser of its own.

        to_owner   whether the owner of the key may ever see them
        raises     InvalidRequest  a pool of another key; a `ShortPool` where the owner would see through it
        """
        if to_owner and self._received and not isinstance(pool, UniformPool):
            raise InvalidRequest(
                "the owner of the key gets what was made of received ciphertexts from a UniformPool only"
            )
        return Ciphertext(self.key.rows(self._randomised(self._residues, pool)))

    def leave_masked(self, pool: UniformPool, randomness: Randomness) -> tuple[Ciphertext, Masks]:
        """The door to the owner of the key, who is to see nothing: uniform plaintexts. And the masks, which stay."""
        if not isinstance(pool, UniformPool):
            raise InvalidRequest("masked ciphertexts go to the owner of the key: take a UniformPool")
        masks = Masks(self.key, self.lanes, randomness)
        return Ciphertext(self.key.rows(self._randomised(masks.hide(self._residues), pool))), masks

    def _randomised(self, residues: Sequence[mpz], pool: Pool) -> list[mpz]:
        if pool.key != self.key:
            raise InvalidRequest("the pool's randomisers belong to another key")
        n2 = self.key.n2
        return [c * rho % n2 for c, rho in zip(residues, pool.take(len(residues)), strict=True)]

    def _combined(self, other: "EncryptedVector", residues: Sequence[mpz]) -> "EncryptedVector":
        if (self.key, self.lanes) != (other.key, other.lanes):
            raise InvalidRequest("vectors under two keys, or in two forms, cannot be added")
        n2, received = self.key.n2, self._received or other._received
        result = EncryptedVector(self.key, self.lanes, [], self.bound + other.bound, received)
        result._residues = [a * b % n2 for a, b in zip(self._residues, residues, strict=True)]
        return result


def _product(start: mpz, bases: Sequence[FixedBase], row: Sequence[int]) -> mpz:
    product = start
    for base, exponent in zip(bases, row, strict=True):
        product = base.power(exponent, product)
    return product


def total(key: PublicKey, sent: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The sum of what several parties sent, by somebody who adds nothing of its own: uint8 (count, width).

    The product of the senders' randomisers is its randomiser: to the owner of the key, it shows the total and no more.
    raises   PeerMisbehaved  naming who sent what is no ciphertext
    """
    vectors = [key.residues(rows, sender) for sender, rows in sorted(sent.items())]
    added = vectors[0]
    for residues in vectors[1:]:
        added = [a * b % key.n2 for a, b in zip(added, residues, strict=True)]
    return key.rows(added)
