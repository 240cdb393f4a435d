"""The harness compares what it says it compares; clocks are replaced by counted amounts."""

import json

import pytest

from bench.harness import Claim, amount, compare, cpu_timed, lazily, least, machine, run, scaled, timed


def constant(value):
    return lambda: value


def claim(**changes):
    given = {"text": "adds", "ours": constant(2.0), "other": constant(6.0), "other_is": "numpy", "target": 2.5}
    return Claim(**given | changes)


def test_the_ratio_is_how_many_times_less_ours_takes():
    row = compare(claim(), turns=3)
    assert (row.ours, row.other, row.ratio, row.met) == (2.0, 6.0, 3.0, True)


def test_a_claim_that_falls_short_is_not_met():
    assert compare(claim(target=3.5), turns=3).met is False


def test_a_figure_without_target_is_neither_met_nor_unmet():
    row = compare(claim(target=None), turns=3)
    assert row.ratio == 3.0
    assert row.met is None


def test_one_slow_turn_does_not_move_the_median():
    amounts = iter([9.0, 2.0, 50.0, 2.0])  # the first is the run that does not count
    assert compare(claim(ours=lambda: next(amounts)), turns=3).ours == 2.0


def test_sides_take_turns_and_the_order_flips():
    order = []
    ours, other = (lambda: order.append("ours") or 1.0), (lambda: order.append("other") or 1.0)
    compare(claim(ours=ours, other=other), turns=3)
    assert order == ["ours", "other", "ours", "other", "other", "ours", "ours", "other"]


def test_one_function_can_be_measured_against_itself():
    same = constant(1.0)
    assert compare(claim(ours=same, other=same, target=None), turns=3).ratio == 1.0


def test_a_budget_is_an_other_that_is_not_run():
    row = compare(claim(other=0.5, ours=constant(0.25), other_is="budget", target=1.0), turns=3)
    assert (row.other, row.ratio, row.met) == (0.5, 2.0, True)


def test_a_missing_peer_is_named_and_its_row_is_null():
    row = compare(claim(needs=("peer_that_nobody_has",), other=lambda: pytest.fail("it was run")), turns=3)
    assert "peer_that_nobody_has" in row.other_is
    assert (row.ours, row.other, row.ratio, row.met) == (None, None, None, None)


def test_an_amount_of_zero_has_no_ratio():
    row = compare(claim(ours=constant(0.0)), turns=3)
    assert (row.ratio, row.met) == (None, None)


def test_timing_a_call_calls_it_once():
    calls = []
    assert timed(lambda: calls.append(1))() >= 0
    assert calls == [1]


def test_processor_time_is_of_the_call_and_does_not_count_waiting(monkeypatch):
    clock = iter([1.0, 3.5])
    monkeypatch.setattr("bench.harness.time.process_time", lambda: next(clock))
    assert cpu_timed(lambda: None)() == 2.5


def test_a_sample_is_scaled_to_the_whole():
    assert scaled(constant(2.0), 50)() == 100.0


def test_the_least_of_several_runs_is_one_amount():
    measure = least(iter([5.0, 3.0, 4.0, 1.0, 2.0, 9.0]).__next__, 3)
    assert [measure(), measure()] == [3.0, 1.0]


def test_a_lazy_measure_is_made_once_and_not_before_it_measures():
    made = []
    measure = lazily(lambda amount: made.append(amount) or constant(amount))(2.0)
    assert made == []
    assert [measure(), measure()] == [2.0, 2.0]
    assert made == [2.0]


def test_the_machine_says_what_a_reader_needs_to_repeat_the_run():
    here = machine(["peer-that-nobody-has"])
    assert set(here) == {"cpu", "extensions", "cores", "load", "ram_gib", "os", "python", "versions"}
    assert here["cpu"]
    assert here["cores"] >= 1
    assert len(here["load"]) == 3
    assert here["versions"]["numpy"]
    assert here["versions"]["peer-that-nobody-has"] is None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2.5, "s", "2.5 s"), (0.012, "s", "12 ms"), (3e-6, "s", "3 µs"), (8e6, "B", "8,000,000 B"), (None, "s", "-")],
)
def test_amounts_are_written_for_people(value, unit, text):
    assert amount(value, unit) == text


def test_a_run_prints_a_table_and_writes_its_rows(tmp_path, capsys):
    file = tmp_path / "rows.json"
    given = [claim(), claim(text="waits", needs=("peer_that_nobody_has",))]
    assert run("Adding numbers.\n\nMore.", lambda quick: given, ["--quick", "--json", str(file)]) == 0
    written = json.loads(file.read_text())
    assert set(written) == {"machine", "rows"}
    assert list(written["rows"][0]) == ["claim", "ours", "other", "other_is", "ratio", "target", "met"]
    assert [row["met"] for row in written["rows"]] == [True, None]
    printed = capsys.readouterr().out
    assert "Adding numbers." in printed
    assert "peer_that_nobody_has" in printed


def test_a_run_with_an_unmet_claim_fails(capsys):
    assert run("Adding.", lambda quick: [claim(target=100.0)], []) == 1
    assert "NO" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "expected"), [([], False), (["--quick"], True)])
def test_the_benchmark_is_told_whether_to_be_quick(arguments, expected, capsys):
    told = []
    run("Adding.", lambda quick: told.append(quick) or [], arguments)
    assert told == [expected]
