"""The bound of errors that is derived for every operation holds against numpy, and says something.

Numbers are drawn at several scales, narrow and wide, with the ends of their declared ranges among them. A bound is of
the worst case, so it is held against what happens at the ends: `loosest` times the largest error seen, or, where that
is less, times a unit in the last place that is shown.
"""

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from securecompute.arithmetic.rings import Ring
from securecompute.programs import matching
from securecompute.programs.accuracy import deviations
from securecompute.programs.catalogue import OPERATIONS, find
from securecompute.programs.divisors import Held
from securecompute.programs.operation import Deviation, Estimate, Site, ValueType
from securecompute.programs.plan import plan
from securecompute.programs.rehearsal import rehearse
from tests.programs.running import RESEARCHER, constant, held, line, program, run

FACTOR = 0.3  # public, and no power of two


@dataclass
class Case:
    """One operation on secrets x, y: its attributes, numpy's function, which operands.

    low, high   ends of the declared range, times the scale that is drawn
    scaled      whether the range follows a scale
    public      the second operand is FACTOR
    """

    function: Any
    attributes: dict
    operands: int = 1
    low: float = -1.0
    high: float = 1.0
    scaled: bool = True
    public: bool = False
    shape: tuple = (40,)
    loosest: float = 40.0
    least: bool = False


def case(function, attributes=None, **options):
    return Case(function, attributes or {}, **options)


CASES = {
    "add": case(np.add, operands=2),
    "add public": case(lambda x: x + FACTOR, public=True),
    "subtract": case(np.subtract, operands=2),
    "negate": case(np.negative),
    "reshape": case(lambda x: x.reshape(8, 5), {"shape": [8, 5]}),
    "transpose": case(np.transpose, {"axes": [1, 0]}, shape=(4, 5)),
    "index": case(lambda x: x[3:9], {"index": [[3, 9, 1]]}),
    "widen": case(lambda x: x),
    "sum": case(lambda x: x.sum(1), {"axes": [1]}, shape=(4, 10)),
    "concatenate": case(lambda x, y: np.concatenate([x, y]), {"axis": 0}, operands=2),
    "stack": case(lambda x, y: np.stack([x, y]), {"axis": 0}, operands=2),
    "multiply": case(np.multiply, operands=2),
    "multiply public": case(lambda x: x * FACTOR, public=True),
    "matmul": case(np.matmul, operands=2, shape=(6, 6)),
    "matmul public": case(lambda x: x @ np.full((6, 6), FACTOR), public=True, shape=(6, 6)),
    "gram": case(lambda x: x.T @ x, shape=(20, 3)),
    "shrink": case(lambda x: x * 0.007, {"factor": 0.007}),
    "clip": case(lambda x: x.clip(-0.3, 0.1), {"low": -0.3, "high": 0.1}, scaled=False),
    "less": case(np.less, operands=2),
    "equal": case(np.equal, operands=2),
    "where": case(np.minimum, operands=2),
    "maximum": case(np.maximum, operands=2),
    "maximum public": case(lambda x: np.maximum(x, FACTOR), public=True),
    "minimum": case(np.minimum, operands=2),
    "absolute": case(np.abs),
    "max": case(lambda x: x.max(0), {"axis": 0}),
    "min": case(lambda x: x.min(0), {"axis": 0}),
    "argmax": case(lambda x: x.argmax(0), {"axis": 0}),
    "argmin": case(lambda x: x.argmin(0), {"axis": 0}),
    "sort": case(np.sort, {"axis": 0}, shape=(12,)),
    "argsort": case(np.argsort, {"axis": 0}, shape=(12,)),
    "top_k": case(lambda x: np.sort(x)[::-1][:3], {"k": 3}, shape=(12,)),
    "sigmoid": case(special.expit, high=8.0, low=-8.0),
    "tanh": case(np.tanh),
    "normal_cdf": case(special.ndtr, high=4.0, low=-4.0),
    "erf": case(special.erf),
    "exp": case(np.exp, low=-3.0, high=3.0, scaled=False),
    "log": case(np.log, low=0.1, least=True),
    "reciprocal": case(np.reciprocal, low=0.1, least=True),
    "rsqrt": case(lambda x: 1 / np.sqrt(x), low=0.1, least=True),
    "sqrt": case(np.sqrt, low=0.1, least=True),
    "divide": case(np.divide, operands=2, low=0.1, least=True),
    "divide public": case(lambda x: FACTOR / x, low=0.1, least=True, public=True),
    "softmax": case(lambda x: special.softmax(x, 0), {"axis": 0}),
}
MATRICES = {"solve", "inverse", "cholesky", "eigh"}


