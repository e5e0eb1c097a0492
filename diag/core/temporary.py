"""Temporary folders whose names say whose they are, so that those of killed processes are found and removed.

A name is `diag-<kind>-<process id>-<start of the process>-<random>`. A process id alone is not enough, because the
system gives it to another process later.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

LONGEST_PARENT_BYTES = 50
"""Longest path that sockets are made below: a socket's path may have about 100 bytes."""
_NAME = re.compile(r"diag-[a-z]+-(\d+)-(\d+)-\w+")


def short_parent() -> Path:
    """Return the folder for temporary folders that hold sockets: that of the system, or /tmp if its path is long."""
    wanted = Path(tempfile.gettempdir())
    return wanted if len(os.fsencode(wanted)) < LONGEST_PARENT_BYTES else Path("/tmp")


def make_folder(kind: str, *, for_sockets: bool = False) -> Path:
    """Make a temporary folder that only this user can read, and return its path.

    Folders that processes left behind are removed first, once in each process.

    Parameters
    ----------
    kind : str
        What it is for, in small letters.
    for_sockets : bool
        Its path must be short.
    """
    sweep_once()
    prefix = f"diag-{kind}-{os.getpid()}-{started_at(os.getpid()) or 0}-"
    return Path(tempfile.mkdtemp(prefix=prefix, dir=short_parent() if for_sockets else None))


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """Yield a folder as `make_folder` makes it, and remove it at the end."""
    folder = make_folder(kind)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def sweep_once() -> None:
    """Call `sweep`; do nothing if it was called before in this process."""
    sweep()


def sweep() -> None:
    """Remove the temporary folders of this user's processes that have ended."""
    for parent in {Path(tempfile.gettempdir()), short_parent()}:
        for folder in parent.glob("diag-*-*-*-*"):
            found = _NAME.fullmatch(folder.name)
            with contextlib.suppress(OSError):
                if found and folder.stat().st_uid == os.getuid() and not _runs(int(found[1]), found[2]):
                    shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int, started: str) -> bool:
    return started_at(pid) == started if os.path.isdir("/proc/self") else not has_ended(pid)


def has_ended(pid: int) -> bool:
    """Return whether there is no process with this id any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def started_at(pid: int) -> str | None:
    """Return the start time of a process in clock ticks since boot; None if it has ended (zombies included).

    The start time distinguishes a process from a later one with the same id.
    """
    try:
        state, *others = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
        return None if state == "Z" else others[18]
    except OSError:
        return None
