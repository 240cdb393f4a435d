"""k-means on shares against scikit-learn from the same start; small clusters stay hidden."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from securecompute.errors import InvalidRequest
from securecompute.fits import k_means
from tests.fits.patients import irises, stacked
from tests.secret_arrays.local_network import LocalNetwork

X = irises()
START = X[[0, 60, 110]]
LARGEST_DIFFERENCE = 1e-7 * X.max()


def plain(start):
    return KMeans(len(start), init=start, n_init=1, tol=0.0, algorithm="lloyd").fit(X)


@pytest.mark.parametrize("iterations", [1, 4])
def test_centres_are_those_of_lloyds_iterations(iterations):
    found = k_means(stacked(X, 4), 3, START, iterations=iterations, names=["a", "b", "c", "d"])
    assert np.abs(found.centres - lloyd(START, iterations)).max() < LARGEST_DIFFERENCE
    assert found.large.all() and "cluster" in str(found)


def lloyd(start, iterations):
    """Centres after so many steps."""
    centres = start
    for _ in range(iterations):
        members = ((X[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.array([X[members == j].mean(axis=0) if (members == j).any() else c for j, c in enumerate(centres)])
    return centres


def test_at_the_fixed_point_they_are_those_of_scikit_learn():
    start = lloyd(START, 8).round(1)
    fixed = plain(start)
    found = k_means(stacked(X), 3, start, iterations=fixed.n_iter_)
    assert np.abs(found.centres - fixed.cluster_centers_).max() < LARGEST_DIFFERENCE


def test_a_centre_of_fewer_members_is_not_shown_and_one_bit_says_so():
    network = LocalNetwork()
    found = k_means(stacked(X, network=network), 3, START, iterations=1, min_cluster=50)
    members = ((X[:, None] - START) ** 2).sum(axis=2).argmin(axis=1)
    large = np.bincount(members) >= 50
    assert 0 < large.sum() < 3
    assert (found.large == large).all()
    assert np.isnan(found.centres[~large]).all() and not np.isnan(found.centres[large]).any()
    (program,) = network.programs
    assert [program.types[line].shape for line, _ in program.outputs] == [(3, 4), (3,)]


def test_a_hidden_centre_is_zeros_in_what_is_revealed():
    network = LocalNetwork()
    shown = []
    network.run_program = lambda program: shown.append(LocalNetwork.run_program(network, program)) or shown[-1]
    k_means(stacked(X, network=network), 2, np.array([X[0], [7.9, 7.9, 7.9, 0]]), iterations=1)
    centres, large = shown[0].values()
    assert large.tolist() == [1, 0] and not centres[1].any()


def test_an_empty_cluster_keeps_its_centre_until_it_is_the_nearest():
    start = np.array([[4, 5, 0, 2], [4, 5, 1, 1], [2, 6, 7, 1.0]])  # 0, 1 and then 50 members in the first
    found = k_means(stacked(X), 3, start, iterations=3, min_cluster=2)
    assert np.abs(found.centres - lloyd(start, 3)).max() < LARGEST_DIFFERENCE


def test_a_start_beyond_the_records_is_an_error():
    with pytest.raises(InvalidRequest, match="beyond the bound"):
        k_means(stacked(X), 2, np.array([X[0], X[0] + 100]))


@pytest.mark.parametrize(
    ("k", "start", "asked", "text"),
    [
        (3, START[:2], {}, "a centre for each cluster"),
        (1, START[:1], {}, "k is 1"),
        (3, START, {"iterations": 0}, "iterations is 0"),
        (3, START, {"min_cluster": 1}, "min_cluster is 1"),
        (3, START, {"min_cluster": 10.0}, "min_cluster is 10.0"),
    ],
)
def test_what_is_asked_wrongly_is_an_error(k, start, asked, text):
    with pytest.raises(InvalidRequest, match=text):
        k_means(stacked(X), k, start, **asked)
