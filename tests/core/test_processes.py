"""Child processes import what their parent imports, and pools of them can be killed."""

import gc
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

import diag
from diag.core.processes import KillableProcessPool, import_environment, no_garbage_collection, start_fork_server

WORKER = """
import os
from pathlib import Path


def tell(connection):
    import sys
    import diag
    connection.send((diag.__file__, "diag.core.units" in sys.modules))


if __name__ == "__main__":
    import diag.core.processes as processes

    os.chdir(os.environ["PLACE"])
    before = dict(os.environ)
    context = processes.start_fork_server(["diag.core.units"])
    assert dict(os.environ) == before
    reading, writing = context.Pipe()
    process = context.Process(target=tell, args=(writing,))
    process.start()
    print(*reading.recv())
    process.join()
"""


@pytest.fixture(params=["package", "folder"])
def place(request, tmp_path):
    """A folder with another `diag` in it: a package, or a folder of that name as a checkout is."""
    folder = tmp_path / "place"
    (folder / "diag").mkdir(parents=True)
    if request.param == "package":
        (folder / "diag/__init__.py").write_text("raise RuntimeError('another diag')", encoding="utf-8")
    return folder


def test_a_child_imports_the_running_diag(place):
    done = subprocess.run(
        [sys.executable, "-c", "import diag; print(diag.__file__)"],
        cwd=place, env={**os.environ, **import_environment()}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == diag.__file__


def test_without_these_variables_it_would_import_another_one(tmp_path):
    (tmp_path / "diag.py").write_text("", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "import diag; print(diag.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(tmp_path / "diag.py")


def test_the_fork_server_and_its_workers_import_the_running_diag(place, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(WORKER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, **import_environment(), "PLACE": str(place)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [diag.__file__, "True"]


def test_a_folder_whose_name_cannot_be_handed_over_is_left_out(monkeypatch):
    monkeypatch.setattr(sys, "path", ["", f"/a{os.pathsep}b", "/c", "/c"])
    assert import_environment()["PYTHONPATH"].split(os.pathsep) == [os.getcwd(), "/c"]


@pytest.fixture
def pool():
    opened = []

    def make(workers=1, **options):
        opened.append(KillableProcessPool(workers, start_fork_server([]), **options))
        return opened[-1]

    yield make
    for executor in opened:
        executor.kill()
        executor.shutdown(wait=True)


def test_a_hung_worker_is_killed_and_its_call_fails(pool):
    executor = pool()
    call = executor.submit(time.sleep, 60)
    begun = time.monotonic()
    executor.kill()
    with pytest.raises(BrokenProcessPool):
        call.result(timeout=30)
    executor.shutdown(wait=True)
    assert time.monotonic() - begun < 10
    assert executor.exit_codes == (-signal.SIGKILL,)


def test_only_the_workers_of_the_pool_are_killed(pool):
    one, other = pool(), pool()
    one.submit(time.sleep, 60)
    assert other.submit(abs, -1).result(timeout=30) == 1
    one.kill()
    assert other.submit(abs, -2).result(timeout=30) == 2
    assert other.exit_codes == ()


def test_every_worker_of_a_pool_is_killed(pool):
    executor = pool(2)
    calls = [executor.submit(time.sleep, 60) for _ in range(2)]
    executor.kill()
    for call in calls:
        with pytest.raises(BrokenProcessPool):
            call.result(timeout=30)
    executor.shutdown(wait=True)
    assert executor.exit_codes == (-signal.SIGKILL,) * 2


def test_workers_do_not_see_ctrl_c(pool):
    executor = pool()
    worker = executor.submit(os.getpid).result(timeout=30)
    os.kill(worker, signal.SIGINT)
    assert executor.submit(os.getpid).result(timeout=30) == worker


def test_a_worker_that_ends_by_itself_shows_its_exit_code(pool):
    executor = pool()
    with pytest.raises(BrokenProcessPool):
        executor.submit(os._exit, 7).result(timeout=30)
    executor.shutdown(wait=True)
    assert executor.exit_codes == (7,)


def test_ctrl_c_while_a_worker_starts_comes_after_it_and_the_worker_is_known(pool, monkeypatch):
    executor = pool()
    start = ProcessPoolExecutor.submit

    def interrupted(self, *call):
        signal.raise_signal(signal.SIGINT)
        return start(self, *call)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        executor.submit(time.sleep, 60)
    executor.kill()
    executor.shutdown(wait=True)
    assert executor.exit_codes == (-signal.SIGKILL,)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_garbage_is_not_collected_within_the_block_and_is_again_after_it_also_after_an_error():
    def fails():
        with no_garbage_collection():
            assert not gc.isenabled()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert gc.isenabled()
