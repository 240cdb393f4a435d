"""Small hospitals whose patients may know each other, for tests of lists of common patients."""

from contextlib import contextmanager

import pyarrow as pa

import securecompute as sc

NAMES = ("Mayo", "Duke", "Yale", "Rush", "Tufts")
DICTIONARY = sc.Dictionary((sc.Column("mrn", "text"), sc.Column("age", "integer", low=0, high=127)))
LISTS = sc.Rules(linkage="lists")


def table(patients):
    """A record for each of these patients, None for one without an identifier; the age is the record's place."""
    mrn = [None if patient is None else f"patient {patient}" for patient in patients]
    return pa.table(
        {"mrn": pa.array(mrn, pa.string()), "age": pa.array([k % 100 for k in range(len(mrn))], pa.int64())}
    )


@contextmanager
def hospitals(patients, rules=LISTS, **more):
    """A network of these institutions, name -> patients; with two of them a helper makes the third."""
    tables = {name: table(own) for name, own in patients.items()}
    given = {"helpers": ["Aid"] if len(tables) == 2 else [], "dictionary": DICTIONARY, "quiet": True} | more
    with sc.Network.simulate(tables, fabric="in-process", rules=rules, **given) as network:
        yield network


def software(network, name):
    """An institution's own software, as its steward has it."""
    return network.fabric._participants[name]


def listed(network, name):
    """The places in the newest list that an institution was told, or None."""
    lists = software(network, name).lists
    return lists[-1].places.tolist() if lists else None


def expected(patients, name):
    """The places of the first records of the patients whom all know, by Python's sets."""
    common = set.intersection(*(set(own) for own in patients.values())) - {None}
    own = patients[name]
    return sorted(own.index(patient) for patient in common)
