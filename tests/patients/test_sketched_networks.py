"""Approximate counts in networks: the pooled patients' number, and programs that are no question's refused."""

from dataclasses import replace
from math import log

import numpy as np
import pyarrow as pa
import pytest

import securecompute as sc
from securecompute.coordinator import COLLECTOR, COORDINATOR
from securecompute.patients import catalogue
from securecompute.patients.approximate_distinct import standard_error
from securecompute.patients.counts import Sides
from securecompute.program_manifest import ProgramManifest
from securecompute.programs.expressions import Expression, apply, program_of
from securecompute.programs.linkages import Side
from securecompute.programs.program import Input
from securecompute.programs.sketches import source_of
from securecompute.records.identifiers import read_identifiers
from securecompute.records.sketches import sketch

ON = ((("id", "text", "whole"),),)
PATIENTS = {"Bern": range(60), "Lyon": range(30, 100), "Oslo": [*range(80, 140), *range(80, 90)]}
RULES = sc.Rules(columns=("id", "age"))


def table(numbers):
    return pa.table({"id": [f"p{n}" for n in numbers], "age": [n % 80 for n in numbers], "ward": ["w"] * len(numbers)})


TABLES = {name: table(numbers) for name, numbers in PATIENTS.items()}
EMPTY = table([0]).slice(0, 0)


def simulated(tables, **options):
    return sc.Network.simulate(tables, fabric="in-process", quiet=True, **options)


@pytest.fixture(scope="module")
def network():
    with simulated(TABLES, rules=RULES) as formed:
        yield formed


@pytest.fixture(scope="module")
def study(network):
    return network.study("patients")


def taken_by(tables, cells):
    """Cells of the pooled records."""
    pooled = pa.concat_tables(tables)
    return int(sketch(read_identifiers(pooled, ["id"]), cells).sum())


def test_the_answer_is_linear_counting_of_the_pooled_records(study):
    answer = study.approximate_distinct(on="id").result
    assert answer.cells == 1 << 10
    assert answer.taken == taken_by(TABLES.values(), 1 << 10)
    assert answer.n.value == -1024 * log(1 - answer.taken / 1024)
    assert answer.institutions == ("Bern", "Lyon", "Oslo")
    assert abs(answer.n.value - 140) < 4 * standard_error(140, 1024)


def test_a_cohort_institutions_and_cells_can_be_named(study):
    old = [t.filter(np.asarray(t["age"]) > 40) for t in TABLES.values()][:2]
    answer = study.approximate_distinct(on=["id"], where="age > 40", between=["Bern", "Lyon"], cells=5000).result
    assert (answer.cells, answer.taken) == (5000, taken_by(old, 5000))
    assert answer.headline().endswith("at Bern and Lyon where age > 40.")


def test_forty_institutions_take_the_rounds_of_three(network, study):
    tables = {f"h{k:02}": table(range(10 * k, 10 * k + 40)) for k in range(38)} | {"none": EMPTY, "one": table([3])}
    few = study.approximate_distinct(on="id").provenance
    with simulated(tables, dictionary=network.dictionary) as formed:
        answer = formed.study("many").approximate_distinct(on="id")
    assert answer.result.taken == taken_by(tables.values(), answer.result.cells)
    assert answer.provenance.rounds == few.rounds == 13
    assert len(answer.provenance.took_part) == 40


@pytest.mark.parametrize(
    ("tables", "taken"),
    [
        ({"a": EMPTY, "b": EMPTY, "c": EMPTY}, 0),
        ({"a": table([7] * 50), "b": table([7]), "c": EMPTY}, "<10"),
        ({"a": table(range(9)), "b": table(range(9)), "c": table(range(9))}, "<10"),
    ],
)
def test_nobody_is_shown_and_few_are_hidden(tables, taken):
    with simulated(tables) as formed:
        assert formed.study("few").approximate_distinct(on="id").result.to_plain()["taken"] == taken


def test_what_it_costs_and_who_learns_what_is_said_before(network, study):
    told = study.explain("approximate_distinct", on="id")
    assert told.rounds == 13 and told.refused == ()
    assert dict(told.learns)["each institution"].startswith(
        "how many patients are counted: at most 64 at Bern and at most"
    )
    assert dict(told.learns)["researcher"] == "the answer, in which counts below 10 are hidden"


def asked(study, **parameters):
    return study.question("approximate_distinct", on="id", **parameters)


def sides(*changed, on=ON):
    declared = {"Bern": 64, "Lyon": 72, "Oslo": 64}
    return Sides(on, tuple(replace(Side(name, None, n), **dict(changed)) for name, n in declared.items()))


def forged(study, made):
    """A program for the question, from other sides or another question than everybody has."""
    question, declared, min_cell = {
        "another cohort": (asked(study), sides(("where", "age > 40")), 10),
        "other fields": (asked(study), sides(on=((("age", "number", "whole"),),)), 10),
        "another form": (asked(study), sides(on=((("id", "text", "soundex"),),)), 10),
        "a smaller cell": (asked(study), sides(), 3),
        "another number of cells": (asked(study, cells=2048), sides(), 10),
        "one institution": (asked(study), Sides(ON, sides().sides[:1]), 10),
    }[made]
    return catalogue.program(question, declared, study.network.dictionary, min_cell, COLLECTOR)


