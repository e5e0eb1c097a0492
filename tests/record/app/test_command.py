"""A program as the client: its output, its end, and the end of everything that it started."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from diag.core.processes import import_environment
from diag.record.app import keeper
from diag.record.app.command import CommandDriver, CommandJob
from diag.record.app.driver import AppSetting
from diag.record.app.environment import app_environment

CHILDREN = """
import os, subprocess, sys, time
far = "import os, time; os.setsid(); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(60)"])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        subprocess.run([sys.executable, "-c", far])
    os._exit(0)
print("mark", os.getpid(), flush=True)
time.sleep(60)
"""


def setting(tmp_path: Path) -> AppSetting:
    return AppSetting(
        environment={**os.environ, "PYTHONUNBUFFERED": "1"},
        output_file=tmp_path / "output.txt",
        proxy_address="127.0.0.1:1",
        ca_file=tmp_path / "ca.pem",
        folders=(tmp_path / "temporary",),
        key_hash="",
    )


def driver(tmp_path: Path, *command: str, ready: str | None = None, secrets: tuple[str, ...] = ()) -> CommandDriver:
    return CommandDriver(CommandJob(command=command, directory=tmp_path, ready_output=ready), secrets)


async def until(condition, for_s=10.0):
    async with asyncio.timeout(for_s):
        while not condition():
            await asyncio.sleep(0.01)


def run(tmp_path, *command, **options):
    async def watch():
        app = driver(tmp_path, *command, **options)
        await app.start(setting(tmp_path))
        await until(lambda: app.ended() is not None)
        await app.stop()
        return app

    return asyncio.run(watch())


def marked(mark: str) -> list[int]:
    """Ids of the running processes that have `mark` in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes() and ") Z " not in (place / "stat").read_text():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def test_an_exit_code_and_the_last_lines_are_kept(tmp_path):
    app = run(tmp_path, sys.executable, "-c", "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)")
    assert app.ended().code == 3
    assert app.ended().detail == "exit code 3"
    assert app.last_lines() == ("one", "two")
    assert (tmp_path / "output.txt").read_text() == "one\ntwo\n"


def test_a_signal_is_named(tmp_path):
    app = run(tmp_path, sys.executable, "-c", "import os; os.kill(os.getpid(), 11)")
    assert (app.ended().code, app.ended().detail) == (None, "ended by SIGSEGV")


def test_a_command_that_does_not_exist_says_so(tmp_path):
    app = run(tmp_path, "no-such-program-here")
    assert app.ended().code == 127
    assert app.last_lines() == ("no-such-program-here: No such file or directory",)


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/proc/self/autogroup").exists(),
    reason="only root may raise the priority of sessions",
)
def test_sessions_of_the_app_keep_time_like_those_of_diag(tmp_path):
    code = """
import os, time
from pathlib import Path
if os.fork() == 0:
    os.setsid()
own = Path("/proc/self/autogroup")
until_s = time.monotonic() + 5
while not own.read_text().endswith("nice -10\\n") and time.monotonic() < until_s:
    time.sleep(0.02)
print(own.read_text().partition(" ")[2].strip(), flush=True)
time.sleep(0.5)
"""
    app = run(tmp_path, sys.executable, "-c", code)
    assert app.last_lines() == ("nice -10", "nice -10")


@pytest.mark.parametrize(
    ("used_s", "waited_s", "busy_s", "told"),
    [(0.02, 0.03, 0.4, True), (0.3, 0.03, 0.4, False), (0.02, 0.001, 0.4, False)],
    ids=("others used the cores", "the app used them itself", "a short wait"),
)
def test_a_wait_for_a_core_is_told_if_others_used_the_cores(monkeypatch, used_s, waited_s, busy_s, told):
    first, busy = {"1": (5, 7), "2": (0, 0)}, [10.0]
    second = {"1": (5 + round(1e9 * used_s), 7 + round(1e9 * waited_s)), "2": (0, 0), "new": (0, 10**12)}
    threads = [first, second]
    monkeypatch.setattr(keeper, "thread_times", lambda processes: threads.pop(0))
    monkeypatch.setattr(keeper, "busy_s", lambda: busy[0])
    waits = keeper.Waits()
    assert waits.line([]) is None
    busy[0] += busy_s
    line = waits.line([])
    assert (line is not None) is told
    if line is not None:
        word, begun_s, until_s, longest_s = line.decode().split()
        assert word == "waited"
        assert float(begun_s) <= float(until_s)
        assert float(longest_s) == pytest.approx(waited_s)


