"""The solution of F x = b from an approximate inverse M, to more digits than M has.

    r_0 = b,  x_0 = 0        x_(k+1) = x_k + M r_k,     r_(k+1) = b − F x_(k+1)  (mod 2^128)

The error of x shrinks by ‖I − F M‖ ≤ τ in a step. F x and b may both leave the ring: only their difference must fit,
and as its public bound falls, it takes more fractional bits.

Accuracy   ‖x_s − x‖ ≤ 2^-relative ‖x‖ + 4 √p 2^-scale for the F that is given, in every column; the plan follows
           ‖r_k‖ ≤ τ ‖r_(k-1)‖ + √p (2^-h + 2^-g), h and g the fractional bits of r and x, and ends when that is so.
Security   As `multiplication`. Leakage: none.
Cost       2 + 4 (s − 1) rounds; 2 more ahead if b has too many fractional bits.
Reference  Wilkinson, Rounding Errors in Algebraic Processes, 1963; residuals of which the wraps cancel: own.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import floor, log2, sqrt
from typing import Final

from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.protocols.products import newton_schulz
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.multiplication import finish
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.symmetric import local_products
from securecompute.protocols.products.truncation import truncate, truncate_additive

_MOST_STEPS: Final = 24
_ROOM: Final = 125  # bits of a number before its truncation, sign not counted


@dataclass(frozen=True, slots=True)
class Refinement:
    """Fractional bits of r_k and of x_(k+1), for every step k."""

    residuals: tuple[int, ...]
    solutions: tuple[int, ...]

    @property
    def scale(self) -> int:
        """Fractional bits of the solution."""
        return self.solutions[-1]


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """F (p, p) and b (p, m), or stacks of such, and their fractional bits."""

    f: Replicated
    f_scale: int
    b: Replicated
    b_scale: int


def refinement(
    inverse: newton_schulz.Plan, f_scale: int, norms: tuple[float, float], relative: int, most: int
) -> Refinement:
    """Public constants.

    f_scale   fractional bits of F
    norms     bounds of those of b and x
    relative  bits
    most      fractional bits of x, fewer if there is no headroom
    raises    InvalidRequest  no number of steps reaches that accuracy
    """
    tau, root = inverse.contraction, sqrt(inverse.p)
    r, error, share = norms[0], 0.0, 1.0
    most = min(most, floor(_ROOM - log2(norms[1])))
    residuals: list[int] = []
    solutions: list[int] = []
    while len(residuals) < _MOST_STEPS:
        h = floor(_ROOM - inverse.exponent - inverse.scale - log2(r))
        if solutions:
            h = min(h, f_scale + solutions[-1] - 1)
        r = tau * r + 2 * root * 2.0**-h
        g = min(inverse.scale + h - 1, floor(_ROOM - 1 - f_scale - log2(r)), most)
        r += root * 2.0**-g
        error = tau * error + root * (2.0 ** (inverse.exponent - h) + 2.0**-g)
        share *= tau
        residuals.append(h)
        solutions.append(g)
        if share <= 2.0**-relative and g == most and error <= 4 * root * 2.0**-most:
            return Refinement(tuple(residuals), tuple(solutions))
    raise InvalidRequest("128 bits are too few for a system of that size and condition; declare a smaller condition")


def starting(party: ComputeParty, b: Replicated, scale: int, plan: Refinement) -> Part[Replicated]:
    """r_0, from b with this many fractional bits. Run by each of the three, beside what makes M."""
    surplus = scale - plan.residuals[0]
    return b << -surplus if surplus <= 0 else (yield from truncate(party, b, surplus))


def refined(
    party: ComputeParty, system: System, m: Replicated, m_scale: int, start: Replicated, plan: Refinement
) -> Part[Replicated]:
    """x with `plan.scale` fractional bits. Run by each of the three.

    m      with m_scale fractional bits
    start  r_0
    """
    surplus = [m_scale + h - g for h, g in zip(plan.residuals, plan.solutions, strict=True)]
    x = yield from finish(party.at("x", 0), local_products(m, start), surplus[0])
    for k, (before, g) in enumerate(pairwise(plan.solutions), 1):
        wide = system.f_scale + before
        difference = (system.b.mine << (wide - system.b_scale)) - local_products(system.f, x)
        r = yield from truncate_additive(party.at("r", k), difference, wide - plan.residuals[k])
        x = (x << (g - before)) + (yield from finish(party.at("x", k), local_products(m, r), surplus[k]))
    return x
