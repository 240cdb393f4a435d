"""A partner's model on an institution's records: only that institution is shown the scores."""

import numpy as np
import pytest

from securecompute.errors import InvalidRequest
from securecompute.fits import linear_scores, logistic_scores
from tests.fits.patients import births, stacked
from tests.secret_arrays.local_network import LocalNetwork

X = births("age", "lwt", "smoke")
WEIGHTS = np.array([-0.03, -0.012, 0.7])
INTERCEPT = 1.37


def held(owner="Lyon"):
    network = LocalNetwork()
    return network, network.secret("Ghent", WEIGHTS), network.secret(owner, X), network.secret("Ghent", INTERCEPT)


@pytest.mark.parametrize(
    ("scores", "link", "error"),
    [(linear_scores, lambda s: s, 1e-6), (logistic_scores, lambda s: 1 / (1 + np.exp(-s)), 1e-6)],
)
def test_the_institution_is_shown_scores_and_nobody_else_anything(scores, link, error):
    network, weights, records, intercept = held()
    assert scores(weights, records, intercept=intercept) == "Lyon"
    (shown,) = network.kept["Lyon"].values()
    assert np.abs(shown - link(X @ WEIGHTS + INTERCEPT)).max() < error
    assert list(network.kept) == ["Lyon"]
    assert [receiver for _, receiver in network.programs[0].outputs] == ["Lyon"]


def test_an_intercept_may_be_public_or_absent():
    network, weights, records, _ = held()
    linear_scores(weights, records, intercept=-2.0)
    assert np.abs(network.kept["Lyon"][0] - (X @ WEIGHTS - 2)).max() < 1e-6
    linear_scores(weights, records)
    assert np.abs(network.kept["Lyon"][0] - X @ WEIGHTS).max() < 1e-6


def test_records_of_two_institutions_are_not_scored_together():
    network, weights, _, _ = held()
    with pytest.raises(InvalidRequest, match="score each institution's by themselves"):
        linear_scores(weights, stacked(X, 2, network))


def test_weights_that_do_not_fit_the_columns():
    _, weights, records, _ = held()
    with pytest.raises(InvalidRequest, match=r"\(2,\); expected"):
        linear_scores(weights[:2], records)
    with pytest.raises(InvalidRequest, match="ndarray; expected a secret array"):
        logistic_scores(WEIGHTS, records)
    with pytest.raises(InvalidRequest, match="expected one number"):
        linear_scores(weights, records, intercept=weights)
