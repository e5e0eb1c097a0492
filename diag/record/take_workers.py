"""One long-lived worker process a rig: it records takes and does nothing else.

Workers are forked from a server process that has imported and warmed up everything once, so they start fast and
share its memory. A worker ends with its parent, whatever ends the parent.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from types import TracebackType

from diag.core.processes import end_with_parent, keep_time, start_fork_server
from diag.record.audio.ports import Rig
from diag.record.take_job import TakeJob

_PRELOAD = ["diag.record.preload"]


class WorkerPool:
    """Workers for the rigs of a farm; each takes one job at a time.

    Parameters
    ----------
    rigs : sequence of Rig
        One worker is started for each.
    log_dir : Path
        Where workers write what third-party libraries print.
    """

    def __init__(self, rigs: Sequence[Rig], log_dir: Path) -> None:
        self._context = start_fork_server(_PRELOAD)
        self._log_dir = log_dir
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
        """Names of the rigs that take jobs."""
        return tuple(self._rigs)

    def submit(self, rig_name: str, job: TakeJob) -> Future[Path]:
        """Hand a job to a rig's worker; the future gives the folder of the take."""
        return self._executors[rig_name].submit(_record, job)

    def kill(self, rig_name: str) -> None:
        """End a worker that hangs; what was submitted to it fails as where a worker dies by itself."""
        for process in list((self._executors[rig_name]._processes or {}).values()):
            process.kill()

    def restart(self, rig_name: str) -> None:
        """Replace a worker that died."""
        self._executors[rig_name].shutdown(wait=False, cancel_futures=True)
        self._executors[rig_name] = self._start(self._rigs[rig_name])

    def close(self, *, kill: bool = False) -> None:
        """End all workers; with `kill`, at once, whatever they are doing."""
        for executor in self._executors.values():
            processes = list((executor._processes or {}).values()) if kill else []
            executor.shutdown(wait=not kill, cancel_futures=True)
            for process in processes:
                process.kill()

    def _start(self, rig: Rig) -> ProcessPoolExecutor:
        log_path = self._log_dir / f"worker-{rig.name}.log"
        return ProcessPoolExecutor(
            max_workers=1, mp_context=self._context, initializer=_become_worker, initargs=(rig, str(log_path))
        )


_rig: Rig | None = None


def _become_worker(rig: Rig, log_path: str) -> None:
    """Prepare a fresh worker process: its end, its signals, its output, its rig's environment."""
    global _rig  # noqa: PLW0603 (a worker process serves one rig for life)
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_time()
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    environment: Mapping[str, str] = rig.options.get("environment", {})
    os.environ.update(environment)
    _rig = rig


def _record(job: TakeJob) -> Path:
    from diag.record.take_recorder import record_take

    assert _rig is not None
    return record_take(job, _rig)
