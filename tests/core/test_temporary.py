"""Temporary folders of processes that were killed are removed; those of others stay."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from diag.core import temporary


@pytest.fixture(autouse=True)
def _own_parent(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_folder_is_private_and_says_whose_it_is():
    with temporary.temporary_folder("test") as folder:
        assert folder.name.startswith(f"diag-test-{os.getpid()}-{temporary.started_at(os.getpid())}-")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        temporary.sweep()
        assert folder.is_dir()
    assert not folder.exists()


def test_what_a_killed_process_left_is_swept(tmp_path):
    code = "import os, signal; from diag.core.temporary import make_folder; print(make_folder('test'), flush=True); " \
           "os.kill(os.getpid(), signal.SIGKILL)"  # fmt: skip
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    left = Path(done.stdout.strip())
    (left / "inside").mkdir()
    assert left.parent == tmp_path
    temporary.sweep()
    assert not left.exists()


def test_a_process_with_the_same_id_but_another_start_does_not_keep_a_folder(tmp_path):
    (tmp_path / f"diag-test-{os.getpid()}-1-x").mkdir()
    other = tmp_path / "diag-notes-of-mine"
    other.mkdir()
    temporary.sweep()
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_sockets_get_a_short_path(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folder = temporary.make_folder("test", for_sockets=True)
    folder.rmdir()
    assert len(os.fsencode(folder)) < 80
