"""Questions about patients as institutions receive them: the program is theirs, or nobody takes part in it."""

import datetime
import inspect
import itertools
from dataclasses import replace

import pyarrow as pa
import pytest

import securecompute as sc
from securecompute.analyses.question import Question
from securecompute.coordinator import COLLECTOR
from securecompute.patients import catalogue, counts
from securecompute.patients.catalogue import check, sides_of
from securecompute.patients.keys import key_of_texts
from securecompute.programs.expressions import apply, program_of
from tests.patients.pooled import DICTIONARY, NAMES, Drawn, network

PATIENTS = Drawn((5, 3, 12, 9, 0, 1, 14), again=2)


@pytest.fixture(scope="module")
def net():
    with network(PATIENTS.tables) as formed:
        yield formed


@pytest.fixture(scope="module")
def proposed(net):
    return net.propose_counting(net.study("s").question("overlap", on="pid"))[1]


def counted(sides):
    return counts.linear(counts.exactly(len(sides.sides)), counts.common(sides.linkages))


def left_out(sides, cell=3):
    return counts.gated(counts.without_key(sides), cell)


def gated(sides, receiver=COLLECTOR, cell=3):
    return program_of([(counts.gated(counted(sides), cell), receiver), (left_out(sides, cell), COLLECTOR)])


def beside(sides, shown):
    return program_of([(counts.gated(counted(sides), 3), COLLECTOR), (shown, COLLECTOR)])


def with_sides(sides, **changes):
    return replace(sides, sides=tuple(replace(side, **changes) for side in sides.sides))


