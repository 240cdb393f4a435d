"""Summaries of secret arrays along axes: totals, means, spreads, extremes and orders; and linear algebra.

    mean = Σx / n    var = Σ(x − mean)² / (n − ddof)    |x| = (Σx²)^(1/2)    cov = (X − mean)'(X − mean) / (n − ddof)

Names of arguments and defaults follow numpy; an option that numpy has and a program has not is an error. Sums of
products are taken of whole columns where that is possible: their cost then does not depend on their length.

Accuracy   As the operations that a formula is made of.
"""

from collections.abc import Callable, Sequence
from math import floor, prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from securecompute.errors import InvalidRequest
from securecompute.programs.expressions import Expression, apply, expression, public_numbers
from securecompute.secret_arrays.elementwise import (
    Operand,
    add,
    divide,
    equal,
    greater,
    matmul,
    multiply,
    not_equal,
    square,
    subtract,
)
from securecompute.secret_arrays.shapes import (
    axes_of,
    axis_of,
    concatenate,
    diagonal,
    index,
    moveaxis,
    ravel,
    reshape,
    secrets,
    stack,
    transpose,
)

Axis: TypeAlias = Any  # None, a position, or several
CONDITION = 1e4  # of a matrix, where nobody declares another
BOUND = 2.0**20  # of a solution, likewise
RATIO = 0.9  # of an eigenvalue to the one before it, likewise
MOST_VECTORS = 256


class Eigen(NamedTuple):
    """Eigenvalues (k,) and, as columns, eigenvectors (p, k)."""

    eigenvalues: Any
    eigenvectors: Any


def total(a: Expression, axis: Axis = None, *, keepdims: bool = False) -> Expression:
    """The sum along axes, or of all."""
    axes = axes_of(axis, a.ndim)
    return _kept(apply("sum", a, axes=list(axes)), a, axes, keepdims) if axes else a


def mean(a: Expression, axis: Axis = None, *, keepdims: bool = False) -> Expression:
    """The mean along axes, or of all. raises InvalidRequest: of no elements"""
    return multiply(total(a, axis, keepdims=keepdims), 1 / _terms(a, axis, 0))


def var(a: Expression, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False) -> Expression:
    """The sum of squared distances from the mean, over n - ddof. raises InvalidRequest: n is not above ddof"""
    axes, n = axes_of(axis, a.ndim), _terms(a, axis, ddof)
    squares = _squares(subtract(a, mean(a, axis, keepdims=True)), axes)
    return _kept(multiply(squares, 1 / n), a, axes, keepdims)


def std(a: Expression, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False) -> Expression:
    """The square root of the variance."""
    return apply("sqrt", var(a, axis, ddof=ddof, keepdims=keepdims))


def average(a: Expression, axis: int | None = None, weights: Operand = None) -> Expression:
    """The mean with weights, public or secret: as many as there are elements, or as the axis is long.

    raises   InvalidRequest  another number of weights, or public ones whose total is 0
    """
    if not isinstance(a, Expression):
        raise InvalidRequest("a public array with secret weights w; write w @ a / w.sum()")
    if weights is None:
        return mean(a, axis)
    w: Any = weights if isinstance(weights, Expression) else public_numbers(weights)
    if axis is None and w.shape == a.shape:
        a, w, axis = ravel(a), ravel(w) if isinstance(w, Expression) else w.ravel(), 0
    if axis is None or w.shape != (a.shape[axis_of(axis, a.ndim)],):
        raise InvalidRequest(
            f"weights of shape {w.shape} for an array of shape {a.shape}; as many, or as along the axis"
        )
    moved = moveaxis(a, axis, -1)
    rows = reshape(moved, (prod(moved.shape[:-1]), moved.shape[-1]))
    if isinstance(w, Expression):
        return reshape(divide(matmul(rows, w), total(w)), moved.shape[:-1])
    if not w.sum():
        raise InvalidRequest("weights with a total of 0")
    largest = np.abs(w).max()
    return reshape(multiply(matmul(rows, w / largest), largest / w.sum()), moved.shape[:-1])


