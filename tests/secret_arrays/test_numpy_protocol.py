"""numpy's functions on secret arrays give numpy's numbers; the others say what there is instead."""

import numpy as np
import pytest
from scipy import special

from securecompute.errors import InvalidRequest
from securecompute.secret_arrays.advice import ADVICE
from securecompute.secret_arrays.array import reveal
from securecompute.secret_arrays.gates import eigh, erf, inverse, normal_cdf, sigmoid, softmax, solve, top_k
from securecompute.secret_arrays.numpy_protocol import FUNCTIONS, UFUNCS
from tests.secret_arrays.local_network import LocalNetwork

RNG = np.random.default_rng(12)
X, V = RNG.normal(size=(6, 3)), RNG.normal(size=6)
K = RNG.integers(-4, 5, size=(6, 3))
P = np.abs(X) + 0.5
W = np.array([1.0, 2.0, 0.0, 4.0, 0.5, 1.0])
S = X.T @ X + np.eye(3)


@pytest.fixture
def x():
    return LocalNetwork().secret("Bern", X)


def check(expression, plain, tolerance=2.0**-20):
    """The expression gives the same of secret arrays as of numpy's. plain: the arrays, each of another institution"""
    network = LocalNetwork()
    secret = expression(
        *(network.secret(owner, each) for owner, each in zip(network.institutions, plain, strict=False))
    )
    got, expected = secret.reveal(), np.asarray(expression(*plain))
    assert np.shape(got) == expected.shape
    error = 0 if secret.dtype != np.float64 else tolerance * min(secret.bound, 16.0)
    np.testing.assert_allclose(got, expected, atol=error, rtol=0)


