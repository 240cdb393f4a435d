"""Cohort text: what is read, in which canonical form, and how everything else is named and refused."""

import datetime
import logging

import pytest

from securecompute.errors import InvalidRequest
from securecompute.records.cohort import parse
from securecompute.records.dictionary import Column, Dictionary

DICTIONARY = Dictionary((
    Column("age", "integer", low=0, high=120),
    Column("bmi", "number"),
    Column("sex", "categorical", categories=("female", "male", "it's")),
    Column("alive", "categorical", categories=("false", "true")),
    Column("seen", "date"),
    Column("note", "text"),
    Column("order", "integer"),
    Column('odd "name', "integer"),
    Column("and", "integer"),
))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "canonical", "sql", "parameters"),
    [
        ("age>=60 AND sex='female'", "age >= 60 and sex = 'female'", '"age" >= ? and "sex" = ?', [60, "female"]),
        ("60 < age", "age > 60", '"age" > ?', [60]),
        ("age != 6.0e1", "age <> 60", '"age" <> ?', [60]),
        ("age > 59.5", "age > 59.5", '"age" > ?', [59.5]),
        ("age between -1.5 and 2.5", "age between -1 and 2", '"age" between ? and ?', [-1, 2]),
        ("bmi <= -0.0", "bmi <= 0", '"bmi" <= ?', [0.0]),
        ("alive = true", "alive = 'true'", '"alive" = ?', ["true"]),
        ("sex in ('it''s')", "sex in ('it''s')", '"sex" in (?)', ["it's"]),
        ("not sex in ('male')", "sex not in ('male')", '"sex" not in (?)', ["male"]),
        ("not (sex in ('male'))", "not (sex in ('male'))", 'not ("sex" in (?))', ["male"]),
        ("note is not null", "note is not null", '"note" is not null', []),
        ("seen > '2024-02-29'", "seen > '2024-02-29'", '"seen" > ?', [datetime.date(2024, 2, 29)]),
        ("order = 1", "order = 1", '"order" = ?', [1]),
        ('"odd ""name" = 1', '"odd ""name" = 1', '"odd ""name" = ?', [1]),
        ('"and" = 1 and age = 2', '"and" = 1 and age = 2', '"and" = ? and "age" = ?', [1, 2]),
        ("note = '1); drop table records --'", "note = '1); drop table records --'", '"note" = ?', None),
        ("((age = 1))", "age = 1", '"age" = ?', [1]),
        ("not age = 1 and age = 2", "not (age = 1) and age = 2", 'not ("age" = ?) and "age" = ?', [1, 2]),
        ("age=1 or age=2 and age=3", "age = 1 or (age = 2 and age = 3)", None, [1, 2, 3]),
        ("age=1 and (age=2 and age=3)", "age = 1 and (age = 2 and age = 3)", None, [1, 2, 3]),
    ],
)
def test_a_text_has_one_canonical_form_and_sql_without_values(text, canonical, sql, parameters):
    cohort = parse(text, DICTIONARY)
    written, values = cohort.sql()
    assert str(cohort) == canonical and parse(canonical, DICTIONARY) == cohort
    assert sql in (None, written) and parameters in (None, values)
    assert written.count("?") == len(values)


def test_it_says_which_columns_it_looks_at():
    assert parse("age = 1 or (sex = 'male' and age = 2)", DICTIONARY).columns == ("age", "sex")


