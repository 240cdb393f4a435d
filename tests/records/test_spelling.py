"""One spelling for what is written differently: by kind, by form, and the same in every batch."""

import datetime
import unicodedata

import jellyfish
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securecompute.errors import InvalidRequest
from securecompute.records.spelling import FORMS, KINDS, natural, shape, spell

ASCII = st.text(st.characters(max_codepoint=127), max_size=12)
ANY = st.text(max_size=12)


def texts(values):
    return pa.array(values, pa.large_string())


def spelled(values, kind="text"):
    return spell(texts(values), kind).to_pylist()


def shaped(values, form, kind="text"):
    return shape(spell(texts(values), kind), form).to_pylist()


@pytest.mark.parametrize(
    ("written", "is_spelled"),
    [
        ("  Müller-LÜDENSCHEIDT ", "müller-lüdenscheidt"),
        ("mu\u0308ller", "müller"),
        ("Straße", "strasse"),
        ("ﬁnn", "finn"),
        ("ＡＢＣ １２", "abc 12"),
        ("van\u00a0der\t\tBerg", "van der berg"),
        ("van  der  Berg", "van der berg"),
        ("soft\u00adhyphen\u200b", "softhyphen"),
        ("\x1fa\x1cb\x0b", "a b"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("   ", None),
        ("\u200b", None),
        (None, None),
    ],
)
def test_text_has_one_spelling(written, is_spelled):
    assert spelled([written]) == [is_spelled]


@pytest.mark.parametrize(
    ("written", "is_spelled"),
    [
        ("943 476-5919", "9434765919"),
        ("A/12.3", "a123"),
        ("0049 30 1", "49301"),
        ("000", "0"),
        ("１２ ３", "123"),
        ("12é-3", "12é3"),
        ("--", None),
    ],
)
def test_a_number_is_its_letters_and_digits(written, is_spelled):
    assert spelled([written], "number") == [is_spelled]


@pytest.mark.parametrize("written", ["1961-03-07", "19610307", "1961/03/07", "1961.03.07", "7.3.1961", " 07.03.1961 "])
def test_a_date_is_iso_8601(written):
    assert spelled([written], "date") == ["1961-03-07"]


@pytest.mark.parametrize(
    "written", ["1961-02-29", "1961-3-7", "1961-03/07", "03/07/1961", "7.3.61", "0000-01-01", "19610307x", "", "soon"]
)
def test_what_is_no_day_of_the_calendar_or_ambiguous_is_missing(written):
    assert spelled([written], "date") == [None]


def test_numbers_and_days_are_spelled_as_their_texts_are():
    assert spell(pa.array([7, 0, None]), "number").to_pylist() == spelled(["007", "0", None], "number")
    assert spell(pa.array([7.0, None]), "number").to_pylist() == ["7", None]
    days = pa.array([datetime.date(1961, 3, 7), None])
    for kind, text in (("date", "1961-03-07"), ("text", "1961-03-07"), ("number", "19610307")):
        assert spell(days, kind).to_pylist() == [text, None] == spelled(["1961-03-07", None], kind)
    assert spell(pa.array([19610307, -1]), "date").to_pylist() == ["1961-03-07", None]
    assert spell(pa.nulls(2), "text").to_pylist() == [None, None]


def test_numbers_below_zero_are_codes_for_missing_and_decimals_are_refused():
    assert spell(pa.array([-9, 9]), "number").to_pylist() == [None, "9"]
    with pytest.raises(InvalidRequest, match="decimals"):
        spell(pa.array([1.5]), "number")


def test_a_columns_type_says_how_it_is_spelled():
    types = (pa.large_string(), pa.int64(), pa.float64(), pa.date32(), pa.null())
    assert [natural(each) for each in types] == ["text", "number", "number", "date", "text"]


@given(ASCII)
def test_ascii_is_spelled_as_python_spells_it(text):
    slow = unicodedata.normalize("NFKC", text.casefold())
    assert spelled([text]) == [" ".join(slow.split()) or None]


@given(ANY, st.sampled_from(KINDS))
def test_spelling_again_changes_nothing(text, kind):
    (once,) = spelled([text], kind)
    assert spelled([once], kind) == [once]


@given(ANY, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_the_form_of_unicode_and_the_case_do_not_matter(text, form):
    assert spelled([unicodedata.normalize(form, text)]) == spelled([text])
    assert spelled([text.casefold()]) == spelled([text])


@given(st.lists(st.none() | ANY | ASCII, max_size=8), st.sampled_from(KINDS), st.sampled_from(FORMS))
def test_a_value_is_spelled_alone_as_among_others_and_in_a_slice(values, kind, form):
    together = shaped(values, form, kind)
    assert together == [shaped([value], form, kind)[0] for value in values]
    padded = pa.array(["É ", *values, "X"], pa.large_string())
    assert shape(spell(padded.slice(1, len(values)), kind), form).to_pylist() == together


def test_a_slice_is_read_from_where_it_starts():
    assert spell(texts(["plain", " É"]).slice(1), "text").to_pylist() == ["é"]
    assert spell(texts(["plain", "a b"]).slice(1), "number").to_pylist() == ["ab"]


def test_forms_of_names():
    names = ["Kate-Lin O'Brien", "Müller", "łukasz", "李", "'", None]
    assert shaped(names, "whole") == ["kate-lin o'brien", "müller", "łukasz", "李", "'", None]
    assert shaped(names, "letters") == ["katelinobrien", "muller", "łukasz", "李", None, None]
    assert shaped(names, "initial") == ["k", "m", "ł", "李", None, None]
    assert shaped(names, "soundex") == ["K345", "M460", "U220", None, None, None]
    assert shaped(names, "first3") == ["kat", "mül", "łuk", "李", "'", None]
    assert shaped(["7.3.1961", None], "year", "date") == ["1961", None]


# American Soundex; the last three tell its dialects apart: h does not part equal codes, a vowel does
SOUNDEX = {"robert": "R163", "rupert": "R163", "rubin": "R150", "lee": "L000", "ashcraft": "A261", "tymczak": "T522"}


@pytest.mark.parametrize(("name", "sound"), [*SOUNDEX.items(), ("pfister", "P236")])
def test_soundex_is_the_dialect_that_identifiers_were_made_with(name, sound):
    assert shaped([name], "soundex") == [sound] == [jellyfish.soundex(name)]
