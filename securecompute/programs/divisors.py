"""Numbers that are divided by, or taken roots or logarithms of: how close to 0 they come, and how they are held.

If no least is proved of one, it is held with `TOLD_APART` bits from its bound to its last place, and what is 0 counts
as that last place. One that is clipped away from 0, or whose declared least is, costs less.

Accuracy   With e the error of x as it is held, l ≤ x its least, P ≤ l the power of two that the gate takes for all
           below it: what the gate takes is max(x', P) with |x' − x| ≤ e, so off by at most e, and at least
           max(l − e, P). Without a least, or where it is below what can be told from 0, no bound is derived.
Security   as `truncation`. Leakage: none.
Cost       nothing, or a truncation.
"""

from dataclasses import dataclass, replace
from math import ceil, floor, inf, log2

from securecompute.arithmetic.fixed_types import most_scale
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Part
from securecompute.programs.operation import (
    Deviation,
    Estimate,
    Operand,
    Remark,
    ValueType,
    secret,
    truncated,
)
from securecompute.protocols.products.compute_party import ComputeParty
from securecompute.protocols.products.fixed import Fixed, rescaled

TOLD_APART = {Ring.Z64: 28, Ring.Z128: 56}  # bits from the bound of a divisor to its last place
MOST_APART = 2.0**16  # bound over least, up to which Z_2^64 has room for a quotient with enough digits
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


def divisor(party: ComputeParty, x: Operand, type_: ValueType) -> Part[tuple[Fixed, float, bool]]:
    """An operand with the fractional bits that it is held with; what it counts as at least; whether it is proved."""
    number = secret(x)
    of = replace(type_, ring=number.ring, bound=number.bound)
    number = yield from rescaled(party.at("held"), number, min(number.scale, held_scale(of, number.ring)))
    return number, _counted(of, number.scale, number.bound), type_.least >= 0


def _counted(of: ValueType, scale: int, bound: float) -> float:
    return min(max(lowest(of, of.ring), 2.0**-scale), bound)


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of an operand as it is held.

    error   how far it is off
    scale   its fractional bits
    bound   its largest magnitude
    least   the smallest magnitude of the number itself
    low     and of what the gate takes for it
    told    what the gate is told that it counts as at least
    """

    error: float
    scale: int
    bound: float
    least: float
    low: float
    told: float

    @classmethod
    def of(cls, x: Estimate, type_: ValueType, ring: Ring) -> "Held | None":
        """Of an operand in this ring; None if nothing proves that it can be told from 0."""
        of = replace(type_, ring=ring)
        scale = min(x.scale, held_scale(of, ring))
        cut = truncated(x.scale, scale)
        error, bound = x.error + cut, of.bound + cut
        told = _counted(of, scale, bound)
        power = 2.0 ** (max(0, floor(log2(told)) + scale) - scale)
        least = of.least if of.least > 0 else 1.0 if of.integer else 0.0
        if power > least:
            return None
        return cls(error, scale, bound, least, max(least - error, power), told)


def held_error(x: Estimate, type_: ValueType, ring: Ring) -> float:
    """How far an operand is off as it is held."""
    return x.error + truncated(x.scale, min(x.scale, held_scale(replace(type_, ring=ring), ring)))


def saturating(name: str, type_: ValueType, counts: str) -> tuple[Remark, ...]:
    """What is said of numbers that the function is not defined for, where there may be some."""
    return () if type_.least > 0 else (Remark(f"{name}: {counts}"),)


def unproved(name: str, error: float, relative: str) -> Deviation:
    """No bound, since the operand may be close to 0."""
    text = f"{name}: no bound, as its operand x may be close to 0; declare its least, or clip it. It is off by "
    return Deviation(inf, (Remark(text + relative, error),))
