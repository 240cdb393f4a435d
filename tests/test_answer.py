"""Answers: in a terminal, a notebook, tables, JSON and figures."""

import copy
import json
import pickle

import numpy as np
import pyarrow as pa
import pytest

from securecompute.answer import Answer, Provenance
from securecompute.disclosure.rules import Rules
from securecompute.errors import InvalidRequest
from securecompute.records.dictionary import Column, Dictionary
from tests.analyses.pooled import SMALL, answer, ask, cross, rows

PROVENANCE = Provenance(
    trust="single-domain",
    institutions=("north", "east", "south", "west"),
    took_part=("north", "east", "south"),
    dropped_out=("west",),
    coordinator="hub",
    protocol="pairwise-masked sum",
    rounds=3,
    bytes=12_345,
    seconds=0.0421,
    session="5f0c" * 8,
    rules=Rules().to_plain(),
    precision="counts are exact",
)


def made(counts=((30, 10), (30, 20)), row="arm", column="event", dictionary=SMALL):
    question = ask("crosstab", dictionary, row=row, column=column)
    result = answer(question, cross(counts, row, column, dictionary), dictionary=dictionary)
    return Answer(question, result, PROVENANCE)


def test_the_results_numbers_are_the_answers():
    shown = made()
    assert shown.n == 90
    assert shown.odds_ratio.value == pytest.approx(2)
    assert {"n", "odds_ratio", "table", "plot"} <= set(dir(shown))


def test_an_unknown_number_is_answered_with_what_there_is():
    with pytest.raises(AttributeError, match=r"a Contingency has no 'odd_ratio'; it has .*odds_ratio"):
        _ = made().odd_ratio


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_an_answer_may_be_copied_and_stored(copied):
    assert copied(made()) == made()


def test_printing_shows_headline_tables_and_where_it_comes_from(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    text = str(made())
    assert "1_yes: 20/50 (40.0\u00a0%) with drug against 10/40 (25.0\u00a0%) with placebo; odds ratio 2.000" in text
    assert ["odds", "ratio", "2.000", "0.8032", "4.980"] in [line.split() for line in text.splitlines()]
    assert "simulation, one trust domain: 3 of 4 institutions, without west" in text
    assert "pairwise-masked sum, 3 rounds, 12.3 kB, 0.042 s" in text
    assert "counts below 10 hidden; counts are exact; session 5f0c5f0c5f0c5f0c" in text
    assert "\x1b" not in text
    assert repr(made()) == text


def test_a_hidden_cell_is_shown_as_hidden_everywhere():
    shown = made(((30, 9), (30, 20)))
    assert "<10" in str(shown)
    assert "&lt;10" in shown._repr_html_()
    assert shown.table()["1_yes"].tolist() == ["<10", 20, "withheld"]
    assert shown.to_arrow()["1_yes"].to_pylist() == ["<10", "20", "withheld"]
    assert json.loads(shown.to_json())["result"]["counts"] == [[30, "<10"], [30, 20]]


def test_tables_keep_every_digit():
    frames = made().tables()
    assert frames[0]["total"].tolist() == [40, 50, 90]
    assert frames[2]["estimate"][0] == made().odds_ratio.value
    assert made().table().equals(frames[0])


def test_an_arrow_table_has_numbers_where_all_are_numbers():
    table = made().to_arrow()
    assert table.schema.field("total").type == pa.int64()
    assert table.schema.field("1_yes %").type == pa.float64()
    assert table["1_yes / total"].to_pylist() == ["10/40", "20/50", "30/90"]


def test_an_empty_cell_of_a_table_is_none():
    assert made(((0, 0), (0, 0))).to_arrow()["1_yes %"].to_pylist() == [None, None, None]


def test_json_holds_question_result_notes_and_provenance(tmp_path):
    path = tmp_path / "answer.json"
    text = made().to_json(path)
    plain = json.loads(text)
    assert plain == made().to_plain() == json.loads(path.read_text())
    assert plain["result"]["odds_ratio"]["value"] == made().odds_ratio.value
    assert plain["provenance"]["took_part"] == ["north", "east", "south"]


NASTY = "<script>alert(1)</script>[red]$x_1^2$"
HOSTILE = Dictionary(
    (
        Column(NASTY, "categorical", categories=("[bold]a[/bold]", "<b>b</b>")),
        Column("event", "categorical", categories=("no", "$\\frac{")),
    )
)


def test_names_that_others_chose_are_never_markup():
    shown = made(((30, 10), (30, 20)), NASTY, "event", HOSTILE)
    html = shown._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html
    assert "[bold]a[/bold]" in str(shown)


def test_names_that_others_chose_are_never_formulas(tmp_path):
    made(((30, 10), (30, 20)), NASTY, "event", HOSTILE).plot(tmp_path / "plot.svg")


def test_a_notebooks_html_has_inline_styles_only():
    html = made()._repr_html_()
    assert html.startswith("<div>")
    assert html.count("<table") == html.count("</table>") == 3
    assert "<style" not in html
    assert "class=" not in html


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_a_figure_is_written_to_its_path(tmp_path, suffix):
    path = tmp_path / f"figure.{suffix}"
    figure = made().plot(path)
    assert path.stat().st_size > 1000
    assert figure.axes[0].get_title(loc="left").startswith("event by arm")


def test_a_figure_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match=r"name it \.png, \.pdf, \.svg"):
        made().plot(tmp_path / "figure.xlsx")


def test_a_session_without_dropouts_names_none():
    lines = Provenance("federation", ("a", "b", "c"), ("a", "b", "c"), (), "hub", "sum", 2, 930, 1.0, "00").lines()
    assert lines == [
        "federation: 3 of 3 institutions",
        "sum, 2 rounds, 930 bytes, 1 s",
        "session 00",
    ]


def test_every_analysis_shows_itself():
    questions = [ask("count"), ask("describe", column="age", by="arm"), ask("describe", column="age")]
    institution = rows(arm=["placebo", "drug"] * 12, age=np.arange(40, 64).tolist())
    for question in questions:
        shown = Answer(question, answer(question, institution), PROVENANCE)
        assert str(shown)
        assert shown._repr_html_()
        assert shown.table().shape[0]
        assert shown.to_arrow().num_rows
