"""Secret arrays: numpy's operators give numpy's numbers; what would need a number is refused where it is written."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from securecompute.errors import EncodingOverflow, InvalidRequest
from securecompute.secret_arrays.array import SecretArray, explain, program_of, reveal
from securecompute.values import SecretMisused
from tests.secret_arrays.local_network import LocalNetwork

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)) + 0.5
V, K = RNG.normal(size=3), RNG.integers(-4, 5, size=(4, 3))
PLAIN = (X, Y, V, K)
PUBLIC = RNG.normal(size=(4, 3))


@pytest.fixture
def network():
    return LocalNetwork()


@pytest.fixture
def x(network):
    return network.secret("Bern", X)


@pytest.fixture
def bits(x):
    return x > 0


def secrets(network):
    """PLAIN, each of another institution."""
    return [network.secret(owner, each) for owner, each in zip(network.institutions, PLAIN, strict=True)]


def check(expression, tolerance=2.0**-20):
    """The expression gives the same numbers of secret arrays as of numpy's."""
    secret, expected = expression(*secrets(LocalNetwork())), np.asarray(expression(*PLAIN))
    got = secret.reveal()
    assert secret.shape == expected.shape
    assert np.shape(got) == expected.shape
    assert np.asarray(got).dtype == secret.dtype
    error = 0 if secret.dtype != np.float64 else tolerance * secret.bound
    np.testing.assert_allclose(got, expected, atol=error, rtol=0)
    assert np.abs(expected).max(initial=0) <= secret.bound


@pytest.mark.parametrize(
    "expression",
    [
        lambda x, y, v, k: x + y - v,
        lambda x, y, v, k: 1 - x * 2.5 + PUBLIC,
        lambda x, y, v, k: PUBLIC - x,
        lambda x, y, v, k: PUBLIC * x / PUBLIC,
        lambda x, y, v, k: np.float64(3) * x + np.float32(1),
        lambda x, y, v, k: [1.0, 2.0, 3.0] * x,
        lambda x, y, v, k: -x * +y,
        lambda x, y, v, k: x * y * v + k,
        lambda x, y, v, k: k * k - 3 * k + True,
        lambda x, y, v, k: x / 3 - y / -200,
        lambda x, y, v, k: x * 0.01 + k * -1e-3,
        lambda x, y, v, k: x @ v,
        lambda x, y, v, k: v @ v,
        lambda x, y, v, k: v @ x.T,
        lambda x, y, v, k: x.T @ x + y.T @ y,
        lambda x, y, v, k: x @ x.T - k @ k.T,
        lambda x, y, v, k: PUBLIC.T @ x,
        lambda x, y, v, k: x @ PUBLIC.T,
        lambda x, y, v, k: x**1 + y**2 + v**5,
        lambda x, y, v, k: k**3,
        lambda x, y, v, k: (k * 2.5 - k / 3) ** 2,
        lambda x, y, v, k: abs(x) + abs(k),
        lambda x, y, v, k: x < y,
        lambda x, y, v, k: x <= 0.25,
        lambda x, y, v, k: x < PUBLIC,
        lambda x, y, v, k: k >= k.T.T,
        lambda x, y, v, k: k == 2,
        lambda x, y, v, k: k != 2,
        lambda x, y, v, k: (x < y) & (k > 0),
        lambda x, y, v, k: (x < y) | ~(k > 0),
        lambda x, y, v, k: (x >= y) ^ (k >= 0),
        lambda x, y, v, k: ~(x >= y) & ~(k != 0) | (x > v),
        lambda x, y, v, k: (PUBLIC > 0) & (x > 0),
        lambda x, y, v, k: (x <= 0) | (PUBLIC > 0),
        lambda x, y, v, k: (PUBLIC > 0) ^ (x > 0),
        lambda x, y, v, k: True & ~~(x > 0),
        lambda x, y, v, k: (x > 0) * y + 3 * (k >= 1),
        lambda x, y, v, k: (x > 0) * k,
        lambda x, y, v, k: np.where(x > 0, y > 0, 2.5),
        lambda x, y, v, k: np.concatenate([x > 0, k]),
        lambda x, y, v, k: ((x > 0) * (y > 0)).T[None, 1:].reshape(-1),
        lambda x, y, v, k: (x > 0).sum() + (x >= 0)[0].sum(axis=0, keepdims=True),
        lambda x, y, v, k: sum(row for row in x) + sum([v, v]),
    ],
)
def test_operators_give_numpys_numbers(expression):
    check(expression)


