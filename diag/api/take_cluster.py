"""Takes recorded on the workers of a Dask cluster: a lab of machines with devices of their own.

A worker offers rigs as its resource `rig` (`dask worker ADDRESS --resources "rig=1"`). A take is sent with everything
it needs, is recorded in a process of its own on the worker's devices, and comes back as its files with their
checksums. If a worker is lost, Dask gives its take to another one.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from diag.api.cluster import open_cluster
from diag.core.errors import CannotMeasureError
from diag.files.checksums import check_sums, record_sums
from diag.record.take_job import PromptJob, RoomJob, TakeJob

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from diag.api.cluster import ClusterWorkers

RESOURCE = "rig"
"""Name of the resource of a Dask worker that counts its rigs."""
TRUTH_FILE = "truth.json"


@dataclass(frozen=True, kw_only=True)
class FarTake:
    """A take to be recorded on another machine.

    Parameters
    ----------
    job : TakeJob
        Its paths are those of the machine that asks; they are replaced on the worker.
    audio : str
        Kind of the worker's audio.
    emulator : mapping or None
        Settings of the emulator that the worker starts; None if the job names another service.
    files : mapping of path to bytes
        Content of the files that the job names.
    """

    job: TakeJob
    audio: str
    emulator: Mapping[str, Any] | None
    files: Mapping[str, bytes]


class ClusterRigs:
    """Rigs of a cluster's workers; the same calls as `diag.record.take_workers.WorkerPool`.

    Parameters
    ----------
    address : str
        Of the Dask scheduler.
    audio : str
        Kind of audio on the workers.

    Raises
    ------
    BadInputError, CannotMeasureError
        As `open_cluster`; the latter also if no worker offers a rig.
    """

    def __init__(self, address: str, audio: str) -> None:
        self._audio = audio
        self._running: dict[str, Future[dict[str, bytes]]] = {}
        self._context: AbstractContextManager[ClusterWorkers] = open_cluster(address)
        workers = self._context.__enter__()
        try:
            rigs = workers.resource(RESOURCE)
            if rigs < 1:
                raise CannotMeasureError(
                    f"Could not record takes on the cluster {address}",
                    seen=f"none of its workers offers a rig (the resource `{RESOURCE}`)",
                    allowed="workers that say how many takes they can record at once",
                    next_step=f'start them with `dask worker {address} --resources "{RESOURCE}=1"`',
                )
            self._executor = workers.executor_with({RESOURCE: 1})
            self.died = workers.died
        except BaseException:
            self._context.__exit__(None, None, None)
            raise
        self.rig_names = tuple(f"cluster{number}" for number in range(rigs))

    def __enter__(self) -> ClusterRigs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=False)
        self._context.__exit__(kind, error, trace)

    def submit(self, rig_name: str, job: TakeJob, emulator: Mapping[str, Any] | None) -> Future[Path]:
        """Hand a take to the cluster; the future's result is its folder here, once its files have come back whole.

        Parameters
        ----------
        emulator : mapping or None
            As in `FarTake`.
        """
        named = [item.path for item in _prompts_of(job)] + ([job.room.path] if job.room is not None else [])
        far = FarTake(
            job=job, audio=self._audio, emulator=emulator, files={str(path): path.read_bytes() for path in named}
        )
        back = self._running[rig_name] = self._executor.submit(record_here, far)
        done: Future[Path] = Future()

        def unpack(finished: Future[dict[str, bytes]]) -> None:
            error = CancelledError() if finished.cancelled() else finished.exception()
            if isinstance(error, (CancelledError, *self.died)):
                done.set_exception(BrokenProcessPool(str(error)))
            elif error is not None:
                done.set_exception(error)
            else:
                try:
                    done.set_result(unpacked(finished.result(), job.run_dir / "takes" / job.take_id))
                except (CannotMeasureError, OSError) as failed:
                    done.set_exception(failed)

        back.add_done_callback(unpack)
        return done

    def kill(self, rig_name: str) -> None:
        """Give up the take of a rig that hangs."""
        self._running[rig_name].cancel()

    def restart(self, rig_name: str) -> None:
        """Do nothing: Dask starts workers that died again."""


def record_here(far: FarTake) -> dict[str, bytes]:
    """Record a take on this machine, in a process of its own; return the content of its files by name.

    Raises
    ------
    CannotMeasureError
        If the recording process failed.
    """
    with tempfile.TemporaryDirectory(prefix="diag-take-") as name:
        folder = Path(name)
        (folder / "job").write_bytes(pickle.dumps(_placed(far, folder)))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with (folder / "log").open("wb") as log:
            # The process ends when its input is closed: it must not go on recording where its worker was killed.
            process = subprocess.Popen(
                [sys.executable, "-m", "diag.api.take_cluster", str(folder / "job")],
                env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
            code = process.wait()
            assert process.stdin is not None
            process.stdin.close()
        take = folder / "takes" / far.job.take_id
        if code != 0 or not take.is_dir():
            lines = (folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = (lines or [f"exit code {code}"])[-1]
            raise CannotMeasureError(
                f"Could not record take {far.job.take_id} on {socket.gethostname()}",
                seen=last,
                allowed="a worker on which `diag run` works",
                next_step="try `diag doctor` there",
            )
        return {path.name: path.read_bytes() for path in sorted(take.iterdir()) if path.is_file()}


def unpacked(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write the files of a take into its folder, and return it; nothing is left if one differs from its checksum.

    Raises
    ------
    CannotMeasureError
        If a file was damaged on its way.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, content in files.items():
        (partial / Path(name).name).write_bytes(content)
    problems = check_sums(partial).problems
    if problems:
        shutil.rmtree(partial)
        path, what = problems[0]
        raise CannotMeasureError(
            f"Could not take over take {folder.name} from the cluster",
            seen=f"{path.name} {what}",
            allowed="files that arrive as they were recorded",
            next_step="run again with `--resume`",
        )
    partial.rename(folder)
    return folder


def _prompts_of(job: TakeJob) -> tuple[PromptJob, ...]:
    return (*job.prompts, *(item.prompt for item in job.script if item.prompt is not None))


def _placed(far: FarTake, folder: Path) -> FarTake:
    """Write the files of a take into a folder of this machine, and return the take with the paths there."""
    places: dict[Path, Path] = {}
    for number, (name, content) in enumerate(far.files.items()):
        places[Path(name)] = folder / f"file{number}{Path(name).suffix}"
        places[Path(name)].write_bytes(content)

    def here(prompt: PromptJob) -> PromptJob:
        return replace(prompt, path=places[prompt.path])

    job = far.job
    room: RoomJob | None = None if job.room is None else replace(job.room, path=places[job.room.path])
    script = tuple(replace(item, prompt=None if item.prompt is None else here(item.prompt)) for item in job.script)
    return replace(
        far, job=replace(job, run_dir=folder, prompts=tuple(map(here, job.prompts)), room=room, script=script), files={}
    )


def _machine() -> str:
    """Return what tells the machines of a cluster apart in saved takes, which do not say how they are called."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


