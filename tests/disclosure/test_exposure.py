"""Which programs may show what: sums over all records pass, whatever singles a record out does not."""

import numpy as np
import pytest

from securecompute.disclosure.exposure import LEVELS, permit
from securecompute.disclosure.rules import Rules, strictest
from securecompute.errors import DisclosureRefused, InvalidRequest
from securecompute.programs.program import Input, Node
from tests.programs.running import constant, held, line, program, records

ME, OTHER = "Mayo", "Yale"
N = 100
X, W = records(ME, N, 3, columns=["a", "b", "c"]), held(OTHER, np.ones(3))
ONE_HOT = np.eye(N)[7]


def permits(nodes, *shown, receiver="researcher", level="aggregates", owner=ME):
    permit(program(nodes, *shown, receiver=receiver), owner, level, 10)


@pytest.mark.parametrize(
    "nodes",
    [
        [X, line("sum", 0, axes=[0])],
        [X, line("gram", 0)],
        [X, constant([2.0, 3.0, 1.0]), line("multiply", 0, 1), line("sum", 2, axes=[0])],  # by column
        [X, line("widen", 0), line("shrink", 1, factor=0.1), line("gram", 2)],
        [X, constant(0.5), line("add", 0, 1), line("sum", 2, axes=[0])],
        [X, W, line("matmul", 0, 1), line("sum", 2, axes=[0])],  # a model's mean score
        [X, records(OTHER, N), line("transpose", 0, axes=[1, 0]), line("matmul", 2, 1)],  # columns of two institutions
        [X, line("index", 0, index=[[None, None, None], 1]), line("sum", 1, axes=[0])],
        [X, line("multiply", 0, 0), line("sum", 1, axes=[0]), constant(1 / N), line("multiply", 2, 3)],
        [X, records(OTHER, 50, 3), line("concatenate", 0, 1, axis=0), line("gram", 2)],
    ],
)
def test_sums_over_all_records_may_be_shown(nodes):
    permits(nodes, len(nodes) - 1)


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([X], "single records of 'Mayo' to 'researcher'"),
        ([X, line("transpose", 0, axes=[1, 0])], "single records"),
        ([X, W, line("matmul", 0, 1)], "single records"),
        ([X, line("sum", 0, axes=[1])], "single records"),
        ([X, line("transpose", 0, axes=[1, 0]), line("gram", 1)], "single records"),
        ([X, line("index", 0, index=[7])], "picks records by their position"),
        ([X, line("index", 0, index=[-1]), line("sum", 1, axes=[0])], "picks records by their position"),
        ([X, line("index", 0, index=[[1, None, None]]), line("sum", 1, axes=[0])], "picks records by their position"),
        ([X, line("index", 0, index=[[None, None, 2]]), line("sum", 1, axes=[0])], "picks records by their position"),
        ([X, constant(ONE_HOT), line("matmul", 1, 0)], "weighs single records"),
        ([X, held(OTHER, ONE_HOT), line("matmul", 1, 0)], "weighs single records"),
        ([X, held(ME, ONE_HOT), line("matmul", 1, 0)], "weighs single records"),
        ([X, constant(ONE_HOT[:, None]), line("multiply", 0, 1), line("sum", 2, axes=[0])], "weighs single records"),
        ([X, constant(ONE_HOT[:, None] * 9), line("add", 0, 1), line("sum", 2, axes=[0])], "weighs single records"),
        ([X, line("reshape", 0, shape=[30, 10]), line("sum", 1, axes=[0])], "arranges single records anew"),
        ([X, line("reshape", 0, shape=[3, 100]), line("sum", 1, axes=[1])], "arranges single records anew"),
    ],
)
def test_what_singles_records_out_is_not_shown(nodes, text):
    with pytest.raises(DisclosureRefused, match=text):
        permits(nodes, len(nodes) - 1)


@pytest.mark.parametrize(
    "nodes",
    [
        [records(ME, N, 1), held(OTHER, ONE_HOT[:, None]), line("concatenate", 0, 1, axis=1), line("gram", 2)],
        [
            records(ME, N),
            held(OTHER, ONE_HOT),
            line("stack", 0, 1, axis=0),
            line("transpose", 2, axes=[1, 0]),
            line("gram", 3),
        ],
    ],
)
def test_public_numbers_joined_to_records_as_a_column_are_weights(nodes):
    with pytest.raises(DisclosureRefused, match="weighs single records with public numbers"):
        permits(nodes, len(nodes) - 1)


def test_public_rows_joined_below_records_are_weights_too():
    with pytest.raises(DisclosureRefused, match="weighs single records"):
        permits([X, held(OTHER, np.ones((3, 3))), line("concatenate", 0, 1, axis=0), line("gram", 2)], 3)


def test_no_bit_about_picked_records_is_opened_though_nothing_shown_depends_on_it():
    chosen = [X, line("index", 0, index=[7, 0]), line("reshape", 1, shape=[1, 1]), held(OTHER, [[1.0]])]
    oracle = line("solve", 2, 3, condition=10.0, bound=100.0)
    with pytest.raises(DisclosureRefused, match="picks records by their position; use sums"):
        permits([*chosen, oracle, line("sum", 0, axes=[0])], 5)


