"""Curves that rise from one constant to another: logistic sigmoid, hyperbolic tangent, normal distribution, erf.

    S(x) − S(x − P) + S(x − 2P) − ...  =  1/2 + Σ_{k odd} 2 / (π k) F(π k / P) sin(π k x / P)

S is a distribution function, F the Fourier transform of its density: π ω / sinh π ω of the logistic sigmoid,
exp(−ω² / 2) of the normal distribution. The sum has the period 2P; near 0 it differs from S by S(−P ± x), and its terms
fall off geometrically or faster, so few of them do. tanh x = 2 σ(2x) − 1 and erf x = 2 Φ(√2 x) − 1.

Accuracy   |error| ≤ 2.5 · 10^-7 for sigmoid and normal_cdf, 5 · 10^-7 for tanh and erf, for every x, and one unit of
           the result's scale. Beyond the edge, |x| > 15.75 for the sigmoid and 5.5 for Φ, the limits 0 and 1 are given.
Security   As `masked_functions` and `saturation`. Leakage: none.
Cost       A declared bound within the edge: 3 rounds; evaluators 16 bytes a number, the dealer 16 to tell and 16 for
           every harmonic and 16 more dealt: 24 harmonics, 18 for |x| ≤ 8 (normal: 9). A larger bound: 5 rounds, two
           comparisons. Numbers of more than 30 fractional bits: 2 rounds more.
Reference  Poisson's summation formula.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from math import ceil, sqrt
from typing import Final

from securecompute.engine.rounds import Part
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed, rescaled
from securecompute.protocols.products.harmonics import Series, sums
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.saturation import End, saturated

_PI: Final = Decimal("3.14159265358979323846264338327950288419717")
_LEAST: Final = Decimal("1.15e-7")  # coefficients below it are left out
_FINEST: Final = 30  # fractional bits of x: on a circle of any circumference 2P they place it to 10^-8
_SLACK: Final = 1e-6


@dataclass(frozen=True)
class Curve:
    """S: beyond the edge it is 0 or 1 to 2 · 10^-7; its density's Fourier transform."""

    edge: float
    transform: Callable[[Decimal], Decimal]


def _of_logistic(w: Decimal) -> Decimal:
    return 2 * _PI * w / ((_PI * w).exp() - (-_PI * w).exp())


def _of_normal(w: Decimal) -> Decimal:
    return (-w * w / 2).exp()


LOGISTIC: Final = Curve(15.75, _of_logistic)
NORMAL: Final = Curve(5.5, _of_normal)
_ROOT_2: Final = sqrt(2.0)


def sigmoid(party: ComputeParty, x: Fixed, scale: int | None = None) -> Part[Fixed]:
    """1 / (1 + exp(−x)), with so many fractional bits: x's, if none are given. Run by each of the three."""
    return (yield from _rising(party, x, LOGISTIC, 1.0, _scale(x, scale)))


def normal_cdf(party: ComputeParty, x: Fixed, scale: int | None = None) -> Part[Fixed]:
    """Φ(x), the inverse of the probit. As `sigmoid`."""
    return (yield from _rising(party, x, NORMAL, 1.0, _scale(x, scale)))


def tanh(party: ComputeParty, x: Fixed, scale: int | None = None) -> Part[Fixed]:
    """The hyperbolic tangent. As `sigmoid`."""
    return _doubled((yield from _rising(party, x, LOGISTIC, 2.0, _scale(x, scale) + 1)))


def erf(party: ComputeParty, x: Fixed, scale: int | None = None) -> Part[Fixed]:
    """The error function. As `sigmoid`."""
    return _doubled((yield from _rising(party, x, NORMAL, _ROOT_2, _scale(x, scale) + 1)))


def _rising(party: ComputeParty, x: Fixed, curve: Curve, factor: float, scale: int) -> Part[Fixed]:
    """S(factor x)."""
    if x.scale > _FINEST:
        x = yield from rescaled(party.at("coarser"), x, _FINEST)
    reach = min(x.bound * factor, curve.edge)
    half_period = curve.edge + ceil(4 * reach) / 4
    turns = x.share * round(factor * 2.0 ** (x.ring.bits - 1 - x.scale) / half_period)
    limit = int(curve.edge / factor * 2.0**x.scale)
    ends = [End(-limit, 0, above=False), End(limit, 1 << scale, above=True)] if x.bound * factor > curve.edge else []
    wave = _one(sums(party.at("wave"), turns, [series(curve, half_period)], scale, x.ring))
    return Fixed.of((yield from saturated(party, x.share, ends, wave)), scale, 1.0 + _SLACK + 2.0**-scale)


@lru_cache(maxsize=256)
def series(curve: Curve, half_period: float) -> Series:
    """The sum for P = half_period. Decimal arithmetic rounds alike everywhere, so all parties have the same numbers."""
    coefficients: list[float] = []
    with localcontext() as context:
        context.prec = 40
        k = 1
        while (b := 2 / (_PI * k) * curve.transform(_PI * k / Decimal(half_period))) >= _LEAST:
            coefficients.append(float(b))
            k += 2
    return Series(0.5, 0.0, (0.0,) * len(coefficients), tuple(coefficients), step=2)


def _doubled(s: Fixed) -> Fixed:
    """2s − 1, of a number with one fractional bit more: the same integers, less half of their range."""
    return Fixed.of(s.share - (1 << (s.scale - 1)), s.scale - 1, 2 * s.bound - 1)


def _one(part: Part[Replicated]) -> Part[Replicated]:
    """The first function of several."""
    return (yield from part)[0]


def _scale(x: Fixed, scale: int | None) -> int:
    return x.scale if scale is None else scale