@pytest.mark.parametrize(
    "expression",
    [
        lambda x, y, v, k: x[0],
        lambda x, y, v, k: x[-1, 2],
        lambda x, y, v, k: x[1:3],
        lambda x, y, v, k: x[::-1, ::2],
        lambda x, y, v, k: x[..., 0],
        lambda x, y, v, k: x[None, 1:, ..., None],
        lambda x, y, v, k: x[()],
        lambda x, y, v, k: x[np.int64(2), np.uint8(1)],
        lambda x, y, v, k: x[[0, 2, 3, 1, 1]],
        lambda x, y, v, k: x[:, [2, 0]],
        lambda x, y, v, k: x[None, :, np.array([-1, 0, 1])],
        lambda x, y, v, k: x[:, None, [0, 2]],
        lambda x, y, v, k: x[np.array([True, False, True, True])],
        lambda x, y, v, k: x[1:][:, [True, False, True]],
        lambda x, y, v, k: x.T,
        lambda x, y, v, k: x.reshape(2, -1),
        lambda x, y, v, k: x.reshape((3, 4)),
        lambda x, y, v, k: x.reshape(np.array([6, 2]), order="C").copy(),
        lambda x, y, v, k: x.flatten(),
        lambda x, y, v, k: x.prod(axis=1) + v.prod(),
        lambda x, y, v, k: x.reshape(2, 3, 2).transpose(2, 0, 1),
        lambda x, y, v, k: x.reshape(2, 3, 2).transpose((1, 0, 2)).T,
        lambda x, y, v, k: x.ravel(),
        lambda x, y, v, k: x[:, :1].squeeze(),
        lambda x, y, v, k: x.swapaxes(0, 1),
        lambda x, y, v, k: x.sum(),
        lambda x, y, v, k: x.sum(axis=-1),
        lambda x, y, v, k: x.sum(axis=(0, 1), keepdims=True),
        lambda x, y, v, k: x.mean(axis=0),
        lambda x, y, v, k: k.mean(),
        lambda x, y, v, k: x.mean(1, keepdims=True) - x,
        lambda x, y, v, k: x.var(),
        lambda x, y, v, k: x.var(axis=0, ddof=1),
        lambda x, y, v, k: k.var(axis=1, keepdims=True),
        lambda x, y, v, k: x.max(),
        lambda x, y, v, k: k.min(axis=0),
        lambda x, y, v, k: x.max(axis=1, keepdims=True) - x,
        lambda x, y, v, k: x.argmax(axis=1),
        lambda x, y, v, k: k.argmin(),
        lambda x, y, v, k: k.ravel().argsort(kind="stable"),
        lambda x, y, v, k: x.dot(v),
        lambda x, y, v, k: x.clip(-0.5, 0.5),
        lambda x, y, v, k: k.clip(-1, 2),
        lambda x, y, v, k: x.clip(y, None),
        lambda x, y, v, k: x.cumsum(axis=1),
        lambda x, y, v, k: x.diagonal(1),
        lambda x, y, v, k: x.trace(),
        lambda x, y, v, k: x.take([2, 0], axis=1),
        lambda x, y, v, k: (x > 1).any(axis=0),
        lambda x, y, v, k: (x > -1).all(),
    ],
)
def test_indices_and_methods_give_numpys_numbers(expression):
    check(expression)


UNARY = (
    lambda a: -a,
    lambda a: a.T,
    lambda a: a * 0.3,
    lambda a: 2 - a,
    lambda a: a.sum(axis=0),
    lambda a: a.mean(axis=-1),
    lambda a: a[..., ::-1],
    lambda a: a**2,
    lambda a: a.reshape(-1),
    lambda a: a[None, ..., 0],
    lambda a: a.cumsum(axis=0),
)
BINARY = (
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a @ b,
    lambda a, b: a.T @ b,
)
STEPS = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6
)


@settings(max_examples=40)
@given(STEPS)
def test_any_expression_gives_numpys_numbers_within_its_bound(steps):
    network = LocalNetwork()
    made, expected = secrets(network), list(PLAIN)
    for function, first, second in steps:
        places = [first % len(made), second % len(made)][: 2 if function in BINARY else 1]
        try:
            plain = np.asarray(function(*(expected[k] for k in places)))
        except (ValueError, IndexError):  # shapes that do not match: refused alike
            with pytest.raises(InvalidRequest):
                function(*(made[k] for k in places))
            continue
        assume(plain.ndim)
        made.append(function(*(made[k] for k in places)))
        expected.append(plain)
    assume(len(made) > len(PLAIN) and made[-1].bound < 1e6)
    for secret, plain, got in zip(made[4:], expected[4:], reveal(*made[4:]), strict=True):
        assert got.shape == plain.shape == secret.shape
        np.testing.assert_allclose(got, plain, atol=2.0**-16 * secret.bound, rtol=0)
        assert np.abs(plain).max() <= secret.bound


