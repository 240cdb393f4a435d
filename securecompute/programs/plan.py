"""The plan of a program: how many fractional bits every value is computed with, worked out from its end.

    wanted(v) = the least that any use of v wants of it, at most what v's bound leaves room for

A factor of a product is wanted with half of the bits that the product has room for; what is only shown, with as many as
there are. So every product gets the scale that its own bound allows, and nobody sets one by hand.

Every party derives the same plan from the same program, so none is sent.
"""

from dataclasses import dataclass, replace
from math import log2

from securecompute.arithmetic.fixed_types import FixedType, most_scale
from securecompute.arithmetic.rings import Ring
from securecompute.errors import PrecisionLoss
from securecompute.programs.catalogue import find
from securecompute.programs.operation import UNTRUNCATED, Site, ValueType
from securecompute.programs.program import Program

MOST_SHOWN = 40  # fractional bits of what is shown; float64 has 53 digits in all
GUARD = 8  # bits by which a value that was rounded at random is longer than what is shown of it
QUOTIENTS = ("divide", "reciprocal", "rsqrt")
FEWEST_FRACTIONAL = 12  # bits that are shown of what depends on a quotient, whose bound says little
PRODUCTS = ("multiply", "matmul", "gram")  # that need no truncation before the one of the reveal
FEWEST_DIGITS = 8  # significant bits, below which a number says nothing


@dataclass(frozen=True)
class Plan:
    """A program with its sites: for every node the attributes, the type, and the fractional bits wanted of it."""

    program: Program
    sites: tuple[Site, ...]

    def input_type(self, node: int) -> FixedType:
        """How the owner of an input encodes it.

        raises   PrecisionLoss  so few fractional bits that the numbers would say nothing
        """
        site = self.sites[node]
        scale = 0 if site.result.integer else min(site.demand, most_scale(site.result.ring, site.result.bound))
        check_digits(scale, site.result.bound, site.result.integer)
        return FixedType(site.result.ring, scale, site.result.bound)


def loose_types(program: Program) -> list[ValueType]:
    """The types, and of which of them the bound is that of the worst divisor of a quotient."""
    types: list[ValueType] = []
    for node, type_ in zip(program.nodes, program.types, strict=True):
        quotient = node.operation in QUOTIENTS or any(types[k].loose for k in node.inputs)
        loose = quotient and not type_.integer and not find(node.operation).bounded
        types.append(replace(type_, loose=True) if loose else type_)
    return types


def plan(program: Program) -> Plan:
    """The plan. Sites of public nodes are there and mean nothing."""
    types, uses = loose_types(program), program.consumers()
    shown = {node for node, _ in program.outputs}
    sites: dict[int, Site] = {}
    for number in reversed(range(len(program.nodes))):
        result = types[number]
        wanted = [MOST_SHOWN + GUARD] if number in shown else []
        for consumer, position in uses[number]:
            site = sites[consumer]
            if not site.result.public:
                operands = [types[k] for k in program.nodes[consumer].inputs]
                wanted.append(find(program.nodes[consumer].operation).wants(operands, site)[position])
        room = most_scale(result.ring, result.bound)
        demand = max(0, min([*wanted, room] if wanted else [room]))
        if number in shown and not uses[number] and program.nodes[number].operation in PRODUCTS:
            demand = UNTRUNCATED
        factors = tuple(types[k] for k in program.nodes[number].inputs)
        sites[number] = Site(program.nodes[number].attributes, result, demand, factors)
    return Plan(program, tuple(sites[number] for number in range(len(program.nodes))))


def shown_scale(scale: int, integer: bool, exact: bool) -> int:
    """Fractional bits shown of a value with so many. The last ones are noise if it was rounded on the way."""
    if integer or (exact and scale <= MOST_SHOWN):
        return scale
    return max(min(scale - GUARD, MOST_SHOWN), 0)


def check_digits(scale: int, bound: float, integer: bool) -> None:
    """Return if numbers up to the bound keep enough digits.

    raises   PrecisionLoss  they do not: the ranges on the way are too large for the ring
    """
    if not integer and scale + max(0.0, log2(bound)) < FEWEST_DIGITS:
        raise PrecisionLoss(
            "the declared ranges are so large that numbers on the way would lose their digits; declare smaller ranges, "
            f"or share the inputs with wide=True, which computes in {Ring.Z128}"
        )
