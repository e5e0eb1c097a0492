"""Run one function over many inputs in worker processes.

The work goes through `concurrent.futures.Executor`, so that it can be given to the processes of this machine
(`LocalWorkers`), to a cluster (`diag.api.cluster`), or to any other executor (`Workers`).
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from diag.core.errors import DiagError
from diag.core.processes import THREAD_VARIABLES, KillableProcessPool, start_fork_server
from diag.files.log import write_bug

T = TypeVar("T")
R = TypeVar("R")

BATCH, BATCH_S = 8, 0.2
"""Most items that a worker gets in one call, and the time after which it returns what it has finished of them. Short
items are cheap that way, because a call costs up to a millisecond; long ones return one by one."""
CALLS_PER_WORKER = 16
"""Least number of calls that the work is split into for each worker, so that all workers end at about the same time."""
AHEAD = 2
"""Calls submitted for each worker: one that it works on, and one that is ready when it has finished that."""
LOOK_EVERY_S = 1.0
"""How often workers are asked whether they can still finish anything."""


class Workers(Protocol):
    """Where work is done: opens executors, and knows how they show that a worker died."""

    @property
    def count(self) -> int:
        """Number of workers."""

    @property
    def ahead(self) -> int:
        """How many calls are submitted at a time."""

    @property
    def died(self) -> tuple[type[BaseException], ...]:
        """Exceptions of a future whose worker died before it had a result."""

    def open(self, *, alone: bool) -> AbstractContextManager[Executor]:
        """Open a fresh executor, which ends when the context is left; with `alone`, for one item at a time.

        When an exception leaves the context, work that has not ended is stopped.
        """

    def why_died(self, executor: Executor) -> str:
        """Why a worker of this executor died, with what to do; asked after its context was left."""

    def gone(self) -> str | None:
        """Why nothing submitted will ever finish, with what to do; None while it may."""


def run_all(
    prepare: Callable[[Any], Callable[[T], R]],
    given: Any,
    items: Sequence[T],
    workers: Workers,
    *,
    failed: Callable[[T, str], R],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[R, ...]:
    """Call one function with each of many items.

    When a worker dies, a process pool fails all items that it holds. These are run again, one at a time. An item whose
    worker dies then too is reported as failed. All other items get their results.

    Parameters
    ----------
    prepare : callable
        Called once in each worker with `given`; returns the function that is called with each item. It must be
        importable by name, and results must be picklable.
    given : object
        What `prepare` needs; must be picklable.
    items : sequence
        Inputs; must be picklable.
    workers : Workers
        Where the work is done.
    failed : callable
        Returns the result for an item that has none, from the item and the reason.
    progress : callable, optional
        Called with the number of finished items and the number of all items, whenever one finishes.

    Returns
    -------
    tuple
        Results in the order of the items.
    """
    job = (uuid.uuid4().hex, pickle.dumps((prepare, given)))
    batch = max(1, min(BATCH, len(items) // (CALLS_PER_WORKER * workers.count)))
    results: dict[int, R] = {}

    def keep(index: int, result: R) -> None:
        results[index] = result
        if progress is not None:
            progress(len(results), len(items))

    def finish(indexes: Sequence[int], future: Future[list[R]]) -> int | None:
        """Keep what a call returned, and return how many items it finished; None where each must be run alone."""
        if future.cancelled():
            return None
        error = future.exception()
        if error is None:
            finished = future.result()
            for index, result in zip(indexes, finished, strict=False):
                keep(index, result)
            return len(finished)
        died = isinstance(error, workers.died)
        if not died and not isinstance(error, Exception):
            raise error
        if died or len(indexes) > 1:
            return None
        keep(indexes[0], failed(items[indexes[0]], _reason(error)))
        return 1

    waiting, suspects = deque(range(len(items))), deque[int]()
    while waiting or suspects:
        alone = bool(suspects)
        with workers.open(alone=alone) as executor:
            lost = _run_queue(
                suspects if alone else waiting,
                lambda indexes: executor.submit(_work, *job, [items[index] for index in indexes]),
                finish,
                workers,
                batch=1 if alone else batch,
                ahead=1 if alone else workers.ahead,
            )
            gone = workers.gone()
        if gone is not None:
            lost += [*suspects, *waiting]
            suspects.clear()
            waiting.clear()
        if alone or gone is not None:
            for index in lost:
                keep(index, failed(items[index], gone or workers.why_died(executor)))
        else:
            suspects.extend(sorted(lost))
    return tuple(results[index] for index in range(len(items)))


def _reason(error: BaseException) -> str:
    """Why an item has no result, from the error of its work."""
    if isinstance(error, DiagError):
        return str(error).rstrip(".")
    return f"a bug in diag ({type(error).__name__}: {error}); {write_bug(error)}"


def _run_queue(
    queue: deque[int],
    submit: Callable[[Sequence[int]], Future[list[R]]],
    finish: Callable[[Sequence[int], Future[list[R]]], int | None],
    workers: Workers,
    *,
    batch: int,
    ahead: int,
) -> list[int]:
    """Run the items of a queue until it is empty or a worker died; return the items that were lost."""
    running: dict[Future[list[R]], list[int]] = {}
    lost: list[int] = []
    broken = False
    while running or (queue and not broken):
        while queue and not broken and len(running) < ahead:
            indexes = [queue.popleft() for _ in range(min(batch, len(queue)))]
            try:
                running[submit(indexes)] = indexes
            except workers.died:
                # It died after its last call: these items have not begun.
                queue.extendleft(reversed(indexes))
                broken = True
        done, _ = wait(running, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED)
        for future in done:
            indexes = running.pop(future)
            finished = finish(indexes, future)
            if finished is None:
                lost += indexes
                broken = True
            else:
                queue.extendleft(reversed(indexes[finished:]))
        if running and not done and workers.gone() is not None:
            return [*lost, *(index for indexes in running.values() for index in indexes)]
    return lost


_one_at_a_time = threading.Lock()
_prepared: tuple[str, Callable[[Any], Any]] | None = None


def _work(key: str, job: bytes, items: Sequence[Any]) -> list[Any]:
    """Work on items in a worker until `BATCH_S` has passed; what is prepared for a job is kept until another job comes.

    One call at a time, also in a worker of several threads: the caches of the measures are not made for threads.

    Returns
    -------
    list
        Results of the first items, at least of one.
    """
    global _prepared  # noqa: PLW0603 (what a process has prepared is a fact of the process)
    with _one_at_a_time:
        if _prepared is None or _prepared[0] != key:
            prepare, given = pickle.loads(job)
            _prepared = key, prepare(given)
        until_s = time.monotonic() + BATCH_S
        results = []
        for item in items:
            results.append(_prepared[1](item))
            if time.monotonic() > until_s:
                break
        return results


@dataclass(frozen=True)
class LocalWorkers:
    """Processes of this machine, with one thread for linear algebra each.

    They are forked from a server process that has loaded everything once.

    Parameters
    ----------
    count : int
        Number of processes.
    preload : tuple of str
        Modules that the server process loads for all of them.
    """

    count: int
    preload: tuple[str, ...] = ()
    died: tuple[type[BaseException], ...] = (BrokenExecutor,)

    @property
    def ahead(self) -> int:
        """How many calls are submitted at a time."""
        return AHEAD * self.count

    @contextmanager
    def open(self, *, alone: bool) -> Iterator[Executor]:
        """Open a process pool; it ends with the context, at once where an exception leaves it."""
        one_thread = {name: "1" for name in THREAD_VARIABLES if name not in os.environ}
        executor = KillableProcessPool(
            1 if alone else self.count,
            start_fork_server(self.preload, one_thread),
            # Loaded modules stay: looking through them for garbage again and again would only cost time.
            initializer=gc.freeze,
        )
        try:
            yield executor
        except BaseException:
            executor.kill()
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def why_died(self, executor: Executor) -> str:
        """Name the exit code of the process that died."""
        assert isinstance(executor, KillableProcessPool)
        ended = [_ending(code) for code in executor.exit_codes if code]
        return (
            f"the process that measured it {ended[-1] if ended else 'died'}; "
            "check whether memory ran out, and analyse the recording in a command of its own"
        )

    def gone(self) -> str | None:
        """Return None: a pool of this machine fails its futures when it cannot finish them."""
        return None


def _ending(exit_code: int) -> str:
    if exit_code > 0:
        return f"ended with exit code {exit_code}"
    names = {item.value: item.name for item in signal.Signals}
    return f"was killed by signal {-exit_code} ({names.get(-exit_code, 'unknown')})"
