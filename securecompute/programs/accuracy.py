"""How far a program's results are off at most: line by line, from what the gates state and what the operands are off.

    input     half a unit of its scale, unless it is whole          output   half a unit of what is shown, if rounded

A result is held against exact arithmetic on the owners' numbers. The bound is of the worst case: errors that all add
up, numbers as large as declared, divisors as small. What a number cannot say stands in remarks: comparisons are right
unless numbers lie closer than their errors; a function that saturates says where; where there is no bound, why.
"""

from collections.abc import Iterable

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.programs.catalogue import find
from securecompute.programs.operation import Deviation, Estimate, Remark
from securecompute.programs.plan import Plan
from securecompute.programs.program import Input
from securecompute.programs.rehearsal import Rehearsal

FLOAT_BITS = 53


def deviations(plan: Plan, rehearsal: Rehearsal) -> list[Deviation]:
    """Of every output, as it is shown, in order; remarks once each."""
    program, estimates = plan.program, list[Estimate]()
    for k, node in enumerate(program.nodes):
        if isinstance(node.value, Input):
            type_ = plan.input_type(k)
            estimates.append(Estimate(type_.scale, Deviation(0.0 if node.value.integer else type_.unit / 2)))
        elif node.value is not None:
            estimates.append(Estimate(0))
        else:
            scale, x = rehearsal.lines[k].type.scale, [estimates[n] for n in node.inputs]
            found = find(node.operation).deviation(x, plan.sites[k], scale)
            estimates.append(Estimate(scale, Deviation(found.most, merged(found.remarks), found.first_row)))
    return [
        Deviation(estimates[node].error + _shown(estimates[node].scale, shown), estimates[node].deviation.remarks)
        for (node, _), (shown, _) in zip(program.outputs, rehearsal.outputs, strict=True)
    ]


def merged(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Each sentence once, with the largest of its sizes."""
    largest: dict[str, float] = {}
    for text, size in remarks:
        largest[text] = max(size, largest.get(text, 0.0))
    return tuple(Remark(text, size) for text, size in largest.items())


def _shown(scale: int, type_: FixedType) -> float:
    """What rounding to the nearest adds, and float64, which has so many bits."""
    rounded = type_.unit / 2 if type_.scale < scale else 0.0
    long = type_.bound * 2.0 ** (type_.scale - FLOAT_BITS) > 1
    return rounded + (type_.bound * 2.0**-FLOAT_BITS if long else 0.0)
