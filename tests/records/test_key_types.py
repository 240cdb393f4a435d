"""Key types: labels, keys and strings that no other list of fields has."""

import itertools

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.records import key_types
from securecompute.records.key_types import AnyOrder, Field, KeyType, Spelled, strings

NAMES = AnyOrder(Field("given"), Field("family"))


def of(*parts):
    return KeyType.of(parts).under({"given": "text", "family": "text", "born": "date", "number": "number"})


def made(key_type, **columns):
    """The strings, and the records they are of."""
    spelled = Spelled({name: pa.array(values, pa.large_string()) for name, values in columns.items()})
    places, data, offsets = strings(key_type, spelled)
    whole = data.tobytes()
    return places.tolist(), [whole[a:b] for a, b in itertools.pairwise(offsets)]


def test_fields_are_put_together_behind_their_lengths():
    assert made(of("given", "family"), given=["Ana"], family=["Ó"]) == ([0], [b"\0\3ana\0\2\xc3\xb3"])


def test_a_record_without_a_field_lacks_the_key():
    made_of = made(of("given", "born"), given=["a", None, "c", " "], born=["1961-03-07", "1961-03-07", "soon", None])
    assert made_of[0] == [0]


def test_nobody_has_the_key():
    assert made(of("given"), given=[None, ""]) == ([], [])
    assert made(of("given"), given=[]) == ([], [])


@given(st.lists(st.tuples(*[st.text("ab", max_size=3)] * 2), min_size=2, max_size=20))
def test_different_fields_are_different_strings(records):
    places, found = made(of("given", "family"), given=[a for a, _ in records], family=[b for _, b in records])
    assert places == [k for k, (a, b) in enumerate(records) if a and b]
    by_string = {string: records[k] for k, string in zip(places, found, strict=True)}
    assert all(by_string[string] == records[k] for k, string in zip(places, found, strict=True))
    assert len(by_string) == len({records[k] for k in places})


def test_two_fields_in_any_order_are_one_string():
    one, other = {"given": ["ana"], "family": ["berg"]}, {"given": ["berg"], "family": ["ana"]}
    assert made(of(NAMES), **one) == made(of(NAMES), **other) == made(of("given", "family"), **one)
    assert made(of("given", "family"), **one) != made(of("given", "family"), **other)


DIFFERENT = [
    of("given"),
    of("family"),
    of("given", "family"),
    of("family", "given"),
    of(NAMES),
    of(Field("given", "soundex")),
    of(Field("given", kind="number")),
    of(Field("given", kind="date")),
    of(Field("given", "year", "date")),
]


def test_different_key_types_have_different_keys(monkeypatch):
    keys = {each.key() for each in DIFFERENT}
    monkeypatch.setattr(key_types, "VERSION", 2)
    keys |= {each.key() for each in DIFFERENT}
    assert len(keys) == 2 * len(DIFFERENT)


def test_a_label_is_fixed_for_all_time():
    """Institutions of different versions compare it: whoever changes it counts up VERSION."""
    assert of(NAMES, "born").label().hex() == (
        "92019292" "93a5676976656ea474657874a577686f6c65" "93a666616d696c79a474657874a577686f6c65"
        "91" "93a4626f726ea464617465a577686f6c65"
    )  # fmt: skip
    assert of("number").key().hex() == KeyType.of("number").under({"number": "number"}).key().hex()


def test_a_label_needs_the_kinds():
    with pytest.raises(InvalidRequest, match="column 'born' is text, a number or a date is not known"):
        KeyType.of("born").label()


def test_key_types_are_shown_as_people_read_them():
    assert str(of(AnyOrder(Field("given", "soundex"), Field("family", "soundex")), "born")) == (
        "soundex(given) and soundex(family) in any order, born"
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: KeyType.of([]), "at least one field"),
        (lambda: KeyType.of(["a", "a"]), "twice"),
        (lambda: Field(""), "named"),
        (lambda: Field("a", "sondex"), "did you mean 'soundex'"),
        (lambda: Field("a", kind="txt"), "did you mean 'text'"),
        (lambda: Field("a", "year", "text"), "only a date has a year"),
        (lambda: Field("a", "soundex", "number"), "'a' is a number; only a text has a soundex"),
        (lambda: KeyType.of(Field("a", "soundex")).under({"a": "date"}), "only a text has a soundex"),
        (lambda: KeyType.of(Field("a", "year")).under({"a": "text"}), "only a date has a year"),
    ],
)
def test_what_makes_no_key_is_refused(make, says):
    with pytest.raises(InvalidRequest, match=says):
        make()


def test_the_longest_field_is_taken_and_a_longer_one_is_unreadable():
    places, (string,) = made(of("given"), given=["x" * 65536, "x" * 65535])
    assert places == [1] and string == b"\xff\xff" + b"x" * 65535


def test_a_column_that_cannot_identify_is_named():
    spelled = Spelled({"weight": pa.array([70.5])})
    with pytest.raises(InvalidRequest, match="column 'weight' holds numbers with decimals"):
        strings(KeyType.of("weight").under({"weight": "number"}), spelled)
