"""A symmetric positive definite matrix in standardised variables, up to powers of two that stay secret.

    S' = D S D,   D_ii = 2^-(k_i + 1)  where 4^k_i ≤ S_ii < 4^(k_i + 1)        1/4 ≤ S'_ii < 1,  |S'_ij| < 1
    F = S' / P,   P = 2^q ≥ p          eigenvalues of F in [1/(4 κ P), p/P]

κ is the condition of S under the best scaling of its variables: with C = S scaled to a diagonal of ones and any
diagonal T, λ_min(C) ≥ λ_min(T S T) / max (T S T)_ii ≥ 1/κ(T S T), and S' is C times diagonals of at least 1/2.

Accuracy   Exact: the powers are found by comparisons, and products with them are not truncated.
           A diagonal entry below the smallest declared has D_ii = 0, which makes F singular.
Security   As `step_function` and `multiplication`. Leakage: none.
Cost       7 rounds: 5 to compare, 1 for D_ii D_jj, 1 for F.
Reference  van der Sluis, Numerische Mathematik 14, 1969, for the scaling.
"""

from dataclasses import dataclass
from math import ceil, floor, log2
from typing import Final

import numpy as np

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.engine.rounds import Part
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed
from securecompute.protocols.products.multiplication import multiply
from securecompute.protocols.products.replicated import Replicated
from securecompute.protocols.products.scaled_system import Spectrum
from securecompute.protocols.products.step_function import step_functions
from securecompute.protocols.products.symmetric import mirrored, upper

FINEST: Final = 64  # fractional bits that F has at least
_RANGE: Final = 40  # bits between the largest and the smallest diagonal entry, unless it is declared
_ROOM: Final = 125


@dataclass(frozen=True, slots=True)
class Design:
    """Public constants.

    p          size
    low, high  bounds of the eigenvalues of F
    coarsest   e with D_ii ≥ 2^-e: fractional bits of D
    finest     e with D_ii ≤ 2^-e
    scale      fractional bits of F
    """

    p: int
    low: float
    high: float
    coarsest: int
    finest: int
    scale: int

    @property
    def size(self) -> int:
        """q"""
        return ceil(log2(self.p))

    @property
    def spectrum(self) -> Spectrum:
        """Of F."""
        return Spectrum(self.low, self.high, self.scale)

    @property
    def span(self) -> int:
        """Bits of D_ii 2^coarsest."""
        return self.coarsest - self.finest


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """D_ii 2^coarsest and 2^-finest / D_ii: secret whole numbers, (p,)."""

    d: Replicated
    inverse: Replicated


def design(s: FixedType, shape: tuple[int, ...], condition: float, smallest: float | None) -> Design:
    """For S of this type and shape.

    condition   largest over smallest eigenvalue of S, or of T S T for any diagonal T: whichever is least
    smallest    of the diagonal; if None, as far below the bound as there is headroom, 2^-40 of it at most
    raises      InvalidRequest    S is not square; a condition below 1; a smallest entry that is not in (0, bound]
                EncodingOverflow  no headroom for diagonals that differ by so much
    """
    if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
        raise InvalidRequest(f"a matrix of shape {shape}; expected a square one")
    if not 1 <= condition < 2.0**_ROOM:
        raise InvalidRequest(f"a condition of {condition}; expected largest over smallest eigenvalue, 1 or more")
    if smallest is not None and not 0 < smallest <= s.bound:
        raise InvalidRequest(f"a smallest diagonal entry of {smallest}; expected one above 0, at most {s.bound:.4g}")
    p, largest = shape[0], max(s.bound, s.unit)
    highest = _quarter_log(largest)
    # |S_ij D_ii D_jj| of any S of this type, positive definite or not, must fit
    room = _ROOM - s.scale - ceil(log2(largest))
    default = max(highest - min(_RANGE, room) // 2, ceil(-s.scale / 2))
    lowest = default if smallest is None else _quarter_log(smallest)
    if not 0 <= 2 * (highest - lowest) <= room or 2 * lowest + s.scale < 0:
        raise EncodingOverflow(
            f"a matrix with entries up to {s.bound:.4g}, {s.scale} fractional bits and a diagonal from "
            f"{4.0**lowest:.4g} leaves no headroom to scale it; give it fewer bits, or a larger smallest entry"
        )
    unit = 1 << ceil(log2(p))
    scale = max(FINEST, s.scale + 2 * (highest + 1) + ceil(log2(p)))
    return Design(p, 1 / (4 * condition * unit), p / unit, highest + 1, lowest + 1, scale)


def _quarter_log(x: float) -> int:
    """log4(x), rounded down"""
    return floor(log2(x) / 2)


def roots(party: ComputeParty, s: Fixed, design: Design) -> Part[Roots]:
    """D. Run by each of the three; s is (p, p) in Z_2^128."""
    i = np.arange(design.p)
    exponents = range(design.finest, design.coarsest + 1)  # of D_ii, above their thresholds
    d, inverse = yield from step_functions(
        party,
        s.share[i, i],
        [1 << 2 * (e - 1) + s.scale for e in exponents],
        [[0, *(1 << design.coarsest - e for e in exponents)], [0, *(1 << e - design.finest for e in exponents)]],
    )
    return Roots(d, inverse)


def outer(party: ComputeParty, d: Replicated) -> Part[Replicated]:
    """d_i d_j for i ≤ j, row by row. Run by each of the three."""
    rows, columns = np.triu_indices(d.size)
    return (yield from multiply(party, d[rows], d[columns]))


def standardised(party: ComputeParty, s: Fixed, pairs: Replicated, design: Design) -> Part[Replicated]:
    """F with `design.scale` fractional bits. Run by each of the three.

    s      (p, p) in Z_2^128, of which the entries on and above the diagonal are read
    pairs  D_ii D_jj, as `outer` gives them
    """
    f = yield from multiply(party, s.share[upper(design.p)], pairs)
    surplus = design.scale - s.scale - 2 * design.coarsest - design.size
    return mirrored(f << surplus, design.p)
