"""How many patients institutions have in common: as sets of pooled records say, gated, and worded so that it reads."""

import pytest
from hypothesis import HealthCheck, example, given, settings

import securecompute as sc
from securecompute.analyses.result import Hidden, Withheld
from securecompute.patients.identified import Identified
from securecompute.patients.overlap import Overlap
from tests.hospitals import hospitals
from tests.patients.pooled import CELL, NAMES, Drawn, drawn, exactly, gated, network, together, without_key

GIVEN = (
    Drawn((4, 5, 9), again=3, lacking=2),
    Drawn((0, 0, 7)),
    Drawn((7, 8, 0)),
    Drawn((0, 6, 0), again=2),
    Drawn((0, 0, 0)),
    Drawn((5, 3, 2, 9, 0, 1, 4), again=1),
    Drawn((0, 0, 0, 0, 0, 0, 8)),
    Drawn((3, 4, 0, 5, 6, 0, 0, 3, 0, 4, 0, 0, 0, 0, 5)),
)
PID = Identified(("pid",), 0)
FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(institutions):
    tables = institutions.tables
    truth = exactly(tables)
    with network(tables) as net:
        answer = net.study("s").overlap(on="pid")
    assert truth == institutions.exactly
    assert answer.exactly == tuple(gated(n) for n in truth)
    assert answer.distinct == together(truth)
    assert answer.common == gated(truth[-1])
    assert answer.identified.without == gated(without_key(tables))
    numbers = range(1, len(truth) + 1)
    for k in range(1, len(tables) + 1):
        assert answer.result.seen_at(k) == together([truth[m - 1] for m in numbers if m.bit_count() >= k])
    for within in numbers:
        names = answer.result.names(within)
        assert answer.result.shared(*names) == together([truth[m - 1] for m in numbers if m & within == within])


@pytest.mark.parametrize("institutions", GIVEN, ids=str)
def test_every_set_of_institutions_has_the_patients_that_pooled_records_give_it(institutions, dealt):
    check(institutions)


@pytest.mark.slow
@FEW
@given(drawn())
def test_overlaps_are_those_of_sets_whatever_the_institutions_hold(dealt, institutions):
    check(institutions)


@FEW
@given(drawn())
@example(Drawn((9, 9, 1)))
def test_no_hidden_count_can_be_worked_out_from_what_is_shown(institutions):
    """Two worlds that differ in their hidden counts only, within their range, give one answer."""
    truth = institutions.exactly
    other = tuple(CELL - n if 0 < n < CELL else n for n in truth)
    names = institutions.names
    one, two = (Overlap(names, tuple(gated(n) for n in world), PID, None) for world in (truth, other))
    assert one.to_plain() == two.to_plain() and one.tables() == two.tables()
    assert (one.distinct, one.seen_at(1), one.headline()) == (two.distinct, two.seen_at(1), two.headline())


def test_a_cohort_is_of_the_records_of_each(dealt):
    tables = Drawn((9, 9, 30), again=3, lacking=20).tables
    truth = exactly(tables, where=lambda frame: frame[frame["age"] >= 60])
    without = without_key(tables, where=lambda frame: frame[frame["age"] >= 60])
    with network(tables) as net:
        answer = net.study("s").overlap(on="pid", where="age >= 60")
    assert answer.exactly == tuple(map(gated, truth))
    assert answer.identified.without == without and CELL <= without < 40
    assert answer.headline().endswith(" of them at both.") and " where age >= 60, " in answer.headline()


def test_some_institutions_stand_in_the_order_in_which_they_are_named(dealt):
    tables = Drawn((5, 3, 2, 9, 0, 1, 4)).tables
    chosen = {name: tables[name] for name in ("Oslo", "Bern")}
    with network(tables) as net:
        answer = net.study("s").overlap(on="pid", between=["Oslo", "Bern"])
    assert answer.institutions == answer.provenance.took_part == ("Oslo", "Bern")
    assert answer.exactly == tuple(map(gated, exactly(chosen)))


def made(*counts, names=("A", "B"), where=None):
    return Overlap(names, counts, Identified(("born", "surname"), 0, texts=("surname",)), where)


