"""Lists of common patients in a network: by Python's sets, who is told, what is refused, and what is lost."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import securecompute as sc
from securecompute.engine.faults import Faults
from securecompute.errors import BadFrame, PeerLost
from tests.hospitals import LISTS, NAMES, expected, hospitals, listed, software

TWO = ("vole", "iknp", "oprf")
PATIENTS = st.lists(st.none() | st.integers(0, 12), max_size=16)  # of a small world, so that sets meet
THREE = {"Mayo": range(10), "Duke": range(4, 20), "Yale": range(6)}


@pytest.fixture(scope="module", autouse=True)
def _warm():
    with hospitals({name: list(own) for name, own in THREE.items()}) as network:
        for protocol in TWO:
            network._prepare(["Mayo"], protocol)
        network._prepare(["Mayo"], "star")


@pytest.mark.parametrize("protocol", TWO)
@given(one=PATIENTS, other=PATIENTS)
@example(one=[], other=[])
@example(one=[1, 2, 3], other=[])
@example(one=[], other=[1, 2, 3])
@example(one=[3, 1, 2], other=[1, 2, 3])
@example(one=[None, None], other=[None])
@example(one=[4, 4, None, 4], other=[5, 4, 4])
@settings(max_examples=3)
def test_the_receiver_is_told_which_of_its_patients_the_other_knows(protocol, one, other):
    patients = {"Mayo": one, "Duke": other}
    with hospitals(patients) as network:
        network.intersect("Mayo", "Duke", on="mrn", to="Mayo", protocol=protocol)
        assert listed(network, "Mayo") == expected(patients, "Mayo")
        assert listed(network, "Duke") is None


@given(st.lists(PATIENTS, min_size=3, max_size=5), st.data())
@example([[1, 2, 3], [3, 2, 1], [2, 1, 3]], None)
@example([[1, 2], [], [2, 1], [1]], None)
@settings(max_examples=4)
def test_of_three_institutions_or_more_each_receiver_is_told_whom_all_know(sets, data):
    patients = dict(zip(NAMES, sets, strict=False))
    names = st.lists(st.sampled_from(list(patients)), min_size=1, unique=True)
    receivers = ["Duke"] if data is None else data.draw(names)
    with hospitals(patients) as network:
        receipt = network.intersect(*patients, on="mrn", to=receivers)
        told = {name: listed(network, name) for name in patients}
    assert receipt.protocol == "star"
    assert set(receipt.receivers) == set(receivers)
    assert told == {name: expected(patients, name) if name in receivers else None for name in patients}


@pytest.mark.parametrize("protocol", TWO)
def test_both_may_be_told_each_of_its_own(protocol):
    patients = {"Mayo": [5, 6, 7, 8, 8], "Duke": [9, 8, None, 7, 6, 6]}
    with hospitals(patients) as network:
        receipt = network.intersect("Mayo", "Duke", on="mrn", to=["Duke", "Mayo"], protocol=protocol)
        assert {name: listed(network, name) for name in patients} == {"Mayo": [1, 2, 3], "Duke": [1, 3, 4]}
    assert receipt.receivers == ("Mayo", "Duke")


def test_two_of_three_are_compared_and_the_third_hears_of_nothing():
    with hospitals(THREE) as network:
        network.intersect("Duke", "Mayo", on="mrn", to="Mayo")
        assert listed(network, "Mayo") == [4, 5, 6, 7, 8, 9]
        assert set(network.fabric.views) == {"Mayo", "Duke"}
        assert not software(network, "Yale")._considered


def test_cohorts_choose_whose_records_are_compared():
    with hospitals(THREE) as network:
        network.intersect("Duke", "Mayo", on="mrn", to="Mayo", where={"Mayo": "age >= 5", "Duke": "age < 4"})
        assert listed(network, "Mayo") == [5, 6, 7]


def test_a_receipt_says_who_was_told_and_no_number_of_patients():
    with hospitals(THREE) as network:
        receipt = network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        (told,) = software(network, "Mayo").lists
    first, second, third = str(receipt).splitlines()
    assert first == f"Mayo was told which of its patients Duke knows too: list {told.name}"
    assert second == "Nobody else was told anything, and how many they are nobody else knows."
    assert third.startswith("simulation, one trust domain; compared: mrn; vole, 4 rounds, ")
    assert repr(receipt) == str(receipt)


@pytest.mark.parametrize("protocol", [*TWO, "star"])
def test_rounds_and_bytes_are_the_same_whoever_matches(protocol):
    def cost(mine):
        patients = {"Mayo": mine, "Duke": range(40), "Yale": range(40)}
        with hospitals(patients) as network:
            names = list(patients) if protocol == "star" else ["Mayo", "Duke"]
            receipt = network.intersect(*names, on="mrn", to="Mayo", protocol=protocol)
        return receipt.rounds, receipt.bytes

    assert cost(range(40)) == cost(range(100, 140)) == cost([])


NOTHING = {
    "nobody": ({"to": []}, "nobody would be told the list"),
    "a stranger": ({"to": "Yale"}, "'Yale' takes no part, so it cannot be told a list of its patients"),
    "the researcher": ({"to": "collector"}, "'collector' takes no part"),
    "no protocol": ({"protocol": "magic"}, "there is no protocol 'magic' for lists; there are vole, iknp, oprf, star"),
    "too few": ({"protocol": "star"}, "'star' is for three institutions or more, vole, iknp, oprf are for two"),
    "no column": ({"on": "mnr"}, "did you mean 'mrn'"),
    "no cohort": ({"where": "height > 3"}, "height"),
}


@pytest.mark.parametrize(("asked", "text"), NOTHING.values(), ids=NOTHING)
def test_what_cannot_be_asked_is_an_error_with_a_remedy(asked, text):
    with hospitals(THREE) as network:
        with pytest.raises(sc.InvalidRequest, match=text):
            network.intersect("Mayo", "Duke", **{"on": "mrn", "to": "Mayo"} | asked)
        with pytest.raises(sc.InvalidRequest, match="vole, iknp, oprf are for two"):
            network.intersect(*THREE, on="mrn", to="Mayo", protocol="vole")
        with pytest.raises(sc.InvalidRequest, match="two institutions or more are compared, each named once"):
            network.intersect("Mayo", "Mayo", on="mrn", to="Mayo")
        assert listed(network, "Mayo") is None


REFUSED = {
    "counts": (
        sc.Rules(),
        "rule 'linkage' is 'counts', and records would be linked for 'lists'. Ask the stewards whether they allow it.",
    ),
    "arrays": (
        sc.Rules(linkage="arrays"),
        "rule 'linkage' is 'arrays', and records would be linked for 'lists'. Ask the stewards whether they allow it.",
    ),
    "receiver": (
        sc.Rules(linkage="lists", lists_to=("Yale",)),
        "rule 'lists_to' does not list 'Mayo'. It lists Yale; ask the stewards to list it.",
    ),
    "columns": (
        sc.Rules(linkage="lists", columns=("age",)),
        "linkage: rule 'columns' does not list 'mrn'. Leave it out, also from the cohort, or ask the stewards to "
        "list it.",
    ),
}


@pytest.mark.parametrize(("rules", "text"), REFUSED.values(), ids=REFUSED)
def test_one_institutions_rule_refuses_for_all_and_is_named(rules, text):
    with hospitals(THREE, {name: rules if name == "Duke" else LISTS for name in THREE}) as network:
        with pytest.raises(sc.DisclosureRefused) as refused:
            network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        assert str(refused.value) == text
        assert listed(network, "Mayo") is None


def test_an_institution_that_lists_other_analyses_takes_no_part():
    rules = {"Mayo": LISTS, "Duke": sc.Rules(linkage="lists", analyses=("count",))}
    with hospitals(THREE, rules) as network, pytest.raises(sc.DisclosureRefused, match="rule 'analyses'"):
        network.intersect("Mayo", "Duke", on="mrn", to="Mayo")


def test_a_column_of_the_cohort_is_held_against_the_rule_too():
    with hospitals(THREE, sc.Rules(linkage="lists", columns=("mrn",))) as network:
        network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        with pytest.raises(sc.DisclosureRefused, match="rule 'columns' does not list 'age'"):
            network.intersect("Mayo", "Duke", on="mrn", to="Mayo", where={"Duke": "age < 5"})


def test_the_rules_of_who_takes_no_part_do_not_matter():
    with hospitals(THREE, {name: sc.Rules() if name == "Yale" else LISTS for name in THREE}) as network:
        network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        assert len(listed(network, "Mayo")) == 6


def test_an_institution_may_be_told_without_a_rule_that_lists_itself():
    with hospitals(THREE, sc.Rules(linkage="lists", lists_to=("Mayo",))) as network:
        network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        with pytest.raises(sc.DisclosureRefused, match="'lists_to' does not list 'Duke'"):
            network.intersect("Mayo", "Duke", on="mrn", to=["Mayo", "Duke"])


def test_a_list_has_no_smallest_length_for_it_names_patients_one_by_one():
    with hospitals({"Mayo": [1, 2], "Duke": [2]}, sc.Rules(linkage="lists", min_cell=50)) as network:
        network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        assert listed(network, "Mayo") == [1]


WHOLE = {protocol: [4, 5, 6, 7, 8, 9] for protocol in TWO} | {"star": [4, 5]}


def ask(network, protocol):
    names = THREE if protocol == "star" else ("Mayo", "Duke")
    return network.intersect(*names, on="mrn", to="Mayo", protocol=protocol)


@pytest.mark.parametrize("protocol", WHOLE)
@pytest.mark.parametrize("seed", range(2))
def test_faults_that_can_be_cured_leave_the_list_exact(protocol, seed):
    with hospitals(THREE) as network:
        network.fabric.network = Faults(seed, drop=0.1, duplicate=0.1, reorder=0.1, replay=0.1, delay=0.05)
        ask(network, protocol)
        assert listed(network, "Mayo") == WHOLE[protocol]


@pytest.mark.parametrize("protocol", WHOLE)
@pytest.mark.parametrize("seed", range(2))
def test_a_frame_that_was_changed_ends_the_session_or_changes_nothing(protocol, seed):
    with hospitals(THREE) as network:
        network.fabric.network = Faults(seed, corrupt=0.2)
        try:
            ask(network, protocol)
            assert listed(network, "Mayo") == WHOLE[protocol]
        except (BadFrame, sc.PeerSilent):
            assert listed(network, "Mayo") is None


@pytest.mark.parametrize("protocol", WHOLE)
@pytest.mark.parametrize("who", ["Mayo", "Duke"])
@pytest.mark.parametrize("frame", [0, 1, 3, 5])
def test_whoever_dies_there_is_the_whole_list_or_an_error_and_none(protocol, who, frame):
    with hospitals(THREE) as network:
        network.fabric.network = Faults(0, kill={who: (frame, "before")})
        try:
            ask(network, protocol)
            assert listed(network, "Mayo") == WHOLE[protocol]
        except PeerLost as lost:
            assert f"'{who}'" in str(lost)
            assert listed(network, "Mayo") is None
        if frame == 0:
            assert listed(network, "Mayo") is None


def test_kernels_are_loaded_at_those_who_take_part_before_the_session_and_once(monkeypatch):
    with hospitals(THREE, sc.Rules(linkage="lists", min_cell=3)) as network:
        asked = []
        ask_all = network.fabric.ask_all

        def heard(parties, request, payload=None):
            asked.extend((party, request, payload) for party in parties if request == "prepare")
            return ask_all(parties, request, payload)

        monkeypatch.setattr(network.fabric, "ask_all", heard)
        ask(network, "vole")
        ask(network, "vole")
        assert asked == [("Mayo", "prepare", "vole"), ("Duke", "prepare", "vole")]
        asked.clear()
        network.link("Mayo", "Duke", on="mrn").matched.sum().explain()
        assert [(party, what) for party, _, what in asked if what] == [("Mayo", "linkage"), ("Duke", "linkage")]
        for unknown in ("everything", 3, ["vole"]):
            with pytest.raises(sc.InvalidRequest, match="there are no kernels for"):
                network.fabric.ask("Mayo", "prepare", unknown)


def test_an_institution_that_is_gone_is_named():
    with hospitals(THREE) as network:
        network.fabric.kill("Duke")
        with pytest.raises(PeerLost, match="'Duke' is gone"):
            network.intersect("Mayo", "Duke", on="mrn", to="Mayo")


def test_a_closed_network_compares_nothing():
    with hospitals(THREE) as network:
        pass
    with pytest.raises(sc.InvalidRequest, match="the network is closed"):
        network.intersect("Mayo", "Duke", on="mrn", to="Mayo")


def test_lists_over_cohorts_of_another_institution_read_its_column():
    """No rule stops this but 'columns': every bit of the age at Duke, of each patient whom Mayo knows too."""
    patients = {"Mayo": list(range(40)), "Duke": list(range(20, 80))}
    ages = dict.fromkeys(range(20, 40), 0)
    with hospitals(patients) as network:
        for bit in (1, 2, 4, 8, 16, 32, 64):
            ranges = [f"age between {low} and {low + bit - 1}" for low in range(bit, 128, 2 * bit)]
            network.intersect("Mayo", "Duke", on="mrn", to="Mayo", where={"Duke": " or ".join(ranges)})
            for place in listed(network, "Mayo"):
                ages[patients["Mayo"][place]] += bit
    assert ages == {patient: patients["Duke"].index(patient) % 100 for patient in ages}


def test_only_the_table_of_all_records_is_kept_so_that_no_time_tells_whether_two_cohorts_are_the_same(tmp_path):
    patients = {"Mayo": range(40), "Duke": range(20, 80)}
    with hospitals(patients, state=tmp_path) as network:
        for where, kept in ((None, 1), ("age < 99", 1), ("age < 99 or mrn = 'patient 9'", 1), (None, 1)):
            asked = {"Duke": where} if where else None
            network.intersect("Mayo", "Duke", on="mrn", to="Mayo", where=asked, protocol="oprf")
            assert listed(network, "Mayo") == list(range(20, 40))
            assert len(list(tmp_path.rglob("*.table"))) == kept
