"""How many digits numbers keep on their way through a program, and that too few are refused instead of shown."""

import numpy as np
import pytest
from scipy import stats

from securecompute.arithmetic.rings import Ring
from securecompute.errors import PrecisionLoss
from securecompute.programs.plan import plan
from securecompute.programs.rehearsal import rehearse
from tests.programs.running import constant, held, line, program, shown

RNG = np.random.default_rng(8)
X = np.concatenate([RNG.normal(60, 10, 300), -RNG.normal(-60, 10, 300)]).clip(0, 120)
MEAN = [line("sum", 0, axes=[0]), line("shrink", 1, factor=1 / X.size), line("subtract", 0, 2)]
VARIANCE = [line("multiply", 3, 3), line("sum", 4, axes=[0]), line("shrink", 5, factor=1 / X.size)]


def scales(nodes):
    """Of every operation."""
    rehearsed = rehearse(plan(program(nodes, len(nodes) - 1)))
    return {k: each.type.scale for k, each in rehearsed.lines.items()}


def test_unequal_factors_share_the_room_so_that_both_have_as_many_digits():
    big, small = RNG.uniform(-1, 1, 50) * 2.0**20, RNG.uniform(-1, 1, 50) * 2.0**-6
    nodes = [held("A", big, 2.0**20), held("B", small, 2.0**-6), line("multiply", 0, 1)]
    planned = plan(program(nodes, 2))
    first, second = (planned.sites[k].demand for k in (0, 1))
    assert second - first == 26
    (got,) = shown(nodes, {0: big, 1: small}, 2)
    evenly = 2.0**20 * 2.0 ** -((first + second) // 2 + 1)  # what half of the room for each factor would leave
    assert np.abs(got - big * small).max() < evenly / 1000


def test_the_product_of_alike_factors_is_as_it_was():
    nodes = [held("A", X, 120.0), held("B", X, 120.0), line("multiply", 0, 1)]
    planned = plan(program(nodes, 2))
    assert planned.sites[0].demand == planned.sites[1].demand


@pytest.mark.parametrize(
    "chosen",
    [
        [line("less", 0, 0), constant(0.3), line("where", 1, 2, 0)],
        [constant(0.3), line("maximum", 0, 1)],
        [constant(0.3), line("minimum", 1, 0)],
    ],
)
def test_a_public_choice_has_the_digits_that_are_wanted_and_no_more(chosen):
    nodes = [held("A", X, 2.0**12), *chosen]
    nodes.append(line("multiply", len(nodes) - 1, len(nodes) - 1))  # 2 * 18 + 24 bits, where 2 * 40 + 24 would not fit
    assert scales(nodes)[len(nodes) - 2] == 18
    (got,) = shown(nodes, {0: X}, len(nodes) - 1)
    assert np.isfinite(got).all()


def test_a_threshold_is_compared_with_all_its_digits():
    x = np.array([0.3, 0.3 + 2.0**-35])
    nodes = [held("A", x, 1.0), constant(0.3), line("less", 1, 0)]
    assert shown(nodes, {0: x}, 2)[0].tolist() == [0, 1]


def skewness(*after):
    """Σ d³ / n, and what else is made of it and of the variance, by hand."""
    nodes = [held("A", X, 120.0), *MEAN, *VARIANCE]
    nodes += [line("multiply", 4, 3), line("sum", 7, axes=[0]), line("shrink", 8, factor=1 / X.size)]
    return [*nodes, *after]


def test_a_moment_over_a_power_of_the_spread_is_close():
    nodes = skewness(line("sqrt", 6), line("multiply", 6, 10), line("divide", 9, 11))
    (got,) = shown(nodes, {0: X}, 12)
    assert abs(got - stats.skew(X)) < 2e-3 and got != 0


@pytest.mark.parametrize(
    "after",
    [
        [line("rsqrt", 6), line("multiply", 9, 10), line("multiply", 11, 10), line("multiply", 12, 10)],
        [line("divide", 9, 6), line("sqrt", 6), line("divide", 10, 11)],
        [line("rsqrt", 6), line("multiply", 3, 10), line("multiply", 11, 11), line("multiply", 12, 11)],
        [line("reciprocal", 9), line("sum", 0, axes=[0]), line("multiply", 10, 11), line("reciprocal", 12)],
    ],
)
def test_what_follows_from_quotients_is_refused_if_it_would_lose_its_digits(after):
    nodes = skewness(*after)
    with pytest.raises(PrecisionLoss, match="clip what is divided by away from 0"):
        rehearse(plan(program(nodes, len(nodes) - 1)))


def wide(bound, **declared):
    """A single number in the wide ring."""
    return held("A", np.ones(1), bound, wide=True, **declared)


@pytest.mark.parametrize(
    "nodes",
    [
        [wide(1.0), line("reciprocal", 0), line("reciprocal", 1)],  # 1 / x is held to the nearest 1
        [wide(1.0), wide(2.0**60, least=2.0**10), line("reciprocal", 0), line("divide", 2, 1)],
    ],
)
def test_what_a_quotient_shortens_before_it_divides_keeps_its_digits_or_is_refused(nodes):
    with pytest.raises(PrecisionLoss, match="clip what is divided by away from 0"):
        rehearse(plan(program(nodes, len(nodes) - 1)))


def test_a_difference_proves_nothing_positive_unless_it_is_of_whole_numbers():
    x, k = held("A", np.ones(1), 8.0, least=0.5), held("A", np.ones(1), 8.0, integer=True, least=1.0)
    nodes = [x, k, constant(-0.25), constant(-1.0), constant(0.25)]
    nodes += [line("add", 0, 2), line("add", 1, 3), line("add", 0, 4), line("subtract", 0, 4)]
    leasts = [type_.least for type_ in program(nodes, 5).types[5:]]
    assert leasts[0] < 0 and leasts[1] == 0 and leasts[2] == 0.75 and leasts[3] < 0


def test_clipped_away_from_0_it_is_computed():
    nodes = skewness(line("clip", 6, low=25.0, high=400.0), line("rsqrt", 10))
    nodes += [line("multiply", 11, 11), line("multiply", 12, 11), line("multiply", 9, 13)]
    (got,) = shown(nodes, {0: X}, 14)
    assert abs(got - stats.skew(X)) < 2e-3


def test_a_quotient_that_is_clipped_has_a_bound_that_says_something():
    nodes = [held("A", X, 120.0), line("reciprocal", 0), line("clip", 1, low=0.0, high=1.0), line("multiply", 2, 2)]
    types = [site.result for site in plan(program(nodes, 3)).sites]
    assert [type_.loose for type_ in types] == [False, True, False, False]
    assert types[1].ring is Ring.Z128
