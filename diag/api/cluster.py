"""Run work on a Dask cluster (extra `cluster`): connects to a scheduler and hands items to its workers."""

from __future__ import annotations

import os
import pkgutil
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from diag import __version__
from diag.core.errors import BadInputError, CannotMeasureError

if TYPE_CHECKING:
    import distributed

P = ParamSpec("P")
R = TypeVar("R")

INSTALL = "pip install 'diag[cluster]'"
CONNECT_WITHIN_S = 10.0
"""A scheduler that runs answers within milliseconds, and workers that are being started are there within seconds."""
WORKERS_BACK_WITHIN_S = 30.0
"""Dask's nanny starts a worker that died again within seconds."""
AHEAD = 1000
"""Calls submitted at a time: enough for any cluster that is reached this way, few enough for the scheduler's memory."""


@contextmanager
def open_cluster(address: str) -> Iterator[ClusterWorkers]:
    """Connect to a Dask scheduler; the connection is closed with the context.

    Parameters
    ----------
    address : str
        As "tcp://scheduler.local:8786"; "tcp://" may be left out.

    Raises
    ------
    BadInputError
        If Dask is not installed.
    CannotMeasureError
        If the scheduler cannot be reached, has no worker, or a worker has not this version of diag.
    """
    attempted = f"Could not use the cluster {address}"
    if find_spec("distributed") is None:
        raise BadInputError(attempted, seen="`dask.distributed` is not installed", next_step=f"`{INSTALL}`")
    import distributed

    start = f"start it with `dask scheduler` and `dask worker {address}`, or leave out the cluster"
    try:
        client = distributed.Client(address, timeout=CONNECT_WITHIN_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CannotMeasureError(
            attempted,
            seen=f"no scheduler answers there ({_first_line(error)})",
            allowed="the address of a Dask scheduler, as tcp://HOST:8786",
            next_step=start,
        ) from None
    try:
        try:
            client.wait_for_workers(1, timeout=CONNECT_WITHIN_S)
        except TimeoutError:
            raise CannotMeasureError(attempted, seen="it has no worker", next_step=start) from None
        _check_versions(client, attempted)
        yield ClusterWorkers(client, address)
    finally:
        client.close()


def _check_versions(client: distributed.Client, attempted: str) -> None:
    """Refuse workers that lack this version of diag: they would fail, or measure by other rules."""
    # A function of the standard library, which workers without diag can load too.
    found = client.run(pkgutil.resolve_name, "diag:__version__", on_error="return")
    for worker, version in found.items():
        if version != __version__:
            raise CannotMeasureError(
                attempted,
                seen=f"its worker {worker} has {'no diag' if isinstance(version, Exception) else f'diag {version}'}",
                allowed=f"diag {__version__} on every worker",
                next_step="install it there, and start the worker again",
            )


class ClusterWorkers:
    """Workers of a Dask cluster (`diag.api.process_pool.Workers`).

    Dask itself runs an item again when its worker died; it gives up when several workers died with it.

    Parameters
    ----------
    client : distributed.Client
    address : str
        Of the scheduler, for messages.
    """

    def __init__(self, client: distributed.Client, address: str) -> None:
        from distributed import KilledWorker

        self.count = max(1, sum(client.nthreads().values()))
        self.ahead = AHEAD
        self.died: tuple[type[BaseException], ...] = (KilledWorker, CancelledError)
        self._client = client
        self._address = address
        self._without_workers_since_s: float | None = None

    @contextmanager
    def open(self, *, alone: bool) -> Iterator[Executor]:
        """Open an executor; what has not ended with the context is cancelled."""
        executor = _ClusterExecutor(self._client)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)

    def resource(self, name: str) -> int:
        """Return how much of a resource all workers offer together."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return int(sum(worker.get("resources", {}).get(name, 0) for worker in workers.values()))

    def executor_with(self, resources: dict[str, int]) -> Executor:
        """Return an executor whose calls each need these resources of a worker while they run."""
        executor: Executor = self._client.get_executor(pure=False, resources=resources)
        return executor

    def why_died(self, executor: Executor) -> str:
        """Say that several workers died."""
        return (
            "every worker of the cluster that measured it died; "
            "check in the logs of the workers whether memory ran out, and analyse the recording in a command of its own"
        )

    def gone(self) -> str | None:
        """Why the cluster will not finish anything more: no scheduler, or no worker for a while."""
        try:
            if self._client.status != "running":
                raise ConnectionError
            workers = self._client.nthreads()
        except OSError:
            return f"the connection to the scheduler {self._address} was lost; look into its log, and start it again"
        if workers:
            self._without_workers_since_s = None
            return None
        now_s = time.monotonic()
        if self._without_workers_since_s is None:
            self._without_workers_since_s = now_s
        if now_s - self._without_workers_since_s < WORKERS_BACK_WITHIN_S:
            return None
        return (
            f"the cluster {self._address} has had no worker for {WORKERS_BACK_WITHIN_S:g} s; "
            f"start one with `dask worker {self._address}`"
        )


class _ClusterExecutor(Executor):
    """Dask's own executor; an argument of type bytes travels to each worker once, not with each call."""

    def __init__(self, client: distributed.Client) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)
        self._shared: dict[bytes, Any] = {}

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Hand a call to the cluster."""
        shared = [self._share(item) if isinstance(item, bytes) else item for item in args]
        future: Future[R] = self._executor.submit(fn, *shared, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; without `wait`, those that have not ended are cancelled."""
        self._executor.shutdown(wait=wait and not cancel_futures)

    def _share(self, data: bytes) -> Any:
        # A task and not scattered data: where the worker that holds it dies, the scheduler can make it again.
        if data not in self._shared:
            self._shared[data] = self._client.submit(bytes, data, pure=False)
        return self._shared[data]


@dataclass(frozen=True)
class FarFile:
    """A file as the client sees it, to be found again by a worker.

    Parameters
    ----------
    path : Path
        Absolute.
    size_bytes : int or None
        None where the client cannot see it.
    """

    path: Path
    size_bytes: int | None


def far_file(path: str | Path) -> FarFile:
    """Describe a file for a worker, which may run in another folder and on another machine."""
    absolute = Path(os.path.abspath(path))
    return FarFile(absolute, absolute.stat().st_size if absolute.is_file() else None)


def why_not_seen(file: FarFile) -> str | None:
    """Why this process cannot read a file that the client named; None where it can.

    The sizes are compared, so that another file under the same path of another machine is not taken for it.
    """
    here_bytes = far_file(file.path).size_bytes
    if file.size_bytes is None or here_bytes == file.size_bytes:
        return None
    seen = "no file" if here_bytes is None else f"another file ({here_bytes} bytes, not {file.size_bytes})"
    return (
        f"the cluster's worker on {socket.gethostname()} sees {seen} at the path {file.path}; "
        "keep recordings in a folder that all workers see under the same path"
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__
