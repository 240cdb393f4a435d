"""Logistic regression by maximum likelihood on secret records.

    z = (1, x'),  x' = 2^-k (x − x̄),    μ = σ(Zθ),    g = Zᵀ(y − μ) / n,    H = Zᵀ diag(μ(1 − μ)) Z / n

    newton          θ += H⁻¹ g, a system on shares in every step
    fixed-hessian   θ += 4 (ZᵀZ / n)⁻¹ g, one inverse for all steps, and a step of Newton's at the end

    Var θ = H⁻¹ / n of the last step but one;     converged:  δᵀ ZᵀZ δ / 4 ≤ tolerance²  for the last step δ

ZᵀZ / 4 is at least n H, so a fit that has converged moved no coefficient by more than `tolerance` standard errors, and
as the step was one of Newton's, what is left is about its square. The same bound keeps a separated outcome out: there
every step moves the linear predictor of some records by about 1, for ever, however large standard errors become.

Of linked records, Z = (e, x') with x' = 2^-k e (x − c) as `operands` has it: rows that do not count are zeros in Z, and
so in g and in H.

Reveals    One bit: whether the fit converged and the outcome is coded 0 and 1. If so, coefficients and standard errors,
           and of linked records how many count; if not, zeros in their place. That no system was singular, or that
           one was.
Accuracy   1e-5 standard errors, and 1e-5 of a standard error, on the hundreds of real patients of the tests. σ is off
           by 2.5e-7.
Refuses    An outcome that a combination of columns separates; collinear and constant columns; too few steps.
Reference  Böhning, Lindsay, Annals of the Institute of Statistical Mathematics 1988, for the fixed matrix; statsmodels
           Logit. The test of convergence: own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log2
from typing import Literal

import numpy as np

from securecompute.errors import InvalidRequest
from securecompute.fits.analysis import Analysis, Fit
from securecompute.fits.coefficients import Coefficients, Numbers
from securecompute.fits.operands import (
    among,
    centre,
    centred,
    column_names,
    counted,
    exponent,
    hint_on_units,
    joined,
    outcome,
    records,
    scaled,
    widened,
)
from securecompute.secret_arrays.array import SecretArray
from securecompute.secret_arrays.gates import inverse, sigmoid, solve

CONDITION = 1e6
LARGEST = 2.0**20  # of a step, in units of 1 / bound of X
LARGEST_INVERSE = 2.0**38
NEWTON, FIXED = "newton", "fixed-hessian"
STEPS = {NEWTON: 8, FIXED: 24}
MOST_STEPS = 200
TOLERANCE = 0.01
HINT = "; or the columns separate the outcome, wholly or nearly"
MAY_BE = "the columns separate the outcome, it is not coded 0 and 1, or more iterations are needed"


class NotConverged(InvalidRequest):
    """The fit did not converge: the outcome is separated by the columns, not coded 0 and 1, or steps were too few."""


@Analysis
def logistic_regression(
    X: SecretArray | Sequence[SecretArray],
    y: SecretArray,
    *,
    matched: SecretArray | None = None,
    method: Literal["newton", "fixed-hessian"] = "newton",
    iterations: int | None = None,
    condition: float = CONDITION,
    tolerance: float = TOLERANCE,
    intercept: bool = True,
    names: Sequence[str] | None = None,
) -> Fit[Coefficients]:
    """Logistic regression of y (n,), whole numbers 0 and 1, on the columns of X (n, p).

    X           or several arrays of columns, each with a bound of its own, where their units differ by 2^18 or more
    matched     (n,), 1 in rows that count and 0 elsewhere, as linked records have it; how many count is shown
    method      "newton": few steps, each with a system on shares; "fixed-hessian": many of a fifth of the rounds
    iterations  steps, 8 of Newton's or 24, many more where the outcome is nearly separated; they are always all taken
    condition   largest condition number of any H with its columns scaled; a larger one is refused, by one bit
    tolerance   largest last step, in standard errors
    intercept   whether there is one; it is the first coefficient
    names       of the columns
    raises      InvalidRequest     shapes, an outcome that is not whole or beyond 1, no more records than coefficients
                NotConverged       see there
                IllConditioned     collinear or constant columns, or an outcome that is separated
                DisclosureRefused  an institution's rules: one number may be shown for every so many records
    """
    x, units = records(X)
    n, p = x.shape
    y, called = _binary(outcome(y, n)), column_names(names, p)
    steps = _steps(method, iterations)
    if n - p - intercept < 1:
        raise InvalidRequest(f"{n} records for {p + intercept} coefficients; there must be more records")
    if not 0 < tolerance < 1:
        raise InvalidRequest(f"a tolerance of {tolerance} standard errors; give one above 0 and below 1")
    x, k = widened(x), exponent((1 + intercept) * x.bound)
    e = None if matched is None else counted(matched, n)
    c = centre(x, e) if intercept and e is not None else None
    search = _Search(_design(x, k, intercept) if e is None else _linked_design(x, e, c, k), y, n, float(condition))
    theta, step, inverse_H = search.newton(steps) if method == NEWTON else search.fixed(steps)
    converged = search.converged(step, tolerance)
    variances, unit = inverse_H.diagonal(), 2.0**-k / units
    if intercept:
        at = scaled(x.sum(axis=0), 2.0**-k / n) if c is None else scaled(c, 2.0**-k)
        theta = joined([theta[:1] - (theta[1:] @ at).reshape(1), theta[1:]])
        away = inverse_H[1:, 1:] @ at - 2 * inverse_H[0, 1:]
        variances = joined([variances[:1] + (away @ at).reshape(1), variances[1:]])
        unit = np.append(1.0, unit)

    def finish(theta: Numbers, variances: Numbers, converged: int, m: int = n) -> Coefficients:
        if not converged:
            raise NotConverged(f"the fit did not converge in {steps} steps: {MAY_BE}")
        errors = np.sqrt(np.maximum(variances, 0.0) / n) * unit
        return Coefficients("logistic regression", ("intercept",) * intercept + called, theta * unit, errors, m)

    outputs = [theta * converged, variances * converged, converged, *([] if e is None else [e.sum() * converged])]
    return Fit(tuple(outputs), finish, hint=HINT + hint_on_units(X))


def _design(x: SecretArray, k: int, intercept: bool) -> SecretArray:
    """Z."""
    small = scaled(centred(x) if intercept else x, 2.0**-k)
    if not intercept:
        return small
    one = small[:, :1] - small[:, :1] + 1.0
    return joined([one, small], axis=1)


def _linked_design(x: SecretArray, e: SecretArray, c: SecretArray | None, k: int) -> SecretArray:
    """Z. c: what is subtracted from the columns, None without an intercept"""
    small = scaled(among(x if c is None else x - c, e), 2.0**-k)
    return small if c is None else joined([e.reshape(-1, 1), small], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """Steps towards the maximum. Z (n, q) with |z| ≤ 1, in the wide ring; y (n,)."""

    Z: SecretArray
    y: SecretArray
    n: int
    condition: float

    @property
    def products(self) -> SecretArray:
        """Zᵀ Z / n."""
        return scaled(self.Z.T @ self.Z, 1 / self.n)

    def residuals(self, theta: SecretArray | None) -> tuple[SecretArray, SecretArray | None]:
        """y − μ, and μ; at θ = 0, where μ is 1/2, None."""
        if theta is None:
            return self.y - 0.5, None
        mu = sigmoid(self.Z @ theta)
        return self.y - mu, mu

    def gradient(self, residuals: SecretArray) -> SecretArray:
        """g."""
        return scaled(self.Z.T @ residuals, 1 / self.n)

    def hessian(self, mu: SecretArray | None) -> SecretArray:
        """H."""
        if mu is None:
            return scaled(self.products, 0.25)
        weights = mu * (1.0 - mu)
        return scaled(self.Z.T @ (weights.reshape(-1, 1) * self.Z), 1 / self.n)

    def step(self, theta: SecretArray | None) -> tuple[SecretArray, SecretArray]:
        """A step of Newton's, and H before it."""
        residuals, mu = self.residuals(theta)
        H = self.hessian(mu)
        return solve(H, self.gradient(residuals), self.condition, LARGEST), H

    def newton(self, steps: int) -> tuple[SecretArray, SecretArray, SecretArray]:
        """θ, the last step, and H⁻¹ before it."""
        step, H = self.step(None)
        theta = step
        for _ in range(steps - 1):
            step, H = self.step(theta)
            theta = theta + step
        return theta, step, inverse(H, self.condition, LARGEST_INVERSE)

    def fixed(self, steps: int) -> tuple[SecretArray, SecretArray, SecretArray]:
        """As `newton`, with a fixed matrix up to the last step."""
        quarter = inverse(self.hessian(None), self.condition, LARGEST_INVERSE)
        theta = quarter @ self.gradient(self.residuals(None)[0])
        for _ in range(steps - 1):
            theta = theta + quarter @ self.gradient(self.residuals(theta)[0])
        step, H = self.step(theta)
        return theta + step, step, inverse(H, self.condition, LARGEST_INVERSE)

    def converged(self, step: SecretArray, tolerance: float) -> SecretArray:
        """1 if the step is small and y is 0 and 1, else 0."""
        enlarged = floor(log2(self.n) / 2)  # so that the sum is of the order of tolerance²
        d = step * 2.0**enlarged
        small = d @ (self.products @ d) < 4 * tolerance**2 * 4.0**enlarged / self.n
        return small & (self.y @ self.y - self.y.sum() < 0.5)


def _binary(y: SecretArray) -> SecretArray:
    if y.dtype.kind not in "biu" or y.bound > 1:
        raise InvalidRequest("the outcome is of whole numbers 0 and 1: a column of two categories, or an integer array")
    return y


def _steps(method: str, iterations: int | None) -> int:
    if method not in STEPS:
        raise InvalidRequest(f"there is no method '{method}'; choose from {', '.join(STEPS)}")
    steps = STEPS[method] if iterations is None else iterations
    if not isinstance(steps, int) or isinstance(steps, bool) or not 1 <= steps <= MOST_STEPS:
        raise InvalidRequest(f"iterations is {iterations!r}; give a whole number from 1 to {MOST_STEPS}")
    return steps
