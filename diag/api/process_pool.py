"""The same work on many things through all cores: results in order, progress told, stopped at once when asked to.

One process a core, forked from a server that has loaded everything once. Each is handed one thing after the other, the
next before it has answered for the last. A process that dies costs the thing that it was at, and is replaced.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from diag.core.processes import cores, end_with_parent, start_fork_server

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Things that a process holds at a time: one in work, one to go on with at once."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Every core has its own process: threads of a linear algebra library would only get in each other's way."""


def through_all_cores(
    prepare: Callable[[Any], Callable[[T], R]],
    given: Any,
    things: Sequence[T],
    *,
    lost: Callable[[T, int], R],
    preload: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> tuple[R, ...]:
    """Do the same with each of many things.

    Parameters
    ----------
    prepare : callable
        Called once in each process with `given`; what it returns is called with each thing. Both must be importable
        by name, and results must cross process borders.
    given : object
        What the work needs besides.
    things : sequence
    lost : callable
        The result for a thing whose process died, from the thing and the exit code.
    preload : sequence of str
        Modules that are loaded once for all processes.
    progress : callable, optional
        Told how many are done, of how many.
    workers : int, optional
        Number of processes; one a core by default.
    """
    with _one_thread_each():
        crew = _Crew(prepare, given, things, preload, min(workers or cores(), len(things)))
        try:
            return crew.run(lost, progress)
        finally:
            crew.kill()


class _Crew(Generic[T, R]):
    def __init__(
        self,
        prepare: Callable[[Any], Callable[[T], R]],
        given: Any,
        things: Sequence[T],
        preload: Sequence[str],
        size: int,
    ) -> None:
        can_fork = "forkserver" in multiprocessing.get_all_start_methods()
        self._context: ForkServerContext | SpawnContext = (
            start_fork_server(preload) if can_fork else multiprocessing.get_context("spawn")
        )
        self._prepare, self._given, self._things = prepare, given, things
        self._waiting = deque(range(len(things)))
        self._members: dict[Connection, tuple[BaseProcess, deque[int]]] = {}
        for _ in range(size):
            self._hire()

    def run(self, lost: Callable[[T, int], R], progress: Callable[[int, int], None] | None) -> tuple[R, ...]:
        results: dict[int, R] = {}
        while len(results) < len(self._things):
            for connection in wait(list(self._members)):
                assert isinstance(connection, Connection)
                _, held = self._members[connection]
                try:
                    results[held[0]] = connection.recv()
                    held.popleft()
                except (EOFError, ConnectionResetError):
                    results.update(self._bury(connection, lost))
                else:
                    self._hand(connection, held)
                if progress is not None:
                    progress(len(results), len(self._things))
        return tuple(results[index] for index in range(len(self._things)))

    def kill(self) -> None:
        for connection, (process, _) in self._members.items():
            process.kill()
            connection.close()
        for process, _ in self._members.values():
            process.join()

    def _hire(self) -> None:
        own, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._prepare, self._given), daemon=True)
        process.start()
        theirs.close()
        held: deque[int] = deque()
        self._members[own] = process, held
        self._hand(own, held)

    def _hand(self, connection: Connection, held: deque[int]) -> None:
        while self._waiting and len(held) < AHEAD:
            held.append(self._waiting.popleft())
            try:
                connection.send(self._things[held[-1]])
            except (BrokenPipeError, ConnectionResetError):
                # It died meanwhile: what it holds is told of when its end is read.
                return

    def _bury(self, connection: Connection, lost: Callable[[T, int], R]) -> dict[int, R]:
        """The thing that a dead process was at is lost, what it had not begun is handed to another."""
        process, held = self._members.pop(connection)
        connection.close()
        process.join()
        told = {held[0]: lost(self._things[held[0]], process.exitcode or 0)} if held else {}
        self._waiting.extendleft(reversed(list(held)[1:]))
        if self._waiting:
            self._hire()
        return told


def _work(connection: Connection, prepare: Callable[[Any], Callable[[Any], Any]], given: Any) -> None:
    # Ctrl-C reaches every process of the terminal: the first one tells the others to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    work = prepare(given)
    # What is loaded stays: looking through it for garbage again and again would cost more than all garbage is worth.
    gc.freeze()
    while True:
        try:
            thing = connection.recv()
        except (EOFError, ConnectionResetError):
            return
        connection.send(work(thing))


@contextmanager
def _one_thread_each() -> Iterator[None]:
    missing = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(missing, "1"))
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]
