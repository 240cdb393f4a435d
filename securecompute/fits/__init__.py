"""Worked analyses on secret arrays: what is fitted stays on shares, and what is shown is what the result says.

    result = linear_regression(X, y)        print(linear_regression.explain(X, y))

Each is one program: it is checked by the institutions as a whole, run once, and shows its last lines only. Records of
several institutions are stacked with np.concatenate.
"""

from securecompute.fits.clusters import Clusters, k_means
from securecompute.fits.coefficients import Coefficients
from securecompute.fits.components import Components, principal_components
from securecompute.fits.linear import linear_regression
from securecompute.fits.logistic import NotConverged, logistic_regression
from securecompute.fits.scores import linear_scores, logistic_scores

__all__ = [
    "Clusters",
    "Coefficients",
    "Components",
    "NotConverged",
    "k_means",
    "linear_regression",
    "linear_scores",
    "logistic_regression",
    "logistic_scores",
    "principal_components",
]
