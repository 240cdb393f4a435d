"""About how many patients: linear counting of the cells of all sketches, from shares; and who may ask for it how."""

from math import exp, log, sqrt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securecompute.analyses.question import Question
from securecompute.analyses.result import Estimate, Hidden, NotEstimable, Withheld
from securecompute.coordinator import COLLECTOR
from securecompute.errors import InvalidRequest, PeerMisbehaved
from securecompute.patients import approximate_distinct, catalogue
from securecompute.patients.approximate_distinct import cells_for, estimate, standard_error
from securecompute.patients.counts import Sides
from securecompute.patients.identified import Identified
from securecompute.programs.linkages import Side
from securecompute.programs.plan import plan
from securecompute.programs.rehearsal import rehearse
from securecompute.records.dictionary import Dictionary
from securecompute.records.identifiers import read_identifiers
from securecompute.records.sketches import sketch
from tests.programs.running import RESEARCHER, TRIO, run

ON = ((("id", "text", "whole"),),)
EMPTY = Dictionary(())
CELLS = 1 << 10


def sides(*records):
    return Sides(ON, tuple(Side(f"{k:03}", None, n) for k, n in enumerate(records)))


def question(cells=CELLS):
    return Question("approximate_distinct", {"on": ["id"], "between": None, "cells": cells}, None)


def identifiers(numbers):
    return read_identifiers(pa.table({"id": pa.array([str(n) for n in numbers], pa.string())}), ["id"])


def shown_of(sketches, min_cell=3, trio=TRIO, without=None):
    """The two numbers that are shown of these institutions' cells, and what was sent.

    without   of each, its records without the key: then the two that are shown of them
    """
    declared = sides(*[64] * len(sketches))
    program = catalogue.program(question(len(sketches[0])), declared, EMPTY, min_cell, RESEARCHER)
    lacking = [np.array([n], float) for n in without or [0] * len(sketches)]
    outputs, played = run(program, dict(zip(program.inputs, [*sketches, *lacking], strict=True)), trio)
    return outputs[RESEARCHER][0 if without is None else 1].ravel().tolist(), played


def finished(taken, min_cell=10, cells=CELLS):
    told = Identified(("id",), 40)
    return approximate_distinct.finish(question(cells), sides(64, 64), [taken], told, EMPTY, min_cell)


PATIENTS = st.lists(st.sets(st.integers(0, 300), max_size=120), min_size=2, max_size=5)


@settings(max_examples=25)
@given(PATIENTS)
def test_the_estimate_is_that_of_linear_counting_on_the_plain_bitmaps(patients):
    sketches = [sketch(identifiers(each), CELLS) for each in patients]
    z = int((np.sum(sketches, axis=0) == 0).sum())
    (taken, closed), _ = shown_of(sketches)
    n = finished(None if closed else int(taken), 3).n
    if 0 < CELLS - z < 3:
        assert (taken, closed) == (0, 1) and isinstance(n, Withheld)
    else:
        assert (taken, closed) == (CELLS - z, 0)
        assert n.value == -CELLS * log(z / CELLS)


@pytest.mark.parametrize(("load", "cells"), [(0.3, 1 << 10), (1, 1 << 12), (1, 1007), (4, 1 << 12), (5, 1 << 13)])
def test_errors_are_as_the_standard_error_says(load, cells):
    """No estimate of 400 is off by more than 4.5 standard errors, and they spread and centre as the formula says."""
    n, draws = round(load * cells), 400
    random = np.random.default_rng(cells + n)
    found = [estimate(len(np.unique(random.integers(0, cells, n))), cells) for _ in range(draws)]
    off = np.array([(each.value - n) / standard_error(n, cells) for each in found])
    assert np.abs(off).max() < 4.5
    assert abs(off.mean()) < 4 / sqrt(draws) + 0.1  # and a bias of a fraction of an error
    assert 0.85 < off.std() < 1.15
    within = np.mean([each.low <= n <= each.high for each in found])
    assert 0.92 < within < 0.98


def test_many_draws_of_identifiers_are_within_four_standard_errors():
    n, cells = 3000, 1 << 11
    for draw in range(20):
        found = identifiers(range(draw * n, (draw + 1) * n))
        assert abs(estimate(int(sketch(found, cells).sum()), cells).value - n) < 4 * standard_error(n, cells)


@pytest.mark.parametrize(("load", "cells", "percent"), [(1, 2**20, 0.083), (4, 2**20, 0.172), (8, 2**20, 0.666)])
def test_the_standard_error_is_the_papers(load, cells, percent):
    assert standard_error(load * cells, cells) == pytest.approx(sqrt(cells * (exp(load) - load - 1)), rel=1e-9)
    assert 100 * standard_error(load * cells, cells) / (load * cells) == pytest.approx(percent, abs=6e-4)


@given(st.integers(0, CELLS - 1))
def test_an_estimate_is_at_least_the_taken_cells_and_its_interval_holds_it(taken):
    n = estimate(taken, CELLS)
    assert taken <= n.low <= n.value <= n.high
    assert taken == 0 or n.high - n.value == pytest.approx(1.959964 * standard_error(n.value, CELLS))


def test_nobody_is_nobody_for_sure():
    assert estimate(0, CELLS) == Estimate(0.0, 0.0, 0.0)


@pytest.mark.parametrize("institutions", [2, 3, 7, 40])
def test_however_many_institutions_have_a_patient_he_is_in_one_cell(institutions):
    """The same patients everywhere, and nobody at one of them."""
    same = sketch(identifiers(range(30)), CELLS)
    (taken, closed), _ = shown_of([same] * (institutions - 1) + [np.zeros(CELLS)])
    assert (taken, closed) == (same.sum(), 0)


