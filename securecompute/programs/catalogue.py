"""The closed set of operations, by name."""

from typing import Final

from securecompute.errors import InvalidRequest
from securecompute.programs import algebra, functions, linear, matching, multiplicative, order, ranges
from securecompute.programs.operation import Operation

OPERATIONS: Final[dict[str, Operation]] = {
    operation.name: operation
    for family in (linear, multiplicative, ranges, order, functions, algebra, matching)
    for operation in family.OPERATIONS
}


def find(name: object) -> Operation:
    """The operation. raises InvalidRequest: there is none of that name."""
    if not isinstance(name, str) or name not in OPERATIONS:
        raise InvalidRequest(f"there is no operation {name!r}; there are {', '.join(sorted(OPERATIONS))}")
    return OPERATIONS[name]
