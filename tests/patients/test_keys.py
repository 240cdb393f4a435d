"""Keys as texts: what is written is read again, whatever columns are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.patients.keys import key_of_text, key_of_texts, known_key, known_keys, texts_of
from securecompute.records.dictionary import Column, Dictionary
from securecompute.records.key_types import AnyOrder, Field, KeyType

NAMES = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(["a and b", "born as date", 'so "called"', "dose (mg)", "x and y in any order", '"', "year(born)"]),
)
FIELDS = st.builds(Field, NAMES, st.sampled_from(["whole", "soundex", "initial"]), st.sampled_from([None, "text"]))
DICTIONARY = Dictionary(
    (Column("surname", "text"), Column("given", "text"), Column("born", "date"), Column("dose (mg)", "number"))
)


@given(st.lists(st.one_of(FIELDS, st.builds(AnyOrder, FIELDS, FIELDS)), min_size=1, max_size=3))
def test_a_key_is_read_again_from_its_texts(parts):
    try:
        key = KeyType(tuple(parts))
    except InvalidRequest:  # a field stands in it twice
        return
    assert key_of_texts(texts_of(key)) == key


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("surname", Field("surname")),
        ("soundex(surname)", Field("surname", "soundex")),
        ("born as date", Field("born", kind="date")),
        ("year(born) as date", Field("born", "year", "date")),
        ("given and surname in any order", AnyOrder(Field("given"), Field("surname"))),
        ('"dose (mg)" as number', Field("dose (mg)", kind="number")),
    ],
)
def test_texts_say_what_they_look_like(text, part):
    assert key_of_texts([text]).parts == (part,)
    assert texts_of(KeyType((part,))) == [text]


def test_one_field_is_a_key_and_a_columns_name_is_that_column():
    assert known_key("surname", DICTIONARY) == known_key(Field("surname"), DICTIONARY) == ["surname"]
    assert known_key(["dose (mg)", "born"], DICTIONARY) == ['"dose (mg)"', "born"]
    assert known_key("date(born)", Dictionary((Column("date(born)", "text"),))) == ['"date(born)"']


@pytest.mark.parametrize(
    ("on", "error"),
    [
        ("surnam", "no column 'surnam'.*surname"),
        ("metaphone(surname)", r"'metaphone\(surname\)' is no field of a key: a column, or one of .*soundex"),
        ("born as dates", "no kind 'dates'.*date"),
        (["surname", "surname"], "stands twice"),
        ([], "at least one field"),
        (5, "on=\\['surname', 'born as date'\\]"),
        (None, "on=\\['surname', 'born as date'\\]"),
        ("date(born)", "'born as date'"),
        (["surname", "number(given)"], "'given as number'"),
        ('text("dose (mg)")', "'\"dose \\(mg\\)\" as text'"),
        ("metaphone(surname)", "'born as date', 'id as number'"),
        ("year(surname) as text", "'year\\(surname\\) as date'"),
        ([5], r"a field of a key is a column, in one list of them: on=\['surname', 'born'\]; not 5"),
        ([["surname", "born"]], r"in one list of them: .*; not \['surname', 'born'\]"),
        (
            "surname, born",
            r"'surname, born' is several columns in one text; write a list of them: \['surname', 'born'\]",
        ),
        (["surname and born"], r"write a list of them: \['surname', 'born'\]"),
    ],
)
def test_what_is_no_key_is_a_clear_error(on, error):
    with pytest.raises(InvalidRequest, match=error):
        known_key(on, DICTIONARY)


names = st.text(st.sampled_from('ab"+() ,'), min_size=1, max_size=6).filter(str.strip)


@given(st.lists(st.lists(names, min_size=1, max_size=3, unique=True), min_size=1, max_size=3, unique_by=tuple))
def test_keys_as_texts_are_the_keys_that_they_were_made_from(columns):
    dictionary = Dictionary(tuple(Column(name, "text") for name in {name for each in columns for name in each}))
    keys = [KeyType(tuple(map(Field, each))) for each in columns]
    texts = known_keys(keys, dictionary)
    assert [key_of_text(text) for text in texts] == keys
    assert known_keys(texts, dictionary) == texts


def test_fields_in_any_order_are_joined_and_split():
    key = KeyType((AnyOrder(Field("a + b", "letters"), Field("c")), Field("d", kind="date")))
    dictionary = Dictionary(tuple(Column(name, "text") for name in ("a + b", "c", "d")))
    (text,) = known_keys([key], dictionary)
    assert text == 'letters("a + b") and c in any order + d as date'
    assert key_of_text(text) == key
