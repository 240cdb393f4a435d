"""What begins a secret array: senseless declarations are refused before an institution is asked."""

import numpy as np
import pyarrow as pa
import pytest

import securecompute as sc
from securecompute.errors import InvalidRequest, SecureComputeError

INSTITUTIONS = ("Bern", "Lyon", "Oslo")
SENSELESS = (
    *(
        None,
        True,
        -1,
        0,
        10**30,
        2.5,
        float("nan"),
        1j,
        "",
        b"x",
        [],
        (),
        [[]],
        {},
        {1},
        object(),
        slice(None),
        ...,
        int,
    ),
    *([1, [2, 3]], [None], ["age", 1], np.array([]), np.array(["a"]), np.array([None]), np.timedelta64(1), range(3)),
    *(
        np.ma.array([1, 2], mask=[0, 1]),
        np.array(1),
        np.zeros((0, 3)),
        np.ones((2,) * 7),
        pa.array([1, 2]),
        (2.0, None),
    ),
)


@pytest.fixture(scope="module")
def network():
    tables = {name: pa.table({"age": np.arange(60.0) + k}) for k, name in enumerate(INSTITUTIONS)}
    with sc.Network.simulate(tables, fabric="in-process", quiet=True) as formed:
        yield formed


@pytest.mark.parametrize("senseless", SENSELESS, ids=lambda each: "object" if type(each) is object else str(each))
def test_senseless_declarations_give_an_error_of_ours_or_an_array(network, senseless):
    matrix = np.ones((3, 3))
    calls = [((senseless, "age"), {}), (("Bern", senseless), {})]
    calls += [
        (("Bern", data), {each: senseless}) for each in ("where", "bound", "norms", "wide") for data in ("age", matrix)
    ]
    for arguments, declared in calls:
        try:
            network.secret(*arguments, **declared)
        except SecureComputeError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("data", "declared", "text"),
    [
        ("age", {"where": 5}, "a cohort is a condition in words"),
        ("age", {"bound": True}, "a bound of True"),
        ("age", {"wide": 1}, "wide is True or False"),
        ("age", {"norms": (1, 2)}, "columns come with the dictionary's range"),
        (np.ones(3), {"norms": (1, 2)}, r"norms of an array of shape \(3,\)"),
        (np.ones((3, 3)), {"norms": 4}, "norms are two finite numbers above 0"),
        (np.ones(3), {"where": "age > 5"}, "an array has none"),
        ([[1], [2, 3]], {}, "rows of one length"),
        (np.ma.array([1, 2], mask=[0, 1]), {}, "a masked array hides numbers"),
    ],
)
def test_what_is_wrong_is_named(network, data, declared, text):
    with pytest.raises(InvalidRequest, match=text):
        network.secret("Bern", data, **declared)


def test_whole_numbers_serve_as_bounds(network):
    x = network.secret("Bern", np.full((2, 2), 3.0), bound=4, norms=(5, 6))
    np.testing.assert_allclose((x @ x).reveal(), np.full((2, 2), 18.0), atol=1e-6)
    assert network.secret("Bern", "age", bound=256).bound == 256
