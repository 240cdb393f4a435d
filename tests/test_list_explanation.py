"""What is said of a list before it is told: its cost to the byte, who would learn what, and who would refuse."""

import inspect

import pytest

import securecompute as sc
from securecompute.errors import PeerLost
from tests.hospitals import LISTS, hospitals, listed, software

PATIENTS = {"Mayo": range(70), "Duke": range(40, 300), "Yale": range(60), "Rush": range(50, 52)}
ASKED = {
    "vole": ("Mayo", "Duke"),
    "iknp": ("Duke", "Mayo"),
    "oprf": ("Mayo", "Duke"),
    "star": ("Mayo", "Duke", "Yale"),
    None: ("Rush", "Yale", "Mayo", "Duke"),
}


@pytest.fixture(scope="module")
def network():
    with hospitals(PATIENTS) as formed:
        yield formed


def sent(network, *names, **asked):
    """A list that is told: its receipt, and institution -> payload that it sent."""
    runs, run = [], network.fabric.run
    network.fabric.run = lambda *given: runs.append(run(*given)) or runs[-1]
    receipt = network.intersect(*names, **asked)
    return receipt, {name: outcome.traffic.sent for name, outcome in runs[0].outcomes.items()}


@pytest.mark.parametrize("protocol", ASKED)
@pytest.mark.parametrize("both", [False, True])
def test_what_is_explained_before_is_what_it_takes(protocol, both):
    names = ASKED[protocol]
    asked = {"on": "mrn", "to": names[:2] if both else names[1], "protocol": protocol}
    with hospitals(PATIENTS) as network:
        explained = network.explain_intersect(*names, **asked)
        receipt, payload = sent(network, *names, **asked)
    assert (explained.rounds, explained.bytes) == (receipt.rounds, payload)
    assert (explained.protocol, explained.on) == (receipt.protocol, receipt.on)
    assert (explained.institutions, explained.receivers) == (receipt.institutions, receipt.receivers)
    assert 0 < explained.seconds < 60


def test_explaining_takes_the_arguments_of_asking():
    given, taken = (
        list(inspect.signature(each).parameters.values())
        for each in (sc.Network.intersect, sc.Network.explain_intersect)
    )
    assert taken == [each for each in given if each.name != "progress"]


def test_explaining_runs_nothing_and_prepares_nothing():
    with hospitals(PATIENTS) as network:
        network.explain_intersect("Mayo", "Duke", on="mrn", to="Duke", where={"Duke": "age > 3"}, protocol="oprf")
        assert network.fabric.views == {}
        for name in PATIENTS:
            assert not software(network, name)._considered and listed(network, name) is None
        assert not software(network, "Mayo")._tables._in_memory


def test_an_explanation_says_who_would_learn_what(network):
    two = dict(network.explain_intersect("Mayo", "Duke", on="mrn", to="Mayo").learns)
    three = dict(network.explain_intersect("Mayo", "Duke", "Yale", on="mrn", to=["Mayo", "Yale"]).learns)
    assert two["Mayo"] == (
        "which of its own patients Duke knows too; how many records are compared: at most 288 at Duke"
    )
    assert two["Duke"].startswith("nothing of which patients are common, or how many; how many records are compared: ")
    assert "not how many patients are common, nor who" in two["researcher"]
    assert "takes no part" in two["coordinator"] and "everything" in two["operator of the cluster"]
    assert three["Yale"].startswith("which of its own patients Mayo and Duke all know too; ")
    for name in ("Mayo", "Yale"):
        assert three[f"{name} and others that collude"].startswith(f"which of {name}'s patients all the remaining")
    assert not any("collude" in who for who in two)


@pytest.mark.parametrize("kept", [False, True])
def test_an_explanation_says_what_is_compared_what_it_costs_and_where_the_list_would_lie(kept, tmp_path):
    with hospitals(PATIENTS, state=tmp_path if kept else None) as network:
        explained = network.explain_intersect("Mayo", "Duke", on="mrn", to="Mayo")
    assert explained.written == (("Mayo",) if kept else ())
    first, second, third = explained.text_lines()
    assert first == "list of common patients for Mayo, by vole; compared: mrn"
    assert second.startswith(f"{explained.rounds} rounds; ") and " from Duke; about " in second
    place = "as a file in the folder of its state" if kept else "in memory until its software ends"
    assert third.startswith(f"Mayo would have it {place}")
    assert all(part in " ".join(str(explained).split()) for part in ("researcher", first, third))
    assert repr(explained) == str(explained)
    assert explained.to_plain()["bytes"] == explained.bytes


def test_whose_rule_would_refuse_who_is_told_is_explained_and_not_raised():
    rules = {name: sc.Rules(linkage="lists", lists_to=(other,)) for name, other in (("Duke", "Yale"), ("Yale", "Rush"))}
    with hospitals(PATIENTS, {name: rules.get(name, LISTS) for name in PATIENTS}) as network:
        explained = network.explain_intersect("Mayo", "Duke", "Yale", on="mrn", to="Mayo")
        assert [text[:40] for text in explained.refused] == ["rule 'lists_to' does not list 'Mayo'. It"] * 2
        for text in explained.refused:
            assert f"would be refused: {text}" in explained.text_lines()
        with pytest.raises(sc.DisclosureRefused) as refused:
            network.intersect("Mayo", "Duke", "Yale", on="mrn", to="Mayo")
        assert str(refused.value).splitlines() == list(explained.refused)
        assert network.explain_intersect("Mayo", "Rush", on="mrn", to="Mayo").refused == ()


def test_who_lets_nothing_be_compared_tells_no_number_so_that_there_is_nothing_to_explain():
    with hospitals(PATIENTS, sc.Rules()) as network, pytest.raises(sc.DisclosureRefused, match="rule 'linkage'"):
        network.explain_intersect("Mayo", "Duke", on="mrn", to="Mayo")


def test_what_would_stop_a_list_stops_its_explanation():
    with hospitals(PATIENTS) as network:
        network.fabric.kill("Duke")
        with pytest.raises(PeerLost, match="'Duke' is gone"):
            network.explain_intersect("Mayo", "Duke", on="mrn", to="Mayo")
    with pytest.raises(sc.InvalidRequest, match="the network is closed"):
        network.explain_intersect("Mayo", "Duke", on="mrn", to="Mayo")


def test_the_numbers_explained_say_nothing_of_who_is_common_or_in_the_cohort():
    def told(mine, where=None):
        with hospitals({"Mayo": mine, "Duke": range(40)}) as network:
            return network.explain_intersect("Mayo", "Duke", on="mrn", to="Mayo", where=where).to_plain()

    assert told(range(40)) == told(range(100, 140)) == told(range(40), {"Mayo": "age < 3"})
