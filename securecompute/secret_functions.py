"""Functions of the elements of secret arrays, and products, written over the operations that a program has.

    not b = 1 − b      sign x = [x > 0] − [x < 0]      x^5 = (x²)² x      log2 x = log x / log 2

Each function takes expressions, and public numbers wherever numpy takes numbers, and gives expressions. Names of
arguments and defaults follow numpy; an option that numpy has and a program has not is an error.

Accuracy   A formula is as accurate as the operations that it is made of, each of which states its own. log1p, expm1,
           log2 and log10 have the absolute accuracy of log and exp; for tiny arguments numpy's relative one is better.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log
from typing import Any, TypeAlias

import numpy as np

from securecompute.errors import InvalidRequest
from securecompute.secret_graph import Expression, apply, expression, public_numbers
from securecompute.secret_shapes import ravel, reshape, transpose

Operand: TypeAlias = Any  # an Expression, or what numpy takes as numbers
Axis: TypeAlias = Any  # None, a position, or several
HIGHEST_POWER = 64


def elementwise(name: str) -> Callable[..., Expression]:
    """An operation of the catalogue on operands, by its name."""

    def function(*operands: Operand) -> Expression:
        return apply(name, *operands)

    function.__name__ = name
    return function


add, subtract, multiply = elementwise("add"), elementwise("subtract"), elementwise("multiply")


def divide(x: Operand, y: Operand) -> Expression:
    """x / y; by a square root with its inverse, which costs less. raises InvalidRequest: by a public 0"""
    if not isinstance(y, Expression):
        divisor = public_numbers(y)
        if not divisor.all():
            raise InvalidRequest("division by a public 0")
        return multiply(x, 1 / divisor)
    one = not isinstance(x, Expression) and public_numbers(x).shape == () and float(x) == 1
    if y.operation == "sqrt":
        inverse = apply("rsqrt", *y.operands)
        return inverse if one else multiply(x, inverse)
    return apply("reciprocal", y) if one else apply("divide", x, y)


def power(x: Operand, k: Operand) -> Expression:
    """x ** k for public whole k from 1 to 64, by squaring; the square root for k = 0.5.

    raises   InvalidRequest  any other exponent
    """
    if isinstance(k, Expression):
        raise InvalidRequest("a secret exponent; for x > 0, write np.exp(k * np.log(x))")
    exponent = public_numbers(k)
    if exponent.ndim:
        raise InvalidRequest("one exponent for all elements; raise the parts of the array by themselves")
    if exponent == 0.5:
        return apply("sqrt", x)
    if exponent < 0:
        raise InvalidRequest("a negative power; write 1 / x ** k")
    if exponent != np.rint(exponent) or not 1 <= exponent <= HIGHEST_POWER:
        raise InvalidRequest(
            f"x ** k takes whole k from 1 to {HIGHEST_POWER}, or 0.5; else write np.exp(k * np.log(x))"
        )
    base = result = expression(x)
    for bit in f"{int(exponent):b}"[1:]:
        result = multiply(result, result)
        result = multiply(result, base) if bit == "1" else result
    return result


def square(x: Expression) -> Expression:
    """x * x."""
    return multiply(x, x)


def matmul(x: Operand, y: Operand) -> Expression:
    """x @ y of matrices or vectors; of a matrix with its own transpose in half the work."""
    left, right = expression(x), expression(y)
    if left.ndim == 2 and transpose(left).key == right.key:
        return apply("gram", right)
    return apply("matmul", left, right)


def dot(a: Operand, b: Operand) -> Expression:
    """a @ b; with a single number the product."""
    left, right = expression(a), expression(b)
    return matmul(left, right) if left.ndim and right.ndim else multiply(left, right)


def outer(a: Operand, b: Operand) -> Expression:
    """Every product of an element of a with one of b."""
    return multiply(reshape(ravel(expression(a)), (-1, 1)), ravel(expression(b)))


def less(x: Operand, y: Operand) -> Expression:
    """x < y, as 0 or 1."""
    return apply("less", x, y)


def greater(x: Operand, y: Operand) -> Expression:
    """x > y, as 0 or 1."""
    return apply("less", y, x)


def less_equal(x: Operand, y: Operand) -> Expression:
    """x <= y, as 0 or 1."""
    return invert(greater(x, y))


def greater_equal(x: Operand, y: Operand) -> Expression:
    """x >= y, as 0 or 1."""
    return invert(less(x, y))


def equal(x: Operand, y: Operand) -> Expression:
    """x == y, as 0 or 1."""
    return apply("equal", x, y)


def not_equal(x: Operand, y: Operand) -> Expression:
    """x != y, as 0 or 1."""
    return invert(equal(x, y))


def sign(x: Expression) -> Expression:
    """-1, 0 or 1, by two comparisons side by side."""
    return subtract(greater(x, 0.0), less(x, 0.0))


def where(condition: Operand, *choices: Operand) -> Expression:
    """x where the condition is true, y elsewhere. raises InvalidRequest: the condition is no comparison"""
    if len(choices) != 2:
        raise InvalidRequest("np.where takes a condition, x and y; at which positions a condition holds is secret")
    x, y = choices
    if isinstance(condition, Expression):
        return apply("where", truths(condition), x, y)
    chosen = public_numbers(np.asarray(condition, np.bool_))
    return add(_masked(x, chosen), _masked(y, 1 - chosen))


def select(condlist: Sequence[Operand], choicelist: Sequence[Operand], default: Operand = 0) -> Expression:
    """The choice of the first condition that is true, else the default."""
    if len(condlist) != len(choicelist) or not condlist:
        raise InvalidRequest("np.select takes as many conditions as choices, at least one")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = where(condition, choice, result)
    return expression(result)


def clip(a: Expression, a_min: Operand = None, a_max: Operand = None) -> Expression:
    """Not below a_min, and not above a_max."""
    if a_min is None and a_max is None:
        raise InvalidRequest("np.clip takes a lowest value, a largest, or both")
    above = a if a_min is None else apply("maximum", a, a_min)
    return above if a_max is None else apply("minimum", above, a_max)


def truths(x: Operand) -> Expression:
    """An expression whose elements are known to be 0 or 1. raises InvalidRequest: they are not"""
    bits = expression(x)
    if not bits.bits:
        raise InvalidRequest("& | ^ ~ and np.where take comparisons of secrets, or public truth values; write (x != 0)")
    return bits


def invert(x: Operand) -> Expression:
    """Not x, of 0 and 1: 1 - x."""
    bits = truths(x)
    if isinstance(bits.value, np.ndarray):
        return Expression.constant(bits.value == 0)
    if bits.operation == "subtract":  # the only way to a subtraction of bits is this function
        return bits.operands[1]
    return replace(subtract(1.0, bits), bits=True)


def both(x: Operand, y: Operand) -> Expression:
    """x and y, of 0 and 1: y where x."""
    left, right = sorted((truths(x), truths(y)), key=_is_public)
    return apply("where", left, right, False)


def either(x: Operand, y: Operand) -> Expression:
    """x or y, of 0 and 1: y where not x."""
    left, right = sorted((truths(x), truths(y)), key=_is_public)
    return apply("where", left, True, right)


def differ(x: Operand, y: Operand) -> Expression:
    """x or y but not both, of 0 and 1: not y where x."""
    left, right = sorted((truths(x), truths(y)), key=_is_public)
    return apply("where", left, invert(right), right)


def log1p(x: Expression) -> Expression:
    """log(1 + x)."""
    return apply("log", add(x, 1.0))


def expm1(x: Expression) -> Expression:
    """exp(x) - 1."""
    return subtract(apply("exp", x), 1.0)


def log2(x: Expression) -> Expression:
    """The logarithm to base 2."""
    return multiply(apply("log", x), 1 / log(2))


def log10(x: Expression) -> Expression:
    """The logarithm to base 10."""
    return multiply(apply("log", x), 1 / log(10))


def _masked(x: Operand, chosen: Any) -> Operand:
    return multiply(x, chosen) if isinstance(x, Expression) else public_numbers(x) * chosen


def _is_public(x: Expression) -> bool:
    return x.type.public