def test_every_operation_is_here():
    of_linkages = {operation.name for operation in matching.OPERATIONS}  # which are exact
    assert {name.split()[0] for name in CASES} | MATRICES == set(OPERATIONS) - of_linkages


def made(name, seed, exponent, wide):
    """Nodes, data and what numpy says."""
    one, rng = CASES[name], np.random.default_rng(seed)
    size = 2.0**exponent if one.scaled else 1.0
    low, high = one.low * size, one.high * size

    def numbers():
        x = rng.uniform(low, high, one.shape)
        x.ravel()[:2] = low, high
        return x

    data = {k: numbers() for k in range(one.operands)}
    least = {"least": low} if one.least else {}
    nodes = [held("AB"[k], x, max(-low, high), wide=wide, **least) for k, x in data.items()]
    operation = name.split()[0]
    if one.public:
        nodes.append(constant(FACTOR if operation != "matmul" else np.full((one.shape[0],) * 2, FACTOR)))
        nodes.append(line(operation, *((1, 0) if operation == "divide" else (0, 1)), **one.attributes))
    elif operation == "where":
        nodes += [line("less", 0, 1), line("where", 2, 0, 1)]
    else:
        nodes.append(line(operation, *data, **one.attributes))
    return nodes, data, one.function(*data.values())


def derived(nodes, data, node=-1):
    """What is shown of a node, and its deviation."""
    shown = program(nodes, node % len(nodes))
    planned = plan(shown)
    rehearsal = rehearse(planned)
    got = run(shown, data)[0][RESEARCHER][0]
    return got, deviations(planned, rehearsal)[0], rehearsal.outputs[0][0].unit


def off(got, expected):
    """The largest difference, less what float64 itself is off."""
    float_error = 4 * np.finfo(np.float64).eps * np.abs(expected)
    return float((np.abs(got - expected) - float_error).max(initial=0.0))


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), exponent=st.sampled_from([-8, -3, 0, 2, 5, 11]), wide=st.booleans())
def test_the_bound_holds_and_says_something(name, seed, exponent, wide):
    nodes, data, expected = made(name, seed, exponent, wide)
    got, deviation, unit = derived(nodes, data)
    error = off(got, expected)
    assert error <= deviation.most < inf
    assert deviation.most <= CASES[name].loosest * max(error, unit)


COMPARED = [
    ("less", {}, 2, "may compare either way"),
    ("equal", {}, 2, "may be found equal or not"),
    ("argmax", {"axis": 0}, 1, "may come in either order"),
    ("argsort", {"axis": 0}, 1, "may come in either order"),
]


@pytest.mark.parametrize(("operation", "attributes", "operands", "text"), COMPARED)
def test_numbers_closer_than_their_errors_compare_either_way_and_it_is_said_how_close(
    operation, attributes, operands, text
):
    x = np.array([0.1, 0.2, 0.3])
    nodes = [held("A", x), held("B", x[::-1]), line(operation, *range(operands), **attributes)]
    _, deviation, _ = derived(nodes, {0: x, 1: x[::-1]})
    (remark,) = deviation.remarks
    assert deviation.most == 0 and text in str(remark)
    assert 0 < remark.size <= 2.0**-40 and f"{remark.size:.1g}" in str(remark)


def test_a_comparison_that_is_said_to_be_decided_is_right():
    x = np.linspace(-1, 1, 9)
    nodes = [held("A", x), constant(1 / 3), line("multiply", 0, 1), constant(0.1), line("less", 2, 3)]
    _, deviation, _ = derived(nodes, {0: x})
    near = 0.1 + deviation.remarks[0].size * np.array([-1.5, 1.5])
    got, *_ = derived([held("A", near * 3, 1.0), *nodes[1:]], {0: near * 3})
    assert got.tolist() == [1, 0]


