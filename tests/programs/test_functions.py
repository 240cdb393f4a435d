"""Functions, quotients and linear algebra in programs, against numpy and scipy."""

import numpy as np
import pytest
from scipy import special

from securecompute.arithmetic.rings import Ring
from securecompute.errors import IllConditioned, InvalidRequest
from securecompute.programs.plan import plan
from securecompute.programs.rehearsal import rehearse
from tests.programs.running import constant, held, line, program, shown

RNG = np.random.default_rng(11)
X = np.concatenate([RNG.normal(size=200) * 3, [0.001, -0.001, 7.9, -7.9, 0.5, 1.0, 2.0]])
POSITIVE = np.abs(X) + 1e-3
Y = RNG.uniform(0.1, 50, size=X.size)
M = RNG.normal(size=(100, 5)) * [1, 2, 3, 5, 0.5]
S = M.T @ M / 100


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("operation", "function", "x", "absolute", "relative"),
    [
        ("sigmoid", special.expit, X, 4e-7, 0),
        ("tanh", np.tanh, X, 7e-7, 0),
        ("normal_cdf", special.ndtr, X, 4e-7, 0),
        ("erf", special.erf, X, 7e-7, 0),
        ("exp", np.exp, X, 2e-8, 4e-9),
        ("log", np.log, POSITIVE, 4e-6, 0),
        ("reciprocal", np.reciprocal, X, 1e-9, 5e-9),
        ("rsqrt", lambda x: 1 / np.sqrt(x), POSITIVE, 1e-9, 5e-9),
        ("sqrt", np.sqrt, POSITIVE, 2e-7, 5e-9),
    ],
)
def test_functions_of_one_number(operation, function, x, absolute, relative, wide):
    (got,) = shown([held("A", x, wide=wide), line(operation, 0)], {0: x}, 1)
    np.testing.assert_allclose(got, function(x), atol=absolute, rtol=relative)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("bound", [8.0, 16.0, 30.0, 42.0])
def test_large_powers_keep_their_digits_in_either_ring(bound, wide):
    x = np.linspace(-bound, bound, 9)
    (got,) = shown([held("A", x, bound, wide=wide), line("exp", 0)], {0: x}, 1)
    np.testing.assert_allclose(got, np.exp(x), atol=2.0**-10 + np.exp(bound) * 2.0**-44, rtol=1e-6)


@pytest.mark.parametrize("wide", [False, True])
def test_powers_beyond_the_ring_are_refused_before_anything_runs(wide):
    with pytest.raises(InvalidRequest, match="42 is the most; clip them before"):
        program([held("A", X, 43.0, wide=wide), line("exp", 0)], 1)


def test_quotients():
    nodes = [held("A", X), held("D", Y), line("divide", 0, 1), constant(2.5), line("divide", 3, 1)]
    got = shown(nodes, {0: X, 1: Y}, 2, 4)
    np.testing.assert_allclose(got[0], X / Y, atol=1e-7)
    np.testing.assert_allclose(got[1], 2.5 / Y, atol=1e-7)


def test_a_divisor_proved_away_from_zero_stays_in_the_narrow_ring():
    near, far = held("D", Y), held("D", Y, least=0.1)
    assert rehearse(plan(program([near, line("reciprocal", 0)], 1))).outputs[0][0].ring is Ring.Z128
    nodes = [far, line("reciprocal", 0)]
    assert rehearse(plan(program(nodes, 1))).outputs[0][0].ring is Ring.Z64
    np.testing.assert_allclose(shown(nodes, {0: Y}, 1)[0], 1 / Y, rtol=1e-6)


def test_clipping_proves_a_divisor():
    nodes = [held("A", X), line("clip", 0, low=0.5, high=8.0), line("reciprocal", 1)]
    assert rehearse(plan(program(nodes, 2))).outputs[0][0].ring is Ring.Z64
    np.testing.assert_allclose(shown(nodes, {0: X}, 2)[0], 1 / X.clip(0.5, 8), rtol=1e-6)


def test_what_has_no_inverse_gives_the_largest_result_and_not_garbage():
    counts = np.array([0.0, 1.0, 4.0, 100.0])
    nodes = [held("A", counts, integer=True), line("reciprocal", 0), line("rsqrt", 0), line("sqrt", 0)]
    got = shown(nodes, {0: counts}, 1, 2, 3)
    np.testing.assert_allclose(got[0], [1, 1, 0.25, 0.01], atol=1e-8)
    np.testing.assert_allclose(got[1], [1, 1, 0.5, 0.1], atol=1e-7)
    np.testing.assert_allclose(got[2], [0, 1, 2, 10], atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1])
def test_softmax(axis):
    (got,) = shown([held("A", M), line("softmax", 0, axis=axis)], {0: M}, 1)
    np.testing.assert_allclose(got, special.softmax(M, axis=axis), atol=1e-5)


def test_linear_algebra():
    attributes = {"condition": 1e4}
    nodes = [held("A", S), held("D", M[0]), line("solve", 0, 1, bound=2.0**10, **attributes)]
    nodes += [line("inverse", 0, bound=2.0**10, **attributes), line("cholesky", 0, **attributes)]
    nodes += [line("eigh", 0, k=2, ratio=0.8)]
    solved, inverse, factor, both = shown(nodes, {0: S, 1: M[0]}, 2, 3, 4, 5)
    np.testing.assert_allclose(solved, np.linalg.solve(S, M[0]), atol=1e-9)
    np.testing.assert_allclose(inverse, np.linalg.inv(S), atol=1e-9)
    np.testing.assert_allclose(factor, np.linalg.cholesky(S), atol=1e-9)
    values, vectors = np.linalg.eigh(S)
    np.testing.assert_allclose(both[0], values[::-1][:2], atol=1e-8)
    np.testing.assert_allclose(np.abs((both[1:] * vectors[:, ::-1][:, :2]).sum(0)), 1, atol=1e-8)


def test_a_singular_matrix_is_refused():
    with pytest.raises(IllConditioned, match="singular"):
        shown([held("A", np.ones((3, 3))), line("inverse", 0, condition=1e4, bound=100.0)], {0: np.ones((3, 3))}, 1)


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([held("A", X, 100.0), line("exp", 0)], "is too large, 42 is the most"),
        ([held("A", X), constant(2.0), line("divide", 0, 1)], "multiply by their reciprocals"),
        ([held("A", M), line("softmax", 0, axis=2)], "softmax along axis 2"),
        ([held("A", M), line("inverse", 0, condition=10.0, bound=1.0)], r"expected \(p, p\)"),
        ([held("A", S), line("eigh", 0, k=6, ratio=0.5)], "6 eigenvalues"),
        ([held("A", S), held("D", X), line("solve", 0, 1, condition=10.0, bound=1.0)], r"not \(5, 5\) and \(207,\)"),
    ],
)
def test_what_has_no_meaning_is_refused(nodes, text):
    with pytest.raises(InvalidRequest, match=text):
        program(nodes, len(nodes) - 1)
