"""Study files: what they say, and a clear error for everything that they say wrongly."""

import re
from pathlib import Path

import pytest

from securecompute import study_file
from securecompute.analyses import catalogue
from securecompute.disclosure.rules import Rules
from securecompute.errors import InvalidRequest
from securecompute.protocols.sums.settings import Choice

STUDY = """
[study]
name = "indomethacin"

[[institution]]
name = "Indiana"
records = "data/indiana.parquet"

[[institution]]
name = "Michigan"
records = "data/michigan.parquet"

[[question]]
analysis = "crosstab"
title = "Does the drug work?"
row = "rx"
column = "outcome"

[[question]]
analysis = "count"
where = "age >= 65"
"""
ONE_QUESTION = '\n[[question]]\nanalysis = "count"\n'


@pytest.fixture
def folder(tmp_path):
    """A folder with the records that STUDY names."""
    (tmp_path / "data").mkdir()
    for name in ("indiana", "michigan"):
        (tmp_path / "data" / f"{name}.parquet").touch()
    return tmp_path


def read(folder: Path, text: str):
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return study_file.read(folder / "study.toml")


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read(folder, text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ("", Choice("pairwise")),
        ('sum = "lattice"', Choice("lattice")),
        ('sum = { kind = "paillier", key_bits = 2048 }', Choice("paillier", key_bits=2048)),
        (
            'sum = { kind = "committee", members = ["Indiana", "Michigan", "Kentucky"], honest_coordinator = true }',
            Choice("committee", ("Indiana", "Michigan", "Kentucky"), honest_coordinator=True),
        ),
    ],
)
def test_a_study_says_how_vectors_are_hidden(folder, line, chosen):
    assert read(folder, STUDY.replace('name = "indomethacin"', f'name = "indomethacin"\n{line}')).sum == chosen


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('sum = "pailler"', r"\[study\]: there is no sum 'pailler'; there are pairwise, committee, paillier, lattice"),
        ("sum = 3", "a table with a 'kind'"),
        ('sum = { kind = "paillier", bits = 2048 }', "has no option 'bits'; it takes key_bits"),
        ('sum = { kind = "pairwise", key_bits = 2048 }', "has no option 'key_bits'; it takes none"),
        ('sum = { kind = "paillier", key_bits = 1024 }', "one of 2048, 3072, 4096"),
        ('sum = { kind = "committee", members = "Bern" }', "a list of institutions' names"),
        ('sum = { kind = "committee", honest_coordinator = 1 }', "true or false"),
        ('sum = { kind = "committee", members = ["Indiana", "Indiana", "Michigan"] }', "'Indiana' is in .* twice"),
        ('sum = { kind = "paillier", key_bits = 2048.0 }', "one of 2048, 3072, 4096"),
        ('sum = "committee"\nmembers = ["Indiana"]', 'of sum; write sum = { kind = "committee", members = … }'),
        ('sum = "paillier"\nkey_bits = 2048', 'of sum; write sum = { kind = "paillier", key_bits = … }'),
    ],
)
def test_a_way_to_hide_vectors_that_is_not_there_is_an_error(folder, line, text):
    refused = refusal(folder, STUDY.replace('name = "indomethacin"', f'name = "indomethacin"\n{line}'))
    assert re.search(text, refused), refused


@pytest.mark.parametrize("line", ['sum = "committee"', 'state = "ledgers"', 'helpers = ["registry"]'])
@pytest.mark.parametrize("before", ["[study]", 'name = "Indiana"', "[rules]"])
def test_what_is_for_the_whole_study_is_sent_there(folder, line, before):
    key = line.split()[0]
    text = f"{STUDY}\n[rules]\nmin_cell = 12\n"
    text = text.replace(before, f"{line}\n{before}" if before == "[study]" else f"{before}\n{line}")
    assert f"'{key}' is for the whole study; write it under [study]" in refusal(folder, text)


def test_rules_that_list_a_way_to_add_that_is_not_there_are_an_error(folder):
    refused = refusal(folder, f'{STUDY}\n[rules]\nsums = ["pairwise", "comittee"]\n')
    assert "[rules]: rule 'sums' lists 'comittee'; there are pairwise, committee, paillier, lattice" in refused


def test_the_folder_for_ledgers_is_relative_to_the_file(folder):
    assert read(folder, STUDY).state is None
    assert read(folder, STUDY.replace("[study]", '[study]\nstate = "ledgers"')).state == folder / "ledgers"


def test_paths_are_relative_to_the_file(folder):
    study = read(folder, STUDY)
    assert study.records == {
        "Indiana": folder / "data" / "indiana.parquet",
        "Michigan": folder / "data" / "michigan.parquet",
    }
    assert study.output == folder / "report"