def test_whole_numbers_compare_exactly_and_nothing_is_said():
    k = np.arange(5.0)
    _, deviation, _ = derived([held("A", k, integer=True), line("less", 0, 0)], {0: k})
    assert deviation.most == 0 and not deviation.remarks


UNPROVED = ["reciprocal", "rsqrt", "log", "divide"]


@pytest.mark.parametrize("operation", UNPROVED)
def test_near_0_there_is_no_bound_and_it_is_said_what_helps(operation):
    x = np.array([0.5, 1.0])
    nodes = [held("A", x, 4.0), line(operation, *([0, 0] if operation == "divide" else [0]))]
    _, deviation, _ = derived(nodes, {0: x})
    assert deviation.most == inf and "declare its least, or clip it" in str(deviation.remarks[0])
    clipped = [nodes[0], line("clip", 0, low=0.25, high=4.0), line(operation, *(1 for _ in nodes[1].inputs))]
    _, deviation, _ = derived(clipped, {0: x})
    assert deviation.most < 1e-5


@pytest.mark.parametrize("operation", UNPROVED)
def test_of_whole_numbers_0_saturates_and_it_is_said(operation):
    k = np.array([1.0, 2.0, 7.0])
    one = held("A", k, 10.0, integer=True)
    nodes = [one, line(operation, *([0, 0] if operation == "divide" else [0]))]
    got, deviation, _ = derived(nodes, {0: k})
    function = {"reciprocal": lambda k: 1 / k, "rsqrt": lambda k: k**-0.5, "log": np.log, "divide": lambda k: k / k}
    assert off(got, function[operation](k)) <= deviation.most < 1e-5
    assert "that is told from 0" in str(deviation.remarks[0])


def test_without_a_bound_nothing_that_follows_has_one_and_the_reason_stays():
    x = np.array([0.5, 1.0])
    nodes = [held("A", x, 4.0), line("reciprocal", 0), line("sigmoid", 1)]
    _, deviation, _ = derived(nodes, {0: x})
    assert deviation.most == inf and str(deviation.remarks[0]).startswith("reciprocal: no bound")


def test_a_root_near_0_has_the_bound_of_0():
    x = np.array([0.0, 2.0**-20, 1.0, 3.0])
    nodes = [held("A", x, 4.0), constant(1 / 3), line("multiply", 0, 1), line("sqrt", 2)]
    got, deviation, _ = derived(nodes, {0: x})
    assert off(got, np.sqrt(x / 3)) <= deviation.most < 1e-3
    assert "of larger numbers" in " ".join(map(str, deviation.remarks))


def test_ends_that_are_clipped_to_are_as_coarse_as_the_numbers():
    x = np.array([-1.0, 0.0, 1.0])
    nodes = [held("A", x, 2.0**40), line("clip", 0, low=-0.3, high=0.1)]
    got, deviation, unit = derived(nodes, {0: x})
    assert unit / 64 < off(got, x.clip(-0.3, 0.1)) <= deviation.most <= unit


def test_what_is_cut_off_counts_a_unit():
    real, known = ValueType((1,), 4.0, least=1.0), Estimate(20, Deviation(0.0))
    site = Site({}, ValueType((1,), 16.0), 40, (real, real))
    assert find("multiply").error([known, known], site, 40).most == 0
    assert find("multiply").error([known, known], site, 39).most == 2.0**-39
    held_whole, cut = (Held.of(Estimate(scale), real, Ring.Z64) for scale in (26, 27))
    assert held_whole.error == 0 and cut.error == 2.0**-26 == cut.least - cut.low


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), digits=st.integers(0, 12))
def test_what_comes_out_of_a_difference_is_not_taken_for_positive(seed, digits):
    least = np.random.default_rng(seed).uniform(0.5, 1.0)
    x = np.full(3, least)
    nodes = [held("A", x, 2.0 ** (8 + digits), least=float(least)), line("multiply", 0, 0), constant(-least)]
    nodes += [line("add", 0, 2), line("sqrt", 3)]
    root, _ = (run(program(nodes, 4, 1), {0: x})[0][RESEARCHER][k] for k in (0, 1))
    assert (root**2 <= 2.0**-8).all()


