"""Linear systems on shares: right within the stated bound or refused, whatever the matrix; cost, views, a proof that
catches what is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.arithmetic.ring_arrays import RingArray
from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, IllConditioned, InvalidRequest
from securecompute.protocols.products import scaled_system
from securecompute.protocols.products.comparison import negative
from securecompute.protocols.products.linear_solve import inverse_spd, plan_solution, solve_spd
from securecompute.protocols.products.unit_diagonal import design
from tests.protocols.products.exact_systems import Encoded, badly_scaled, conditioned, run, solution, with_spectrum
from tests.protocols.products.playing import TRIO, alone, received
from tests.protocols.products.views import uniform

KINDS = ("even", "one small", "one large")


def off(s, b, came, smallest):
    """Largest error in standardised variables, over what the module promises."""
    root = np.sqrt(np.diag(s.reals))
    exact = solution(s, b)
    z = (exact.T * root).T
    promised = (
        2.0**-37 * np.linalg.norm(z, axis=0)
        + 2.0**-60 * b.type.bound / np.sqrt(smallest)
        + root.max() * 2.0**-came.types.scale
    )
    return (np.abs(((came.values - exact).T * root).T) / promised).max()


def system(p, condition, kind, seed=0, units=1.0, columns=None):
    """S and B as Encoded."""
    s = badly_scaled(conditioned(p, condition, kind, seed), 1 / units, units)
    shape = (p,) if columns is None else (p, columns)
    return Encoded(s), Encoded(np.random.default_rng(seed).normal(size=shape))


@settings(max_examples=20)
@given(st.integers(1, 9), st.floats(0, 8), st.sampled_from(KINDS), st.floats(0, 2), st.integers(0, 99))
def test_a_solution_is_right_within_the_stated_bound(p, exponent, kind, units, seed):
    s, b = system(p, 10**exponent, kind, seed, 10**units)
    smallest = np.diag(s.reals).min()
    came = run(solve_spd, s, b, condition=1.05 * 10**exponent, smallest=smallest)
    assert off(s, b, came, smallest) < 1


@settings(max_examples=10)
@given(st.integers(2, 8), st.floats(1, 9), st.floats(1, 6), st.sampled_from(KINDS), st.integers(0, 99))
def test_a_condition_declared_too_small_gives_a_right_solution_or_none(p, exponent, declared, kind, seed):
    s, b = system(p, 10**exponent, kind, seed)
    smallest = np.diag(s.reals).min()
    try:
        came = run(solve_spd, s, b, condition=10**declared, smallest=smallest)
    except IllConditioned:
        assert np.linalg.cond(s.reals) > 10**declared
    else:
        assert off(s, b, came, smallest) < 1


@pytest.mark.parametrize(("p", "condition", "columns"), [(50, 1e4, None), (30, 1e8, 2), (20, 1e6, 20)])
def test_larger_systems_with_several_right_sides(p, condition, columns):
    s, b = system(p, condition, "even", columns=columns)
    came = run(solve_spd, s, b, condition=1.05 * condition)
    assert off(s, b, came, s.type.bound * 2.0**-42) < 1
    assert came.values.shape == b.values.shape


@pytest.mark.slow
@pytest.mark.parametrize(("p", "condition"), [(100, 1e4), (100, 1e8), (200, 1e4), (200, 1e8)])
def test_two_hundred_variables(p, condition):
    s, b = system(p, condition, "even", units=100)
    came = run(solve_spd, s, b, condition=1.05 * condition)
    assert off(s, b, came, s.type.bound * 2.0**-42) < 1


@pytest.mark.parametrize("p", [1, 2, 7])
@pytest.mark.parametrize("diagonal", [lambda p: np.ones(p), lambda p: np.geomspace(1e-4, 1e4, p)], ids=["unit", "wide"])
def test_a_diagonal_matrix_divides(p, diagonal):
    s, b = Encoded(np.diag(diagonal(p))), Encoded(np.arange(1.0, p + 1))
    came = run(solve_spd, s, b, condition=1)  # of the best scaling
    assert np.allclose(came.values, b.values / diagonal(p), rtol=1e-10, atol=0)


def test_years_beside_zeros_and_ones_do_no_harm():
    """X'X of an intercept, an age in years, an income in euros and a rare yes: its own condition is 10^13."""
    rng = np.random.default_rng(0)
    n = 10_000
    x = np.column_stack([np.ones(n), rng.normal(60, 15, n), rng.lognormal(10, 1, n), rng.random(n) < 0.01])
    y = x @ [1.0, 0.02, 1e-5, 0.7] + rng.normal(size=n)
    s, b = Encoded(np.round(x.T @ x), 30), Encoded(x.T @ y, 30)
    assert np.linalg.cond(s.values) > 1e10
    came = run(solve_spd, s, b, condition=1e4, smallest=50.0)
    assert np.allclose(came.values, solution(s, b), rtol=1e-9, atol=0)


