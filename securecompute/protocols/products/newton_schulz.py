"""Approximate inverse of a symmetric positive definite matrix F with eigenvalues in a public interval [a, b], b ≤ 1.

    E_0 = I − c_0 F         M_1 = c_0 (I + E_0)
    E_k = (1 − c_k) I + c_k E_(k-1)²,     M_(k+1) = c_k M_k (I + E_k)          I − F M_(k+1) = E_k²

An eigenvalue λ of F M_k becomes c λ (2 − c λ): the factor c, 31/16 while a is small, centres [a, 1], so that a grows
almost fourfold in a step, where c = 1 would double it. Both products of a step are taken in the same two rounds. When
the loop ends the three hold M; that it is the inverse is then proved on shares, whatever F was, by 2 p (2 p + 1)
comparisons:

    |F_ij| ≤ 1/p,   |M_ij| ≤ 2^m    so that no word of I − F M has wrapped,   and   |(I − F M)_ij| ≤ 2^-t / p

Accuracy   2^m is the public bound of the inverse's entries; E has 60 fractional bits, M_k as many as its public bound
           leaves. Rounding leaves 2^(m-60) times a small factor in I − F M: t is chosen above it.
Security   As `multiplication` and `comparison`. Leakage: none here; `verdict` reveals the one bit.
Cost       2 + 2K rounds, K = number of factors, about log_4(1/a) + 4; the proof 1 + 5.
Reference  Schulz, ZAMM 1933; Pan and Schreiber, SIAM J. Sci. Stat. Comput. 1991, section 3, for the factors.
"""

from dataclasses import dataclass
from itertools import accumulate
from math import ceil, floor, log2
from typing import Final

from securecompute.engine.rounds import Part, together
from securecompute.errors import InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.multiplication import finish
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.symmetric import (
    finish_symmetric,
    identity,
    local_products,
    local_squares,
    truncate_symmetric,
    upper,
)
from securecompute.protocols.products.verdict import outside

SCALE: Final = 60  # of E: E² takes 2 · 60 + 4 bits
_STEPS: Final = 4  # factors are multiples of 2^-4
_MOST_CERTIFIED: Final = 24
_LEAST_CERTIFIED: Final = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """Public constants.

    p           size of the matrices
    factors     16 c_k
    exponent    m
    scales      fractional bits of M_1, M_2, ...
    certified   t: the spectral norm of I − F M is at most 2^-t
    """

    p: int
    factors: tuple[int, ...]
    exponent: int
    scales: tuple[int, ...]
    certified: int

    @property
    def scale(self) -> int:
        """Fractional bits of M."""
        return self.scales[-1]

    @property
    def size(self) -> int:
        """log2(p), rounded up."""
        return ceil(log2(self.p))

    @property
    def contraction(self) -> float:
        """Bound of the spectral norm of I − F M, of an F with more than 60 fractional bits too: M is at most p 2^m."""
        return 2.0**-self.certified + 2.0 ** (2 * self.size + self.exponent - SCALE)


def plan(p: int, low: float, high: float) -> Plan:
    """For matrices of this size with eigenvalues in [low, high].

    raises   InvalidRequest  the interval is too wide for 128 bits
    """
    size, exponent = ceil(log2(p)), ceil(log2(1.02 / low))
    certified = min(_MOST_CERTIFIED, SCALE - 3 - exponent - ceil(1.5 * size))
    if certified < _LEAST_CERTIFIED:
        raise InvalidRequest(
            f"a {p} x {p} matrix of that condition cannot be inverted in 128 bits; declare a condition at most "
            f"{2.0 ** (certified - _LEAST_CERTIFIED):.2g} times as large, add a ridge, or drop collinear columns"
        )
    factors = _factors(low, high, 2.0 ** -(certified + size + 1))
    growth = [min(g, 2.0**exponent) for g in accumulate((n / 8 for n in factors), lambda a, b: a * b)]
    scales = [SCALE + 1 - ceil(log2(1.02 * g)) for g in growth[1:]] + [SCALE + 1 - exponent]
    return Plan(p, factors, exponent, tuple(scales), certified)


def _factors(low: float, high: float, residual: float) -> tuple[int, ...]:
    """16 c_k that take [low, high] to within `residual` of 1, each the best multiple of 1/16."""
    factors: list[int] = []
    while True:
        best = (1 << _STEPS + 1) / (low + high)
        n = min((floor(best), ceil(best)), key=lambda n: _furthest(n, low, high))
        factors.append(n)
        missing = _furthest(n, low, high) ** 2
        if missing <= residual:
            return tuple(factors)
        low, high = 1 - missing, 1.0


def _furthest(n: int, low: float, high: float) -> float:
    """Largest |1 − c λ| for c = n / 16 and λ in [low, high]."""
    c = n / (1 << _STEPS)
    return max(abs(1 - c * low), abs(1 - c * high))


def approximate_inverse(party: ComputeParty, f: Replicated, scale: int, plan: Plan) -> Part[Replicated]:
    """M with `plan.scale` fractional bits, symmetric. Run by each of the three.

    f       symmetric, (p, p) or a stack of such, in Z_2^128
    scale   its fractional bits, above 60 − 4
    """
    one = identity(f.ring, plan.p, 1 << SCALE)
    e = one - (yield from truncate_symmetric(party.at("E", 0), f * plan.factors[0], scale + _STEPS - SCALE))
    first = (e + one) * plan.factors[0]
    bits = SCALE + _STEPS - plan.scales[0]
    m, e = yield from together(
        truncate_symmetric(party.at("M", 1), first, bits), _next_e(party.at("E", 1), e, plan.factors[1])
    )
    for k, n in enumerate(plan.factors[2:], 2):
        m, e = yield from together(_next_m(party.at("M", k), m, e + one, k, plan), _next_e(party.at("E", k), e, n))
    return (yield from _next_m(party.at("M", len(plan.factors)), m, e + one, len(plan.factors), plan))


def _next_m(party: ComputeParty, m: Replicated, e: Replicated, k: int, plan: Plan) -> Part[Replicated]:
    """M_k = c M_(k-1) (I + E), of I + E. Its bound times 2^(scale of M_(k-1) + 64) is below 2^126."""
    product = local_products(m, e) * plan.factors[k - 1]
    return (yield from finish_symmetric(party, product, plan.scales[k - 2] + SCALE + _STEPS - plan.scales[k - 1]))


def _next_e(party: ComputeParty, e: Replicated, n: int) -> Part[Replicated]:
    """(1 − c) I + c E². |E| ≤ 1 and c ≤ 4: below 2^126."""
    square = yield from finish_symmetric(party, local_squares(e) * n, SCALE + _STEPS)
    return square + identity(e.ring, e.shape[-1], ((1 << _STEPS) - n) << (SCALE - _STEPS))


def uncertified(party: ComputeParty, f: Replicated, m: Replicated, plan: Plan) -> Part[Replicated]:
    """How many of the claims above do not hold: 0 proves that M is the inverse. Run by each of the three.

    f   symmetric, with 60 fractional bits, entries at most 1 / p
    """
    product = yield from finish(party.at("F M"), local_products(f, m))
    residual = product - identity(f.ring, plan.p, 1 << SCALE + plan.scale)
    triangle = upper(plan.p)
    claims = [
        (f[triangle], (1 << SCALE) // plan.p + 1),
        (m[triangle], 1 << plan.exponent + plan.scale),
        (residual, 1 << SCALE + plan.scale - plan.certified - plan.size),
    ]
    return (yield from outside(party.at("claims"), claims))
