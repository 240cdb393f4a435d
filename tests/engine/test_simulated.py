"""The simulated network: the same seed gives the same run, every fault does what it says, and nothing hangs."""

import pytest

from securecompute.engine import simulated
from securecompute.engine.faults import Faultless, Faults
from securecompute.engine.rounds import Bytes, BytesUpTo, Round
from securecompute.engine.runner import Limits
from securecompute.engine.session import open_session
from securecompute.engine.simulated import simulate
from securecompute.engine.wire import DATA, parse_frame
from securecompute.errors import AbortCode, InternalFault, PeerLost, PeerSilent
from securecompute.primitives.keys import AgreementKey
from tests.seeded import SeededRandomness

NAMES = ("a", "b", "c")
KEYS = {p: AgreementKey.generate(SeededRandomness(p)) for p in NAMES}
SESSION = open_session("talk", {p: key.public for p, key in KEYS.items()}, b"m")


def exchange(me, rounds, size=3):
    """Send everybody bytes in every round; return what came, round by round."""
    others = [p for p in NAMES if p != me]
    heard = []
    for k in range(rounds):
        inbox = yield Round({p: f"{me}{p}{k}".encode()[:size] for p in others}, dict.fromkeys(others, BytesUpTo(size)))
        heard.append(b" ".join(inbox[p] for p in others).decode())
    return heard


def run(network=None, rounds=5, limits=None, notice=None):
    return simulate(SESSION, {p: exchange(p, rounds) for p in NAMES}, KEYS, network, limits, notice)


EXPECTED = {
    me: [" ".join(f"{p}{me}{k}" for p in NAMES if p != me) for k in range(5)] for me in NAMES
}  # what `exchange` hears

HARSH = {"drop": 0.2, "duplicate": 0.2, "reorder": 0.2, "replay": 0.2, "delay": 0.05}


def values(result):
    return {p: outcome.value for p, outcome in result.outcomes.items()}