def test_keys_are_removed_from_the_output(tmp_path):
    key = "AIza" + "k" * 35
    app = run(tmp_path, sys.executable, "-c", f"print('{key}', 'plain-secret-1')", secrets=("plain-secret-1",))
    text = (tmp_path / "output.txt").read_text() + " ".join(app.last_lines())
    assert key not in text
    assert "plain-secret-1" not in text
    assert text.count("(key hidden)") == 4


def test_the_output_holds_no_absolute_path(tmp_path):
    script = tmp_path / "client" / "main.py"
    script.parent.mkdir()
    script.write_text(
        "import asyncio\n\nasync def main():\n    raise ValueError(asyncio.__file__)\n\nasyncio.run(main())\n"
    )
    app = run(tmp_path, sys.executable, str(script), ready=str(tmp_path))
    text = (tmp_path / "output.txt").read_text()
    assert 'File "client/main.py", line 4, in main' in text
    assert 'File "…/asyncio/runners.py"' in text
    assert app.last_lines()[-1] == "ValueError: …/asyncio/__init__.py"
    assert str(tmp_path) not in text
    assert "/lib/" not in text
    assert app.ready(), "what shows that the app listens is searched for in the output as it was written"


def test_a_line_of_any_length_and_any_bytes_are_taken(tmp_path):
    code = "import sys; sys.stdout.buffer.write(b'x' * 300000 + b'\\n\\xff\\xfe\\n' + b'end')"
    app = run(tmp_path, sys.executable, "-c", code)
    assert app.last_lines()[-1] == "end"
    assert len((tmp_path / "output.txt").read_text()) >= 300000


def test_it_is_ready_when_a_line_matches(tmp_path):
    async def watch():
        code = "import time; print('starting'); time.sleep(0.3); print('is listening now'); time.sleep(30)"
        app = driver(tmp_path, sys.executable, "-c", code, ready="listen")
        await app.start(setting(tmp_path))
        first = app.ready()
        await until(app.ready)
        await app.stop()
        return first, app.ended()

    assert asyncio.run(watch()) == (False, None)
    assert driver(tmp_path, "x").ready() is None


def test_stopping_ends_everything_that_the_app_started(tmp_path, monkeypatch):
    mark = f"DIAG_TEST_MARK=stop-{os.getpid()}-{time.time_ns()}"
    monkeypatch.setenv(*mark.split("="))

    async def watch():
        app = driver(tmp_path, sys.executable, "-c", CHILDREN, ready="mark")
        await app.start(setting(tmp_path))
        await until(app.ready)
        await until(lambda: len(marked(mark)) >= 5)
        await app.stop()

    (tmp_path / "temporary").mkdir()
    asyncio.run(watch())
    monkeypatch.delenv("DIAG_TEST_MARK")
    assert marked(mark) == []
    assert (tmp_path / "temporary").exists()


def test_the_app_ends_when_diag_is_killed(tmp_path):
    mark = f"DIAG_TEST_MARK=kill-{os.getpid()}-{time.time_ns()}"
    (tmp_path / "children.py").write_text(CHILDREN)
    (tmp_path / "temporary").mkdir()
    code = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1]); import test_command as t; from pathlib import Path\n"
        "async def main():\n"
        "    app = t.driver(Path(sys.argv[2]), sys.executable, 'children.py', ready='mark')\n"
        "    await app.start(t.setting(Path(sys.argv[2])))\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, **import_environment(), "DIAG_TEST_MARK": mark.split("=")[1]}
    diag = subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)], env=environment)
    try:
        end_s = time.monotonic() + 20
        while len(marked(mark)) < 6 and time.monotonic() < end_s:
            time.sleep(0.05)
        assert len(marked(mark)) >= 6
    finally:
        diag.send_signal(signal.SIGKILL)
        diag.wait()
    end_s = time.monotonic() + 8
    while (marked(mark) or (tmp_path / "temporary").exists()) and time.monotonic() < end_s:
        time.sleep(0.05)
    assert marked(mark) == []
    assert not (tmp_path / "temporary").exists()


@pytest.mark.parametrize("hangs", ["import signal; signal.signal(15, 1); "])
def test_an_app_that_ignores_the_end_is_killed(tmp_path, hangs):
    async def watch():
        app = driver(tmp_path, sys.executable, "-c", hangs + "import time; print('up'); time.sleep(60)", ready="up")
        await app.start(setting(tmp_path))
        await until(app.ready)
        begun_s = time.monotonic()
        await app.stop()
        return time.monotonic() - begun_s

    assert asyncio.run(watch()) < 5


def test_a_program_is_looked_for_beside_diags_own_python_in_the_end(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = app_environment({}, {})["PATH"]
    assert path.split(os.pathsep)[0] == str(tmp_path)
    assert shutil.which("python", path=path) is not None
