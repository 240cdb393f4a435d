"""Examples that other programs for private matching come with: the same numbers here, and where a rule differs, which.

Private Join and Compute   README of google/private-join-and-compute: two lists of names, one with values.
Private-ID                 etc/example of facebookresearch/Private-ID (Apache-2.0): pjc; private_id_multi_key Ex2 and
                           Ex4 (with the company of dspmc Ex4, but for three identifiers that nobody else has);
                           dpmc Ex0 and Ex6; the partner of dspmc Ex1; and the sets in the comment on
                           `calculate_id_map` of dpmc/helper.rs. The rule is that of `calculate_set_diff` there.

No smallest cell lets counts of 1 or 2 out. So every record of an example is there `COPIES` times, with identifiers of
its own each time, and every number of the example is so many times as large.

Private-ID's identifiers are ranked by their place in a row and compared with all of the other side's, whatever they
are; a row is given to one row. Ours are columns: an e-mail is compared with e-mails; a row with two of a kind is two
records of one patient; and all patients who are known are counted, whoever else leads to the same record.
"""

from collections import Counter

import pyarrow as pa
import pytest

import securecompute as sc
from securecompute.records.dictionary import Column, Dictionary
from tests.patients.pooled import network

COPIES = 3
RULES = sc.Rules(min_cell=COPIES)
FEATURES = ("first", "second")
KINDS = ("email", "phone", "zip", "fnln")
VALUED = Dictionary((Column("email", "text"), *(Column(name, "integer", low=0, high=100) for name in FEATURES)))
KEYED = Dictionary(tuple(Column(name, "text") for name in ("mrn", *KINDS)))


def valued(listed):
    """Records of identifiers alone, or {identifier: values}, so many times; zeros where there is no value."""
    given = listed if isinstance(listed, dict) else dict.fromkeys(listed, ())
    rows = [(f"{name} {copy}", *values, 0, 0) for name, values in given.items() for copy in range(COPIES)]
    return pa.table({column: [row[k] for row in rows] for k, column in enumerate(("email", *FEATURES))})


def totals(tables, owner, column, between):
    made = {name: valued(each) for name, each in tables.items()}
    with network(made, dictionary=VALUED, rules=RULES) as net:
        answer = net.study("s").shared_total((owner, column), on="email", between=between)
    return answer.n / COPIES, answer.total.value / COPIES


def test_the_example_of_private_join_and_compute_has_two_in_common_and_a_sum_of_40(dealt):
    server = ["Sam", "Ada", "Ruby", "Brendan"]
    client = {"Ruby": (10,), "Ada": (30,), "Alexander": (5,), "Mika": (35,)}
    assert totals({"Server": server, "Client": client}, "Client", "first", ["Server", "Client"]) == (2, 40)


def test_the_example_of_private_ids_join_has_three_in_common_and_the_partners_sum_is_70(dealt):
    company = {"shelley.moreno": (0,), "derek.bell": (1,), "jeffrey.woods": (0,), "tonya.harris": (1,)}
    company |= {"david.carroll": (0,)}
    partner = {"shelley.moreno": (10,), "jeffrey.woods": (20,), "walter.holmes": (30,), "david.carroll": (40,)}
    tables = {"Company": company, "Partner": partner}
    assert totals(tables, "Partner", "first", ["Company", "Partner"]) == (3, 70)
    assert totals(tables, "Company", "first", ["Company", "Partner"]) == (3, 0)


# ---- delegated matching: one company, several partners

DELEGATED = {
    "Company": ["email1", "email2", "email3", "email4"],
    "First": {"email1": (10, 0), "email7": (50, 50)},
    "Second": {"email1": (20, 21), "email4": (30, 31)},
}


@pytest.mark.parametrize(
    ("sets", "exactly"),
    [
        (DELEGATED, {"C": 2, "1": 1, "C2": 1, "C12": 1}),
        (
            {"Company": "abcdef", "First": "abcgf", "Second": "abdh"},
            {"C": 1, "1": 1, "2": 1, "C1": 2, "C2": 1, "C12": 2},
        ),
    ],
    ids=["Ex0", "calculate_id_map"],
)
def test_each_set_of_companies_and_partners_has_as_many_as_in_private_ids_example(dealt, sets, exactly):
    names = [{"Company": "C", "First": "1", "Second": "2"}[name] for name in sets]
    tables = {name: valued(list(each)) for name, each in sets.items()}
    with network(tables, dictionary=VALUED, rules=RULES) as net:
        answer = net.study("s").overlap(on="email")
    found = {"".join(n for k, n in enumerate(names) if m >> k & 1): answer.exactly[m - 1] for m in range(1, 8)}
    assert {within: n / COPIES for within, n in found.items() if n} == exactly
    assert answer.distinct == COPIES * sum(exactly.values())


