"""Distinct patients, and those known to so many institutions: as sets of pooled records say."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import securecompute as sc
from securecompute.analyses.result import Hidden, Withheld
from securecompute.patients import distinct
from securecompute.patients.distinct import Distinct
from securecompute.patients.identified import Identified
from tests.patients.pooled import DICTIONARY, Drawn, drawn, gated, known_at, network, together, without_key

FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
GIVEN = (
    Drawn((4, 5, 9), again=3, lacking=2),
    Drawn((0, 2, 0)),
    Drawn((7, 8, 0)),
    Drawn((0, 0, 0)),
    Drawn((5, 3, 2, 9, 0, 1, 4), again=1),
    Drawn((0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5)),
)


def check(institutions, at_least):
    tables = institutions.tables
    times = [number.bit_count() for number in known_at(tables).values()]
    with network(tables) as net:
        study = net.study("s")
        assert study.count(distinct=True, on="pid").n == gated(len(times))
        assert study.distinct(on="pid", at_least=at_least).n == gated(sum(c >= at_least for c in times))
        seen = study.distinct(on="pid", seen=True)
    by_number = [times.count(c) for c in range(1, len(tables) + 1)]
    assert seen.seen_at == tuple(map(gated, by_number))
    assert seen.n == together(by_number)
    assert seen.identified.without == gated(without_key(tables))


@pytest.mark.parametrize("institutions", GIVEN, ids=str)
def test_each_patient_is_counted_once(institutions, dealt):
    check(institutions, at_least=2)


@pytest.mark.slow
@FEW
@given(drawn(), st.integers(2, 4))
def test_distinct_patients_are_those_of_sets_whatever_the_institutions_hold(dealt, institutions, at_least):
    check(institutions, min(at_least, len(institutions.names)))


def test_a_cohort_is_of_the_records_of_each(dealt):
    tables = Drawn((9, 9, 30), again=3).tables
    older = known_at(tables, where=lambda frame: frame[frame["age"] >= 60])
    with network(tables) as net:
        assert net.study("s").count(where="age >= 60", distinct=True, on="pid").n == len(older)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"at_least": 0}, "at_least is 0; it is a number of institutions, from 1 on"),
        ({"at_least": True}, "at_least is True"),
        ({"seen": "yes"}, "seen is True or False"),
        ({"seen": True, "at_least": 2}, "so leave at_least out"),
        ({"between": ["Bern"]}, "between names 'Bern' alone; name two institutions or more, each once"),
        ({"between": []}, "between names nobody; name two institutions or more"),
        ({"between": ["Bern", "Lyon", "Bern"]}, "between names 'Bern' twice; name two institutions or more, each once"),
        (
            {"between": "Bern, Lyon"},
            r"between is 'Bern, Lyon'; it is a list of institutions' names, as \['Mayo', 'Duke'\]",
        ),
        ({"between": ["Bern", 3]}, r"between is \['Bern', 3\]; it is a list of institutions' names"),
        ({"where": "height > 3"}, "height"),
    ],
)
def test_what_cannot_be_asked_is_a_clear_error(options, error):
    with pytest.raises(sc.InvalidRequest, match=error):
        distinct.ask(DICTIONARY, "pid", **options)


def test_more_institutions_than_there_are_cannot_know_anybody():
    with network(Drawn((4, 5, 9)).tables) as net, pytest.raises(sc.InvalidRequest, match=r"at_least is 3.* 2 institu"):
        net.study("s").distinct(on="pid", at_least=3)


def made(n, at_least=1, seen=(), where=None):
    return Distinct(n, at_least, tuple(seen), ("A", "B", "C"), Identified(("pid",), 0, texts=("pid",)), where)


@pytest.mark.parametrize(
    ("result", "headline"),
    [
        (made(5439), "5,439 distinct patients at A, B and C."),
        (made(1), "1 distinct patient at A, B and C."),
        (made(Hidden(10), where="age > 60"), "<10 distinct patients at A, B and C where age > 60."),
        (made(20, at_least=2), "20 distinct patients known to at least 2 of A, B and C."),
        (made(Withheld("x")), "How many distinct patients are at A, B and C is withheld."),
    ],
)
def test_the_headline_is_a_sentence(result, headline):
    assert result.headline() == headline


def test_tables_and_data_have_every_number():
    result = made(Withheld("x"), seen=(30, Hidden(10), 0))
    assert [table.rows for table in result.tables()] == [
        (("1 or more", "withheld"),),
        (("1", 30), ("2", "<10"), ("3", 0)),
    ]
    assert result.to_plain()["seen_at"] == [30, "<10", 0]
    assert result.notes()[-1] == "Counts below 10 are hidden, and what would let them be worked out is withheld."
    assert len(made(30).notes()) == 2


@pytest.mark.parametrize(
    ("result", "nobody"),
    [
        (made(0, at_least=2), True),
        (made(12, at_least=2), False),
        (made(Hidden(10), at_least=2), False),
        (made(0), False),
        (made(30, seen=(30, 0, 0)), True),
        (made(Withheld("x"), seen=(Hidden(10), 0, 0)), True),
        (made(40, seen=(30, 0, 10)), False),
        (made(Withheld("x"), seen=(30, Hidden(10), 0)), False),
        (made(0, seen=(0, 0, 0)), False),
    ],
)
def test_nobody_known_to_several_is_a_reason_to_look_at_how_fields_are_written(result, nobody):
    assert any("may write a field differently: pid" in note for note in result.notes()) == nobody


def test_fields_that_nothing_would_use_are_an_error_and_not_a_count_of_records(dealt):
    with network(Drawn((5, 3, 2)).tables) as net:
        study = net.study("s")
        for asked in (lambda: study.count(on="pid"), lambda: study.crosstab("sex", "arm", on="pid")):
            with pytest.raises(sc.InvalidRequest, match="say distinct=True"):
                asked()
