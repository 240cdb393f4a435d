"""Hospitals that know some of the same patients and have columns of their own; and pandas' inner join of records."""

from functools import reduce

import numpy as np
import pyarrow as pa

import securecompute as sc
from securecompute.coordinator import COLLECTOR

ARRAYS = sc.Rules(linkage="arrays")
RX, STAGE, RELAPSE = ("drug", "placebo"), ("I", "II", "III"), ("no", "yes")
HOLDERS = {"Mayo": {"pid", "rx", "age"}, "Duke": {"pid", "relapse", "stage", "bmi"}, "Yale": {"pid", "cost"}}


def table(rng, name, patients, again=0, lacking=0, absent=0.1):
    """A record for each of these patients in some order, a few twice, with gaps in key and columns."""
    pids = [f"p{k}" for k in patients]
    pids = [*pids, *pids[:again], *[None] * lacking]
    pids = [pids[k] for k in rng.permutation(len(pids))]
    n = len(pids)
    columns = {
        "pid": (pids, pa.string()),
        "rx": (rng.choice(RX, n).tolist(), pa.string()),
        "age": (rng.integers(20, 90, n).tolist(), pa.int64()),
        "relapse": (rng.choice(RELAPSE, n).tolist(), pa.string()),
        "stage": (rng.choice(STAGE, n).tolist(), pa.string()),
        "bmi": (rng.normal(25, 4, n).round(2).tolist(), pa.float64()),
        "cost": (rng.integers(0, 5000, n).tolist(), pa.int64()),
    }
    made = {}
    for column, (values, type_) in columns.items():
        gone = rng.random(n) < (absent if column != "pid" else 0)
        if column in HOLDERS[name]:
            made[column] = pa.array([None if none else v for v, none in zip(values, gone, strict=True)], type_)
    return pa.table(made)


def hospitals(patients, seed=0, **gaps):
    """institution -> its records. patients: institution -> numbers of its patients"""
    rng = np.random.default_rng(seed)
    return {name: table(rng, name, own, **gaps) for name, own in patients.items()}


def network(tables, rules=ARRAYS, **options):
    """In process, with helpers as far as they are needed."""
    helpers = ["Helper", "Other"][: max(0, 3 - len(tables))]
    return sc.Network.simulate(tables, fabric="in-process", helpers=helpers, rules=rules, quiet=True, **options)


def check_cost(formed, analysis, asked):
    """That the explanation of a question says the rounds and bytes that answering it takes."""
    told = formed.study("s").explain(analysis, **asked)
    encoded, manifest = formed.propose_counting(formed.study("s").question(analysis, **asked))
    run, _ = formed._run_program(encoded, manifest, None)
    traffic = {party: outcome.traffic for party, outcome in run.outcomes.items()}
    assert told.rounds == max(each.rounds for each in traffic.values())
    assert told.bytes == {party: each.sent for party, each in traffic.items() if party != COLLECTOR}


def joined(tables, columns, on=("pid",)):
    """The inner join of the first record of each patient that has a value in what is brought along.

    columns   institution -> columns, of those that are joined; renamed to "rx at Mayo" where two have the name
    """
    frames = []
    for name, brought in columns.items():
        frame = tables[name].to_pandas().dropna(subset=[*on, *brought]).drop_duplicates(list(on))
        frames.append(frame)
    return reduce(lambda a, b: a.merge(b, on=list(on), suffixes=("", " again")), frames)