@pytest.mark.parametrize(
    ("partner", "sums"), [("First", [(1, 10), (1, 0)]), ("Second", [(2, 50), (2, 52)])], ids=["first", "second"]
)
def test_features_of_a_partner_add_up_over_what_the_company_knows(dealt, partner, sums):
    tables = {name: DELEGATED[name] for name in ("Company", partner)}
    assert [totals(tables, partner, column, ["Company", partner]) for column in ("first", "second")] == sums


# ---- several identifiers


def in_turn(company, partner):
    """Private-ID's rule: (row, row) -> the rank of the company's identifier by which they were joined."""
    joined = {}
    for rank in range(max(map(len, company))):
        holder = {row[rank]: c for c, row in enumerate(company) if len(row) > rank}
        for p, row in enumerate(partner):
            free = {holder[each] for each in row if each in holder} - {c for c, _ in joined}
            if free and p not in {taken for _, taken in joined}:
                joined[min(free), p] = rank
    return joined


def keyed(rows):
    """Ranked identifiers of each row as records: a column for each kind, two of a kind in two records of a patient."""
    records = []
    for place, row in enumerate(rows):
        for copy in range(COPIES):
            waiting = [(next(kind for kind in KINDS if each.startswith(kind)), f"{each} {copy}") for each in row]
            while waiting:
                record = dict(reversed(waiting))
                records.append({"mrn": f"{place} {copy}"} | record)
                waiting = [(kind, each) for kind, each in waiting if record[kind] != each]
    return pa.table({name: pa.array([r.get(name) for r in records], pa.string()) for name in ("mrn", *KINDS)})


def known(company, partner):
    """How many of the company's the partner knows, and by which kind first; of one copy."""
    tables = {"Company": keyed(company), "Partner": keyed(partner)}
    with network(tables, dictionary=KEYED, rules=RULES) as net:
        answer = net.study("s").linked_patients(
            between=["Company", "Partner"], keys=list(KINDS), patient="mrn", by_key=True
        )
    first = {kind: n // COPIES for kind, n in zip(KINDS, answer.first_found, strict=True) if n}
    assert answer.found % COPIES == 0
    return answer.found // COPIES, first


MULTI_KEY = [["email1", "phone1"], ["phone2"], ["email3"]]
EXAMPLES = {
    "private_id_multi_key Ex2": (MULTI_KEY, [["phone1", "phone2"], ["email1"], ["email3"]]),
    "private_id_multi_key Ex4": (
        [["email1", "phone1", "zip1", "fnln1"], ["email2"], ["email3", "phone3", "zip3", "fnln3"]],
        [["fnln1", "fnln3"], ["phone1"], ["zip3"]],
    ),
    "dpmc Ex6": (
        [["email1", "phone1"], ["email2", "phone2", "zip2"], ["email3", "phone3", "zip3"]],
        [["email1", "fnln1"], ["zip2"], ["phone3"]],
    ),
}
JOINED = {
    "private_id_multi_key Ex2": {(0, 1), (1, 0), (2, 2)},
    "private_id_multi_key Ex4": {(0, 1), (2, 2)},
    "dpmc Ex6": {(0, 0), (1, 1), (2, 2)},
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_as_many_are_found_as_private_id_joins_each_by_the_first_identifier_in_common(dealt, example):
    company, partner = EXAMPLES[example]
    joined = in_turn(company, partner)
    assert joined.keys() == JOINED[example]
    by = Counter(company[c][rank].rstrip("123") for (c, _), rank in joined.items())
    assert known(company, partner) == (len(joined), by)


def test_a_record_to_which_two_patients_lead_finds_both_where_private_id_gives_it_to_one(dealt):
    partner = [["email1", "phone2"], ["phone1"], ["email3"]]  # of dspmc Ex1
    assert in_turn(MULTI_KEY, partner).keys() == {(0, 0), (2, 2)}
    assert known(MULTI_KEY, partner) == (3, {"email": 2, "phone": 1})


def test_an_identifier_of_two_patients_finds_neither_where_private_id_takes_one_of_them(dealt):
    once, twice = [["email1"], ["email2"]], [["email1"], ["email1"], ["email2"]]
    assert len(in_turn(twice, once)) == len(in_turn(once, twice)) == 2
    assert known(twice, once) == known(once, twice) == (1, {"email": 1})


def test_identifiers_of_two_kinds_never_meet_where_private_id_compares_any_with_any(dealt):
    dictionary = Dictionary(tuple(Column(name, "text") for name in ("mrn", "phone", "zip")))
    number = pa.table({"mrn": ["1", "2", "3"], "phone": ["41 1", "41 2", "41 3"], "zip": pa.nulls(3, pa.string())})
    tables = {"Company": number, "Partner": number.rename_columns(["mrn", "zip", "phone"])}
    assert len(in_turn([["41 1"], ["41 2"], ["41 3"]], [["41 1"], ["41 2"], ["41 3"]])) == 3
    with network(tables, dictionary=dictionary, rules=RULES) as net:
        answer = net.study("s").linked_patients(between=["Company", "Partner"], keys=["phone", "zip"])
    assert answer.found == 0
