"""What an institution says before and instead of a linkage: rules hold for the asking too, and texts give no number."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import securecompute as sc
from securecompute.coordinator import COLLECTOR
from securecompute.errors import InvalidRequest
from securecompute.linking import padded, with_spare
from securecompute.patients import counts
from securecompute.patients.counts import match_of
from securecompute.program_manifest import columns_used
from securecompute.programs.expressions import Expression, apply, program_of
from securecompute.programs.linkages import Linkage, Side
from securecompute.programs.program import Input
from securecompute.records.dictionary import Column, Dictionary
from tests.linked import hospitals, network
from tests.seeded import SeededRandomness

ON = ((("pid", "text", "whole"),),)
TABLES = hospitals({"Mayo": range(60), "Duke": range(30, 130)}, absent=0.0)  # 60 and 100 records: 64 and 104 are told
ASKED = {"on": [[["pid", "", "whole"]]], "where": None, "columns": []}
LISTED = sc.Rules(linkage="lists", columns=("pid", "bmi"))


@pytest.fixture(scope="module")
def net():
    with network(TABLES, LISTED) as formed:
        yield formed


def totals(source, width=4, on=ON, **changed):
    """What is shown: of the patients in common, the sums of cells of the leader's."""
    linkage = Linkage(on, Side("Duke", None, 104), (Side("Mayo", None, 64),))
    declared = replace(Input("Duke", source, (linkage.bins, width), 64.0, least=0.0), **changed)
    matched = apply("reshape", match_of(linkage, linkage.partners[0], 50), shape=[linkage.bins, 1])
    cells = Expression.of_input(declared, linkage)
    return program_of([(apply("sum", apply("multiply", matched, cells), axes=[0]), COLLECTOR)])


@pytest.mark.parametrize("kind", ["cells", "totals"])
def test_the_columns_of_cells_are_held_against_the_rule(net, kind):
    with pytest.raises(sc.DisclosureRefused, match="rule 'columns' does not list 'stage'"):
        net.run_program(totals({kind: ["stage"]}))


@pytest.mark.parametrize(
    "source",
    [
        {"cells": ["stage"], "columns": "bmi"},
        {"totals": ["stage"], "columns": ["bmi"]},
        {"cells": ["stage"], "held": "x"},
        {"cells": 7},
        {"cells": [7]},
        {"columns": []},
        {},
    ],
    ids=str,
)
def test_numbers_of_a_linkage_are_named_in_one_way(net, source):
    """What a rule reads of a source is then what the institution takes."""
    with pytest.raises(sc.InvalidRequest, match="numbers of a linkage are columns, or cells or totals"):
        net.run_program(totals(source))


@pytest.mark.parametrize(
    ("source", "changed", "text"),
    [
        ({"totals": []}, {"shape": (1,), "bound": 103.0}, "declared from 0 to 1"),
        ({"totals": []}, {"shape": (1,), "bound": 99.0}, "declared from 0 to 1"),
        ({"cells": []}, {"bound": 0.5}, "declared from 0 to 1"),
        ({"cells": []}, {"norms": (1.0, 1.0)}, "declared from 0 to 1"),
        ({"cells": []}, {"least": 1.0}, "declared from 0 to 1"),
        ({"cells": []}, {"wide": True}, "not wide"),
    ],
    ids=str,
)
def test_cells_are_declared_with_what_they_can_be_whatever_the_records_are(source, changed, text):
    """There are 100 records, and 104 are told."""
    rules = sc.Rules(linkage="arrays", arrays="any")
    with network(TABLES, rules) as formed, pytest.raises(sc.InvalidRequest, match=text):
        formed.run_program(totals(source, 1, **changed))


def test_the_columns_of_a_source_are_all_that_it_names_and_those_of_its_cohort(net):
    source = {"columns": ["bmi", ["relapse", "no"]], "cells": ["stage"], "totals": ["pid"], "where": "bmi > 20"}
    assert columns_used(source, net.columns_of("Duke")) == ["bmi", "relapse", "stage", "pid", "bmi"]


def test_cells_of_another_shape_are_refused_without_saying_how_many_records_there_are():
    with network(TABLES, sc.Rules(linkage="arrays")) as formed:
        for width in (3, 5):
            with pytest.raises(sc.InvalidRequest, match="declared with another shape") as refused:
                formed.run_program(totals({"cells": ["stage"]}, width))
            assert not any(sign.isdigit() for sign in str(refused.value))


