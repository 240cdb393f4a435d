"""Vectors of integers under BFV: added, scaled and multiplied by plain matrices while encrypted, exactly.

A slot holds an integer mod t, centred; for totals wider than one t, the same integers mod t₁, …, t_r, each under a key
of its own, and the Chinese remainder of the r decryptions, centred mod T = t₁ ⋯ t_r:

    enc(x) ± enc(y) = enc(x ± y)     k · enc(x) = enc(k x)     Σⱼ enc(wⱼ, …, wⱼ) · X[:, j] = enc(X w)

A vector carries a bound on its entries and one on its noise, both public; an operation after which an entry might
exceed (T − 1)/2, or the noise q/2t, is refused before it is done.

Noise      Worst case, per coefficient: a fresh ciphertext 21(2n + 1)/q_last + (n + 1)/2 + 1 < n (SEAL's errors are
           centred binomials up to 21, its secrets ternary); sums add it, k multiplies it by |k|, a plain slot vector by
           n t/2. What leaves is flooded with up to 2⁷⁹ (8192) or 2³⁹ (4096): exact for every sum of N < 2³³ ciphertexts
           at 8192, q/2t being above 2¹¹³, and for N < 2¹¹ at 4096, q/2t being above 2⁵⁰.
Security   `to_wire` is the one door. It adds an encryption of zero, so that two ciphertexts that leave are never
           related; and with `randomness` noise uniform in [−2ᵇ, 2ᵇ). Whoever has the key sees the noise of what it
           decrypts. In a sum of flooded ciphertexts it is encryption randomness, the same whatever was encrypted, and
           the rounding of ⌊q m / t⌉, at most 1/2 per term and coefficient: the flood hides it to a statistical distance
           of n / 2ᵇ per term, 2⁻⁶⁶ (8192) or 2⁻²⁷ (4096). Not so for `dot`: the noise there is the weights' noise
           times the plain matrix, larger than any flood that fits, so whoever has the key may learn of the matrix
           beyond X w. BFV results of `dot` are not circuit-private: where that matters use Paillier.
Cost       8192, ms per ciphertext of 8192 numbers: encrypt 8, flood and pack 2, read 0.5, add 0.2, decrypt 3.
Reference  Brakerski, CRYPTO 2012; Fan, Vercauteren, ePrint 2012/144; flooding: Asharov et al., EUROCRYPT 2012.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import EncodingOverflow, InvalidRequest, PeerMisbehaved
from securecompute.primitives.lattice import BFV, Parameters, PublicKey, SecretKey, add, negate, times
from securecompute.primitives.lattice_bytes import Words, pack, unpack
from securecompute.primitives.randomness import Randomness


def capacity(keys: Sequence[Parameters]) -> int:
    """(T − 1)/2: the largest magnitude that a vector under these keys can hold. raises InvalidRequest: not BFV's."""
    if not keys or any(p.scheme != BFV for p in keys) or len({p.plain for p in keys}) < len(keys):
        raise InvalidRequest("integers take BFV keys, each with a plaintext modulus of its own")
    if len({p.degree for p in keys}) > 1:
        raise InvalidRequest("the keys of one vector have as many slots as each other")
    return (prod(p.plain for p in keys) - 1) // 2


