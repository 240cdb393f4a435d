"""Vectors of real numbers under CKKS: added, scaled and multiplied by plain matrices while encrypted, approximately.

Slots hold x as ⌊2ˢ x⌉ in a polynomial; decryption gives x + error:

    enc(x) ± enc(y) = enc(x ± y)     k · enc(x) = enc(k x)     Σⱼ enc(wⱼ, …, wⱼ) · X[:, j] = enc(X w), at 2²ˢ

A vector carries a bound on its entries and one on its error; what could wrap round q is refused beforehand.

Accuracy   An error polynomial of variance v per coefficient moves a slot by a Gaussian of variance n v / 2 over 2²ˢ. A
           fresh ciphertext has v = (2 + 2n/3)/12: rounding of the message, of the change of level, and the latter times
           the ternary secret; what leaves has twice that. `error` allows 8 deviations, which one ciphertext of 4096
           numbers exceeds with probability 5e-12, and adds errors as if they agreed: N of them cost N, not √N. Beside
           it 2⁻⁴⁵ of the bound, for the float64 transforms. CKKS_50: 3e-11 per term up to ±300, CKKS_40: 2e-8.
Security   As the keys'. The error of a decryption is a linear function of the secret key: who sees some decrypted
           totals and their ciphertexts solves for the key (Li, Micciancio, EUROCRYPT 2021), and SEAL adds nothing
           against it. So `decrypt` gives a Plain: who has the key can use it, and not print, send or pickle it. Not
           circuit-private: the noise of what is decrypted tells of the plain operands; where that matters use Paillier.
Cost       8192, ms per ciphertext of 4096 numbers: encrypt and pack 5, read 0.15, add 0.1, decrypt 1.2.
Reference  Cheon, Kim, Kim, Song, ASIACRYPT 2017; Li, Micciancio, EUROCRYPT 2021.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput, PeerMisbehaved
from securecompute.primitives.lattice import CKKS, Parameters, PublicKey, SecretKey, add, negate, times
from securecompute.primitives.lattice_bytes import Words, pack, unpack
from securecompute.values import Plain

_DEVIATIONS = 8
_TRANSFORMS = 2.0**-45  # relative error of encoding and decoding together


class CkksVector:
    """Encrypted real numbers. Who has no key learns the length and the bounds."""

    __slots__ = ("_fresh", "bound", "error", "key", "length", "scale_bits", "words")

    def __init__(
        self, key: PublicKey, words: Sequence[Words], length: int, bound: float, error: float, scale_bits: int
    ) -> None:
        """words: ⌈length / slots⌉ ciphertexts. raises EncodingOverflow: what they hold could wrap round the modulus."""
        p = key.parameters
        if p.scheme != CKKS:
            raise InvalidRequest("real numbers take a CKKS key")
        if not 0 < bound < capacity(p, scale_bits):
            raise EncodingOverflow(f"entries up to {bound:g} do not fit the modulus at scale {scale_bits}")
        self.key, self.words, self.length, self.bound, self.error = key, words, length, bound, error
        self.scale_bits, self._fresh = scale_bits, False

    @classmethod
    def encrypt(cls, key: PublicKey, x: NDArray[np.float64], bound: float) -> "CkksVector":
        """A fresh vector.

        x        float64, shape (d,), |.| ≤ bound
        raises   NonFiniteInput    NaN or an infinity
                 EncodingOverflow  an entry beyond the bound, which one is not said; or the bound does not fit
                 InvalidRequest    another dtype or shape, or no entry
        """
        _check(x, bound, "x", 1)
        p = key.parameters
        empty = cls(key, (), len(x), bound, sent_error(p, bound) / 2, p.scale)
        empty.words = [key.encrypt(piece) for piece in _pieces(x, p)]
        empty._fresh = True
        return empty

    @classmethod
    def replicated(cls, key: PublicKey, number: float, bound: float) -> "CkksVector":
        """One number in every slot of one ciphertext: what `dot` takes as a weight."""
        return cls.encrypt(key, np.full(key.parameters.slots, number), bound)

    @classmethod
    def from_wire(cls, key: PublicKey, rows: NDArray[np.uint8], length: int, bound: float) -> "CkksVector":
        """The vector of another party, which was to keep to the bound; that cannot be checked.

        rows     uint8, shape `wire_shape`
        raises   PeerMisbehaved  no ciphertexts of this key
        """
        p = key.parameters
        if rows.shape != wire_shape(p, length):
            raise PeerMisbehaved("an encrypted vector has another shape than its length and key ask for")
        words = [unpack(row, p.data_primes, p.degree) for row in rows]
        return cls(key, words, length, bound, sent_error(p, bound), p.scale)

    def to_wire(self) -> NDArray[np.uint8]:
        """The vector as it leaves: uint8 `wire_shape`, re-randomised. The one door."""
        rows, p, fresh, self._fresh = [], self.key.parameters, self._fresh, False
        for words in self.words:
            leaving = words if fresh else add(p, words, self.key.encrypt([0.0] * p.slots))
            rows.append(pack(leaving, p.data_primes))
        return np.stack(rows)

    def add(self, other: "CkksVector") -> "CkksVector":
        """Entry by entry. raises EncodingOverflow; InvalidRequest: another length, scale or key."""
        if (self.length, self.scale_bits, self.key.encoded) != (other.length, other.scale_bits, other.key.encoded):
            raise InvalidRequest("encrypted vectors of another length or scale, or under another key, have no sum")
        result = CkksVector(
            self.key, (), self.length, self.bound + other.bound, self.error + other.error, self.scale_bits
        )
        result.words = [add(self.key.parameters, a, b) for a, b in zip(self.words, other.words, strict=True)]
        return result

    def subtract(self, other: "CkksVector") -> "CkksVector":
        """As `add`."""
        words = [negate(other.key.parameters, a) for a in other.words]
        return self.add(CkksVector(other.key, words, other.length, other.bound, other.error, other.scale_bits))

    def scale(self, factor: int) -> "CkksVector":
        """Every entry times a public integer other than 0. raises EncodingOverflow."""
        size = abs(factor)
        result = CkksVector(self.key, (), self.length, self.bound * size, self.error * size, self.scale_bits)
        result.words = [times(self.key.parameters, a, factor) for a in self.words]
        return result


def dot(weights: Sequence[CkksVector], matrix: NDArray[np.float64], bound: float) -> CkksVector:
    """X w, one entry for each row of X.

    weights   one `replicated` ciphertext for each column
    matrix    X, float64, shape (rows, columns), |.| ≤ bound: the caller's own numbers, multiplied in the plain
    raises    NonFiniteInput, EncodingOverflow, InvalidRequest  as `CkksVector.encrypt`
    """
    _check(matrix, bound, "the matrix", 2)
    key, p = weights[0].key, weights[0].key.parameters
    if any(w.length != p.slots or w.key is not key or w.scale_bits != p.scale for w in weights):
        raise InvalidRequest("weights are single replicated ciphertexts, all under the same key")
    if matrix.shape[1] != len(weights):
        raise InvalidRequest(f"{matrix.shape[1]} columns for {len(weights)} weights")
    bounds, rounding = sum(w.bound for w in weights), _slot_error(p, 1 / 12)
    error = sum(w.error for w in weights) * (bound + rounding) + bounds * (rounding + bound * _TRANSFORMS)
    result = CkksVector(key, (), len(matrix), bounds * bound, error, 2 * p.scale)
    columns = [_pieces(column, p) for column in matrix.T]
    words = []
    for piece in range(len(columns[0])):
        total: Words = np.zeros(p.shape, np.uint64)
        for w, column in zip(weights, columns, strict=True):
            total = add(p, total, key.times_plain(w.words[0], column[piece]))
        words.append(total)
    result.words = words
    return result


def decrypt(key: SecretKey, vector: CkksVector) -> Plain:
    """The numbers, float64 (length,), each off by `vector.error` at most. For who has the key to use, never to show.

    raises   InvalidRequest  not the key of that vector
    """
    if key.public != vector.key.encoded:
        raise InvalidRequest("this is not the secret key of that vector")
    slots = [slot for words in vector.words for slot in key.decrypt(words, vector.scale_bits)]
    return Plain(np.array(slots[: vector.length]))


def capacity(parameters: Parameters, scale_bits: int) -> float:
    """Magnitude that entries must stay below at this scale: q / 4 over the scale, which leaves room for the error."""
    return parameters.modulus / 4 / 2.0**scale_bits


def sent_error(parameters: Parameters, bound: float) -> float:
    """Error of a fresh vector with entries up to this bound that went through `to_wire`."""
    fresh = (2 + 2 * parameters.degree / 3) / 12
    return 2 * _slot_error(parameters, fresh) + bound * _TRANSFORMS


def wire_shape(parameters: Parameters, length: int) -> tuple[int, int]:
    """(ciphertexts, bytes of each) of a vector of this length."""
    return -(-length // parameters.slots), parameters.width


def _slot_error(parameters: Parameters, variance: float) -> float:
    """Eight deviations of a slot, if coefficients have this variance."""
    return _DEVIATIONS * math.sqrt(parameters.degree * variance / 2) / 2.0**parameters.scale


def _check(x: NDArray[np.float64], bound: float, name: str, axes: int) -> None:
    if x.dtype != np.float64 or x.ndim != axes or not x.size:
        raise InvalidRequest(f"{name} is {x.dtype} {x.shape}; expected float64 of {axes} axes, not empty")
    if not math.isfinite(bound) or bound <= 0:
        raise InvalidRequest("a bound is a positive number")
    largest = np.abs(x).max()
    if not np.isfinite(largest):
        raise NonFiniteInput(f"{name} holds NaN or an infinity; write missing values as nulls")
    if largest > bound:
        raise EncodingOverflow(f"{name} holds an entry beyond the declared bound {bound:g}; raise the bound")


def _pieces(x: NDArray[np.float64], parameters: Parameters) -> list[list[float]]:
    """The numbers in pieces of full slots; the last one is filled up with zeros."""
    filled = np.zeros(-(-len(x) // parameters.slots) * parameters.slots)
    filled[: len(x)] = x
    pieces: list[list[float]] = filled.reshape(-1, parameters.slots).tolist()
    return pieces
