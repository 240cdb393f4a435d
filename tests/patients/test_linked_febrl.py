"""FEBRL 4 at two hospitals, linked by nine keys on shares: as many patients as in the clear, as precise and complete.

A count says nothing of who is right. But the rule says who is found, and the clear linkage by the same rule finds as
many, key by key; whoever they are, their names in FEBRL tell which of these are right.
"""

import numpy as np
import pytest

import securecompute as sc
from bench.linkage_sides import ways
from bench.linkage_sides.febrl import ROLES, load, scored
from tests.patients.pooled import gated, network

BETWEEN = ["Adelaide", "Perth"]


@pytest.fixture(scope="module")
def people():
    return load(4)


@pytest.fixture(scope="module")
def study(people):
    tables = dict(zip(BETWEEN, (people.one, people.other), strict=True))
    dictionary = sc.Dictionary(tuple(sc.Column(name, "text") for name in people.one.column_names))
    with network(tables, dictionary=dictionary) as net:
        yield net.study("FEBRL 4")


def first_found(people):
    """How many each key is the first to find: those that are linked by so many keys, and not by one less."""
    linked = [int((ways.by_keys(people, ways.WITH_NUMBER[:k]) >= 0).sum()) for k in range(1, 10)]
    return np.diff(linked, prepend=0).tolist()


@pytest.mark.slow
def test_as_many_are_found_as_in_the_clear(people, study):
    links = scored(people, ways.by_keys(people, ways.WITH_NUMBER))
    answer = study.linked_patients(between=BETWEEN, roles=ROLES)
    assert answer.found == links.links == 4982
    precision, recall = links.right / answer.found, links.right / len(people.one_is)
    assert round(precision, 4) == 0.9998 and round(recall, 3) == 0.996
    assert answer.provenance.rounds == 25


@pytest.mark.slow
def test_each_key_is_the_first_to_find_as_many_as_in_the_clear(people, study):
    answer = study.linked_patients(between=BETWEEN, roles=ROLES, by_key=True)
    assert answer.first_found == tuple(map(gated, first_found(people)))
    assert answer.found == 4982
