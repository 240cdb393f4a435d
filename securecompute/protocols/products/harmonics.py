"""Smooth functions of a secret by trigonometric sums: one opening, whatever the function, and several at once.

    f(θ) = centre + Σ_k α_k cos kθ + β_k sin kθ         θ = 2π turns 2^-64,   k = 1, 1 + step, 1 + 2 step, ...

On part of a circle such a sum is as flexible as a polynomial, and its terms split exactly into what the evaluators and
the dealer know: cos k(c − r) = cos kc cos kr + sin kc sin kr. Polynomials of secrets take a product per degree instead.

Accuracy   Besides the fit, rounding: cos kr is dealt to s_k bits and multiplied by integers of e_k bits, s_k + e_k = 62
           shared out so that both contribute alike. The error's standard deviation is below
           2^-31 sqrt(Σ_k max(|α_k|, |β_k|)): 2 to 6 · 10^-10 for the mantissas' functions, and at most
           about five times that in 10^6 numbers.
Security   As `masked_functions`.
Cost       `sums`: 3 rounds, 16 bytes dealt per harmonic and number, and those of `masked_functions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.ring_arrays import RingArray, Words
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.masked_functions import evaluate, settled
from securecompute.protocols.products.replicated import Replicated

SCALE: Final = 62  # fractional bits of the sum that is settled


@dataclass(frozen=True)
class Series:
    """A function: centre, α and β by harmonic.  |f − centre| must stay below 1; offset is a constant within that."""

    centre: float
    offset: float
    cosines: tuple[float, ...]
    sines: tuple[float, ...]
    step: int = 1

    def __call__(self, turns: NDArray[np.float64]) -> NDArray[np.float64]:
        """The function itself, of fractions of a turn."""
        k = 1 + self.step * np.arange(len(self.cosines))
        angles = 2 * np.pi * np.multiply.outer(np.asarray(turns, np.float64), k)
        value: NDArray[np.float64] = np.cos(angles) @ np.array(self.cosines) + np.sin(angles) @ np.array(self.sines)
        return value + self.offset + self.centre


@dataclass(frozen=True)
class Harmonics:
    """Several series on the same harmonics, as a basis of `masked_functions`."""

    series: tuple[Series, ...]

    def __post_init__(self) -> None:
        if len({(each.step, len(each.cosines), len(each.sines)) for each in self.series}) != 1:
            raise InvalidRequest("series that are evaluated together have the same harmonics")

    @property
    def words(self) -> int:
        """Two for each harmonic."""
        return 2 * len(self.series[0].cosines)

    @property
    def functions(self) -> int:
        """As many as there are series."""
        return len(self.series)

    def deal(self, turns: Words, words: Words) -> None:
        """words <- 2^s_k cos kr, 2^s_k sin kr, less what they held."""
        from securecompute.arithmetic import harmonic_kernels  # loads the compiler

        harmonic_kernels.deal(turns, self.series[0].step, self._scales[1], words)

    def combine(self, turns: Words, words: Words, sums: Words, first: bool) -> None:
        """sums <- shares of 2^62 (f − centre)."""
        from securecompute.arithmetic import harmonic_kernels  # loads the compiler

        alpha, beta = self._coefficients
        harmonic_kernels.combine(turns, self.series[0].step, alpha, beta, words, sums)
        if first:
            sums += self._offsets

    @cached_property
    def _scales(self) -> tuple[Any, Any]:
        """2^e_k and 2^s_k."""
        largest = np.abs([[each.cosines, each.sines] for each in self.series]).max(axis=(0, 1))
        # the error is 2^-e_k + |α_k| 2^-s_k: both parts are made alike, in whole bits
        e = np.array([SCALE // 2 - round(np.frexp(a)[1] / 2) for a in largest])
        e = np.clip(e, SCALE - 45, 45)
        return np.ldexp(1.0, e), np.ldexp(1.0, SCALE - e)

    @cached_property
    def _coefficients(self) -> tuple[Any, Any]:
        up = self._scales[0]
        return np.array([up * each.cosines for each in self.series]), np.array(
            [up * each.sines for each in self.series]
        )

    @cached_property
    def _offsets(self) -> Words:
        return RingArray.quantised(Ring.Z64, np.array([[each.offset] for each in self.series]), SCALE).words


@lru_cache(maxsize=64)
def _basis(series: tuple[Series, ...]) -> Harmonics:
    return Harmonics(series)


def sums(
    party: ComputeParty, turns: Replicated | RingArray, series: Sequence[Series], scale: int, ring: Ring = Ring.Z64
) -> Part[Replicated]:
    """f(turns) with so many fractional bits in a ring, for each f of several series: shape (functions, *shape).

    turns   shares, or z_i of a product, as `masked_functions.evaluate`
    """
    z = yield from evaluate(party.at("sum"), turns, _basis(tuple(series)))
    values = yield from settled(party.at("settled"), z, (len(series), *turns.shape), SCALE - scale, ring)
    centres = np.array([each.centre for each in series]).reshape(-1, *[1] * len(turns.shape))
    return values + RingArray.quantised(ring, centres, scale)
