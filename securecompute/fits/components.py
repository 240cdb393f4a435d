"""Principal components of secret records: the leading directions of their covariance.

    S = Σ (x − x̄)(x − x̄)ᵀ / (n − 1),     S v_j = λ_j v_j,    λ_1 ≥ λ_2 ≥ ...,    |v_j| = 1

Reveals    The first k eigenvectors and eigenvalues, and the total variance if it is asked for. That the eigenvalues are
           as far apart as `ratio` declares, or that they are not.
Accuracy   Eigenvalues within 2^-32 of the total variance; vectors within that over the gap to the next eigenvalue.
Refuses    Eigenvalues that are closer than declared: their vectors would be mixed.
Reference  scikit-learn PCA, with its sign rule: of each component the largest entry is positive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from securecompute import display
from securecompute.analyses.result import Table
from securecompute.errors import InvalidRequest
from securecompute.fits.analysis import Analysis, Fit
from securecompute.fits.operands import centred, column_names, exact_or_wide, exponent, matrix, scaled, widened
from securecompute.secret_arrays.array import SecretArray
from securecompute.secret_arrays.gates import eigh

if TYPE_CHECKING:
    from rich.console import RenderableType

RATIO = 0.9


@dataclass(frozen=True, eq=False, repr=False)
class Components:
    """Principal components.

    names               of the columns
    components          (k, p), each of length 1
    explained_variance  (k,), descending, with n − 1 in the denominator
    n                   records
    total_variance      where it was asked for
    """

    names: tuple[str, ...]
    components: NDArray[np.float64]
    explained_variance: NDArray[np.float64]
    n: int
    total_variance: float | None = None

    @property
    def explained_variance_ratio(self) -> NDArray[np.float64]:
        """Of the total variance. raises InvalidRequest: it was not asked for"""
        if self.total_variance is None:
            raise InvalidRequest("the total variance is not shown; ask for it with total=True")
        return self.explained_variance / self.total_variance

    def table(self) -> Table:
        """A row for each column, and one for the variances."""
        columns = ("", *(f"component {k + 1}" for k in range(len(self.components))))
        rows = zip(self.names, *self.components.tolist(), strict=True)
        return Table(
            f"principal components of {self.n} records",
            columns,
            (*rows, ("variance", *self.explained_variance.tolist())),
        )

    def __rich__(self) -> "RenderableType":
        return display.grid(self.table())

    def __str__(self) -> str:
        return display.text(self.__rich__())

    __repr__ = __str__


@Analysis
def principal_components(
    X: SecretArray, k: int, *, ratio: float = RATIO, total: bool = False, names: Sequence[str] | None = None
) -> Fit[Components]:
    """The first k principal components of the columns of X (n, p).

    ratio    largest of an eigenvalue to the one before it, among the first k + 1; beyond it the fit is refused
    total    show the total variance too
    names    of the columns
    raises   InvalidRequest     shapes, k
             IllConditioned     eigenvalues closer than declared
             DisclosureRefused  an institution's rules: one number may be shown for every so many records
    """
    x = matrix(X)
    n, p = x.shape
    called = column_names(names, p)
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= min(p, n - 1):
        raise InvalidRequest(f"{k!r} components of {n} records with {p} columns; ask for 1 to {min(p, n - 1)}")
    e = exponent(2 * x.bound)
    columns = centred(exact_or_wide(x))
    S = scaled(widened(columns.T @ columns), 4.0**-e / n)
    values, vectors = eigh(S, k, ratio)
    unit = 4.0**e * n / (n - 1)

    def finish(values: Any, vectors: Any, spread: float | None = None) -> Components:
        largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(k)]
        components = (vectors * np.where(largest < 0, -1.0, 1.0)).T
        return Components(called, components, values * unit, n, None if spread is None else spread * unit)

    return Fit((values, vectors, *([S.trace()] if total else [])), finish)
