"""Many things through all cores."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from diag.api.process_pool import through_all_cores

GONE_WITHIN_S = 10.0


def _prepared(factor):
    def work(thing):
        if thing == "die":
            os._exit(9)
        return factor * thing

    return work


def _lost(thing, exit_code):
    return f"{thing} {exit_code}"


def _environment(_given):
    return os.environ.get


def test_results_come_in_order_and_progress_is_told():
    told = []
    done = through_all_cores(
        _prepared, 3, list(range(40)), lost=_lost, progress=lambda *share: told.append(share), workers=2
    )
    assert done == tuple(3 * thing for thing in range(40))
    assert told[-1] == (40, 40)


def test_a_process_that_dies_costs_the_thing_that_it_was_at():
    done = through_all_cores(_prepared, 1, [1, "die", 2, 3, "die", 4], lost=_lost, workers=2)
    assert done == (1, "die 9", 2, 3, "die 9", 4)


def test_nothing_to_do():
    assert through_all_cores(_prepared, 1, [], lost=_lost) == ()


def test_libraries_do_not_start_threads_of_their_own(monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert through_all_cores(_environment, None, ["OPENBLAS_NUM_THREADS"], lost=_lost) == ("1",)
    assert "OPENBLAS_NUM_THREADS" not in os.environ


FOREVER = """
import sys
sys.path.insert(0, {folder!r})
from test_crew import _sleeping, _lost
from diag.api.process_pool import through_all_cores
if __name__ == "__main__":
    print("begun", flush=True)
    through_all_cores(_sleeping, None, [60] * 8, lost=_lost, workers=2)
"""


def _sleeping(_given):
    return time.sleep


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_stopped_at_once_without_anything_left_running(tmp_path, name):
    script = tmp_path / "forever.py"
    script.write_text(FOREVER.format(folder=str(Path(__file__).parent)))
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    _await(lambda: len(_session(process.pid)) >= 4)
    begun = time.monotonic()
    # As a terminal does it: to every process at once.
    os.killpg(process.pid, signal.SIGINT) if name == "SIGINT" else process.kill()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < GONE_WITHIN_S
    assert err.count("Traceback") == (1 if name == "SIGINT" else 0), err
    _await(lambda: not _session(process.pid))


def _session(leader):
    """Processes of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def _await(happened):
    until_s = time.monotonic() + GONE_WITHIN_S
    while not happened():
        assert time.monotonic() < until_s
        time.sleep(0.05)
