"""The benchmark of linkage: people as they are on file, scores by the definition, tools that may be absent."""

import json

import numpy as np
import pyarrow as pa
import pytest

from bench import linkage
from bench.linkage import Row, Way, main, measured
from bench.linkage_sides import febrl
from bench.linkage_sides.febrl import People, Score, load, scored
from bench.linkage_sides.ways import exact

NOBODY = pa.table({"name": ["a", "b", "c"]})
PEOPLE = People(NOBODY, NOBODY, np.array([1, 2, 3]), np.array([2, 3, 4]))


@pytest.mark.parametrize(
    ("number", "sizes"), [(1, (500, 500)), (2, (4000, 1000)), (3, (2000, 3000)), (4, (5000, 5000))]
)
def test_the_people_are_as_described(number, sizes):
    people = load(number)
    assert (people.one.num_rows, people.other.num_rows) == sizes == (len(people.one_is), len(people.other_is))
    assert len(set(people.one_is)) == sizes[0] and set(people.other_is) <= set(people.one_is)
    assert "rec_id" not in people.one.column_names and set(febrl.ROLES.values()) <= set(people.one.column_names)
    assert not any("" in people.other[name].unique().to_pylist() for name in people.other.column_names)


def test_a_score_counts_who_was_linked_and_who_could_have_been():
    score = scored(PEOPLE, np.array([0, 0, -1]))  # 1 wrongly, 2 rightly, 3 not
    assert score == Score(links=2, right=1, possible=2) and (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)
    assert scored(PEOPLE, np.full(3, -1)).precision == 1.0


def test_people_are_linked_by_the_record_at_the_other_hospital():
    other = pa.table({"name": ["C", None, " a"]})
    assert exact(People(NOBODY, other, np.arange(3), np.arange(3)), "name").tolist() == [2, -1, 0]


def test_without_a_tool_a_row_says_so_and_runs_nothing():
    def never(people):
        raise AssertionError("linked")

    assert measured(4, PEOPLE, Way("a tool", never, "no_such_module")) == Row(4, "a tool: not installed")


def test_without_the_people_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(linkage, "folder", lambda: None)
    assert main([]) == 0 and "not installed" in capsys.readouterr().out


@pytest.mark.parametrize(("least", "status"), [(0.9, 0), (0.999, 1)])
def test_the_table_tells_whether_the_targets_were_met(monkeypatch, capsys, tmp_path, least, status):
    monkeypatch.setattr(linkage, "rows", lambda quick: [Row(4, "keys", 1.0, 0.9, 0.95, 0.1, least)])
    assert main(["--quick", "--json", str(tmp_path / "rows.json")]) == status
    assert ("NO" if status else "yes") in capsys.readouterr().out
    assert json.loads((tmp_path / "rows.json").read_text())["rows"][0]["met"] is (status == 0)
