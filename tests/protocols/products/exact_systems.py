"""What the tests of linear algebra share: matrices of a known spectrum, exact solutions, and gates run on them."""

from dataclasses import dataclass

import numpy as np

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.protocols.products.fixed import Fixed
from tests.protocols.products.playing import alone

_BITS = 160  # fractional bits of an exact solution


@dataclass
class Encoded:
    """Real numbers, quantised with a scale and given a public bound."""

    values: np.ndarray
    scale: int = 50
    ring: Ring = Ring.Z128
    bound: float | None = None

    @property
    def type(self):
        return FixedType(self.ring, self.scale, float(np.abs(self.reals).max()) if self.bound is None else self.bound)

    @property
    def words(self):
        return RingArray.quantised(self.ring, np.asarray(self.values, np.float64), self.scale)

    @property
    def reals(self):
        """The numbers that are really computed with."""
        return self.words.reals(self.scale)


@dataclass
class Came:
    """What a gate gave: real numbers and their types, one or a tuple of them, and the engine's record."""

    values: object
    types: object
    played: object


def run(gate, *inputs, seed=0, deliver=None, **options):
    """gate(party, *inputs, **options) of three parties on shares dealt by hand."""
    types = {}

    def function(party, *shares):
        given = [Fixed(share, each.type) for share, each in zip(shares, inputs, strict=True)]
        results = yield from gate(party, *given, **options)
        several = results if isinstance(results, tuple) else (results,)
        types[party.index] = [each.type for each in several]
        return tuple(each.share for each in several)

    words, played = alone(function, *(each.words for each in inputs), seed=seed, deliver=deliver)
    assert types[0] == types[1] == types[2]
    values = [w.reals(t.scale) for w, t in zip(words, types[0], strict=True)]
    for value, type_ in zip(values, types[0], strict=True):
        assert (np.abs(value) <= type_.bound).all(), "the public bound holds"
    return Came(values[0], types[0][0], played) if len(values) == 1 else Came(values, types[0], played)


def with_spectrum(eigenvalues, seed=0):
    """A symmetric matrix with these eigenvalues and random eigenvectors."""
    p = len(eigenvalues)
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(p, p)))
    s = (q * np.asarray(eigenvalues, float)) @ q.T
    return (s + s.T) / 2


def conditioned(p, condition, kind="even", seed=0):
    """Of this condition: eigenvalues evenly spread in logarithms, or one small, or one large among equals."""
    eigenvalues = np.geomspace(1 / condition, 1, p) if p > 1 else np.ones(1)
    if kind == "one small":
        eigenvalues = np.where(np.arange(p) > 0, 1, eigenvalues)
    if kind == "one large":
        eigenvalues = np.where(np.arange(p) < p - 1, eigenvalues[0], eigenvalues)
    return with_spectrum(eigenvalues, seed)


def badly_scaled(s, low, high):
    """The same in variables of which the units differ from low to high."""
    units = np.geomspace(low, high, len(s))
    return s * np.outer(units, units)


def solution(s, b):
    """S^-1 B of the numbers as encoded, to float64: refined in integers, so right whatever the condition."""
    matrix, right = s.words.signed(), b.words.signed().reshape(len(s.reals), -1)
    units = 1 / np.sqrt(np.diag(s.reals))
    rough = np.linalg.inv(s.reals * np.outer(units, units))
    x = np.zeros(right.shape, dtype=object)
    for _ in range(12):
        residual = (right << s.scale + _BITS - b.scale) - matrix @ x
        step = (rough @ (residual * units[:, None]).astype(float)) * units[:, None]
        x = x + np.frompyfunc(int, 1, 1)(np.ldexp(step, -s.scale))
    return np.ldexp(x.astype(float), -_BITS).reshape(b.reals.shape)