def test_x_transposed_times_x_costs_half_a_product(network, x):
    y = network.secret("Lyon", X)
    for product in (x.T @ x, x @ x.T, np.matmul(x.T.T.T, x), np.dot(x.T, x)):
        assert [node.operation for node in program_of([(product, "Bern")]).nodes][-1] == "gram"
    assert [node.operation for node in program_of([(x.T @ y, "Bern")]).nodes][-1] == "matmul"


def test_the_opposite_of_a_condition_takes_no_round(network, x):
    chosen = np.where(~(x > 0), 0.0, x) + np.where(~~(x > 0), x, 0.0)
    assert [node.operation for node in program_of([(chosen, "Bern")]).nodes].count("where") == 1


def test_many_conditions_together_stay_zero_or_one(x):
    every = some = x > 5
    for level in range(70):
        every, some = every & (x <= level), some | ~(x < -level)
    assert every.bound == some.bound == 1
    assert np.where(some, x, 0.0).shape == x.shape


def test_several_arrays_are_revealed_in_one_program_and_shared_parts_computed_once(network, x):
    product = x.T @ x
    first, second, again = reveal(product, product + 1, x.T @ x)
    assert len(network.programs) == 1
    assert [node.operation for node in network.programs[0].nodes] == ["input", "gram", "constant", "add"]
    assert len(network.programs[0].outputs) == 2
    np.testing.assert_allclose(second - first, 1, atol=1e-6)
    assert (again == first).all()


def test_an_expression_runs_when_it_is_revealed_and_not_before(network, x):
    total = (x * 2).sum()
    assert network.programs == []
    total.reveal()
    total.reveal()
    assert len(network.programs) == 2


def test_others_are_shown_what_is_revealed_to_them_and_the_researcher_is_not(network, x):
    assert x.sum(axis=0).reveal(to="Ghent") is None
    np.testing.assert_allclose(network.kept["Ghent"][0], X.sum(axis=0), atol=1e-6)
    assert reveal(x, x.sum(), to=["Lyon", "Turin", "Lyon"]) == (None, None)
    assert set(network.kept) == {"Lyon", "Turin"}
    shown = x[0].reveal(to=("collector", "Lyon"))
    np.testing.assert_allclose(shown, X[0], atol=1e-6)
    np.testing.assert_allclose(network.kept["Lyon"][1], X[0], atol=1e-6)


@pytest.mark.parametrize("to", ["Brn", "coordinator", "", ["Bern", "Rome"], 7 * ["x"], []])
def test_nobody_unknown_is_shown_anything(network, x, to):
    with pytest.raises(InvalidRequest, match=r"there is no institution|nothing is revealed to nobody"):
        x.reveal(to=to)
    assert network.programs == []


def test_a_near_name_is_suggested(x):
    with pytest.raises(InvalidRequest, match="did you mean 'Bern'"):
        x.reveal(to="bern")


def test_single_numbers_are_pythons(network, x):
    k = network.secret("Lyon", K)
    assert type(x.sum().reveal()) is float
    assert type(k.sum().reveal()) is int
    assert type((x.sum() > 0).reveal()) is bool
    assert type(x[:1, 0].reveal()) is np.ndarray


def test_whole_numbers_that_may_be_beyond_float64_stay_float64(network):
    large = network.secret("Bern", K, bound=2.0**54)
    assert large.dtype == np.float64
    assert (large.reveal() == K).all()


def test_nothing_but_secret_arrays_is_revealed(x):
    with pytest.raises(InvalidRequest, match="reveal takes secret arrays"):
        reveal(x, X)
    with pytest.raises(InvalidRequest, match="reveal takes secret arrays"):
        reveal()


def test_explaining_asks_the_network_without_running(network, x):
    assert x.sum().explain().outputs[0][1] == "collector"
    assert explain(x, x.sum(), to="Bern").receivers == ("Bern",)
    assert network.programs == []