def test_a_key_whose_kinds_are_not_told_is_refused_as_it_could_match_nobody(net):
    with pytest.raises(sc.InvalidRequest, match="told with their kinds"):
        net.run_program(totals({"cells": ["stage"]}, on=((("pid", "", "whole"),),)))


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({}, ()),
        ({"analyses": ("count",)}, ("counts", "arrays", "lists")),
        ({"analyses": ("count", "overlap")}, ("arrays", "lists")),
        ({"analyses": ("linkage",)}, ("counts", "lists")),
        ({"analyses": ("intersect",)}, ("counts", "arrays")),
        ({"arrays": "none"}, ("arrays",)),
        ({"linkage": "arrays"}, ("lists",)),
    ],
    ids=str,
)
def test_how_many_would_be_linked_is_told_only_where_something_might_be_asked_of_them(changed, refused):
    with network(TABLES, replace(LISTED, **changed)) as formed:
        for purpose in ("counts", "arrays", "lists"):
            if purpose in refused:
                with pytest.raises(sc.DisclosureRefused, match=r"rule '(analyses|arrays|linkage)'"):
                    formed.fabric.ask("Duke", "measure", ASKED | {"purpose": purpose})
            else:
                assert formed.fabric.ask("Duke", "measure", ASKED | {"purpose": purpose})["records"] == 104
        if "counts" in refused:
            with pytest.raises(sc.DisclosureRefused, match="rule 'analyses'"):
                formed.fabric.ask("Duke", "measure", {"keys": [ASKED["on"]], "where": None, "patient": None})


def test_programs_that_link_nothing_need_no_leave_to_link():
    with network(TABLES, sc.Rules(analyses=("secret arrays",))) as formed:
        assert formed.secret("Duke", "bmi").sum().reveal() > 0


def test_what_fills_a_set_is_drawn_anew_each_time():
    ids = np.arange(6, dtype=np.uint64).reshape(3, 2)
    one, other = (with_spare(ids, 64, SeededRandomness(seed)).elements for seed in range(2))
    assert (one[:3] == ids).all() and (other[:3] == ids).all()
    assert len({tuple(row) for row in np.concatenate([one[3:], other[3:]]).tolist()}) == 2 * 61


def test_no_two_linkages_of_a_session_nor_two_pairs_of_one_have_a_header_in_common():
    linkage = Linkage(ON, Side("Duke", None, 104), (Side("Mayo", None, 64), Side("Yale", None, 64)))
    agreed = [linkage.agreed(session, number) for session in (bytes(32), bytes([1] * 32)) for number in (0, 1, 256)]
    headers = [each.header for each in agreed] + [each.terms(p).between for each in agreed for p in each.partners]
    assert len(set(headers)) == len(headers) == 18


def test_a_declared_number_is_of_all_records_so_that_no_cohort_tells_of_a_person():
    with network(TABLES, sc.Rules()) as formed:

        def declared(where):
            return formed.fabric.ask("Duke", "measure", ASKED | {"purpose": "counts", "where": where})["records"]

        cohorts = [None, "pid = 'p40'", "pid = 'nobody'", "bmi > 20", "bmi > 1000 or pid in ('p1', 'p2')"]
        assert {declared(where) for where in cohorts} == {padded(len(set(TABLES["Duke"]["pid"].to_pylist()) - {None}))}


@pytest.mark.parametrize(
    ("records", "partners", "allowed"),
    [(12_900_000, 1, True), (13_000_000, 1, False), (6_400_000, 2, True), (6_500_000, 2, False)],
)
def test_so_many_records_that_a_false_match_is_likelier_than_2_to_the_minus_40_are_refused(records, partners, allowed):
    sides = [Side(name, None, records) for name in ("Mayo", "Duke", "Yale")[: partners + 1]]
    linkage = Linkage(ON, sides[0], tuple(sides[1:]))
    matched = counts.matches(linkage)
    assert (linkage.bins * partners * 2.0**-64 <= 2.0**-40) is allowed
    if allowed:
        assert program_of([(each, "box") for each in matched]).linkages == (linkage,)
    else:
        with pytest.raises(InvalidRequest, match="Name fewer institutions"):
            program_of([(each, "box") for each in matched])