@pytest.mark.parametrize(
    "expression",
    [
        lambda x, v: np.add(x, 1) - np.subtract(x, x) * np.multiply(2, x) + np.divide(x, 7),
        lambda x, v: np.matmul(v, x),
        lambda x, v: np.negative(np.positive(x)),
        lambda x, v: np.square(x) + np.power(x, 3),
        lambda x, v: np.absolute(x) + np.fabs(x) + np.maximum(x, 0.5) - np.minimum(0.5, x),
        lambda x, v: np.sign(x - X[0]),
        lambda x, v: np.logical_and(np.less(x, 0), np.greater_equal(x, -1)),
        lambda x, v: np.logical_or(np.greater(x, 1), np.less_equal(x, -1)),
        lambda x, v: np.logical_xor(x > 0, np.logical_not(np.equal(x, X[1]))),
        lambda x, v: np.invert(np.bitwise_and(x > 0, np.bitwise_or(x > 1, np.bitwise_xor(x < 0, x < 1)))),
        lambda x, v: np.not_equal(x, X[1]),
        lambda x, v: np.sum(x, axis=1, keepdims=True) + np.mean(x) - np.mean(x, axis=0),
        lambda x, v: np.var(x, axis=0, ddof=1) + np.var(x, axis=0),
        lambda x, v: np.var(x.T, axis=1),
        lambda x, v: np.average(x, axis=0, weights=W),
        lambda x, v: np.average(x, weights=np.abs(X)) + np.average(x, axis=1),
        lambda x, v: np.average(x.reshape(3, 6, 1), axis=1, weights=W),
        lambda x, v: np.cov(x),
        lambda x, v: np.cov(x, rowvar=False, bias=True),
        lambda x, v: np.cov(x, rowvar=False, ddof=2) + np.cov(v),
        lambda x, v: np.max(x, axis=0) - np.min(x) + np.ptp(x, axis=1, keepdims=True),
        lambda x, v: np.argmax(x, axis=1, keepdims=True) + np.argmin(x, axis=0),
        lambda x, v: np.any(x > 1, axis=1),
        lambda x, v: np.all(x > -1, axis=0),
        lambda x, v: np.count_nonzero(x > 0, axis=0),
        lambda x, v: np.sort(x, axis=0),
        lambda x, v: np.sort(x.reshape(3, 2, 3), axis=None),
        lambda x, v: np.argsort(x),
        lambda x, v: np.median(x, axis=1),
        lambda x, v: np.median(v, keepdims=True),
        lambda x, v: np.quantile(x, [0, 0.3, 1], axis=0),
        lambda x, v: np.percentile(v, 90),
        lambda x, v: np.trace(x) + np.trace(x, offset=-2),
        lambda x, v: np.linalg.norm(x, 1, axis=0) + np.linalg.norm(v, np.inf),
        lambda x, v: np.where(x > 0, x, -1.5) + np.where(X > 0, 2.0, x) + np.where(X > 0, x, x[0]),
        lambda x, v: np.where(v[:, None] > 0, 1.5, 2),
        lambda x, v: np.select([x < -1, X < 0, x > 1], [0.0, x, 2 * x], default=7),
        lambda x, v: np.clip(x, -1, 0.5) + np.clip(x, None, 0) + np.clip(X, x, 1.0),
        lambda x, v: np.dot(v, x) + np.dot(2.0, v[0]),
        lambda x, v: np.outer(v, x[0]) - np.outer(V, x[1]),
        lambda x, v: np.reshape(x, (2, -1)) + np.ravel(x)[:9],
        lambda x, v: np.transpose(x.reshape(2, 3, 3), (2, 0, 1)),
        lambda x, v: np.swapaxes(x, 0, 1) + np.moveaxis(x, 1, 0),
        lambda x, v: np.expand_dims(x, (0, -1)),
        lambda x, v: np.squeeze(np.expand_dims(v, 1)),
        lambda x, v: np.broadcast_to(v[:3], (2, 6, 3)),
        lambda x, v: np.take(x, [[2, 0], 1][0], axis=1),
        lambda x, v: np.take(x, [5, 1]),
        lambda x, v: np.concatenate([x, X, x[:1] * 2]),
        lambda x, v: np.concatenate((x, x), axis=None),
        lambda x, v: np.stack([v, V, v], axis=1),
        lambda x, v: np.stack(x),
        lambda x, v: np.vstack([x, v[:3], np.ones(3)]),
        lambda x, v: np.hstack([v, v]),
        lambda x, v: np.hstack([x, X]),
        lambda x, v: np.column_stack([np.ones(6), x, v]),
        lambda x, v: np.diag(v, 1) + np.diag(v, -1),
        lambda x, v: np.diag(x) + np.diag(x.T, 0) + np.diagonal(x, -1),
        lambda x, v: np.diag(v),
        lambda x, v: np.cumsum(x) + np.cumsum(v)[0],
        lambda x, v: np.cumsum(x, axis=0) - np.cumsum(x, axis=1),
        lambda x, v: np.flip(x) + np.flip(x, 0),
        lambda x, v: np.diff(x, axis=0) + 0,
        lambda x, v: np.diff(v, n=2),
        lambda x, v: np.copy(x) + np.zeros_like(x) + np.ones_like(x) * np.full_like(x, 3),
        lambda x, v: x * np.shape(x)[0] + np.ndim(x) + np.size(x),
        lambda x, v: np.linalg.solve(S, x.T @ v),
        lambda x, v: np.cov(x[:, 0], v) + np.cov(x[:, 0], V, bias=True),
        lambda x, v: np.cov(x, v, rowvar=False) + np.cov(X, v, rowvar=False),
        lambda x, v: np.corrcoef(x[:, 0], v) + np.corrcoef(x[:, :2], rowvar=False),
        lambda x, v: np.prod(v) + np.prod(x, axis=0) - np.prod(x[:3], axis=1, keepdims=True),
        lambda x, v: np.array_equal(x, x) + np.array_equal(x, X + 1) + np.array_equal(x, v) + (v > 9),
        lambda x, v: np.inner(x, x[:2]) + np.vdot(x, X) + np.inner(v, v),
        lambda x, v: np.kron(x, v[:2]) + np.kron(v[:2], x) + np.kron(X[:2], x[:1])[0, 0],
        lambda x, v: np.polyval([1.0, -2.0, 0.5], v) + np.polyval(v[:3], 2.0) + np.polyval(v[:1], x[0, 0]),
        lambda x, v: np.polyval(v[:2], x) + np.polyval([3.0], x),
        lambda x, v: np.ediff1d(v, to_end=[1.0, 2.0], to_begin=v[:2])[:8] + np.ediff1d(x)[:8],
        lambda x, v: np.roll(x, 2) + np.roll(x, -1, axis=0) + np.roll(x, 7, axis=1) + np.roll(x, 0),
        lambda x, v: np.tril(x, -1) + np.triu(x) * 2 + np.triu(x, 2),
        lambda x, v: np.atleast_1d(v[0]) + np.atleast_2d(v) + np.atleast_3d(x)[0, 0, 0],
        lambda x, v: np.atleast_3d(v) + np.atleast_3d(v[0]),
        lambda x, v: np.atleast_3d(x) + 0,
        lambda x, v: np.logical_and(x, x > 1) | np.logical_not(x) | np.logical_xor(x, X) | np.logical_or(0, x),
        lambda x, v: np.signbit(x) + np.heaviside(x - x[0], 0.5) + np.fmin(x, 0.2) - np.fmax(X, x),
        lambda x, v: np.hypot(x, v[:, None]) + np.hypot(3.0, x) + np.conj(x),
        lambda x, v: np.sinh(x) + np.cosh(x / 2) + np.exp2(x),
        lambda x, v: np.deg2rad(x) + np.rad2deg(x) + np.degrees(x) - np.radians(x),
        lambda x, v: np.logaddexp(x, v[:, None]) + np.logaddexp(30 * x, 0.0),
        lambda x, v: np.isfinite(x) + np.isnan(x) + np.isinf(x) + np.isreal(x) + np.iscomplex(x) + x,
        lambda x, v: np.real(x) + np.imag(x) + np.isrealobj(x) + np.iscomplexobj(x) + np.isposinf(x) + np.isneginf(x),
    ],
)
def test_functions_give_numpys_numbers(expression):
    check(expression, (X, V))


