"""Products of secrets with secrets or with public numbers: elementwise, of matrices, and X'X.

    full = f_x + f_y fractional bits,   result: as many of them as its consumers want

A product that is only shown is not truncated here: whoever reveals it rounds it to the nearest. Whole numbers have no
fractional bits, so a product with them needs no truncation and one round.

Accuracy   as `fixed_types`. Of public numbers as many fractional bits are kept as the ring has room for.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import floor, inf, isqrt, log2, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.fixed_types import most_scale
from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.programs.linear import silent
from securecompute.programs.operation import (
    Attributes,
    Deviation,
    Elementwise,
    Estimate,
    Operand,
    Operation,
    Shape,
    Site,
    ValueType,
    broadcast,
    encoded,
    half_scale,
    ring_of,
    secret,
    truncated,
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
    """Fractional bits of each factor: together what the product has room for, so that either is off by as many digits.

    f_x + f_y = room,   f_x + log2 |x| = f_y + log2 |y|:   |x| 2^-f_y + |y| 2^-f_x is least

    One whose partner is whole is wanted with all that is wanted of the product.
    """
    half = half_scale(site.result.ring, site.result.bound)
    if any(each.integer for each in x):
        wanted = min(site.demand, most_scale(site.result.ring, site.result.bound))
        return [0 if each.integer else wanted for each in x]
    if len(x) == 1:
        return [half]
    apart = log2(max(x[0].bound, SMALLEST) / max(x[1].bound, SMALLEST)) / 2
    more = max(-half, min(half, round(apart)))
    return [half - more, half + more]


def kept(site: Site, *scales: int) -> int:
    """Fractional bits of the result."""
    return sum(scales) if 0 in scales else min(site.demand, sum(scales))


def product_error(x: Sequence[Estimate], site: Site, terms: int, scale: int) -> Deviation:
    """Of sums of so many products x y, truncated once.

    Σ |x_k| e_y + |y_k| e_x + e_x e_y ≤ √K (r e_y + c e_x) + K e_x e_y,   r, c norms of a row of x and a column of y
    """
    rows, columns = (_norm(each, which, terms) for which, each in enumerate(site.operands))
    first, second, full = _encoded_factors(x, site)
    spread = sqrt(terms) * (rows * second + columns * first) + terms * first * second
    return Deviation(spread + truncated(full, scale))


def _norm(x: ValueType, which: int, terms: int) -> float:
    bound = sqrt(terms) * x.bound
    return min(bound, x.norms[which]) if x.norms else bound


def _encoded_factors(x: Sequence[Estimate], site: Site) -> tuple[float, float, int]:
    """What two factors are off when they are multiplied, and the fractional bits of their product."""
    scales = [each.scale for each in x]
    for k, of in enumerate(site.operands):
        if of.public:
            scales[k] = public_scale(site, scales[1 - k], of)
    first, second = (each.error + encoded(of, scale) for each, of, scale in zip(x, site.operands, scales, strict=True))
    return first, second, sum(scales)


class Multiply(Elementwise):
    """x * y, with broadcasting."""

    name = "multiply"
    arity = 2

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return product_type(self.name, x, broadcast(self.name, x), max(x[0].bound * x[1].bound, SMALLEST))

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return factor_scales(x, site)

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return product_error(
            x, replace(site, operands=tuple(replace(each, norms=None) for each in site.operands)), 1, scale
        )

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        left, right = x
        if isinstance(left, Fixed) and isinstance(right, Fixed):
            return times(party, left, right, kept(site, left.scale, right.scale), site.result.bound)
        number, constant = (left, right) if isinstance(left, Fixed) else (secret(right), left)
        return by_public(party, number, np.asarray(constant), site)


def by_public(party: ComputeParty, x: Fixed, y: NDArray[np.float64], site: Site, inner: bool = False) -> Part[Fixed]:
    """x * y, or x @ y, for public y: whole numbers cost nothing, others a truncation."""
    public = next(each for each in site.operands if each.public)  # of the type, so that a rehearsal encodes y alike
    scale = public_scale(site, x.scale, public)
    if scale < 0:
        raise InvalidRequest("a product with public numbers leaves no headroom; declare smaller ranges")
    encoded = RingArray.quantised(x.ring, y, scale)
    share = x.share @ encoded if inner else x.share * encoded
    full = Fixed.of(share, x.scale + scale, site.result.bound)
    return silent(full) if scale == 0 else rescaled(party, full, min(site.demand, full.scale))


def public_scale(site: Site, scale: int, public: ValueType) -> int:
    """Fractional bits of public numbers beside a factor that has `scale` of them; negative without room."""
    if public.integer:
        return 0
    largest, ring = max(public.bound, SMALLEST), site.result.ring
    room = most_scale(ring, site.result.bound) - scale
    return min(room, most_scale(ring, largest), 52 - floor(log2(largest)))


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

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return product_error(x, site, site.operands[0].shape[-1], scale)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        left, right = x
        if isinstance(left, Fixed) and isinstance(right, Fixed):
            return (yield from dot(party, left, right, kept(site, left.scale, right.scale), site.result.bound))
        if isinstance(left, Fixed):
            return (yield from by_public(party, left, np.asarray(right), site, inner=True))
        number = secret(right).T  # (A x)' = x' A'
        part = yield from by_public(party, number, np.asarray(left).T, site, inner=True)
        return part.T

    def sampled(self, shapes: Sequence[Shape], size: int, a: Attributes) -> Sequence[Shape]:
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

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        of = site.operands[0]
        swapped = replace(of, norms=of.norms and (of.norms[1], of.norms[0]))
        return product_error([x[0], x[0]], replace(site, operands=(swapped, of)), of.shape[0], scale)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        matrix = secret(x[0])
        return squared(party, matrix, kept(site, matrix.scale, matrix.scale), site.result.bound)

    def sampled(self, shapes: Sequence[Shape], size: int, a: Attributes) -> Sequence[Shape]:
        return [(1, isqrt(size))]  # the same bytes for each element of the result; its size is a square


OPERATIONS = (Multiply(), Matmul(), Gram())
