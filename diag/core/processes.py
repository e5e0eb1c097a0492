"""Priority and core count of this process, the environment of child processes, and a killable process pool."""

from __future__ import annotations

import asyncio
import errno
import gc
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import multiprocessing.util
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from diag.core.errors import CannotMeasureError
from diag.core.temporary import make_folder

P = ParamSpec("P")
R = TypeVar("R")

NICE = -10
"""Nice value that puts the process above ordinary programs and below the audio threads."""
PARENT_EVERY_S = 1.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables from which linear algebra libraries take their number of threads when they are loaded."""


def keep_time() -> None:
    """Raise the scheduling priority of this process to `NICE`; do nothing if the system does not allow it."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def keep_time_alone() -> None:
    """Raise the priority of this child process, and take it out of the session of its parent.

    Linux with `sched_autogroup_enabled` shares a core among sessions first, and only then among the processes of one
    session by their priority. In a session of its own, a process that mostly waits does not wait for the work of its
    parent, or for a program in another terminal. A process that leads a session or a process group is left in it.
    """
    with suppress(OSError):
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")
    keep_time()


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collect garbage now, and not again until the block has ended: a collection stops all that runs in real time."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_environment() -> dict[str, str]:
    """Return the environment variables with which a child Python process imports the same modules as this one.

    With `-m MODULE` or `-c CODE`, Python searches the working directory first. A folder named `diag` there, such as a
    checkout of diag, would be imported in place of the running diag. `PYTHONSAFEPATH` leaves the working directory
    out. `PYTHONPATH` passes on the import path of this process.
    """
    places = [os.path.abspath(place) for place in sys.path if isinstance(place, str)]
    # A folder with the path separator in its name cannot be passed on. If it is site-packages, Python adds it anyway.
    usable = [place for place in dict.fromkeys(places) if os.pathsep not in place]
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(usable)}


def start_fork_server(preload: Sequence[str], environment: Mapping[str, str] | None = None) -> ForkServerContext:
    """Start the server process that workers are forked from, and return the context that makes them.

    The server gets `import_environment`, because `multiprocessing` passes the import path only to the workers, after
    the server has imported `preload`. A process has one such server; if it already runs, it is left unchanged.

    Parameters
    ----------
    preload : sequence of str
        Modules that the server imports once for all workers.
    environment : mapping, optional
        Further environment variables of the server and its workers. The environment of this process does not change.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    folder = _folder_of_processes()
    # The server needs the resource tracker, whose start would unblock the signal again.
    multiprocessing.resource_tracker.ensure_running()
    with _interrupts_deferred(), _environment({**import_environment(), **(environment or {})}):
        # Workers inherit the blocked SIGINT. Otherwise Ctrl-C would make a worker that has just started print a
        # traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            with _standard_error_in(folder):
                multiprocessing.forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


@contextmanager
def _standard_error_in(folder: Path | None) -> Iterator[None]:
    """Let processes that are started in the block write to a file in a folder, in place of standard error.

    A worker that cannot start prints a traceback, but this process reports its end in one sentence.
    """
    try:
        kept = os.dup(2)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        folder = None  # standard error is closed
    if folder is None:
        yield
        return
    try:
        with (folder / "errors").open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@cache
def _folder_of_processes() -> Path | None:
    """Let `multiprocessing` keep its sockets in a folder of ours, which is swept if this process is killed; return it.

    Its path is short. A worker uses the folder of its parent; the result is then None.
    """
    if multiprocessing.parent_process() is not None:
        return None
    folder, before = make_folder("processes", for_sockets=True), tempfile.tempdir
    # After the folder that `multiprocessing` makes in it, which has the priority -100.
    multiprocessing.util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=-200)
    tempfile.tempdir = str(folder)
    try:
        multiprocessing.util.get_temp_dir()
    finally:
        tempfile.tempdir = before
    return folder


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Delay the handlers of SIGINT, SIGTERM and SIGHUP until the block has ended."""
    if threading.current_thread() is not threading.main_thread():
        # Handlers run in the main thread only.
        yield
        return
    caught: list[tuple[int, FrameType | None]] = []
    handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                signal.signal(number, lambda number, frame: caught.append((number, frame)))
        yield
    finally:
        for changed, handler in handlers.items():
            signal.signal(changed, handler)
    for arrived, frame in caught:
        handlers[arrived](arrived, frame)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def parent_gone() -> None:
    """Return when the parent process of this one has ended. Never return if this process was made to outlive it.

    It was made so with `nohup`, or with `setsid` or as a service, which makes it the first of its session.
    """
    parent = os.getppid()
    outlives = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN or os.getsid(0) == os.getpid() or parent == 1
    while outlives or os.getppid() == parent:
        await asyncio.sleep(PARENT_EVERY_S)


