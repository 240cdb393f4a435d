"""The manifest of a list: canonical bytes, and what no institution takes part in."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

import securecompute as sc
from securecompute.list_manifest import ListManifest, check_cohorts, is_list
from securecompute.program_manifest import is_program
from tests.hospitals import LISTS, NAMES, hospitals, listed, software

THREE = {"Mayo": range(10), "Duke": range(4, 20), "Yale": range(6)}
ON = [[["mrn", "text", "whole"]]]
SIDES = [["Mayo", "age < 5", 64, []], ["Duke", None, 64, []]]
ALL = [["Mayo", None, 64, []], ["Duke", None, 64, []]]
ASKED = {"list": "vole", "on": ON, "sides": SIDES, "receivers": ["Mayo"]}


@pytest.fixture(scope="module")
def network():
    with hospitals(THREE) as formed:
        yield formed


def proposed(network, **changed):
    """The bytes that the coordinator proposes, with some fields exchanged afterwards."""
    plain = msgpack.unpackb(network.fabric.ask("coordinator", "propose list", ASKED))
    return msgpack.packb(plain | changed)


def test_the_bytes_are_canonical_and_fresh_each_time(network):
    one, other = proposed(network), proposed(network)
    assert one != other
    manifest = ListManifest.decode(one, network._enrolment)
    assert manifest.encode() == one
    assert manifest.session != ListManifest.decode(other, network._enrolment).session
    assert manifest.parties == ("Mayo", "Duke") and manifest.receivers == ("Mayo",)
    assert manifest.sizes == {"Mayo": 64, "Duke": 64}
    assert manifest.header("Mayo") != manifest.header("Duke")


def test_it_is_told_from_questions_and_programs(network):
    encoded = proposed(network)
    assert is_list(encoded) and not is_program(encoded)
    assert not is_list(network.propose(sc.Question("count"))[0])
    with pytest.raises(sc.InvalidRequest, match="not valid msgpack"):
        is_list(b"\xc1")


FORGED = {
    "version": ({"version": 2}, "version 1 has the fields"),
    "one field more": ({"hint": 1}, "version 1 has the fields"),
    "nonce": ({"nonce": b"short"}, "nonce is 32 bytes"),
    "protocol": ({"list": "magic"}, "no protocol 'magic' for lists"),
    "protocol of no kind": ({"list": ["vole"]}, "no protocol"),
    "protocol for more": ({"list": "star"}, "'star' is for three institutions or more"),
    "no key": ({"on": []}, "at least one field"),
    "kind untold": ({"on": [[["mrn", "", "whole"]]]}, "is not known yet"),
    "nobody": ({"receivers": []}, "told to one institution"),
    "twice": ({"receivers": ["Mayo", "Mayo"]}, "each named once"),
    "a third": ({"receivers": ["Yale"]}, "'Yale' takes no part, so it cannot be told a list of its patients"),
    "the collector": ({"receivers": ["collector"]}, "'collector' takes no part"),
    "receiver of no kind": ({"receivers": [["Mayo"]]}, "receivers a list of names"),
    "one institution": ({"sides": SIDES[:1]}, "2 to 65 institutions' patients"),
    "itself": ({"sides": [SIDES[0], SIDES[0]]}, "each named once"),
    "a stranger": ({"sides": [SIDES[0], ["Rush", None, 64, []]]}, "'Rush' holds no records in this network"),
    "columns": ({"sides": [SIDES[0], ["Duke", None, 64, ["age"]]]}, "no columns are brought"),
    "a cohort of who is asked": (
        {"sides": [ALL[0], ["Duke", "age < 5", 64, []]]},
        "a cohort at 'Duke' would tell 'Mayo' who is in it; leave it out there",
    ),
    "a cohort of everybody": ({"sides": [ALL[0], ["Duke", "age is null or age >= 0", 64, []]]}, "a cohort at 'Duke'"),
    "a cohort without text": ({"sides": [ALL[0], ["Duke", "", 64, []]]}, "a cohort at 'Duke' would tell 'Mayo'"),
    "told to another": ({"receivers": ["Duke"]}, "a cohort at 'Mayo' would tell 'Duke' who is in it"),
    "told to another, too": ({"receivers": ["Mayo", "Duke"]}, "ask for a list to 'Mayo' alone"),
    "cohorts of three": (
        {"list": "star", "sides": [*ALL, ["Yale", "age < 5", 64, []]], "receivers": ["Mayo", "Duke"]},
        "a cohort at 'Yale' would tell 'Mayo' and 'Duke' who is in it; leave it out there$",
    ),
    "no number": ({"sides": [SIDES[0], ["Duke", None, 0, []]]}, "takes 1 to 16777216"),
    "sides of no kind": ({"sides": "Mayo"}, "sides are a list"),
    "another roster": ({"identities": []}, "another roster or dictionary"),
    "another dictionary": ({"columns": []}, "another roster or dictionary"),
}


@pytest.mark.parametrize(("changed", "text"), FORGED.values(), ids=FORGED)
def test_no_institution_considers_a_forged_manifest(network, changed, text):
    encoded = proposed(network, **changed)
    for name in ("Mayo", "Duke"):
        with pytest.raises(sc.InvalidRequest, match=text):
            network.fabric.ask(name, "consider", encoded)
    assert listed(network, "Mayo") is None


@pytest.mark.parametrize("number", [72, 80, 1 << 20])
def test_numbers_tried_in_turn_do_not_find_the_true_one(network, number):
    for where in (None, "age < 3"):
        for name, other in (("Mayo", ALL[1]), ("Duke", ALL[0])):
            encoded = proposed(network, sides=[[name, where, number, []], other], receivers=[name])
            with pytest.raises(sc.InvalidRequest, match=f"another number of records than '{name}' told"):
                network.fabric.ask(name, "consider", encoded)


def test_who_is_not_named_does_not_consider_it(network):
    with pytest.raises(sc.InvalidRequest, match="'Yale' takes no part in this list"):
        network.fabric.ask("Yale", "consider", proposed(network))


def test_a_session_that_was_not_considered_is_refused(network):
    encoded = proposed(network)
    network.fabric.ask("Mayo", "consider", encoded)
    run = network.fabric.run("vole list", ("Mayo", "Duke"), encoded)
    assert "'Duke' has not agreed" in str(run.outcomes["Duke"].error)
    assert "'Duke' abstained" in str(run.outcomes["Mayo"].error)
    assert listed(network, "Mayo") is None


def test_a_cohort_that_was_exchanged_between_two_institutions_ends_in_no_list(network):
    mine = proposed(network)
    forged = msgpack.packb(msgpack.unpackb(mine) | {"sides": ALL})
    network.fabric.ask("Mayo", "consider", mine)
    network.fabric.ask("Duke", "consider", forged)
    run = network.fabric.run("vole list", ("Mayo", "Duke"), mine)
    assert run.outcomes["Mayo"].error is not None
    assert listed(network, "Mayo") is None


def test_a_receiver_that_was_exchanged_is_held_against_the_rules_of_each(network):
    rules = {"Duke": sc.Rules(linkage="lists", lists_to=("Yale",))}
    with hospitals(THREE, {name: rules.get(name, LISTS) for name in THREE}) as formed:
        encoded = proposed(formed, receivers=["Duke"], sides=ALL)
        formed.fabric.ask("Duke", "consider", encoded)
        with pytest.raises(sc.DisclosureRefused, match="'lists_to' does not list 'Mayo'"):
            formed.fabric.ask("Duke", "consider", proposed(formed))
        with pytest.raises(sc.DisclosureRefused, match="'lists_to' does not list 'Mayo'"):
            formed.fabric.ask("Duke", "permit", proposed(formed))


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (sc.Rules(), "rule 'linkage' is 'counts'"),
        (sc.Rules(linkage="lists", analyses=("count",)), "intersect: rule 'analyses' does not list it"),
        (sc.Rules(linkage="lists", columns=("age",)), "intersect: rule 'columns' does not list 'mrn'"),
        (sc.Rules(linkage="lists", keys=("age",)), "intersect: rule 'keys' does not list 'mrn'"),
    ],
)
def test_a_manifest_is_held_against_the_rules_if_nobody_asked_before(rules, text):
    with hospitals(THREE, {name: rules if name == "Duke" else LISTS for name in THREE}) as formed:
        encoded = proposed(formed)
        formed.fabric.ask("Mayo", "consider", encoded)
        with pytest.raises(sc.DisclosureRefused, match=text):
            formed.fabric.ask("Duke", "consider", encoded)


def test_the_cohort_of_a_manifest_is_held_against_the_rules_too():
    rules = {"Mayo": sc.Rules(linkage="lists", columns=("mrn",))}
    with hospitals(THREE, {name: rules.get(name, LISTS) for name in THREE}) as formed:
        encoded = proposed(formed)
        formed.fabric.ask("Duke", "consider", encoded)
        with pytest.raises(sc.DisclosureRefused, match="intersect: rule 'columns' does not list 'age'"):
            formed.fabric.ask("Mayo", "consider", encoded)


@given(
    st.dictionaries(st.sampled_from(NAMES), st.none() | st.sampled_from(["", "age > 3"])),
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
)
def test_a_cohort_is_allowed_where_nobody_else_is_told(cohorts, receivers):
    others_told = [name for name, where in cohorts.items() if where is not None and {*receivers} - {name}]
    if others_told:
        with pytest.raises(sc.InvalidRequest, match=f"a cohort at '{others_told[0]}' would tell"):
            check_cohorts(cohorts, receivers)
    else:
        check_cohorts(cohorts, receivers)


NAME = st.text(st.characters(max_codepoint=3), max_size=9)


@given(st.lists(NAME, min_size=2, max_size=2, unique=True), NAME, NAME)
def test_no_header_begins_another_so_that_what_is_appended_cannot_be_taken_for_a_name(network, names, one, other):
    manifest = ListManifest.of(ASKED, network._enrolment, bytes(32))
    first, second = (manifest.header(name) for name in names)
    assert not first.startswith(second) and not second.startswith(first)
    assert first + one.encode() != second + other.encode()


@pytest.mark.parametrize(
    "asked", [None, [], {}, ASKED | {"sides": None}, ASKED | {"on": 3}, ASKED | {"receivers": "Mayo"}]
)
def test_a_coordinator_is_asked_for_lists_in_one_form(network, asked):
    with pytest.raises(sc.InvalidRequest):
        network.fabric.ask("coordinator", "propose list", asked)


def test_the_coordinator_and_the_collector_have_no_part(network):
    encoded = proposed(network)
    for party in ("coordinator", "collector"):
        with pytest.raises(sc.InvalidRequest):
            next(software(network, party).part(encoded))
