"""Functions of the elements of secret arrays, and products, written over the operations that a program has.

    a or b = b where not a      sign x = [x > 0] − [x < 0]      x^5 = (x²)² x      log2 x = log x / log 2

Each function takes expressions, and public numbers wherever numpy takes numbers, and gives expressions. Names of
arguments and defaults follow numpy; an option that numpy has and a program has not is an error.

Accuracy   A formula is as accurate as the operations that it is made of, each of which states its own. log1p, expm1,
           log2 and log10 have the absolute accuracy of log and exp; for tiny arguments numpy's relative one is better.
"""

from collections.abc import Callable, Sequence
from math import log, pi
from typing import Any, TypeAlias

import numpy as np

from securecompute.errors import InvalidRequest
from securecompute.programs.expressions import Expression, apply, expression, public_numbers
from securecompute.programs.ranges import SMALLEST_FACTOR
from securecompute.secret_arrays.shapes import index, ravel, reshape, transpose

Operand: TypeAlias = Any  # an Expression, or what numpy takes as numbers
Axis: TypeAlias = Any  # None, a position, or several
HIGHEST_POWER = 64
SMALL = 1 / 16  # a factor below it is worth a truncation more


def elementwise(name: str) -> Callable[..., Expression]:
    """An operation of the catalogue on operands, by its name."""

    def function(*operands: Operand) -> Expression:
        return apply(name, *operands)

    function.__name__ = name
    return function


add, subtract = elementwise("add"), elementwise("subtract")


def multiply(x: Operand, y: Operand) -> Expression:
    """x * y; by one small public number so that it keeps its digits."""
    secret, factor = (x, _number(y)) if isinstance(x, Expression) else (y, _number(x))
    if factor is None or not SMALLEST_FACTOR <= abs(factor) < SMALL or secret.type.public:
        return apply("multiply", x, y)
    smaller = apply("shrink", secret, factor=abs(factor))
    return smaller if factor > 0 else apply("negate", smaller)


def divide(x: Operand, y: Operand) -> Expression:
    """x / y; by a square root with its inverse, which costs less. raises InvalidRequest: by a public 0"""
    if not isinstance(y, Expression):
        divisor = public_numbers(y)
        if not divisor.all():
            raise InvalidRequest("division by a public 0")
        return multiply(x, 1 / divisor)
    one = _number(x) == 1
    if y.operation == "sqrt":
        inverse = apply("rsqrt", *y.operands)
        return inverse if one else multiply(x, inverse)
    return apply("reciprocal", y) if one else apply("divide", x, y)


def power(x: Operand, exponent: Operand) -> Expression:
    """x ** k for public whole k from 1 to 64, by squaring; the square root for k = 0.5.

    raises   InvalidRequest  any other exponent
    """
    if isinstance(exponent, Expression):
        raise InvalidRequest("a secret exponent; for x > 0, write np.exp(k * np.log(x))")
    k = public_numbers(exponent)
    if k.ndim:
        raise InvalidRequest("one exponent for all elements; raise the parts of the array by themselves")
    if k == 0.5:
        return apply("sqrt", x)
    if k < 0:
        raise InvalidRequest("a negative power; write 1 / x ** k")
    if k != np.rint(k) or not 1 <= k <= HIGHEST_POWER:
        raise InvalidRequest(
            f"x ** k takes whole k from 1 to {HIGHEST_POWER}, or 0.5; else write np.exp(k * np.log(x))"
        )
    base = result = expression(x)
    for bit in f"{int(k):b}"[1:]:
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
    column = reshape(a, (a.type.size, 1)) if isinstance(a, Expression) else public_numbers(a).reshape(-1, 1)
    return multiply(column, ravel(b) if isinstance(b, Expression) else public_numbers(b).ravel())


def inner(a: Operand, b: Operand) -> Expression:
    """Sums of products along the last axes."""
    right = expression(b)
    return dot(a, transpose(right))