async def wait_for_end(stop: asyncio.Event) -> None:
    """Wait until an event is set or the parent process has ended (`parent_gone`)."""
    tasks = asyncio.create_task(stop.wait()), asyncio.create_task(parent_gone())
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def end_with_parent() -> None:
    """End this process as soon as its parent process is gone, for whatever reason."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def _no_processes() -> CannotMeasureError:
    """Return the error for a fork server that has ended, with what it wrote last."""
    folder, last = _folder_of_processes(), ""
    if folder is not None:
        with suppress(OSError):
            lines = (folder / "errors").read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return CannotMeasureError(
        "Could not start the processes that record and measure",
        seen=f"the process that starts them has ended{f' ({last})' if last else ''}",
        next_step="check free memory, the limits of this shell (`ulimit -a`), and the path that is named, if any",
    )


def process_died(attempted: str, *, times: int = 1, next_step: str) -> CannotMeasureError:
    """Return the error for a recording process that died, most often because memory ran out."""
    return CannotMeasureError(
        attempted,
        seen=f"the recording process died{f' {times} times' if times > 1 else ''}",
        allowed="recording processes that run to their end",
        next_step=f"check free memory, or {next_step}",
    )


_starting = threading.Lock()
"""Held while a pool may start processes, so that each pool can tell which processes it started."""


class KillableProcessPool(ProcessPoolExecutor):
    """`ProcessPoolExecutor` whose workers can be killed at once, and whose exit codes can be read.

    A terminal sends Ctrl-C to all processes of a command. Workers ignore it, so that the parent process decides which
    processes end. They end by themselves when the parent process has ended.

    Python's executor has `kill_workers` only from 3.14 on, and gives no exit codes. This class finds its workers
    through public functions: `submit` starts them, and `multiprocessing.active_children` lists them.

    Parameters
    ----------
    max_workers : int
        Number of workers.
    context : ForkServerContext
        Makes the workers (`start_fork_server`).
    initializer : callable, optional
        Called once in each worker, with `initargs`.
    """

    def __init__(
        self,
        max_workers: int,
        context: ForkServerContext,
        *,
        initializer: Callable[..., None] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(max_workers, context, initializer=_begin_worker, initargs=(initializer, initargs))
        self._size = max_workers
        self._workers: list[BaseProcess] = []

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Submit a call to the workers. A new worker is started if needed and fewer than `max_workers` run."""
        if len(self._workers) == self._size:
            return super().submit(fn, *args, **kwargs)
        with _starting, _interrupts_deferred():
            before = set(multiprocessing.active_children())
            try:
                return super().submit(fn, *args, **kwargs)
            except (EOFError, ConnectionError):
                raise _no_processes() from None
            finally:
                self._workers += set(multiprocessing.active_children()) - before

    def kill(self) -> None:
        """Kill all workers; calls without a result fail with `BrokenProcessPool`."""
        for process in self._workers:
            process.kill()

    @property
    def exit_codes(self) -> tuple[int, ...]:
        """Return the exit codes of the workers that have ended, in the order of their start; negative for a signal."""
        return tuple(process.exitcode for process in self._workers if process.exitcode is not None)


def _begin_worker(initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if initializer is not None:
        initializer(*initargs)
