"""Fits on networks of institutions: what the default rules let out and what they do not, in process and on Ray."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import securecompute as sc
from securecompute.errors import DisclosureRefused
from securecompute.fits import k_means, linear_regression, linear_scores, logistic_regression, principal_components
from tests.fits.patients import BIRTHS, INSTITUTIONS

COLUMNS = ["age", "lwt", "smoke", "bwt", "low"]
PARTS = [
    BIRTHS[COLUMNS].iloc[rows].reset_index(drop=True)
    for rows in np.array_split(np.arange(len(BIRTHS)), len(INSTITUTIONS))
]
TABLES = dict(zip(INSTITUTIONS, PARTS, strict=True))
RULES = sc.Rules(min_cell=4)  # with 47 births at each institution 11 numbers may be shown


def asked(network):
    """The columns of all institutions on shares."""
    return [
        np.concatenate([network.secret(name, columns) for name in INSTITUTIONS])
        for columns in (["age", "smoke"], "bwt", "low")
    ]


@pytest.fixture(scope="module")
def network():
    with sc.Network.simulate(TABLES, rules=RULES, fabric="in-process", quiet=True) as made:
        yield made


def check(result):
    y = BIRTHS["bwt"].to_numpy()
    plain = sm.OLS(y, sm.add_constant(BIRTHS[["age", "smoke"]].to_numpy().astype(float))).fit()
    assert np.abs((result.coefficients - plain.params) / plain.bse).max() < 1e-6
    assert np.abs(result.standard_errors / plain.bse - 1).max() < 1e-6


def test_a_regression_passes_the_default_rules_of_four_institutions(network):
    X, weight, _ = asked(network)
    check(linear_regression(X, weight))
    explanation = linear_regression.explain(X, weight)
    assert explanation.shown == (((3,), "collector"), ((3,), "collector"))
    assert 60 < explanation.rounds < 120


def test_a_logistic_regression_and_components_pass_the_default_rules(network):
    X, _, low = asked(network)
    assert logistic_regression(X, low, iterations=4).n == len(BIRTHS)
    assert principal_components(X, 1).components.shape == (1, 2)


def test_more_numbers_than_the_institutions_records_bear_are_refused():
    with sc.Network.simulate(TABLES, fabric="in-process", quiet=True) as strict:
        X, weight, _ = asked(strict)
        with pytest.raises(DisclosureRefused, match="one for every 10 records"):
            linear_regression(X, weight)


def test_clusters_compare_records_which_the_default_rules_refuse(network):
    with pytest.raises(DisclosureRefused, match="orders single records"):
        k_means(asked(network)[0], 2, np.array([[20.0, 0.0], [30.0, 1.0]]), iterations=1)


def test_clusters_where_every_institution_lets_records_be_compared():
    with sc.Network.simulate(TABLES, rules=sc.Rules(arrays="any"), fabric="in-process", quiet=True) as open_handed:
        found = k_means(asked(open_handed)[0], 2, np.array([[20.0, 0.0], [30.0, 1.0]]), iterations=2)
    assert found.large.all() and found.centres.shape == (2, 2)


def test_a_partners_scores_go_to_the_institution_of_the_records_and_to_nobody_else(network):
    weights, records = network.secret("Bern", np.array([0.5, -2.0])), network.secret("Lyon", ["age", "smoke"])
    assert linear_scores(weights, records) == "Lyon"
    with pytest.raises(DisclosureRefused, match="single records of 'Lyon'"):
        (records @ weights).reveal(to="Bern")


@pytest.mark.ray
def test_a_regression_on_ray_is_the_one_of_statsmodels(tmp_path, ray_cluster):
    from securecompute.engine.on_ray import Placement

    paths = {name: tmp_path / f"{name}.parquet" for name in INSTITUTIONS}
    for name, table in TABLES.items():
        pd.DataFrame(table).to_parquet(paths[name])
    joined = Placement(cluster="auto")
    with sc.Network.simulate(paths, rules=RULES, placement=joined, quiet=True) as network:
        X, weight, _ = asked(network)
        check(linear_regression(X, weight))