def vdot(a: Operand, b: Operand) -> Expression:
    """The sum of the products of all elements."""
    left, right = (each if isinstance(each, Expression) else public_numbers(each).ravel() for each in (a, b))
    return matmul(*(ravel(each) if isinstance(each, Expression) else each for each in (left, right)))


def kron(a: Operand, b: Operand) -> Expression:
    """Every product of an element of a with one of b, in blocks of the shape of b."""
    axes = max(expression(a).ndim, expression(b).ndim)
    shapes = [(1,) * (axes - expression(each).ndim) + expression(each).shape for each in (a, b)]
    wide = [[n for length in shape for n in ((length, 1) if k == 0 else (1, length))] for k, shape in enumerate(shapes)]
    left, right = (
        reshape(each, shape) if isinstance(each, Expression) else public_numbers(each).reshape(shape)
        for each, shape in zip((a, b), wide, strict=True)
    )
    return reshape(multiply(left, right), [m * n for m, n in zip(*shapes, strict=True)])


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


def where(asked: Operand, *choices: Operand) -> Expression:
    """x where the condition is true, y elsewhere. raises InvalidRequest: the condition is no comparison"""
    if len(choices) != 2:
        raise InvalidRequest("np.where takes a condition, x and y; at which positions a condition holds is secret")
    x, y = choices
    if isinstance(asked, Expression):
        opposite = _opposite(truths(asked))
        return apply("where", asked, x, y) if opposite is None else apply("where", opposite, y, x)
    chosen = np.asarray(public_numbers(asked) != 0, np.float64)
    return add(_masked(x, chosen), _masked(y, 1 - chosen))


def select(condlist: Sequence[Operand], choicelist: Sequence[Operand], default: Operand = 0) -> Expression:
    """The choice of the first condition that is true, else the default."""
    if not all(isinstance(each, list | tuple) for each in (condlist, choicelist)):
        raise InvalidRequest("np.select takes a list of conditions and a list of choices")
    if len(condlist) != len(choicelist) or not condlist:
        raise InvalidRequest("np.select takes as many conditions as choices, at least one")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = where(condition, choice, result)
    return expression(result)


def clip(a: Operand, a_min: Operand = None, a_max: Operand = None) -> Expression:
    """Not below a_min, and not above a_max. Between two public numbers the result's bound is theirs."""
    if a_min is None and a_max is None:
        raise InvalidRequest("np.clip takes a lowest value, a largest, or both")
    if isinstance(a, Expression) and (limits := [_number(each) for each in (a_min, a_max)]) and None not in limits:
        return apply("clip", a, low=limits[0], high=limits[1])
    above = a if a_min is None else apply("maximum", a, a_min)
    return expression(above) if a_max is None else apply("minimum", above, a_max)


def truths(x: Operand) -> Expression:
    """An expression whose elements are known to be 0 or 1. raises InvalidRequest: they are not"""
    bits = expression(x)
    if not bits.bits:
        raise InvalidRequest("& | ^ ~ and np.where take comparisons of secrets, or public truth values; write (x != 0)")
    return bits


def invert(x: Operand) -> Expression:
    """Not x, of 0 and 1. What asks a condition takes its opposite instead, without a round."""
    bits = truths(x)
    if isinstance(bits.value, np.ndarray):
        return Expression.constant(bits.value == 0)
    return apply("where", bits, False, True) if (opposite := _opposite(bits)) is None else opposite


def both(x: Operand, y: Operand) -> Expression:
    """x and y, of 0 and 1: y where x."""
    left, right = _secret_first(x, y)
    return where(left, right, False)


def either(x: Operand, y: Operand) -> Expression:
    """x or y, of 0 and 1: y where not x."""
    left, right = _secret_first(x, y)
    return where(left, True, right)


def differ(x: Operand, y: Operand) -> Expression:
    """x or y but not both, of 0 and 1: not y where x."""
    left, right = _secret_first(x, y)
    return where(left, invert(right), right)


def truthful(function: Callable[..., Expression]) -> Callable[..., Expression]:
    """A function of truth values, which takes numbers too: each counts as true unless it is 0."""

    def of_numbers(*operands: Operand) -> Expression:
        return function(*map(_truth, operands))

    return of_numbers