FORGED = {
    "the counts themselves": lambda s: program_of([(counted(s), COLLECTOR)]),
    "a smaller smallest cell": lambda s: gated(s, cell=1),
    "shown to an institution": lambda s: gated(s, receiver="Bern"),
    "and the matches too": lambda s: program_of(
        [(counts.gated(counted(s), 3), COLLECTOR), (counts.matches(s.linkages[0])[0], "Lyon")]
    ),
    "their sum": lambda s: program_of([(apply("sum", counts.gated(counted(s), 3), axes=[1]), COLLECTOR)]),
    "two of three institutions": lambda s: gated(replace(s, sides=s.sides[:2])),
    "another cohort": lambda s: gated(with_sides(s, where="age > 60")),
    "columns beside": lambda s: gated(with_sides(s, columns=("age",))),
    "another field": lambda s: gated(replace(s, on=((("sex", "text", "whole"),),))),
    "another form": lambda s: gated(replace(s, on=((("pid", "text", "initial"),),))),
    "distinct patients": lambda s: program_of(
        [(counts.gated(counts.distinct(s.linkages, (), 1), 3), COLLECTOR), (left_out(s), COLLECTOR)]
    ),
    "no records without the key": lambda s: program_of([(counts.gated(counted(s), 3), COLLECTOR)]),
    "records without the key, ungated": lambda s: beside(s, counts.without_key(s)),
    "those of one institution": lambda s: beside(s, left_out(replace(s, sides=s.sides[:1]))),
    "those of another cohort": lambda s: beside(s, left_out(with_sides(s, where="age > 60"))),
    "those without another key": lambda s: beside(s, left_out(replace(s, on=((("sex", "text", "whole"),),)))),
    "those with none of two keys": lambda s: beside(s, left_out(replace(s, further=(((("sex", "text", "whole"),),),)))),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_another_program_under_a_questions_name_is_refused_by_everybody(net, proposed, forged):
    encoded = replace(proposed, program=forged(sides_of(proposed.program))).encode()
    answers = net.fabric.ask_all(net.institutions, "consider", encoded)
    assert {str(error) for error in answers.values()} == {"the program is not that of the question 'overlap'"}
    for party in (*net.institutions, COLLECTOR):
        with pytest.raises(sc.SecureComputeError, match=r"is not that of the question|has not agreed"):
            net.fabric._participants[party].part(encoded)


def test_the_program_of_the_question_is_taken(net, proposed):
    again = replace(proposed, program=gated(sides_of(proposed.program)))
    assert again.encode() == proposed.encode()
    assert set(net.fabric.ask_all(net.institutions, "consider", again.encode()).values()) == {None}


def test_a_key_in_any_order_is_not_the_key_in_this_order(net):
    """Nor is a kind that the question says another one."""
    study = net.study("s")
    for asked, other in (
        (["pid", "sex"], ((("pid", "text", "whole"), ("sex", "text", "whole")),)),
        (["pid as text"], ((("pid", "number", "whole"),),)),
    ):
        manifest = net.propose_counting(study.question("overlap", on=asked))[1]
        forged = gated(replace(sides_of(manifest.program), on=other))
        answers = net.fabric.ask_all(net.institutions, "consider", replace(manifest, program=forged).encode())
        assert {str(error) for error in answers.values()} == {"the program is not that of the question 'overlap'"}


def test_institutions_in_another_order_than_the_question_names_them_are_refused(net):
    """Of a patient whom several know the first one's record counts."""
    question = net.study("s").question("overlap", on="pid", between=["Lyon", "Bern"])
    manifest = net.propose_counting(question)[1]
    sides = sides_of(manifest.program)
    assert sides.names == ("Lyon", "Bern")
    forged = replace(manifest, program=gated(replace(sides, sides=sides.sides[::-1])))
    answers = net.fabric.ask_all(net.institutions, "consider", forged.encode())
    assert {str(error) for error in answers.values()} == {"the program is not that of the question 'overlap'"}


def test_a_number_that_an_institution_did_not_declare_is_refused(net, proposed):
    sides = sides_of(proposed.program)
    wider = replace(sides, sides=(replace(sides.sides[0], records=128), *sides.sides[1:]))
    answers = net.fabric.ask_all(net.institutions, "consider", replace(proposed, program=gated(wider)).encode())
    assert "another number of records than 'Bern' told" in str(answers["Bern"])


def test_a_laxer_smallest_cell_than_an_institutions_own_is_refused():
    own = {"Lyon": sc.Rules(min_cell=5)}
    with network(PATIENTS.tables, rules=own) as net:
        manifest = net.propose_counting(net.study("s").question("overlap", on="pid"))[1]
        lax = replace(manifest.rules, min_cell=3)
        forged = replace(manifest, rules=lax, program=gated(sides_of(manifest.program), cell=3))
        answers = net.fabric.ask_all(net.institutions, "consider", forged.encode())
    assert "laxer than an institution's own: 'min_cell'" in str(answers["Lyon"])


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ({"linkage": "none"}, "rule 'linkage' is 'none', and records would be linked for 'counts'. Ask the stewards"),
        ({"analyses": ("count", "distinct")}, r"overlap: rule 'analyses' does not list it. It lists count, distinct\."),
        ({"columns": ("age", "sex")}, "rule 'columns' does not list 'pid'"),
        ({"columns": ("pid", "sex")}, "rule 'columns' does not list 'age'"),
        ({"keys": ("age",)}, "rule 'keys' does not list 'pid'"),
    ],
)
def test_one_institutions_rule_is_enough_to_refuse(own, text):
    rules = {"Lyon": sc.Rules(min_cell=3, **own)}
    with network(PATIENTS.tables, rules=rules) as net, pytest.raises(sc.DisclosureRefused, match=text):
        net.study("s").overlap(on="pid", where="age > 30")


@pytest.mark.parametrize(
    ("level", "counted", "linked"), [("none", 0, 0), ("counts", 1, 0), ("arrays", 1, 1), ("lists", 1, 1)]
)
def test_each_level_of_linkage_allows_those_before_it(level, counted, linked):
    with network(PATIENTS.tables, rules=sc.Rules(linkage=level)) as net:
        study = net.study("s")
        for allowed, ask in (
            (counted, lambda: study.explain("overlap", on="pid")),
            (linked, lambda: net.link("Bern", "Lyon", on="pid").matched.sum().explain()),
        ):
            if allowed:
                assert ask()
            else:
                with pytest.raises(sc.DisclosureRefused, match=f"rule 'linkage' is '{level}'"):
                    ask()


