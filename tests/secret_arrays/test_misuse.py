"""Senseless arguments of everything that secret arrays have: an error of ours that names what is wrong, or a result."""

import inspect
import re
import traceback

import numpy as np
import pytest

from securecompute.errors import InvalidRequest
from securecompute.secret_arrays import gates
from securecompute.secret_arrays.array import SecretArray, explain, reveal
from securecompute.secret_arrays.numpy_protocol import FUNCTIONS, UFUNCS
from tests.secret_arrays.local_network import LocalNetwork

NETWORK = LocalNetwork()
X = NETWORK.secret("Bern", np.arange(12.0).reshape(4, 3) / 7)
V = NETWORK.secret("Lyon", np.arange(3) - 1)
SENSELESS = (
    *(None, True, -1, 5, 10**30, 2.5, float("nan"), 1j, "a", b"x", [], (), [[]], {}, {1}, object(), slice(None), ...),
    *(int, [1, [2, 3]], [None], (0, 0), (-7,), range(3), np.array([]), np.array([1, 2]), np.array(["a"]), np.ones(3)),
    *(np.array([None]), np.ma.array([1, 2], mask=[0, 1]), np.timedelta64(1), np.float32(3), np.array(1)),
    *(np.zeros((0, 3)), np.ones((2,) * 7), X, V, X > 0, X[:0], [X, V], (X, 1), X[0, 0]),
)
PYTHONS_OWN = "positional argument|keyword argument|^a secret array has no '"  # of calls and attributes
METHODS = [
    name
    for name in dir(SecretArray)
    if inspect.isfunction(getattr(SecretArray, name)) and not name.startswith("_") and name != "reveal"
]
OPERATORS = [f"__{name}__" for name in ("add", "truediv", "matmul", "pow", "rpow", "and", "lt", "eq", "getitem", "xor")]
OPTIONS = ("axis", "keepdims", "ddof", "offset", "order", "weights", "q", "shape", "condition", "k")


def leaks(function, *args, **kwargs):
    """The error, if it is none of ours and comes from within the package."""
    try:
        function(*args, **kwargs)
    except InvalidRequest as error:
        return None if str(error) else error
    except Exception as error:
        inside = any("/securecompute/" in frame.filename for frame in traceback.extract_tb(error.__traceback__))
        return error if inside and not re.search(PYTHONS_OWN, str(error)) else None
    return None


def check(function, *first):
    """No senseless argument after the first ones, nor as an option, gives another error than ours."""
    accepted = inspect.signature(function).parameters if not isinstance(function, np.ufunc) else ()
    for each in SENSELESS:
        assert leaks(function, *first, each) is None, each
        for option in OPTIONS:
            if option in accepted:
                assert leaks(function, *first, **{option: each}) is None, (option, each)


@pytest.mark.parametrize("name", [*METHODS, *OPERATORS])
def test_methods(name):
    for array in (X, V, X[:0]):
        check(getattr(array, name))


@pytest.mark.parametrize("function", [*FUNCTIONS, *(getattr(np, name) for name in UFUNCS)], ids=lambda f: f.__name__)
def test_functions_of_numpy(function):
    check(function, X)
    for each in SENSELESS:
        assert leaks(function, each, V) is None, each
        assert leaks(function, [V, each]) is None, each


@pytest.mark.parametrize("name", ["sigmoid", "softmax", "top_k", "solve", "inverse", "cholesky", "eigh"])
def test_functions_that_numpy_lacks(name):
    function = getattr(gates, name)
    check(function, X)
    check(function, X.T @ X)
    for each in SENSELESS:
        assert leaks(function, each) is None, each
        assert leaks(function, X.T @ X, V, each) is None, each


def test_receivers():
    for each in SENSELESS:
        assert leaks(reveal, each, to=each) is None, each
        assert leaks(explain, X, each) is None, each
        assert leaks(explain, X, to=each) is None, each
        assert leaks(explain, X, checked=each) is None, each