def test_numbers_in_the_narrow_ring_are_widened():
    s, b = Encoded(conditioned(4, 100), 40, Ring.Z64), Encoded(np.arange(4.0), 30, Ring.Z64)
    came = run(solve_spd, s, b, condition=100)
    assert came.types.ring is Ring.Z128
    assert np.allclose(came.values, solution(s, b), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("p", "condition"), [(1, 1.0), (3, 1e2), (6, 1e5), (20, 1e7)])
def test_an_inverse_is_right_within_the_stated_bound(p, condition):
    s = Encoded(badly_scaled(conditioned(p, condition), 0.1, 10))
    came = run(inverse_spd, s, condition=1.05 * condition)
    root = np.sqrt(np.diag(s.reals))
    exact = solution(s, Encoded(np.eye(p)))
    standardised = exact * np.outer(root, root)
    promised = 2.0**-36 * np.linalg.norm(standardised, 2) + root.max() ** 2 * 2.0**-came.types.scale
    assert np.abs((came.values - exact) * np.outer(root, root)).max() < promised


# ---- what is refused

SINGULAR = {
    "zero": np.zeros((3, 3)),
    "rank one": np.ones((3, 3)),
    "a column twice": np.array([[2, 1, 1], [1, 1, 1], [1, 1, 1.0]]),
    "dummies of all categories": np.array([[6, 1, 2, 3], [1, 1, 0, 0], [2, 0, 2, 0], [3, 0, 0, 3.0]]),
    "a column of zeros": np.diag([1, 0, 2.0]),
    "indefinite": np.array([[1, 2], [2, 1.0]]),
    "indefinite in powers of two": np.array([[0.25, 0.5], [0.5, 0.25]]),
    "grossly indefinite": np.array([[1e-3, 1e3], [1e3, 1e-3]]),
    "negative definite": -np.eye(2),
    "negative": np.array([[-1.0]]),
    "slightly indefinite": with_spectrum([1, 0.5, -1e-9]),
}


@pytest.mark.parametrize("s", SINGULAR.values(), ids=SINGULAR)
@pytest.mark.parametrize("condition", [10, 1e8])
def test_what_has_no_inverse_is_refused_with_advice(s, condition):
    with pytest.raises(
        IllConditioned, match=r"singular or worse conditioned .* drop a collinear column, or add a ridge"
    ):
        run(solve_spd, Encoded(s, bound=4e3), Encoded(np.ones(len(s))), condition=condition)


def test_a_ridge_helps():
    s = Encoded(SINGULAR["rank one"] + 0.01 * np.eye(3))
    came = run(solve_spd, s, Encoded(np.ones(3)), condition=400)
    assert np.allclose(came.values, np.linalg.solve(s.values, np.ones(3)), rtol=1e-9)


def test_a_diagonal_below_the_smallest_declared_is_refused():
    s, b = Encoded(np.diag([1.0, 0.2])), Encoded(np.ones(2))
    with pytest.raises(IllConditioned):
        run(solve_spd, s, b, condition=1, smallest=0.25)
    assert np.allclose(run(solve_spd, s, b, condition=1, smallest=0.2).values, [1, 5])


def test_a_solution_beyond_its_declared_bound_is_refused():
    s, b = Encoded(np.diag([1.0, 0.1])), Encoded(np.ones(2))
    came = run(solve_spd, s, b, condition=1, bound=10.5, scale=40)
    assert (came.types.bound, came.types.scale) == (10.5 + 2.0**-40, 40)
    assert np.allclose(came.values, [1, 10])
    with pytest.raises(IllConditioned, match="beyond its bound"):
        run(solve_spd, s, b, condition=1, bound=9.5)


