"""Many items through worker processes, and through any other executor."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from diag.api import process_pool
from diag.api.process_pool import LocalWorkers, run_all
from diag.core.errors import BadInputError

GONE_WITHIN_S = 10.0
TWO = LocalWorkers(2)


def failed(item, reason):
    return f"{item}: {reason}"


def multiply(factor):
    def work(item):
        if item == "exit":
            os._exit(9)
        if item == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "refuse":
            raise BadInputError("Could not multiply", seen="a word", next_step="give a number")
        return factor * item

    return work


def test_results_come_in_order_and_progress_is_reported():
    reported = []
    done = run_all(multiply, 3, list(range(40)), TWO, failed=failed, progress=lambda *share: reported.append(share))
    assert done == tuple(3 * item for item in range(40))
    assert reported == [(count, 40) for count in range(1, 41)]


def test_nothing_to_do():
    assert run_all(multiply, 1, [], TWO, failed=failed) == ()


def test_an_item_whose_worker_dies_is_reported_with_the_exit_code_and_the_rest_is_done():
    done = run_all(multiply, 1, [1, "exit", 2, 3, "kill", 4, 5, 6], TWO, failed=failed)
    assert [item for item in done if isinstance(item, int)] == [1, 2, 3, 4, 5, 6]
    assert done[1].startswith("exit: the process that measured it ended with exit code 9; ")
    assert done[4].startswith("kill: the process that measured it was killed by signal 9 (SIGKILL); ")


def test_when_every_item_kills_its_worker_all_are_reported():
    done = run_all(multiply, 1, ["exit"] * 3, TWO, failed=failed)
    assert [text[:10] for text in done] == ["exit: the "] * 3


def test_long_items_return_one_by_one_and_short_ones_together(monkeypatch):
    calls = []

    class Counted(ThreadPoolExecutor):
        def submit(self, work, key, job, items):
            calls.append(len(items))
            return super().submit(work, key, job, items)

    class One(Threads):
        count = ahead = 1

        @contextmanager
        def open(self, *, alone):
            with Counted(1) as executor:
                yield executor

    assert run_all(multiply, 2, list(range(160)), One(), failed=failed) == tuple(range(0, 320, 2))
    assert calls == [8] * 20
    calls.clear()
    monkeypatch.setattr(process_pool, "BATCH_S", 0.0)
    assert run_all(multiply, 2, list(range(32)), One(), failed=failed) == tuple(range(0, 64, 2))
    assert calls == [2] * 31 + [1]


def die_once(folder):
    def work(item):
        mark = Path(folder) / str(item)
        if item == 3 and not mark.exists():
            mark.touch()
            os._exit(1)
        return item

    return work


def test_a_worker_that_is_killed_from_outside_costs_nothing(tmp_path):
    assert run_all(die_once, str(tmp_path), list(range(8)), TWO, failed=failed) == tuple(range(8))


def test_an_error_of_the_work_costs_its_item(monkeypatch):
    monkeypatch.setattr(process_pool, "write_bug", lambda error: f"see {type(error.__cause__).__name__}")
    done = run_all(multiply, 2.5, [1, "refuse", "word", 2], TWO, failed=failed)
    assert done == (
        2.5,
        "refuse: Could not multiply: a word; give a number",
        "word: a bug in diag (TypeError: can't multiply sequence by non-int of type 'float'); see _RemoteTraceback",
        5.0,
    )


def facts(_given):
    def work(_item):
        product = np.ones((400, 400)) @ np.ones((400, 400))
        assert product[0, 0] == 400
        watching = 1
        return os.environ["OPENBLAS_NUM_THREADS"], len(os.listdir("/proc/self/task")) - 1 - watching

    return work


def test_a_worker_has_one_thread_for_linear_algebra_and_the_parent_keeps_its_environment(tmp_path):
    # In a process of its own: a fork server keeps the environment of its start.
    script = tmp_path / "threads.py"
    script.write_text(
        "import os\nfrom test_process_pool import TWO, facts, failed, run_all\n"
        "if __name__ == '__main__':\n"
        "    before = dict(os.environ)\n"
        "    print(run_all(facts, None, [0, 1], TWO, failed=failed), dict(os.environ) == before)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False,
        env={**environment, "PYTHONPATH": _path()},
    )  # fmt: skip
    assert done.stdout == "(('1', 0), ('1', 0)) True\n", done.stderr


class Threads:
    """Another executor behind the same seam."""

    count = 2
    ahead = 4
    died = ()

    @contextmanager
    def open(self, *, alone):
        with ThreadPoolExecutor(2) as executor:
            yield executor

    def why_died(self, executor):
        raise AssertionError("threads do not die")

    def gone(self):
        return None


def test_any_executor_will_do():
    assert run_all(multiply, 2, list(range(20)), Threads(), failed=failed) == tuple(range(0, 40, 2))


class GoneThreads(Threads):
    """Workers of which nothing more will come after some time."""

    def gone(self):
        return "the cluster is gone"


def wait_for_ever(_given):
    def work(item):
        time.sleep(0.0 if item == 0 else 0.3)
        return item

    return work


def test_when_workers_are_gone_what_is_left_is_reported(monkeypatch):
    monkeypatch.setattr(process_pool, "LOOK_EVERY_S", 0.05)
    done = run_all(wait_for_ever, None, [0, *range(1, 9)], GoneThreads(), failed=failed)
    assert done == (0, *(f"{item}: the cluster is gone" for item in range(1, 9)))


FOREVER = """
import sys
from test_process_pool import TWO, failed, run_all, sleep
if __name__ == "__main__":
    print("begun", flush=True)
    run_all(sleep, sys.argv[1], [60] * 8, TWO, failed=failed)
"""


def sleep(folder):
    """Sleep, and leave a mark of the process that does."""

    def work(seconds):
        (Path(folder) / f"{os.getpid()}.works").touch()
        time.sleep(seconds)

    return work


def _path():
    return os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])


@pytest.mark.parametrize("name", ["SIGINT", "SIGINT at once", "SIGTERM", "SIGKILL"])
def test_stopped_at_once_without_anything_left_running(tmp_path, name):
    script = tmp_path / "forever.py"
    script.write_text(FOREVER)
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": _path()},
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    if name == "SIGINT at once":
        # The parent, the resource tracker, the server process.
        _await(lambda: len(_session(process.pid)) >= 3)
    else:
        _await(lambda: len(list(tmp_path.glob("*.works"))) == 2)
    begun = time.monotonic()
    if name.startswith("SIGINT"):
        # As a terminal does it: to every process at once.
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.Signals[name])
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < GONE_WITHIN_S
    assert err.count("Traceback") == (1 if name.startswith("SIGINT") else 0), err
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
        time.sleep(0.02)
