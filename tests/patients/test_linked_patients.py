"""Patients found by any of several keys: as keys compared in plain Python say, gated, whatever the records hold."""

from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from securecompute.analyses.result import Hidden, Withheld
from securecompute.records.key_types import Field
from tests.patients.fielded import BETWEEN, DICTIONARY, KEYS, RULES, SIX, people, table, without
from tests.patients.pooled import gated, network, together


def linked(tables, **asked):
    with network(tables, dictionary=DICTIONARY, rules=RULES) as net:
        return net.study("s").linked_patients(**({"between": BETWEEN, "keys": KEYS} | asked))


def value(row, fields):
    """A record's key, None where it lacks a field."""
    got = tuple(tuple(sorted(row[f] or "" for f in field)) for field in fields)
    return None if any("" in each for each in got) else got


def of_type(rows, fields, patient):
    """key -> patient, of keys that one patient has; a patient is named by a number, or the record's place."""
    held = defaultdict(dict)
    for k, row in enumerate(rows):
        name = row["mrn"] if patient and row["mrn"] else k
        if (key := value(row, fields)) is not None:
            held[key][name] = None
    return {key: next(iter(names)) for key, names in held.items() if len(names) == 1}


FIELDS = ((("number",),), (("given", "family"),), (("family",), ("town",)))


def in_the_clear(tables, patient=False, key_fields=FIELDS):
    """How many of the first one's patients each key is the first to find. Of each key a patient has there the first."""
    one, other = (each.to_pylist() for each in tables.values())
    known, first = set(), Counter()
    for k, fields in enumerate(key_fields):
        own, theirs = of_type(one, fields, patient), of_type(other, fields, patient)
        key_of = {}
        for key, name in own.items():
            key_of.setdefault(name, key)
        found = {name for name, key in key_of.items() if key in theirs} - known
        first[k], known = len(found), known | found
    return tuple(first[k] for k in range(len(key_fields)))


def check(rows, patient=False):
    tables = {name: table(each) for name, each in zip(BETWEEN, rows, strict=True)}
    told = "mrn" if patient else None
    first = in_the_clear(tables, patient)
    found = linked(tables, patient=told).result
    assert (found.found, found.first_found) == (gated(sum(first)), ())
    none = sum(
        all(value(row, fields) is None for fields in FIELDS) for each in tables.values() for row in each.to_pylist()
    )
    assert found.identified.without == gated(none)
    assert any("may write a field differently" in note for note in found.notes()) == (sum(first) == 0)
    by_key = linked(tables, patient=told, by_key=True).result
    assert by_key.first_found == tuple(map(gated, first))
    assert by_key.found == together(first)


def swapped(rows):
    return [(mrn, number, family, given, town) for mrn, number, given, family, town in rows]


WORLDS = {
    "nobody anywhere": ([], []),
    "nobody there": (SIX, []),
    "nobody here": ([], SIX),
    "everybody by the first key": (SIX, SIX[::-1]),
    "some by each": (people(*range(12)), SIX[:4] + without(swapped(people(4, 5, 6, 7)), "number", "town")),
    "by the last alone": (people(*range(5)), without(people(*range(5)), "number", "given")),
    "each by the key that he has": (
        without(SIX[:3], "number") + without(SIX[3:], "given", "town"),
        without(SIX[3:], "family") + without(SIX[:3], "number"),
    ),
    "no key at all": (without(SIX, "number", "family"), SIX),
    "keys of two patients here": (SIX + without(SIX[:4], "given", "town"), SIX),
    "keys of two patients there": (SIX, SIX + without(SIX[:4], "given", "town")),
    "too few to show": (SIX, SIX[:2]),
    "one record": (SIX[:1], SIX[:1]),
}


@pytest.mark.parametrize("rows", WORLDS.values(), ids=WORLDS)
def test_patients_are_found_as_keys_compared_in_the_clear_find_them(rows, dealt):
    check(rows)


def test_records_with_one_number_of_the_hospital_are_one_patient(dealt):
    twice = without(people(*range(5), family="wrong"), "number")
    rows = SIX + twice, without(people(*range(8)), "number", "town")
    check(rows, patient=True)
    check(rows[::-1], patient=True)
    tables = {name: table(each) for name, each in zip(BETWEEN, rows, strict=True)}
    assert linked(tables).found == 6 and linked(tables, patient="mrn").found == 6
    doubled = dict.fromkeys(BETWEEN, table(SIX + SIX))
    assert linked(doubled).found == 0 and linked(doubled, patient="mrn").found == 6


cells = [
    st.sampled_from([None, *(f"{c}{k}" for k in range(most))]) for c, most in zip("mnxxt", (5, 9, 3, 3, 3), strict=True)
]
hospital = st.lists(st.tuples(*cells), max_size=14)


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(hospital, hospital), st.booleans())
def test_whatever_records_hold(dealt, rows, patient):
    check(rows, patient)


def test_a_cohort_and_fields_in_other_forms(dealt):
    mistyped = [("x", None, "Anna", "Burg", row[4].upper()) for row in SIX]
    tables = {"Bern": table([("m", "n", "ana", "berg", row[4]) for row in SIX]), "Lyon": table(mistyped)}
    keys = [[Field("number", kind="text")], ["soundex(given)", "soundex(family)", "town"]]
    answer = linked(tables, keys=keys, where="age >= 2")
    assert answer.found == 4
    assert answer.result.identified.by == ("number as text", "soundex(given) + soundex(family) + town")
    assert answer.headline() == ("4 patients of Bern where age >= 2 are known to Lyon too, found by one of 2 keys.")


def test_key_types_can_be_made_from_the_roles_of_columns(dealt):
    roles = {"given": "given", "family": "family", "postcode": "town", "number": "number"}
    answer = linked(dict.fromkeys(BETWEEN, table(SIX)), keys=None, roles=roles)
    assert answer.found == 6
    assert answer.result.identified.by[0] == "number as number"


def test_one_key_is_the_overlap(dealt):
    tables = dict.fromkeys(BETWEEN, table(SIX))
    with network(tables, dictionary=DICTIONARY, rules=RULES) as net:
        study = net.study("s")
        assert study.linked_patients(between=BETWEEN, keys=["number"], by_key=True).found == 6
        assert study.overlap(on="number").common == 6


def test_a_closed_count_closes_the_sum(dealt):
    rows = people(*range(9)), SIX[:4] + without(people(4, 5), "number")
    tables = {name: table(each) for name, each in zip(BETWEEN, rows, strict=True)}
    shown = linked(tables, by_key=True)
    assert shown.first_found == (4, Hidden(3), 0) and isinstance(shown.found, Withheld)
    assert shown.headline() == "How many patients of Bern are known to Lyon too is withheld."
    assert shown.result.to_plain()["first_found"] == dict(zip(KEYS, (4, "<3", 0), strict=True))
    assert any("below 3 are hidden" in note for note in shown.result.notes())


def test_what_is_said_and_drawn(dealt):
    from matplotlib.figure import Figure

    tables = dict.fromkeys(BETWEEN, table(SIX))
    for options in ({}, {"by_key": True}, {"by_key": True, "keys": ["town", "given + family"]}):
        answer = linked(tables, **options)
        assert len(answer.result.tables()) == 1 + ("by_key" in options)
        answer.result.plot(Figure().subplots())
        assert "a record is a patient" in answer.result.notes()[0]
    assert "records with one mrn" in linked(tables, patient="mrn").result.notes()[0]