@pytest.mark.parametrize(
    "expression",
    [
        lambda k: k @ k.T,
        lambda k: np.sort(k, axis=0),
        lambda k: np.argsort(k, axis=0, stable=True),
        lambda k: np.argmax(k, axis=0),
        lambda k: np.clip(k, -2, 2) + np.abs(k),
        lambda k: np.cumsum(k, axis=0),
        lambda k: np.count_nonzero(k),
        lambda k: np.concatenate([k, np.arange(3)[None]]),
        lambda k: np.where(k > 0, k, -1),
    ],
)
def test_whole_numbers_stay_exact(expression):
    check(expression, (K,))


def test_systems_and_inverses_of_secret_matrices():
    check(lambda s, v: np.linalg.solve(s, v[:3]), (S, V))
    check(lambda s, v: np.linalg.solve(s, np.eye(3)) - np.linalg.inv(s), (S, V))
    network = LocalNetwork()
    s = network.secret("Bern", S)
    np.testing.assert_allclose(solve(s, [1, 2, 3], condition=100.0, bound=10.0).reveal(), np.linalg.solve(S, [1, 2, 3]))
    np.testing.assert_allclose(inverse(s, condition=100.0).reveal(), np.linalg.inv(S), atol=1e-9)


@pytest.mark.parametrize(
    "expression",
    [
        lambda x, p: np.exp(x) + np.expm1(x),
        lambda x, p: np.log(p) + np.log1p(p) - np.log2(p) * np.log10(p),
        lambda x, p: np.sqrt(p) * p**0.5,
        lambda x, p: 1 / np.sqrt(p) + x / np.sqrt(p),
        lambda x, p: np.reciprocal(p) + 1 / p,
        lambda x, p: x / p + 2.5 / p,
        lambda x, p: np.tanh(x),
        lambda x, p: x.std(axis=0, ddof=1) + np.std(p),
        lambda x, p: (x - x.mean(axis=0)) / x.std(axis=0),
        lambda x, p: np.linalg.norm(x) + np.linalg.norm(p, axis=0) + np.linalg.norm(p[0], 2),
        lambda x, p: np.corrcoef(x, rowvar=False),
        lambda x, p: np.average(x, axis=0, weights=p[:, 0]) + np.average(x, weights=p),
        lambda x, p: np.linalg.cholesky(p.T @ p + np.eye(3)),
        lambda x, p: np.linalg.cholesky(p.T @ p + np.eye(3), upper=True),
    ],
)
def test_curves_and_what_is_made_of_them_are_near_numpys(expression):
    check(expression, (X, P), 1e-6)


