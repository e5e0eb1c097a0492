"""Odd surroundings of a command: what the machine lacks ends it with one sentence, and the rest does not disturb it."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPLY = ROOT / "scenarios/replies/take_the_express.wav"
GOOD, USAGE, MACHINE = 0, 2, 3


def ended(folder, *words, before=None, **variables):
    """Run a command in a folder with changed variables (None: without it); return the exit code and both outputs."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(
        [sys.executable, "-m", "diag", *map(str, words)], cwd=folder, preexec_fn=before, timeout=60, check=False,
        env={name: value for name, value in environment.items() if value is not None}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"HOME": None, "TZ": "Nowhere/At_All", "COLUMNS": "abc", "OPENBLAS_NUM_THREADS": "abc"},
        {"HOME": "/nonexistent", "XDG_STATE_HOME": "/dev/null", "MPLBACKEND": "nonsense", "ALL_PROXY": "nonsense"},
    ],
)
def test_variables_that_do_not_matter_change_no_verdict(tmp_path, variables):
    code, out, _ = ended(tmp_path, "analyze", REPLY, "--html", "page.html", **variables)
    assert code == GOOD
    assert "shows no fault" in out
    assert (tmp_path / "page.html").is_file()


def test_a_name_that_this_shell_cannot_spell_is_read_all_the_same(tmp_path):
    shutil.copy(REPLY, tmp_path / "녹음.wav")
    os.rename(tmp_path / "녹음.wav", os.fsencode(tmp_path) + b"/na\xefve \xeb\x85\xb9.wav")
    code, _, _ = ended(
        tmp_path, "analyze", ".", "--html", "page.html", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    assert code == GOOD
    assert (tmp_path / "page.html").is_file()


def test_a_user_that_does_not_exist_is_no_bug(tmp_path):
    code, _, err = ended(tmp_path, "run", "healthy", "--prompt", "~nosuchuser/x.wav")
    assert (code, "no such file" in err) == (USAGE, True)


def test_a_working_folder_that_was_removed_is_told(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code, _, err = ended(tmp_path, "run", "healthy", "--audio", "wire", before=lambda: _leave(gone))
    assert code == MACHINE
    assert "the folder in which it was started has been removed" in err


def _leave(folder):
    os.chdir(folder)
    folder.rmdir()


def test_a_file_may_not_grow_beyond_a_limit(tmp_path):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    code, _, err = ended(tmp_path, "analyze", REPLY, "--html", "page.html", before=limited, PYTHONDONTWRITEBYTECODE="1")
    assert code == MACHINE
    assert "Could not write the report page.html: File too large" in err
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("endpoint", ["emulator", "https://127.0.0.1:9"])
def test_processes_that_cannot_start_are_told_with_their_reason(tmp_path, endpoint):
    words = ("run", "healthy", "--audio", "wire", "--takes", "1", "--endpoint", endpoint)
    code, _, err = ended(tmp_path, *words, SSLKEYLOGFILE="/proc/nowhere/keys")
    assert code == MACHINE
    assert "has ended" in err
    assert "/proc/nowhere/keys" in err
    assert "Stopped" not in err