def cov(
    m: Operand, y: Operand = None, rowvar: bool = True, bias: bool = False, ddof: float | None = None
) -> Expression:
    """Covariances of the rows, or of the columns, of m and y; by n - 1, unless bias or ddof say otherwise."""
    if y is not None:
        left, right = (_variables(each, rowvar) for each in secrets([m, y]))
        if left.shape[0] != right.shape[0]:
            raise InvalidRequest(f"variables of {left.shape[0]} and of {right.shape[0]} records")
        m, rowvar = concatenate([left, right], axis=1), False
    if not isinstance(m, Expression):
        raise InvalidRequest("covariances of a public array; numpy computes them")
    x = _variables(m, rowvar)
    x = apply("widen", x)  # variables in unlike units share one scale
    freedom = _terms(x, 0, ddof if ddof is not None else 0 if bias else 1)
    result = multiply(apply("gram", subtract(x, mean(x, 0))), 1 / freedom)
    return reshape(result, ()) if m.ndim == 1 or 1 in result.shape[:1] else result


def _variables(x: Expression, rowvar: bool) -> Expression:
    """Records by variables."""
    if x.ndim not in (1, 2):
        raise InvalidRequest(f"variables in an array of shape {x.shape}; expected records by variables")
    return reshape(x, (-1, 1)) if x.ndim == 1 else transpose(x) if rowvar else x


def corrcoef(x: Operand, y: Operand = None, rowvar: bool = True) -> Expression:
    """Correlations of the rows, or of the columns, of x and y."""
    products = cov(x, y, rowvar=rowvar)
    if products.ndim != 2:
        raise InvalidRequest("correlations of a single variable; give two or more")
    inverse_spread = apply("rsqrt", diagonal(products))
    return multiply(multiply(products, reshape(inverse_spread, (-1, 1))), inverse_spread)


def norm(x: Expression, ord: Any = None, axis: Axis = None, *, keepdims: bool = False) -> Expression:
    """The root of the sum of squares of all or along axes; the sum of magnitudes for 1, the largest for infinity."""
    axes = axes_of(axis, x.ndim)
    ord = ord if isinstance(ord, str | float | int | None) else "another"
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return _kept(apply("sqrt", _squares(x, axes)), x, axes, keepdims)
    if len(axes) != 1 or ord not in (1, np.inf):
        raise InvalidRequest("norms of secret arrays are 2 (or 'fro'), and for vectors also 1 and infinity")
    along = total if ord == 1 else amax
    return along(apply("absolute", x), axes[0], keepdims=keepdims)


def _extreme(name: str) -> Callable[..., Expression]:
    def function(a: Expression, axis: int | None = None, *, keepdims: bool = False) -> Expression:
        axes = axes_of(axis, a.ndim)
        x, along = (ravel(a), 0) if axis is None else (a, axis_of(axis, a.ndim))
        if not x.shape[along]:
            raise InvalidRequest(f"{name} of no elements")
        return _kept(apply(name, x, axis=along), a, axes, keepdims)

    function.__name__, function.__doc__ = name, f"The {name} along an axis, or of all; of equal ones the first."
    return function


amax, amin, argmax, argmin = _extreme("max"), _extreme("min"), _extreme("argmax"), _extreme("argmin")


def ptp(a: Expression, axis: int | None = None, *, keepdims: bool = False) -> Expression:
    """The largest less the smallest."""
    return subtract(amax(a, axis, keepdims=keepdims), amin(a, axis, keepdims=keepdims))


def count_nonzero(a: Expression, axis: Axis = None, *, keepdims: bool = False) -> Expression:
    """How many are true, or not 0."""
    return total(a if a.bits else not_equal(a, 0.0), axis, keepdims=keepdims)


def any_true(a: Expression, axis: Axis = None, *, keepdims: bool = False) -> Expression:
    """Whether one or more are true, or not 0."""
    return greater(count_nonzero(a, axis, keepdims=keepdims), 0.0)


