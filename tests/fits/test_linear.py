"""Linear regression on shares against statsmodels, and what it refuses and shows."""

import numpy as np
import pytest
import statsmodels.api as sm

from securecompute.errors import IllConditioned, InvalidRequest
from securecompute.fits import linear_regression
from securecompute.secret_arrays.array import SecretArray
from tests.fits.patients import births, diabetes, stacked, tumours
from tests.secret_arrays.local_network import LocalNetwork

LARGEST_DIFFERENCE = 1e-6  # in standard errors, and of a standard error


def fitted(X, y, institutions=3, **asked):
    network = LocalNetwork()
    groups = X if isinstance(X, list) else [X]
    secret = [stacked(x, institutions, network) for x in groups]
    return linear_regression(secret if len(secret) > 1 else secret[0], stacked(y, institutions, network), **asked)


def check(result, X, y, intercept=True):
    X = np.column_stack(X) if isinstance(X, list) else X
    plain = sm.OLS(y, sm.add_constant(X.astype(float)) if intercept else X).fit()
    assert np.abs((result.coefficients - plain.params) / plain.bse).max() < LARGEST_DIFFERENCE
    assert np.abs(result.standard_errors / plain.bse - 1).max() < LARGEST_DIFFERENCE
    assert np.allclose(result.statistics, plain.tvalues, rtol=1e-5, atol=1e-5)
    assert np.allclose(result.p_values, plain.pvalues, atol=1e-6)
    assert np.allclose(result.intervals(), plain.conf_int(), rtol=1e-5)
    assert (result.n, result.df) == (len(y), plain.df_resid)
    return plain


def test_real_patients_of_four_institutions_in_their_own_units():
    X, y = diabetes()
    check(fitted(X, y, institutions=4), X, y)


def test_age_beside_zeros_and_ones_and_columns_of_whole_numbers():
    X, y = births("age", "lwt", "smoke", "ht"), births("bwt")
    result = fitted(X, y, quality=True, names=["age", "weight", "smokes", "pressure"])
    plain = check(result, X, y)
    assert result.residual_variance == pytest.approx(plain.mse_resid, rel=1e-6)
    assert result.r_squared == pytest.approx(plain.rsquared, abs=1e-6)
    assert result.names == ("intercept", "age", "weight", "smokes", "pressure")
    assert "smokes" in str(result) and "linear regression of 189 records" in str(result)


def test_columns_of_very_different_units_come_as_arrays_of_their_own():
    X, y = tumours(1, 3, 4, 8)[0], tumours(0)[0][:, 0]  # areas in the thousands, smoothness in the hundredths
    check(fitted([X[:, :1], X[:, 1], X[:, 2:]], y), X, y)


def test_units_too_unlike_for_one_array_are_refused_with_what_helps():
    X, y = births("age", "lwt"), births("bwt")
    unlike = X * [1.0, 1e7]
    with pytest.raises(IllConditioned, match=r"Give X as a list of arrays, such as \[age, cells\]"):
        fitted(unlike, y)
    check(fitted([unlike[:, :1], unlike[:, 1:]], y), unlike, y)
    with pytest.raises(IllConditioned, match="drop a collinear column") as refused:
        fitted([X[:, :1], X[:, :1]], y)
    assert "list of arrays" not in str(refused.value)


def test_a_fit_without_an_intercept():
    X, y = births("age", "lwt"), births("bwt")
    check(fitted(X, y, intercept=False), X, y, intercept=False)


def test_nothing_is_shown_but_coefficients_and_squares_of_standard_errors():
    network = LocalNetwork()
    X, y = (stacked(x, network=network) for x in (births("age", "smoke"), births("bwt")))
    linear_regression(X, y)
    (program,) = network.programs
    assert [program.types[line].shape for line, _ in program.outputs] == [(3,), (3,)]
    assert linear_regression.explain(X, y).outputs == program.outputs
    assert len(network.programs) == 1  # an explanation runs nothing


def test_a_collinear_and_a_constant_column_are_refused():
    X, y = births("age", "lwt"), births("bwt")
    for column in (X[:, :1] + X[:, 1:], np.ones((len(X), 1), np.int64)):
        with pytest.raises(IllConditioned, match="drop a collinear column"):
            fitted(np.column_stack([X, column]), y)


def test_an_exact_fit_shows_small_standard_errors_never_nonsense():
    X = births("age", "lwt")
    result = fitted(X, X @ [2, 3] + 7)
    assert np.allclose(result.coefficients, [7, 2, 3], atol=1e-6)
    assert (result.standard_errors < 0.2).all() and (result.p_values[1:] < 1e-6).all()


@pytest.mark.parametrize(
    ("X", "y", "asked", "text"),
    [
        ((9, 3), (8,), {}, "y has shape"),
        ((9, 3), (9, 1), {}, "y has shape"),
        ((4, 3), (4,), {}, "there must be more records"),
        ((9, 3, 1), (9,), {}, "records by columns"),
        ((9, 3), (9,), {"names": ["a", "b"]}, "2 names for 3 columns"),
        ((9, 3), (9,), {"names": ["a", "b", "a"]}, "one name of its own"),
    ],
)
def test_what_does_not_fit_together_is_an_error_before_anything_runs(X, y, asked, text):
    network = LocalNetwork()
    with pytest.raises(InvalidRequest, match=text):
        linear_regression(network.secret("Bern", np.ones(X)), network.secret("Lyon", np.ones(y)), **asked)
    assert not network.programs


def test_public_numbers_are_no_records():
    y = LocalNetwork().secret("Bern", np.ones(9))
    assert isinstance(y, SecretArray)
    for X in (np.ones((9, 2)), [y, np.ones(9)], []):
        with pytest.raises(InvalidRequest, match="takes secret arrays"):
            linear_regression(X, y)