class BfvVector:
    """Encrypted integers. Arrays inside are ciphertexts; who has no key learns the length and the bounds."""

    __slots__ = ("_fresh", "bound", "keys", "length", "noise", "words")

    def __init__(
        self, keys: Sequence[PublicKey], words: Sequence[Sequence[Words]], length: int, bound: int, noise: int
    ) -> None:
        """words: for each key, ⌈length / slots⌉ ciphertexts. raises EncodingOverflow: a bound or noise is too big."""
        self.keys, self.words, self.length, self.bound, self.noise = tuple(keys), words, length, bound, noise
        self._fresh = False
        if bound > capacity([key.parameters for key in keys]):
            raise EncodingOverflow(
                f"entries up to {bound} do not fit the plaintext moduli; take another key beside these"
            )
        if noise > min(_most_noise(key.parameters) for key in keys):
            raise EncodingOverflow("the noise could outgrow the ciphertexts; add fewer, or multiply by less")

    @classmethod
    def encrypt(cls, keys: Sequence[PublicKey], integers: Sequence[int], bound: int, residues: int = 0) -> "BfvVector":
        """A fresh vector.

        integers   whole numbers, |.| ≤ bound
        residues   so many at the end are residues mod T instead, which wrap on purpose and which the bound leaves out
        raises     EncodingOverflow  an entry lies beyond the bound, which one is not said; or the bound does not fit
                   InvalidRequest    no entry at all
        """
        values = [int(v) for v in integers]
        if not values:
            raise InvalidRequest("an empty vector has nothing to encrypt")
        checked = values[: len(values) - residues] or [0]
        if max(checked) > bound or min(checked) < -bound:
            raise EncodingOverflow(f"an entry lies beyond the declared bound {bound}; raise the bound")
        words = [[key.encrypt(piece) for piece in _pieces(values, key.parameters)] for key in keys]
        vector = cls(keys, words, len(values), bound, max(fresh_noise(key.parameters) for key in keys))
        vector._fresh = True
        return vector

    @classmethod
    def replicated(cls, keys: Sequence[PublicKey], integer: int, bound: int) -> "BfvVector":
        """One integer in every slot of one ciphertext: what `dot` takes as a weight."""
        return cls.encrypt(keys, [integer] * keys[0].parameters.slots, bound)

    @classmethod
    def from_wire(
        cls, keys: Sequence[PublicKey], rows: NDArray[np.uint8], length: int, bound: int, terms: int = 1
    ) -> "BfvVector":
        """The vector of another party.

        rows     uint8, shape `wire_shape`
        bound    what the sender was to keep to, which cannot be checked
        terms    how many flooded vectors were added into it; 0 for a fresh one that was not flooded
        raises   PeerMisbehaved    no ciphertexts of these keys
                 EncodingOverflow  the bound, or the noise of so many terms, does not fit
        """
        if rows.shape != wire_shape([key.parameters for key in keys], length):
            raise PeerMisbehaved("an encrypted vector has another shape than its length and keys ask for")
        each = len(rows) // len(keys)
        words = [
            [unpack(row, key.parameters.data_primes, key.parameters.degree) for row in rows[k * each : (k + 1) * each]]
            for k, key in enumerate(keys)
        ]
        noise = max(sent_noise(key.parameters, terms) for key in keys)
        return cls(keys, words, length, bound, noise)

    def to_wire(self, randomness: Randomness | None = None) -> NDArray[np.uint8]:
        """The vector as it leaves: uint8 `wire_shape`, re-randomised; with `randomness` also flooded. The one door."""
        rows, fresh, self._fresh = [], self._fresh, False  # once, a fresh encryption may leave as it is
        for key, pieces in zip(self.keys, self.words, strict=True):
            p = key.parameters
            for words in pieces:
                leaving = words.copy() if fresh else add(p, words, key.encrypt([0] * p.slots))
                if randomness is not None:
                    leaving[0] = add(p, leaving[0], _flood(p, randomness))
                rows.append(pack(leaving, p.data_primes))
        return np.stack(rows)

    def add(self, other: "BfvVector") -> "BfvVector":
        """Entry by entry. raises EncodingOverflow; InvalidRequest: another length, or other keys."""
        self._check(other)
        bound, noise = self.bound + other.bound, self.noise + other.noise
        result = BfvVector(self.keys, (), self.length, bound, noise)
        result.words = [
            [add(key.parameters, a, b) for a, b in zip(mine, theirs, strict=True)]
            for key, mine, theirs in zip(self.keys, self.words, other.words, strict=True)
        ]
        return result

    def subtract(self, other: "BfvVector") -> "BfvVector":
        """As `add`."""
        self._check(other)
        negative = [
            [negate(key.parameters, a) for a in theirs] for key, theirs in zip(self.keys, other.words, strict=True)
        ]
        return self.add(BfvVector(self.keys, negative, other.length, other.bound, other.noise))

    def scale(self, factor: int) -> "BfvVector":
        """Every entry times a public integer. raises EncodingOverflow."""
        size = abs(factor)
        result = BfvVector(self.keys, (), self.length, self.bound * size, self.noise * size)
        result.words = [
            [times(key.parameters, a, factor) for a in mine] for key, mine in zip(self.keys, self.words, strict=True)
        ]
        return result

    def _check(self, other: "BfvVector") -> None:
        if self.length != other.length or [k.encoded for k in self.keys] != [k.encoded for k in other.keys]:
            raise InvalidRequest("encrypted vectors of another length, or under other keys, have no sum")