def test_what_an_institution_was_shown_is_not_shown_to_others_in_a_second_program():
    shown = Node("input", (), {}, Input(ME, {"held": "session/0"}, (N, 3), 10.0))
    permits([shown, line("sum", 0, axes=[0, 1])], 1)
    permits([shown], 0, receiver=ME)
    for nodes in ([shown], [shown, line("sum", 0, axes=[0])]):
        with pytest.raises(DisclosureRefused, match="single records"):
            permits(nodes, len(nodes) - 1)


def test_an_institution_may_be_shown_what_belongs_to_its_own_records():
    permits([X, W, line("matmul", 0, 1)], 2, receiver=ME)
    with pytest.raises(DisclosureRefused, match="single records"):
        permits([X, W, line("matmul", 0, 1)], 2, receiver=OTHER)


def test_no_more_numbers_are_shown_than_there_are_groups_of_records():
    permits([records(ME, 90, 3), line("gram", 0)], 1)
    with pytest.raises(DisclosureRefused, match="shows 9 numbers, and one for every 10 records"):
        permits([records(ME, 89, 3), line("gram", 0)], 1)
    with pytest.raises(DisclosureRefused, match="shows 12 numbers"):
        permits([records(ME, 99, 3), line("gram", 0), line("sum", 0, axes=[0])], 1, 2)


def test_what_does_not_touch_an_institutions_records_is_no_business_of_its():
    permits([held(OTHER, np.ones(3)), X, line("sum", 1, axes=[0])], 0, 2)
    permits([X], 0, owner=OTHER)


def test_a_steward_may_open_or_close_programs_altogether():
    permits([X], 0, level="any")
    with pytest.raises(DisclosureRefused, match="no program may be run on records"):
        permits([X, line("gram", 0)], 1, level="none")


def test_the_strictest_institution_wins():
    for level in LEVELS:
        assert strictest(Rules(arrays=level), Rules(arrays="none")).arrays == "none"
    assert strictest(Rules(arrays="any"), Rules()).arrays == "aggregates"
    assert strictest(Rules(max_elements=5), Rules()).max_elements == 5


def test_a_rule_that_is_none_is_refused():
    with pytest.raises(InvalidRequest, match="one of aggregates, any, none"):
        Rules(arrays="some")


def test_a_program_larger_than_an_institution_allows_is_refused():
    made = program([X, line("multiply", 0, 0), line("sum", 1, axes=[0])], 2)
    Rules(max_elements=603).permits_program(made, ME)
    with pytest.raises(DisclosureRefused, match="'max_elements' is 602, and a program's lines have 603 numbers"):
        Rules(max_elements=602).permits_program(made, ME)


def test_a_column_of_one_number_weighs_all_records_alike():
    ones = constant(np.ones((N, 1)))
    permits([X, held(OTHER, np.ones((N, 1))), line("sum", 0, axes=[0])], 2)
    permits([X, ones, line("multiply", 0, 1), line("gram", 2)], 3)
    with pytest.raises(DisclosureRefused, match="weighs single records"):
        permits([X, constant(2 * ONE_HOT[:, None]), line("multiply", 0, 1), line("gram", 2)], 3)


@pytest.mark.parametrize(
    "zero",
    [
        [line("sum", 0, axes=[0, 1]), line("less", 2, 2)],
        [line("sum", 0, axes=[0, 1]), constant(0.0), line("multiply", 2, 3)],
    ],
)
def test_weights_that_touched_a_secret_are_weights_still(zero):
    nodes = [X, held(OTHER, ONE_HOT), *zero]
    nodes += [line("add", 1, len(nodes) - 1), line("matmul", len(nodes), 0)]
    with pytest.raises(DisclosureRefused, match="weighs single records"):
        permits(nodes, len(nodes) - 1)


def test_numbers_joined_to_a_vector_are_weights():
    scalar = [X, line("sum", 0, axes=[0, 1]), line("less", 1, 1), line("equal", 1, 1)]
    joined = [*scalar, line("stack", *([2] * (N - 1)), 3, axis=0), line("matmul", 4, 0)]
    with pytest.raises(DisclosureRefused, match="weighs single records"):
        permits(joined, 5)


def test_a_column_of_ones_beside_records_is_no_weight():
    ones = [
        X,
        line("sum", 0, axes=[0, 1]),
        constant(np.zeros((N, 1))),
        line("multiply", 1, 2),
        constant(np.ones((N, 1))),
    ]
    permits([*ones, line("add", 3, 4), line("concatenate", 5, 0, axis=1), line("sum", 6, axes=[0])], 7)


@pytest.mark.parametrize("nodes", [[], [line("sum", 0, axes=[0])], [constant(0.0), line("equal", 0, 1)]])
def test_a_sketch_is_of_records_and_not_even_its_sum_is_shown(nodes):
    source = {"sketch": {"on": [[["id", "text", "whole"]]], "where": None, "records": 1 << 20}}
    cells = Node("input", (), {}, Input(ME, source, (1 << 20,), 1.0, True, least=0.0))
    with pytest.raises(DisclosureRefused, match="rule 'arrays'"):
        permits([cells, *nodes], len(nodes))
    with pytest.raises(DisclosureRefused, match="no program may be run on records"):
        permits([cells, line("sum", 0, axes=[0])], 1, level="none")


def test_how_many_records_lack_a_key_is_of_records_and_not_shown():
    source = {"without key": {"keys": [[[["id", "text", "whole"]]]], "where": None}}
    number = Node("input", (), {}, Input(ME, source, (1,), 2.0**40, True, least=0.0))
    with pytest.raises(DisclosureRefused, match="one for every 10 records"):
        permits([number, line("sum", 0, axes=[0])], 1)
