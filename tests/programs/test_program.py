"""A program is data: what arrives is checked, typed and planned before anything runs."""

import numpy as np
import pytest

from securecompute.arithmetic.rings import Ring
from securecompute.errors import EncodingOverflow, InvalidRequest, NonFiniteInput, PrecisionLoss
from securecompute.programs.catalogue import OPERATIONS, find
from securecompute.programs.execution import check_declared
from securecompute.programs.operation import UNTRUNCATED
from securecompute.programs.plan import plan
from securecompute.programs.program import Input, Node, Program
from securecompute.programs.rehearsal import rehearse
from tests.programs.running import constant, held, line, program

X = np.ones((5, 3))


def plain(**changes):
    return program([held("A", X), line("gram", 0)], 1).to_plain() | changes


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ([], "nodes, outputs and linkages"),
        (plain(code="import os"), "nodes, outputs and linkages"),
        (plain(nodes="gram"), "nodes, outputs and linkages"),
        (plain(nodes=[["exec", [], {}]]), "there is no operation 'exec'"),
        (plain(nodes=[["gram", [0], {}]]), "uses a line that does not come before it"),
        (plain(nodes=[["gram", [-1], {}]]), "uses a line that does not come before it"),
        (plain(nodes=[["gram", [True], {}]]), "uses a line that does not come before it"),
        (plain(nodes=[[["gram"], [], {}]]), "there is no operation"),
        (plain(nodes=[["input", [], {}]]), "an input has the fields"),
        (plain(nodes=[["constant", [], {"shape": [2], "numbers": bytes(8)}]]), "do not fill its shape"),
        (plain(nodes=[["constant", [], {"shape": [-1], "numbers": b""}]]), "no shape"),
        (plain(outputs=[]), "reveals something"),
        (plain(outputs=[[9, "r"]]), "names a line that is not there"),
        (plain(outputs=[[0, 1]]), "an output is"),
        (plain(nodes=[plain()["nodes"][0], ["gram", [0], {"fast": 1}]]), "gram has the attributes none"),
        (plain(nodes=[plain()["nodes"][0], ["gram", [0, 0], {}]]), "gram takes 1 inputs, not 2"),
        (plain(nodes=[plain()["nodes"][0], ["sum", [0], {"axes": [7]}]]), "are no axes"),
        (plain(nodes=[plain()["nodes"][0], ["sum", [0], {"axes": [3]}]]), "sum over axes"),
    ],
)
def test_what_is_no_program_is_refused(broken, text):
    with pytest.raises(InvalidRequest, match=text):
        Program.from_plain(broken)


@pytest.mark.parametrize("least", [None, 0.0, "0"])
@pytest.mark.parametrize("bound", ["1", [1.0], b"1", None, True, 1, -1.0, np.nan, np.inf])
def test_the_bound_of_an_input_is_a_finite_number_whatever_its_least_is(bound, least):
    declared = held("A", X).to_plain()
    changed = declared[2] | {"bound": bound, "least": least}
    with pytest.raises(InvalidRequest, match="bound of a secret is a finite number"):
        Program.from_plain(plain(nodes=[[*declared[:2], changed]]))


def test_a_program_comes_back_from_plain_data():
    made = program([held("A", X, norms=(9.0, 9.0)), constant([1.5, 2.0, 0.0]), line("multiply", 0, 1)], 2)
    again = Program.from_plain(made.to_plain())
    assert again.to_plain() == made.to_plain() and again.types == made.types


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([held("A", X), held("B", X), line("matmul", 0, 1)], r"shapes \(5, 3\) and \(5, 3\) do not match"),
        ([held("A", X), held("B", X.T), line("add", 0, 1)], r"shapes \(5, 3\) and \(3, 5\) do not match"),
        ([held("A", X), line("reshape", 0, shape=[4, 4])], "reshape of an array of shape"),
        ([held("A", X), line("index", 0, index=[5])], "index of an array of shape"),
        ([held("A", X), line("transpose", 0, axes=[0])], "transpose of an array of shape"),
        ([constant([1.0]), constant([2.0]), line("add", 0, 1)], "of public numbers alone"),
        ([held("A", X[0]), line("gram", 0)], "expected a matrix"),
    ],
)
def test_shapes_that_do_not_match_are_refused_when_the_program_is_made(nodes, text):
    with pytest.raises(InvalidRequest, match=text):
        program(nodes, len(nodes) - 1)


def test_a_public_number_is_not_revealed():
    with pytest.raises(InvalidRequest, match="public"):
        program([constant([1.0])], 0)


@pytest.mark.parametrize("numbers", [[np.nan], [np.inf]])
def test_constants_are_finite(numbers):
    with pytest.raises(InvalidRequest, match="finite"):
        Node.constant(np.array(numbers))


def test_factors_of_a_product_share_the_room_that_its_bound_leaves():
    made = program([held("A", X, 6.0), held("B", X.T, 6.0), line("matmul", 0, 1)], 2)
    sites = plan(made).sites
    assert sites[0].demand == sites[1].demand == 27  # 2 * 27 + log2(3 * 6 * 1.01) < 62
    assert sites[2].demand == UNTRUNCATED  # it is rounded to the nearest when it is revealed


def test_declared_norms_leave_more_digits_than_bounds():
    wide, tall = np.ones((2, 1000)), np.ones((1000, 2))
    loose = program([held("A", wide, 6.0), held("B", tall, 6.0), line("matmul", 0, 1)], 2)
    norms = (40.0, 40.0)
    tight = program([held("A", wide, 6.0, norms=norms), held("B", tall, 6.0, norms=norms), line("matmul", 0, 1)], 2)
    assert plan(tight).sites[0].demand > plan(loose).sites[0].demand


def test_a_program_whose_numbers_would_lose_their_digits_is_refused_before_it_runs():
    x = held("A", X, 2.0**30)
    nodes = [x, line("multiply", 0, 0), line("multiply", 1, 1)]
    with pytest.raises((EncodingOverflow, PrecisionLoss), match="smaller range"):
        rehearse(plan(program(nodes, 2)))
    wide = [held("A", X, 2.0**30, wide=True), *nodes[1:]]
    assert rehearse(plan(program(wide, 2))).outputs[0][0].ring is Ring.Z128
    wider = [held("A", X, 2.0**60, wide=True), *nodes[1:]]
    with pytest.raises((EncodingOverflow, PrecisionLoss), match="smaller range"):
        rehearse(plan(program(wider, 2)))


@pytest.mark.parametrize(
    ("declared", "x", "kind"),
    [
        (Input("A", {}, (2,), 1.0), [1.0, 1.5], EncodingOverflow),
        (Input("A", {}, (2,), 1.0), [1.0, np.nan], NonFiniteInput),
        (Input("A", {}, (2,), 9.0, integer=True), [1.0, 1.5], InvalidRequest),
        (Input("A", {}, (1, 2), 9.0, norms=(1.0, 9.0)), [[1.0, 1.5]], EncodingOverflow),
        (Input("A", {}, (1, 2), 9.0, norms=(9.0, 1.0)), [[1.0, 1.5]], EncodingOverflow),
    ],
)
def test_an_owner_holds_its_numbers_against_what_was_declared(declared, x, kind):
    with pytest.raises(kind):
        check_declared(declared, np.array(x))


def test_the_catalogue_is_closed():
    with pytest.raises(InvalidRequest, match="there is no operation"):
        find("__import__")
    assert all(name == operation.name for name, operation in OPERATIONS.items())