@pytest.mark.parametrize("size", [2.0**-6, 2.0**6])  # a matrix in small units is rehearsed in its own range
@pytest.mark.parametrize("name", ["solve", "inverse", "cholesky"])
def test_linear_algebra_with_a_known_diagonal_is_bounded(name, size):
    s = np.array([[1.5, 0.3, 0.3], [0.3, 1, 0.4], [0.3, 0.4, 1]]) * size
    b = np.array([0.2, -1.0, 0.7])
    x = {"solve": np.linalg.solve(s, b), "inverse": np.linalg.inv(s), "cholesky": np.linalg.cholesky(s)}[name]
    largest = {} if name == "cholesky" else {"bound": float(2 * np.abs(x).max())}
    operation = line(name, *([0, 1] if name == "solve" else [0]), condition=100.0, **largest)
    nodes = [held("A", s, 2 * size, least=float(s.min())), held("B", b), operation]
    got, deviation, unit = derived(nodes, {0: s, 1: b})
    assert off(got, x) <= deviation.most < 1e-8 * np.abs(x).max() + 100 * unit


def test_without_a_known_diagonal_linear_algebra_says_why_there_is_no_bound():
    s = np.diag([1.0, 2.0])
    for name in ("solve", "inverse", "cholesky"):
        largest = {} if name == "cholesky" else {"bound": 4.0}
        operation = line(name, *([0, 0] if name == "solve" else [0]), condition=100.0, **largest)
        _, deviation, _ = derived([held("A", s), operation], {0: s})
        assert deviation.most == inf and "smallest diagonal entry" in str(deviation.remarks[0])


def test_a_factor_of_whole_numbers_needs_no_diagonal():
    s = np.array([[4.0, 2.0], [2.0, 5.0]])
    got, deviation, _ = derived([held("A", s, integer=True), line("cholesky", 0, condition=100.0)], {0: s})
    assert off(got, np.linalg.cholesky(s)) <= deviation.most < 1e-9


def test_eigenvalues_are_bounded_and_vectors_are_spoken_of():
    rng = np.random.default_rng(2)
    m = rng.normal(size=(50, 3)) * [3, 2, 1]
    s = m.T @ m / 50
    nodes = [held("A", s), line("eigh", 0, k=2, ratio=0.9), line("index", 1, index=[0]), line("index", 1, index=[1])]
    got, values, _ = derived(nodes[:3], {0: s})
    assert off(got, np.linalg.eigvalsh(s)[::-1][:2]) <= values.most < 1e-6 and not values.remarks
    for shown in (nodes[:2], [*nodes[:2], nodes[3]]):
        _, deviation, _ = derived(shown, {0: s})
        assert deviation.most == inf and "eigh: no bound for vectors" in str(deviation.remarks[0])


def test_a_chain_is_bounded_and_each_sentence_stands_once():
    x = np.linspace(-1, 1, 30)
    nodes = [held("A", x), line("sum", 0, axes=[0]), line("shrink", 1, factor=1 / 30), line("subtract", 0, 2)]
    nodes += [line("multiply", 3, 3), line("sum", 4, axes=[0]), line("shrink", 5, factor=1 / 30), line("sqrt", 6)]
    nodes += [line("less", 0, 2), line("less", 2, 3), line("where", 8, 3, 7), line("where", 9, 10, 3)]
    got, deviation, _ = derived(nodes, {0: x})
    d = x - x.mean()
    expected = np.where(x.mean() < d, np.where(x < x.mean(), d, x.std()), d)
    clear = np.abs(x - x.mean()) > 1e-6
    assert off(got[clear], expected[clear]) <= deviation.most < 1e-3
    texts = [remark.text for remark in deviation.remarks]
    assert len(texts) == len(set(texts)) and sum(text.startswith("less") for text in texts) == 1
