"""Patients found by any of several keys: as keys compared in plain Python say, gated, whatever the records hold."""

from collections import Counter, defaultdict
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import securecompute as sc
from securecompute.analyses.result import Hidden, Withheld
from securecompute.coordinator import COLLECTOR
from securecompute.patients import catalogue, counts
from securecompute.patients.keys import key_of_text, known_keys
from securecompute.patients.linked_patients import prefixes
from securecompute.program_manifest import ProgramManifest
from securecompute.programs.expressions import Expression, apply, program_of
from securecompute.programs.linkages import ORDER, Linkage
from securecompute.programs.program import Input
from securecompute.records.dictionary import Column, Dictionary
from securecompute.records.key_types import AnyOrder, Field, KeyType
from tests.patients.pooled import gated, network, together

COLUMNS = ("mrn", "number", "given", "family", "town")
DICTIONARY = Dictionary((*(Column(name, "text") for name in COLUMNS), Column("age", "integer", low=0, high=120)))
BETWEEN = ["Bern", "Lyon"]
KEYS = ["number", "given and family in any order", "family + town"]
RULES = sc.Rules(min_cell=3)


def table(rows):
    """mrn, number, given, family, town; the age is the record's place."""
    columns = zip(*rows, strict=True) if rows else [[]] * len(COLUMNS)
    made = {name: pa.array(values, pa.string()) for name, values in zip(COLUMNS, columns, strict=True)}
    return pa.table(made | {"age": pa.array([k % 100 for k in range(len(rows))], pa.int64())})


def linked(tables, **asked):
    with network(tables, dictionary=DICTIONARY, rules=RULES) as net:
        return net.study("s").linked_patients(**({"between": BETWEEN, "keys": KEYS} | asked))


def value(row, fields):
    """A record's key, None where it lacks a field."""
    got = tuple(tuple(sorted(row[f] or "" for f in field)) for field in fields)
    return None if any("" in each for each in got) else got


def of_type(rows, fields, patient):
    """key -> patient, of keys that one patient has; a patient is named by a number, or the record's place."""
    held = defaultdict(dict)
    for k, row in enumerate(rows):
        name = row["mrn"] if patient and row["mrn"] else k
        if (key := value(row, fields)) is not None:
            held[key][name] = None
    return {key: next(iter(names)) for key, names in held.items() if len(names) == 1}


FIELDS = ((("number",),), (("given", "family"),), (("family",), ("town",)))


def in_the_clear(tables, patient=False, key_fields=FIELDS):
    """How many of the first one's patients each key is the first to find. Of each key a patient has there the first."""
    one, other = (each.to_pylist() for each in tables.values())
    known, first = set(), Counter()
    for k, fields in enumerate(key_fields):
        own, theirs = of_type(one, fields, patient), of_type(other, fields, patient)
        key_of = {}
        for key, name in own.items():
            key_of.setdefault(name, key)
        found = {name for name, key in key_of.items() if key in theirs} - known
        first[k], known = len(found), known | found
    return tuple(first[k] for k in range(len(key_fields)))


def check(rows, patient=False):
    tables = {name: table(each) for name, each in zip(BETWEEN, rows, strict=True)}
    told = "mrn" if patient else None
    first = in_the_clear(tables, patient)
    found = linked(tables, patient=told).result
    assert (found.found, found.first_found) == (gated(sum(first)), ())
    none = sum(
        all(value(row, fields) is None for fields in FIELDS) for each in tables.values() for row in each.to_pylist()
    )
    assert found.identified.without == gated(none)
    assert any("may write a field differently" in note for note in found.notes()) == (sum(first) == 0)
    by_key = linked(tables, patient=told, by_key=True).result
    assert by_key.first_found == tuple(map(gated, first))
    assert by_key.found == together(first)


def people(*numbers, given="ana", family="berg", town="bonn"):
    return [(f"m{n}", f"n{n}", f"{given}{n}", f"{family}{n}", f"{town}{n}") for n in numbers]


