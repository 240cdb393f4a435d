"""What an institution accepts from a coordinator that it does not trust, and the manifest that it holds it against."""

import copy
import pickle
from dataclasses import replace

import msgpack
import pyarrow as pa
import pytest

import securecompute as sc
from securecompute.coordinator import Collector, Coordinator
from securecompute.engine.fabric import Recipe
from securecompute.engine.in_process import InProcess
from securecompute.institution import CONSIDERED_MOST, Institution
from securecompute.manifest import Enrolment, Manifest
from securecompute.network import Network
from securecompute.protocols.sums.settings import Committee, Paillier
from securecompute.records.dictionary import Dictionary
from tests.seeded import SeededRandomness

TABLE = pa.table({"arm": ["a", "b"] * 10, "age": list(range(40, 60))})
NAMES = ("east", "north", "west")


def formed(rules=None, randomness=None):
    """Three institutions as objects, and the network that enrolled them."""
    recipes = {n: Recipe(Institution, {"name": n, "source": TABLE, "rules": rules}) for n in NAMES}
    recipes |= {"coordinator": Recipe(Coordinator), "collector": Recipe(Collector)}
    network = Network(InProcess(recipes, randomness=randomness), NAMES, None)
    return network, network.fabric._participants["north"]


def manifest(network, **parameters):
    return network.propose(network.study("s").question("count", **parameters))[0]


def changed(encoded, **fields):
    return msgpack.packb(msgpack.unpackb(encoded) | fields)


def test_an_honest_manifest_is_considered():
    network, north = formed()
    assert north.answer("consider", manifest(network)) is None


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"code": "import os"}, "and no others"),
        ({"version": 2}, "manifest of version 1"),
        ({"coordinator": "evil"}, "another roster, dictionary, role or way"),
        ({"collector": "coordinator"}, "another roster, dictionary, role or way"),
        ({"dictionary": bytes(32)}, "another roster, dictionary, role or way"),
        ({"identities": [["east", bytes(32)], ["north", bytes(32)]]}, "another roster, dictionary, role or way"),
        ({"question": {"analysis": "exec", "parameters": {}, "where": None}}, "there is no analysis 'exec'"),
        ({"question": {"analysis": "count", "parameters": {}, "where": "1 = 1; drop"}}, "semicolon"),
        ({"sum": ["paillier sum", bytes(32)]}, "another roster, dictionary, role or way"),
        ({"nonce": 7}, "32 bytes"),
        ({"question": {"analysis": "count", "parameters": {"by": "arm"}, "where": None}}, "no parameter 'by'"),
        ({"rules": {"min_cel": 3}}, "unknown rule"),
        ({"rules": {"min_cell": 1}}, "at least 3"),
    ],
)
def test_a_manifest_with_anything_changed_is_refused(fields, text):
    network, north = formed()
    with pytest.raises(sc.InvalidRequest, match=text):
        north.answer("consider", changed(manifest(network), **fields))


def test_a_way_to_add_that_its_own_rules_do_not_list_is_refused_whatever_network_was_formed():
    network, north = formed()
    north._rules = sc.Rules(sums=("committee",))
    with pytest.raises(sc.DisclosureRefused, match="rule 'sums' does not list 'pairwise'"):
        north.answer("consider", manifest(network))


@pytest.mark.parametrize(
    ("told", "pinned"),
    [(Paillier(b"m" * 256), Paillier(b"n" * 256)), (Committee(NAMES, honest_coordinator=True), Committee(NAMES))],
    ids=["paillier", "committee"],
)
def test_a_manifest_under_another_key_or_quorum_is_refused(told, pinned):
    network, _ = formed()
    this = Manifest.decode(manifest(network), network._enrolment)
    proposed = replace(this, enrolment=replace(this.enrolment, setting=told)).encode()
    with pytest.raises(sc.InvalidRequest, match="way to add"):
        Manifest.decode(proposed, replace(this.enrolment, setting=pinned))


def test_bytes_that_are_no_manifest_are_refused():
    _, north = formed()
    with pytest.raises(sc.InvalidRequest, match="not valid msgpack"):
        north.answer("consider", b"\xc1")


def test_rules_laxer_than_its_own_are_refused_whatever_the_coordinator_says():
    network, north = formed(rules={"min_cell": 20})
    lax = changed(manifest(network), rules=dict(sorted(sc.Rules(min_cell=10).to_plain().items())))
    with pytest.raises(sc.DisclosureRefused, match="laxer than an institution's own"):
        north.answer("consider", lax)


@pytest.mark.parametrize("where", ["arm = 'a'", "age < 42", None])
def test_a_coordinator_cannot_search_for_the_size_of_a_cohort_by_offering_less_room(where):
    network, north = formed()
    honest = manifest(network, where=where)
    rules = msgpack.unpackb(honest)["rules"]
    for room in (1, 5, 10, 20, rules["max_records"] - 1):
        with pytest.raises(sc.DisclosureRefused, match="less room than an institution's own"):
            north.answer("consider", changed(honest, rules=rules | {"max_records": room}))


def test_an_institution_takes_no_part_in_what_it_has_not_considered():
    network, north = formed()
    with pytest.raises(sc.DisclosureRefused, match="'north' has not agreed"):
        north.part(manifest(network))


def test_a_question_considered_once_is_answered_once():
    network, north = formed()
    encoded = manifest(network)
    north.answer("consider", encoded)
    north.part(encoded).close()
    with pytest.raises(sc.DisclosureRefused, match="has not agreed"):
        north.part(encoded)


