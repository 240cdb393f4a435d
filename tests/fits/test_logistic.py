"""Logistic regression on shares against statsmodels; one bit on convergence; outcomes that are separated."""

import numpy as np
import pytest
import statsmodels.api as sm

from securecompute.errors import IllConditioned, InvalidRequest
from securecompute.fits import NotConverged, logistic_regression
from tests.fits.patients import births, stacked, tumours
from tests.secret_arrays.local_network import LocalNetwork

LARGEST_DIFFERENCE = 1e-5  # in standard errors, and of a standard error


def fitted(X, y, **asked):
    network = LocalNetwork()
    return logistic_regression(stacked(X, network=network), stacked(y, network=network), **asked)


def check(result, X, y, intercept=True):
    plain = sm.Logit(y, sm.add_constant(X.astype(float)) if intercept else X).fit(disp=0)
    assert np.abs((result.coefficients - plain.params) / plain.bse).max() < LARGEST_DIFFERENCE
    assert np.abs(result.standard_errors / plain.bse - 1).max() < LARGEST_DIFFERENCE
    assert np.allclose(result.p_values, plain.pvalues, atol=1e-5)


@pytest.mark.parametrize(
    ("method", "iterations"), [("newton", 5), pytest.param("fixed-hessian", 14, marks=pytest.mark.slow)]
)
def test_real_patients_of_three_institutions(method, iterations):
    X, y = births("age", "lwt", "smoke"), births("low")
    result = fitted(X, y, method=method, iterations=iterations, names=["age", "weight", "smokes"])
    check(result, X, y)
    assert "logistic regression of 189 records" in str(result) and "smokes" in str(result)


@pytest.mark.slow
def test_a_strong_association_in_columns_of_different_size():
    X, y = tumours(0, 1, 4, 8)
    check(fitted(X, y), X, y)


@pytest.mark.slow
def test_a_fit_without_an_intercept():
    X, y = births("lwt", "smoke"), births("low")
    check(fitted(X, y, iterations=5, intercept=False), X, y, intercept=False)


def test_too_few_steps_are_said_and_nothing_but_that_is_shown():
    network = LocalNetwork()
    X, y = (stacked(x, network=network) for x in (births("age", "smoke"), births("low")))
    shown = []
    network.run_program = lambda program: shown.append(LocalNetwork.run_program(network, program)) or shown[-1]
    with pytest.raises(NotConverged, match="did not converge in 1 steps"):
        logistic_regression(X, y, iterations=1)
    assert [each.shape for each in shown[0].values()] == [(3,), (3,), ()]
    assert not any(each.any() for each in shown[0].values())  # zeros


OUTCOME = births("low")
SPLIT = np.random.default_rng(0).integers(0, 5, OUTCOME.size) + 5 * OUTCOME  # separates
NEVER_SICK = (1 - OUTCOME) * (np.cumsum(1 - OUTCOME) <= 9)  # nine, all healthy: separates these only


@pytest.mark.parametrize(
    ("column", "steps"),
    [
        pytest.param(SPLIT, 9, marks=pytest.mark.slow, id="wholly"),
        pytest.param(NEVER_SICK, 5, id="partly, 5"),
        pytest.param(NEVER_SICK, 11, marks=pytest.mark.slow, id="partly, 11"),
    ],
)
def test_an_outcome_that_columns_separate_is_refused_however_many_steps_are_taken(column, steps):
    X = np.column_stack([births("age"), column])
    with pytest.raises((NotConverged, IllConditioned), match="separate"):
        fitted(X, OUTCOME, iterations=steps)


ONE_OTHERWISE = np.where(np.arange(189) == 7, -1, OUTCOME)


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(np.zeros(189, np.int64), marks=pytest.mark.slow, id="no events"),
        pytest.param(ONE_OTHERWISE, id="one coded -1"),
    ],
)
def test_an_outcome_without_events_or_in_another_coding_is_refused(y):
    with pytest.raises((NotConverged, IllConditioned), match="separate"):
        fitted(births("age", "smoke"), y, iterations=6)


@pytest.mark.parametrize(
    ("y", "asked", "text"),
    [
        (OUTCOME * 2, {}, "whole numbers 0 and 1"),
        (OUTCOME * 0.5, {}, "whole numbers 0 and 1"),
        (OUTCOME, {"method": "irls"}, "choose from newton, fixed-hessian"),
        (OUTCOME, {"iterations": 0}, "from 1 to"),
        (OUTCOME, {"iterations": 2.0}, "from 1 to"),
        (OUTCOME, {"tolerance": 2.0}, "tolerance"),
    ],
)
def test_what_is_asked_wrongly_is_an_error_before_anything_runs(y, asked, text):
    with pytest.raises(InvalidRequest, match=text):
        fitted(births("age", "smoke"), y, **asked)