def signbit(x: Expression) -> Expression:
    """Whether x is below 0."""
    return less(x, 0.0)


def heaviside(x: Operand, h: Operand) -> Expression:
    """0 below 0, 1 above, h at 0."""
    return where(less(x, 0.0), 0.0, where(greater(x, 0.0), 1.0, h))


def hypot(x: Operand, y: Operand) -> Expression:
    """The root of x^2 + y^2."""
    squares = [square(each) if isinstance(each, Expression) else public_numbers(each) ** 2 for each in (x, y)]
    return apply("sqrt", add(*squares))


def sinh(x: Expression) -> Expression:
    """(exp x - exp -x) / 2."""
    return multiply(subtract(apply("exp", x), apply("exp", apply("negate", x))), 0.5)


def cosh(x: Expression) -> Expression:
    """(exp x + exp -x) / 2."""
    return multiply(add(apply("exp", x), apply("exp", apply("negate", x))), 0.5)


def exp2(x: Expression) -> Expression:
    """2 ** x."""
    return apply("exp", multiply(x, log(2)))


def degrees(x: Expression) -> Expression:
    """Of an angle in radians."""
    return multiply(x, 180 / pi)


def radians(x: Expression) -> Expression:
    """Of an angle in degrees."""
    return multiply(x, pi / 180)


def logaddexp(x: Operand, y: Operand) -> Expression:
    """log(exp x + exp y), as the larger one less the logarithm of a sigmoid, which is 1/2 or more."""
    further = apply("sigmoid", apply("absolute", subtract(x, y)))
    return subtract(apply("maximum", x, y), apply("log", apply("clip", further, low=0.5, high=1.0)))


def logaddexp2(x: Operand, y: Operand) -> Expression:
    """log2(2^x + 2^y)."""
    scaled = [
        multiply(each, log(2)) if isinstance(each, Expression) else public_numbers(each) * log(2) for each in (x, y)
    ]
    return multiply(logaddexp(*scaled), 1 / log(2))


def angle(z: Expression, deg: bool = False) -> Expression:
    """0, or half a turn for a number below 0."""
    return multiply(less(z, 0.0), 180.0 if deg else pi)


def polyval(p: Any, x: Operand) -> Expression:
    """The polynomial with these coefficients, the highest power's first, at x."""
    given = p if isinstance(p, Expression | list | tuple) else public_numbers(p)
    if isinstance(given, Expression):
        coefficients = [index(given, k) for k in range(given.shape[0] if given.ndim else 0)]
    else:
        coefficients = list(np.atleast_1d(given) if isinstance(given, np.ndarray) else given)
    if not coefficients:
        raise InvalidRequest("a polynomial has a coefficient or more")
    result = coefficients[0]
    for each in coefficients[1:]:
        result = add(multiply(result, x), each)
    return add(multiply(x, 0.0) if isinstance(x, Expression) else 0 * public_numbers(x), result)


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


def _truth(x: Operand) -> Operand:
    """Whether each element is not 0."""
    if not isinstance(x, Expression):
        return public_numbers(x) != 0
    return x if x.bits else not_equal(x, 0.0)


def _masked(x: Operand, chosen: Any) -> Operand:
    return multiply(x, chosen) if isinstance(x, Expression) else public_numbers(x) * chosen


def _number(x: Operand) -> float | None:
    """The number, if it is a single public one."""
    if x is None or isinstance(x, Expression):
        return None
    numbers = public_numbers(x)
    return None if numbers.ndim else float(numbers)


def _secret_first(x: Operand, y: Operand) -> tuple[Expression, Expression]:
    left, right = truths(x), truths(y)
    return (right, left) if left.type.public else (left, right)


def _opposite(bits: Expression) -> Expression | None:
    """x, if these are written as not x."""
    if bits.operation != "where" or bits.operands[1].key != FALSE or bits.operands[2].key != TRUE:
        return None
    return bits.operands[0]


FALSE, TRUE = Expression.constant(False).key, Expression.constant(True).key
