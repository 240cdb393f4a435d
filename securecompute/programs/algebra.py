"""Linear algebra on secret symmetric matrices: systems, inverses, Cholesky factors, leading eigenvalues.

Computed in Z_2^128 whatever ring the operands are in. A matrix that is singular or worse conditioned than declared, and
a result beyond its declared bound, are refused when the program runs, by one bit that everybody learns.

    C = T^-1 S T^-1,  T² = diag S,  |C^-1| ≤ κ, the declared condition;   S off by e:  |C' − C| ≤ p e / d,  d = min T²
    z = T w:   C (z − z') = T^-1 (B − B') + (C' − C) z'       C^-1 − C'^-1 = C^-1 (C' − C) C'^-1

Accuracy   From these, with what the gates add. S_ii ≥ d has to be known: all entries above 0, or whole numbers. Factors
           |K' − K| ≤ (p / 2)^(1/2) η / (1 − η), η = κ p e / d < 1; eigenvalues p e. Vectors have no bound: how far
           eigenvalues lie apart is declared as a ratio only.
Reference  Weyl, for eigenvalues; Higham, Accuracy and Stability of Numerical Algorithms, 2002, theorem 10.8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.fixed_types import most_scale
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part, together
from securecompute.errors import InvalidRequest
from securecompute.programs import attributes
from securecompute.programs.operation import (
    Attributes,
    Deviation,
    Estimate,
    Operand,
    Operation,
    Remark,
    Shape,
    Site,
    ValueType,
    secret,
)
from securecompute.protocols.products.cholesky import cholesky
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.eigen import eigen_symmetric
from securecompute.protocols.products.fixed import Fixed, concatenate, rescaled
from securecompute.protocols.products.linear_solve import inverse_spd, solve_spd

MOST_CONDITION = 1e8
MOST_BOUND = 2.0**60
FINEST = 60  # fractional bits of the matrix and the right side: what is left of the ring holds their range
SHOWN_SCALE = 48
MOST_EIGENVALUES = 16
SOLVE_ERROR, INVERSE_ERROR, CHOLESKY_ERROR, EIGEN_ERROR = 2.0**-37, 2.0**-36, 2.0**-34, 2.0**-32  # as the gates state


class Solve(Operation):
    """w with S w = B: the result is refused beyond `bound`."""

    name = "solve"
    arity = 2
    attributes: ClassVar[Mapping[str, Any]] = {
        "condition": attributes.real(1.0, MOST_CONDITION),
        "bound": attributes.real(0.0, MOST_BOUND),
    }
    opens = "whether a matrix was as well conditioned as declared"
    once, each = 0.2, 5e-5

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        shape = x[0].shape
        if len(shape) != 2 or shape[0] != shape[1] or (len(x) == 2 and x[1].shape[:1] != shape[:1]):
            others = f" and {x[1].shape}" if len(x) == 2 else ""
            raise InvalidRequest(f"{self.name}: expected (p, p) and (p,) or (p, m), not {shape}{others}")
        if any(each.public for each in x):
            raise InvalidRequest(f"{self.name}: of public numbers; use numpy, or multiply by the secret inverse")
        return ValueType(x[-1].shape, a["bound"], ring=Ring.Z128, exact=False)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [min(FINEST, max(0, most_scale(each.ring, each.bound))) for each in x]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        scale, bound = kept(site)
        condition = site.attributes["condition"]
        return solve_spd(party, secret(x[0]), secret(x[1]), condition, scale=scale, bound=bound)

    def rehearsal_inputs(self, shapes: Sequence[Shape], bounds: Sequence[float]) -> Sequence[NDArray[np.float64]]:
        return [np.eye(shapes[0][0]) * bounds[0], *(np.zeros(shape) for shape in shapes[1:])]

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        matrix, right = site.operands
        system = System.of(x[0], site)
        if system is None:
            return self._unproved(site)
        p, d, condition = system.size, system.least, site.attributes["condition"]
        size = sqrt(p * (matrix.bound + x[0].error)) * site.result.bound  # of z = T w, T² the diagonal
        off = condition * sqrt(p) * x[1].error / sqrt(d) + system.grown * size
        own = SOLVE_ERROR * size + 2.0**-40 * sqrt(p) * right.bound / sqrt(matrix.bound)
        return Deviation((off + own) / sqrt(d) + 2.0**-scale)

    def _unproved(self, site: Site) -> Deviation:
        text = (
            f"{self.name}: no bound, as the smallest diagonal entry of its matrix is not declared; relative errors of "
            "its operands, in standardised variables, grow {:.1g}-fold at most, which is the declared condition"
        )
        return Deviation(inf, (Remark(text, float(site.attributes["condition"])),))


class Inverse(Solve):
    """S^-1."""

    name = "inverse"
    arity = 1

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        scale, bound = kept(site)
        return inverse_spd(party, secret(x[0]), site.attributes["condition"], scale=scale, bound=bound)

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        system = System.of(x[0], site)
        if system is None or system.grown >= 1:
            return self._unproved(site)
        norm = site.attributes["condition"] / (1 - system.grown)  # of C'^-1
        return Deviation((system.grown + INVERSE_ERROR) * norm / system.least + 2.0**-scale)


class Cholesky(Solve):
    """The lower triangular L with L L' = S."""

    name = "cholesky"
    arity = 1
    attributes: ClassVar[Mapping[str, Any]] = {"condition": attributes.real(1.0, MOST_CONDITION)}
    once, each = 0.4, 3e-4

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return super().result(x, dict(a) | {"bound": 1.01 * sqrt(x[0].bound)})

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        scale, bound = kept(site)
        factor = yield from cholesky(party, secret(x[0]), site.attributes["condition"], scale=scale)
        return factor.within(bound) if factor.bound > bound else factor

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        largest = sqrt(site.operands[0].bound + x[0].error)
        if not x[0].error:
            return Deviation(largest * CHOLESKY_ERROR + 2.0**-scale)
        system = System.of(x[0], site)
        if system is None or system.grown >= 1:
            return self._unproved(site)
        off = sqrt(system.size / 2) * system.grown / (1 - system.grown)  # Sun's bound, as Higham gives it
        return Deviation(largest * (off + CHOLESKY_ERROR) + 2.0**-scale)


