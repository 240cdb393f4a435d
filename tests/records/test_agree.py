"""Agreeing on one dictionary: what may differ between institutions, and how a difference is told."""

import itertools

import pytest

from securecompute.errors import InvalidRequest
from securecompute.records.dictionary import Column, Dictionary, agree


def categorical(*categories, name="sex"):
    return Dictionary((Column(name, "categorical", categories=categories),))


def number(low, high, kind="number", unit=None):
    return Dictionary((Column("x", kind, unit=unit, low=low, high=high),))


UNSEEN = categorical(name="x")


def refusal(inferred):
    with pytest.raises(InvalidRequest) as caught:
        agree(inferred)
    return str(caught.value)


def test_equal_dictionaries_agree_on_themselves():
    assert agree({"a": number(0, 8), "b": number(0, 8)}) == number(0, 8)


def test_the_widest_range_holds():
    assert agree({"a": number(0, 8), "b": number(-2, 4)}) == number(-2, 8)


def test_whole_numbers_here_and_decimals_there_are_numbers():
    assert agree({"a": number(0, 8, "integer"), "b": number(0, 4)}) == number(0, 8)


def test_categories_that_differ_in_blanks_only_are_told_with_the_remedy():
    text = refusal({"a": categorical("m", "m ", "w"), "b": categorical("m", "w")})
    assert "column 'sex' has categories that differ in blanks only: 'm ' beside 'm'. Take the blanks away" in text
    assert agree({"a": categorical(" m", "w")}) == categorical(" m", "w")


def test_a_column_without_values_fits_any_type():
    assert agree({"a": UNSEEN, "b": number(0, 4)}) == number(0, 4)
    assert agree({"a": UNSEEN, "b": UNSEEN}) == UNSEEN


def test_smaller_institutions_may_have_seen_fewer_categories():
    assert agree({"a": categorical("f"), "b": categorical("f", "m")}) == categorical("f", "m")


def test_the_order_of_the_institutions_does_not_matter():
    inferred = {"a": categorical("f"), "b": categorical("m", "f"), "c": categorical("m")}
    assert len({agree(dict(order)) for order in itertools.permutations(inferred.items())}) == 1


def test_categories_that_nobody_holds_together_say_who_lacks_what():
    text = refusal({"a": categorical("f", "m"), "b": categorical("f", "u")})
    assert "column 'sex' has other categories: 'a' lacks 'u'; 'b' lacks 'm'. Declare its categories" in text


def test_a_missing_column_says_where():
    both = Dictionary((*number(0, 1).columns, *categorical("f").columns))
    assert "column 'sex' is missing at 'b', 'c'" in refusal({"a": both, "b": number(0, 1), "c": number(0, 1)})


def test_another_type_says_where():
    text = refusal({"a": number(0, 1), "b": number(0, 1), "c": categorical("1", name="x")})
    assert "column 'x' is number at 'a', 'b'; categorical at 'c'. Declare one type in the dictionary." in text


def test_another_unit_says_where():
    text = refusal({"east": number(0, 1, unit="mmol/mol"), "north": number(0, 1, unit="%")})
    assert "column 'x' is mmol/mol at 'east'; % at 'north'. Declare one unit in the dictionary." in text


def test_every_problem_is_listed_at_once():
    here = Dictionary((Column("p", "date"), Column("q", "integer"), Column("r", "text")))
    there = Dictionary((Column("p", "text"), Column("q", "integer", unit="kg")))
    text = refusal({"a": here, "b": there})
    assert all(f"column '{name}'" in text for name in "pqr")


def test_no_institution_is_no_agreement():
    assert "no institution" in refusal({})
