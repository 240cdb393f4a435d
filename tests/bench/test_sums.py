"""The benchmark of sums: parts that are played again, rows that need nobody else to be listed, slopes that fit."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

from bench import sums
from bench.harness import compare
from bench.sums_sides import growth, ours
from bench.sums_sides.growth import Point, masking_seconds, slopes
from bench.sums_sides.others import aes_and_memory, numpy_prepare, numpy_sum
from bench.sums_sides.ours import (
    CLIP,
    COLLECTOR,
    COORDINATOR,
    SCALE,
    Case,
    Recorded,
    Rewound,
    Tape,
    from_reals,
    growing,
    names,
    per_entry,
    quantised,
    reals,
    recorded,
    whole,
    wire_bytes,
)
from securecompute.arithmetic.rings import Ring, decode

SMALL = Case("pairwise", 40, 4)


@pytest.fixture
def steps(monkeypatch):
    """A clock that only moves while a part takes a step, by one second each."""
    monkeypatch.setattr("bench.sums_sides.ours.time.thread_time", itertools.count().__next__)


@pytest.mark.parametrize("party", ["h00", "h03", COLLECTOR])
def test_a_party_played_again_takes_every_step_of_the_protocol(steps, party):
    run = recorded(SMALL)
    assert run.seconds(party) == run.seconds(party) == run.played.rounds + 1


def test_a_party_played_again_sends_what_it_sent():
    run = recorded(SMALL)
    first = next(run.part("h01", Rewound(run.tapes["h01"].drawn)))
    assert np.array_equal(first.send[COORDINATOR], run.played.views[COORDINATOR][0, "h01"])


def test_the_recorded_total_is_the_plain_total():
    run = recorded(SMALL)
    survivors, total = run.played.outputs[COLLECTOR]
    assert survivors.included == tuple(names(4))
    assert decode(Ring.Z64, total) == [4 * v for v in decode(Ring.Z64, run.x)]


def test_who_leaves_sends_no_vector_and_is_in_no_total():
    run = recorded(Case("pairwise", 40, 5, gone=1))
    survivors, _ = run.played.outputs[COLLECTOR]
    assert (survivors.shared, survivors.included) == (tuple(names(5)), tuple(names(4)))
    assert run.seconds(COLLECTOR) > 0


def test_the_first_step_is_measured_without_anybody_else(steps):
    run = Recorded(SMALL)
    assert run.first_step_seconds("h00") == 1
    assert "played" not in vars(run)


def test_a_tape_gives_the_same_bytes_again():
    tape = Tape()
    drawn = [tape.bytes(5), tape.bytes(32)]
    again = Rewound(tape.drawn)
    assert [again.bytes(5), again.bytes(32)] == drawn


def test_what_grows_is_the_whole_less_a_short_run(monkeypatch):
    monkeypatch.setattr(Recorded, "__init__", lambda self, case: setattr(self, "case", case))
    monkeypatch.setattr(Recorded, "seconds", lambda self, party: 7.0 + self.case.length)
    case = Case("none", 1000)
    assert whole(case, "h00")() == 1007.0
    assert growing(case, "h00")() == 1000.0 - ours.SHORT
    noise = iter([9.0, 0.0, 9.0, 5.0, 5.0, 0.0])
    monkeypatch.setattr(Recorded, "seconds", lambda self, party: 7.0 + self.case.length + next(noise))
    assert growing(case, "h00")() == 1000.0 - ours.SHORT  # of either run the one that nobody disturbed
    monkeypatch.setattr(Recorded, "seconds", lambda self, party: 7.0 + self.case.length)
    monkeypatch.setattr(Recorded, "first_step_seconds", lambda self, party: 3.0 + 2 * self.case.length)
    assert per_entry(case, "h00", 400)() == 2.0
    monkeypatch.setattr(ours, "cpu_timed", lambda work: lambda: 2.0)
    assert from_reals(case, "h00")() == 1000.0 - ours.SHORT + 2.0


@pytest.mark.parametrize("ring", [Ring.Z32, Ring.Z64])
def test_reals_come_back_from_the_ring_within_half_a_step_and_inside_the_bound(ring):
    x = reals(500)
    q = decode(ring, quantised(ring, x))
    assert abs(np.array(q) / 2.0 ** SCALE[ring] - x).max() <= 0.5 / 2 ** SCALE[ring]
    assert max(map(abs, q)) <= Case("pairwise", 500, ring=ring).bound == CLIP * 2 ** SCALE[ring]


def test_a_full_bound_leaves_no_room_in_the_ring():
    bound = Case("paillier", 10, 10, full=True).bound
    assert 10 * bound < 1 << 63 <= 10 * (bound + 1)


def test_sealed_frames_are_longer_than_the_vector_they_carry():
    sent = wire_bytes(SMALL, "h00")()
    assert sent == wire_bytes(SMALL, "h00")() > 40 * 8


def test_the_measures_that_need_nobody_else_take_time():
    for measure in (aes_and_memory(Ring.Z64, 3, 5000), numpy_sum(Ring.Z32, 3, 500), numpy_prepare(Ring.Z64, 500)):
        assert measure() > 0


def test_listing_the_rows_imports_no_peer_and_runs_nothing():
    code = "import sys; from bench.sums import claims; claims(True); print([m for m in sys.modules if m in PEERS])"
    peers = "PEERS = {'flwr', 'tenseal', 'phe', 'gmpy2', 'matplotlib'}; "
    told = subprocess.run([sys.executable, "-c", peers + code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_the_rows_hold_every_target():
    targets = [(claim.other_is.split(",")[0], claim.target) for claim in sums.claims(quick=True) if claim.target]
    within = ("ring width", 1 / 1.01)
    assert targets == [
        *[("floor", 0.8), ("Flower", 3.0)],
        *[("floor", 0.8), ("Flower", 6.0)],
        *[("TenSEAL CKKS 8192", 50.0), ("our packed Paillier 2048", 1000.0), ("phe 2048", 100.0)],
        *[("budget", 1.0)] * 3,
        *[within] * 3,
    ]


def test_a_row_without_peers_is_built_from_its_claim():
    claim = next(claim for claim in sums.claims(quick=True) if "a whole part, coordinator" in claim.text)
    row = compare(claim, turns=1)
    assert row.other == 1e-3
    assert row.ratio == row.other / row.ours


def made_up(against, exponent, sizes, series="pairwise"):
    held = {"institutions": 10, "entries": 1000}
    return [Point(series, against, **held | {against: x}, seconds=3e-9 * x**exponent) for x in sizes]


def test_a_slope_is_the_exponent_of_the_growth():
    found = made_up("institutions", 1.5, [3, 10, 50]) + made_up("entries", 1.0, [100_000, 1_000_000], growth.MASKING)
    assert [(s.against, s.exponent, s.points) for s in slopes(found)] == [("institutions", 1.5, 3), ("entries", 1.0, 2)]


def test_short_vectors_are_not_in_a_slope_against_the_length_and_keys_are_taken_off():
    keys = [Point("pairwise", "entries", 10, d, 5e-3) for d in (10, 100, 10_000)]
    long = [Point("pairwise", "entries", 10, d, 5e-3 + 2e-8 * d) for d in (100_000, 1_000_000)]
    [slope] = slopes(keys + long)
    assert (slope.exponent, slope.points) == (1.0, 2)


def test_a_series_of_one_point_has_no_slope():
    assert slopes(made_up("entries", 1.0, [100_000])) == []


def test_a_long_vector_is_masked_in_chunks_that_follow_each_other(monkeypatch):
    places = []
    monkeypatch.setattr(growth, "CHUNK", 64)
    monkeypatch.setattr(growth, "add_masks", lambda ring, y, keys, offset: places.append((offset, len(y), len(keys))))
    assert masking_seconds(3, 150) > 0
    assert places == [(0, 64, 3), (512, 64, 3), (1024, 22, 3)]


def test_a_figure_of_growth_is_the_least_of_all_passes(monkeypatch):
    point, other = made_up("entries", 1.0, [10, 100])
    figures = {point: iter([3.0, 2.0, 5.0, 4.0, 9.0]).__next__, other: lambda: 1.0}
    monkeypatch.setattr(growth, "measures", lambda quick: figures)
    assert [found.seconds for found in growth.points(quick=False)] == [2.0, 1.0]


def test_growth_goes_from_3_to_50_institutions_and_to_10_to_the_8_entries():
    assert {p.institutions for p in growth.measures(quick=False)} == {3, 5, 10, 20, 30, 50}
    assert {p.entries for p in growth.measures(quick=False) if p.series == "pairwise"} >= {10**k for k in range(1, 7)}
    assert max(p.entries for p in growth.measures(quick=False)) == 10**8


GROWN = made_up("institutions", 1.0, [3, 10]) + made_up("entries", 1.0, [100_000, 1_000_000], growth.MASKING)


def test_growth_is_a_table_and_a_file_with_a_plot_beside_it(tmp_path, monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr(growth, "points", lambda quick: GROWN)
    monkeypatch.setattr(growth, "plot", lambda found, fitted, file: drawn.append(file))
    assert growth.run(["--growth", "--quick", "--json", str(tmp_path / "growth.json")]) == 0
    written = json.loads((tmp_path / "growth.json").read_text())
    assert set(written) == {"machine", "points", "slopes"}
    assert [slope["exponent"] for slope in written["slopes"]] == [1.0, 1.0]
    assert drawn == [tmp_path / "growth.svg"]
    assert growth.MASKING in capsys.readouterr().out


def test_who_is_in_the_committee_is_a_series_of_its_own():
    assert growth.roles("committee", 3).keys() == {
        f"committee: {role}" for role in ("a member", COORDINATOR, COLLECTOR)
    }
    assert growth.roles("committee", 5)["committee: not a member"] == "h04"
    assert growth.roles("pairwise", 3)["pairwise"] == "h02"


@pytest.mark.slow
def test_the_plot_names_every_series_and_its_slope(tmp_path):
    growth.plot(GROWN, slopes(GROWN), tmp_path / "growth.svg")
    drawn = (tmp_path / "growth.svg").read_text()
    assert "pairwise: masking step (slope 1.00)" in drawn
    assert "pairwise (slope 1.00)" in drawn