def test_without_faults_every_frame_takes_its_latency():
    result = run(Faultless(latency=0.5))
    assert values(result) == EXPECTED
    assert result.seconds == pytest.approx(5 * 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_gives_the_same_run_to_the_byte(seed):
    one, other = run(Faults(seed, **HARSH)), run(Faults(seed, **HARSH))
    assert one.frames == other.frames and one.seconds == other.seconds
    assert values(one) == values(other) == EXPECTED


def test_another_seed_gives_another_run():
    assert run(Faults(1, **HARSH)).frames != run(Faults(2, **HARSH)).frames


def test_views_are_what_the_parts_received():
    result = run()
    assert result.views["a"] == {(k, p): f"{p}a{k}".encode() for k in range(5) for p in "bc"}


def carried(network, frame=b"frame", n=2000, pair=("a", "b")):
    return [network.carry(*pair, frame, 0.0) for _ in range(n)]


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_frames_are_dropped_duplicated_corrupted_and_reordered_as_often_as_said(rate):
    dropped = carried(Faults(0, drop=rate))
    assert sum(not arrivals for arrivals in dropped) / 2000 == pytest.approx(rate, abs=0.05)
    twice = carried(Faults(0, duplicate=rate))
    assert sum(len(arrivals) == 2 for arrivals in twice) / 2000 == pytest.approx(rate, abs=0.05)
    changed = carried(Faults(0, corrupt=rate))
    assert sum(frame != b"frame" for [(_, frame)] in changed) / 2000 == pytest.approx(rate, abs=0.05)
    late = carried(Faults(0, reorder=rate))
    assert sum(after > 0.002 for [(after, _)] in late) / 2000 == pytest.approx(rate, abs=0.05)


def test_corruption_changes_one_bit():
    for [(_, frame)] in carried(Faults(0, corrupt=1.0), n=200):
        assert sum((x ^ y).bit_count() for x, y in zip(frame, b"frame", strict=True)) == 1


def test_delays_are_exponential_around_their_mean():
    after = [after for [(after, _)] in carried(Faults(0, delay=2.0))]
    assert sum(after) / len(after) == pytest.approx(2.0, rel=0.1) and max(after) > 8


def test_a_replay_is_an_earlier_frame_to_the_same_party():
    network = Faults(0, replay=1.0)
    network.carry("a", "b", b"first", 0.0)
    network.carry("a", "c", b"elsewhere", 0.0)
    assert {frame for _, frame in network.carry("c", "b", b"second", 0.0)} == {b"first", b"second"}


def test_between_a_partitioned_pair_nothing_passes_either_way_for_its_time():
    network = Faults(0, partitions=(("a", "b", 1.0, 2.0),))
    passes = [bool(network.carry(x, y, b"f", now)) for now in (0.9, 1.0, 1.9, 2.0) for x, y in ("ab", "ba", "ac")]
    assert passes == [True] * 3 + [False, False, True] * 2 + [True] * 3


@pytest.mark.parametrize(("when", "put"), [("before", 2), ("after", 3)])
def test_a_party_dies_before_or_after_its_frame(when, put):
    result = run(Faults(0, kill={"a": (2, when)}))
    assert sum(source == "a" for _, source, _, _ in result.frames) == put
    assert isinstance(result.outcomes["a"].error, PeerLost)


def test_a_death_is_noticed_by_deadlines_alone():
    result = run(Faults(0, kill={"a": (0, "before")}))
    assert {p: type(o.error) for p, o in result.outcomes.items()} == {"a": PeerLost, "b": PeerSilent, "c": PeerSilent}
    assert result.seconds == pytest.approx(30.0, abs=0.1)


def test_a_death_is_noticed_when_the_fabric_tells():
    result = run(Faults(0, kill={"a": (0, "before")}), notice=2.0)
    assert {o.error.code for o in result.outcomes.values()} == {AbortCode.PEER_LOST}
    assert result.seconds == pytest.approx(2.0, abs=0.1)


def test_a_party_that_finished_before_it_died_keeps_its_outcome():
    result = run(Faults(0, kill={"a": (12, "after")}), rounds=5)
    assert result.outcomes["a"].error is None and result.outcomes["a"].value == EXPECTED["a"]


def test_a_heal_within_the_deadline_is_not_noticed_but_in_time():
    result = run(Faults(0, partitions=(("a", "b", 0.0, 20.0),)))
    assert values(result) == EXPECTED and 20.0 < result.seconds < 25.0


def test_dropped_frames_are_sent_again_as_they_were():
    result = run(Faults(3, drop=0.3))
    data = [frame for *_, frame in result.frames if parse_frame(frame)[0].kind == DATA]
    assert values(result) == EXPECTED and len(data) > len(set(data)) == 30


def test_a_party_whose_deadline_is_missing_is_found(monkeypatch):
    monkeypatch.setattr(simulated.Runner, "due", lambda self: None)
    with pytest.raises(InternalFault, match="waits and nothing will ever come: a deadline is missing"):
        run(Faults(0, drop=1.0))


def test_parties_that_answer_each_other_for_ever_are_found(monkeypatch):
    monkeypatch.setattr(simulated, "EVENTS_MOST", 500)

    def forever(me, peer):
        while True:
            yield Round({peer: b"x"}, {peer: Bytes(1)})

    with pytest.raises(InternalFault, match="500 events and no end"):
        simulate(SESSION, {"a": forever("a", "b"), "b": forever("b", "a")}, KEYS)


def test_hours_pass_in_no_time():
    def wait():
        yield Round(expect={"b": Bytes(1)}, after=1000)

    def quiet():
        yield Round()

    result = simulate(SESSION, {"a": wait(), "b": quiet()}, KEYS, limits=Limits(session_seconds=1e5))
    assert isinstance(result.outcomes["a"].error, PeerSilent) and result.seconds > 30_000


def test_frames_to_a_party_without_a_part_are_lost_and_it_can_be_known_to_be_gone():
    def tell():
        yield Round({"c": b"x"}, {"c": Bytes(1)})

    parts = lambda: {"a": tell(), "b": exchange("b", 0)}  # noqa: E731
    assert isinstance(simulate(SESSION, parts(), KEYS).outcomes["a"].error, PeerSilent)
    told = simulate(SESSION, parts(), KEYS, gone=["c"])
    assert isinstance(told.outcomes["a"].error, PeerLost) and told.seconds < 1
