"""Expressions on secret arrays: what a researcher wrote, as a graph that becomes a program when something is revealed.

    key(expression) = SHA-256(operation, attributes, keys of the operands)

Equal expressions have equal keys, so a program computes each once, however often it was written. The type of an
expression is derived as it is made, by the rule that every institution applies to the program, so what cannot be
computed raises where it was written. No number of a secret is here: an input is a name and what is declared of it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import msgpack
import numpy as np
from numpy.typing import NDArray

from securecompute.arithmetic.fixed_types import FixedType
from securecompute.arithmetic.rings import Ring
from securecompute.engine.rounds import Party
from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.programs.catalogue import find
from securecompute.programs.linkages import Linkage
from securecompute.programs.operation import ValueType
from securecompute.programs.program import CONSTANT, INPUT, Input, Node, Program, constant_type
from securecompute.values import SecretMisused

LARGEST_WHOLE = 2.0**53
KEEP_BITS = frozenset(("index", "reshape", "transpose", "concatenate", "stack", "multiply", "enough"))  # bits
MAKE_BITS = frozenset(("less", "equal", "match"))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Expression:
    """An input, a constant, or an operation on expressions. Immutable, and safe to share.

    type     derived: shape, bound, ring
    key      equal for expressions that are written alike
    owners   whose numbers are in it, sorted
    bits     every element is known to be 0 or 1
    linkage  of an input, the one that it comes of
    """

    operation: str
    operands: tuple["Expression", ...]
    attributes: dict[str, Any]
    value: Input | NDArray[np.float64] | None
    type: ValueType
    key: bytes
    owners: tuple[Party, ...]
    bits: bool
    linkage: Linkage | None = None

    @classmethod
    def of_input(cls, declared: Input, linkage: Linkage | None = None) -> "Expression":
        """An institution's numbers; with a linkage, such as it gives, whose number in a program is not known yet."""
        key = _key(INPUT, [declared.to_plain(), linkage and linkage.to_plain()], ())
        bits = bool(declared.source.get("present"))
        return cls(INPUT, (), {}, declared, _checked(INPUT, declared.type), key, (declared.owner,), bits, linkage)

    @classmethod
    def constant(cls, value: Any) -> "Expression":
        """Public numbers, copied. raises InvalidRequest as `public_numbers`; more than 64 MB"""
        numbers = public_numbers(value)
        key = _key(CONSTANT, {"shape": numbers.shape, "numbers": hashlib.sha256(numbers.tobytes()).digest()}, ())
        bits = np.asarray(value).dtype == np.bool_
        return cls(CONSTANT, (), {}, Node.constant(numbers).value, constant_type(numbers), key, (), bits)

    @classmethod
    def of(cls, operation: str, operands: Sequence["Expression"], attributes: dict[str, Any]) -> "Expression":
        """An operation, checked as whoever receives the program checks it.

        raises   InvalidRequest    no such operation, or its operands or attributes do not go together
                 EncodingOverflow  the result could be beyond the ring
        """
        node = Node.from_plain([operation, list(range(len(operands))), attributes], len(operands))
        type_ = _checked(operation, find(operation).result([each.type for each in operands], node.attributes))
        key = _key(operation, attributes, [each.key for each in operands])
        owners = tuple(sorted({owner for each in operands for owner in each.owners}))
        bits = operation in MAKE_BITS or (operation in KEEP_BITS and all(each.bits for each in operands))
        bits = bits or (operation == "where" and all(each.bits for each in operands))
        return cls(operation, tuple(operands), attributes, None, type_, key, owners, bits)

    @property
    def shape(self) -> tuple[int, ...]:
        """Public."""
        return self.type.shape

    @property
    def ndim(self) -> int:
        """Axes."""
        return len(self.type.shape)

    def node(self, inputs: Sequence[int], linkages: list[Linkage]) -> Node:
        """As a line of a program, whose operands are these lines; its linkage is added to the program's."""
        value = self.value
        if self.linkage is not None and isinstance(value, Input):
            if self.linkage not in linkages:
                linkages.append(self.linkage)
            value = replace(value, source={**value.source, "linkage": linkages.index(self.linkage)})
        return Node(self.operation, tuple(inputs), self.attributes, value)

    def __array__(self, *_: object, **__: object) -> NoReturn:
        raise SecretMisused("an expression on secrets is no array of numbers; reveal it first")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise SecretMisused("an expression on secrets is not pickled or copied; reveal it, and keep the result")