def dot(weights: Sequence[BfvVector], matrix: NDArray[np.int64], bound: int) -> BfvVector:
    """X w, one entry for each row of X.

    weights   one `replicated` ciphertext for each column
    matrix    X, int64, shape (rows, columns), |.| ≤ bound: the caller's own numbers, multiplied in the plain
    raises    EncodingOverflow  an entry beyond the bound, or a product that could outgrow the moduli or the noise
              InvalidRequest    other shapes
    """
    if matrix.ndim != 2 or matrix.dtype != np.int64 or not matrix.size or matrix.shape[1] != len(weights):
        raise InvalidRequest(
            f"a matrix {matrix.dtype} {matrix.shape} for {len(weights)} weights; expected int64 (rows, {len(weights)})"
        )
    keys, slots = weights[0].keys, weights[0].keys[0].parameters.slots
    if any(w.length != slots or w.keys != keys for w in weights):
        raise InvalidRequest("weights are single replicated ciphertexts, all under the same keys")
    if matrix.max() > bound or matrix.min() < -bound:
        raise EncodingOverflow(f"an entry of the matrix lies beyond the declared bound {bound}; raise the bound")
    growth = max(key.parameters.degree * ((key.parameters.plain + 1) // 2) for key in keys)
    result = BfvVector(
        keys, (), len(matrix), sum(w.bound for w in weights) * bound, sum(w.noise for w in weights) * growth
    )
    columns = [[_pieces(column, key.parameters) for column in matrix.T.tolist()] for key in keys]
    result.words = [
        [
            _combined(key, [(w.words[k][0], c[piece]) for w, c in zip(weights, columns[k], strict=True)])
            for piece in range(len(columns[k][0]))
        ]
        for k, key in enumerate(keys)
    ]
    return result


def _combined(key: PublicKey, terms: Sequence[tuple[Words, list[int]]]) -> Words:
    total: Words = np.zeros(key.parameters.shape, np.uint64)
    for words, slots in terms:
        total = add(key.parameters, total, key.times_plain(words, slots))
    return total


def decrypt(keys: Sequence[SecretKey], vector: BfvVector) -> list[int]:
    """The integers, centred mod T: those that were meant, if entries and noise kept to the vector's bounds.

    keys     as the vector's, in the same order
    raises   InvalidRequest  they are not
    """
    if [key.public for key in keys] != [key.encoded for key in vector.keys]:
        raise InvalidRequest("these are not the secret keys of that vector")
    modulus = prod(key.parameters.plain for key in keys)
    totals = np.zeros(vector.length, object)
    for key, pieces in zip(keys, vector.words, strict=True):
        t = key.parameters.plain
        rest = modulus // t
        slots = [slot for words in pieces for slot in key.decrypt(words)][: vector.length]
        totals = (totals + np.array(slots, object) * (rest * pow(rest, -1, t))) % modulus
    return [total - modulus if total > modulus // 2 else total for total in totals.tolist()]


def wire_shape(keys: Sequence[Parameters], length: int) -> tuple[int, int]:
    """(ciphertexts, bytes of each) of a vector of this length under keys with these parameters."""
    return len(keys) * -(-length // keys[0].slots), keys[0].width


def fresh_noise(parameters: Parameters) -> int:
    """Largest noise of a fresh ciphertext, per coefficient: encryption, its change of level, and rounding."""
    n = parameters.degree
    return 21 * (2 * n + 1) // parameters.primes[-1] + (n + 1) // 2 + 2


def sent_noise(parameters: Parameters, terms: int) -> int:
    """Largest noise of the sum of so many fresh vectors that were flooded as they left, re-randomised on the way."""
    flooded = (1 << 8 * parameters.flood - 1) + 2 * fresh_noise(parameters)
    return terms * flooded + 2 * fresh_noise(parameters)


def _most_noise(parameters: Parameters) -> int:
    """Largest noise that still decrypts: SEAL rounds t(c₀ + c₁s)/q, which is right while t · noise < q/2."""
    return (parameters.modulus // parameters.plain - 1) // 2 - 1


def _flood(parameters: Parameters, randomness: Randomness) -> Words:
    """A polynomial uniform in [−2ᵇ, 2ᵇ), b = 8 · flood − 1, modulo each prime: shape (primes, n)."""
    primes = np.array(parameters.data_primes, np.uint64)[:, None]
    octets, bits = randomness.bytes(parameters.flood * parameters.degree), 8 if parameters.flood % 2 else 16
    total: Words = np.zeros((len(primes), parameters.degree), np.uint64)
    for digit in np.frombuffer(octets, f"<u{bits // 8}").reshape(-1, parameters.degree):
        total = ((total << np.uint64(bits)) + digit) % primes
    half = np.array([q - (1 << 8 * parameters.flood - 1) % q for q in parameters.data_primes], np.uint64)[:, None]
    return (total + half) % primes


def _pieces(values: Sequence[int], parameters: Parameters) -> list[list[int]]:
    """The values mod t, centred, in pieces of full slots; the last one is filled up with zeros."""
    t, slots = parameters.plain, parameters.slots
    half = t // 2
    centred = [(v + half) % t - half for v in values]
    centred += [0] * (-len(centred) % slots)
    return [centred[k : k + slots] for k in range(0, len(centred), slots)]