@pytest.mark.parametrize(
    ("name", "parameters", "error"),
    [
        ("overlap", {"on": "pidd"}, "no column 'pidd'; did you mean 'pid'"),
        ("overlap", {"on": []}, "at least one field"),
        ("overlap", {"on": "metaphone(pid)"}, "is no field of a key"),
        ("overlap", {"on": "year(pid)"}, "only a date has a year"),
        ("overlap", {"on": "pid", "between": ["Bern", "Lyn"]}, "no institution 'Lyn'; did you mean 'Lyon'"),
        ("overlap", {"on": "pid", "between": ["Bern"]}, "two institutions or more"),
        ("overlap", {"on": "pid", "where": "height > 3"}, "height"),
        ("overlap", {}, "overlap: missing a required argument: 'on'"),
        ("overlap", {"on": "pid", "seen": True}, "overlap has no parameter 'seen'"),
        ("overlap", {"onn": "pid"}, "overlap has no parameter 'onn'; did you mean 'on'"),
        ("distinct_crosstab", {"on": "pid", "row": "sex", "column": "arm", "evnt": "drug"}, "did you mean 'event'"),
        ("distinct", {"on": 3}, "a key is given by its fields"),
    ],
)
def test_what_cannot_be_asked_is_a_clear_error(net, name, parameters, error):
    with pytest.raises(sc.InvalidRequest, match=error):
        net.study("s").ask(name, **parameters)


@pytest.fixture(scope="module")
def mixed():
    """Bern writes numbers and days as text, and has few surnames; Lyon has types for them."""
    bern = pa.table(
        {
            "mrn": [f"{k:06}" for k in range(40)],
            "born": [f"{k % 28 + 1}.3.1970" for k in range(40)],
            "surname": ["Rossi", "Weber"] * 20,
        }
    )
    lyon = pa.table(
        {
            "mrn": list(range(10, 60)),
            "born": pa.array([datetime.date(1970, 3, k % 28 + 1) for k in range(10, 60)]),
            "surname": [("Rossi", "Weber")[k % 2] if k < 35 else f"name {k}" for k in range(10, 60)],
            "bed": [f"b{k}" for k in range(50)],
        }
    )
    with network({"Bern": bern, "Lyon": lyon}, dictionary=None, rules=sc.Rules(linkage="arrays")) as formed:
        yield formed


def test_columns_of_another_type_at_one_institution_are_fields_of_a_key_once_their_kind_is_said(mixed):
    study = mixed.study("s")
    assert "born" in mixed.unusable and "mrn" in mixed.unusable and "surname" in mixed.unusable
    assert study.overlap(on="mrn as number").result.common == 30
    assert study.overlap(on=["mrn as number", "born as date", "surname"]).result.common == 25
    assert study.distinct(on="mrn as number", between=["Bern", "Lyon"]).result.n == 60
    found = study.linked_patients(
        ["Bern", "Lyon"], keys=[["mrn as number"], ["surname", "born as date"]], patient="mrn"
    )
    assert found.result.found == 30


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("mrn", "'mrn' of the key is a text at 'Bern' and a number at 'Lyon'; say how all .*: 'mrn as number'"),
        ("born", "'born' of the key is a text at 'Bern' and a date at 'Lyon'; say how all .*: 'born as date'"),
        ("letters(mrn)", r"say how all are to read it: 'letters\(mrn\) as text'"),
    ],
)
def test_a_field_of_another_kind_at_one_institution_is_an_error_that_says_what_to_write(mixed, field, told):
    study = mixed.study("s")
    with pytest.raises(sc.InvalidRequest, match=told):
        study.overlap(on=["surname", field])
    with pytest.raises(sc.InvalidRequest, match=told):
        study.linked_patients(["Bern", "Lyon"], keys=[["surname", field]])
    with pytest.raises(sc.InvalidRequest, match=told):
        mixed.link("Bern", "Lyon", on=["surname", key_of_texts(field).fields[0]])


def test_a_column_of_another_type_at_one_institution_is_in_no_table_and_one_that_is_lacking_there_in_no_key(mixed):
    with pytest.raises(sc.InvalidRequest, match="'surname' is categorical at 'Bern'; text at 'Lyon'"):
        mixed.study("s").crosstab("surname", "born")
    with pytest.raises(sc.InvalidRequest, match="'bed' is missing at 'Bern'"):
        mixed.study("s").overlap(on="bed")