def all_true(a: Expression, axis: Axis = None, *, keepdims: bool = False) -> Expression:
    """Whether all are true, or not 0."""
    return equal(count_nonzero(a, axis, keepdims=keepdims), float(prod(a.shape[k] for k in axes_of(axis, a.ndim))))


def sort(a: Expression, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Expression:
    """In ascending order along an axis, or of all. Every sort is stable, so kind changes nothing."""
    return _by_vector("sort", a, axis)


def argsort(a: Expression, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Expression:
    """The positions that would sort, along an axis or of all."""
    return _by_vector("argsort", a, axis)


def prod_of(a: Expression, axis: int | None = None, *, keepdims: bool = False) -> Expression:
    """The product along an axis, or of all: of pairs, of pairs of these, and so on. Its bound is that of each as well.

    raises   InvalidRequest    of no elements
             EncodingOverflow  the product of so many numbers could be beyond the ring
    """
    axes = axes_of(axis, a.ndim)
    x = ravel(a) if axis is None else moveaxis(a, axis_of(axis, a.ndim), 0)
    if not x.shape[0]:
        raise InvalidRequest("a product of no elements")
    while (n := x.shape[0]) > 1:
        pairs = multiply(index(x, slice(0, n - 1, 2)), index(x, slice(1, None, 2)))
        x = concatenate([pairs, index(x, slice(n - 1, None))]) if n % 2 else pairs
    return _kept(index(x, 0), a, axes, keepdims)


def equal_throughout(a1: Operand, a2: Operand) -> Any:
    """Whether all elements are equal, and shapes too; False if these are not."""
    if expression(a1).shape != expression(a2).shape:
        return False
    return all_true(equal(a1, a2))


def equal_repeated(a1: Operand, a2: Operand) -> Any:
    """Whether all elements are equal, where shapes are broadcast; False if they cannot be."""
    try:
        np.broadcast_shapes(expression(a1).shape, expression(a2).shape)
    except ValueError:
        return False
    return all_true(equal(a1, a2))


def quantile(a: Expression, q: Any, axis: int | None = None, *, keepdims: bool = False) -> Expression:
    """Between the two neighbours in order, linearly, for public q from 0 to 1; for several q along a new first axis."""
    levels = public_numbers(q)
    if levels.ndim > 1 or not ((levels >= 0) & (levels <= 1)).all() or not levels.size:
        raise InvalidRequest("quantiles are taken at public levels from 0 to 1")
    n, along = _terms(a, axis, 0), 0 if axis is None else axis_of(axis, a.ndim)
    ordered = moveaxis(sort(a, axis), along, 0)
    at = [_between(ordered, level * (n - 1)) for level in levels.ravel().tolist()]
    shaped = [_kept(each, a, axes_of(axis, a.ndim), keepdims) for each in at]
    return stack(shaped) if levels.ndim else shaped[0]


def percentile(a: Expression, q: Any, axis: int | None = None, *, keepdims: bool = False) -> Expression:
    """Quantiles at q / 100."""
    return quantile(a, public_numbers(q) / 100, axis, keepdims=keepdims)


def median(a: Expression, axis: int | None = None, *, keepdims: bool = False) -> Expression:
    """The middle one in order, or the mean of the two in the middle."""
    return quantile(a, 0.5, axis, keepdims=keepdims)


def top_k(x: Expression, k: int) -> Expression:
    """The k largest along the last axis, in descending order."""
    return _by_vector("top_k", x, -1, k=k)


def softmax(x: Expression, axis: int = -1) -> Expression:
    """exp(x) over its sum along an axis."""
    return apply("softmax", x, axis=axis_of(axis, x.ndim))


def trace(a: Expression, offset: int = 0) -> Expression:
    """The sum of the diagonal."""
    return total(diagonal(a, offset))


def solve(a: Operand, b: Operand, condition: float = CONDITION, bound: float = BOUND) -> Expression:
    """x with a x = b, for a symmetric positive definite. condition: of a; bound: of x; beyond them it is refused"""
    if not isinstance(a, Expression):
        return matmul(_public_inverse(a), b)
    return apply("solve", *secrets([a, b]), condition=float(condition), bound=float(bound))


def inverse(a: Expression, condition: float = CONDITION, bound: float = BOUND) -> Expression:
    """The inverse of a symmetric positive definite matrix. condition, bound: as of `solve`"""
    return apply("inverse", a, condition=float(condition), bound=float(bound))


def cholesky(a: Expression, condition: float = CONDITION, *, upper: bool = False) -> Expression:
    """The lower triangular L with L L' = a, for a symmetric positive definite; L' if upper."""
    lower = apply("cholesky", a, condition=float(condition))
    return transpose(lower) if upper else lower


def leading(a: Expression, k: int, ratio: float = RATIO) -> Eigen:
    """The k largest eigenvalues of a symmetric matrix without negative ones, in descending order, and their vectors.

    ratio   the largest of an eigenvalue to the one before it, among the first k + 1
    """
    both = apply("eigh", a, k=k, ratio=float(ratio))
    return Eigen(index(both, 0), index(both, slice(1, None)))


def eigh(a: Expression, UPLO: str = "L") -> Eigen:
    """All eigenvalues of a symmetric matrix without negative ones, in ascending order, and their vectors."""
    values, vectors = leading(a, a.shape[-1] if a.ndim else 0)
    return Eigen(index(values, slice(None, None, -1)), index(vectors, (slice(None), slice(None, None, -1))))


def _kept(result: Expression, a: Expression, axes: Sequence[int], keepdims: bool) -> Expression:
    return reshape(result, [1 if k in axes else n for k, n in enumerate(a.shape)]) if keepdims else result


def _terms(a: Expression, axis: Axis, ddof: float | None) -> float:
    n = prod(a.shape[k] for k in axes_of(axis, a.ndim))
    ddof = 0 if ddof is None else float(ddof)
    if not n > ddof:
        raise InvalidRequest(f"{n} elements along the axis and ddof={ddof}; there must be more elements than that")
    return n - ddof


def _squares(x: Expression, axes: Sequence[int]) -> Expression:
    """Sums of squares along axes: as a product of vectors or matrices if one can, which is truncated after the sum."""
    if len(axes) == x.ndim:
        flat = ravel(x)
        return matmul(flat, flat)
    if x.ndim == 2 and tuple(axes) == (0,) and x.shape[1] <= x.shape[0]:
        return diagonal(apply("gram", x))
    return total(square(x), axes)


def _by_vector(name: str, a: Expression, axis: int | None, **attributes: Any) -> Expression:
    """An operation on vectors along an axis: on each by itself, side by side."""
    attributes = attributes or {"axis": 0}
    if axis is None or a.ndim == 1:
        axis_of(axis or 0, 1)
        return apply(name, ravel(a), **attributes)
    last = moveaxis(a, axis, -1)
    vectors = prod(last.shape[:-1])
    if not 0 < vectors <= MOST_VECTORS:
        raise InvalidRequest(f"{name} of {vectors} vectors in one program; there may be {MOST_VECTORS}")
    rows = reshape(last, (vectors, last.shape[-1]))
    done = stack([apply(name, index(rows, k), **attributes) for k in range(vectors)])
    return moveaxis(reshape(done, (*last.shape[:-1], -1)), -1, axis)


def _between(ordered: Expression, place: float) -> Expression:
    below, part = floor(place), place - floor(place)
    low = index(ordered, below)
    return add(low, multiply(subtract(index(ordered, below + 1), low), part)) if part else low


def _public_inverse(a: Any) -> Any:
    try:
        return np.linalg.inv(public_numbers(a))
    except np.linalg.LinAlgError as error:
        raise InvalidRequest(f"the public matrix has no inverse: {error}") from None
