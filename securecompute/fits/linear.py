"""Linear regression by least squares on secret records.

    x' = 2^-k (x − x̄),  y' likewise:    S = X'ᵀX' / n,   c = X'ᵀy' / n,   b = S⁻¹ c,   a = ȳ − x̄ᵀ b
    r = y'ᵀy' / n − cᵀ b,      Var b = r S⁻¹ / df,      Var a = (r + x̄ᵀ r S⁻¹ x̄) / df

Centring does for the intercept what a column of ones would do, with a matrix that is far better conditioned. The solver
scales columns on shares, so that age beside a column of zeros and ones does no harm.

Reveals    Coefficients and standard errors; residual variance and R² if they are asked for, else neither. That the
           columns are as independent as `condition` declares, or that they are not.
Accuracy   1e-6 standard errors of coefficients, and 1e-6 of a standard error, of the encoded numbers: as long as a
           residual's standard deviation is above 2^-13 of the bound of y. It is never taken to be smaller, so a closer
           fit shows standard errors that are too large.
Refuses    Collinear and constant columns, and such as spread by less than 2^-18 of the bound of their array; no more
           records than coefficients.
Reference  statsmodels OLS.
"""

from collections.abc import Sequence

import numpy as np

from securecompute.errors import InvalidRequest
from securecompute.fits.analysis import Analysis, Fit
from securecompute.fits.coefficients import Coefficients, Numbers
from securecompute.fits.operands import (
    centred,
    column_names,
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
    condition: float = CONDITION,
    intercept: bool = True,
    names: Sequence[str] | None = None,
    quality: bool = False,
) -> Fit[Coefficients]:
    """Least squares of y (n,) on the columns of X (n, p).

    X           or several arrays of columns, each with a bound of its own, where their units differ by 2^18 or more
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
    df = n - p - intercept
    if df < 1:
        raise InvalidRequest(f"{n} records for {p + intercept} coefficients; there must be more records")
    k, k_y = exponent((1 + intercept) * x.bound), exponent((1 + intercept) * target.bound)
    x, target = exact_or_wide(x), exact_or_wide(target)
    S, c, spread = _moments(x, target, k, k_y, intercept)
    b = solve(S, c, condition, LARGEST)
    rest = (spread - c @ b).clip(SMALLEST_VARIANCE, 1.0)
    covariance = inverse(S, condition, LARGEST_INVERSE) * rest
    shown, variances = b, covariance.diagonal()
    unit, units_b = 2.0**k_y, 2.0 ** (k_y - k) / units
    if intercept:
        at = scaled(widened(x.sum(axis=0)), 2.0**-k / n)
        a = scaled(widened(target.sum()), 2.0**-k_y / n) - at @ b
        shown = joined([a.reshape(1), shown])
        variances = joined([(rest + at @ (covariance @ at)).reshape(1), variances])
        units_b = np.append(unit, units_b)

    def finish(b: Numbers, variances: Numbers, rest: float = np.nan, spread: float = np.nan) -> Coefficients:
        errors = np.sqrt(np.maximum(variances, 0.0) / df) * units_b
        called = ("intercept",) * intercept + columns
        quality_of = (rest / DIGITS * unit**2 * n / df, 1.0 - rest / spread) if quality else ()
        return Coefficients("linear regression", called, b * units_b, errors, n, df, *quality_of)

    outputs = (shown, variances, *([rest * DIGITS, spread * DIGITS] if quality else []))
    return Fit(outputs, finish, hint=hint_on_units(X))


def _moments(
    x: SecretArray, y: SecretArray, k: int, k_y: int, intercept: bool
) -> tuple[SecretArray, SecretArray, SecretArray]:
    """S, c and y'ᵀy' / n."""
    columns, residual = (centred(x), centred(y)) if intercept else (x, y)
    n = len(x)
    S = scaled(widened(columns.T @ columns), 4.0**-k / n)
    c = scaled(widened(columns.T @ residual), 2.0 ** -(k + k_y) / n)
    return S, c, scaled(widened(residual @ residual), 4.0**-k_y / n)
