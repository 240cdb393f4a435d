"""The command line: what it prints where, and which exit code says what happened."""

import json
import re
import textwrap
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from pyarrow import csv

from securecompute import __version__, cli
from securecompute.errors import (
    BadFrame,
    DisclosureRefused,
    EncodingOverflow,
    InternalFault,
    InvalidRequest,
    PeerLost,
    PeerMisbehaved,
    PeerSilent,
)
from securecompute.questions import ANALYSES

NAMES = ("north", "east", "south", "west")
STUDY = """
[study]
name = "stroke"
fabric = "in-process"

[dictionary.columns.arm]
type = "categorical"
categories = ["placebo", "drug"]

[dictionary.columns.event]
type = "categorical"
categories = ["no", "yes"]

[dictionary.columns.age]
type = "integer"
low = 0
high = 120
""" + "".join(f'\n[[institution]]\nname = "{name}"\nrecords = "{name}.parquet"\n' for name in NAMES)
CROSSTAB = '\n[[question]]\nanalysis = "crosstab"\ntitle = "Does it work?"\nrow = "arm"\ncolumn = "event"\n'
DESCRIBE = '\n[[question]]\nanalysis = "describe"\ntitle = "How old?"\ncolumn = "age"\n'
RULES = '\n[rules]\ncolumns = ["arm", "event"]\n'


@pytest.fixture
def folder(tmp_path):
    """Four institutions' files: of each 20 patients with the drug, 4 of them with the event; of 20 without, 8."""
    columns = {
        "arm": ["drug"] * 20 + ["placebo"] * 20,
        "event": ["yes"] * 4 + ["no"] * 16 + ["yes"] * 8 + ["no"] * 12,
        "age": list(range(40, 80)),
    }
    for name in NAMES:
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    return tmp_path


def called(folder: Path, study: str, *arguments: str, command: str = "run") -> Result:
    (folder / "study.toml").write_text(study, encoding="utf-8")
    wide = {"COLUMNS": "120"}
    return CliRunner(env=wide).invoke(cli.commands, [command, str(folder / "study.toml"), *arguments])


def test_the_version_is_printed():
    assert CliRunner().invoke(cli.commands, ["--version"]).stdout == f"securecompute {__version__}\n"


def test_a_study_is_answered_and_reported(folder):
    result = called(folder, STUDY + CROSSTAB + DESCRIBE)
    assert result.exit_code == 0
    assert "1. Does it work?" in result.stdout
    assert "yes: 16/80 (20.0\u00a0%) with drug against 32/80 (40.0\u00a0%) with placebo" in result.stdout
    assert f"The report: {folder / 'report' / 'report.html'}, with " in result.stdout
    assert "one trust domain" in result.stderr
    assert "How old?" in (folder / "report" / "report.html").read_text()


def test_the_report_goes_where_it_is_told_to(folder):
    assert called(folder, STUDY + DESCRIBE, "--output", str(folder / "elsewhere")).exit_code == 0
    assert (folder / "elsewhere" / "answers.json").exists()
    assert not (folder / "report").exists()


