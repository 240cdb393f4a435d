"""Linked records between Ray actors: the table, sum and regression that the same records give in one process."""

import numpy as np
import pyarrow.parquet as pq
import pytest

import securecompute as sc
from securecompute.fits import linear_regression
from tests.linked import ARRAYS, hospitals, joined

pytestmark = pytest.mark.ray
TABLES = hospitals({"Mayo": range(150), "Duke": range(30, 200), "Yale": range(60)}, again=5, lacking=3)


def answers(network):
    table = network.study("s").linked_crosstab(("Mayo", "rx"), ("Duke", "stage"), on="pid").to_plain()["result"]
    total = network.study("s").shared_total(("Duke", "bmi"), on="pid", between=["Mayo", "Duke"]).to_plain()["result"]
    columns = {"Mayo": ["rx", "age"], "Duke": ["bmi"]}
    pairs = network.link("Mayo", "Duke", on="pid", columns=columns, least=70)
    sums = ((pairs["Mayo", "rx"] * pairs["Mayo", "age"]).sum().reveal(), pairs.matched.sum().reveal())
    return [table, total, sums], linear_regression(**pairs.model(("Duke", "bmi"), {"Mayo": columns["Mayo"]}))


def test_ray_gives_the_same_answers_as_one_process(ray_cluster, tmp_path):
    from securecompute.engine.on_ray import Placement

    files = {}
    for name, table in TABLES.items():
        files[name] = tmp_path / f"{name}.parquet"
        pq.write_table(table, files[name])
    with sc.Network.simulate(TABLES, fabric="in-process", rules=ARRAYS, quiet=True) as network:
        here, fit_here = answers(network)
    with sc.Network.simulate(files, placement=Placement(cluster="auto"), rules=ARRAYS, quiet=True) as network:
        there, fit_there = answers(network)
    assert here == there
    assert fit_there.n == fit_here.n == len(joined(TABLES, {"Mayo": ["rx", "age"], "Duke": ["bmi"]}))
    assert np.allclose(fit_there.coefficients, fit_here.coefficients, rtol=1e-7)  # truncations round at random
