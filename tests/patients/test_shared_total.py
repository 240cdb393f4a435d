"""Patients in common and their total: pandas' sum over the inner join, or nothing of it where they are few."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import securecompute as sc
from securecompute.analyses.question import Question
from securecompute.analyses.result import Hidden, NotEstimable, Withheld
from securecompute.patients import catalogue
from securecompute.records.dictionary import Column, Dictionary
from tests.linked import check_cost, hospitals, joined, network

FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
COUNTS = sc.Rules(min_cell=10)
TABLES = hospitals({"Mayo": range(90), "Duke": range(30, 130), "Yale": range(60, 160)}, again=5, lacking=3)


@pytest.fixture
def net(dealt):
    with network(TABLES, COUNTS) as formed:
        yield formed


@pytest.mark.parametrize(
    ("column", "between"),
    [
        (("Duke", "bmi"), ["Mayo", "Duke"]),
        (("Duke", "bmi"), ["Duke", "Mayo", "Yale"]),
        (("Yale", "cost"), ["Yale", "Duke"]),
    ],
)
def test_number_and_total_are_those_of_the_inner_join(net, column, between):
    answer = net.study("s").shared_total(column, on="pid", between=between)
    both = joined(TABLES, {name: [column[1]] if name == column[0] else [] for name in between})
    x = both[column[1]]
    assert answer.n == len(both)
    assert answer.identified.without == gated(3 * len(between))  # with a value in the column, or without
    assert answer.total.value == pytest.approx(float(x.sum()), rel=1e-9)
    assert answer.mean.value == pytest.approx(float(x.mean()), rel=1e-9)
    assert set(answer.institutions) == set(between) == set(answer.provenance.took_part)


def gated(n, cell=10):
    return n if n == 0 or n >= cell else Hidden(cell)


@FEW
@given(shared=st.integers(0, 20), seed=st.integers(0, 99))
def test_of_few_patients_neither_number_nor_total_is_shown(dealt, shared, seed):
    tables = hospitals({"Mayo": range(40), "Duke": range(40 - shared, 70), "Yale": range(20)}, seed, absent=0)
    with network(tables, COUNTS) as formed:
        encoded, manifest = formed.propose_counting(
            formed.study("s").question("shared_total", column=("Duke", "bmi"), on="pid", between=["Mayo", "Duke"])
        )
        _, shown = formed._run_program(encoded, manifest, None)
        answer = formed.study("s").shared_total(("Duke", "bmi"), on="pid", between=["Mayo", "Duke"])
    if 0 < shared < 10:
        assert shown[0].tolist() == [[0, 0], [1, 1]]
        assert (answer.n, type(answer.total), type(answer.mean)) == (Hidden(10), Withheld, Withheld)
        assert "its total is withheld" in str(answer)
    elif shared:
        assert answer.n == shared and shown[0][1].tolist() == [0, 0]
    else:
        assert (answer.n, answer.total.value, type(answer.mean)) == (0, 0.0, NotEstimable)
        assert answer.headline().endswith("total of bmi at Duke: 0.")
    assert ("may write a field differently: pid is" in str(answer)) == (shared == 0)


def test_it_is_said_in_words_as_a_table_and_drawn(net, tmp_path):
    answer = net.study("s").shared_total(("Yale", "cost"), on="pid", between=["Duke", "Yale"])
    assert answer.headline().startswith(f"{answer.n} patients at Duke and Yale; total of cost at Yale: ")
    assert answer.to_plain()["result"]["n"] == answer.n
    answer.plot(tmp_path / "total.png")
    assert (tmp_path / "total.png").stat().st_size > 1000


def test_institutions_stand_in_the_order_in_which_they_were_named(net):
    """Whoever leads is the column's."""
    for between in (["Duke", "Mayo", "Yale"], ["Mayo", "Yale", "Duke"], ["Yale", "Duke", "Mayo"]):
        answer = net.study("s").shared_total(("Duke", "bmi"), on="pid", between=between)
        assert answer.institutions == answer.provenance.took_part == tuple(between)
        assert answer.question.parameters["between"] == between
        assert answer.headline().split(";")[0].endswith(" at {}, {} and {}".format(*between))


def test_a_total_of_whole_numbers_is_whole(net):
    study = net.study("s")
    answer = study.shared_total(("Yale", "cost"), on="pid", between=["Yale", "Duke"])
    assert re.search(r"total of cost at Yale: \d+,\d{3}\.", answer.headline())
    (row,) = answer.result.tables()[0].rows
    assert type(row[2]) is int and row[2] == answer.total.value
    assert type(row[3]) is float
    assert "." in study.shared_total(("Duke", "bmi"), on="pid", between=["Yale", "Duke"]).headline()[:-1].split(":")[1]


def test_what_it_costs_is_what_it_takes():
    with network(TABLES, COUNTS) as formed:  # with conversations as they are
        asked = {"column": ("Duke", "bmi"), "on": "pid", "between": ["Mayo", "Yale", "Duke"]}
        check_cost(formed, "shared_total", asked)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"column": ("Duke", "rx")}, "'Duke' has no column 'rx'"),
        ({"column": ("Duke", "pid")}, "'pid' is text"),
        ({"column": "bmi"}, "names an institution and its column"),
        ({"between": ["Mayo", "Yale"]}, "common patients are meant, and 'Duke', whose column"),
        ({"between": ["Mayo", "Mayo"]}, "between names 'Mayo' twice"),
        ({"between": "Duke"}, "it is a list of institutions' names"),
        ({"column": ("Dukes", "bmi")}, "no institution 'Dukes'; did you mean 'Duke'"),
        ({"between": ["Duke"]}, "two institutions or more"),
        ({"between": ["Duke", "Rush"]}, "no institution 'Rush'"),
        ({"on": []}, "at least one field"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_a_clear_error(net, asked, text):
    with pytest.raises(sc.InvalidRequest, match=text):
        net.study("s").ask(
            "shared_total", **{"column": ("Duke", "bmi"), "on": "pid", "between": ["Mayo", "Duke"]} | asked
        )


def test_a_total_that_would_be_a_small_count_is_not_asked(net):
    """One patient of ninety relapsed, and the total of two categories would say so."""
    for column in ("relapse", "stage"):
        with pytest.raises(sc.DisclosureRefused, match=f"'{column}' takes so few values.*linked_crosstab"):
            net.study("s").shared_total(("Duke", column), on="pid", between=["Mayo", "Duke"])
    forged = Question("shared_total", {"column": ["Duke", "relapse"], "on": ["pid"], "between": ["Mayo", "Duke"]})
    with pytest.raises(sc.DisclosureRefused, match="takes so few values"):
        catalogue.check(forged, net.dictionaries)


@pytest.mark.parametrize(("type_", "high", "few"), [("integer", 4, True), ("integer", 5, False), ("number", 1, False)])
def test_whole_numbers_of_fewer_than_six_values_have_no_total(type_, high, few):
    visits = Dictionary((Column("pid", "text"), Column("visits", type_, low=0, high=high)))
    asked = {"column": ("Duke", "visits"), "on": "pid", "between": ["Mayo", "Duke"]}
    if few:
        with pytest.raises(sc.DisclosureRefused, match="'visits' takes so few values"):
            catalogue.ask("shared_total", visits, **asked)
    else:
        assert catalogue.ask("shared_total", visits, **asked).parameters["column"] == ["Duke", "visits"]
