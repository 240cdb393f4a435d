"""Lists of common patients in a network: by Python's sets, who is told, what is refused, and what is lost."""

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import securecompute as sc
from securecompute.engine.faults import Faults
from securecompute.errors import BadFrame, PeerLost
from tests.hospitals import DICTIONARY, LISTS, NAMES, expected, hospitals, listed, software, table

TWO = ("vole", "iknp", "oprf")
PATIENTS = st.lists(st.none() | st.integers(0, 12), max_size=16)  # of a small world, so that sets meet
THREE = {"Mayo": range(10), "Duke": range(4, 20), "Yale": range(6)}


@pytest.fixture(scope="module", autouse=True)
def _warm():
    with hospitals({name: list(own) for name, own in THREE.items()}) as network:
        for protocol in TWO:
            network._prepare(["Mayo"], protocol)
        network._prepare(["Mayo"], "star")


@pytest.fixture(scope="module")
def small():
    with hospitals(THREE) as network:
        yield network


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


def test_a_cohort_of_who_alone_is_told_chooses_whose_records_are_compared():
    with hospitals(THREE) as network:
        network.intersect("Duke", "Mayo", on="mrn", to="Mayo", where={"Mayo": "age >= 5"})
        assert listed(network, "Mayo") == [5, 6, 7, 8, 9]
        network.intersect(*THREE, on="mrn", to="Yale", where={"Yale": "age < 5", "Duke": None})
        assert listed(network, "Yale") == [4]


def test_a_receipt_says_who_was_told_and_no_number_of_patients():
    with hospitals(THREE) as network:
        receipt = network.intersect("Mayo", "Duke", on="mrn", to="Mayo")
        (told,) = software(network, "Mayo").lists
    first, where, second, third = str(receipt).splitlines()
    assert first == f"Mayo was told which of its patients Duke knows too: list {told.name}"
    assert where.strip() == receipt.place("Mayo")
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
    "nobody": ({"to": []}, "nobody would be told the list; name an institution, to='Mayo'"),
    "no names": ({"to": None}, "to= names who is told, to='Mayo', or a list of names; this is a NoneType"),
    "names of no kind": ({"to": [3]}, "to= names who is told"),
    "a name in bytes": ({"to": b"Mayo"}, "this is a bytes"),
    "one twice": ({"to": ["Mayo", "Mayo"]}, "names an institution twice; once is enough"),
    "a misspelt one": ({"to": "Moyo"}, "'Moyo' takes no part.*; did you mean 'Mayo'"),
    "a stranger": ({"to": "Yale"}, "'Yale' takes no part, so it cannot be told a list of its patients"),
    "the researcher": ({"to": "collector"}, "'collector' takes no part"),
    "no protocol": ({"protocol": "magic"}, "there is no protocol 'magic' for lists; there are vole, iknp, oprf, star"),
    "too few": ({"protocol": "star"}, "'star' is for three institutions or more, vole, iknp, oprf are for two"),
    "no column": (
        {"on": "mnr"},
        "there is no column 'mnr' at 'Mayo' and 'Duke'; did you mean 'mrn'",
    ),
    "no key": ({"on": []}, "at least one field"),
    "a key of no kind": ({"on": 3}, "a key is given by its fields"),
    "no cohort": ({"where": {"Mayo": "height > 3"}}, "'Mayo': .*height"),
    "an empty cohort": ({"where": {"Mayo": ""}}, "'Mayo': .*cohort"),
    "a cohort of no kind": ({"where": {"Mayo": 3}}, "the cohort of 'Mayo' is a condition in words"),
    "a cohort of a stranger": (
        {"where": {"Yale": "age > 3"}},
        "'Yale' takes no part, so it has no cohort in this list",
    ),
    "a cohort of nobody": ({"where": {"Moyo": "age > 3"}}, "'Moyo' takes no part.*; did you mean 'Mayo'"),
    "a cohort of all": ({"where": "age > 3"}, r"one cohort for all would tell.*where=\{'Mayo': \.\.\.\}$"),
    "cohorts of no kind": ({"where": ["age > 3"]}, r"where=\{'Mayo': \.\.\.\}"),
    "a cohort of all, told to two": (
        {"where": "age > 3", "to": ["Duke", "Mayo"]},
        r"where=\{'Duke': \.\.\.\} and to='Duke' alone",
    ),
    "another's cohort": (
        {"where": {"Duke": "age > 3"}},
        r"a cohort at 'Duke' would tell 'Mayo' who is in it; leave it out there\. 'Mayo' may choose its own records: "
        r"where=\{'Mayo': \.\.\.\}",
    ),
    "both cohorts": ({"where": {"Mayo": "age > 3", "Duke": "age > 3"}}, "a cohort at 'Duke' would tell 'Mayo'"),
    "a cohort that another one who is told would learn of": (
        {"where": {"Mayo": "age > 3"}, "to": ["Mayo", "Duke"]},
        "a cohort at 'Mayo' would tell 'Duke' who is in it; leave it out, or ask for a list to 'Mayo' alone",
    ),
}
NOT_INSTITUTIONS = {
    "in a list": ((["Mayo", "Duke"],), r"named one after the other: intersect\('Mayo', 'Duke', "),
    "a misspelt one": (("Mayo", "Dukes"), "there is no institution 'Dukes'; did you mean 'Duke'"),
    "a misspelt one who would be told": (("mayo", "Duke"), "there is no institution 'mayo'; did you mean 'Mayo'"),
    "one twice": (("Mayo", "Mayo"), "two institutions or more are compared, each named once; 'Mayo' is named twice"),
    "one": (("Mayo",), "only 'Mayo' is named"),
    "none": ((), "none is named"),
    "the collector": (("Mayo", "collector"), "there is no institution 'collector'"),
}


