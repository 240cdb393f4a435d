"""What we compute of a case, and the types that its operands are shared with.

    matmul       both scales the most for which rows times columns, by their 2-norms, leave headroom; truncated once
    less         as numbers 0 and 1; or as bits, each shared by XOR, as SPU leaves them
    sigmoid      declared to be within ±64, far beyond what the curve needs: nothing is saved by knowing the operands
    divide       declared to be within ±16 and 0.01 to 100, of unknown sign; 18 fractional bits are what is left to
                 quotients of up to 2,048
    solve        condition number declared 100; widened to Z_2^128 inside

Bounds and norms are public, as a network declares them; here they are taken from the operands where the table names no
number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np

from bench.products_sides.cases import GRID, Case, Reals, operands
from securecompute.arithmetic.fixed_types import FixedType, most_scale
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.protocols.products.comparison import negative, negative_bits
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.division import divide
from securecompute.protocols.products.fixed import Fixed, dot, squared
from securecompute.protocols.products.linear_solve import solve_spd
from securecompute.protocols.products.sigmoid import sigmoid

SCALE, QUOTIENT_SCALE = 24, 18  # fractional bits of curves and of quotients
CONDITION = 100.0
LEAST, MOST = 0.01, 100.0  # of the divisors' magnitudes
_GRID_BITS = -int(log2(GRID))

Run = Callable[..., Part[Any]]


@dataclass(frozen=True, slots=True)
class Gate:
    """types: of the operands.  run: the part of a party, given its operands' shares as `Fixed`, to shares."""

    types: tuple[FixedType, ...]
    run: Run


def product(case: Case, ring: Ring) -> Gate:
    """A B at the scale of its factors."""
    x, y = operands(case)
    bound = _norm(x, 1) * _norm(y, 0)
    scale = most_scale(ring, bound) // 2
    types = FixedType(ring, scale, _largest(x)), FixedType(ring, scale, _largest(y))
    return Gate(types, lambda party, x, y: dot(party, x, y, scale, bound))


def symmetric(rows: int, columns: int, scale: int) -> Gate:
    """X'X of numbers within ±1, with so many fractional bits; those of X'X itself, 2 · 20, need no truncation."""
    kind = FixedType(Ring.Z64, 20, 1.0)
    return Gate((kind,), lambda party, x: squared(party, x, scale, float(rows)))


def less_as_numbers(case: Case, ring: Ring) -> Gate:
    """[x < 0] in the ring."""

    def run(party: ComputeParty, x: Fixed) -> Part[Fixed]:
        return Fixed.of((yield from negative(party, x.share)), 0, 1.0)

    return Gate((FixedType(ring, _GRID_BITS, _largest(operands(case)[0])),), run)


def less_as_bits(case: Case, ring: Ring) -> Gate:
    """[x < 0] shared by XOR."""
    return Gate(less_as_numbers(case, ring).types, lambda party, x: negative_bits(party, x.share))


def curve(case: Case, ring: Ring) -> Gate:
    """The sigmoid."""
    return Gate((FixedType(ring, SCALE, 64.0),), lambda party, x: sigmoid(party, x))


def quotient(case: Case, ring: Ring) -> Gate:
    """x / y."""
    types = FixedType(ring, 30, 16.0), FixedType(ring, 32, MOST)  # at such scales encoding does not limit the quotient
    return Gate(types, lambda party, x, y: divide(party, x, y, LEAST, QUOTIENT_SCALE))


def solution(case: Case, ring: Ring) -> Gate:
    """The solution of x z = y."""
    x, y = operands(case)
    types = FixedType(ring, 40, _power(_largest(x))), FixedType(ring, 40, _power(_largest(y)))
    return Gate(types, lambda party, x, y: solve_spd(party, x, y, CONDITION, smallest=0.25, scale=40))


GATES: dict[str, Callable[[Case, Ring], Gate]] = {
    "matmul": product,
    "less": less_as_numbers,
    "less as bits": less_as_bits,
    "sigmoid": curve,
    "divide": quotient,
    "solve": solution,
}


@dataclass(frozen=True, slots=True)
class Ours:
    """A gate by name, and the ring: plain data, which travels to other processes."""

    gate: str
    size: int
    ring: Ring = Ring.Z64

    @property
    def case(self) -> Case:
        """What it computes."""
        return Case(self.gate.split()[0], self.size)

    @property
    def made(self) -> Gate:
        """Types and part. Raises KeyError for an unknown gate."""
        return GATES[self.gate](self.case, self.ring)


def opened(outputs: Sequence[Any]) -> Reals:
    """What the three outputs, P_0's first, hold together; bits as 0.0 and 1.0."""
    first = outputs[0]
    if isinstance(first, Fixed):
        total: RingArray = outputs[0].share.mine + outputs[1].share.mine + outputs[2].share.mine
        return total.reals(first.scale)
    return np.asarray(outputs[0] ^ outputs[1], np.float64)


def _norm(x: Reals, axis: int) -> float:
    return float(np.sqrt((x**2).sum(axis=axis).max()))


def _largest(x: Reals) -> float:
    return float(np.abs(x).max())


def _power(x: float) -> float:
    return 2.0 ** ceil(log2(x))
