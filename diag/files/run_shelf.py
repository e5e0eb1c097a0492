"""Saved runs on the disk: how much space they take, which are kept, and removal of the others."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diag.core.errors import BadInputError, CannotMeasureError
from diag.files.run_folders import read_run
from diag.files.whole_files import write_whole

KEEP_NAME = "KEEP"
PRUNED_NAME = "PRUNED"
_RECORDING = ".wav"
STILL_S = 600.0
"""A run in which something changed within so many seconds may still be recording, and is never removed."""


@dataclass(frozen=True, kw_only=True)
class ShelvedRun:
    """A run folder on the disk.

    Parameters
    ----------
    folder : Path
    name, made : str
        Configuration, and time of recording in UTC.
    takes : int
        Number of finished takes.
    size_bytes, audio_bytes : int
        Size of all files, and of the recordings among them.
    kept : bool
        Whether `diag runs keep` protects it.
    pruned : bool
        Whether its recordings were removed.
    still_s : float
        Seconds since something in it changed.
    """

    folder: Path
    name: str
    made: str
    takes: int
    size_bytes: int
    audio_bytes: int
    kept: bool
    pruned: bool
    still_s: float


def shelved_runs(folder: Path) -> list[ShelvedRun]:
    """Return the runs in a folder, oldest first. Folders that are not runs, and links, are left out."""
    runs = []
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not (path / "run.json").is_file():
            continue
        try:
            run = read_run(path)
        except BadInputError:
            continue
        runs.append(_shelved(path, run.name, str(run.facts.get("made", "")), len(run.take_ids)))
    return sorted(runs, key=lambda run: (run.made, run.folder.name))


def _shelved(path: Path, name: str, made: str, takes: int) -> ShelvedRun:
    sizes = [(file.suffix, file.stat(follow_symlinks=False)) for file in _files(path)]
    return ShelvedRun(
        folder=path, name=name, made=made, takes=takes, size_bytes=sum(state.st_size for _, state in sizes),
        audio_bytes=sum(state.st_size for suffix, state in sizes if suffix == _RECORDING),
        kept=(path / KEEP_NAME).is_file(), pruned=(path / PRUNED_NAME).is_file(),
        still_s=time.time() - max(state.st_mtime for _, state in sizes),
    )  # fmt: skip


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in names)


def size_of_runs(folders: list[Path]) -> int:
    """Return how many bytes run folders take. One that is gone takes none."""
    return sum(file.stat(follow_symlinks=False).st_size for folder in folders for file in _files(folder))


def set_kept(folder: Path, kept: bool) -> None:
    """Protect a run from `remove_run` and `remove_recordings`, or end the protection.

    Raises
    ------
    BadInputError
        If it is not a run folder.
    CannotMeasureError
        If the folder cannot be written.
    """
    read_run(folder)
    try:
        if kept:
            write_whole(folder / KEEP_NAME, b"`diag runs prune` leaves this run alone.\n")
        else:
            (folder / KEEP_NAME).unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None


def remove_recordings(run: ShelvedRun) -> None:
    """Remove the recordings of a run. Its events, measurements and findings stay.

    Raises
    ------
    CannotMeasureError
        If a file cannot be removed.
    """
    try:
        # The note comes first, so that a removal that is interrupted does not look like damage.
        write_whole(run.folder / PRUNED_NAME, b"`diag runs prune` removed the recordings of this run.\n")
        for file in list(_files(run.folder / "takes")):
            if file.suffix == _RECORDING:
                file.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(run.folder, error) from None


def remove_run(run: ShelvedRun) -> None:
    """Remove a run folder with everything in it.

    Raises
    ------
    CannotMeasureError
        If it cannot be removed.
    """
    try:
        shutil.rmtree(run.folder)
    except OSError as error:
        raise _unwritable(run.folder, error) from None


def _unwritable(folder: Path, error: OSError) -> CannotMeasureError:
    return CannotMeasureError(
        f"Could not change {folder}", seen=error.strerror or str(error), next_step="check the folder's permissions"
    )
