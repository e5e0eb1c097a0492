"""Facts and settings of processes, imports of child processes, and a process pool whose workers can be killed."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

NICE = -10
"""Above ordinary programs, below the audio threads: a busy machine delays the rest first."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables from which linear algebra libraries take their number of threads when they are loaded."""


def keep_time() -> None:
    """Ask for this process to be served before ordinary ones."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_environment() -> dict[str, str]:
    """Return the environment variables with which a child Python process imports the same modules as this one.

    Python puts the working directory before all other places when it runs `-m MODULE` or `-c CODE`. A folder there that
    is named `diag` would be imported in place of the running diag, for example a checkout in its parent folder.
    `PYTHONSAFEPATH` leaves the working directory out. `PYTHONPATH` hands over the places that this process imports
    from, in their order.
    """
    places = [os.path.abspath(place) for place in sys.path if isinstance(place, str)]
    # A place with the separator in its name cannot be handed over. Of these, Python finds site-packages by itself.
    usable = [place for place in dict.fromkeys(places) if os.pathsep not in place]
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(usable)}


def start_fork_server(preload: Sequence[str], environment: Mapping[str, str] | None = None) -> ForkServerContext:
    """Start the server process that workers are forked from, and return the context that makes them.

    The server imports what this process would import (see `import_environment`): `multiprocessing` takes care of that
    for the workers only, after the server has imported `preload`. A process has one such server; where it runs already,
    it stays as it is.

    Parameters
    ----------
    preload : sequence of str
        Modules that the server imports once for all workers.
    environment : mapping, optional
        Environment variables of the server and of its workers; those of this process stay as they are.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    # The server needs the resource tracker, whose start would unblock the signal again.
    multiprocessing.resource_tracker.ensure_running()
    with _interrupts_deferred(), _environment({**import_environment(), **(environment or {})}):
        # Workers inherit that Ctrl-C is blocked. Otherwise it would make a worker that has just been started print a
        # traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            multiprocessing.forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Let a handler of Ctrl-C, SIGTERM or SIGHUP run after the block, so that it does not leave the block half done."""
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


def end_with_parent() -> None:
    """End this process as soon as its parent process is gone, for whatever reason."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


_starting = threading.Lock()
"""Held while a pool may start processes, so that each pool finds out which ones are its own."""


class KillableProcessPool(ProcessPoolExecutor):
    """`ProcessPoolExecutor` whose workers can be killed at once, and whose exit codes can be read.

    Workers ignore Ctrl-C, which a terminal sends to all processes of a command: the parent process decides what ends.
    They end by themselves when the parent process is gone.

    Python's own executor offers `kill_workers` from 3.14 on only, and no exit codes. This class finds the workers
    through public functions: `submit` starts them, and `multiprocessing.active_children` lists what was started.

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
        """Hand a call to the workers; a worker is started for it where fewer than `max_workers` run."""
        if len(self._workers) == self._size:
            return super().submit(fn, *args, **kwargs)
        with _starting, _interrupts_deferred():
            before = set(multiprocessing.active_children())
            try:
                return super().submit(fn, *args, **kwargs)
            finally:
                self._workers += set(multiprocessing.active_children()) - before

    def kill(self) -> None:
        """Kill all workers; calls without a result fail with `BrokenProcessPool`."""
        for process in self._workers:
            process.kill()

    @property
    def exit_codes(self) -> tuple[int, ...]:
        """Exit codes of the workers that have ended, in the order of their start; negative for a signal."""
        return tuple(process.exitcode for process in self._workers if process.exitcode is not None)


def _begin_worker(initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if initializer is not None:
        initializer(*initargs)
