"""What is run for a question about patients by several keys: its rounds, the one program that is right, who refuses."""

from dataclasses import replace

import pytest

import securecompute as sc
from securecompute.coordinator import COLLECTOR
from securecompute.patients import catalogue, counts
from securecompute.patients.counts import Sides
from securecompute.patients.linked_patients import prefixes
from securecompute.program_manifest import ProgramManifest
from securecompute.programs.expressions import Expression, apply, program_of
from securecompute.programs.linkages import ORDER, Linkage, Side
from securecompute.programs.program import Input
from tests.patients.fielded import BETWEEN, COLUMNS, DICTIONARY, KEYS, RULES, SIX, people, table, without
from tests.patients.pooled import network

MRN = ((("mrn", "text", "whole"),),)


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
        ({"keys": None, "roles": "given"}, "roles name columns: roles={'given': 'first_name'"),
        ({"keys": None, "roles": {"number": 3}}, "roles name columns"),
        ({"patient": "pid"}, "no column 'pid'"),
        ({"patient": 3}, "patient must be the name of a column, not int"),
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
        (sc.Rules(keys=("number", "given")), "keys"),
        (sc.Rules(keys=("number", "given", "family", "town")), "keys"),
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


def test_no_column_outside_the_rule_keys_says_whether_two_records_are_one_patients(dealt):
    """With three invented records `patient="town"` would say whether two people live in one town, and so in which."""
    rules = {"Bern": sc.Rules(min_cell=3, keys=("mrn",)), "Lyon": RULES}
    with network(dict.fromkeys(BETWEEN, table(SIX)), dictionary=DICTIONARY, rules=rules) as formed:
        study, asked = formed.study("s"), {"between": BETWEEN, "keys": ["mrn"]}
        assert study.linked_patients(**asked, patient="mrn").found == 6
        question = study.question("linked_patients", **asked, patient="town")
        program = made(Sides(MRN, tuple(Side(name, None, 64) for name in BETWEEN)), formed.dictionaries, question)
        forged = ProgramManifest(program, formed._enrolment, formed.rules, bytes(32), question).encode()
        with pytest.raises(sc.DisclosureRefused, match="rule 'keys' does not list 'town'"):
            formed.fabric.ask("Bern", "measure", {"keys": [[[["mrn", "text", "whole"]]]], "patient": "town"})
        with pytest.raises(sc.DisclosureRefused, match="rule 'keys' does not list 'town'"):
            formed.fabric.ask("Bern", "consider", forged)


@pytest.mark.parametrize(
    "asked",
    [{"keys": []}, {"keys": 3}, {"keys": [[]]}, {"keys": [3]}, {"keys": [[[["town", "", "whole"]]]], "where": 3}],
)
def test_requests_that_others_sent_are_checked(net, asked):
    with pytest.raises(sc.InvalidRequest):
        net.fabric.ask("Bern", "measure", asked)