def without(rows, *columns):
    gone = [COLUMNS.index(column) for column in columns]
    return [tuple(None if k in gone else cell for k, cell in enumerate(row)) for row in rows]


def swapped(rows):
    return [(mrn, number, family, given, town) for mrn, number, given, family, town in rows]


SIX = people(*range(6))
WORLDS = {
    "nobody anywhere": ([], []),
    "nobody there": (SIX, []),
    "nobody here": ([], SIX),
    "everybody by the first key": (SIX, SIX[::-1]),
    "some by each": (people(*range(12)), SIX[:4] + without(swapped(people(4, 5, 6, 7)), "number", "town")),
    "by the last alone": (people(*range(5)), without(people(*range(5)), "number", "given")),
    "each by the key that he has": (
        without(SIX[:3], "number") + without(SIX[3:], "given", "town"),
        without(SIX[3:], "family") + without(SIX[:3], "number"),
    ),
    "no key at all": (without(SIX, "number", "family"), SIX),
    "keys of two patients here": (SIX + without(SIX[:4], "given", "town"), SIX),
    "keys of two patients there": (SIX, SIX + without(SIX[:4], "given", "town")),
    "too few to show": (SIX, SIX[:2]),
    "one record": (SIX[:1], SIX[:1]),
}


@pytest.mark.parametrize("rows", WORLDS.values(), ids=WORLDS)
def test_patients_are_found_as_keys_compared_in_the_clear_find_them(rows, dealt):
    check(rows)


def test_records_with_one_number_of_the_hospital_are_one_patient(dealt):
    twice = without(people(*range(5), family="wrong"), "number")
    rows = SIX + twice, without(people(*range(8)), "number", "town")
    check(rows, patient=True)
    check(rows[::-1], patient=True)
    tables = {name: table(each) for name, each in zip(BETWEEN, rows, strict=True)}
    assert linked(tables).found == 6 and linked(tables, patient="mrn").found == 6
    doubled = dict.fromkeys(BETWEEN, table(SIX + SIX))
    assert linked(doubled).found == 0 and linked(doubled, patient="mrn").found == 6


cells = [
    st.sampled_from([None, *(f"{c}{k}" for k in range(most))]) for c, most in zip("mnxxt", (5, 9, 3, 3, 3), strict=True)
]
hospital = st.lists(st.tuples(*cells), max_size=14)


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(hospital, hospital), st.booleans())
def test_whatever_records_hold(dealt, rows, patient):
    check(rows, patient)


def test_a_cohort_and_fields_in_other_forms(dealt):
    mistyped = [("x", None, "Anna", "Burg", row[4].upper()) for row in SIX]
    tables = {"Bern": table([("m", "n", "ana", "berg", row[4]) for row in SIX]), "Lyon": table(mistyped)}
    keys = [[Field("number", kind="text")], ["soundex(given)", "soundex(family)", "town"]]
    answer = linked(tables, keys=keys, where="age >= 2")
    assert answer.found == 4
    assert answer.result.identified.by == ("number as text", "soundex(given) + soundex(family) + town")
    assert answer.headline() == ("4 patients of Bern where age >= 2 are known to Lyon too, found by one of 2 keys.")


def test_key_types_can_be_made_from_the_roles_of_columns(dealt):
    roles = {"given": "given", "family": "family", "postcode": "town", "number": "number"}
    answer = linked(dict.fromkeys(BETWEEN, table(SIX)), keys=None, roles=roles)
    assert answer.found == 6
    assert answer.result.identified.by[0] == "number as number"


def test_one_key_is_the_overlap(dealt):
    tables = dict.fromkeys(BETWEEN, table(SIX))
    with network(tables, dictionary=DICTIONARY, rules=RULES) as net:
        study = net.study("s")
        assert study.linked_patients(between=BETWEEN, keys=["number"], by_key=True).found == 6
        assert study.overlap(on="number").common == 6


