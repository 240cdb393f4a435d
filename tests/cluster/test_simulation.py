"""One shared cluster, as a person would start and use it: what it answers, whom it refuses, where it listens."""

import json
import stat
import tempfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

import securecompute as sc
from tests.cluster.head import SIMULATION, Head

LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
SIZES = {"Indiana": 140, "Michigan": 90, "Kentucky": 60, "Case": 12}
STUDY = '[study]\nname = "trial"\n[[question]]\nanalysis = "crosstab"\nrow = "rx"\ncolumn = "outcome"\n'

on_a_cluster = [pytest.mark.slow, pytest.mark.ray, pytest.mark.xdist_group("ray"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def head():
    with tempfile.TemporaryDirectory(prefix="sc-", dir="/tmp") as folder:  # short: a socket's name has 107 bytes
        running = Head.start(Path(folder) / "h", "institution=Indiana")
        yield running
        running.end()


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    for name, n in SIZES.items():
        rows = {"rx": ["drug" if k % 2 else "placebo" for k in range(n)], "outcome": ["yno"[k % 3] for k in range(n)]}
        pd.DataFrame(rows).to_parquet(folder / f"{name}.parquet")
    return {name: str(folder / f"{name}.parquet") for name in SIZES}


@pytest.fixture(scope="module")
def study(tmp_path_factory, records):
    entries = [f'[[institution]]\nname = "{name}"\nrecords = "{path}"\n' for name, path in records.items()]
    file = tmp_path_factory.mktemp("study") / "study.toml"
    file.write_text(STUDY + "".join(entries))
    return str(file)


class TestARunningCluster:
    pytestmark = on_a_cluster

    def test_a_job_answers_as_the_same_question_in_one_process_does(self, head, study, records):
        job = head.submit("--anywhere", study, token=head.token)
        assert job.returncode == 0, job.stdout + job.stderr
        answers = next(json.loads(line) for line in job.stdout.splitlines() if line.startswith("{"))["answers"]
        with sc.Network.simulate(records, fabric="in-process", quiet=True) as network:
            here = network.study("trial").crosstab("rx", "outcome").to_plain()
        assert answers[0]["result"] == here["result"]
        assert answers[0]["provenance"]["trust"] == "single-domain"

    def test_institutions_whose_nodes_are_not_there_are_named_before_anything_is_read(self, head, study):
        job = head.submit(study, token=head.token)
        assert job.returncode != 0
        assert all(f"'{name}': no node is labelled" in job.stdout for name in ("Michigan", "Kentucky", "Case"))
        assert "'Indiana': no node" not in job.stdout

    def test_a_wrong_token_and_none_are_refused(self, head, study, tmp_path):
        wrong = tmp_path / "token"
        wrong.write_text("0" * 64)
        wrong.chmod(0o600)
        for token, mode in ((wrong, "token"), (None, "disabled")):
            job = head.submit("--anywhere", study, token=token, mode=mode)
            assert job.returncode != 0
            assert "oken" in job.stdout + job.stderr
            assert "submitted successfully" not in job.stdout + job.stderr

    def test_only_loopback_listens(self, head):
        listeners = head.listeners()
        assert listeners
        assert listeners <= LOOPBACK

    def test_the_folder_and_the_token_are_for_their_owner_alone(self, head):
        assert stat.S_IMODE(head.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(head.token.stat().st_mode) == 0o600
        assert len(head.token.read_text()) == 64


def test_the_cluster_file_asks_for_tokens_and_shows_its_dashboard_to_nobody_else():
    text = (SIMULATION / "ray-local.yaml").read_text()
    cluster = yaml.safe_load(text)
    assert cluster["provider"]["type"] == "local"
    starts = [cluster["head_start_ray_commands"], cluster["worker_start_ray_commands"]]
    assert all(len(commands) == 1 for commands in starts)
    for command in (commands[0] for commands in starts):
        assert command.startswith("umask 077;")
        assert "RAY_AUTH_MODE=token" in command
        assert "--disable-usage-stats" in command
        assert "0.0.0.0" not in command
    assert "--dashboard-host=127.0.0.1" in starts[0][0]
    assert "--labels=institution=" in starts[1][0]


def test_the_readme_begins_with_who_can_read_what():
    text = " ".join((SIMULATION.parent / "README.md").read_text().replace(">", " ").split())
    assert text.startswith("# Running on Ray All institutions of one shared Ray cluster are in one trust domain.")