@pytest.mark.parametrize(("asked", "text"), NOTHING.values(), ids=NOTHING)
def test_what_cannot_be_asked_is_an_error_with_a_remedy(small, asked, text):
    for ask in (small.intersect, small.explain_intersect):
        with pytest.raises(sc.InvalidRequest, match=text):
            ask("Mayo", "Duke", **{"on": "mrn", "to": "Mayo"} | asked)
    assert listed(small, "Mayo") is None


@pytest.mark.parametrize(("names", "text"), NOT_INSTITUTIONS.values(), ids=NOT_INSTITUTIONS)
def test_institutions_are_named_one_after_the_other_and_once(small, names, text):
    with pytest.raises(sc.InvalidRequest, match=text):
        small.intersect(*names, on="mrn", to="Mayo")


def test_three_institutions_have_a_protocol_of_their_own(small):
    with pytest.raises(sc.InvalidRequest, match="vole, iknp, oprf are for two"):
        small.intersect(*THREE, on="mrn", to="Mayo", protocol="vole")


def test_a_column_that_only_one_has_is_named_with_who_lacks_it():
    tables = {name: table(own) for name, own in THREE.items()}
    tables["Mayo"] = tables["Mayo"].append_column("ssn", tables["Mayo"]["mrn"])
    with sc.Network.simulate(tables, fabric="in-process", rules=LISTS, quiet=True) as network:
        with pytest.raises(sc.InvalidRequest, match="there is no column 'ssn' at 'Duke'; 'Mayo' has it"):
            network.intersect("Mayo", "Duke", on=["mrn", "ssn"], to="Mayo")
        network.intersect("Mayo", "Duke", on="mrn", to="Mayo", where={"Mayo": "ssn <> 'patient 4'"})
        assert listed(network, "Mayo") == [5, 6, 7, 8, 9]
        with pytest.raises(sc.InvalidRequest, match=r"'Duke': .*'ssn'"):
            network.intersect("Mayo", "Duke", on="mrn", to="Duke", where={"Duke": "ssn is null"})


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
            network.intersect("Mayo", "Duke", on="mrn", to="Mayo", where={"Mayo": "age < 5"})


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


def test_no_list_over_a_cohort_of_another_institution_reads_its_column():
    """Seven cohorts would read an age of each patient; none of them is compared, and no software is even asked."""
    with hospitals(THREE) as network:
        asked, ask = [], network.fabric.ask
        network.fabric.ask = lambda *given: asked.append(given) or ask(*given)
        for bit in (1, 2, 4, 8, 16, 32, 64):
            ranges = [f"age between {low} and {low + bit - 1}" for low in range(bit, 128, 2 * bit)]
            cohort = " or ".join(ranges)
            for where, to in ((cohort, "Mayo"), ({"Duke": cohort}, "Mayo"), ({"Duke": cohort}, ["Duke", "Mayo"])):
                with pytest.raises(sc.InvalidRequest, match="would tell"):
                    network.intersect("Mayo", "Duke", on="mrn", to=to, where=where)
            with pytest.raises(sc.InvalidRequest, match="a cohort at 'Duke' would tell 'Mayo' who is in it"):
                network.intersect(*THREE, on="mrn", to="Mayo", where={"Duke": cohort})
        assert asked == []
        assert listed(network, "Mayo") is listed(network, "Duke") is None


def test_who_invents_records_reads_a_field_of_the_key():
    """A record for each patient and age, of which Duke's is the common one; the rule 'keys' stops it."""
    duke, ages = table(range(20, 30)), list(range(20))
    invented = pa.table({"mrn": [f"patient {k}" for k in range(20, 30) for _ in ages], "age": 10 * ages})
    tables = {"Mayo": invented, "Duke": duke, "Yale": table([])}
    told = {"fabric": "in-process", "dictionary": DICTIONARY, "quiet": True}
    with sc.Network.simulate(tables, rules=LISTS, **told) as network:
        network.intersect("Mayo", "Duke", on=["mrn", "age"], to="Mayo")
        places = listed(network, "Mayo")
    read = {invented["mrn"][k].as_py(): invented["age"][k].as_py() for k in places}
    assert read == dict(zip(duke["mrn"].to_pylist(), duke["age"].to_pylist(), strict=True))
    rules = {"Duke": sc.Rules(linkage="lists", keys=("mrn",))}
    with (
        sc.Network.simulate(tables, rules={name: rules.get(name, LISTS) for name in tables}, **told) as network,
        pytest.raises(sc.DisclosureRefused, match="rule 'keys' does not list 'age'"),
    ):
        network.intersect("Mayo", "Duke", on=["mrn", "age"], to="Mayo")


def test_a_key_holder_prepares_one_table_whatever_cohort_asks_it(tmp_path):
    patients = {"Mayo": range(40), "Duke": range(20, 80)}
    with hospitals(patients, state=tmp_path) as network:
        for where in (None, "age < 99", "age < 30"):
            network.intersect("Mayo", "Duke", on="mrn", to="Mayo", where={"Mayo": where}, protocol="oprf")
            assert listed(network, "Mayo") == list(range(20, 30 if where == "age < 30" else 40))
            assert len(list(tmp_path.rglob("*.table"))) == 1
