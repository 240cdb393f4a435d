"""Comparisons, choices and order in programs, against numpy."""

import numpy as np
import pytest

from securecompute.errors import InvalidRequest
from tests.programs.running import constant, held, line, program, run, shown

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(4, 5)).round(3), RNG.normal(size=(4, 5)).round(3)
K = RNG.integers(-5, 5, size=9).astype(float)
A, B = held("A", X), held("D", Y)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([A, B, line("less", 0, 1)], X < Y),
        ([A, B, line("equal", 0, 0)], X == X),
        ([A, B, line("equal", 0, 1)], X == Y),
        ([A, B, constant(0.25), line("less", 0, 2)], X < 0.25),
        ([A, B, constant(0.25), line("less", 2, 0)], X > 0.25),
        ([A, B, line("less", 0, 1), line("where", 2, 0, 1)], np.minimum(X, Y)),
        ([A, B, line("less", 0, 1), constant(0.5), line("where", 2, 3, 1)], np.where(X < Y, 0.5, Y)),
        ([A, B, line("less", 0, 1), constant(0.5), constant(2.0), line("where", 2, 3, 4)], np.where(X < Y, 0.5, 2)),
        ([A, B, line("less", 0, 1), constant(7.0), constant(2.0), line("where", 2, 3, 4)], np.where(X < Y, 7, 2)),
        ([A, B, line("maximum", 0, 1)], np.maximum(X, Y)),
        ([A, B, line("minimum", 0, 1)], np.minimum(X, Y)),
        ([A, B, line("absolute", 0)], np.abs(X)),
        ([A, B, line("max", 0, axis=1)], X.max(1)),
        ([A, B, line("min", 0, axis=0)], X.min(0)),
        ([A, B, line("argmax", 0, axis=0)], X.argmax(0)),
        ([A, B, line("argmin", 0, axis=1)], X.argmin(1)),
        ([A, B, line("less", 0, 1), line("sum", 2, axes=[0, 1])], (X < Y).sum()),
        ([A, B, line("less", 0, 1), line("multiply", 2, 0), line("sum", 3, axes=[0])], (X * (X < Y)).sum(0)),
    ],
)
def test_as_numpy_says(nodes, expected):
    (got,) = shown(nodes, {0: X, 1: Y}, len(nodes) - 1)
    np.testing.assert_allclose(got, expected, atol=1e-8)


@pytest.mark.parametrize(
    ("operation", "attributes", "expected"),
    [
        ("sort", {"axis": 0}, np.sort(K)),
        ("argsort", {"axis": 0}, np.argsort(K, kind="stable")),
        ("top_k", {"k": 3}, np.sort(K)[::-1][:3]),
    ],
)
@pytest.mark.parametrize("integer", [True, False])
def test_order_as_numpy_says(operation, attributes, expected, integer):
    nodes = [held("A", K, integer=integer), line(operation, 0, **attributes)]
    np.testing.assert_allclose(shown(nodes, {0: K}, 1)[0], expected, atol=1e-9)


def test_whole_numbers_compare_with_fractions():
    nodes = [held("A", K, integer=True), constant(0.5), line("less", 0, 1)]
    assert (shown(nodes, {0: K}, 2)[0] == (K < 0.5)).all()


def test_wide_numbers_are_compared_and_chosen():
    nodes = [held("A", X, wide=True), B, line("less", 0, 1), line("where", 2, 0, 1), line("argmax", 0, axis=1)]
    got = shown(nodes, {0: X, 1: Y}, 3, 4)
    np.testing.assert_allclose(got[0], np.minimum(X, Y), atol=1e-9)
    assert (got[1] == X.argmax(1)).all()


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([A, B, line("where", 0, 0, 1)], "zeros and ones"),
        ([A, B, line("max", 0, axis=2)], "along axis 2"),
        ([A, B, line("sort", 0, axis=0)], "vectors are sorted"),
        ([held("A", K), line("top_k", 0, k=10)], "the 10 largest of 9"),
    ],
)
def test_what_has_no_meaning_is_refused(nodes, text):
    with pytest.raises(InvalidRequest, match=text):
        program(nodes, len(nodes) - 1)


def test_a_threshold_that_two_numbers_are_compared_with_is_exact_at_the_edge():
    x = np.array([0.25, 0.25 + 2.0**-30, 0.25 - 2.0**-30])
    nodes = [held("A", x), constant(0.25), line("less", 0, 1), line("equal", 0, 1)]
    less, equal = shown(nodes, {0: x}, 2, 3)
    assert less.tolist() == [0, 0, 1] and equal.tolist() == [1, 0, 0]


def test_many_comparisons_are_rehearsed_on_few():
    from securecompute.programs.plan import plan
    from securecompute.programs.rehearsal import rehearse

    x = np.zeros(5001)
    made = program([held("A", x, 1.0), constant(0.5), line("less", 0, 1)], 2)
    rehearsal, (_, played) = rehearse(plan(made)), run(made, {0: x})
    assert played.rounds == rehearsal.rounds + 2
    revealed = sum(type_.ring.item_bytes * int(np.prod(shape)) + 32 for type_, shape in rehearsal.outputs)
    assert played.sent["B"] == rehearsal.sent[1] + 32 + 64 + revealed