def test_records_on_other_machines_are_not_looked_for_here(folder):
    (folder / "study.toml").write_text(STUDY.replace("data/michigan.parquet", "/elsewhere/michigan.parquet"))
    found = study_file.read(folder / "study.toml", records_here=False)
    assert found.records["Michigan"] == Path("/elsewhere/michigan.parquet")


def test_what_is_not_said_has_a_default(folder):
    study = read(folder, STUDY)
    assert (study.name, study.fabric, study.dictionary) == ("indomethacin", "ray", None)
    assert study.rules == {"Indiana": Rules(), "Michigan": Rules()}


def test_what_is_said_is_kept(folder):
    study = read(folder, STUDY.replace('"indomethacin"', '"x"\noutput = "out"\nfabric = "in-process"'))
    assert (study.output, study.fabric) == (folder / "out", "in-process")


def test_a_question_keeps_its_parameters_and_title(folder):
    first, second = read(folder, STUDY).questions
    assert (first.analysis, first.title) == ("crosstab", "Does the drug work?")
    assert first.parameters == {"row": "rx", "column": "outcome"}
    assert (second.title, second.parameters) == ("Count of patients, where age >= 65", {"where": "age >= 65"})


def test_a_dictionary_is_declared_in_place_or_in_a_file(folder):
    column = 'type = "integer"\nlow = 0\nhigh = 120\n'
    (folder / "columns.toml").write_text(f"[columns.age]\n{column}")
    in_place = read(folder, f"{STUDY}[dictionary.columns.age]\n{column}").dictionary
    in_file = read(folder, f'{STUDY}[dictionary]\npath = "columns.toml"\n').dictionary
    assert in_place == in_file
    assert in_place["age"].high == 120


def test_an_institution_can_only_make_the_rules_stricter(folder):
    (folder / "strict.toml").write_text("[rules]\nmin_cell = 20\n")
    text = STUDY.replace('indiana.parquet"', 'indiana.parquet"\nrules = { min_cell = 5 }')  # laxer, so without effect
    text = text.replace('michigan.parquet"', 'michigan.parquet"\nrules = "strict.toml"')
    rules = read(folder, f"{text}[rules]\nmin_cell = 12\nmin_institutions = 4\n").rules
    assert rules["Indiana"] == Rules(min_cell=12, min_institutions=4)
    assert rules["Michigan"] == Rules(min_cell=20, min_institutions=4)


def test_what_an_institutions_rules_do_not_say_is_as_in_the_studys(folder):
    text = STUDY.replace('indiana.parquet"', 'indiana.parquet"\nrules = { min_institutions = 4 }')
    rules = read(folder, f"{text}[rules]\nmin_cell = 5\n").rules
    assert rules == {"Indiana": Rules(min_cell=5, min_institutions=4), "Michigan": Rules(min_cell=5)}


@pytest.mark.parametrize(
    ("wrong", "right", "text"),
    [
        ("[study]", "[stduy]", "unknown key 'stduy'; did you mean 'study'?"),
        ('name = "indomethacin"', 'nmae = "x"', r"[study]: unknown key 'nmae'; did you mean 'name'?"),
        ("records = ", "record = ", "institution 1: unknown key 'record'; did you mean 'records'?"),
        ('row = "rx"', 'rwo = "rx"', "question 1: crosstab has no parameter 'rwo'; did you mean 'row'?"),
        ('row = "rx"', "", "question 1: crosstab: missing a required argument: 'row'"),
        ('"crosstab"', '"crostab"', "question 1: there is no analysis 'crostab'; did you mean 'crosstab'?"),
        ('"crosstab"', '"intersect"', "'intersect' is no question to a study; in Python it is network.intersect(...)"),
        ('analysis = "count"', "", "question 2 has no 'analysis'; add one"),
        ('title = "Does the drug work?"', "title = 7", "'title' must be a text, in quotes and not empty"),
        ('name = "indomethacin"', "", "[study] has no 'name'; add one"),
        ('name = "indomethacin"', 'name = "x"\nfabric = "rey"', "there is no fabric 'rey'; did you mean 'ray'?"),
        ('name = "Michigan"', 'name = "indiana"', "there is an institution 'indiana' already; give each its own name"),
        ("data/michigan", "data/michgan", "'Michigan' has no file '"),
        (
            'michigan.parquet"',
            'michigan.parquet"\nrules = { min_cel = 4 }',
            "institution 2, rules: unknown rule 'min_cel'",
        ),
        ('michigan.parquet"', 'michigan.parquet"\nrules = "no.toml"', "there is no file '"),
        ('michigan.parquet"', 'michigan.parquet"\nrules = "study.toml"', "'study.toml' has no [rules] table"),
        ('michigan.parquet"', 'michigan.parquet"\nrules = 7', "rules must be a table"),
    ],
)
def test_what_is_written_wrongly_is_named_with_its_remedy(folder, wrong, right, text):
    assert wrong in STUDY
    assert text in refusal(folder, STUDY.replace(wrong, right, 1))