def test_quiet_prints_nothing(folder):
    result = called(folder, STUDY + DESCRIBE, "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert (folder / "report" / "report.html").exists()


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("securecompute.cli._ask", lambda *_: asked.append(1))
    (folder / "taken").write_text("a file, not a folder")
    result = called(folder, STUDY + DESCRIBE, "--output", str(folder / "taken"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert asked == []


def test_json_is_all_that_standard_output_holds(folder):
    result = called(folder, STUDY + CROSSTAB, "--json")
    answer = json.loads(result.stdout)["questions"][0]["answer"]
    assert answer["result"]["counts"] == [[48, 32], [64, 16]]
    assert answer["provenance"]["took_part"] == sorted(NAMES)


def test_a_refused_question_does_not_stop_the_others(folder):
    result = called(folder, STUDY + RULES + DESCRIBE + CROSSTAB)
    assert result.exit_code == 3
    assert "16/80" in result.stdout
    assert result.stderr.splitlines()[-1].startswith(
        "securecompute: question 1, 'How old?': describe: rule 'columns' does not list 'age'"
    )
    assert "Refused." in (folder / "report" / "report.html").read_text()


def test_nor_does_one_that_no_rules_would_allow(folder):
    for name in NAMES:
        table = pq.read_table(folder / f"{name}.parquet")
        pq.write_table(table.set_column(2, "age", pa.array([0, 1] * 20)), folder / f"{name}.parquet")
    result = called(folder, STUDY.replace("high = 120", "high = 1") + DESCRIBE + CROSSTAB)
    assert result.exit_code == 3
    assert "16/80" in result.stdout
    assert "question 1, 'How old?': describe: 'age' takes so few values" in result.stderr


def test_a_refusal_is_said_even_when_quiet(folder):
    result = called(folder, STUDY + RULES + DESCRIBE, "--quiet")
    assert (result.exit_code, result.stdout) == (3, "")
    assert len(result.stderr.splitlines()) == 1


def test_nothing_is_asked_if_one_question_is_wrong(folder):
    result = called(folder, STUDY + CROSSTAB + DESCRIBE.replace('"age"', '"agee"'), "--quiet")
    assert result.exit_code == 2
    assert result.stderr == ("securecompute: question 2, 'How old?': there is no column 'agee'; did you mean 'age'?\n")
    assert not (folder / "report").exists()


def test_all_questions_that_are_wrong_are_named_at_once(folder):
    twice = DESCRIBE.replace('"age"', '"agee"') + CROSSTAB + CROSSTAB.replace('"arm"', '"age"')
    result = called(folder, STUDY + twice, "--quiet")
    assert result.exit_code == 2
    assert "question 1, 'How old?': there is no column 'agee'" in result.stderr
    assert "question 3, 'Does it work?': row: 'age' is of type integer" in result.stderr
    assert "question 2" not in result.stderr


def test_too_few_institutions_are_refused_in_a_sentence(folder):
    study = STUDY.split('\n[[institution]]\nname = "south"')[0]
    result = called(folder, study + CROSSTAB, "--quiet")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_a_study_that_does_not_exist_is_an_error_of_usage(tmp_path):
    result = CliRunner().invoke(cli.commands, ["run", str(tmp_path / "study.toml")])
    assert result.exit_code == 2
    assert "there is no file" in result.stderr


def test_records_that_cannot_be_read_are_an_error_of_usage(folder):
    (folder / "east.parquet").write_text("no Parquet")
    result = called(folder, STUDY + CROSSTAB, "--quiet")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "'east'" in result.stderr


def test_an_interruption_is_a_sentence_with_an_exit_code_of_its_own(folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_ask", interrupted)
    result = called(folder, STUDY + CROSSTAB, "--quiet")
    assert result.exit_code == 130
    assert result.stderr == "securecompute: interrupted before the end\n"
    assert not (folder / "report").exists()


def test_an_unknown_option_is_an_error_of_usage(folder):
    assert called(folder, STUDY + CROSSTAB, "--nonsense").exit_code == 2


def test_a_cluster_is_for_ray_only(folder):
    result = called(folder, STUDY + CROSSTAB, "--cluster", "auto")
    assert result.exit_code == 2
    assert "--cluster is for the fabric 'ray', and the study asks for 'in-process'" in result.stderr


def test_an_explanation_opens_no_records_where_the_columns_are_declared(folder):
    for name in NAMES:
        (folder / f"{name}.parquet").write_text("not to be opened")
    result = called(folder, STUDY + CROSSTAB, command="explain")
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "masked vectors, which are noise to it" in words
    assert "pairwise sum of 6 numbers over 4 institutions, mod 2^32" in words
    assert not (folder / "report").exists()


def test_an_explanation_without_declared_columns_infers_them(folder):
    study = STUDY.split("[dictionary")[0] + "[[institution]]".join(["", *STUDY.split("[[institution]]")[1:]])
    result = called(folder, study + CROSSTAB, "--json", command="explain")
    explained = json.loads(result.stdout)
    assert explained["institutions"] == list(NAMES)
    assert explained["questions"][0]["explanation"]["rounds"] == 9


def test_an_explanation_says_what_would_be_refused(folder):
    result = called(folder, STUDY + RULES + DESCRIBE + CROSSTAB, command="explain")
    assert result.exit_code == 3
    assert "Refused. describe: rule 'columns' does not list 'age'" in result.stdout
    assert "masked vectors" in result.stdout
    data = called(folder, STUDY + RULES + DESCRIBE, "--json", command="explain")
    assert json.loads(data.stdout)["questions"][0]["error"]["kind"] == "DisclosureRefused"


def test_neither_a_wrong_question_nor_a_refused_one_stops_the_explanation_of_the_others(folder):
    wrong, ranged = DESCRIBE.replace('"age"', '"agee"'), STUDY.replace("low = 0\nhigh = 120\n", "")
    result = called(folder, ranged + wrong + CROSSTAB + DESCRIBE, command="explain")
    assert result.exit_code == 2
    assert "Not explained. there is no column 'agee'; did you mean 'age'?" in result.stdout
    assert "masked vectors" in result.stdout
    said = " ".join(result.stdout.split())
    assert "Declare low and high for [columns.age] in the dictionary" in said  # which is no markup
    assert "question 1, 'How old?': there is no column 'agee'" in result.stderr
    data = called(folder, ranged + wrong + CROSSTAB, "--json", command="explain")
    first, second = json.loads(data.stdout)["questions"]
    assert (first["error"]["kind"], second["explanation"]["rounds"]) == ("InvalidRequest", 9)
    assert called(folder, STUDY + RULES + DESCRIBE + wrong, command="explain").exit_code == 2


PATIENTS = """
[study]
name = "who is treated where"
fabric = "in-process"
helpers = ["registry"]

[[institution]]
name = "north"
records = "north.parquet"

[[institution]]
name = "south"
records = "south.parquet"

[[question]]
analysis = "overlap"
on = ["pid"]

[[question]]
analysis = "distinct"
on = "pid"
seen = true
"""


@pytest.fixture
def treated(folder):
    """Fifty patients at each of two hospitals, twenty of them at both."""
    for name, first in (("north", 0), ("south", 30)):
        columns = {"pid": [f"p{k}" for k in range(first, first + 50)], "arm": ["placebo", "drug"] * 25}
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


def test_two_institutions_and_a_helper_answer_a_study_about_patients(treated):
    folder = treated
    explained = called(folder, PATIENTS, "--json", command="explain")
    assert "bytes" in json.loads(explained.stdout)["questions"][0]["explanation"]
    result = called(folder, PATIENTS, "--json")
    assert result.exit_code == 0
    answers = [question["answer"]["result"] for question in json.loads(result.stdout)["questions"]]
    assert answers[0]["exactly"] == {"north": 30, "south": 30, "north + south": 20}
    assert (answers[1]["n"], answers[1]["seen_at"]) == (80, [60, 20])
    page = (folder / "report" / "report.html").read_text()
    assert "80 distinct patients at north and south, 20 of them at both." in page
    assert "computed by north, south, registry" in page
    assert "at least 3 institutions" not in " ".join(page.split())
    assert "1. Overlap by pid</h2>" in page


def test_a_count_of_distinct_patients_may_be_asked_in_the_words_of_python(treated):
    asked = PATIENTS.split("\n[[question]]")[0] + '\n[[question]]\nanalysis = "count"\ndistinct = true\non = "pid"\n'
    result = called(treated, asked, "--json")
    (question,) = json.loads(result.stdout)["questions"]
    assert (question["title"], question["answer"]["result"]["n"]) == ("Distinct patients by pid", 80)


def shown_by_the_readme():
    return re.search(r"```toml\n(.*?)```", (Path(__file__).parents[1] / "README.md").read_text(), re.DOTALL)[1]


def shown_by_the_help():
    help_ = CliRunner(env={"COLUMNS": "120"}).invoke(cli.commands, ["run", "--help"]).stdout
    return textwrap.dedent(help_[help_.rindex("\n", 0, help_.index("[study]")) :])


@pytest.mark.parametrize("shown", [shown_by_the_readme, shown_by_the_help])
def test_a_study_that_is_shown_is_answered(folder, shown):
    own = {"bern.parquet": ("arm", ("drug", "none")), "lyon.csv": ("relapse", ("no", "yes"))}
    for file, first, write in (("bern.parquet", 0, pq.write_table), ("lyon.csv", 20, csv.write_csv)):
        people, (name, values) = range(first, first + 40), own[file]
        born = [date(1950, 1, 1 + k % 28) for k in people]
        columns = {"surname": [f"s{k}" for k in people], "born": born, "age": [59 + k % 2 for k in people]}
        write(pa.table({**columns, name: [values[k % 2] for k in people]}), folder / file)
    study = shown().replace("[study]", '[study]\nfabric = "in-process"')
    result = called(folder, study, "--json")
    results = [question["answer"]["result"] for question in json.loads(result.stdout)["questions"]]
    overlap, count = results[0], results[-1]
    for table in results[1:-1]:
        assert table["counts"] == [[10, 0], [0, 10]]
    assert overlap["exactly"] == {"Bern": 20, "Lyon": 20, "Bern + Lyon": 20}
    assert count["n"] == 30


def test_the_help_lists_every_analysis():
    shown = CliRunner().invoke(cli.commands, ["run", "--help"]).stdout
    listed = " ".join(shown.split()).split("Analyses: ")[1].split(". A question")[0]
    assert set(re.split("[,;] ", listed.replace("of patients whom several institutions know, ", ""))) == set(ANALYSES)


def test_an_explanation_that_says_would_be_refused_ends_as_the_run_would(treated):
    listed = PATIENTS + '\n[rules]\nanalyses = ["distinct"]\n'
    explained, answered = (called(treated, listed, command=command) for command in ("explain", "run"))
    assert explained.exit_code == answered.exit_code == 3
    assert "would be refused: overlap: rule 'analyses' does not list it" in " ".join(explained.stdout.split())
    assert "question 1, 'Overlap by pid': overlap: rule 'analyses' does not list it" in explained.stderr


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (InvalidRequest, 2),
        (EncodingOverflow, 2),
        (DisclosureRefused, 3),
        (PeerSilent, 4),
        (PeerLost, 4),
        (PeerMisbehaved, 1),
        (BadFrame, 1),
        (InternalFault, 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(kind, code):
    assert cli.code_of(kind("x")) == code


def test_the_gravest_of_several_errors_gives_the_exit_code(folder):
    study = cli.study_file.read(_written(folder, STUDY + CROSSTAB + DESCRIBE))
    with pytest.raises(cli.Failure) as caught:
        cli._end({1: PeerLost("'west' is gone"), 2: DisclosureRefused("no")}, study)
    assert caught.value.code == 4
    assert str(caught.value) == "question 1, 'Does it work?': 'west' is gone\nquestion 2, 'How old?': no"


def test_a_fault_that_nobody_foresaw_is_a_sentence_without_its_text(capsys):
    try:
        raise KeyError("a patient's value")
    except KeyError as fault:
        cli._unforeseen(type(fault), fault, fault.__traceback__)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("securecompute: an internal fault, KeyError at test_cli.py:")
    assert "patient" not in said.err


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(300)
def test_a_study_runs_on_a_ray_cluster_that_is_named(folder, ray_cluster):
    result = called(folder, STUDY.replace('"in-process"', '"ray"') + CROSSTAB, "--json", "--cluster", "auto")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["questions"][0]["answer"]["result"]["counts"] == [[48, 32], [64, 16]]


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(300)
def test_an_overlap_is_asked_from_the_command_line_on_ray_with_a_helper(treated, ray_cluster):
    result = called(treated, PATIENTS.replace('"in-process"', '"ray"'), "--json", "--cluster", "auto")
    assert result.exit_code == 0
    overlap, distinct = (question["answer"]["result"] for question in json.loads(result.stdout)["questions"])
    assert overlap["exactly"] == {"north": 30, "south": 30, "north + south": 20}
    assert (distinct["n"], distinct["seen_at"]) == (80, [60, 20])


def _written(folder: Path, text: str) -> Path:
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder / "study.toml"