FORGED = (
    "another cohort",
    "other fields",
    "another form",
    "a smaller cell",
    "another number of cells",
    "one institution",
)


@pytest.mark.parametrize("made", FORGED)
def test_a_program_that_is_not_the_questions_is_refused_by_everybody(network, study, made):
    with pytest.raises(sc.InvalidRequest, match="not that of the question 'approximate_distinct'"):
        network.propose_program(forged(study, made), asked(study))
    _, right = network.propose_counting(asked(study))
    wrong = replace(right, program=forged(study, made)).encode()
    with pytest.raises(sc.InvalidRequest, match="not that of the question"):
        network.fabric.ask("Oslo", "consider", wrong)
    with pytest.raises(sc.InvalidRequest, match="not that of the question"):
        ProgramManifest.decode(wrong, right.enrolment)


def test_a_sketch_under_the_name_of_another_question_is_refused(network, study):
    _, right = network.propose_counting(asked(study))
    with pytest.raises(sc.InvalidRequest, match="not that of the question 'distinct'"):
        network.propose_program(right.program, study.question("distinct", on="id"))
    between = asked(study, between=["Lyon", "Bern", "Oslo"])
    with pytest.raises(sc.InvalidRequest, match="not that of the question"):
        network.propose_program(right.program, between)


@pytest.mark.parametrize("records", [72, 128])
def test_another_number_of_records_than_was_told_is_refused(network, study, records):
    """Else numbers that are declared in turn, refused or not, would find out how many there are."""
    program = catalogue.program(asked(study), sides(("records", records)), network.dictionary, 10, COLLECTOR)
    encoded, _ = network.propose_program(program, asked(study))
    with pytest.raises(sc.InvalidRequest, match="another number of records than 'Bern' told"):
        network.fabric.ask("Bern", "consider", encoded)


def sketch_input(owner="Bern", on=ON, cells=1024):
    source = source_of(on, Side(owner, None, 64))
    return Expression.of_input(Input(owner, source, (cells,), 1.0, True, least=0.0))


@pytest.mark.parametrize("arrays", ["aggregates", "any"])
def test_a_researchers_own_program_takes_no_sketch(arrays):
    """It could show a cell, or the cells that one institution adds to others'."""
    with simulated(TABLES, rules=sc.Rules(arrays=arrays)) as formed:
        for shown in (sketch_input(), apply("sum", sketch_input(), axes=[0])):
            made = program_of([(shown, COLLECTOR)])
            with pytest.raises(sc.InvalidRequest, match="made from a question, and no other"):
                formed.run_program(made)
            age = Expression.of_input(Input("Bern", {"columns": "age", "where": None}, (60,), 128.0, least=0.0))
            _, valid = formed.propose_program(program_of([(apply("sum", age, axes=[0]), COLLECTOR)]))
            with pytest.raises(sc.InvalidRequest, match="made from a question, and no other"):
                formed.fabric.ask("Bern", "consider", replace(valid, program=made).encode())
            with pytest.raises(sc.InvalidRequest, match="made from a question, and no other"):
                formed.fabric.ask(COORDINATOR, "propose program", {"program": made.to_plain(), "question": None})


def test_fields_of_other_kinds_at_one_institution_are_refused():
    ages = {name: TABLES[name] for name in ("Bern", "Lyon")}
    ages["Oslo"] = TABLES["Oslo"].set_column(0, "id", pa.array(list(PATIENTS["Oslo"])))
    with simulated(ages) as formed, pytest.raises(sc.InvalidRequest, match="'id'"):
        formed.study("kinds").approximate_distinct(on="id")


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (sc.Rules(linkage="none"), "rule 'linkage' is 'none'"),
        (sc.Rules(columns=("age",)), "rule 'columns' does not list 'id'"),
        (sc.Rules(keys=("age",)), "rule 'keys' does not list 'id'"),
        (sc.Rules(columns=("id",)), "rule 'columns' does not list 'age'"),
        (sc.Rules(analyses=("count", "distinct")), "rule 'analyses' does not list it"),
        (sc.Rules(max_elements=2000), "rule 'max_elements'"),
    ],
)
def test_a_rule_of_one_institution_keeps_its_patients_out(rules, text):
    with simulated(TABLES, rules={"Oslo": rules}) as formed, pytest.raises(sc.DisclosureRefused, match=text):
        formed.study("refused").approximate_distinct(on="id", where="age < 100")


@pytest.mark.parametrize("rule", [{"linkage": "none"}, {"columns": ("age",)}, {"analyses": ("distinct",)}])
def test_an_institution_holds_its_own_rules_against_a_sketch(network, study, rule):
    """Also where nobody asked it for its number before."""
    _, manifest = network.propose_counting(asked(study))
    with pytest.raises(sc.DisclosureRefused, match=f"rule '{next(iter(rule))}'"):
        manifest.respects(sc.Rules(**rule), "Oslo")


def test_an_institution_that_lists_this_question_alone_answers_it():
    with simulated(TABLES, rules=sc.Rules(analyses=("approximate_distinct",))) as formed:
        assert formed.study("listed").approximate_distinct(on="id").result.cells == 1 << 10
