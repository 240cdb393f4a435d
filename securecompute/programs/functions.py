"""Functions of one secret, quotients, and softmax.

Quotients, roots and logarithms are right for every number that is not 0 as it is held (`divisors`): 1 / 0 is the
largest result, log 0 the smallest. Numbers below 0 count so under roots and logarithms. What could grow beyond
`MOST_APART` is computed in Z_2^128. An operand that is clipped away from 0, or whose declared least is, costs less.

Accuracy   as `reciprocal`, `division`, `square_root`, `exponential`, `logarithm`, `sigmoid` and `softmax` say.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil, exp, expm1, inf, log, log2, sqrt
from typing import Any, ClassVar

from securecompute.arithmetic.fixed_types import most_scale
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.errors import InvalidRequest
from securecompute.programs import attributes
from securecompute.programs.divisors import (
    Held,
    divisor,
    held_error,
    held_scale,
    lowest,
    ring_for,
    saturating,
    unproved,
)
from securecompute.programs.operation import (
    Attributes,
    Deviation,
    Elementwise,
    Estimate,
    Operand,
    Operation,
    Remark,
    Shape,
    Site,
    ValueType,
    along,
    broadcast,
    check_digits_of_quotient,
    encoded,
    secret,
    truncated,
)
from securecompute.programs.order import COMPARED_SCALE, alike, alike_scale
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.division import divide
from securecompute.protocols.products.exponential import exponential
from securecompute.protocols.products.fixed import Fixed, rescaled
from securecompute.protocols.products.logarithm import logarithm
from securecompute.protocols.products.reciprocal import ERROR as INVERSE_ERROR
from securecompute.protocols.products.reciprocal import reciprocal
from securecompute.protocols.products.sigmoid import erf, normal_cdf, sigmoid, tanh
from securecompute.protocols.products.softmax import softmax
from securecompute.protocols.products.square_root import ERROR as ROOT_ERROR
from securecompute.protocols.products.square_root import inverse_square_root, square_root

QUOTIENT_BITS = {Ring.Z64: 28, Ring.Z128: 90}  # of a quotient, with its fractional ones
FEWEST_BITS = 24  # fractional ones of a quotient in Z_2^64
FINEST = 30  # fractional bits of a curve's result
LARGEST_EXPONENT = 42.0  # exp is computed in Z_2^64 whatever ring its operand is in
FINEST_SHARE = 24  # of softmax, which ends in a division
SLACK = 1.01
EXP_ERROR, LOG_ERROR, SOFTMAX_ERROR = 3.2e-9, 6e-9, 1e-8  # as their files state; relative, absolute, absolute


def result_scale(site: Site, bound: float) -> int:
    """As many fractional bits as are wanted and a result of this magnitude leaves room for."""
    return max(0, min(site.demand, most_scale(site.result.ring, bound)))


class _Curve(Elementwise):
    """A function whose slope is at most `steepest`, computed to within `inexact`."""

    gate: ClassVar[Callable[..., Part[Fixed]]]
    steepest: ClassVar[float] = 1.0
    inexact: ClassVar[float] = 5e-7
    bounded = True
    once = 0.015

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return ValueType(x[0].shape, SLACK, ring=x[0].ring, exact=False)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [max(0, min(FINEST, most_scale(x[0].ring, 2 * x[0].bound)))]

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(self.steepest * x[0].error + self.inexact + 2.0**-scale)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        result = yield from type(self).gate(party, secret(x[0]), min(FINEST, result_scale(site, SLACK)))
        return result.within(site.result.bound) if result.bound > site.result.bound else result


class Sigmoid(_Curve):
    """1 / (1 + exp(-x))."""

    name = "sigmoid"
    gate = staticmethod(sigmoid)
    steepest = 0.25
    inexact = 2.5e-7


class Tanh(_Curve):
    """Hyperbolic tangent."""

    name = "tanh"
    gate = staticmethod(tanh)


class NormalCdf(_Curve):
    """Distribution function of the normal distribution."""

    name = "normal_cdf"
    gate = staticmethod(normal_cdf)
    steepest = 0.4
    inexact = 2.5e-7


class Erf(_Curve):
    """Error function."""

    name = "erf"
    gate = staticmethod(erf)
    steepest = 1.13


class Exp(Elementwise):
    """exp(x)."""

    name = "exp"
    once = 0.02

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        if x[0].bound > LARGEST_EXPONENT:
            raise InvalidRequest(
                f"exp of numbers up to {x[0].bound:g} is too large, {LARGEST_EXPONENT:g} is the most; clip them before"
            )
        return ValueType(x[0].shape, SLACK * exp(x[0].bound), ring=x[0].ring, exact=False, least=0.0)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [max(0, min(FINEST, most_scale(x[0].ring, 2 * x[0].bound)))]

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        largest, off = exp(site.operands[0].bound), expm1(x[0].error)
        return Deviation(largest * (off + EXP_ERROR * (1 + off)) + (1 + 2.0**-5) * 2.0**-scale)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        scale = min(result_scale(site, site.result.bound), most_scale(Ring.Z64, site.result.bound))
        return (yield from exponential(party, secret(x[0]), scale))


class Log(Elementwise):
    """Natural logarithm."""

    name = "log"
    once, each = 0.05, 3e-5
    bounded = True

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        bound = max(abs(log(lowest(x[0], x[0].ring))), abs(log(x[0].bound))) + 1
        return ValueType(x[0].shape, bound, ring=x[0].ring, exact=False)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [held_scale(x[0], site.result.ring)]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number, low, positive = yield from divisor(party, x[0], site.operands[0])
        scale = min(FINEST, result_scale(site, site.result.bound))
        return (yield from logarithm(party.at("log"), number, low, scale, positive))

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        of, ring = site.operands[0], site.result.ring
        held = Held.of(x[0], of, ring)
        if held is None:
            return unproved(self.name, held_error(x[0], of, ring), "{:.1g} / x")
        counts = saturating(self.name, of, "0 and less counts as the least that is told from 0")
        return Deviation(held.error / held.low + LOG_ERROR + 2 * 2.0**-scale, counts)


class _Inverse(Elementwise):
    """A function that grows towards 0."""

    gate: ClassVar[Callable[..., Part[Fixed]]]
    once, each = 0.05, 4e-5
    inexact: ClassVar[float]
    counts: ClassVar[str]

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        ring = ring_for(x[0])
        least = 0.0 if x[0].least >= 0 else -inf
        bound = 2 * self._largest(lowest(x[0], ring))
        return ValueType(x[0].shape, bound, ring=ring, exact=False, least=least)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [held_scale(x[0], site.result.ring)]

    def _largest(self, low: float) -> float:
        raise NotImplementedError

    def _steepest(self, x: float, y: float) -> float:
        """|f(x) - f(y)| / |x - y|"""
        raise NotImplementedError

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        of, ring = site.operands[0], site.result.ring
        held = Held.of(x[0], of, ring)
        if held is None:
            return unproved(self.name, held_error(x[0], of, ring), "{:.1g} / |x| of itself")
        own = self.inexact * self._largest(held.low) + 2.0**-scale
        counts = saturating(self.name, of, self.counts)
        return Deviation(held.error * self._steepest(held.least, held.low) + own, counts)

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number, low, positive = yield from divisor(party, x[0], site.operands[0])
        scale = result_scale(site, site.result.bound)
        return (yield from type(self).gate(party.at("inverse"), number, low, scale, positive))


class Reciprocal(_Inverse):
    """1 / x."""

    name = "reciprocal"
    gate = staticmethod(reciprocal)
    inexact = INVERSE_ERROR
    counts = "0 counts as the least that is told from 0"

    def _largest(self, low: float) -> float:
        return 1 / low

    def _steepest(self, x: float, y: float) -> float:
        return 1 / (x * y)


class InverseRoot(_Inverse):
    """1 / sqrt(x)."""

    name = "rsqrt"
    gate = staticmethod(inverse_square_root)
    inexact = ROOT_ERROR
    counts = "0 and less counts as the least that is told from 0"

    def _largest(self, low: float) -> float:
        return 1 / sqrt(low)

    def _steepest(self, x: float, y: float) -> float:
        return 1 / (sqrt(x * y) * (sqrt(x) + sqrt(y)))


class Root(Elementwise):
    """sqrt(x)."""

    name = "sqrt"
    once, each = 0.05, 4e-5

    def result(self, x: Sequence[ValueType], a: Attributes) -> ValueType:
        return ValueType(x[0].shape, SLACK * sqrt(x[0].bound), ring=x[0].ring, exact=False, least=0.0)

    def wants(self, x: Sequence[ValueType], site: Site) -> Sequence[int]:
        return [held_scale(x[0], site.result.ring)]

    def run(self, party: ComputeParty, x: Sequence[Operand], site: Site) -> Part[Fixed]:
        number, _, positive = yield from divisor(party, x[0], site.operands[0])
        scale = result_scale(site, site.result.bound)
        return (yield from square_root(party.at("root"), number, None, scale, positive))

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        of = site.operands[0]
        off = held_error(x[0], of, site.result.ring)
        least = max(of.least, 0.0)
        steep = off / (sqrt(least) + sqrt(max(least - off, 0.0))) if least else inf
        own = ROOT_ERROR * sqrt(of.bound + off) + 2.0**-scale
        near = Remark("sqrt: so near 0; of larger numbers x off by {:.1g} / 2√x", off)
        negative = Remark("sqrt: of numbers below 0 it is 0")
        remarks = ((near,) if off and not least else ()) + ((negative,) if of.least < 0 else ())
        return Deviation(min(sqrt(off), steep) + own, remarks)


class Divide(Elementwise):
    """x / y."""

    name = "divide"
    once, each = 0.05, 4e-5
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
        used = _dividend_scale(site, dividend.scale, dividend.bound, number.bound / low)
        if site.operands[0].loose:
            check_digits_of_quotient(used, dividend.bound)
        dividend = yield from rescaled(party.at("dividend"), dividend, used)
        return (yield from divide(party.at("divide"), dividend, number, low, scale, positive))

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        of, by = site.operands
        held = Held.of(x[1], by, site.result.ring)
        if held is None:
            return unproved(self.name, held_error(x[1], by, site.result.ring), "{:.1g} / |x| of itself, and more")
        given = x[0].scale
        if of.public:
            given = alike_scale(site.result.ring, max(of.bound, held.bound), of.integer, [held.scale], COMPARED_SCALE)
        used = _dividend_scale(site, given, of.bound, held.bound / held.told)
        dividend = x[0].error + encoded(of, given) + truncated(given, used)
        off = dividend / held.low + of.bound * held.error / (held.least * held.low)
        own = INVERSE_ERROR * (of.bound + dividend) / held.low + 2 * 2.0**-scale
        return Deviation(off + own, saturating(self.name, by, "by 0, it divides by the least that is told from 0"))


def _dividend_scale(site: Site, scale: int, bound: float, ratio: float) -> int:
    """Fractional bits of a dividend, beside a divisor whose bound is so many times its least."""
    room = QUOTIENT_BITS[site.result.ring] + 30 - ceil(log2(ratio)) - ceil(log2(max(bound, 2.0**-20)))
    return max(0, min(scale, room))


class Softmax(Operation):
    """exp(x) over its sum along the last axis."""

    name = "softmax"
    once, each = 0.06, 3e-5
    bounded = True
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

    def sampled(self, shapes: Sequence[Shape], size: int, a: Attributes) -> Sequence[Shape]:
        return [along(shapes[0], a["axis"], size)]

    def grown(self, x: Sequence[ValueType], a: Attributes) -> int:
        return x[0].size // x[0].shape[a["axis"]]

    def effort(self, shapes: Sequence[Shape], site: Site) -> float:
        return super().effort(shapes, site) + 0.01 * log2(shapes[0][site.attributes["axis"]])

    def error(self, x: Sequence[Estimate], site: Site, scale: int) -> Deviation:
        return Deviation(x[0].error / 2 + SOFTMAX_ERROR + 2 * 2.0**-scale)  # its slopes s (1 - s) add up to 1/2 at most


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
