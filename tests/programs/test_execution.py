"""Programs give numpy's numbers, in the rounds and bytes that were rehearsed, and nobody sees more than the outputs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import PeerMisbehaved
from securecompute.programs.plan import plan
from securecompute.programs.rehearsal import rehearse
from tests.programs.running import RESEARCHER, TRIO, constant, held, line, program, run, shown

RNG = np.random.default_rng(7)
X, Y, V = RNG.normal(size=(20, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=4)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([held("A", X), line("sum", 0, axes=[0])], X.sum(0)),
        ([held("A", X), line("sum", 0, axes=[0, 1])], X.sum()),
        ([held("D", X), line("gram", 0)], X.T @ X),
        ([held("D", X), line("negate", 0), line("transpose", 1, axes=[1, 0])], -X.T),
        ([held("D", X), line("index", 0, index=[[1, 9, 2], 3])], X[1:9:2, 3]),
        ([held("D", X), line("index", 0, index=[[], -1])], X[None, -1]),
        ([held("D", X), line("reshape", 0, shape=[8, 10])], X.reshape(8, 10)),
        ([held("D", X), constant([0.5, 0.1, -3.0, 1e-3]), line("multiply", 0, 1)], X * [0.5, 0.1, -3.0, 1e-3]),
        ([held("D", X), constant([2.0]), line("multiply", 0, 1)], X * 2),
        (
            [held("D", X), constant(np.arange(8.0).reshape(4, 2) / 7), line("matmul", 0, 1)],
            X @ (np.arange(8.0).reshape(4, 2) / 7),
        ),
        ([held("D", V), constant(np.ones((2, 4)) / 3), line("matmul", 1, 0)], np.ones((2, 4)) / 3 @ V),
        ([held("D", X), constant([0.1]), line("add", 0, 1)], X + 0.1),
        ([held("D", X), constant([0.1]), line("subtract", 1, 0)], 0.1 - X),
    ],
)
def test_one_institutions_numbers(nodes, expected):
    (got,) = shown(nodes, {0: X if nodes[0].value.shape == X.shape else V}, len(nodes) - 1)
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, atol=1e-5, rtol=0)


def test_a_chain_of_products_of_several_institutions():
    nodes = [held("A", X), held("D", Y), held("E", V), line("matmul", 0, 1), line("multiply", 3, 3)]
    nodes += [line("matmul", 0, 2), line("sum", 4, axes=[1]), line("multiply", 5, 6)]
    got = shown(nodes, {0: X, 1: Y, 2: V}, 7, 3)
    np.testing.assert_allclose(got[0], (X @ V) * ((X @ Y) ** 2).sum(1), atol=1e-2)
    np.testing.assert_allclose(got[1], X @ Y, atol=1e-4)


def test_whole_numbers_stay_exact():
    counts = RNG.integers(-1000, 1000, size=(6, 6)).astype(float)
    nodes = [held("A", counts, integer=True), line("gram", 0), constant([3.0]), line("multiply", 1, 2)]
    (got,) = shown(nodes, {0: counts}, 3)
    assert (got == 3 * counts.T @ counts).all()


def test_the_wide_ring_keeps_more_digits():
    for wide, error in ((False, 1e-5), (True, 1e-10)):
        (got,) = shown([held("A", X, wide=wide), line("gram", 0)], {0: X}, 1)
        assert np.abs(got - X.T @ X).max() < error


def test_numbers_of_two_rings_meet_in_the_wider_one():
    nodes = [held("A", X, wide=True), held("D", X), line("add", 0, 1), line("multiply", 2, 1)]
    (got,) = shown(nodes, {0: X, 1: X}, 3)
    np.testing.assert_allclose(got, 2 * X * X, atol=1e-6)


CHAIN = [held("A", X), held("D", Y), line("matmul", 0, 1), line("multiply", 2, 2), line("sum", 3, axes=[0])]
WIDE = [held("A", X, wide=True), held("D", X), line("multiply", 0, 1), line("gram", 1)]
LINEAR = [held("D", X), line("sum", 0, axes=[0])]


@pytest.mark.parametrize(("nodes", "outputs"), [(CHAIN, (4, 2)), (WIDE, (2, 3)), (LINEAR, (1,))])
def test_a_rehearsal_tells_rounds_bytes_and_types_exactly(nodes, outputs):
    made = program(nodes, *outputs)
    rehearsal = rehearse(plan(made))
    _, played = run(made, {k: X if each.shape == X.shape else Y for k, each in made.inputs.items()})
    assert played.rounds == 1 + rehearsal.rounds + 1
    owners = len(made.owners)
    for i, party in enumerate(TRIO):
        revealed = sum(type_.ring.item_bytes * int(np.prod(shape)) + 32 for type_, shape in rehearsal.outputs)
        around = 32 + 64 * owners + revealed
        words = sum(16 if e.wide else 8 for k, e in made.inputs.items() if e.owner == party)
        own = words * X.size + 96 if words else 0
        assert played.sent[party] == rehearsal.sent[i] + around + own


@pytest.mark.parametrize(
    "nodes",
    [
        [held("A", np.zeros((3, 4001)), 1.0), line("multiply", 0, 0)],
        [held("A", np.zeros((1, 90)), 1.0), line("gram", 0)],
        [held("A", np.zeros((1001, 1)), 1.0), held("D", np.zeros((1, 7)), 1.0), line("matmul", 0, 1)],
        [held("A", np.zeros(5003), 1.0), constant(0.3), line("multiply", 0, 1), line("multiply", 2, 2)],
    ],
)
def test_a_rehearsal_of_many_elements_carries_over_the_bytes_of_few(nodes):
    made = program(nodes, len(nodes) - 1)
    _, played = run(made, {k: np.zeros(each.shape) for k, each in made.inputs.items()})
    rehearsal = rehearse(plan(made))
    revealed = sum(type_.ring.item_bytes * int(np.prod(shape)) + 32 for type_, shape in rehearsal.outputs)
    assert played.sent["B"] == rehearsal.sent[1] + 32 + 64 * len(made.owners) + revealed


def test_independent_lines_share_rounds():
    one = [held("A", X), line("multiply", 0, 0)]
    two = [*one, line("gram", 0), line("multiply", 0, 0)]
    assert rehearse(plan(program(two, 1, 2, 3))).rounds == rehearse(plan(program(one, 1))).rounds


def test_a_compute_party_can_be_owner_and_receiver():
    made = program([held("B", X), line("gram", 0)], 1, receiver="C")
    outputs, _ = run(made, {0: X})
    np.testing.assert_allclose(outputs["C"][0], X.T @ X, atol=1e-5)
    assert outputs["A"] == outputs["B"] == {}


@given(st.permutations(TRIO))
def test_any_three_in_any_order_compute(trio):
    outputs, _ = run(program(CHAIN, 4), {0: X, 1: Y}, trio=tuple(trio))
    np.testing.assert_allclose(outputs[RESEARCHER][0], ((X @ Y) ** 2).sum(0), atol=1e-3)


def test_an_owner_that_gives_two_parties_different_numbers_is_found_out():
    def deliver(number, sender, receiver, message):
        if number == 0 and sender == "D" and receiver == "B":
            return ((message[0][0], type(message[0][1])(message[0][1].elements + np.uint64(1))),)
        return message

    with pytest.raises(PeerMisbehaved, match="different shares of the numbers of 'D'"):
        run(program(LINEAR, 1), {0: X}, deliver=deliver)


def test_nothing_reaches_the_researcher_before_the_last_round():
    _, played = run(program(CHAIN, 4), {0: X, 1: Y})
    assert {number for number, _ in played.views[RESEARCHER]} == {played.rounds - 1}


def test_a_product_that_is_shown_is_the_same_in_every_run():
    made = program(CHAIN[:3], 2)
    seen = {run(made, {0: X, 1: Y}, seed=seed)[0][RESEARCHER][0].tobytes() for seed in range(5)}
    assert len(seen) == 1