class Eigen(Operation):
    """The k largest eigenvalues, as first row, above their vectors as columns; of a matrix without negative ones."""

    name = "eigh"
    attributes: ClassVar[Mapping[str, Any]] = {
        "k": attributes.whole(1, MOST_EIGENVALUES),
        "ratio": attributes.real(0.0, 1 - 2.0**-20),
    }
    opens = "whether eigenvalues were as far apart as declared"
    once, each = 0.2, 1e-5

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        shape = x[0].shape
        if len(shape) != 2 or shape[0] != shape[1] or a["k"] > shape[0]:
            raise InvalidRequest(f"eigh: {a['k']} eigenvalues of an array of shape {shape}; expected 1 to p of (p, p)")
        bound = max(1.0, 1.01 * shape[0] * x[0].bound)  # the trace
        return ValueType((shape[0] + 1, a["k"]), bound, ring=Ring.Z128, exact=False)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [min(FINEST, max(0, most_scale(x[0].ring, x[0].bound)))]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        values, vectors = yield from eigen_symmetric(
            party, secret(x[0]), site.attributes["k"], site.attributes["ratio"]
        )
        bound = max(values.bound, vectors.bound)
        scale = min(kept(site)[0], most_scale(Ring.Z128, bound))
        rows = values.reshape((1, values.shape[0]))
        both = yield from together(
            rescaled(party.at("values"), rows, min(scale, rows.scale)),
            rescaled(party.at("vectors"), vectors, min(scale, vectors.scale)),
        )
        return concatenate([each.raised(scale) for each in both])

    def effort(self, shapes: Sequence[Shape], site: Site) -> float:
        return float(site.attributes["k"]) * super().effort(shapes, site)

    def rehearsal_inputs(self, shapes: Sequence[Shape], bounds: Sequence[float]) -> Sequence[NDArray[np.float64]]:
        return [np.diag(2.0 ** -np.arange(shapes[0][0], dtype=np.float64).clip(0, 20)) * bounds[0]]

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        p = site.operands[0].shape[0]
        values = p * x[0].error + EIGEN_ERROR * sqrt(p) * p * site.operands[0].bound + 2.0**-scale
        text = (
            "eigh: no bound for vectors; they are off by {:.1g} over the distance between eigenvalues, and as to sign"
        )
        return Deviation(inf, (Remark(text, values),), first_row=values)


@dataclass(frozen=True, slots=True)
class System:
    """What is known of a matrix in standardised variables, C = T^-1 S T^-1 with T² the diagonal of S.

    size    p
    least   d, the smallest entry of the diagonal
    grown   κ p e / d, the most of |C^-1| |C' - C|: what an error e of its entries grows to
    """

    size: int
    least: float
    grown: float

    @classmethod
    def of(cls, x: Estimate, site: Site) -> "System | None":
        """None if the smallest entry is not declared. Of whole numbers the diagonal is 1 or more."""
        matrix = site.operands[0]
        least = max(matrix.least, 1.0 if matrix.integer else 0.0)
        if least <= 0:
            return None
        size = matrix.shape[0]
        return cls(size, least, site.attributes["condition"] * size * x.error / least)


def kept(site: Site) -> tuple[int, float]:
    """Fractional bits and bound of the result."""
    bound = site.result.bound
    return max(0, min(site.demand, SHOWN_SCALE, most_scale(Ring.Z128, bound))), bound


OPERATIONS = (Solve(), Inverse(), Cholesky(), Eigen())
