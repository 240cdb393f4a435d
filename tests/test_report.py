"""Reports: one page that loads nothing, the answers as data, and sections that say why there is no answer."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest

from securecompute.answer import Answer
from securecompute.errors import DisclosureRefused, InvalidRequest, PeerLost
from securecompute.explanation import Explanation
from securecompute.records.dictionary import Column, Dictionary
from securecompute.report import Report, Section
from tests.test_answer import PROVENANCE, made

LEARNS = (("researcher", "the answer"), ("coordinator", "masked vectors"))
EXPLANATION = Explanation("crosstab(...)", "pairwise sum", ("north",), 6, 32, 9, 760, 5900, 0.05, 1, LEARNS, {}, "")
HOSTILE = "</title><script>alert('x')</script>"


class Elements(HTMLParser):
    """The page's elements with their attributes, its text, and the words of it with one space between."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.pieces: list[str] = []
        self.feed(page)
        self.words = " ".join(" ".join(self.pieces).split())

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data
        self.pieces.append(data)

    def all(self, tag):
        """The attributes of every element of that name."""
        return [attributes for name, attributes in self.found if name == tag]


def report(*sections: Section) -> Report:
    when = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    return Report("stroke", "single-domain", PROVENANCE.institutions, sections, when, "0.1.0")


ANSWERED = Section("Does it work?", "crosstab", made(), EXPLANATION)
REFUSED = Section("By name", "count", DisclosureRefused("rule 'columns' does not list 'name'"))
LOST = Section("Later", "count", PeerLost("'west' is gone"))


@pytest.fixture(scope="module")
def page() -> Elements:
    return Elements(report(ANSWERED, REFUSED, LOST).to_html())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    report(ANSWERED, REFUSED).write(folder)
    return folder


def test_the_page_loads_nothing_from_anywhere(page):
    addresses = [value for _, each in page.found for name, value in each.items() if name in ("src", "href")]
    assert addresses
    assert all(address.startswith(("data:image/svg+xml;base64,", "#")) for address in addresses)
    assert not page.all("script") + page.all("link") + page.all("iframe")
    policies = [each["content"] for each in page.all("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_the_page_says_whom_one_had_to_trust_before_anything_else(page):
    assert page.text.index("Simulation: one trust domain.") < page.text.index("Does it work?")


def test_a_section_shows_headline_tables_provenance_and_who_learned_what(page):
    assert ANSWERED.answer is not None
    assert ANSWERED.answer.result.headline() in page.text
    for shown in ("Tests of association", "3 of 4, without west", "12.3 kB", "coordinator masked vectors"):
        assert shown in page.words


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ({"kind": "paillier", "key_bits": 3072}, ", key of 3072 bits"),
        ({"kind": "committee", "members": ["east", "north"]}, ", committee of east, north"),
    ],
)
def test_a_section_says_with_what_its_sum_was_set_up(chosen, shown):
    section = Section("Does it work?", "crosstab", made(), replace(EXPLANATION, sum=chosen))
    assert f"protocol {PROVENANCE.protocol}{shown} rounds" in Elements(report(section).to_html()).words


def test_the_data_say_how_vectors_were_hidden_and_who_learned_what():
    section = Section("Does it work?", "crosstab", made(), replace(EXPLANATION, sum={"kind": "lattice"}))
    told = json.loads(report(section).to_json())["questions"][0]["explanation"]
    assert told["sum"] == {"kind": "lattice"}
    assert told["learns"] == [list(pair) for pair in LEARNS]
    assert "explanation" not in Section("x", "crosstab", made()).to_plain()


def test_an_institution_that_dropped_out_is_in_no_answer(page):
    assert "north in all answers" in page.words
    assert "west in no answer" in page.words


def test_a_refusal_and_a_silence_stand_where_the_answer_would(page):
    assert "Refused. rule 'columns' does not list 'name'" in page.text
    assert "Not answered. 'west' is gone" in page.text


def test_the_page_can_be_read_without_seeing_it(page):
    assert page.all("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table")) - 1  # the list of who took part has a heading
    assert all(head["scope"] in ("col", "row") for head in page.all("th"))


def test_what_others_wrote_is_escaped_everywhere():
    dictionary = Dictionary(
        (
            Column("arm", "categorical", categories=(HOSTILE, "drug")),
            Column("event", "categorical", categories=("no", "<img src=x onerror=alert(1)>")),
        )
    )
    hostile = Section(HOSTILE, "crosstab", made(dictionary=dictionary), EXPLANATION)
    page = Elements(report(hostile, Section("x", "count", InvalidRequest(HOSTILE))).to_html())
    assert not page.all("script")
    assert [image["src"][:5] for image in page.all("img")] == ["data:"]
    assert HOSTILE in page.text


def test_one_parquet_file_holds_each_table_and_the_figure_is_written_twice(folder):
    names = sorted(path.name for path in folder.iterdir())
    tables = [f"1-crosstab-{k}.parquet" for k in (1, 2, 3)]
    assert names == sorted([*tables, "1-crosstab.png", "1-crosstab.svg", "answers.json", "report.html"])
    first = pq.read_table(folder / tables[0])
    assert first["total"].to_pylist() == [40, 50, 90]
    assert pq.read_table(folder / tables[2])["measure"].to_pylist()[0] == "odds ratio"


def test_the_data_hold_every_digit_and_every_reason(folder):
    data = json.loads((folder / "answers.json").read_text())
    answered, refused = data["questions"]
    assert isinstance(ANSWERED.outcome, Answer)
    assert answered["answer"] == json.loads(ANSWERED.outcome.to_json())
    assert refused["error"] == {"kind": "DisclosureRefused", "text": "rule 'columns' does not list 'name'"}
    assert (data["trust"], data["when"]) == ("single-domain", "2026-11-21T12:30:00+00:00")


def test_a_hidden_count_is_hidden_in_every_file(tmp_path):
    written = report(Section("x", "crosstab", made(((30, 9), (30, 20))))).write(tmp_path)
    assert "&lt;10" in written[0].read_text()
    assert json.loads(written[1].read_text())["questions"][0]["answer"]["result"]["counts"] == [[30, "<10"], [30, 20]]
    assert pq.read_table(tmp_path / "1-crosstab-1.parquet")["1_yes"].to_pylist() == ["<10", "20", "withheld"]


def test_the_same_answers_give_the_same_files(tmp_path):
    for name in ("a", "b"):
        report(ANSWERED).write(tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidRequest, match=r"the report cannot be written to '.*file': "):
        report(REFUSED).write(tmp_path / "file")
