"""Factors below 1 keep their digits, and clipping narrows the bound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.programs.plan import plan
from securecompute.programs.program import Node
from securecompute.programs.rehearsal import rehearse
from tests.programs.running import held, line, program, run, shown

RNG = np.random.default_rng(5)
X = RNG.normal(size=(5, 4)) + 3


@settings(max_examples=15)
@given(st.floats(2.0**-40, 1.0), st.sampled_from([1.0, 8.0, 1e5]), st.booleans())
def test_a_factor_below_one_keeps_half_of_the_rings_digits(factor, largest, wide):
    x = X / np.abs(X).max() * largest
    (got,) = shown([held("A", x, wide=wide), line("shrink", 0, factor=factor)], {0: x}, 1)
    error = largest * factor * (2.0**-55 if wide else 2.0**-26) + 2.0**-40
    np.testing.assert_allclose(got, x * factor, atol=error, rtol=1e-15)


@pytest.mark.parametrize(("factor", "rounds"), [(1.0, 0), (0.5, 2), (2.0**-20, 2), (0.3, 4)])
def test_the_cost_line_is_true(factor, rounds):
    made = program([held("D", X), line("shrink", 0, factor=factor)], 1)
    assert rehearse(plan(made)).lines[1].rounds == rounds
    (got,) = shown(made.nodes, {0: X}, 1)
    np.testing.assert_allclose(got, X * factor, atol=2.0**-26, rtol=0)


def test_a_sum_of_many_over_their_number_is_their_mean():
    x = RNG.normal(size=9999) + 5
    nodes = [held("D", x, 16.0), line("sum", 0, axes=[0]), line("shrink", 1, factor=1 / x.size)]
    (got,) = shown(nodes, {0: x}, 2)
    assert abs(got - x.mean()) < 1e-7


def test_whole_numbers_are_shrunk_too_and_go_on():
    counts = RNG.integers(0, 1000, size=(5, 4)).astype(float)
    nodes = [held("A", counts, integer=True), line("shrink", 0, factor=1 / 300), line("multiply", 1, 1)]
    (got,) = shown(nodes, {0: counts}, 2)
    np.testing.assert_allclose(got, (counts / 300) ** 2, atol=1e-6)


@pytest.mark.parametrize("largest", [239, 3])
def test_a_power_of_two_of_few_whole_numbers_is_exact_and_has_digits_for_what_follows(largest):
    counts = np.arange(largest + 1.0)
    nodes = [held("A", counts, 240.0, integer=True), line("shrink", 0, factor=2.0**-9), line("multiply", 1, 1)]
    (got,) = shown(nodes, {0: counts}, 2)
    np.testing.assert_allclose(got, (counts / 512) ** 2, atol=2.0**-40)


@pytest.mark.parametrize("factor", [0.0, -0.5, 1.5, 2.0**-41, float("nan"), "half"])
def test_a_factor_that_does_not_shrink_is_refused(factor):
    with pytest.raises(InvalidRequest, match="is not a number from"):
        Node.from_plain(["shrink", [0], {"factor": factor}], 1)


@settings(max_examples=15)
@given(st.floats(-12, 12), st.floats(-12, 12), st.booleans())
def test_clipping_is_numpys(one, other, whole):
    low, high = sorted((round(one), round(other)) if whole else (one, other))
    x = np.rint(X * 2) if whole else X
    (got,) = shown([held("A", x, integer=whole), line("clip", 0, low=low, high=high)], {0: x}, 1)
    np.testing.assert_allclose(got, np.clip(x, low, high), atol=0 if whole else 2.0**-38, rtol=0)


def test_whole_numbers_are_clipped_to_fractions():
    x = np.arange(-3.0, 4.0)
    nodes = [held("A", x, integer=True), line("clip", 0, low=-0.5, high=1.25)]
    np.testing.assert_allclose(shown(nodes, {0: x}, 1)[0], np.clip(x, -0.5, 1.25), atol=1e-9)


def test_the_bound_of_what_is_clipped_is_that_of_the_range():
    made = program([held("A", X, 1e6), line("clip", 0, low=-2.0, high=1.0), line("multiply", 1, 1)], 2)
    assert made.types[1].bound < 2.1
    outputs, _ = run(made, {0: X})
    np.testing.assert_allclose(outputs["researcher"][0], np.clip(X, -2, 1) ** 2, atol=1e-6)


def test_a_range_upside_down_is_refused():
    with pytest.raises(InvalidRequest, match="no less than 2 and no more than 1"):
        program([held("A", X), line("clip", 0, low=2.0, high=1.0)], 1)
