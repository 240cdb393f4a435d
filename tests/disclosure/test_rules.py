"""The rules of stewards."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.disclosure.rules import LINKED_FOR, Rules, strictest
from securecompute.errors import DisclosureRefused, InvalidRequest

NAMES = st.none() | st.lists(st.sampled_from("abcde"), max_size=5, unique=True).map(tuple)
RULES = st.builds(
    Rules,
    min_cell=st.integers(3, 50),
    min_institutions=st.integers(3, 50),
    analyses=NAMES,
    columns=NAMES,
    max_records=st.integers(1, 2**40),
    linkage=st.sampled_from(LINKED_FOR),
    keys=NAMES,
    lists_to=NAMES,
)


@given(RULES)
def test_plain_rules_go_through_json_unchanged(rules):
    assert Rules.from_plain(json.loads(json.dumps(rules.to_plain()))) == rules


@given(st.lists(RULES, min_size=1, max_size=4))
def test_the_strictest_rules_refuse_whatever_one_of_them_refuses(many):
    merged = strictest(*many)
    assert merged.min_cell == max(rules.min_cell for rules in many)
    assert merged.min_institutions == max(rules.min_institutions for rules in many)
    for name in "abcde":
        for field in ("analyses", "columns", "keys", "lists_to"):
            allowed = all(getattr(rules, field) is None or name in getattr(rules, field) for rules in many)
            assert (getattr(merged, field) is None or name in getattr(merged, field)) == allowed


@given(st.lists(RULES, min_size=2, max_size=4), st.randoms())
def test_the_order_of_institutions_does_not_matter(many, random):
    shuffled = list(many)
    random.shuffle(shuffled)
    assert strictest(*many) == strictest(*shuffled)


def test_the_room_for_records_is_that_of_the_largest_institution():
    assert strictest(Rules(max_records=10), Rules(max_records=1000)).max_records == 1000


def test_without_rules_nothing_is_merged():
    with pytest.raises(InvalidRequest, match="without rules nothing runs"):
        strictest()


@pytest.mark.parametrize("field", ["min_cell", "min_institutions"])
def test_a_minimum_below_three_is_refused(field):
    with pytest.raises(InvalidRequest, match=f"'{field}' is 2; it must be a whole number of at least 3"):
        Rules(**{field: 2})


@pytest.mark.parametrize("value", [True, 10.0, "10", None])
def test_a_minimum_is_a_whole_number(value):
    with pytest.raises(InvalidRequest, match="min_cell"):
        Rules(min_cell=value)


@pytest.mark.parametrize("value", ["age", ["age"], (1,)])
def test_a_list_of_columns_holds_names(value):
    with pytest.raises(InvalidRequest, match="rule 'columns' must be a list of names"):
        Rules(columns=value)


def test_rules_are_read_from_their_table_of_a_toml_file(tmp_path):
    path = tmp_path / "institution.toml"
    path.write_text('[rules]\nmin_cell = 11\ncolumns = ["age"]\n[other]\nx = 1\n')
    assert Rules.from_toml(path) == Rules(min_cell=11, columns=("age",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[rules]\nmin_cel = 11", "unknown rule 'min_cel'; the rules are min_cell"),
        ("[rules]\nmin_cell = 1", "at least 3"),
        ("[rules]\ncolumns = 'age'", "list of names"),
        ("min_cell = 11", r"no \[rules\] table"),
        ("rules = 3", "must be a table"),
        ("[rules", "cannot be read"),
    ],
)
def test_a_fault_in_the_file_is_not_taken_for_the_defaults(tmp_path, text, message):
    path = tmp_path / "institution.toml"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=message):
        Rules.from_toml(path)


def test_a_missing_file_is_not_taken_for_the_defaults(tmp_path):
    with pytest.raises(InvalidRequest, match="cannot be read"):
        Rules.from_toml(tmp_path / "none.toml")


def test_what_is_not_listed_is_refused_by_the_name_of_the_rule():
    rules = Rules(analyses=("count", "describe"), columns=("age",))
    rules.permits("describe", ["age"])
    with pytest.raises(DisclosureRefused, match=r"rule 'analyses' does not list it\. It lists count, describe"):
        rules.permits("crosstab", ["age"])
    with pytest.raises(DisclosureRefused, match="describe: rule 'columns' does not list 'hiv'"):
        rules.permits("describe", ["age", "hiv"])


def test_an_empty_list_permits_nothing():
    with pytest.raises(DisclosureRefused, match="It lists nothing"):
        Rules(analyses=()).permits("count", [])


def test_without_lists_all_is_permitted():
    Rules().permits("crosstab", ["age", "hiv"])


def test_too_few_institutions_are_refused_without_a_number():
    Rules(min_institutions=5).permits_institutions(5)
    with pytest.raises(DisclosureRefused, match="min_institutions") as refusal:
        Rules(min_institutions=5).permits_institutions(4)
    assert not re.search(r"\d", str(refusal.value))


@pytest.mark.parametrize("purpose", LINKED_FOR)
def test_each_linkage_allows_what_comes_before_it(purpose):
    for allowed in LINKED_FOR:
        rules = Rules(linkage=allowed)
        if LINKED_FOR.index(allowed) >= LINKED_FOR.index(purpose):
            rules.permits_linkage(purpose)
        else:
            with pytest.raises(DisclosureRefused, match=f"rule 'linkage' is '{allowed}'"):
                rules.permits_linkage(purpose)


def test_patients_are_told_apart_by_the_columns_of_the_rules_and_by_all_where_they_say_nothing():
    Rules().permits_key("overlap", ["born", "mrn"])
    some = Rules(columns=("age", "born", "mrn"), keys=("born", "mrn"))
    some.permits_key("overlap", ["mrn"])
    some.permits_columns("overlap", ["age"])
    with pytest.raises(DisclosureRefused, match=r"overlap: rule 'keys' does not list 'age'\. It lists born, mrn; tell"):
        some.permits_key("overlap", ["mrn", "age"])
    with pytest.raises(DisclosureRefused, match="rule 'columns' does not list 'mrn'"):
        Rules(columns=("age",), keys=("mrn",)).permits_key("overlap", ["mrn"])


def test_lists_are_told_to_whom_the_rules_list_and_to_all_where_they_say_nothing():
    Rules(linkage="lists").permits_list(["Mayo", "Duke"])
    Rules(linkage="lists", lists_to=()).permits_list([])
    some = Rules(linkage="lists", lists_to=("Mayo",))
    some.permits_list(["Mayo"])
    with pytest.raises(DisclosureRefused, match=r"rule 'lists_to' does not list 'Duke'\. It lists Mayo; ask"):
        some.permits_list(["Mayo", "Duke"])
    with pytest.raises(DisclosureRefused, match="rule 'linkage' is 'counts'"):
        Rules(lists_to=("Mayo",)).permits_list(["Mayo"])