def test_what_is_public_can_be_asked(network, x):
    assert (x.shape, x.ndim, x.size, len(x)) == ((4, 3), 2, 12, 4)
    assert (x + network.secret("Lyon", Y)).owners == ("Bern", "Lyon")
    assert x.bound == np.abs(X).max()
    assert [each.dtype for each in (x, x > 0, (x > 0) + 0, network.secret("Lyon", K))] == [
        np.float64,
        np.bool_,
        np.int64,
        np.int64,
    ]


@pytest.mark.parametrize("show", [repr, str, format, "{}".format])
def test_what_is_printed_is_what_is_public(network, show):
    x = network.secret("Bern", np.array([0.123456789, 3.0]), bound=4.0)
    assert show(x) == "SecretArray(shape=(2,), dtype=float64, within ±4, of Bern)"


def test_public_arrays_are_copied_when_they_are_used(x):
    mine = np.ones((4, 3))
    result = x + mine
    mine[:] = 100.0
    np.testing.assert_allclose(result.reveal(), X + 1, atol=1e-6)


def test_pandas_leaves_operators_to_secret_arrays(x):
    weights = pd.Series([1.0, 2.0, 3.0])
    np.testing.assert_allclose((weights * x).reveal(), weights.to_numpy() * X, atol=1e-6)
    np.testing.assert_allclose((x @ weights).reveal(), X @ weights, atol=1e-6)


def test_augmented_assignment_makes_another_array(x):
    before = x
    x += 1
    assert before is not x
    np.testing.assert_allclose(before.reveal(), X, atol=1e-6)


def test_a_copy_is_the_array_itself(x):
    assert copy.copy(x) is x
    assert copy.deepcopy({"x": x})["x"] is x


@pytest.mark.parametrize(
    "misuse",
    [
        bool,
        float,
        int,
        complex,
        hash,
        np.asarray,
        np.array,
        np.float64,
        pickle.dumps,
        round,
        range,
        lambda x: "yes" if x[0, 0] > 0 else "no",
        lambda x: x == x and x,
        lambda x: not x,
        lambda x: max(x[0]),
        lambda x: sorted(x[0]),
        lambda x: 1.0 in x,
        lambda x: [1, 2][x[0, 0]],
        lambda x: f"{x:.2f}",
        lambda x: f"{x[0, 0]:f}",
        lambda x: x.astype(int),
        lambda x: x.round(2),
        lambda x: x.tolist(),
        lambda x: x[0, 0].item(),
        lambda x: x.sort(),
        lambda x: x // 2,
        lambda x: x % 2,
        lambda x: divmod(3, x),
        lambda x: x << 2,
        lambda x: x.__setitem__(0, 1.0),
        lambda x: len(x[0, 0]),
        lambda x: list(x[0, 0]),
        lambda x: np.array([x, x]),
        lambda x: np.mean([x[0], x[1]]),
    ],
)
def test_what_would_need_a_number_is_refused(x, misuse):
    with pytest.raises(TypeError) as refused:
        misuse(x)
    assert isinstance(refused.value, SecretMisused) or misuse is hash


