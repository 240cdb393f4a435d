"""Functions of one secret, quotients, and softmax.

Quotients, roots and logarithms are right for every number that is not 0 as it is held. If no least is proved of it, the
operand is held with `TOLD_APART` bits from its bound to its last place, and what is 0 counts as that: 1 / 0 is the
largest result, log 0 the smallest. Numbers below 0 count so under roots and logarithms. What could grow beyond
`MOST_APART` is computed in Z_2^128. An operand that is clipped away from 0, or whose declared least is, costs less.

Accuracy   as `reciprocal`, `division`, `square_root`, `exponential`, `logarithm`, `sigmoid` and `softmax` say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil, exp, inf, log, log2, sqrt
from typing import Any, ClassVar

from securecompute.arithmetic.fixed_types import most_scale
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.programs import attributes
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
    secret,
)
from securecompute.programs.order import alike
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.division import divide
from securecompute.protocols.products.exponential import exponential
from securecompute.protocols.products.fixed import Fixed, rescaled
from securecompute.protocols.products.logarithm import logarithm
from securecompute.protocols.products.reciprocal import reciprocal
from securecompute.protocols.products.sigmoid import erf, normal_cdf, sigmoid, tanh
from securecompute.protocols.products.softmax import softmax
from securecompute.protocols.products.square_root import inverse_square_root, square_root

TOLD_APART = {Ring.Z64: 28, Ring.Z128: 56}  # bits from the bound of a divisor to its last place
MOST_APART = 2.0**16  # bound over least, up to which Z_2^64 has room for a quotient with enough digits
QUOTIENT_BITS = {Ring.Z64: 28, Ring.Z128: 90}  # of a quotient, with its fractional ones
FEWEST_BITS = 24  # fractional ones of a quotient in Z_2^64
FINEST = 30  # fractional bits of a curve's result
FINEST_SHARE = 24  # of softmax, which ends in a division
SLACK = 1.01
NEARLY = 1 - 2.0**-10  # of a least: what quantising leaves of it


def held_scale(x: ValueType, ring: Ring) -> int:
    """Fractional bits of an operand that may be close to 0."""
    return max(0, min(TOLD_APART[ring] - ceil(log2(x.bound)), most_scale(x.ring, 2 * x.bound)))


def lowest(x: ValueType, ring: Ring) -> float:
    """The smallest magnitude that an operand counts as."""
    if x.least > 0:
        return max(x.least * NEARLY, 2.0**-40)
    return 1.0 if x.integer else 2.0 ** -held_scale(x, ring)


def ring_for(x: ValueType) -> Ring:
    """In which a quotient by x has digits enough."""
    near = x.least <= 0 or x.bound / x.least > MOST_APART
    return Ring.Z128 if x.ring is Ring.Z128 or (near and not x.integer) else Ring.Z64


def result_scale(site: Site, bound: float) -> int:
    """As many fractional bits as are wanted and a result of this magnitude leaves room for."""
    return max(0, min(site.demand, most_scale(site.result.ring, bound)))


class _Curve(Elementwise):
    """A function whose slope is at most `steepest`."""

    gate: ClassVar[Callable[..., Part[Fixed]]]
    steepest: ClassVar[float] = 1.0

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return ValueType(x[0].shape, SLACK, ring=x[0].ring, exact=False)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [max(0, min(FINEST, most_scale(x[0].ring, 2 * x[0].bound)))]

    def error(self, x: Sequence[Estimate], shapes: Sequence[Shape], unit: float) -> float | None:
        return None if x[0].error is None else self.steepest * x[0].error + 5e-7 + unit

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        result = yield from type(self).gate(party, secret(x[0]), min(FINEST, result_scale(site, SLACK)))
        return result.within(site.result.bound) if result.bound > site.result.bound else result


class Sigmoid(_Curve):
    """1 / (1 + exp(-x))."""

    name = "sigmoid"
    gate = staticmethod(sigmoid)
    steepest = 0.25


class Tanh(_Curve):
    """Hyperbolic tangent."""

    name = "tanh"
    gate = staticmethod(tanh)


class NormalCdf(_Curve):
    """Distribution function of the normal distribution."""

    name = "normal_cdf"
    gate = staticmethod(normal_cdf)
    steepest = 0.4


class Erf(_Curve):
    """Error function."""

    name = "erf"
    gate = staticmethod(erf)
    steepest = 1.13


class Exp(Elementwise):
    """exp(x)."""

    name = "exp"

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if x[0].bound > 80:
            raise InvalidRequest(f"exp of numbers up to {x[0].bound:g} is too large for any ring; clip them before")
        return ValueType(x[0].shape, SLACK * exp(x[0].bound), ring=x[0].ring, exact=False, least=0.0)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [max(0, min(FINEST, most_scale(x[0].ring, 2 * x[0].bound)))]

    def error(self, x: Sequence[Estimate], shapes: Sequence[Shape], unit: float) -> float | None:
        return None if x[0].error is None else exp(x[0].bound) * (x[0].error + 4e-9) + unit

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number = secret(x[0])
        return (yield from exponential(party, number, result_scale(site, site.result.bound)))


class Log(Elementwise):
    """Natural logarithm."""

    name = "log"

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        bound = max(abs(log(lowest(x[0], x[0].ring))), abs(log(x[0].bound))) + 1
        return ValueType(x[0].shape, bound, ring=x[0].ring, exact=False)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [held_scale(x[0], site.result.ring)]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number, low, positive = yield from divisor(party, x[0], site.operands[0])
        scale = min(FINEST, result_scale(site, site.result.bound))
        return (yield from logarithm(party.at("log"), number, low, scale, positive))


class _Inverse(Elementwise):
    """A function that grows towards 0."""

    gate: ClassVar[Callable[..., Part[Fixed]]]

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        ring = ring_for(x[0])
        least = 0.0 if x[0].least >= 0 else -inf
        bound = 2 * self._largest(lowest(x[0], ring))
        return ValueType(x[0].shape, bound, ring=ring, exact=False, least=least)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [held_scale(x[0], site.result.ring)]

    def _largest(self, low: float) -> float:
        raise NotImplementedError

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number, low, positive = yield from divisor(party, x[0], site.operands[0])
        scale = result_scale(site, site.result.bound)
        return (yield from type(self).gate(party.at("inverse"), number, low, scale, positive))


class Reciprocal(_Inverse):
    """1 / x."""

    name = "reciprocal"
    gate = staticmethod(reciprocal)

    def _largest(self, low: float) -> float:
        return 1 / low


class InverseRoot(_Inverse):
    """1 / sqrt(x)."""

    name = "rsqrt"
    gate = staticmethod(inverse_square_root)

    def _largest(self, low: float) -> float:
        return 1 / sqrt(low)


class Root(Elementwise):
    """sqrt(x)."""

    name = "sqrt"

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return ValueType(x[0].shape, SLACK * sqrt(x[0].bound), ring=x[0].ring, exact=False, least=0.0)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [held_scale(x[0], site.result.ring)]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number, _, positive = yield from divisor(party, x[0], site.operands[0])
        scale = result_scale(site, site.result.bound)
        return (yield from square_root(party.at("root"), number, None, scale, positive))


class Divide(Elementwise):
    """x / y."""

    name = "divide"
    arity = 2

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if x[1].public:
            raise InvalidRequest("divide: by public numbers; multiply by their reciprocals")
        ring = Ring.Z128 if not x[0].public and x[0].ring is Ring.Z128 else ring_for(x[1])
        bound = 2 * max(x[0].bound, 2.0**-30) / lowest(x[1], ring)
        if ring is Ring.Z64 and log2(bound) > QUOTIENT_BITS[ring] - FEWEST_BITS:
            ring = Ring.Z128
            bound = 2 * max(x[0].bound, 2.0**-30) / lowest(x[1], ring)
        least = 0.0 if x[0].least >= 0 and x[1].least >= 0 else -inf
        return ValueType(broadcast(self.name, x), bound, ring=ring, exact=False, least=least)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [min(site.demand, FINEST), held_scale(x[1], site.result.ring)]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number, low, positive = yield from divisor(party, x[1], site.operands[1])
        dividend = x[0] if isinstance(x[0], Fixed) else alike(party, x[0], number)[0]
        bits, bound = QUOTIENT_BITS[site.result.ring], site.result.bound
        scale = max(0, min(result_scale(site, bound), bits - ceil(log2(bound))))
        room = bits + 30 - ceil(log2(number.bound / low)) - ceil(log2(max(dividend.bound, 2.0**-20)))
        dividend = yield from rescaled(party.at("dividend"), dividend, max(0, min(dividend.scale, room)))
        return (yield from divide(party.at("divide"), dividend, number, low, scale, positive))


class Softmax(Operation):
    """exp(x) over its sum along the last axis."""

    name = "softmax"
    attributes: ClassVar[Mapping[str, Any]] = {"axis": attributes.whole(0, attributes.MAX_AXES)}

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if a["axis"] >= len(x[0].shape) or x[0].shape[a["axis"]] == 0:
            raise InvalidRequest(f"softmax along axis {a['axis']} of an array of shape {x[0].shape}")
        return ValueType(x[0].shape, SLACK, ring=x[0].ring, exact=False)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [max(0, min(FINEST, most_scale(x[0].ring, 2 * x[0].bound)))]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number, axis = secret(x[0]), site.attributes["axis"]
        order = [*(k for k in range(len(number.shape)) if k != axis), axis]
        result = yield from softmax(party, number.transpose(order), min(FINEST_SHARE, result_scale(site, SLACK)))
        return result.transpose([order.index(k) for k in range(len(order))])


def divisor(party: ComputeParty, x: Operand, type_: ValueType) -> Part[tuple[Fixed, float, bool]]:
    """An operand with the fractional bits that it is held with; what it counts as at least; whether it is proved."""
    number = secret(x)
    held = replace(type_, ring=number.ring, bound=number.bound)
    number = yield from rescaled(party.at("held"), number, min(number.scale, held_scale(held, number.ring)))
    low = max(lowest(held, number.ring), number.type.unit)
    return number, min(low, number.bound), type_.least >= 0


OPERATIONS = (
    Sigmoid(),
    Tanh(),
    NormalCdf(),
    Erf(),
    Exp(),
    Log(),
    Reciprocal(),
    InverseRoot(),
    Root(),
    Divide(),
    Softmax(),
)
