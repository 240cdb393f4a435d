"""F x = b on shares, for F with eigenvalues in a public interval: the inverse, its proof, and the refinement.

    M = `approximate_inverse` of F,   `uncertified` counts the claims that do not hold for M,   x = `refined`

Accuracy   ‖x − F^-1 b‖ ≤ 2^-relative ‖x‖ + 4 √p 2^-scale, and 2^-40 ‖x‖ where F is shortened, if no claim fails.
           If one does, x is without meaning and must not be used.
Security   As `newton_schulz` and `refinement`. Leakage: none; who reveals the count, or a bit of it, says so.
Cost       2 + 2K + max(6, 4s − 2) rounds, K factors and s refinements.
"""

from dataclasses import dataclass
from typing import Final

from securecompute.engine.rounds import Part, together
from securecompute.protocols.products import newton_schulz
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.newton_schulz import approximate_inverse, uncertified
from securecompute.protocols.products.refinement import Refinement, System, refined, refinement, starting
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.symmetric import truncate_symmetric

_BEYOND_CONDITION: Final = 40  # bits of F beyond those that its condition takes


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Bounds of the eigenvalues of F, which has entries of at most 1 / p and so many fractional bits."""

    low: float
    high: float
    scale: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Public constants: of the inversion and the refinement; fractional bits of F as given and as used, and of b."""

    inverse: newton_schulz.Plan
    refinement: Refinement
    given: int
    used: int
    b_scale: int

    @property
    def rounds(self) -> int:
        """Of `solved`."""
        steps = len(self.refinement.solutions)
        return 2 + 2 * len(self.inverse.factors) + max(6, 4 * steps - 2)


def plan(p: int, spectrum: Spectrum, b_scale: int, norms: tuple[float, float], relative: int, most: int) -> Plan:
    """norms   bounds of those of b and x. relative, most: as `refinement`. raises InvalidRequest as there"""
    inverse = newton_schulz.plan(p, spectrum.low, spectrum.high)
    # an F truncated to f bits has solutions off by p 2^(m - f) of their norm
    used = min(spectrum.scale, inverse.exponent + inverse.size + _BEYOND_CONDITION)
    return Plan(inverse, refinement(inverse, used, norms, relative, most), spectrum.scale, used, b_scale)


def solved(party: ComputeParty, f: Replicated, b: Replicated, plan: Plan) -> Part[tuple[Replicated, Replicated]]:
    """x, and how many claims fail: (1,). Run by each of the three.

    f   symmetric, (p, p) or a stack of such, with `plan.given` fractional bits, more than 60
    b   (p, m) or a stack of such, with `plan.b_scale` fractional bits
    """
    inverse = plan.inverse
    m, rough, f, start = yield from together(
        approximate_inverse(party.at("inverse"), f, plan.given, inverse),
        truncate_symmetric(party.at("F short"), f, plan.given - newton_schulz.SCALE),
        shortened(party.at("F long"), f, plan.given - plan.used),
        starting(party.at("b"), b, plan.b_scale, plan.refinement),
    )
    system = System(f, plan.used, b, plan.b_scale)
    x, faults = yield from together(
        refined(party.at("refine"), system, m, inverse.scale, start, plan.refinement),
        uncertified(party.at("proof"), rough, m, inverse),
    )
    return x, faults


def shortened(party: ComputeParty, f: Replicated, bits: int) -> Part[Replicated]:
    """Symmetric f without its last bits; with more, all 0, if there are less than none. Run by each of the three."""
    return f << -bits if bits <= 0 else (yield from truncate_symmetric(party, f, bits))