def test_functions_that_numpy_lacks_are_near_scipys():
    x = LocalNetwork().secret("Bern", X)
    got = reveal(sigmoid(x), softmax(x), softmax(x, axis=0), erf(x), normal_cdf(x))
    expected = special.expit(X), special.softmax(X, 1), special.softmax(X, 0), special.erf(X), special.ndtr(X)
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_eigenvalues_are_numpys_and_their_vectors_up_to_sign():
    spread = np.diag([4.0, 2.0, 0.5]) + 0.1
    s = LocalNetwork().secret("Bern", spread)
    expected = np.linalg.eigh(spread)
    values, vectors = reveal(*np.linalg.eigh(s))
    np.testing.assert_allclose(values, expected.eigenvalues, atol=1e-6)
    np.testing.assert_allclose(np.abs(vectors), np.abs(expected.eigenvectors), atol=1e-6)
    (first,) = reveal(eigh(s, 1, ratio=0.7).eigenvalues)
    np.testing.assert_allclose(first, expected.eigenvalues[-1:], atol=1e-6)


def test_the_largest_few():
    network = LocalNetwork()
    np.testing.assert_allclose(top_k(network.secret("Bern", V), 2).reveal(), np.sort(V)[:-3:-1], atol=1e-9)


def test_the_variance_of_columns_does_not_cost_more_the_longer_they_are():
    network = LocalNetwork()
    x = network.secret("Bern", np.zeros((500, 3)), bound=1.0)
    operations = [node.operation for node in np.var(x, axis=0).explain().nodes]
    assert "gram" in operations
    assert "multiply" not in operations


def test_public_arrays_are_joined_without_a_message():
    joined = np.column_stack([np.ones(6), LocalNetwork().secret("Bern", X)])
    quiet = {"sum", "input", "constant", "index", "reshape", "multiply", "add", "concatenate"}
    assert {node.operation for node in joined.explain().nodes} <= quiet
    assert all(node.value is None or node.value.shape != (6, 3) for node in joined.explain().nodes[1:])