@pytest.mark.parametrize(
    ("result", "headline"),
    [
        (made(439, 439, 4561), "5,439 distinct patients at A and B, 4,561 of them at both."),
        (made(439, 439, 0), "878 distinct patients at A and B, none of them at both."),
        (made(439, 439, 20, where="age > 60"), "898 distinct patients at A and B where age > 60, 20 of them at both."),
        (made(0, 0, 0, where="age > 130"), "0 distinct patients at A and B where age > 130."),
        (
            made(439, 439, Hidden(10)),
            "<10 patients at both A and B; how many distinct ones there are is withheld.",
        ),
        (
            made(439, Hidden(10), 4561),
            "4,561 patients at both A and B; how many distinct ones there are is withheld.",
        ),
        (
            made(1, 2, 3, 4, 5, 6, 7, names=("A", "B", "C")),
            "28 distinct patients at A, B and C, 7 of them at all 3.",
        ),
        (
            made(1, 2, 3, Hidden(10), 5, 6, 7, names=("A", "B", "C")),
            "7 patients at all of A, B and C; how many distinct ones there are is withheld.",
        ),
    ],
)
def test_the_headline_is_a_sentence(result, headline):
    assert result.headline() == headline


def test_notes_say_what_a_patient_is_and_what_is_hidden():
    key = [
        "Records that agree in born and surname are one patient's.",
        "Every record has a readable value in each of these.",
    ]
    assert made(20, 20, 20).notes() == key
    assert made(20, 20, Hidden(10)).notes() == [
        *key,
        "Counts below 10 are hidden, and what would let them be worked out is withheld.",
    ]


@pytest.mark.parametrize(
    ("counts", "alone"),
    [
        ((20, 20, 0), "A and B"),
        ((20, 20, 30), None),
        ((20, 20, Hidden(10)), None),
        ((0, 0, 0), None),
        ((20, Hidden(10), 0, 10, 0, 0, 0), "A, B and C"),
        ((20, 20, 30, 20, 0, 0, 0), "C"),
        ((20, 20, 0, 20, 30, 0, 0), "B"),
        ((20, 20, 30, 20, 0, Hidden(10), 0), None),
        ((20, 20, 0, 20, 0, 0, 30), None),
    ],
)
def test_who_has_nobody_in_common_with_others_is_told_that_fields_may_be_written_differently(counts, alone):
    notes = made(*counts, names=("A", "B", "C")[: 2 if len(counts) == 3 else 3]).notes()
    told = [
        f"No patient of {alone} is known to another institution.",
        "Institutions may write a field differently: surname is compared as text. If it holds dates or numbers, say "
        "so: 'surname as date' or 'surname as number'.",
    ]
    assert notes[-2:] == told if alone else not any("another institution" in note for note in notes)


def test_tables_have_every_set_and_every_pair():
    sets, pairs = made(20, Hidden(10), 30).tables()
    assert sets.rows == (("A", 1, 20), ("B", 1, "<10"), ("A + B", 2, 30))
    assert pairs.columns == ("", "A", "B")
    assert pairs.rows == (("A", 50, 30), ("B", 30, "withheld"))


def test_whoever_asks_for_an_institution_that_is_not_there_is_told_which_are():
    with pytest.raises(sc.InvalidRequest, match=r"no institution 'Genth'.*Ghent"):
        made(*[1] * 15, names=NAMES).shared("Bern", "Genth")


def test_what_several_closed_counts_add_up_to_is_withheld_and_one_closed_count_is_hidden():
    result = made(20, Hidden(10), 30)
    assert result.shared("A") == 50
    assert isinstance(result.shared("B"), Withheld) and isinstance(result.distinct, Withheld)
    assert result.seen_at(2) == 30


def test_a_declared_number_bounds_what_is_hidden():
    """No rule stops this: 64 are declared of 64 patients, and 63 of them are known nowhere else."""
    with hospitals({"Mayo": range(64), "Duke": [0, *range(64, 164)]}, sc.Rules()) as net:
        found = net.study("s").overlap(on="mrn").result
        asked = {"on": [[["mrn", "text", "whole"]]], "purpose": "counts"}
        declared = net.fabric.ask("Mayo", "measure", asked)["records"]
    assert found.exactly == (63, 100, Hidden(10)) and declared - found.exactly[0] == 1
