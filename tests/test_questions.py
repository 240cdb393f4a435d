"""What a researcher writes is what is meant, in Python and in a file, and a question without a title has a good one."""

import json
import re

import pyarrow as pa
import pytest

import securecompute as sc
from securecompute import study_file
from securecompute.questions import ANALYSES, DISTINCT, meant, title

WHERE = {"where": "age > 60"}
KEY = {"on": ["surname", "born as date"]}
ONCE = "counts each patient once as it is; leave distinct out"


@pytest.fixture(scope="module")
def study():
    columns = {"pid": [f"p{k}" for k in range(40)], "sex": ["f", "m"] * 20, "arm": ["a", "b"] * 20, "age": range(40)}
    tables = dict.fromkeys(("Bern", "Lyon", "Oslo"), pa.table({**columns, "age": list(columns["age"])}))
    with sc.Network.simulate(tables, fabric="in-process", quiet=True) as network:
        yield network.study("s")


def in_a_file(folder, text):
    (folder / "bern.parquet").touch()
    head = '[study]\nname = "x"\n[[institution]]\nname = "Bern"\nrecords = "bern.parquet"\n[[question]]\n'
    (folder / "study.toml").write_text(head + text)
    (entry,) = study_file.read(folder / "study.toml").questions
    return entry


def test_a_count_and_a_table_of_patients_are_the_same_question_in_python_and_in_a_file(study, tmp_path):
    count = in_a_file(tmp_path, 'analysis = "count"\ndistinct = true\non = "pid"\nwhere = "age > 3"')
    table = in_a_file(tmp_path, 'analysis = "crosstab"\nrow = "sex"\ncolumn = "arm"\ndistinct = true\non = ["pid"]')
    assert (count.analysis, table.analysis) == ("distinct", "distinct_crosstab")
    asked = study.count(where="age > 3", distinct=True, on="pid"), study.crosstab("sex", "arm", distinct=True, on="pid")
    for entry, answer in zip((count, table), asked, strict=True):
        assert study.question(entry.analysis, **entry.parameters) == answer.question


def test_records_are_counted_where_distinct_is_false(study, tmp_path):
    entry = in_a_file(tmp_path, 'analysis = "count"\ndistinct = false')
    assert (entry.analysis, entry.parameters) == ("count", {})
    assert study.count(distinct=False).question == study.question("count")


def test_distinct_is_understood_wherever_a_question_is_named(study):
    question = study.question("count", distinct=True, on="pid")
    assert question == study.ask("count", distinct=True, on="pid").question
    assert "compute" in study.explain("count", distinct=True, on="pid").to_plain()


WRONG = [
    ("count", {"distinct": True}, "told apart by fields: on=['surname', 'born']"),
    ("crosstab", {"distinct": True, "row": "sex", "column": "arm"}, "told apart by fields"),
    ("count", {"on": "pid"}, "records are counted; say distinct=True, or leave on out"),
    ("crosstab", {"row": "sex", "column": "arm", "on": "pid"}, "say distinct=True, or leave on out"),
    ("count", {"distinct": False, "on": "pid"}, "say distinct=True, or leave on out"),
    ("count", {"distinct": "true", "on": "pid"}, "distinct is 'true'; it is true or false, without quotes"),
    ("count", {"distinct": 1, "on": "pid"}, "distinct is 1; it is true or false"),
    ("describe", {"distinct": True, "column": "age"}, "distinct is for count and crosstab; leave distinct out"),
    ("overlap", {"distinct": True, "on": "pid"}, f"overlap {ONCE}"),
    ("distinct", {"distinct": True, "on": "pid"}, f"distinct {ONCE}"),
    ("overlop", {"on": "pid"}, "there is no analysis 'overlop'; did you mean 'overlap'?"),
]