@pytest.mark.parametrize(
    ("taken", "shown"), [(0, [0, 0]), (1, [0, 1]), (9, [0, 1]), (10, [10, 0]), (CELLS, [CELLS, 0])]
)
def test_a_small_number_of_taken_cells_is_closed_on_shares(taken, shown):
    cells = (np.arange(CELLS) < taken).astype(float)
    assert shown_of([cells, np.zeros(CELLS), cells], min_cell=10)[0] == shown


@settings(max_examples=15)
@given(st.lists(st.sampled_from([0, 0, 1, 2, 5, 9, 10, 2**40]), min_size=2, max_size=4))
def test_records_without_the_key_are_gated_as_their_total_is(without):
    shown, _ = shown_of([np.zeros(CELLS)] * len(without), min_cell=10, without=without)
    n = sum(without)
    assert shown == ([0, 1] if 0 < n < 10 else [n, 0])


def test_what_is_shown_is_two_numbers_twice_and_no_cell():
    program = catalogue.program(question(), sides(64, 64, 64), EMPTY, 10, COLLECTOR)
    assert [(program.types[node].shape, to) for node, to in program.outputs] == [((2, 1), COLLECTOR)] * 2


def test_a_closed_count_and_a_full_sketch_are_no_numbers_and_say_why():
    closed, full = finished(None), finished(CELLS)
    assert isinstance(closed.n, Withheld) and closed.taken == Hidden(10)
    assert closed.headline() == "How many distinct patients are at 000 and 001 is withheld."
    assert closed.to_plain()["taken"] == "<10" and "fewer than 10 cells" in closed.notes()[-1]
    assert isinstance(full.n, NotEstimable) and "ask with more, cells=" in full.n.reason
    assert full.headline() == "How many distinct patients are at 000 and 001 is not estimable."
    with pytest.raises(InvalidRequest, match="each of the 1,024 cells holds a patient"):
        _ = full.n.value


def test_more_taken_cells_than_there_are_say_that_a_party_was_not_honest():
    with pytest.raises(PeerMisbehaved, match="cannot be one"):
        finished(CELLS + 1)


def test_the_answer_says_the_number_its_interval_and_its_error():
    answer = finished(133)
    assert answer.headline() == "About 142 distinct patients (95\u00a0% CI 136 to 149), at 000 and 001."
    assert answer.tables()[0].rows == ((answer.n.value, answer.n.low, answer.n.high, CELLS, 133),)
    assert answer.notes()[:2] == [
        "Records that agree in id are one patient's.",
        "40 records have no readable value there and are not counted.",
    ]
    assert answer.notes()[2].startswith("The standard error of the estimate is 3;")
    numbers = {"n": answer.n.to_plain(), "taken": 133, "cells": CELLS, "where": None}
    assert answer.to_plain() == numbers | {"on": ["id"], "records without the key": 40}


def test_nobody_is_no_estimate():
    nobody = finished(0)
    assert nobody.headline() == "0 distinct patients at 000 and 001."
    assert nobody.notes()[2:] == ["No cell holds a patient, so there are none: this number is no estimate."]
    assert nobody.tables()[0].rows == ((0.0, 0.0, 0.0, CELLS, 0),)


def test_a_plot_shows_the_number_and_its_interval_whole():
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.add_subplot()
    finished(133).plot(axes)
    number, below = axes.texts
    assert number.get_text() == "About 142 distinct patients"
    assert below.get_text().startswith("95\u00a0% CI 136 to 149\n")
    assert number.get_window_extent().width < figure.bbox.width


@pytest.mark.parametrize(
    ("records", "cells"),
    [
        ([64, 64], 1 << 10),
        ([1024, 1024], 1 << 11),
        ([1 << 16], 1 << 16),
        ([1 << 17], 1 << 16),  # four in a cell, from here on
        ([1 << 18], 1 << 16),
        ([(1 << 18) + 1], 1 << 17),
        ([1 << 20] * 10, 1 << 22),
        ([1 << 24] * 40, 1 << 22),
    ],
)
def test_cells_follow_from_the_public_numbers(records, cells):
    assert cells_for(question(None), sides(*records)) == cells
    assert cells_for(question(5000), sides(*records)) == 5000


@pytest.mark.parametrize("institutions", [3, 12, 40])
@pytest.mark.parametrize("cells", [1 << 10, 1 << 16])
def test_rounds_and_bytes_are_those_of_the_cost_line(institutions, cells):
    program = catalogue.program(question(cells), sides(*[64] * institutions), EMPTY, 10, RESEARCHER)
    found = rehearse(plan(program))
    assert found.rounds == 11  # and one before, one after them
    eighths = [149, 149, 359]  # 18 5/8, 18 5/8, 44 7/8
    assert [sent - cells * k // 8 for sent, k in zip(found.sent, eighths, strict=True)] == [190, 190, 1310]


def test_an_institution_sends_its_cells_once_and_hears_nothing():
    trio = "000", "001", "002"
    _, played = shown_of([np.ones(CELLS)] * 5, trio=trio)
    assert played.rounds == 13
    assert played.sent["003"] == played.sent["004"] == 16 * CELLS + 144
    assert not played.views.get("003")
    for party, eighths, more in zip(trio, (149, 149, 359), (318, 318, 1438), strict=True):
        assert played.sent[party] == 8 * CELLS + 104 + eighths * CELLS // 8 + 64 * 5 + more


@pytest.mark.parametrize("cells", [1023, 1 << 25, 1e4, "many", True])
def test_a_number_of_cells_that_cannot_be_is_refused(cells):
    dictionary = Dictionary.from_tables({"id": {"type": "text"}}, "here")
    with pytest.raises(InvalidRequest, match="a whole number from 1,024 to 16,777,216"):
        catalogue.ask("approximate_distinct", dictionary, on="id", cells=cells)
