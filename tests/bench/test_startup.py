"""The benchmark of the start reads each figure of each run once; runs are made up, so nothing starts."""

import json

import pytest

from bench import startup


@pytest.fixture
def runs(monkeypatch):
    made = []

    def fresh(code, *arguments):
        made.append(arguments)
        return json.dumps({"ready": 10.0 * len(made), "memory": float(len(made))})

    monkeypatch.setattr(startup, "write_records", lambda folder: {"Bern": "bern.parquet"})
    monkeypatch.setattr(startup, "fresh", fresh)
    return startup.Runs(), made


def test_two_figures_share_the_runs_that_they_read(runs):
    figures, made = runs
    ready, memory = figures.figure("ready"), figures.figure("memory")
    assert [ready(), ready(), ready()] == [10.0, 10.0, 20.0]  # the first is the one that does not count
    assert [memory(), memory(), memory()] == [1.0, 1.0, 2.0]
    assert len(made) == 2


def test_a_run_is_told_where_the_records_are(runs):
    figures, made = runs
    figures.figure("ready")()
    assert made == [('{"Bern": "bern.parquet"}',)]


def test_the_budgets_are_half_a_second_to_import_and_80_mb(monkeypatch):
    monkeypatch.setattr(startup, "write_records", lambda folder: {})
    budgets = {claim.text: claim.other for claim in startup.claims(quick=True) if claim.target}
    assert budgets == {"import securecompute, with the interpreter": 0.5, "memory of an institution (PSS)": 80.0}