def test_a_closed_count_closes_the_sum(dealt):
    rows = people(*range(9)), SIX[:4] + without(people(4, 5), "number")
    tables = {name: table(each) for name, each in zip(BETWEEN, rows, strict=True)}
    shown = linked(tables, by_key=True)
    assert shown.first_found == (4, Hidden(3), 0) and isinstance(shown.found, Withheld)
    assert shown.headline() == "How many patients of Bern are known to Lyon too is withheld."
    assert shown.result.to_plain()["first_found"] == dict(zip(KEYS, (4, "<3", 0), strict=True))
    assert any("below 3 are hidden" in note for note in shown.result.notes())


def test_what_is_said_and_drawn(dealt):
    from matplotlib.figure import Figure

    tables = dict.fromkeys(BETWEEN, table(SIX))
    for options in ({}, {"by_key": True}, {"by_key": True, "keys": ["town", "given + family"]}):
        answer = linked(tables, **options)
        assert len(answer.result.tables()) == 1 + ("by_key" in options)
        answer.result.plot(Figure().subplots())
        assert "a record is a patient" in answer.result.notes()[0]
    assert "records with one mrn" in linked(tables, patient="mrn").result.notes()[0]


def test_rounds_and_bytes_do_not_depend_on_who_matches():
    worlds = [(SIX, SIX), (SIX, people(*range(20, 26))), (without(SIX, "number", "family"), SIX), (SIX + SIX, SIX)]
    told = []
    for rows in worlds:
        tables = {name: table(each) for name, each in zip(BETWEEN, rows, strict=True)}
        with network(tables, dictionary=DICTIONARY, rules=RULES) as net:
            study, asked = net.study("s"), {"between": BETWEEN, "keys": KEYS, "by_key": True}
            explained = study.explain("linked_patients", **asked)
            given = study.linked_patients(**asked).provenance
            sizes = {party: list(view) for party, view in net.fabric.views.items()}
            told.append((given.rounds, given.bytes, explained.rounds, explained.bytes, sizes))
    assert all(each == told[0] for each in told)
    assert told[0][0] == told[0][2] == ROUNDS


ROUNDS = 21 + 2  # three keys


@pytest.mark.parametrize(("keys", "rounds"), [(1, 21), (2, 22), (3, 23), (4, 23)])
def test_the_rounds_are_as_stated(net, keys, rounds):
    asked = {"between": BETWEEN, "keys": list(COLUMNS[:keys])}
    for by_key in (False, True):
        assert net.study("s").explain("linked_patients", by_key=by_key, **asked).rounds == rounds


def test_rounds_grow_with_the_logarithm_of_the_number_of_keys():
    depth = []
    for n in (1, 2, 4, 5, 9):
        inputs = [Expression.of_input(Input("A", {"held": f"{k}"}, (3,), 1.0, True)) for k in range(n)]
        multiplied = prefixes(inputs)
        assert [len(leaves(each)) for each in multiplied] == list(range(1, n + 1))
        depth.append(height(multiplied[-1]))
    assert depth == [0, 1, 2, 3, 4]


def leaves(x):
    return [x.key] if not x.operands else sorted({leaf for each in x.operands for leaf in leaves(each)})


def height(x):
    return 1 + max(map(height, x.operands)) if x.operands else 0


@pytest.fixture(scope="module")
def net():
    with network({"Bern": table(SIX), "Lyon": table(SIX), "Oslo": table(SIX)}, dictionary=DICTIONARY) as formed:
        yield formed


@pytest.fixture(scope="module")
def question(net):
    return net.study("s").question("linked_patients", between=BETWEEN, keys=KEYS)


def made(sides, dictionary, question, cell=3, receiver=COLLECTOR):
    return catalogue.program(question, sides, dictionary, cell, receiver)


def direct(sides, arrange):
    """Counted with another order of the bins, or none."""
    found = []
    for key in sides.keys:
        linkage = Linkage(key, sides.sides[0], sides.sides[1:], True)
        found.append(arrange(linkage, counts.match_of(linkage, linkage.partners[0], 0)))
    total = apply("reshape", apply("sum", apply("add", *found[:2]), axes=[0]), shape=[1])
    return program_of([(counts.gated(total, 3), COLLECTOR), (left_out(sides), COLLECTOR)])


