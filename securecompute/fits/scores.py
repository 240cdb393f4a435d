"""A partner's model on an institution's records: the scores go to that institution, weights and records to nobody.

    linear   x_iᵀ w + w_0        logistic   σ(x_iᵀ w + w_0)

Reveals    The scores, to the institution whose records they are. The partner learns how many there are.
Not promised   As many well-chosen records as there are weights, and one more, give the weights away, whatever hides
           them: a partner counts for how many records it answers.
Accuracy   Linear: X and w keep half of the ring's digits each; share both with wide=True for more. Logistic: 2.5e-7 on
           top.
"""

from typing import Any

from securecompute.engine.rounds import Party
from securecompute.errors import InvalidRequest
from securecompute.fits.analysis import Analysis, Fit
from securecompute.fits.operands import matrix
from securecompute.secret_arrays.array import SecretArray
from securecompute.secret_arrays.gates import sigmoid


@Analysis
def linear_scores(weights: SecretArray, X: SecretArray, *, intercept: SecretArray | float = 0.0) -> Fit[Party]:
    """The institution that owns X (n, p) is shown x_iᵀ w + w_0, (n,).

    weights    (p,), of a partner
    intercept  w_0, a secret number or a public one
    returns    the institution's name
    raises     InvalidRequest  shapes; records of several institutions, which would be shown to each other's
    """
    return _to_owner(_predictor(weights, X, intercept), X)


@Analysis
def logistic_scores(weights: SecretArray, X: SecretArray, *, intercept: SecretArray | float = 0.0) -> Fit[Party]:
    """The institution that owns X (n, p) is shown σ(x_iᵀ w + w_0), (n,). Arguments as of `linear_scores`."""
    return _to_owner(sigmoid(_predictor(weights, X, intercept)), X)


def _predictor(weights: Any, X: Any, intercept: Any) -> SecretArray:
    x = matrix(X)
    if not isinstance(weights, SecretArray) or weights.shape != x.shape[1:]:
        given = weights.shape if isinstance(weights, SecretArray) else type(weights).__name__
        raise InvalidRequest(f"weights: {given}; expected a secret array of shape {x.shape[1:]}, one for each column")
    if isinstance(intercept, SecretArray) and intercept.size != 1:
        raise InvalidRequest(f"an intercept of shape {intercept.shape}; expected one number")
    return x @ weights + (intercept.reshape(()) if isinstance(intercept, SecretArray) else intercept)


def _to_owner(scores: SecretArray, X: SecretArray) -> Fit[Party]:
    if len(X.owners) != 1:
        raise InvalidRequest(f"records of {', '.join(X.owners)}; score each institution's by themselves")
    (owner,) = X.owners
    return Fit((scores,), lambda _: owner, to=owner)
