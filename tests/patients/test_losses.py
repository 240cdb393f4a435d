"""A compute party that is lost: questions between the others fail too, and the error says why and what to do."""

import pytest

import securecompute as sc
from securecompute.engine.faults import Faultless, Faults
from securecompute.errors import PeerLost
from tests.linked import hospitals, network

TABLES = hospitals({"Mayo": range(60), "Duke": range(30, 130), "Yale": range(60, 100)}, absent=0.0)
FOUR = TABLES | {"Rush": TABLES["Yale"]}
WHY = "'Yale' computes for this network: three parties do, on shares of whatever is asked"
WITH_A_HELPER = "compute=['Mayo', 'Duke', 'Registry'], helpers=['Registry']"


def overlap(net):
    return net.study("s").overlap(on="pid", between=["Mayo", "Duke"])


def explained(net):
    return net.study("s").explain("overlap", on="pid", between=["Mayo", "Duke"])


def linked(net):
    return net.link("Mayo", "Duke", on="pid").matched.sum().reveal()


ASKED = {"a question": overlap, "an explanation": explained, "a program": linked}


@pytest.fixture
def net(dealt):
    with network(TABLES) as formed:
        yield formed


def error_of(ask, net):
    with pytest.raises(sc.PeerSilent) as caught:
        ask(net)
    return caught.value


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_lost_before_anything_is_prepared(net, ask):
    net.fabric.kill("Yale")
    error = error_of(ask, net)
    assert isinstance(error, PeerLost)
    first, why = str(error).splitlines()
    assert first.startswith("'Yale' is gone")
    assert why.startswith(WHY) and why.endswith(WITH_A_HELPER)


@pytest.mark.parametrize("ask", [overlap, linked])
def test_lost_after_another_question_was_answered(net, ask):
    ask(net)
    net.fabric.kill("Yale")
    text = str(error_of(ask, net))
    assert "'Yale' is gone: its process ended before it could answer 'consider'" in text
    assert WHY in text and WITH_A_HELPER in text


@pytest.mark.parametrize("ask", [overlap, linked])
@pytest.mark.parametrize("frame", [0, 1, 5])
def test_killed_in_the_middle_of_a_session(net, ask, frame):
    net.fabric.network = Faults(0, kill={"Yale": (frame, "before")})
    error = error_of(ask, net)
    assert isinstance(error, PeerLost)
    assert "'Yale' is gone: process or link ended" in str(error)
    assert WHY in str(error) and WITH_A_HELPER in str(error)


class Mute(Faultless):
    """Nobody hears from Yale, which hears the others."""

    def carry(self, source, destination, frame, now):
        return [] if source == "Yale" else Faultless.carry(self, source, destination, frame, now)


CUT_OFF = Faults(0, partitions=tuple(("Yale", other, 0.0, 1e9) for other in ("Mayo", "Duke", "collector")))


@pytest.mark.parametrize("ask", [overlap, linked])
@pytest.mark.parametrize("silent", [CUT_OFF, Mute()], ids=["cut off", "mute"])
def test_silent_in_a_session(net, ask, silent):
    """Who gives up first may wait for one who waits itself, so all three are named."""
    net.fabric.network = silent
    first, why = str(error_of(ask, net)).splitlines()
    assert "did not answer in time" in first or "gave up waiting" in first
    assert why.startswith("'Mayo', 'Duke' and 'Yale' compute for this network, on shares of whatever is asked")
    assert why.endswith("with others, compute=[...], or a helper among them, helpers=['Registry']")


def test_what_is_said_to_do_can_be_done(dealt):
    with network(FOUR) as net:
        net.fabric.kill("Yale")
        assert "compute=['Mayo', 'Duke', 'Rush']" in str(error_of(overlap, net))
    with network(FOUR, compute=["Mayo", "Duke", "Rush"]) as again:
        again.fabric.kill("Yale")
        shared = overlap(again).common
    compute = {"compute": ["Mayo", "Duke", "Registry"], "helpers": ["Registry"]}
    with sc.Network.simulate(TABLES, fabric="in-process", quiet=True, **compute) as again:
        again.fabric.kill("Yale")
        assert overlap(again).common == shared == 30


def test_a_helper_that_is_lost_is_replaced_by_name(dealt):
    two = {name: TABLES[name] for name in ("Mayo", "Duke")}
    with network(two) as net:
        net.fabric.kill("Helper")
        text = str(error_of(overlap, net))
    assert "'Helper' computes for this network" in text
    assert text.endswith("others: compute=['Mayo', 'Duke', 'Registry'], helpers=['Registry']")


def test_two_who_are_lost_are_both_named(dealt):
    with network(TABLES) as net:
        net.fabric.kill("Yale")
        net.fabric.kill("Duke")
        text = str(error_of(overlap, net))
    assert "'Duke' and 'Yale' compute for this network" in text
    assert text.endswith("compute=['Mayo', 'Registry', 'Registry 2'], helpers=['Registry', 'Registry 2']")


def test_of_who_does_not_compute_nothing_of_that_is_said(dealt):
    with network(FOUR) as net:
        net.fabric.kill("Rush")
        assert overlap(net).common == 30
        text = str(error_of(lambda n: n.study("s").overlap(on="pid", between=["Mayo", "Rush"]), net))
    assert "'Rush' is gone" in text and "computes" not in text


@pytest.mark.parametrize("frame", [0, 1])
def test_of_who_does_not_compute_and_is_killed_in_a_session_the_others_speak(frame):
    with network(FOUR) as net:  # with conversations as they are
        net.fabric.network = Faults(0, kill={"Rush": (frame, "before")})
        text = str(error_of(lambda n: n.study("s").overlap(on="pid", between=["Rush", "Yale"]), net))
    assert "'Rush' is gone: process or link ended. Ask again without, or later" in text and "compute" not in text


def test_a_refusal_is_none_of_a_loss(dealt):
    rules = {"Duke": sc.Rules(linkage="arrays", analyses=("overlap",)), "Mayo": sc.Rules(analyses=("distinct",))}
    with network(TABLES, rules=rules) as net, pytest.raises(sc.DisclosureRefused) as refused:
        overlap(net)
    assert "computes" not in str(refused.value)


def test_no_number_of_patients_stands_in_the_error(net):
    net.fabric.network = Faults(0, kill={"Yale": (3, "before")})
    said = str(error_of(overlap, net)).split("session")[1].split(",", 1)[1]
    assert not {"30", "60", "70", "100"} & set(said.replace("'", " ").split())