def left_out(sides):
    return counts.gated(counts.without_key(sides), 3)


def in_leaders_order(linkage, match):
    order = Input(linkage.leader.party, {"word": ORDER}, (linkage.bins,), 1.0, True, words=True)
    return apply("arrange", Expression.of_input(order, linkage), match)


def with_another_left_out(sides, dictionary, question, others):
    counted = catalogue.find("linked_patients").program(question, sides, dictionary)
    return program_of([(counts.gated(counted, 3), COLLECTOR), (left_out(others), COLLECTOR)])


def turned(sides):
    return replace(sides, sides=sides.sides[::-1])


def told(sides, **changes):
    return replace(sides, sides=tuple(replace(side, **changes) for side in sides.sides))


FORGED = {
    "a smaller smallest cell": lambda s, d, q: made(s, d, q, cell=1),
    "shown to an institution": lambda s, d, q: made(s, d, q, receiver="Bern"),
    "of the other one's patients": lambda s, d, q: made(turned(s), d, q),
    "another cohort": lambda s, d, q: made(told(s, where="age > 60"), d, q),
    "a key less": lambda s, d, q: made(replace(s, further=s.further[:-1]), d, q),
    "keys in another order": lambda s, d, q: made(replace(s, further=s.further[::-1]), d, q),
    "another key": lambda s, d, q: made(replace(s, on=((("town", "text", "whole"),),)), d, q),
    "each key's number": lambda s, d, q: made(s, d, replace(q, parameters={**q.parameters, "by_key": True})),
    "patients told apart": lambda s, d, q: made(s, d, replace(q, parameters={**q.parameters, "patient": "mrn"})),
    "no order": lambda s, d, q: direct(s, lambda linkage, match: match),
    "a sum of matches": lambda s, d, q: direct(s, in_leaders_order),
    "an overlap": lambda s, d, q: program_of(
        [
            (counts.gated(counts.linear(counts.exactly(2), counts.common(s.linkages)), 3), COLLECTOR),
            (left_out(s), COLLECTOR),
        ]
    ),
    "records without the first key": lambda s, d, q: with_another_left_out(s, d, q, replace(s, further=())),
    "records of one institution": lambda s, d, q: with_another_left_out(s, d, q, replace(s, sides=s.sides[:1])),
}


def test_the_right_program_is_the_questions(net, question):
    _, right = net.propose_counting(question)
    sides = catalogue.sides_of(right.program)
    assert made(sides, net.dictionary, question) == right.program
    assert ProgramManifest.decode(right.encode(), right.enrolment).program == right.program


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_program_that_is_not_the_questions_is_refused_by_everybody(net, question, forged):
    _, right = net.propose_counting(question)
    program = forged(catalogue.sides_of(right.program), net.dictionary, question)
    with pytest.raises(sc.InvalidRequest, match="not that of the question 'linked_patients'"):
        net.propose_program(program, question)
    wrong = replace(right, program=program).encode()
    for party in ("Bern", "Lyon", "Oslo"):
        with pytest.raises(sc.InvalidRequest, match="not that of the question"):
            net.fabric.ask(party, "consider", wrong)
    with pytest.raises(sc.InvalidRequest, match="not that of the question"):
        ProgramManifest.decode(wrong, right.enrolment)


def test_the_right_program_under_no_question_is_refused(net, question):
    _, right = net.propose_counting(question)
    with pytest.raises(sc.InvalidRequest, match="made from a question"):
        net.run_program(right.program)
    with pytest.raises(sc.InvalidRequest, match="made from a question"):
        net.fabric.ask("Bern", "consider", replace(right, question=None).encode())


