"""Linear regression by least squares on secret records.

    x' = 2^-k (x − x̄),  y' likewise:    S = X'ᵀX' / n,   c = X'ᵀy' / n,   b = S⁻¹ c,   a = ȳ − x̄ᵀ b
    r = y'ᵀy' / n − cᵀ b,      Var b = r S⁻¹ / df,      Var a = (r + x̄ᵀ r S⁻¹ x̄) / df

Centring does for the intercept what a column of ones would do, with a matrix that is far better conditioned. The solver
scales columns on shares, so that age beside a column of zeros and ones does no harm.

Of linked records, e_i = 1 in the m rows that count, which are secret (`operands`):

    Z = (e, x'),  x' = 2^-k e (x − c_x),  y' likewise:    S = Z'Z / n,   c = Z'y' / n,   θ = (θ_0, b) = S⁻¹ c
    r = y'ᵀy' / n − cᵀ θ,      a = c_y + θ_0 − c_xᵀ b,      Var θ = r S⁻¹ / df,   df = m − p − 1

Reveals    Coefficients and standard errors; residual variance and R² if they are asked for, else neither. Of linked
           records, how many count. That the columns are as independent as `condition` declares, or that they are not.
Accuracy   1e-6 standard errors of coefficients, and 1e-6 of a standard error, of the encoded numbers: as long as a
           residual's standard deviation is above 2^-13 of the bound of y. It is never taken to be smaller, so a closer
           fit shows standard errors that are too large.
Refuses    Collinear and constant columns, and such as spread by less than 2^-18 of the bound of their array; no more
           records than coefficients. Of linked records columns have to spread by (n / m)^(1/2) of this.
Reference  statsmodels OLS.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    exact_or_wide,
    exponent,
    hint_on_units,
    joined,
    outcome,
    records,
    scaled,
    widened,
)
from securecompute.secret_arrays.array import SecretArray
from securecompute.secret_arrays.gates import inverse, solve

CONDITION = 1e6  # of the correlation matrix of the columns, unless another is declared
LARGEST = 2.0**24  # of coefficients, in units of the bounds of y and X
LARGEST_INVERSE = 2.0**38
DIGITS = 2.0**20  # what is shown has 40 fractional bits; a small number is shown enlarged
SMALLEST_VARIANCE = 2.0**-26  # of residuals, in units of the bound of y


@Analysis
def linear_regression(
    X: SecretArray | Sequence[SecretArray],
    y: SecretArray,
    *,
    matched: SecretArray | None = None,
    condition: float = CONDITION,
    intercept: bool = True,
    names: Sequence[str] | None = None,
    quality: bool = False,
) -> Fit[Coefficients]:
    """Least squares of y (n,) on the columns of X (n, p).

    X           or several arrays of columns, each with a bound of its own, where their units differ by 2^18 or more
    matched     (n,), 1 in rows that count and 0 elsewhere, as linked records have it; how many count is shown
    condition   largest condition number of the columns' correlation matrix; a larger one is refused, by one bit
    intercept   whether there is one; it is the first coefficient
    names       of the columns
    quality     show residual variance and R² too
    raises      InvalidRequest     shapes; no more records than coefficients
                IllConditioned     collinear or constant columns
                DisclosureRefused  an institution's rules: one number may be shown for every so many records
    """
    x, units = records(X)
    n, p = x.shape
    target, columns = outcome(y, n), column_names(names, p)
    if n - p - intercept < 1:
        raise InvalidRequest(f"{n} records for {p + intercept} coefficients; there must be more records")
    k, k_y = exponent((1 + intercept) * x.bound), exponent((1 + intercept) * target.bound)
    least_squares = _of_all if matched is None else _of_linked
    moments = least_squares(x, target, (k, k_y), intercept, matched)
    shown, variances, rest = moments.solved(condition, intercept)
    unit, units_b = 2.0**k_y, 2.0 ** (k_y - k) / units
    if intercept:
        units_b = np.append(unit, units_b)

    def finish(b: Numbers, variances: Numbers, *more: Any) -> Coefficients:
        m = n if matched is None else int(more[0])
        df = m - p - intercept
        if df < 1:
            raise InvalidRequest(f"{m} matched records for {p + intercept} coefficients; there must be more of them")
        errors = np.sqrt(np.maximum(variances, 0.0) / df) * units_b
        called = ("intercept",) * intercept + columns
        quality_of: tuple[float, ...] = ()
        if quality:
            left, spread = more[-2:]
            quality_of = left / DIGITS * unit**2 * n / df, 1.0 - left / spread
        return Coefficients("linear regression", called, b * units_b, errors, m, df, *quality_of)

    outputs = [shown, variances, *([] if matched is None else [matched.sum()])]
    outputs += [rest * DIGITS, moments.spread * DIGITS] if quality else []
    return Fit(tuple(outputs), finish, hint=hint_on_units(X))


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """S, c and y'ᵀy' / n; and the centres of columns and outcome in units of 2^k, where there is an intercept.

    floor    what r is never taken to be below
    linked   S and c have e as their first column
    """

    S: SecretArray
    c: SecretArray
    spread: SecretArray
    at: SecretArray | None
    at_y: SecretArray | None
    floor: SecretArray | float
    linked: bool

    def solved(self, condition: float, intercept: bool) -> tuple[SecretArray, SecretArray, SecretArray]:
        """Coefficients in these units, their variances times df, and r."""
        theta = solve(self.S, self.c, condition, LARGEST)
        rest = (self.spread - self.c @ theta - self.floor).clip(0.0, 1.0) + self.floor
        V = inverse(self.S, condition, LARGEST_INVERSE)  # r comes last: V is 1 and more, and V r is small
        forms, at, at_y = V.diagonal(), self.at, self.at_y
        if at is None or at_y is None:
            return theta, forms * rest, rest
        if self.linked:
            b, V_b = theta[1:], V[1:, 1:]
            a, form, forms = theta[0], forms[0] + (V_b @ at - 2 * V[0, 1:]) @ at, forms[1:]
            return _first(at_y + a - at @ b, b), _first(form, forms) * rest, rest
        return _first(at_y - at @ theta, theta), _first(1.0 + at @ (V @ at), forms) * rest, rest


def _first(number: SecretArray, numbers: SecretArray) -> SecretArray:
    return joined([number.reshape(1), numbers])


def _of_all(x: SecretArray, y: SecretArray, k: tuple[int, int], intercept: bool, _: SecretArray | None) -> _Moments:
    x, y, n = exact_or_wide(x), exact_or_wide(y), len(x)
    at = scaled(widened(x.sum(axis=0)), 2.0 ** -k[0] / n) if intercept else None
    at_y = scaled(widened(y.sum()), 2.0 ** -k[1] / n) if intercept else None
    columns, residual = (centred(x), centred(y)) if intercept else (x, y)
    S = scaled(widened(columns.T @ columns), 4.0 ** -k[0] / n)
    c = scaled(widened(columns.T @ residual), 2.0 ** -sum(k) / n)
    spread = scaled(widened(residual @ residual), 4.0 ** -k[1] / n)
    return _Moments(S, c, spread, at, at_y, SMALLEST_VARIANCE, linked=False)


def _of_linked(
    x: SecretArray, y: SecretArray, k: tuple[int, int], intercept: bool, matched: SecretArray | None
) -> _Moments:
    x, y, n = widened(x), widened(y), len(x)
    e, at, at_y = counted(matched, n), None, None
    if intercept:
        c_x, c_y = centre(x, e), centre(y, e)
        x, y, at, at_y = x - c_x, y - c_y, scaled(c_x, 2.0 ** -k[0]), scaled(c_y, 2.0 ** -k[1])
    Z, y = scaled(among(x, e), 2.0 ** -k[0]), scaled(among(y, e), 2.0 ** -k[1])
    if intercept:
        Z = joined([e.reshape(-1, 1), Z], axis=1)
    floor = scaled(widened(e.sum()), SMALLEST_VARIANCE / n)
    S, c, spread = (scaled(product, 1 / n) for product in (Z.T @ Z, Z.T @ y, y @ y))
    return _Moments(S, c, spread, at, at_y, floor, linked=True)