def test_all_three_are_told_and_nothing_else_is():
    """Whoever refuses, does so in the same round: none is left waiting."""
    parts = []

    def note(number, sender, receiver, message):
        parts.append((number, sender, receiver))
        return message

    with pytest.raises(IllConditioned):
        run(solve_spd, Encoded(np.ones((2, 2))), Encoded(np.ones(2)), condition=10, deliver=note)
    last = max(number for number, _, _ in parts)
    assert {(s, r) for n, s, r in parts if n == last} == {(a, b) for a in TRIO for b in TRIO if a != b}


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"condition": 0.5}, InvalidRequest, "a condition of 0.5"),
        ({"condition": np.nan}, InvalidRequest, "a condition of nan"),
        ({"condition": 1e16}, InvalidRequest, "cannot be inverted in 128 bits"),
        ({"condition": 10, "smallest": 0.0}, InvalidRequest, "a smallest diagonal entry of 0"),
        ({"condition": 10, "smallest": 1e-30}, EncodingOverflow, "leaves no headroom to scale it"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_before_a_message_is_sent(options, error, text):
    with pytest.raises(error, match=text):
        run(solve_spd, Encoded(np.eye(2)), Encoded(np.ones(2)), deliver=no_message, **options)


@pytest.mark.parametrize(
    ("s", "b"), [((2, 3), (2,)), ((2, 2), (3,)), ((2,), (2,)), ((2, 2), (2, 1, 1)), ((0, 0), (0,))]
)
def test_shapes_that_are_no_system_are_refused(s, b):
    with pytest.raises(InvalidRequest, match=r"shape|system"):
        run(solve_spd, Encoded(np.ones(s), bound=1.0), Encoded(np.ones(b), bound=1.0), condition=10, deliver=no_message)


def no_message(*_):
    raise AssertionError("a message was sent")


# ---- the proof


@pytest.mark.parametrize("where", [(0, 0), (2, 1)])
@pytest.mark.parametrize("size", [1 << 100, -(1 << 127), 3 << 62])
def test_an_inverse_that_is_wrong_anywhere_is_refused(where, size, monkeypatch):
    """As if an iteration had gone astray: any word, however large, in one entry of M."""
    real = scaled_system.approximate_inverse

    def astray(party, f, scale, plan):
        m = yield from real(party, f, scale, plan)
        wrong = np.zeros(m.shape, dtype=object)
        wrong[where] = wrong[where[::-1]] = size
        return m + RingArray.integers(m.ring, wrong)

    monkeypatch.setattr(scaled_system, "approximate_inverse", astray)
    with pytest.raises(IllConditioned):
        run(solve_spd, *system(3, 100, "even"), condition=105)


# ---- cost


def test_the_cost_is_what_is_said():
    p, w = 6, 16
    s, b = system(p, 1e3, "even")
    came = run(solve_spd, s, b, condition=1.05e3)
    d = design(s.type, s.values.shape, 1.05e3, None)
    _, plan, _ = plan_solution(d, b.type)
    factors, steps = len(plan.inverse.factors), len(plan.refinement.solutions)
    assert came.played.rounds == 2 * factors + 15 + max(6, 4 * steps - 2)
    pairs = p * (p + 1) // 2
    compared = [p * d.span + p, 2 * (2 * pairs + p * p), 1]  # the diagonal, the claims, their number
    signs = [alone(negative, RingArray.zeros(Ring.Z128, (n,)))[1].sent for n in compared]
    # elements of products, of products that are truncated, and of shares that are truncated
    exact = 2 * pairs + p + p * p + p
    products = pairs * (2 * factors - 2) + p * (2 * steps - 1)
    shares = pairs * (3 + (plan.given > plan.used)) + p * (plan.b_scale > plan.refinement.residuals[0])
    evaluator = w * (exact + 2 * products + shares) + sum(sent["P0"] for sent in signs) + w + 32
    dealer = w * (exact + 4 * products + 4 * shares) + sum(sent["P2"] for sent in signs) + w + 32
    assert came.played.sent == {"P0": evaluator, "P1": evaluator, "P2": dealer}


@pytest.mark.parametrize("options", [{}, {"bound": 1e6}])
@pytest.mark.parametrize("ring", [Ring.Z64, Ring.Z128], ids=str)
def test_widening_and_a_bound_take_the_rounds_that_are_said(ring, options):
    s, b = Encoded(conditioned(3, 50), 30, ring), Encoded(np.ones(3), 30, ring)
    rounds = run(solve_spd, s, b, condition=50, **options).played.rounds
    plain = run(solve_spd, Encoded(s.values, 30), Encoded(b.values, 30), condition=50).played.rounds
    assert rounds == plain + 2 * (ring is Ring.Z64) + 6 * bool(options)


# ---- what is seen


@pytest.mark.parametrize(
    "s", [conditioned(24, 10), badly_scaled(conditioned(24, 1e4), 0.01, 100)], ids=["tame", "wild"]
)
def test_all_that_a_party_sees_is_uniform(s):
    came = run(solve_spd, Encoded(s), Encoded(np.ones(24)), condition=1.05e4)
    for party in TRIO:
        seen = [a for a in received(came.played, party) if a.nbytes >= 4096]
        assert seen and all(map(uniform, seen))


def test_two_matrices_of_one_shape_look_alike_in_size_and_time():
    views = [
        {(r, p): [m.shape for m in received(came.played, p)] for p in TRIO for r in [0]}
        for s in (np.eye(3), badly_scaled(conditioned(3, 9), 0.1, 10))
        for came in [run(solve_spd, Encoded(s, bound=200.0), Encoded(np.ones(3)), condition=10)]
    ]
    assert views[0] == views[1]