def test_another_number_of_records_than_was_told_is_refused(net, question):
    _, right = net.propose_counting(question)
    program = made(told(catalogue.sides_of(right.program), records=128), net.dictionary, question)
    encoded = replace(right, program=program).encode()
    with pytest.raises(sc.InvalidRequest, match="another number of records"):
        net.fabric.ask("Lyon", "consider", encoded)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"between": None}, "names two institutions"),
        ({"between": ["Bern"]}, "two institutions or more"),
        ({"between": ["Bern", "Lyon", "Oslo"]}, "names two institutions"),
        ({"between": ["Bern", "Lion"]}, "no institution 'Lion'"),
        ({"keys": None}, "give keys"),
        ({"roles": {"number": "number"}}, "not both"),
        ({"keys": None, "roles": {"numbr": "number"}}, "no role 'numbr'"),
        ({"keys": None, "roles": {"given": "given"}}, "make no key"),
        ({"keys": []}, "keys are a list"),
        ({"keys": "number"}, "keys are a list"),
        ({"keys": [f"year({name}) as date" for name in COLUMNS] * 4}, "1 to 16"),
        ({"keys": ["number", ["number"]]}, "twice"),
        ({"keys": ["town", "town as text"]}, "two of the keys are the same"),
        ({"keys": ["surname"]}, "no column 'surname'"),
        ({"keys": ["sound(family)"]}, "no field of a key"),
        ({"patient": "pid"}, "no column 'pid'"),
        ({"by_key": 1}, "True or False"),
        ({"where": "old"}, "old"),
    ],
)
def test_senseless_questions_are_refused_in_our_words(net, asked, text):
    with pytest.raises(sc.InvalidRequest, match=text):
        net.study("s").linked_patients(**({"between": BETWEEN, "keys": KEYS} | asked))


@pytest.mark.parametrize(
    ("rules", "rule"),
    [
        (sc.Rules(linkage="none"), "linkage"),
        (sc.Rules(columns=("number", "given", "family")), "columns"),
        (sc.Rules(columns=("number", "given", "family", "town")), "columns"),
        (sc.Rules(analyses=("overlap",)), "analyses"),
        (sc.Rules(max_elements=100), "max_elements"),
    ],
)
def test_a_steward_can_refuse(rules, rule):
    tables = dict.fromkeys(BETWEEN, table(SIX))
    with (
        network(tables, dictionary=DICTIONARY, rules={"Lyon": rules}) as formed,
        pytest.raises(sc.DisclosureRefused, match=f"rule '{rule}'"),
    ):
        formed.study("s").linked_patients(between=BETWEEN, keys=KEYS, patient="mrn")


@pytest.mark.parametrize(
    "asked",
    [{"keys": []}, {"keys": 3}, {"keys": [[]]}, {"keys": [3]}, {"keys": [[[["town", "", "whole"]]]], "where": 3}],
)
def test_requests_that_others_sent_are_checked(net, asked):
    with pytest.raises(sc.InvalidRequest):
        net.fabric.ask("Bern", "measure", asked)


names = st.text(st.sampled_from('ab"+() ,'), min_size=1, max_size=6).filter(str.strip)


@given(st.lists(st.lists(names, min_size=1, max_size=3, unique=True), min_size=1, max_size=3, unique_by=tuple))
def test_keys_as_texts_are_the_keys_that_they_were_made_from(columns):
    dictionary = Dictionary(tuple(Column(name, "text") for name in {name for each in columns for name in each}))
    keys = [KeyType(tuple(map(Field, each))) for each in columns]
    texts = known_keys(keys, dictionary)
    assert [key_of_text(text) for text in texts] == keys
    assert known_keys(texts, dictionary) == texts


def test_fields_in_any_order_are_joined_and_split():
    key = KeyType((AnyOrder(Field("a + b", "letters"), Field("c")), Field("d", kind="date")))
    dictionary = Dictionary(tuple(Column(name, "text") for name in ("a + b", "c", "d")))
    (text,) = known_keys([key], dictionary)
    assert text == 'letters("a + b") and c in any order + d as date'
    assert key_of_text(text) == key