@pytest.mark.parametrize(
    ("misuse", "text"),
    [
        (lambda x, b: x + np.ones(5), r"add: shapes \(4, 3\) and \(5,\) do not match"),
        (lambda x, b: x @ x, "inner lengths must be equal"),
        (lambda x, b: x.reshape(5, 2), r"cannot be reshaped to \(5, 2\)"),
        (lambda x, b: x.reshape(-1, -1), "cannot be reshaped"),
        (lambda x, b: x.reshape(2.0, 6), "public whole number"),
        (lambda x, b: np.reshape(x, (3, 4), order="F"), "C order"),
        (lambda x, b: x.transpose(0), "an order of axes"),
        (lambda x, b: x.transpose(0, 0), "axis .* of an array with 2 axes"),
        (lambda x, b: x.sum(axis=2), "axis 2 of an array with 2 axes"),
        (lambda x, b: x.sum(dtype=float), "dtype"),
        (lambda x, b: x.sum(0, None, None), "too many positional"),
        (lambda x, b: x.mean(axis="rows"), "axis is a whole number, several of them, or None, not 'rows'"),
        (lambda x, b: x[:0].mean(), "0 elements"),
        (lambda x, b: x[:0].max(), "max of no elements"),
        (lambda x, b: x.var(ddof=12), "more elements than that"),
        (lambda x, b: x[4], "out of bounds"),
        (lambda x, b: x[0, 0, 0], "an index of 3 axes"),
        (lambda x, b: x[..., ...], "an index of"),
        (lambda x, b: x[1.0], "an index is made of"),
        (lambda x, b: x["a"], "an index is made of"),
        (lambda x, b: x[True], "an index is made of"),
        (lambda x, b: x[::0], "no position, slice"),
        (lambda x, b: x[: x[0, 0]], "a slice of"),
        (lambda x, b: x[[0, 4]], "a position beyond an axis of length 4"),
        (lambda x, b: x[[True, False]], "2 truth values for an axis of length 4"),
        (lambda x, b: x[[0], [1]], "one list of positions"),
        (lambda x, b: x[0, [1]], "index twice"),
        (lambda x, b: x[np.zeros(4, bool)], "takes no element"),
        (lambda x, b: x[b], r"np.where\(mask, x, 0\)"),
        (lambda x, b: x[x.argmax()], r"np.arange\(len\(x\)\) == position"),
        (lambda x, b: x / 0, "division by a public 0"),
        (lambda x, b: x / np.array([1.0, 0.0, 2.0]), "division by a public 0"),
        (lambda x, b: x**-1, "1 / x"),
        (lambda x, b: x**0, "whole k from 1 to 64"),
        (lambda x, b: x**1.5, r"np.exp\(k \* np.log\(x\)\)"),
        (lambda x, b: x**65, "whole k from 1 to 64"),
        (lambda x, b: x**x, "a secret exponent"),
        (lambda x, b: 2**x, "a secret exponent"),
        (lambda x, b: x ** np.arange(3), "one exponent for all"),
        (lambda x, b: x & b, r"write \(x != 0\)"),
        (lambda x, b: ~x, r"write \(x != 0\)"),
        (lambda x, b: b | 1, r"write \(x != 0\)"),
        (lambda x, b: ~(b + b), r"write \(x != 0\)"),
        (lambda x, b: x + np.nan, "a NaN or an infinity"),
        (lambda x, b: x * np.array([1.0, np.inf, 2.0]), "a NaN or an infinity"),
        (lambda x, b: x + "1", "dtype <U1"),
        (lambda x, b: x == None, "dtype object"),  # noqa: E711
        (lambda x, b: x * 1j, "dtype complex128"),
        (lambda x, b: x + 1e60, "beyond every ring"),
        (lambda x, b: x - [x, 1], "a list that holds secret arrays"),
        (lambda x, b: x.clip(), "a lowest value, a largest"),
        (lambda x, b: x.clip(2, 1), "no less than 2 and no more than 1"),
        (lambda x, b: x.squeeze(axis=0), "another length than 1"),
        (lambda x, b: x.take([0], axis=5), "axis 5"),
        (lambda x, b: x.diagonal(9), "no diagonal 9"),
    ],
)
def test_what_cannot_be_computed_is_refused_where_it_is_written(network, x, bits, misuse, text):
    with pytest.raises(InvalidRequest, match=text):
        misuse(x, bits)
    assert network.programs == []


def test_a_result_beyond_the_ring_is_refused_where_it_is_written(network):
    x = network.secret("Bern", X, bound=1e5)
    with pytest.raises(EncodingOverflow, match="wide=True"):
        _ = x**4


def test_arrays_of_two_networks_do_not_meet(x):
    stranger = LocalNetwork().secret("Bern", X)
    for meeting in (lambda: x + stranger, lambda: np.stack([x, stranger]), lambda: reveal(x, stranger)):
        with pytest.raises(InvalidRequest, match="two networks do not meet"):
            meeting()


def test_an_array_is_not_pickled_itself_nor_what_it_is_made_of(x):
    with pytest.raises(SecretMisused, match="a secret array is not pickled; reveal it"):
        pickle.dumps(x)


@pytest.mark.parametrize("name", ["shape", "expression", "label"])
def test_an_array_does_not_change(x, name):
    with pytest.raises(SecretMisused, match="does not change"):
        setattr(x, name, None)


def test_what_numpys_arrays_have_and_secret_ones_lack_is_no_attribute(x):
    assert not hasattr(x, "flags")
    assert not hasattr(x, "data")
    assert isinstance(x, SecretArray)


def test_products_are_checked_before_they_are_revealed_if_asked(x):
    product = x.T @ x
    np.testing.assert_allclose(product.reveal(checked=True), X.T @ X, atol=1e-5)
    assert program_of([(product, "collector")], checked=True).checked
    assert not program_of([(product, "collector")]).checked