def test_no_answer_before_a_question_depends_on_who_is_in_the_cohort():
    """One patient's number is too long, his weight has decimals, his note is beyond what an identifier takes."""
    fits = (Column("nr", "integer", low=0, high=2**60), Column("weight", "number", low=0, high=300))
    known = Dictionary((Column("pid", "text"), Column("note", "text"), *fits))
    his, others = ("p0", "x" * 70_000, 2**54 + 1, 72.5), [(f"p{k}", "well", k, 70.0) for k in range(1, 20)]
    own = pa.table(dict(zip(known, zip(his, *others, strict=True), strict=True)))
    asked = [{"keys": [[[[name, kind, "whole"]]]]} for name in ("note", "weight", "nr") for kind in ("text", "number")]
    asked += [{"on": each["keys"][0], "purpose": "counts"} for each in asked]
    asked += [ASKED | {"purpose": "counts", "columns": ["nr"]}, {"columns": "nr"}]
    with network({"Mayo": own, "Duke": own}, sc.Rules(), dictionary=known) as formed:
        for each in asked:
            cohorts = [each | {"where": where} for where in ("pid = 'p0'", "pid = 'p1'")]
            one, other = (formed.fabric.ask_all(["Duke"], "measure", cohort) for cohort in cohorts)
            assert repr(one) == repr(other)


GOOD = {"records": 104, "on": ASKED["on"], "keys": [ASKED["on"]]}
LIES = [None, 7, "x", [], {}, {"records": 104}]
LIES += [GOOD | {"records": records} for records in ("104", True, -1, 0, 2**70, None)]
LIES += [GOOD | {"on": on, "keys": on} for on in (7, None, [], [7], [[["pid"]]])]
LIES += [
    {"records": 104, "on": on, "keys": [on]} for on in ([[["stage", "text", "whole"]]], [[["pid", "text", "year"]]])
]


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_whatever_an_institution_answers_when_it_is_asked_how_many_there_is_a_clear_error(net, lie, monkeypatch):
    software = net.fabric._participants["Duke"]
    honest = software.answer
    monkeypatch.setattr(software, "answer", lambda request, x: lie if request == "measure" else honest(request, x))
    study = net.study("s")
    for ask in (
        lambda: study.linked_patients(between=["Mayo", "Duke"], keys=["pid"]),
        lambda: study.overlap(on="pid"),
        lambda: net.intersect("Mayo", "Duke", on="pid", to="Mayo"),
    ):
        with pytest.raises((sc.PeerMisbehaved, sc.InvalidRequest)):
            ask()


@pytest.mark.parametrize("columns", [7, b"bmi", [7], [[]], [["bmi"], [7, "x"]], [None], {"bmi": 1}, [""]], ids=str)
def test_columns_that_are_no_names_are_a_clear_error_to_every_rule_that_reads_them(net, columns):
    with pytest.raises(sc.InvalidRequest, match="columns are named by text"):
        columns_used({"columns": columns}, net.columns_of("Duke"))
    with pytest.raises(sc.InvalidRequest):
        net.fabric.ask("Duke", "measure", {"columns": columns})


@pytest.mark.parametrize("request_", ["consider", "permit"])
@pytest.mark.parametrize("manifest", [None, 7, "x", {}, [], bytearray(b"\x80"), b"\xc1", b"\x80", b"\x07"], ids=str)
def test_what_is_no_manifest_is_a_clear_error_to_everybody(net, request_, manifest):
    for party in ("Duke", "Helper"):
        with pytest.raises(sc.InvalidRequest):
            net.fabric.ask(party, request_, manifest)


def test_links_as_arrays_tell_of_a_cohort_whether_it_is_small_and_counts_do_not(net):
    """Nine whom one knows, and a tenth: the threat model says so."""
    nine = ", ".join(f"'p{k}'" for k in range(40, 49))
    for tenth, there in (("p30", True), ("p3", False)):
        asked = ASKED | {"where": f"pid in ({nine}, '{tenth}')"}
        assert net.fabric.ask("Duke", "measure", asked | {"purpose": "counts"})["records"] == 104
        told = net.fabric.ask_all(["Duke"], "measure", asked | {"purpose": "arrays"})["Duke"]
        assert isinstance(told, sc.DisclosureRefused) is not there