@pytest.mark.parametrize(("analysis", "parameters", "text"), WRONG, ids=str)
def test_what_cannot_be_meant_is_an_error_that_says_what_can(study, tmp_path, analysis, parameters, text):
    with pytest.raises(sc.InvalidRequest, match=re.escape(text)):
        study.ask(analysis, **parameters)
    lines = [f"{name} = {json.dumps(value)}" for name, value in parameters.items()]
    with pytest.raises(sc.InvalidRequest, match="question 1: .*" + re.escape(text)):
        in_a_file(tmp_path, "\n".join([f'analysis = "{analysis}"', *lines]))


TITLES = [
    ("count", {}, "Count of patients"),
    ("count", WHERE, "Count of patients, where age > 60"),
    ("crosstab", {"row": "rx", "column": "outcome"} | WHERE, "Table of rx and outcome, where age > 60"),
    ("describe", {"column": "age"}, "Description of age"),
    ("describe", {"column": "age", "by": "arm"}, "Description of age by arm"),
    ("overlap", KEY, "Overlap by surname and born as date"),
    ("overlap", {"on": "pid", "between": ["Bern", "Lyon"]} | WHERE, "Overlap by pid, at Bern and Lyon, where age > 60"),
    ("distinct", KEY, "Distinct patients by surname and born as date"),
    ("distinct", {"on": "pid", "at_least": 2}, "Patients known to at least 2 institutions by pid"),
    (
        "distinct",
        {"on": "pid", "seen": True, "between": ["Bern", "Lyon", "Oslo"]},
        "Distinct patients by pid, at Bern, Lyon and Oslo, by the number of institutions that know them",
    ),
    ("approximate_distinct", KEY, "Distinct patients by surname and born as date, estimated"),
    (
        "distinct_crosstab",
        {"row": "rx", "column": "outcome", "on": "pid"},
        "Table of rx and outcome, of distinct patients by pid",
    ),
    (
        "linked_crosstab",
        {"row": ["Bern", "rx"], "column": ["Lyon", "relapse"], "on": "pid"} | WHERE,
        "Table of rx at Bern and relapse at Lyon, of patients in common by pid, where age > 60",
    ),
    (
        "linked_patients",
        {"between": ["Bern", "Lyon"], "keys": [["surname", "born"]]},
        "Patients of Bern known to Lyon by surname and born",
    ),
    (
        "linked_patients",
        {"between": ["Bern", "Lyon"], "keys": [["surname", "born"], "pid"]},
        "Patients of Bern known to Lyon by 2 keys",
    ),
    (
        "linked_patients",
        {"between": ["Bern", "Lyon"], "roles": {"family": "surname", "born": "birthday"}},
        "Patients of Bern known to Lyon by surname and birthday",
    ),
    (
        "shared_total",
        {"column": ["Lyon", "cost"], "on": "pid", "between": ["Bern", "Lyon"]},
        "Total of cost at Lyon, of patients in common by pid, at Bern and Lyon",
    ),
]


@pytest.mark.parametrize(("analysis", "parameters", "expected"), TITLES, ids=[each[2] for each in TITLES])
def test_a_question_without_a_title_has_one_of_its_parameters(analysis, parameters, expected):
    assert title(analysis, parameters) == expected


def test_every_analysis_of_both_catalogues_has_a_title():
    assert {analysis for analysis, _, _ in TITLES} == set(ANALYSES)


@pytest.mark.parametrize("value", [None, 3, True, "", "x", [], [[]], ["a"], [["a", "b"], "c"], {"a": [1]}], ids=str)
@pytest.mark.parametrize("analysis", ANALYSES)
def test_parameters_of_a_wrong_kind_are_shown_as_they_are(analysis, value):
    """They are refused later, by the analysis itself."""
    names = ("on", "row", "column", "by", "between", "keys", "roles", "where", "at_least", "seen")
    assert title(analysis, dict.fromkeys(names, value))


def test_what_is_meant_is_in_one_of_the_catalogues():
    for name, of_patients in DISTINCT.items():
        assert meant(name, {"distinct": True, "on": "pid"}) == (of_patients, {"on": "pid"})
        assert of_patients in ANALYSES
