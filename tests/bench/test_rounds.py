"""The benchmark of rounds lists what it says and measures what it runs, at a size that takes no time; without Ray."""

import pytest

from bench.harness import compare
from bench.rounds import MOST_PARTIES, Talker, bare, by_hand, claims, in_lock_step, names, on, talks
from securecompute.engine.fabric import Recipe
from securecompute.engine.in_process import InProcess
from securecompute.engine.local import play


@pytest.fixture(scope="module")
def simulated():
    return InProcess({name: Recipe(Talker, {"me": name}) for name in names(3)})


def test_the_talk_sends_96_bytes_to_everybody_in_each_round():
    played = play(talks(3, 2))
    assert played.rounds == 2
    assert played.sent == dict.fromkeys(names(3), 2 * 2 * 96)


def test_generators_stepped_by_hand_come_to_the_same_end():
    parts = talks(3, 2)
    bare(parts)
    assert all(part.gi_frame is None for part in parts.values())


def test_a_measure_is_seconds_of_one_round(simulated):
    for measure in (in_lock_step(3, 2), by_hand(3, 2), on(simulated, "", 3, 2)):
        assert 0 < measure() < 1


def test_a_simulated_talk_can_be_measured_again_because_each_is_a_session_of_its_own(simulated):
    measure = on(simulated, "", 3, 2)
    assert measure() > 0
    assert measure() > 0


def test_the_rows_hold_every_budget_and_all_sizes():
    listed = claims(quick=True)
    assert [claim.other for claim in listed if claim.target] == [30e-6, 30e-6, 5e-3]
    for n in (3, 5, MOST_PARTIES):
        assert [claim.text for claim in listed if f" {n} parties" in claim.text and claim.target is None] == [
            f"{kind}, {n} parties, a round" for kind in ("lock step", "simulated", "Ray sockets")
        ]


def test_a_row_without_ray_is_built_from_its_claim():
    claim = next(claim for claim in claims(quick=True) if claim.text.startswith("lock step, 3"))
    row = compare(claim, turns=1)
    assert row.other_is == "bare generators"
    assert row.ratio == row.other / row.ours
    assert row.met is None
