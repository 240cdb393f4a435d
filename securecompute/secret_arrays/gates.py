"""Functions of secret arrays that numpy lacks, or that take what it need not be told.

Each makes an expression, as the operators of `SecretArray` do; accuracy and cost are those of the operation.
"""

from typing import Any

from securecompute.errors import InvalidRequest
from securecompute.secret_arrays import statistics as statistics
from securecompute.secret_arrays.array import SecretArray, applied
from securecompute.secret_arrays.elementwise import elementwise
from securecompute.secret_arrays.options import check_signature
from securecompute.secret_arrays.statistics import BOUND, CONDITION, RATIO, Eigen


def sigmoid(x: SecretArray) -> SecretArray:
    """1 / (1 + exp(-x))."""
    result: SecretArray = _of_secret(elementwise("sigmoid"), x)
    return result


def normal_cdf(x: SecretArray) -> SecretArray:
    """The distribution function of the normal distribution."""
    result: SecretArray = _of_secret(elementwise("normal_cdf"), x)
    return result


def erf(x: SecretArray) -> SecretArray:
    """The error function."""
    result: SecretArray = _of_secret(elementwise("erf"), x)
    return result


def softmax(x: SecretArray, axis: int = -1) -> SecretArray:
    """exp(x) over its sum along an axis."""
    result: SecretArray = _of_secret(statistics.softmax, x, axis)
    return result


def top_k(x: SecretArray, k: int) -> SecretArray:
    """The k largest along the last axis, in descending order."""
    result: SecretArray = _of_secret(statistics.top_k, x, k)
    return result


def solve(a: SecretArray, b: Any, condition: float = CONDITION, bound: float = BOUND) -> SecretArray:
    """x with a x = b, for a symmetric positive definite, (p, p).

    condition, bound   largest condition number of a, and magnitude of x; beyond them the program is refused
    """
    result: SecretArray = _of_secret(statistics.solve, a, b, condition, bound)
    return result


def inverse(a: SecretArray, condition: float = CONDITION, bound: float = BOUND) -> SecretArray:
    """The inverse of a symmetric positive definite matrix. condition, bound: as of `solve`"""
    result: SecretArray = _of_secret(statistics.inverse, a, condition, bound)
    return result


def cholesky(a: SecretArray, condition: float = CONDITION) -> SecretArray:
    """The lower triangular L with L L' = a, for a symmetric positive definite. condition: as of `solve`"""
    result: SecretArray = _of_secret(statistics.cholesky, a, condition)
    return result


def eigh(a: SecretArray, k: int, ratio: float = RATIO) -> Eigen:
    """The k largest eigenvalues of a symmetric matrix without negative ones, descending, and their vectors as columns.

    ratio   the largest of an eigenvalue to the one before it, among the first k + 1; beyond it the program is refused
    """
    result: Eigen = _of_secret(statistics.leading, a, k, ratio)
    return result


def _of_secret(function: Any, x: Any, *args: Any) -> Any:
    if not isinstance(x, SecretArray):
        raise InvalidRequest(
            f"{function.__name__} takes a secret array, not {type(x).__name__}; numpy computes the rest"
        )
    check_signature(function.__name__, function, (x, *args), {})
    return applied(function, x, *args)
