"""The benchmark of identifiers: both sides read the same records, and the figures that the project promised."""

import csv as plain

import numpy as np

from bench import identifiers
from bench.identifiers import claims, hashed, people


def test_people_are_all_different_and_of_the_promised_lengths():
    numbers = people(3000)["patient"].to_pylist()
    assert len(set(numbers)) == 3000 == len(set(hashed(people(3000))))
    assert (min(map(len, numbers)), max(map(len, numbers))) == (12, 40)


def test_the_promises(monkeypatch):
    monkeypatch.setattr(identifiers, "people", lambda n, make=people: make(200))
    promised = [
        (claim.other if isinstance(claim.other, float) else None, claim.target) for claim in claims(quick=False)
    ]
    assert promised[:2] == [(0.15, 1.0), (None, 3.0)] and {target for _, target in promised[2:]} == {None}


def test_both_sides_run_on_the_same_files(monkeypatch):
    monkeypatch.setattr(identifiers, "people", lambda n, make=people: make(200))
    listed = claims(quick=True)
    assert all(claim.ours() >= 0 for claim in listed) and all(claim.other() >= 0 for claim in listed[1:])
    with open(f"{identifiers.folder().name}/people.csv", newline="") as file:
        written = [row["patient"] for row in plain.DictReader(file)]
    assert written == people(200)["patient"].to_pylist() and np.unique(written).size == 200
