"""Regressions on rows of which only some count, and which is secret: statsmodels on the inner join."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.datasets import load_breast_cancer

import securecompute as sc
from securecompute.errors import IllConditioned, InvalidRequest
from securecompute.fits import NotConverged, linear_regression, logistic_regression
from tests.fits.patients import births
from tests.linked import network
from tests.secret_arrays.local_network import LocalNetwork

TARGET = births("bwt")
COLUMNS = births("age"), births("lwt"), births("smoke")
COUNTS = (np.random.default_rng(0).random(TARGET.size) < 0.6).astype(np.int64)
EXACT = 1e-6  # in standard errors, and of a standard error


def shared(*arrays, local=None):
    local = local or LocalNetwork()
    return [
        local.secret(owner, x) for owner, x in zip(("Bern", "Lyon", "Turin", "Ghent", "Bern"), arrays, strict=False)
    ]


def fitted(fit, X, y, e, hidden=True, **asked):
    """hidden: rows that do not count are zeros, as linked records have them"""
    *secret, target, counts = shared(*(x * e if hidden else x for x in (*X, y)), e)
    return fit(secret, target, matched=counts, **asked)


def plain(X, y, e, model=sm.OLS, intercept=True):
    design = np.column_stack(X).astype(float)[e == 1]
    options = {"disp": 0} if model is sm.Logit else {}
    return model(y[e == 1], sm.add_constant(design) if intercept else design).fit(**options)


def check(result, truth, within=EXACT):
    assert np.abs((result.coefficients - truth.params) / truth.bse).max() < within
    assert np.abs(result.standard_errors / truth.bse - 1).max() < within
    assert result.n == truth.nobs
    assert np.allclose(result.p_values, truth.pvalues, atol=1e-5)


@pytest.mark.parametrize(
    "hidden",
    [pytest.param(True, id="zeros elsewhere"), pytest.param(False, id="anything elsewhere", marks=pytest.mark.slow)],
)
def test_a_linear_regression_is_that_of_the_rows_that_count(hidden):
    result = fitted(linear_regression, COLUMNS, TARGET, COUNTS, hidden, quality=True)
    truth = plain(COLUMNS, TARGET, COUNTS)
    check(result, truth)
    assert result.df == truth.df_resid
    assert result.residual_variance == pytest.approx(truth.mse_resid, rel=1e-6)
    assert result.r_squared == pytest.approx(truth.rsquared, abs=1e-6)


def test_a_linear_regression_without_an_intercept():
    check(
        fitted(linear_regression, COLUMNS[:2], TARGET, COUNTS, hidden=False, intercept=False),
        plain(COLUMNS[:2], TARGET, COUNTS, intercept=False),
    )


def test_few_rows_of_many_and_columns_far_from_zero():
    rng = np.random.default_rng(1)
    n = 20_000
    e = (rng.random(n) < 0.01).astype(np.int64)
    far, near = rng.normal(300, 1, n), rng.integers(20, 90, n)
    y = 3 * far + 0.1 * near + rng.normal(4000, 4, n)  # whose residuals are 2^-12 of its bound
    check(fitted(linear_regression, (far, near), y, e), plain((far, near), y, e))


@pytest.mark.parametrize(
    ("method", "iterations"), [("newton", 6), pytest.param("fixed-hessian", 20, marks=pytest.mark.slow)]
)
def test_a_logistic_regression_is_that_of_the_rows_that_count(method, iterations):
    low = births("low")
    result = fitted(logistic_regression, COLUMNS, low, COUNTS, method == "newton", method=method, iterations=iterations)
    check(result, plain(COLUMNS, low, COUNTS, sm.Logit), within=1e-5)


@pytest.mark.slow
def test_a_logistic_regression_without_an_intercept():
    low = births("low")
    result = fitted(logistic_regression, COLUMNS[1:], low, COUNTS, hidden=False, iterations=6, intercept=False)
    check(result, plain(COLUMNS[1:], low, COUNTS, sm.Logit, intercept=False), within=1e-5)


def test_how_many_count_is_shown_with_the_coefficients_and_nothing_else():
    local = LocalNetwork()
    *X, y, e = shared(*(x * COUNTS for x in (*COLUMNS, TARGET)), COUNTS, local=local)
    linear_regression(X, y, matched=e)
    (program,) = local.programs
    assert [program.types[line].shape for line, _ in program.outputs] == [(4,), (4,), ()]


def test_a_fit_that_has_not_converged_does_not_say_how_many_count():
    local, shown = LocalNetwork(), []
    x, y, e = shared(COLUMNS[0] * COUNTS, births("low") * COUNTS, COUNTS, local=local)
    local.run_program = lambda program: shown.append(LocalNetwork.run_program(local, program)) or shown[-1]
    with pytest.raises(NotConverged):
        logistic_regression(x, y, matched=e, iterations=1)
    assert not any(each.any() for each in shown[0].values())


def test_columns_that_are_collinear_in_the_rows_that_count_are_refused():
    twin = np.where(COUNTS == 1, COLUMNS[0], COLUMNS[1])
    with pytest.raises(IllConditioned):
        fitted(linear_regression, (COLUMNS[0], twin), TARGET, COUNTS, hidden=False)


def test_as_few_rows_as_coefficients_are_refused():
    few = np.zeros_like(COUNTS)
    few[[3, 70]] = 1
    with pytest.raises((IllConditioned, InvalidRequest)):
        fitted(linear_regression, COLUMNS[:1], TARGET, few)


@pytest.mark.parametrize("fit", [linear_regression, logistic_regression])
@pytest.mark.parametrize("wrong", [np.ones(8, np.int64), np.ones(9) / 2, np.full(9, 2), "column", None])
def test_what_does_not_say_which_rows_count_is_an_error(fit, wrong):
    local = LocalNetwork()
    x, y = local.secret("Bern", np.arange(9)), local.secret("Lyon", np.arange(9) % 2)
    if wrong is None:
        x, y, wrong = local.secret("Bern", np.arange(9)), y, np.ones(9)  # public
    secret = local.secret("Turin", wrong) if isinstance(wrong, np.ndarray) and wrong.shape != (9, 9) else wrong
    with pytest.raises(InvalidRequest, match="matched"):
        fit(x, y, matched=secret if not isinstance(wrong, str) else "column")


@pytest.fixture(scope="module")
def tumours():
    """A has records 0 to 399 with the diagnosis, B has 150 to 568: 250 in common, 90 of them malignant."""
    data = load_breast_cancer(as_frame=True)
    every = data.data.assign(sick=np.where(data.target == 0, "yes", "no"), pid=[f"t{k}" for k in range(569)])
    A = every.loc[:399, ["pid", "sick", "mean radius", "mean texture"]]
    B = every.loc[150:, ["pid", "mean smoothness", "mean concavity"]]
    return {"A": A, "B": B}


HERE, THERE = ["mean radius", "mean texture"], ["mean smoothness", "mean concavity"]


def linked(formed, least):
    return formed.link("A", "B", on="pid", columns={"A": ["sick", *HERE], "B": THERE}, least=least)


def test_a_linear_regression_across_two_institutions(tumours, dealt):
    with network(tumours) as formed:
        model = linked(formed, 110).model(("B", "mean concavity"), {"A": HERE, "B": THERE[:1]})
        result = linear_regression(**model, quality=True)
    assert np.allclose(result.coefficients, [-0.363744, 0.011215, 0.002498, 2.568896], atol=5e-7)
    assert (result.n, result.names[1:]) == (250, ("mean radius", "mean texture", "mean smoothness"))
    assert result.r_squared == pytest.approx(0.634994, abs=5e-7)
    both = tumours["A"].merge(tumours["B"], on="pid")
    check(result, sm.OLS(both[THERE[1]].to_numpy(), sm.add_constant(both[[*HERE, THERE[0]]].to_numpy())).fit())


@pytest.mark.slow
def test_a_logistic_regression_across_two_institutions(tumours, dealt):
    with network(tumours) as formed:
        model = linked(formed, 120).model(("A", "sick"), {"A": HERE, "B": THERE})
        result = logistic_regression(**model, iterations=9)
    assert np.allclose(
        result.coefficients, [-39.084786, 1.316755, 0.338988, 122.703563, 17.344170], rtol=1e-6, atol=1e-4
    )
    both = tumours["A"].merge(tumours["B"], on="pid")
    design = sm.add_constant(both[[*HERE, *THERE]].to_numpy())
    check(result, sm.Logit((both.sick == "yes").to_numpy(float), design).fit(disp=0), within=1e-5)


def test_too_few_patients_in_common_refuse_a_fit(tumours, dealt):
    with network(tumours) as formed:
        model = linked(formed, 90).model(("B", "mean concavity"), {"A": HERE, "B": THERE[:1]})
        with pytest.raises(sc.DisclosureRefused, match="shows 9 numbers, and one for every 10 records"):
            linear_regression(**linked(formed, 80).model(("B", "mean concavity"), {"A": HERE, "B": THERE[:1]}))
        assert linear_regression(**model).n == 250
    rest = {"A": tumours["A"], "B": pd.DataFrame(tumours["B"][170:])}
    with network(rest) as formed, pytest.raises(sc.DisclosureRefused, match="fewer than 90 records match"):
        linear_regression(**linked(formed, 90).model(("B", "mean concavity"), {"A": HERE, "B": THERE[:1]}))
