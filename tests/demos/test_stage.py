"""What demos share: a private folder, which is gone at the end whatever happens."""

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from securecompute.demos import stage
from securecompute.errors import InvalidRequest


def test_the_files_lie_in_a_folder_for_this_user_alone_that_is_removed():
    with stage.private_folder(None) as folder:
        (folder / "x.parquet").touch()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "x.parquet").stat().st_mode) == 0o600
    assert not folder.exists()


def test_whoever_is_told_to_end_removes_the_folder_first():
    script = (
        "import os, signal; from securecompute.demos import stage\n"
        "with stage.private_folder(None) as folder:\n"
        "    print(folder, flush=True); os.kill(os.getpid(), signal.SIGTERM)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 128 + signal.SIGTERM
    assert ran.stdout and not Path(ran.stdout.strip()).exists()


def test_a_folder_to_keep_is_new_and_private(tmp_path):
    with stage.private_folder(tmp_path / "trial") as folder:
        (folder / "x.parquet").touch()
    assert stat.S_IMODE((tmp_path / "trial").stat().st_mode) == 0o700
    assert (tmp_path / "trial" / "x.parquet").exists()
    with pytest.raises(InvalidRequest, match="holds something already"), stage.private_folder(tmp_path / "trial"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(InvalidRequest, match="cannot be made"), stage.private_folder(tmp_path / "file"):
        pass