def apply(operation: str, *operands: Any, **attributes: Any) -> Expression:
    """An operation on expressions and public numbers. raises as `Expression.of` and `Expression.constant`."""
    return Expression.of(operation, [expression(each) for each in operands], attributes)


def expression(x: Any) -> Expression:
    """An expression as it is, public numbers as a constant."""
    return x if isinstance(x, Expression) else Expression.constant(x)


def public_numbers(x: Any) -> NDArray[np.float64]:
    """What numpy takes as real numbers, as a float64 array of our own that nobody writes to.

    raises   InvalidRequest  no numbers, masked or missing ones, or beyond what can be computed with exactly
    """
    if isinstance(x, np.ma.MaskedArray):
        raise InvalidRequest("a masked array hides numbers, and a program would use them; fill it or leave rows out")
    try:
        given = np.asarray(x)
    except SecretMisused:
        raise InvalidRequest(
            "a list that holds secret arrays is no array; join them with np.stack or np.concatenate"
        ) from None
    except (ValueError, TypeError):
        raise InvalidRequest("public numbers are a number or an array of numbers, with rows of one length") from None
    if given.dtype.kind not in "biuf":
        raise InvalidRequest(f"public numbers of dtype {given.dtype}; give real numbers that fit into float64")
    with np.errstate(over="ignore"):
        numbers = np.array(given, np.float64, order="C")
    if not np.isfinite(numbers).all():
        raise InvalidRequest("public numbers have a NaN or an infinity; fill them in, or leave such rows out")
    largest = float(np.abs(numbers).max(initial=0.0))
    if given.dtype.kind in "iu" and largest > LARGEST_WHOLE:
        raise InvalidRequest("a public whole number is beyond 2^53, where float64 skips some; use a larger unit")
    if largest >= 2.0 ** (Ring.Z128.bits - 3):
        raise InvalidRequest(f"a public number of {largest:.3g} is beyond every ring; use a larger unit")
    numbers.flags.writeable = False
    return numbers


def program_of(outputs: Sequence[tuple[Expression, Party]], checked: bool = False) -> Program:
    """The program that reveals each expression to its receiver; operands stand before what uses them.

    checked  products of matrices are checked before anything is revealed, see `checked_products`
    raises   InvalidRequest  no output, more lines than a program may have, a result that is public
    """
    numbers: dict[bytes, int] = {}
    nodes: list[Node] = []
    linkages: list[Linkage] = []
    for output, _ in outputs:
        waiting = [output]  # a stack of our own: chains are longer than Python's
        while waiting:
            top = waiting[-1]
            before = [each for each in top.operands if each.key not in numbers]
            if top.key in numbers:
                waiting.pop()
            elif before:
                waiting.extend(reversed(before))
            else:
                waiting.pop()
                numbers[top.key] = len(nodes)
                nodes.append(top.node([numbers[each.key] for each in top.operands], linkages))
    shown = tuple((numbers[output.key], receiver) for output, receiver in outputs)
    return Program(tuple(nodes), shown, checked, tuple(linkages))


def _key(operation: str, attributes: Any, operands: Sequence[bytes]) -> bytes:
    return hashlib.sha256(msgpack.packb([operation, attributes, list(operands)])).digest()


def _checked(operation: str, type_: ValueType) -> ValueType:
    """The type, if its numbers fit into the ring at all. How many digits they keep, the plan of a program says."""
    try:
        FixedType(type_.ring, 0, type_.bound)
    except EncodingOverflow:
        wide = "" if type_.ring is Ring.Z128 else ", or share the inputs with wide=True"
        raise EncodingOverflow(
            f"{operation}: numbers up to {type_.bound:.3g} are beyond {type_.ring}; declare smaller ranges{wide}"
        ) from None
    return type_
