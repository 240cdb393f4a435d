"""Leading eigenvalues and vectors on shares: as numpy's, or refused; faults that are caught; cost, views."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, IllConditioned, InvalidRequest
from securecompute.protocols.products import eigen
from securecompute.protocols.products.eigen import eigen_symmetric, plan
from tests.protocols.products.exact_systems import Encoded, run, with_spectrum
from tests.protocols.products.playing import TRIO, alone, received, words
from tests.protocols.products.views import uniform


def check(s, k, came, vectors=True):
    """Against numpy: largest first, signs arbitrary, to what the module promises."""
    (values, v), trace = came.values, np.trace(s.reals)
    right, basis = np.linalg.eigh(s.reals)
    right, basis = right[::-1], basis[:, ::-1]
    assert np.abs(values - right[:k]).max() < 2.0**-32 * np.sqrt(len(right)) * trace
    assert np.abs(v.T @ v - np.eye(k)).max() < 2.0**-24
    if vectors:
        gaps = np.array([min(abs(right[j] - np.delete(right, j)), default=trace) for j in range(k)])
        signs = np.sign((basis[:, :k] * v).sum(axis=0))
        assert (np.abs(v * signs - basis[:, :k]).max(axis=0) < 1e-9 * trace / gaps).all()


@settings(max_examples=12)
@given(st.integers(1, 8), st.data(), st.floats(0.05, 0.9), st.floats(-3, 3), st.integers(0, 99))
def test_eigenvalues_and_vectors_are_numpys(p, data, ratio, size, seed):
    k = data.draw(st.integers(1, min(p, 3)))
    s = Encoded(with_spectrum(10**size * ratio ** np.arange(p), seed), 60)
    check(s, k, run(eigen_symmetric, s, k=k, ratio=min(1.01 * ratio, 0.95)))


@pytest.mark.parametrize(
    "s",
    [np.diag([3.0, 1, 2]), np.array([[5.0]]), np.ones((3, 3)) + np.diag([0.0, 1, 3]), np.diag([8.0, 4, 2, 1, 0, 0])],
    ids=["diagonal", "1 x 1", "full", "singular"],
)
def test_small_matrices_in_full(s):
    k = np.linalg.matrix_rank(s)
    came = run(eigen_symmetric, Encoded(s), k=int(k), ratio=0.7)
    check(Encoded(s), int(k), came)


def test_principal_components_of_a_covariance():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 12)) @ rng.normal(size=(12, 12)) * np.geomspace(1, 20, 12)
    s = Encoded(np.cov(x.T), 40)
    came = run(eigen_symmetric, s, k=3, ratio=0.9)
    check(s, 3, came)


def test_eigenvalues_that_coincide_beyond_those_wanted_do_no_harm():
    s = Encoded(with_spectrum([4, 1, 1, 1, 1]), 60)
    check(s, 1, run(eigen_symmetric, s, k=1, ratio=0.3))


def test_numbers_in_the_narrow_ring_are_widened():
    s = Encoded(with_spectrum([4, 2, 1]), 40, Ring.Z64)
    came = run(eigen_symmetric, s, k=2, ratio=0.6)
    assert came.types[0].ring is came.types[1].ring is Ring.Z128
    check(s, 2, came)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("p", "k", "ratio"), [(50, 5, 0.9), (50, 2, 0.99), (10, 10, 0.5), (100, 3, 0.9), (200, 2, 0.9)]
)
def test_larger_matrices(p, k, ratio):
    s = Encoded(with_spectrum(0.999 * ratio ** np.arange(p)), 60)
    check(s, k, run(eigen_symmetric, s, k=k, ratio=ratio))


# ---- what is refused


@pytest.mark.parametrize(
    ("eigenvalues", "k", "ratio"),
    [
        ([2, 1.9, 1], 1, 0.5),  # closer than declared
        ([4, 2, 1.9], 2, 0.5),
        ([5, 3, 0, 0, 0], 3, 0.7),  # fewer
        ([0, 0, 0], 1, 0.5),
        ([1, -3, 0.1], 1, 0.5),  # a negative one among them
        ([3, -1, 0.1], 2, 0.5),
        ([-1], 1, 0.5),
        ([-3, 2, 2, 2], 1, 0.7),  # the largest in magnitude
    ],
)
def test_what_is_not_as_declared_is_refused(eigenvalues, k, ratio):
    s = Encoded(with_spectrum(eigenvalues, seed=3), bound=5.0)
    with pytest.raises(IllConditioned, match="closer than declared, fewer, or negative"):
        run(eigen_symmetric, s, k=k, ratio=ratio)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"k": 0, "ratio": 0.5}, InvalidRequest, "0 eigenvalues"),
        ({"k": 3, "ratio": 0.5}, InvalidRequest, "3 eigenvalues"),
        ({"k": 1, "ratio": 1.0}, InvalidRequest, "a ratio of 1.0"),
        ({"k": 1, "ratio": -0.1}, InvalidRequest, "a ratio of -0.1"),
        ({"k": 1, "ratio": 0.5, "smallest": 0.0}, InvalidRequest, "a smallest trace of 0"),
        ({"k": 1, "ratio": 0.5, "smallest": 1e-30}, EncodingOverflow, "leaves no headroom to scale it"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(options, error, text):
    with pytest.raises(error, match=text):
        run(eigen_symmetric, Encoded(np.eye(2)), **options)


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(InvalidRequest, match="eigenvalues of a matrix of shape"):
        run(eigen_symmetric, Encoded(np.ones((2, 3))), k=1, ratio=0.5)


@pytest.mark.parametrize("size", [1 << 30, 1 << 56, -(1 << 127)])
def test_a_vector_that_is_wrong_anywhere_is_refused(size, monkeypatch):
    """As if the squaring had gone astray: an error of 2^-26, of 1, of all that a word can hold."""
    real = eigen._direction

    def astray(party, b):
        v = yield from real(party, b)
        return v + RingArray.integers(v.ring, [[0], [size], [0]])

    monkeypatch.setattr(eigen, "_direction", astray)
    with pytest.raises(IllConditioned):
        run(eigen_symmetric, Encoded(np.diag([4.0, 2, 1])), k=1, ratio=0.6)


@pytest.mark.parametrize(("far", "refused"), [(0, False), (1 << 72, True)])
def test_a_matrix_that_fits_only_modulo_the_ring_is_refused_by_its_size(far, refused):
    """(1/2 + 2^12) 1 = 1/2 · 1 in words: 2^12 at 60 + 56 fractional bits is 2^128."""
    a, value, v = (words([x], Ring.Z128) for x in ((1 << 59) + far, 1 << 59, 1 << 56))

    def function(party, a, value, v):
        yield from eigen._proved(party, a.reshape((1, 1)), value, v.reshape((1, 1)))
        return value

    if refused:
        with pytest.raises(IllConditioned):
            alone(function, a, value, v)
    else:
        alone(function, a, value, v)


# ---- cost and views


@pytest.mark.parametrize(("p", "k", "ratio"), [(1, 1, 0.5), (3, 1, 0.5), (4, 2, 0.9)])
def test_the_rounds_are_what_is_said(p, k, ratio):
    s = Encoded(np.diag(0.9 * ratio ** np.arange(p)))
    squaring = sum(2 * n + 6 for n in plan(p, ratio).blocks)
    assert run(eigen_symmetric, s, k=k, ratio=ratio).played.rounds == 7 + k * (squaring + 38) + 6 * (k - 1) + 12


@pytest.mark.parametrize("ratio", [0.01, 0.3, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("p", [1, 10, 200])
def test_squarings_suffice_and_the_trace_stays_in_its_range(p, ratio):
    public = plan(p, ratio)
    assert p * ratio ** (2.0 ** sum(public.blocks)) <= 2.0**-44
    done = 0
    for n, loss in zip(public.blocks, public.losses, strict=True):
        largest = 0.5 / (1 + (p - 1) * ratio ** (2.0**done))
        assert largest ** (2**n) > 2.0**-loss
        done += n


def test_all_that_a_party_sees_is_uniform():
    for eigenvalues in (0.5 ** np.arange(24), [1] + [0] * 23):
        came = run(eigen_symmetric, Encoded(with_spectrum(eigenvalues)), k=1, ratio=0.6)
        for party in TRIO:
            seen = [a for a in received(came.played, party) if a.nbytes >= 4096]
            assert seen and all(map(uniform, seen))
