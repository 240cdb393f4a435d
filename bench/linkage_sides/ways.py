"""Ways to link the records of two hospitals: by our identifiers, and by tools that see the records of both.

Each gives, for every record of hospital one, the place of a record of hospital two, or -1: int64 (records of one,).
What identifiers link is computed here in the clear, as the protocols define it, so that accuracy is measured apart. One
way counts on shares, in a network in this process: who was found it cannot tell, so it gives the links in the clear of
which there are as many, or says that there are not.
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import securecompute as sc
from bench.linkage_sides.febrl import ROLES, People
from securecompute.records.identifiers import Identifiers, On, read_identifiers
from securecompute.records.key_types import Field, KeyType
from securecompute.records.linkage_keys import default_key_types, read_linkage_keys

Links = NDArray[np.int64]
WITH_NUMBER: tuple[KeyType, ...] = default_key_types(ROLES)
WITHOUT_NUMBER: tuple[KeyType, ...] = default_key_types({r: c for r, c in ROLES.items() if r != "number"})
NAMES_AND_BIRTH: On = ("given_name", "surname", Field("date_of_birth", kind="date"))
PROBABLE = 0.5


def exact(people: People, on: On) -> Links:
    """One identifier, equal or not; of several records with one the first stands for all."""
    links = np.full(len(people.one_is), -1)
    _link(links, *(read_identifiers(table, on) for table in (people.one, people.other)))
    return links


def by_keys(people: People, key_types: Sequence[KeyType], same_patient_by: int = 0) -> Links:
    """Several key types; the first that finds anybody decides."""
    one, other = (
        read_linkage_keys(table, key_types, same_patient_by=same_patient_by) for table in (people.one, people.other)
    )
    links = np.full(len(people.one_is), -1)
    for mine, theirs in zip(one.of_type, other.of_type, strict=True):
        _link(links, mine, theirs)
    return links


def by_keys_on_shares(people: People) -> Links:
    """Those of `by_keys`, if a network of two hospitals and a helper counts as many. raises RuntimeError: others"""
    links, tables = by_keys(people, WITH_NUMBER), {"one": people.one, "other": people.other}
    dictionary = sc.Dictionary(tuple(sc.Column(name, "text") for name in people.one.column_names))
    with sc.Network.simulate(
        tables, dictionary=dictionary, fabric="in-process", helpers=["helper"], quiet=True
    ) as network:
        found = network.study("linkage").linked_patients(between=list(tables), keys=WITH_NUMBER).found
    if found != (links >= 0).sum():
        raise RuntimeError(f"on shares {found} are found, and in the clear {(links >= 0).sum()}")
    return links


def _link(links: Links, mine: Identifiers, theirs: Identifiers) -> None:
    """Fill in, in place, what is not linked yet."""
    held = {each.tobytes(): int(row) for each, row in zip(theirs.ids, theirs.rows, strict=True)}
    found = np.array([held.get(each.tobytes(), -1) for each in mine.ids], np.int64)
    new = (found >= 0) & (links[mine.rows] < 0)
    links[mine.rows[new]] = found[new]


def by_recordlinkage(people: People) -> Links:
    """Similar fields of pairs that share one of five, classified without truth (ECM); of each record the likeliest."""
    import recordlinkage

    one, other = people.one.to_pandas(), people.other.to_pandas()
    pairs = recordlinkage.Index()
    for column in ("given_name", "surname", "date_of_birth", "postcode", "soc_sec_id"):
        pairs.block(column)
    compare = recordlinkage.Compare()
    for column in ("given_name", "surname", "suburb", "address_1"):
        compare.string(column, column, method="jarowinkler", threshold=0.85, label=column)
    for column in ("date_of_birth", "postcode", "street_number", "soc_sec_id"):
        compare.exact(column, column, label=column)
    features = compare.compute(pairs.index(one, other), one, other)
    classifier = recordlinkage.ECMClassifier()
    classifier.fit(features)
    return _likeliest(people, classifier.prob(features))


def _likeliest(people: People, probability: Any) -> Links:
    """Of a series over pairs of places, for each record of one its best partner, if it is probable."""
    links = np.full(len(people.one_is), -1)
    best = probability[probability >= PROBABLE].sort_values(kind="stable")
    for one, other in best.index:
        links[one] = other
    return links


def by_splink(people: People) -> Links:
    """Splink's model of linkage, trained without truth; of each record the likeliest."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    frames = [table.to_pandas() for table in (people.one, people.other)]
    for frame in frames:
        frame["unique_id"] = np.arange(len(frame))
    rules: list[Any] = [block_on(c) for c in ("given_name", "surname", "date_of_birth", "postcode", "soc_sec_id")]
    settings = SettingsCreator(
        link_type="link_only",
        blocking_rules_to_generate_predictions=rules,
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("street_number"),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
            cl.LevenshteinAtThresholds("address_1", [2, 4]),
            cl.LevenshteinAtThresholds("suburb", [2]),
        ],
    )
    database = DuckDBAPI()
    tables = [database.register(frame, dataset_display_name=name) for frame, name in zip(frames, "ab", strict=True)]
    linker = Linker(tables, settings, log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match([block_on("soc_sec_id")], recall=0.9)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for column in ("date_of_birth", "surname"):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(column))
    predicted: Any = linker.inference.predict(threshold_match_probability=PROBABLE)
    found = predicted.as_pandas_dataframe().set_index(["unique_id_l", "unique_id_r"])["match_probability"]
    return _likeliest(people, found)
