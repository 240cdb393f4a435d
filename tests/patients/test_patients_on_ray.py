"""Questions about patients between Ray actors: the answers of one process, with the same rounds."""

import pyarrow.parquet as pq
import pytest

import securecompute as sc
from tests.patients.pooled import DICTIONARY, RULES, Drawn, network

PATIENTS = Drawn((5, 3, 2, 9, 0, 1, 4), again=2, lacking=1)
ASKED = (
    ("overlap", {}),
    ("distinct", {"seen": True, "where": "age >= 40"}),
    ("distinct_crosstab", {"row": "sex", "column": "arm"}),
)


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_answers_about_patients_on_ray_are_those_in_process(tmp_path, ray_cluster):
    from securecompute.engine.on_ray import Placement

    tables = PATIENTS.tables
    paths = {name: tmp_path / f"{name}.parquet" for name in tables}
    for name, table in tables.items():
        pq.write_table(table, paths[name])
    joined = {"placement": Placement(cluster="auto"), "dictionary": DICTIONARY, "rules": RULES, "quiet": True}
    with network(tables) as near, sc.Network.simulate(paths, **joined) as far:
        for name, options in ASKED:
            here, there = (net.study("s").ask(name, on="pid", **options) for net in (near, far))
            assert there.result == here.result
            assert there.provenance.rounds == here.provenance.rounds
            assert there.provenance.took_part == here.provenance.took_part == tuple(tables)
