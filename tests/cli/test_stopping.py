"""Ctrl-C in the middle of real takes."""

import os
import signal
import subprocess
import sys
import time

import pytest

GONE_WITHIN_S = 10.0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_stopped_in_mid_take_leaves_nothing_running(tmp_path, name):
    process = subprocess.Popen(
        [sys.executable, "-m", "diag", "run", "healthy", "--audio", "wire", "--takes", "2", "--out", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr.readline().startswith("healthy: 2 takes")
    _await(lambda: list(tmp_path.glob("runs/*/run.json")))
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.strip().endswith("Stopped. No take was finished, so nothing was kept.")
    assert "Traceback" not in err
    _await(lambda: not _session_lives(process.pid))


def _await(happened):
    until_s = time.monotonic() + GONE_WITHIN_S
    while not happened():
        assert time.monotonic() < until_s
        time.sleep(0.05)


def _session_lives(session):
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("command", ["serve", "proxy"])
def test_a_server_ends_when_the_process_that_started_it_was_killed(tmp_path, command):
    start = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'diag', '{command}'], stdout=subprocess.PIPE, text=True)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", start], stdout=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    _await(lambda: not _lives(child))


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
