"""k-means on secret records: Lloyd's iterations on shares, small clusters kept hidden.

    m_ij = [j is the first of the centres that are nearest to x_i],    c_j = Σ_i m_ij x_i / Σ_i m_ij

A cluster that is empty keeps its centre. |x − c|² is compared as |c|² − 2 xᵀc.

Reveals    For each cluster one bit, whether it has `min_cluster` members, and the centre if it has. Neither sizes nor
           who is in which cluster.
Needs      Records are compared, so the rule "arrays" of every institution is "any": a centre of few records is close to
           them, and centres of one more iteration, or of one record less, can be subtracted. The smallest size is
           decided on shares; that nobody asks twice with other starts is for the institutions to see to.
Accuracy   Centres 1e-7 of the bound of X, given who is in which cluster; before the last iteration about 1e-5, so a
           record that is as nearly equally far from two centres goes to either.
Reference  Lloyd, IEEE Transactions on Information Theory 1982; scikit-learn KMeans with the same start.
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
from securecompute.fits.operands import column_names, matrix, widened
from securecompute.secret_arrays.array import SecretArray

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_ITERATIONS = 100
MOST_CLUSTERS = 64
MIN_CLUSTER = 10


@dataclass(frozen=True, eq=False, repr=False)
class Clusters:
    """Centres.

    names        of the columns
    centres      (k, p); NaN where a cluster has fewer members than `min_cluster`
    large        (k,), whether it has as many
    n            records
    min_cluster  the smallest cluster that is shown
    """

    names: tuple[str, ...]
    centres: NDArray[np.float64]
    large: NDArray[np.bool_]
    n: int
    min_cluster: int

    def table(self) -> Table:
        """A row for each cluster."""
        rows = [
            [None] * len(self.names) if not shown else centre
            for shown, centre in zip(self.large, self.centres.tolist(), strict=True)
        ]
        title = f"centres of clusters of {self.n} records; hidden where there are fewer than {self.min_cluster}"
        return Table(title, ("cluster", *self.names), tuple((f"{k + 1}", *row) for k, row in enumerate(rows)))

    def __rich__(self) -> "RenderableType":
        return display.grid(self.table())

    def __str__(self) -> str:
        return display.text(self.__rich__())

    __repr__ = __str__


@Analysis
def k_means(
    X: SecretArray,
    k: int,
    start: NDArray[np.float64] | SecretArray,
    *,
    iterations: int = 10,
    min_cluster: int = MIN_CLUSTER,
    names: Sequence[str] | None = None,
) -> Fit[Clusters]:
    """k centres of the records of X (n, p), after so many of Lloyd's iterations.

    start        (k, p), public, or of an institution that made them
    iterations   each takes the same rounds; whether centres still move is not shown
    min_cluster  fewest members of a cluster that is shown, at least 2
    names        of the columns
    raises       InvalidRequest     shapes, counts
                 DisclosureRefused  an institution's rules do not let records be compared
    """
    x = matrix(X)
    n, p = x.shape
    called = column_names(names, p)
    _check(n, k, iterations, min_cluster)
    if np.shape(start) != (k, p):
        raise InvalidRequest(f"a start of shape {np.shape(start)}; expected {(k, p)}: a centre for each cluster")
    centres: Any = start if isinstance(start, SecretArray) else np.asarray(start, np.float64)
    if not isinstance(start, SecretArray) and not np.abs(centres).max() <= x.bound:
        raise InvalidRequest(f"a centre of the start is beyond the bound {x.bound:g} of X; begin within it")
    for step in range(1, iterations + 1):
        members = _nearest(x, centres)
        sizes, sums = members.sum(axis=0), members.T @ x
        last = step == iterations  # what is shown has all its digits
        moved = (widened(sums) if last else sums) / sizes.reshape(-1, 1) - centres
        centres = (centres + moved * (sizes > 0).reshape(-1, 1)).clip(-x.bound, x.bound)
    large = sizes >= min_cluster

    def finish(centres: Any, large: Any) -> Clusters:
        return Clusters(called, np.where(large[:, None], centres, np.nan), large, n, min_cluster)

    return Fit((centres * large.reshape(-1, 1), large), finish)


def _nearest(x: SecretArray, centres: Any) -> SecretArray:
    """Members (n, k): 1 in the column of the nearest centre, of equally near ones the first."""
    lengths = (centres * centres).sum(axis=1)
    distances: SecretArray = lengths - 2.0 * (x @ centres.T)
    labels = distances.argmin(axis=1)
    return labels.reshape(-1, 1) == np.arange(len(centres))


def _check(n: int, k: Any, iterations: Any, min_cluster: Any) -> None:
    limits = {"k": (k, 2, MOST_CLUSTERS), "iterations": (iterations, 1, MOST_ITERATIONS)}
    limits["min_cluster"] = (min_cluster, 2, n)
    for name, (value, least, most) in limits.items():
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidRequest(f"{name} is {value!r}; give a whole number from {least} to {most}")
