"""`git bisect run diag bench --bisect` blames the commit that broke the voice, never one that could not be judged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from diag.__main__ import SKIP_COMMIT, bisect_code, call
from diag.core.errors import ExitCode

ROOT = Path(__file__).resolve().parent.parent.parent
BROKEN_AT = 8
CONFIG = """title = "Our app"
[session]
response_modalities = ["AUDIO"]
[playback]
sample_rate_hz = {rate_hz}
resample = false
"""


@pytest.mark.parametrize("code", ExitCode)
def test_only_a_measured_failure_is_bad(code):
    expected = {ExitCode.GOOD: 0, ExitCode.FAILED: 1, ExitCode.STOPPED: 130}
    assert bisect_code(code) == expected.get(code, SKIP_COMMIT)


def test_a_commit_whose_configuration_cannot_be_used_is_skipped(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(["bench", "absent.toml", "--bisect"]) == SKIP_COMMIT
    assert "absent.toml" in capsys.readouterr().err
    assert call(["bench", "absent.toml"]) == ExitCode.USAGE


def git(folder, *words, **more):
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / ".git")}
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    return subprocess.run(
        ["git", *author, *words],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=True,
        **more,
    )


@pytest.mark.slow
def test_the_one_of_twelve_commits_that_breaks_the_voice_is_found(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("reports/\n")
    for number in range(1, 13):
        # One commit cannot be tested: its configuration is damaged.
        text = "title =" if number == 6 else CONFIG.format(rate_hz=24000 if number < BROKEN_AT else 16000)
        (tmp_path / "app.toml").write_text(f"# release {number}\n{text}")
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", f"release {number}")
    git(tmp_path, "bisect", "start", "HEAD", "HEAD~11")
    bench = (
        sys.executable,
        "-m",
        "diag",
        "bench",
        "app.toml",
        "--bisect",
        "--no-self-check",
        "--audio",
        "wire",
        "--takes",
        "1",
        "--prompt",
        "yes",
    )
    done = git(tmp_path, "bisect", "run", *bench, timeout=240)
    print(done.stdout)
    assert git(tmp_path, "log", "-1", "--format=%s", "refs/bisect/bad").stdout.strip() == f"release {BROKEN_AT}"
