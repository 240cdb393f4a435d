"""A column here by a column there: pandas' crosstab of the inner join, gated, and no other program under its name."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import securecompute as sc
from securecompute.analyses.result import Hidden, Withheld
from securecompute.coordinator import COLLECTOR
from securecompute.patients import catalogue
from securecompute.patients.catalogue import sides_of
from securecompute.programs.expressions import program_of
from tests.linked import RELAPSE, RX, STAGE, check_cost, hospitals, joined, network

FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
COUNTS = sc.Rules(min_cell=3)  # its linkage is "counts"
TABLES = hospitals({"Mayo": range(200), "Duke": range(50, 300), "Yale": range(60)}, again=9, lacking=4)


def truth(tables, row, column, rows, columns):
    """Cells, and patients without row value, and without column value."""
    both = joined(tables, {row[0]: [], column[0]: []})
    counted = pd.crosstab(both[row[1]], both[column[1]]).reindex(index=rows, columns=columns, fill_value=0)
    return counted.to_numpy().tolist(), int(both[row[1]].isna().sum()), int(both[column[1]].isna().sum())


def gated(n, cell=3):
    return n if n == 0 or n >= cell else Hidden(cell)


@pytest.fixture
def net(dealt):
    with network(TABLES, COUNTS) as formed:
        yield formed


@pytest.mark.parametrize(
    ("row", "column", "rows", "columns"),
    [
        (("Mayo", "rx"), ("Duke", "relapse"), RX, RELAPSE),
        (("Mayo", "rx"), ("Duke", "stage"), RX, STAGE),
        (("Duke", "stage"), ("Mayo", "rx"), STAGE, RX),
    ],
)
def test_cells_are_those_of_the_inner_join(net, row, column, rows, columns):
    answer = net.study("s").linked_crosstab(row, column, on="pid")
    cells, row_missing, column_missing = truth(TABLES, row, column, rows, columns)
    assert [list(each) for each in answer.counts] == cells
    assert (answer.row_missing, answer.column_missing) == (row_missing, column_missing)
    assert (answer.row, answer.column) == (f"{row[1]} at {row[0]}", f"{column[1]} at {column[0]}")
    assert answer.provenance.took_part == (column[0], row[0])
    assert answer.identified.without == 8 and answer.to_plain()["result"]["records without the key"] == 8


@pytest.mark.slow
@FEW
@given(shared=st.integers(0, 30), seed=st.integers(0, 99), again=st.integers(0, 4))
def test_small_cells_are_closed_and_what_would_give_them_away_is_withheld(dealt, shared, seed, again):
    tables = hospitals({"Mayo": range(40), "Duke": range(40 - shared, 70), "Yale": range(20)}, seed, again=again)
    cells, row_missing, column_missing = truth(tables, ("Mayo", "rx"), ("Duke", "relapse"), RX, RELAPSE)
    with network(tables, COUNTS) as formed:
        answer = formed.study("s").linked_crosstab(("Mayo", "rx"), ("Duke", "relapse"), on="pid")
    assert [list(each) for each in answer.counts] == [[gated(n) for n in each] for each in cells]
    assert (answer.row_missing, answer.column_missing) == (gated(row_missing), gated(column_missing))
    assert ("may write a field differently: pid is" in str(answer)) == (shared == 0)
    if any(0 < n < 3 for each in cells for n in each):
        assert isinstance(answer.odds_ratio, Withheld) and isinstance(answer.n, Withheld)


def test_tests_and_measures_are_those_of_the_pooled_table(net):
    """As `crosstab` gives them of records that hold both columns."""
    asked = {"exposed": "drug", "event": "yes"}
    answer = net.study("s").linked_crosstab(("Mayo", "rx"), ("Duke", "relapse"), on="pid", **asked)
    both = joined(TABLES, {"Mayo": [], "Duke": []}).dropna(subset=["rx", "relapse"])[["rx", "relapse"]]
    with sc.Network.simulate(
        {"a": both[:30], "b": both[30:60], "c": both[60:]}, fabric="in-process", quiet=True, rules=COUNTS
    ) as pooled:
        plain = pooled.study("s").crosstab("rx", "relapse", **asked)
    for name in ("counts", "odds_ratio", "risk_difference", "fisher", "chi_square", "events"):
        assert getattr(answer, name) == getattr(plain, name), name
    assert "Mayo" in str(answer) and "odds ratio" in str(answer)


def test_columns_of_one_name_at_two_institutions_meet(dealt):
    tables = hospitals({"Mayo": range(90), "Duke": range(40, 120), "Yale": range(60)}, absent=0)
    tables["Duke"] = tables["Duke"].append_column("rx", tables["Mayo"]["rx"].slice(0, 80))
    with network(tables, COUNTS) as formed:
        answer = formed.study("s").linked_crosstab(("Mayo", "rx"), ("Duke", "rx"), on="pid")
    mayo, duke = (tables[name].to_pandas()[["pid", "rx"]] for name in ("Mayo", "Duke"))
    both = mayo.merge(duke, on="pid")
    assert [list(each) for each in answer.counts] == pd.crosstab(both.rx_x, both.rx_y).to_numpy().tolist()


def test_a_cohort_is_of_both(dealt):
    tables = hospitals({"Mayo": range(90), "Duke": range(40, 120), "Yale": range(60)}, absent=0)
    sex = ["f", "m", "m"] * 40
    tables = {name: each.append_column("sex", [sex[: len(each)]]) for name, each in tables.items()}
    with network(tables, COUNTS) as formed:
        answer = formed.study("s").linked_crosstab(("Mayo", "rx"), ("Duke", "relapse"), on="pid", where="sex = 'm'")
    men = {name: each.filter(each["sex"].to_numpy(zero_copy_only=False) == "m") for name, each in tables.items()}
    assert [list(each) for each in answer.counts] == [
        [gated(n) for n in row] for row in truth(men, ("Mayo", "rx"), ("Duke", "relapse"), RX, RELAPSE)[0]
    ]


def test_what_it_costs_is_what_it_takes():
    with network(TABLES, COUNTS) as formed:  # with conversations as they are
        asked = {"row": ("Mayo", "rx"), "column": ("Duke", "stage"), "on": "pid"}
        check_cost(formed, "linked_crosstab", asked)


def question(net, row=("Mayo", "rx"), column=("Duke", "relapse"), **more):
    return net.study("s").question("linked_crosstab", row=row, column=column, on="pid", **more)


def remade(net, sides, cell=3, **asked):
    return catalogue.program(question(net, **asked), sides, net.dictionaries, cell, COLLECTOR)


def changed_side(sides, k, **changed):
    return replace(sides, sides=tuple(replace(s, **changed) if i == k else s for i, s in enumerate(sides.sides)))


FORGED = {
    "a smaller cell": lambda net, sides: remade(net, sides, cell=1),
    "another column": lambda net, sides: remade(
        net, changed_side(sides, 0, columns=tuple(("stage", each) for each in STAGE)), column=("Duke", "stage")
    ),
    "other categories": lambda net, sides: remade(
        net, changed_side(sides, 0, columns=(("relapse", "no"), ("stage", "I")))
    ),
    "a column more": lambda net, sides: remade(net, changed_side(sides, 1, columns=("age",))),
    "a cohort": lambda net, sides: remade(net, changed_side(sides, 1, where="age > 60")),
    "ungated": lambda net, sides: program_of(
        [(catalogue.find("linked_crosstab").program(question(net), sides, net.dictionaries), COLLECTOR)]
    ),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_another_program_under_the_questions_name_is_refused_by_everybody(net, forge):
    _, manifest = net.propose_counting(question(net))
    forged = replace(manifest, program=forge(net, sides_of(manifest.program))).encode()
    answers = net.fabric.ask_all(net.institutions, "consider", forged)
    assert {str(error) for error in answers.values()} == {"the program is not that of the question 'linked_crosstab'"}


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"row": ("Mayo", "stag")}, "'Mayo' has no column 'stag'"),
        ({"row": ("Mayo", "age")}, r"'age' .* categorical column is needed.*under \[columns.age\]"),
        ({"row": ("Rush", "rx")}, "no institution 'Rush'"),
        ({"row": ("Duke", "stage")}, "both of 'Duke'"),
        ({"row": "rx"}, "names an institution and its column"),
        ({"on": "pidd"}, "no column 'pidd'"),
        ({"on": "age"}, "column 'age' is missing at 'Duke', 'Yale'"),
        ({"column": ("Duke", "stage"), "event": "II"} | {"correction": True}, "2 × 2|two categories"),
        ({"between": ["Duke", "Yale"]}, "the institutions of column and row"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_a_clear_error(net, asked, text):
    with pytest.raises(sc.InvalidRequest, match=text):
        net.study("s").ask(
            "linked_crosstab", **{"row": ("Mayo", "rx"), "column": ("Duke", "relapse"), "on": "pid"} | asked
        )


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"linkage": "none"}, "rule 'linkage' is 'none', and records would be linked for 'counts'"),
        ({"columns": ("pid", "stage")}, "rule 'columns' does not list 'relapse'"),
        ({"analyses": ("overlap",)}, "rule 'analyses' does not list it"),
    ],
)
def test_one_institutions_rules_are_enough_to_refuse(dealt, rules, text):
    own = {"Duke": sc.Rules(min_cell=3, **rules)}
    with network(TABLES, own) as formed, pytest.raises(sc.DisclosureRefused, match=text):
        formed.study("s").linked_crosstab(("Mayo", "rx"), ("Duke", "relapse"), on="pid")