@pytest.mark.parametrize(
    ("misuse", "text"),
    [
        (lambda x: np.sin(x), "np.sin does not take secret arrays; no program computes it"),
        (lambda x: np.spacing(x), "np.spacing does not take secret arrays; there are absolute, add"),
        (lambda x: np.floor(x), "np.floor does not take secret arrays; numbers are rounded after"),
        (lambda x: np.einsum("ij,ij->i", x, x), "np.einsum does not take secret arrays; write it with @"),
        (lambda x: np.unique(x), "how many there are is secret"),
        (lambda x: np.round(x, 2), "rounded after they are revealed"),
        (lambda x: np.histogram(x), r"write np.sum\(\(x >= low\)"),
        (lambda x: np.linalg.det(x), r"np.linalg.det does not take .* np.prod\(np.diagonal\(np.linalg.cholesky"),
        (lambda x: np.fft.fft(x), "np.fft.fft does not take secret arrays; there are all, angle"),
        (lambda x: np.linalg.pinv(x), r"np.linalg.solve\(X.T @ X, X.T @ y\), or sc.linear_regression"),
        (lambda x: np.linalg.lstsq(x, x[:, 0]), r"np.linalg.solve\(X.T @ X, X.T @ y\)"),
        (lambda x: np.linalg.svd(x), "squared singular values"),
        (lambda x: np.nanmean(x), "has no NaN: records that lack a value are left out .* write np.mean"),
        (lambda x: np.cov(x, x[:3, :2], rowvar=False), "variables of 6 and of 3 records"),
        (lambda x: np.corrcoef(x[:, 0], x[:4, 0]), "variables of 6 and of 4 records"),
        (lambda x: np.prod(x[:0]), "a product of no elements"),
        (lambda x: np.prod(np.tile(X, 60).ravel() * x[0, 0]), "are beyond Z_2"),
        (lambda x: np.polyval([], x), "a coefficient or more"),
        (lambda x: np.tril(x[0]), "expected a matrix"),
        (lambda x: np.select(x > 0, x), "a list of conditions"),
        (lambda x: np.allclose(x, X), "tolerance"),
        (lambda x: np.nonzero(x), "is secret"),
        (lambda x: np.where(x > 0), "at which positions a condition holds is secret"),
        (lambda x: np.where(x, 1.0, 2.0), r"write \(x != 0\)"),
        (lambda x: np.add.reduce(x), "takes no reduce"),
        (lambda x: np.add(x, 1, out=np.zeros((6, 3))), "takes no out"),
        (lambda x: np.add(x, 1, where=X > 0), "takes no where"),
        (lambda x: np.zeros((6, 3)).__iadd__(x), "takes no out"),
        (lambda x: np.sum(x, dtype=np.float32), "np.sum of a secret array: got an unexpected keyword argument 'dtype'"),
        (lambda x: np.mean(x, where=X > 0), "unexpected keyword argument 'where'"),
        (lambda x: np.cov(x, fweights=[1, 2]), "unexpected keyword argument 'fweights'"),
        (lambda x: np.std(x, 0, None), "too many positional"),
        (lambda x: np.take(X, x), "does not become an array"),
        (lambda x: np.quantile(X, x[0, 0]), "takes the secret array first"),
        (lambda x: np.quantile(x, 1.5), "levels from 0 to 1"),
        (lambda x: np.average(x, weights=[1.0, 2.0]), r"weights of shape \(2,\)"),
        (lambda x: np.average(x, axis=1, weights=[1, -1, 0]), "weights with a total of 0"),
        (lambda x: np.average(X, weights=x), "write w @ a"),
        (lambda x: np.select([x > 0], [x, x]), "as many conditions as choices"),
        (lambda x: np.clip(x), "missing a required argument|a lowest value"),
        (lambda x: np.cov(x.reshape(2, 3, 3)), "expected records by variables"),
        (lambda x: np.corrcoef(x[0]), "single variable"),
        (lambda x: np.linalg.norm(x, "nuc"), "norms of secret arrays"),
        (lambda x: np.linalg.norm(x, 2), "norms of secret arrays"),
        (lambda x: np.linalg.solve(np.zeros((3, 3)), x[0]), "the public matrix has no inverse"),
        (lambda x: np.linalg.solve(x, x[0]), r"expected \(p, p\)"),
        (lambda x: np.linalg.inv(x), r"expected \(p, p\)"),
        (lambda x: np.broadcast_to(x, (6, 4)), r"cannot be broadcast to \(6, 4\)"),
        (lambda x: np.broadcast_to(x[:, :1, None], (6, 3)), r"cannot be broadcast to \(6, 3\)"),
        (lambda x: np.concatenate([x, x[0]]), "concatenate along axis 0"),
        (lambda x: np.concatenate([x, x], axis=2), "axis 2 of an array with 2 axes"),
        (lambda x: np.stack([x, x[:2]]), "stack along axis 0"),
        (lambda x: np.reshape(x, (6, 3), order="F"), "C order"),
        (lambda x: np.diff(x, n=1.5), "public whole number"),
        (lambda x: np.trace(x[0]), "expected a matrix"),
        (lambda x: np.sort(np.broadcast_to(x[0], (300, 3))), "300 vectors in one program"),
        (lambda x: top_k(x[0], 0), "0 is not a whole number"),
        (lambda x: top_k(x[0], -2), "-2 is not a whole number"),
        (lambda x: top_k(x[0], 4), "the 4 largest of 3"),
        (lambda x: top_k(X[0], 2), "takes a secret array"),
        (lambda x: eigh(x, 1), r"expected 1 to p of \(p, p\)"),
        (lambda x: eigh(x.T @ x, 0), "0 is not a whole number"),
        (lambda x: eigh(x.T @ x, 2, ratio=1.0), "1.0 is not a number from"),
        (lambda x: np.linalg.cholesky(x), r"expected \(p, p\)"),
        (lambda x: sigmoid(X), "takes a secret array"),
        (lambda x: softmax(x, axis=2), "axis 2 of an array with 2 axes"),
        (lambda x: np.exp(100 * x), "clip them"),
        (lambda x: solve(x, x[0], condition=0.5), "not a number from 1"),
    ],
)
def test_what_there_is_not_is_refused_with_advice(x, misuse, text):
    with pytest.raises(InvalidRequest, match=text):
        misuse(x)


