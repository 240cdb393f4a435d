"""Principal components on shares against scikit-learn."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from securecompute.errors import IllConditioned, InvalidRequest
from securecompute.fits import principal_components
from tests.fits.patients import births, irises, stacked
from tests.secret_arrays.local_network import LocalNetwork


@pytest.mark.parametrize(("X", "k"), [(irises(), 3), (births("age", "lwt", "ftv"), 2)], ids=["irises", "births"])
def test_the_leading_components_and_their_variances(X, k):
    plain = PCA(k).fit(X)
    found = principal_components(stacked(X, 4), k, total=True)
    signs = np.sign((found.components * plain.components_).sum(axis=1))
    assert np.abs(found.components * signs[:, None] - plain.components_).max() < 1e-6
    assert np.allclose(found.explained_variance, plain.explained_variance_, rtol=1e-6)
    assert np.allclose(found.explained_variance_ratio, plain.explained_variance_ratio_, atol=1e-8)


def test_of_each_component_the_largest_entry_is_positive_and_only_what_was_asked_is_shown():
    network = LocalNetwork()
    found = principal_components(stacked(irises(), network=network), 1, names=["a", "b", "c", "d"])
    largest = np.abs(found.components).argmax(axis=1)
    assert (found.components[0, largest] > 0).all() and "component 1" in str(found)
    (program,) = network.programs
    assert [program.types[line].shape for line, _ in program.outputs] == [(1,), (4, 1)]
    with pytest.raises(InvalidRequest, match="total=True"):
        _ = found.explained_variance_ratio


def test_components_that_could_be_mixed_are_refused():
    X = np.array([[50, 0], [-50, 0], [0, 50], [0, -50]] * 20)
    with pytest.raises(IllConditioned, match="closer than declared"):
        principal_components(stacked(X), 1)


@pytest.mark.parametrize("k", [0, 5, 1.0, True])
def test_a_number_of_components_that_there_are_not(k):
    with pytest.raises(InvalidRequest, match="ask for 1 to 4"):
        principal_components(stacked(irises()), k)