def main() -> int:
    """Record the take in the file that is named on the command line, on the devices of this machine."""
    from contextlib import ExitStack

    from diag.emulator.embedded import EmbeddedEmulator
    from diag.files.run_folders import write_beside
    from diag.record.audio.rigs import open_farm
    from diag.record.live.genai import Endpoint
    from diag.record.take_workers import WorkerPool

    threading.Thread(target=_end_with_input, name="end-with-input", daemon=True).start()
    path = Path(sys.argv[1])
    far: FarTake = pickle.loads(path.read_bytes())
    with ExitStack() as stack:
        farm = stack.enter_context(open_farm(far.audio, rigs=1))
        job = replace(
            far.job,
            environment={
                **far.job.environment, "audio_server": dict(farm.environment), "machine": _machine(),
            },
        )  # fmt: skip
        emulator = None
        if far.emulator is not None:
            emulator = stack.enter_context(EmbeddedEmulator())
            base_url = emulator.register(far.emulator, seed=job.seed)
            job = replace(job, endpoint=Endpoint(kind="emulator", base_url=base_url, ca_file=str(emulator.ca_file)))
        with WorkerPool(farm.rigs) as pool:
            folder = pool.submit(pool.rig_names[0], job).result()
        if emulator is not None:
            write_beside(folder, TRUTH_FILE, {"lines": emulator.truth(job.endpoint.base_url)})
        record_sums(folder, [item.name for item in folder.iterdir() if item.suffix in (".wav", ".json", ".jsonl")])
    return 0


if __name__ == "__main__":
    sys.exit(main())
