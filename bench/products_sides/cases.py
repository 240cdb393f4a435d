"""What every side computes on secrets, in the clear: the same operands for all, and numpy's float64 answer.

    matmul    x y       x, y (n, n) standard normal
    less      x < 0     x normal with deviation 3, on a grid of 2^-16, which every side holds exactly
    sigmoid   1 / (1 + e^-x), x normal with deviation 3; so is the numerator of divide
    divide    x / y     |y| log-uniform within [0.01, 100], either sign
    solve     x z = y   x (n, n) symmetric positive definite, a covariance of 4n records

Nothing but numpy is imported: the others' processes, in environments of their own, import this too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
SEED = 1
GRID = 2.0**-16  # finer than that, SPU's default would take a small negative number for zero


@dataclass(frozen=True, slots=True)
class Case:
    """An operation and its size: n for matrices n x n, else the number of entries."""

    operation: str
    size: int


def operands(case: Case) -> tuple[Reals, ...]:
    """The operands, float64, the same at every call and in every process. Raises KeyError for an unknown operation."""
    return _OPERANDS[case.operation](np.random.default_rng(SEED), case.size)


def in_the_clear(case: Case) -> Callable[..., Reals]:
    """What numpy does with the operands; comparisons as 0.0 and 1.0. Raises KeyError for an unknown operation."""
    return _CLEAR[case.operation]


def largest_error(case: Case, answer: Reals) -> float:
    """Largest absolute difference to numpy's answer; not a number, if the answer holds one."""
    return float(np.abs(answer - in_the_clear(case)(*operands(case))).max())


def _square_pair(rng: np.random.Generator, n: int) -> tuple[Reals, ...]:
    return rng.normal(size=(n, n)), rng.normal(size=(n, n))


def _spread(rng: np.random.Generator, n: int) -> tuple[Reals, ...]:
    return (rng.normal(scale=3.0, size=n),)


def _on_the_grid(rng: np.random.Generator, n: int) -> tuple[Reals, ...]:
    return (np.rint(_spread(rng, n)[0] / GRID) * GRID,)


def _quotient(rng: np.random.Generator, n: int) -> tuple[Reals, ...]:
    size = np.exp(rng.uniform(np.log(0.01), np.log(100.0), n))
    return (*_spread(rng, n), size * rng.choice([-1.0, 1.0], n))


def _equations(rng: np.random.Generator, n: int) -> tuple[Reals, ...]:
    records = rng.normal(size=(4 * n, n))
    return records.T @ records / (4 * n), rng.normal(size=n)


_OPERANDS: dict[str, Callable[[np.random.Generator, int], tuple[Reals, ...]]] = {
    "matmul": _square_pair,
    "less": _on_the_grid,
    "sigmoid": _spread,
    "divide": _quotient,
    "solve": _equations,
}
_CLEAR: dict[str, Callable[..., Reals]] = {
    "matmul": np.matmul,
    "less": lambda x: (x < 0).astype(np.float64),
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "divide": np.divide,
    "solve": np.linalg.solve,
}