@pytest.mark.parametrize(
    ("added", "text"),
    [
        ("[rules]\nmin_cell = 2\n", "[rules]: rule 'min_cell' is 2; it must be a whole number of at least 3"),
        ("[rules]\nmincell = 5\n", "[rules]: unknown rule 'mincell'"),
        ("[dictionary]\n", "[dictionary] needs either a 'path' or columns"),
        ('[dictionary]\npaht = "x"\n', "[dictionary]: unknown key 'paht'; did you mean 'path'?"),
        ('[dictionary]\npath = "x.toml"\n', "dictionary 'x.toml' cannot be read"),
        ("[dictionary]\ncolumns = 7\n", "[dictionary]: write each column as a table"),
        ('[dictionary.columns.age]\ntpye = "integer"\n', "column 'age': unknown key 'tpye'; did you mean 'type'?"),
    ],
)
def test_what_is_added_wrongly_is_named_with_its_remedy(folder, added, text):
    assert text in refusal(folder, STUDY + added)


def test_a_study_without_questions_or_institutions_is_refused(folder):
    assert "has no question; add at least one [[question]]" in refusal(folder, STUDY.split("[[question]]")[0])
    assert "has no institution; add at least one" in refusal(folder, f'[study]\nname = "x"\n{ONE_QUESTION}')


def test_single_brackets_are_explained(folder):
    assert "[[institution]] in double brackets" in refusal(
        folder, f'[study]\nname = "x"\n[institution]\nname = "Indiana"\n{ONE_QUESTION}'
    )


@pytest.mark.parametrize("name", ["study", "rules", "dictionary"])
def test_a_value_in_place_of_a_table_is_refused(folder, name):
    text = STUDY.replace('[study]\nname = "indomethacin"\n', "") if name == "study" else STUDY
    assert "must be a table" in refusal(folder, f"{name} = 7\n{text}")


@pytest.mark.parametrize("name", ["institution", "question"])
def test_a_value_in_place_of_a_list_of_tables_is_refused(folder, name):
    text = STUDY.split("[[")[0]
    lists = {
        "institution": '[{ name = "x", records = "study.toml" }]',
        "question": '[{ analysis = "count" }]',
        name: "[7]",
    }
    assert f"[[{name}]] must be a table" in refusal(
        folder, "".join(f"{key} = {value}\n" for key, value in lists.items()) + text
    )


def test_a_missing_file_and_one_that_is_not_toml_are_named(folder):
    with pytest.raises(InvalidRequest, match=r"there is no file '.*study\.toml'"):
        study_file.read(folder / "study.toml")
    with pytest.raises(InvalidRequest, match="is a folder; name the TOML file in it"):
        study_file.read(folder)
    assert "is not TOML" in refusal(folder, "[study\n")


def test_records_in_place_of_a_study_are_told_apart_from_one(folder):
    (folder / "records.parquet").write_bytes(b"PAR1\xff\xfe")
    with pytest.raises(InvalidRequest, match="is not a text in UTF-8; name a TOML file"):
        study_file.read(folder / "records.parquet")


def test_every_analysis_of_the_catalogue_can_be_asked_in_a_file(folder):
    parameters = {"count": "", "crosstab": 'row = "a"\ncolumn = "b"', "describe": 'column = "a"'}
    assert set(parameters) == set(catalogue.CATALOGUE)
    for name, given in parameters.items():
        text = f"{STUDY}\n[[question]]\nanalysis = '{name}'\n{given}\n"
        assert read(folder, text).questions[-1].analysis == name


PATIENTS = '\n[[question]]\nanalysis = "overlap"\non = ["surname", "born as date"]\n'


def test_questions_about_patients_name_their_fields_and_helpers_compute(folder):
    head = '[study]\nhelpers = ["registry"]\ncompute = ["Indiana", "Michigan", "registry"]'
    study = read(folder, STUDY.replace("[study]", head) + PATIENTS)
    assert study.questions[-1].parameters == {"on": ["surname", "born as date"]}
    assert study.questions[-1].title == "Overlap by surname and born as date"
    assert study.helpers == ("registry",)
    assert study.compute == ("Indiana", "Michigan", "registry")
    assert read(folder, STUDY).compute is None


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (STUDY.replace("[study]", '[study]\nhelpers = "registry"'), "'helpers' must be a list of names"),
        (STUDY.replace("[study]", "[study]\ncompute = [1, 2]"), "'compute' must be a list of names"),
        (STUDY + PATIENTS.replace("on =", "om ="), "overlap has no parameter 'om'"),
        (STUDY + PATIENTS.replace("overlap", "overlp"), "no analysis 'overlp'; did you mean 'overlap'"),
        (STUDY + '\n[[question]]\nanalysis = "overlap"\n', "overlap: missing a required argument: 'on'"),
    ],
)
def test_what_a_study_says_wrongly_of_patients_is_an_error(folder, text, error):
    assert error in refusal(folder, text)
