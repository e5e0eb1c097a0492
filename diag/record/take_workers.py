"""Pool of worker processes that record takes, one for each rig.

Workers are forked from a server process that has already imported and warmed up everything, so they start fast and
share its memory. A worker ends when its parent process ends, even if the parent is killed (`diag.core.processes`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from diag.core.keys import remember_address
from diag.core.processes import KillableProcessPool, keep_time_alone, start_fork_server
from diag.core.temporary import make_folder
from diag.files.log import write_output
from diag.files.rooms import read_responses, with_echo_level
from diag.record.audio.ports import Rig
from diag.record.take_job import RoomJob, TakeJob

R = TypeVar("R")

LONGEST_OUTPUT = 100_000
"""The log keeps so many last characters of what a worker printed."""
_PRELOAD = ["diag.record.preload"]


def load_workers() -> ForkServerContext:
    """Start the server process that workers are forked from. It loads what takes need; this call does not wait."""
    return start_fork_server(_PRELOAD)


class WorkerPool:
    """Workers for the rigs of a farm; each one records one take at a time.

    Parameters
    ----------
    rigs : sequence of Rig
        One worker is started for each.
    """

    def __init__(self, rigs: Sequence[Rig]) -> None:
        self._context = load_workers()
        # One file per worker, with what third-party libraries print. What there is goes to the log at the end.
        self._log_dir = make_folder("workers")
        self._executors = {rig.name: self._start(rig) for rig in rigs}
        self._rigs = {rig.name: rig for rig in rigs}

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(kill=kind is not None)

    @property
    def rig_names(self) -> tuple[str, ...]:
        """Return the names of the rigs that have a worker."""
        return tuple(self._rigs)

    def submit(self, rig_name: str, job: TakeJob) -> Future[Path]:
        """Submit a job to the worker of a rig; the future's result is the folder of the take."""
        return self._executors[rig_name].submit(_record, job)

    def call(self, rig_name: str, function: Callable[..., R], *args: object) -> Future[R]:
        """Submit a call to the worker of a rig; the function gets the rig and then `args`."""
        return self._executors[rig_name].submit(_with_rig, function, *args)

    def kill(self, rig_name: str) -> None:
        """Kill a worker that hangs; its job fails with `BrokenProcessPool`, as if the worker had died by itself."""
        self._executors[rig_name].kill()

    def restart(self, rig_name: str) -> None:
        """Replace a worker that died."""
        self._executors[rig_name].shutdown(wait=False, cancel_futures=True)
        self._executors[rig_name] = self._start(self._rigs[rig_name])

    def close(self, *, kill: bool = False) -> None:
        """End all workers after their current job; with `kill`, at once."""
        for executor in self._executors.values():
            if kill:
                executor.kill()
            executor.shutdown(wait=not kill, cancel_futures=True)
        for path in sorted(self._log_dir.glob("*.log")):
            write_output(path.stem, path.read_text(encoding="utf-8", errors="replace")[-LONGEST_OUTPUT:])
        shutil.rmtree(self._log_dir, ignore_errors=True)

    def _start(self, rig: Rig) -> KillableProcessPool:
        log_path = self._log_dir / f"worker-{rig.name}.log"
        return KillableProcessPool(1, self._context, initializer=_become_worker, initargs=(rig, str(log_path)))


_rig: Rig | None = None


def _become_worker(rig: Rig, log_path: str) -> None:
    """Initialise a new worker process: set its scheduling, its log file and the environment of its rig."""
    global _rig  # noqa: PLW0603 (a worker process serves one rig for life)
    keep_time_alone()
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    environment: Mapping[str, str] = rig.options.get("environment", {})
    os.environ.update(environment)
    _rig = rig


def _record(job: TakeJob) -> Path:
    from diag.record.take_recorder import record_take

    assert _rig is not None
    remember_address(job.endpoint.base_url)
    with _in_room(_rig, job.room) as rig:
        if job.app is not None:
            from diag.record.app.app_take import record_app_take

            return record_app_take(job, rig)
        return record_take(job, rig)


def _with_rig(function: Callable[..., R], *args: object) -> R:
    assert _rig is not None
    return function(_rig, *args)


def _in_room(rig: Rig, room: RoomJob | None) -> AbstractContextManager[Rig]:
    """Return a context that gives the rig the acoustics of a room."""
    if room is None:
        return nullcontext(rig)
    from diag.record.audio.virtual import furnished

    responses = read_responses(room.path)
    if room.echo_db is not None:
        responses = with_echo_level(responses, room.echo_db)
    return furnished(rig, responses, room.noise_dbfs)