@pytest.mark.parametrize(
    ("function", "advised"),
    [
        (np.linalg.det, lambda s: np.prod(np.diagonal(np.linalg.cholesky(s))) ** 2),
        (lambda s: np.linalg.lstsq(s, S[0] + 1)[0], lambda s: np.linalg.solve(s.T @ s, s.T @ (S[0] + 1))),
        (lambda s: np.linalg.svdvals(s) ** 2, lambda s: np.linalg.eigh(s.T @ s)[0][::-1]),
        (np.cbrt, lambda s: np.exp(np.log(s) / 3)),
        (np.arcsinh, lambda x: np.sign(x) * np.log(abs(x) + np.sqrt(x * x + 1))),
        (lambda x: np.copysign(x, S), lambda x: np.where(x < 0, -abs(x), abs(x))),
        (lambda x: np.isin(x, S[0]), lambda x: np.any(x.ravel()[:, None] == S[0], axis=1).reshape(3, 3)),
        (lambda x: np.searchsorted([1, 3, 5.0], x[0]), lambda x: np.sum(x[0][:, None] > [1, 3, 5.0], axis=1)),
    ],
)
def test_what_is_advised_instead_gives_numpys_numbers(function, advised):
    matrix = abs(S) if function is np.cbrt else S
    np.testing.assert_allclose(advised(LocalNetwork().secret("Bern", matrix)).reveal(), function(matrix), rtol=1e-4)


def test_advice_is_about_what_numpy_has():
    homes = (np, np.linalg, np.ndarray)
    unknown = {name for name in ADVICE if not any(hasattr(home, name) for home in homes)}
    assert unknown <= {"in1d", "describe"}
    assert not {each.__name__ for each in FUNCTIONS} & ADVICE.keys()


def test_a_method_that_numpys_arrays_have_says_what_to_write(x):
    for name, text in (("nonzero", "np.where"), ("repeat", "np.concatenate"), ("median", r"write np.median\(x\)")):
        with pytest.raises(AttributeError, match=text):
            getattr(x, name)
    with pytest.raises(AttributeError, match=r"a secret array has no 'nonsense'$"):
        _ = x.nonsense


def test_the_largest_along_the_last_axis():
    check(lambda x: top_k(x, 2) if hasattr(x, "reveal") else np.sort(x, axis=-1)[..., :-3:-1], (X.reshape(3, 2, 3),))


def test_every_function_of_the_table_is_numpys():
    assert all(isinstance(getattr(np, name), np.ufunc) for name in UFUNCS)
    assert all(hasattr(function, "__wrapped__") or hasattr(function, "__name__") for function in FUNCTIONS)
