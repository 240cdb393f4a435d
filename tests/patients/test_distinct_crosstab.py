"""Distinct patients by two columns: `crosstab` of pooled records without their duplicates."""

import pytest
from hypothesis import HealthCheck, given, settings

import securecompute as sc
from securecompute.analyses.result import Hidden
from securecompute.patients import distinct_crosstab
from tests.patients.pooled import ARM, DICTIONARY, SEX, Drawn, drawn, first_records, gated, network, without_key

FEW = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
GIVEN = (
    Drawn((30, 20, 40), again=3, lacking=2),
    Drawn((4, 5, 9), again=3),
    Drawn((0, 0, 0)),
    Drawn((12, 9, 7, 20, 5, 0, 9), again=2),
)


def asked(net, **options):
    return net.study("s").crosstab("sex", "arm", distinct=True, on="pid", **options)


def check(institutions):
    tables = institutions.tables
    first = first_records(tables)
    with network(tables) as net:
        answer = asked(net)
    rows = [[((first["sex"] == s) & (first["arm"] == a)).sum() for a in ARM] for s in SEX]
    assert answer.counts == tuple(tuple(gated(int(n)) for n in row) for row in rows)
    assert answer.row_missing == gated(int(first["sex"].isna().sum()))
    assert answer.column_missing == gated(int(first["arm"].isna().sum()))
    assert answer.identified.without == gated(without_key(tables))


@pytest.mark.parametrize("institutions", GIVEN, ids=str)
def test_cells_are_those_of_pooled_records_without_their_duplicates(institutions, dealt):
    check(institutions)


@pytest.mark.slow
@FEW
@given(drawn(most=3))
def test_cells_are_right_whatever_the_institutions_hold(dealt, institutions):
    check(institutions)


def test_tests_and_measures_are_those_of_the_distinct_patients(dealt):
    tables = Drawn((300, 200, 400)).tables
    (a, b), (c, d) = first_records(tables).pipe(lambda f: f.groupby(["sex", "arm"]).size().unstack()[list(ARM)]).values
    with network(tables) as net:
        answer = asked(net, exposed="f", event="drug")
    assert float(answer.odds_ratio) == pytest.approx((b * c) / (a * d))
    assert answer.n == a + b + c + d
    first, second, third = answer.result.notes()[:3]
    assert first == "Records that agree in pid are one patient's."
    assert second == "Every record has a readable value there."
    assert third == "Of a patient whom several know, the first record of the first of Bern and Lyon is counted."
    assert answer.result.tables()[0].title == "Distinct patients by sex and arm"
    plain = answer.to_plain()["result"]
    assert (plain["on"], plain["records without the key"]) == (["pid"], 0)


def test_what_would_let_a_hidden_cell_be_worked_out_is_withheld(dealt):
    sizes = next(s for s in (Drawn((0, 0, 12), seed=k) for k in range(99)) if smallest(s.tables) in (1, 2))
    with network(sizes.tables) as net:
        answer = asked(net)
    assert any(isinstance(cell, Hidden) for row in answer.counts for cell in row)
    assert {str(answer.n), str(answer.chi_square), str(answer.odds_ratio)} == {"withheld"}


def smallest(tables):
    counts = first_records(tables).groupby(["sex", "arm"]).size()
    return counts.min() if len(counts) == 4 else 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"row": "pid"}, "'pid'"),
        ({"column": "sex"}, "row and column"),
        ({"event": "placeboo"}, "placebo"),
        ({"on": "pidd"}, "no column 'pidd'"),
    ],
)
def test_what_cannot_be_asked_is_a_clear_error(options, error):
    with pytest.raises(sc.InvalidRequest, match=error):
        distinct_crosstab.ask(DICTIONARY, **{"row": "sex", "column": "arm", "on": "pid", **options})


def test_distinct_patients_need_fields_to_be_told_apart_by(dealt):
    with network(Drawn((4, 5, 9)).tables) as net, pytest.raises(sc.InvalidRequest, match="told apart by fields"):
        net.study("s").crosstab("sex", "arm", distinct=True)