DECLARED = {
    "pid": {"type": "text"},
    "arm": {"at": ["Bern"], "type": "categorical", "categories": ["placebo", "drug"]},
    "course": {"at": ["Lyon"], "type": "categorical", "categories": ["cure", "relapse"]},
    "cost": {"at": ["Lyon"], "type": "number", "low": 0, "high": 1000},
}


def own_columns():
    bern = pa.table({"pid": [f"p{k}" for k in range(40)], "arm": ["placebo", "drug"] * 20})
    courses, costs = ["cure", "relapse", "cure"] * 12, [float(k) for k in range(36)]
    return {"Bern": bern, "Lyon": pa.table({"pid": [f"p{k}" for k in range(36)], "course": courses, "cost": costs})}


def test_columns_that_are_declared_at_one_institution_are_linked_and_are_in_no_table_of_all():
    rules, declared = sc.Rules(min_cell=3, linkage="arrays"), sc.Dictionary.from_tables(DECLARED, "here")
    with network(own_columns(), dictionary=declared, rules=rules) as net:
        study = net.study("s")
        table = study.linked_crosstab(("Bern", "arm"), ("Lyon", "course"), on="pid").result
        assert [list(row) for row in table.counts] == [[12, 6], [12, 6]]
        total = study.shared_total(("Lyon", "cost"), on="pid", between=["Bern", "Lyon"]).result
        assert total.n == 36 and total.total.value == sum(range(36))
        with pytest.raises(sc.InvalidRequest, match=r"(?s)column 'arm' is missing at 'Lyon'.*network\.link\("):
            study.count(where="arm = 'drug'", distinct=True, on="pid")
        linked = net.link("Bern", "Lyon", on="pid", where={"Bern": "arm = 'drug'"}, columns={"Lyon": ["cost"]})
        assert linked.matched.sum().reveal() == 18


def test_a_column_declared_at_nobody_is_an_error_that_suggests_the_institution():
    cost = {**DECLARED["cost"], "at": ["Lyons"]}
    told = "column 'cost' is at 'Lyons', which is no institution; did you mean 'Lyon'"
    with pytest.raises(sc.InvalidRequest, match=told):
        network(own_columns(), dictionary=sc.Dictionary.from_tables({**DECLARED, "cost": cost}, "here"))


def test_an_unknown_question_names_those_that_there_are():
    with pytest.raises(sc.InvalidRequest, match=r"no question 'overlaps'.*overlap"):
        catalogue.find("overlaps")


@pytest.mark.parametrize(
    "parameters",
    [
        {"on": ["pid"], "between": None, "more": 1},
        {"on": "pid", "between": None},
        {"on": ["whole(pid)"], "between": None},
        {"on": ["pid"], "between": []},
        {"on": ["pid"], "between": 3},
        {"on": 3, "between": None},
        {"on": True, "between": None},
        {"on": ["pid"]},
        {},
    ],
    ids=str,
)
def test_a_question_from_somebody_else_is_canonical_or_a_clear_error(parameters):
    with pytest.raises(sc.InvalidRequest):
        check(Question("overlap", parameters), DICTIONARY)


ANYTHING = (None, 3, 2.5, True, "x", "pid", "", [], ["pid"], ["sex", "arm"], ["Bern", "Lyon"], ["a", "a"])


@pytest.mark.parametrize("name", catalogue.CATALOGUE)
def test_whatever_a_question_from_somebody_else_holds_it_is_right_or_a_clear_error(name):
    known = {"on": ["pid"], "row": "sex", "column": "arm"}
    _, *named = inspect.signature(catalogue.find(name).ask).parameters
    names = [each for each in named if each != "where"]
    for changed, value in itertools.product(names, ANYTHING):
        parameters = {each: known.get(each) for each in names} | {changed: value}
        question = Question(name, parameters)
        try:
            assert check(question, DICTIONARY) == question
        except sc.InvalidRequest as error:
            assert str(error)


def test_more_sets_than_can_be_counted_are_not_begun():
    tables = {f"{name} {k}": PATIENTS.tables["Bern"] for name in NAMES[:3] for k in range(3)}
    with network(tables) as net, pytest.raises(sc.InvalidRequest, match=r"at most 8 institutions.*between=\[\.\.\.\]"):
        net.study("s").explain("overlap", on="pid")
