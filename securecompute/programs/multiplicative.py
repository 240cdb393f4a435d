"""Products of secrets with secrets or with public numbers: elementwise, of matrices, and X'X.

    full = f_x + f_y fractional bits,   result: as many of them as its consumers want

A product that is only shown is not truncated here: whoever reveals it rounds it to the nearest. Whole numbers have no
fractional bits, so a product with them needs no truncation and one round.

Accuracy   as `fixed_types`. Of public numbers as many fractional bits are kept as the ring has room for.
"""

from collections.abc import Sequence
from math import inf, isqrt, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.fixed_types import most_scale
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.programs.linear import silent
from securecompute.programs.operation import (
    Attributes,
    Elementwise,
    Estimate,
    Operand,
    Operation,
    Shape,
    Site,
    ValueType,
    broadcast,
    half_scale,
    ring_of,
    secret,
)
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed, dot, rescaled, squared, times

SMALLEST = 2.0**-40  # of a bound, so that a constant of zeros has one
SLACK = 1.01  # a truncation may add a unit in the last place, and plans keep units below a hundredth of a bound


def product_type(name: str, x: Sequence[ValueType], shape: Shape, bound: float) -> ValueType:
    """Of a product with this bound before its truncation."""
    whole = all(each.integer for each in x)
    exact = all(each.exact for each in x) and any(each.integer for each in x)
    least = 0.0 if all(each.least >= 0 for each in x) else -inf
    return ValueType(shape, bound if exact else SLACK * bound, integer=whole, ring=ring_of(x), exact=exact, least=least)


def factor_scales(x: Sequence[ValueType], site: Site) -> list[int]:
    """Half of the room for each factor; all that is wanted of one whose partner is whole."""
    half = half_scale(site.result.ring, site.result.bound)
    if any(each.integer for each in x):
        wanted = min(site.demand, most_scale(site.result.ring, site.result.bound))
        return [0 if each.integer else wanted for each in x]
    return [half] * len(x)


def kept(site: Site, *scales: int) -> int:
    """Fractional bits of the result."""
    return sum(scales) if 0 in scales else min(site.demand, sum(scales))


def product_error(x: Sequence[Estimate], terms: int, unit: float) -> float | None:
    """Of a sum of so many products x y, truncated once."""
    left, right = x
    if left.error is None or right.error is None:
        return None
    each = left.bound * right.error + right.bound * left.error + left.error * right.error
    return terms * each + unit


class Multiply(Elementwise):
    """x * y, with broadcasting."""

    name = "multiply"
    arity = 2

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return product_type(self.name, x, broadcast(self.name, x), max(x[0].bound * x[1].bound, SMALLEST))

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return factor_scales(x, site)

    def error(self, x: Sequence[Estimate], shapes: Sequence[Shape], unit: float) -> float | None:
        return product_error(x, 1, unit)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        left, right = x
        if isinstance(left, Fixed) and isinstance(right, Fixed):
            return times(party, left, right, kept(site, left.scale, right.scale), site.result.bound)
        number, constant = (left, right) if isinstance(left, Fixed) else (secret(right), left)
        return by_public(party, number, np.asarray(constant), site)


def by_public(party: ComputeParty, x: Fixed, y: NDArray[np.float64], site: Site, inner: bool = False) -> Part[Fixed]:
    """x * y, or x @ y, for public y: whole numbers cost nothing, others a truncation."""
    scale = 0
    if (y != np.rint(y)).any():
        largest = max(float(np.abs(y).max()), SMALLEST)
        room = most_scale(x.ring, site.result.bound) - x.scale
        scale = min(room, most_scale(x.ring, largest), 52 - int(np.floor(np.log2(largest))))
    if scale < 0:
        raise InvalidRequest("a product with public numbers leaves no headroom; declare smaller ranges")
    encoded = RingArray.quantised(x.ring, y, scale)
    share = x.share @ encoded if inner else x.share * encoded
    full = Fixed.of(share, x.scale + scale, site.result.bound)
    return silent(full) if scale == 0 else rescaled(party, full, min(site.demand, full.scale))


class Matmul(Operation):
    """x @ y of matrices or vectors."""

    name = "matmul"
    arity = 2

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        left, right = x
        if not (1 <= len(left.shape) <= 2 and 1 <= len(right.shape) <= 2) or left.shape[-1] != right.shape[0]:
            raise InvalidRequest(
                f"matmul: shapes {left.shape} and {right.shape} do not match; the inner lengths must be equal"
            )
        terms = left.shape[-1]
        bound = max(1, terms) * left.bound * right.bound
        if left.norms or right.norms:  # Cauchy and Schwarz
            row = left.norms[0] if left.norms else sqrt(terms) * left.bound
            column = right.norms[1] if right.norms else sqrt(terms) * right.bound
            bound = min(bound, row * column)
        return product_type(self.name, x, (*left.shape[:-1], *right.shape[1:]), max(bound, SMALLEST))

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return factor_scales(x, site)

    def products(self, x: Sequence[ValueType]) -> Sequence[tuple[int, int, int]]:
        left, right = (each.shape for each in x)
        return [] if any(each.public for each in x) else [(prod(left[:-1]), left[-1], prod(right[1:]))]

    def error(self, x: Sequence[Estimate], shapes: Sequence[Shape], unit: float) -> float | None:
        return product_error(x, shapes[0][-1], unit)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        left, right = x
        if isinstance(left, Fixed) and isinstance(right, Fixed):
            return (yield from dot(party, left, right, kept(site, left.scale, right.scale), site.result.bound))
        if isinstance(left, Fixed):
            return (yield from by_public(party, left, np.asarray(right), site, inner=True))
        number = secret(right).T  # (A x)' = x' A'
        part = yield from by_public(party, number, np.asarray(left).T, site, inner=True)
        return part.T

    def sampled(self, shapes: Sequence[Shape], size: int) -> Sequence[Shape]:
        left, right = shapes
        if len(left) == 2 and len(right) == 2:
            return [(size, 1), (1, 1)]
        return [(size, 1), (1,)] if len(left) == 2 else [(1,), (1, size)] if len(right) == 2 else [(1,), (1,)]


class Gram(Operation):
    """x.T @ x of a matrix, in half the work of `matmul`."""

    name = "gram"

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if len(x[0].shape) != 2:
            raise InvalidRequest(f"gram: expected a matrix, not an array of shape {x[0].shape}")
        rows, columns = x[0].shape
        bound = max(1, rows) * x[0].bound ** 2
        if x[0].norms:
            bound = min(bound, x[0].norms[1] ** 2)
        return product_type(self.name, x, (columns, columns), max(bound, SMALLEST))

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return factor_scales(x, site)

    def products(self, x: Sequence[ValueType]) -> Sequence[tuple[int, int, int]]:
        rows, columns = x[0].shape
        return [(columns, rows, columns)]

    def error(self, x: Sequence[Estimate], shapes: Sequence[Shape], unit: float) -> float | None:
        return product_error([x[0], x[0]], shapes[0][0], unit)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        matrix = secret(x[0])
        return squared(party, matrix, kept(site, matrix.scale, matrix.scale), site.result.bound)

    def sampled(self, shapes: Sequence[Shape], size: int) -> Sequence[Shape]:
        return [(1, isqrt(size))]  # the same bytes for each element of the result; its size is a square


OPERATIONS = (Multiply(), Matmul(), Gram())