def test_the_same_manifest_does_not_run_twice():
    network, _ = formed()
    encoded = manifest(network)
    parties = (*NAMES, "coordinator", "collector")
    for _ in range(2):
        network.fabric.ask_all(NAMES, "consider", encoded)
    network.fabric.run("pairwise sum", parties, encoded)
    network.fabric.ask_all(NAMES, "consider", encoded)
    with pytest.raises(sc.InvalidRequest, match="A session runs once"):
        network.fabric.run("pairwise sum", parties, encoded)


def test_keys_are_pinned_once():
    network, north = formed()
    with pytest.raises(sc.InvalidRequest, match="enrolled already"):
        north.answer("enrol", network._enrolment.to_plain())


def test_an_enrolment_with_another_key_under_its_name_is_refused():
    fresh = Institution("north", TABLE)
    enrolment = Enrolment(fresh._records.dictionary, dict.fromkeys(NAMES, bytes(32)), "coordinator", "collector")
    with pytest.raises(sc.InvalidRequest, match="another identity key for 'north'"):
        fresh.answer("enrol", enrolment.to_plain())


def test_the_largest_value_cannot_be_searched_for_by_enrolling_with_one_range_after_another():
    fresh = Institution("north", TABLE)
    identities = {"north": fresh.answer("introduce", None)["identity"], "east": bytes(32), "west": bytes(32)}

    def enrol(high):
        columns = tuple(replace(c, high=high) if c.name == "age" else c for c in fresh._records.dictionary.columns)
        fresh.answer("enrol", Enrolment(Dictionary(columns), identities, "coordinator", "collector").to_plain())

    with pytest.raises(sc.InvalidRequest, match="outside its declared range"):
        enrol(58)
    with pytest.raises(sc.InvalidRequest, match="held against another dictionary"):
        enrol(59)


def test_nothing_is_considered_before_enrolment():
    network, _ = formed()
    with pytest.raises(sc.InvalidRequest, match="in no network yet"):
        Institution("north", TABLE).answer("consider", manifest(network))


@pytest.mark.parametrize("request_", ["records", "__class__", "dump"])
def test_other_requests_do_not_exist(request_):
    network, north = formed()
    with pytest.raises(sc.InvalidRequest, match="is not asked"):
        north.answer(request_, None)
    for role in ("coordinator", "collector"):
        with pytest.raises(sc.InvalidRequest, match="is not asked"):
            network.fabric.ask(role, request_)


def test_what_an_institution_says_of_itself_holds_no_count_and_no_record():
    _, north = formed()
    introduced = north.answer("introduce", None)
    assert set(introduced) == {"identity", "dictionary", "rules"}
    assert "20" not in str(introduced["dictionary"])


def test_questions_that_never_run_are_forgotten():
    network, north = formed()
    first = manifest(network)
    north.answer("consider", first)
    for _ in range(CONSIDERED_MOST):
        north.answer("consider", manifest(network))
    with pytest.raises(sc.DisclosureRefused):
        north.part(first)


def test_an_institution_shows_its_name_only_and_does_not_travel():
    _, north = formed()
    assert repr(north) == "Institution('north')"
    for deed in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            deed(north)


def test_a_manifest_decodes_to_itself():
    network, _ = formed()
    encoded = manifest(network, where="age > 50")
    decoded = Manifest.decode(encoded, network._enrolment)
    assert decoded.encode() == encoded
    assert decoded.question.where == "age > 50"


def test_two_runs_of_one_question_have_one_plan_and_two_manifests():
    network, _ = formed()
    one, other = (Manifest.decode(manifest(network), network._enrolment) for _ in range(2))
    assert one.plan == other.plan
    assert one.encode() != other.encode()


def test_a_plan_is_of_the_sum_whatever_network_it_is_asked_in():
    network, _ = formed()
    this = Manifest.decode(manifest(network, where="age > 50"), network._enrolment)
    enrolment = this.enrolment
    wider = Dictionary((sc.Column("age", "integer", low=0, high=999), sc.Column("b", "number", low=0, high=1)))
    committee = replace(enrolment, setting=Committee(NAMES))
    smaller = replace(enrolment, identities={n: k for n, k in enrolment.identities.items() if n != "west"})
    for other in (replace(enrolment, dictionary=wider), committee, smaller):
        assert replace(this, enrolment=other).plan == this.plan
    assert replace(this, rules=sc.Rules(min_cell=20, max_records=99)).plan == this.plan
    assert this.columns == ("age",)
    for parameters in ({}, {"where": "age > 51"}):
        assert Manifest.decode(manifest(network, **parameters), enrolment).plan != this.plan


def test_the_coordinators_view_is_kept_only_when_asked_for():
    recipes = {n: Recipe(Institution, {"name": n, "source": TABLE}) for n in NAMES}
    recipes |= {"coordinator": Recipe(Coordinator, {"keep_view": True}), "collector": Recipe(Collector)}
    network = Network(InProcess(recipes, randomness=SeededRandomness(1)), NAMES, None)
    network.study("s").count()
    first = network.fabric.ask("coordinator", "view")
    network.study("s").count()
    second = network.fabric.ask("coordinator", "view")
    assert set(first) == set(NAMES)
    assert all(first[name] != second[name] for name in NAMES)
    plain, _ = formed()
    plain.study("s").count()
    assert plain.fabric.ask("coordinator", "view") == {}
