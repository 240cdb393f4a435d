"""Operations that move numbers without changing them: what they keep, and what they take."""

import numpy as np

from securecompute.arithmetic.rings import Ring
from securecompute.programs.plan import plan
from securecompute.programs.rehearsal import rehearse
from tests.programs.running import held, line, program, shown

X = np.random.default_rng(1).uniform(-100, 100, (30, 2))


def test_widened_numbers_are_the_same_and_keep_all_their_digits_in_products():
    narrow, wide = (
        shown(nodes, {0: X}, len(nodes) - 1)[0]
        for nodes in ([held("A", X), line("gram", 0)], [held("A", X), line("widen", 0), line("gram", 1)])
    )
    assert np.abs(wide - X.T @ X).max() < 1e-8 < 1e-4 < np.abs(narrow - X.T @ X).max()


def test_widening_takes_two_rounds_once_for_all_uses_and_none_where_numbers_are_wide():
    once = program([held("A", X), line("widen", 0), line("sum", 1, axes=[0]), line("negate", 1)], 2, 3)
    lines = rehearse(plan(once)).lines
    assert [lines[k].rounds for k in (1, 2, 3)] == [2, 0, 0]
    assert lines[1].sent[0] == 16 * X.size and lines[1].type.ring is Ring.Z128
    assert rehearse(plan(program([held("A", X, wide=True), line("widen", 0)], 1))).lines[1].rounds == 0


def test_widened_whole_numbers_stay_whole():
    type_ = program([held("A", np.arange(5), integer=True), line("widen", 0)], 1).types[1]
    assert type_.integer and type_.ring is Ring.Z128