@pytest.mark.parametrize(
    ("text", "construct"),
    [
        ("age in (select 1)", "a subquery"),
        ("exists (select 1)", "a subquery"),
        ("age = (with x as (select 1) select 1)", "a subquery"),
        ("select age", "a subquery"),
        ("lower(sex) = 'male'", r"a function \(lower\)"),
        ("age(sex) = 1", r"a function \(age\)"),
        ('"age"(1) = 1', r"a function \(age\)"),
        ("age = any(1)", r"a function \(any\)"),
        ("read_csv('/etc/passwd')", r"a function \(read_csv\)"),
        ("age = 1;", "a semicolon"),
        ("age = 1; drop table records", "a semicolon"),
        ("age = 1 -- x", "a comment"),
        ("age = 1 /* x */", "a comment"),
        ("/* x */ age = 1", "a comment"),
        ("/*+ x */ age = 1", "a comment"),
        ("-- x", "a comment"),
        ("age::text = '1'", "a cast"),
        ("cast(age as text) = '1'", "a cast"),
        ("try_cast(age as text) = '1'", "a cast"),
        ("age + 1 = 2", "arithmetic"),
        ("age - 1 = 2", "arithmetic"),
        ("age = 1-1", "arithmetic"),
        ("age = - -1", "arithmetic"),
        ("age % 2 = 1", "arithmetic"),
        ("age * 2 = 1", "a star or a product"),
        ("*", "a star"),
        ("sex like 'f%'", "a pattern"),
        ("sex not like 'f%'", "a pattern"),
        ("sex ilike 'f%'", "a pattern"),
        ("sex ~ 'f'", "a pattern"),
        ("sex similar to 'f'", "a pattern"),
        ("case when age = 1 then true end", "a case"),
        ("sex || 'x' = 'y'", "joining of texts"),
        ("other.age = 1", "a dot"),
        ("age.other = 1", "a dot"),
        ("age = ?", "a parameter"),
        ("age = $1", "a parameter"),
        ("age == 1", "the sign =="),
        ("age[1] = 1", "a bracket"),
        ("age -> 1 = 1", "the sign ->"),
        ("not !(age = 1)", "the sign !"),
        ("sex = $$male$$", "a text in other quotes"),
        ("$$age$$ = 1", "a text in other quotes"),
        ("sex = e'male'", "a text in other quotes"),
        ("sex = 'male", "a quote that is not closed"),
        ("sex = 'ma' 'le'", "this form as a value"),
        ("age in ()", "in without a list"),
        ("age is true", "is with anything but null"),
        ("age isnull", "isnull"),
        ("age > 5 & age < 9", r"the sign & \(write and\)"),
        ("age > 5 || age < 9", r"joining of texts \(between conditions, write or\)"),
        ("age ≥ 5", r"the sign ≥ \(write >=\)"),
        ("age => 5", r"the sign => \(write >=\)"),
        ("sex = ‘male’", r"the quote ‘ \(write the straight one, '\)"),
        ("sex = „male“", r"the quote „ \(write the straight one, '\)"),
        ("seen > 2024-01-31", r"arithmetic \(a date stands in quotes, as '2024-01-31'\)"),
    ],
)
def test_any_other_construct_is_named_with_what_is_allowed(text, construct):
    with pytest.raises(InvalidRequest, match=f"a cohort cannot hold {construct}.*A cohort is made of: column = <>"):
        parse(text, DICTIONARY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the cohort is empty; leave it out to mean all records"),
        (" \n", "the cohort is empty"),
        ("agee = 1", "there is no column 'agee'; did you mean 'age'"),
        ("Age = 1", "there is no column 'Age'; did you mean 'age'"),
        ('sex = "male"', "there is no column 'male'; .*Values stand in single quotes"),
        ("sex = bmj", r"there is no column 'bmj'; did you mean 'bmi'\? Values stand in single quotes"),
        ("sex = male", "there is no column 'male'; .*Values stand in single quotes"),
        ("age between symmetric 1 and 2", "there is no column 'symmetric'"),
        ("sex = 'Male'", "column 'sex' has no category 'Male'; its categories are: 'female', 'male', 'it's'"),
        ("sex = 1", "column 'sex' is categorical; compare it with a category in quotes, not 1"),
        ("sex = true", "column 'sex' is categorical; compare it with a category in quotes, not true"),
        ("sex > 'female'", "column 'sex' is categorical and has no order; use =, <>, in or not in"),
        ("note between 'a' and 'b'", "column 'note' is text and has no order"),
        ("age >= 'x'", "column 'age' is integer; compare it with a number, not 'x'"),
        ("bmi in ('1')", "column 'bmi' is number; compare it with a number, not '1'"),
        ("age in (1, 2.5)", "column 'age' holds whole numbers; in takes no decimals there"),
        ("age = 9223372036854775808", "column 'age': the number 9223372036854775808 has too many digits"),
        ("age = 1.00000000000000000001", "too many digits for whole numbers"),
        ("bmi < 1e999", "column 'bmi': the number 1e999 is too long or too large"),
        ("seen = 20240229", "column 'seen' is date; compare it with 'YYYY-MM-DD', not 20240229"),
        ("seen = '20240229'", "column 'seen' is a date; '20240229' is not one written 'YYYY-MM-DD'"),
        ("seen = '2023-02-29'", "column 'seen' is a date; '2023-02-29' is not one"),
        ("age = null", "nothing equals null; write age is null, or is not null"),
        ("age in (1, null)", "nothing equals null"),
        ("age = bmi", "column 'age' is compared with another column; compare it with values"),
        ("age < 5 < 6", "compares one column with values, as in"),
        ("1 = 1", "compares one column with values"),
        ("(age, bmi) in ((1, 2))", "compares one column with values"),
        ("age in bmi", "in without a list|cannot be read"),
        ("alive", "a column or value alone is no condition; compare it"),
        ("true or age = 1", "a column or value alone is no condition"),
        ("age = 1 and", "the cohort cannot be read near 'and'"),
        ("(age = 1", "the cohort cannot be read near"),
        ("age = 1)", r"the cohort cannot be read near '\)'"),
        ("age = 1 age = 2", "the cohort cannot be read near 'age'"),
        ("age = 1 or " * 400 + "age = 1", "more than 4096 characters"),
        ("age=1or " * 400 + "age=1", "with every parenthesis written out, .* more than 4096 characters"),
        ("(" * 33 + "age = 1" + ")" * 33, "nested deeper than 32"),
        ("not " * 33 + "age = 1", "nested deeper than 32"),
        ("not (" * 17 + "age = 1" + ")" * 17, "nested deeper than 32"),
        ("(" * 2000, "nested deeper than 32"),
        (f"age in ({'1,' * 1000}1)", "column 'age': in takes at most 1,000 values"),
    ],
)
def test_a_faulty_text_says_what_to_write(text, message):
    with pytest.raises(InvalidRequest, match=message):
        parse(text, DICTIONARY)


def test_only_text_is_read():
    with pytest.raises(InvalidRequest, match="a cohort is text, not int"):
        parse(7, DICTIONARY)


@pytest.mark.parametrize(
    "text",
    ["(" * 32 + "age = 1" + ")" * 32, "not (" * 16 + "age = 1" + ")" * 16, " or ".join(["age = 1"] * 350)],
)
def test_texts_at_the_bounds_are_read(text):
    assert parse(str(parse(text, DICTIONARY)), DICTIONARY) == parse(text, DICTIONARY)


def test_half_a_character_is_refused():
    with pytest.raises(InvalidRequest, match="half a character"):
        parse("note = '\ud800'", DICTIONARY)


def test_a_list_at_its_bound_is_read():
    assert len(parse(f"age in ({','.join('1' * 1000)})", DICTIONARY).expression.values) == 1000


def test_nothing_is_printed_or_logged_about_a_refused_text(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    for text in ["if = 2", "sex = e'male'", "age = 1; x", "describe age"]:
        with pytest.raises(InvalidRequest):
            parse(text, DICTIONARY)
    assert caplog.text + "".join(capfd.readouterr()) == ""
