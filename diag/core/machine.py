"""Trouble of the machine (memory, disk, open files, paths) as errors that say so, in place of a bug of diag."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path

from diag.core.errors import BadInputError, CannotMeasureError, DiagError
from diag.core.local_paths import working_folder

_OF_THE_MACHINE = {
    errno.EMFILE: "raise the limit of open files (`ulimit -n 4096`), or use fewer takes at a time (`--rigs 1`)",
    errno.ENFILE: "close other programs: the system has no more open files to give",
    errno.ENOMEM: "free some memory, or use fewer takes at a time (`--rigs 1`)",
    errno.EAGAIN: "raise the limit of processes (`ulimit -u`), or use fewer takes at a time (`--rigs 1`)",
    errno.ENOSPC: "free some space, also in the temporary folder and in /dev/shm",
    errno.EDQUOT: "free some space of your quota",
    errno.EROFS: "choose a folder that can be written, with `--out` or TMPDIR",
    errno.EIO: "check the disk",
    errno.EACCES: "check the permissions",
    errno.EPERM: "check the permissions",
    errno.ENOENT: "put it back, or start again",
    errno.ENOTDIR: "put it back, or start again",
    errno.EBADF: "do not close the output of the command",
}
_OF_THE_INPUT = {
    errno.ENAMETOOLONG: "name a shorter path",
    errno.ELOOP: "correct the links",
    errno.EISDIR: "name a file",
}


SHARED_MEMORY = Path("/dev/shm")
LEAST_SHARED_MEMORY = 1_000_000
"""Bytes: a take on one set of devices was seen to use 212 kB; with 64 kB, PortAudio's JACK library was killed."""
LEAST_ADDRESS_SPACE = 600_000_000
"""Bytes of address space without which numpy's linear algebra cannot be loaded; OpenBLAS then tries without end."""


def check_address_space() -> None:
    """Refuse to start under a limit of address space (`ulimit -v`) that is too small for any command.

    Raises
    ------
    CannotMeasureError
    """
    try:
        import resource
    except ImportError:  # not on Windows
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_SPACE:
        raise _machine(
            f"the memory of this shell is limited to {limit // 1_000_000} MB",
            f"raise the limit to {LEAST_ADDRESS_SPACE // 1_000_000} MB or more (`ulimit -v unlimited`)",
        )


def check_threads(number: int) -> None:
    """Refuse to start where the system does not give so many threads (`ulimit -u`).

    OpenBLAS, which numpy loads, would interrupt the process instead, as if the user had pressed Ctrl-C.

    Raises
    ------
    CannotMeasureError
    """
    ending = threading.Event()
    threads = [threading.Thread(target=ending.wait, daemon=True) for _ in range(number)]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError:
        raise _machine("no more threads can be started", _OF_THE_MACHINE[errno.EAGAIN]) from None
    finally:
        ending.set()


def check_shared_memory() -> None:
    """Refuse to open audio devices where too little shared memory is free, as in a container with a small `/dev/shm`.

    The audio libraries that PortAudio loads are killed by the system then, or wait for each other for a minute.

    Raises
    ------
    CannotMeasureError
    """
    if not SHARED_MEMORY.is_dir():
        return
    free = shutil.disk_usage(SHARED_MEMORY).free
    if free < LEAST_SHARED_MEMORY:
        raise _machine(
            f"{free // 1000} kB of shared memory are free in {SHARED_MEMORY}",
            f"free {LEAST_SHARED_MEMORY // 1000} kB or more there (in a container: start it with `--shm-size=64m`), "
            "or use `--audio wire`, which needs no devices",
        )


def trouble_of(error: BaseException) -> DiagError | None:
    """Return an error of the machine or of a path as one for the user; None if it is something else."""
    if isinstance(error, MemoryError):
        return _machine("not enough memory", _OF_THE_MACHINE[errno.ENOMEM])
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return _machine("no more threads can be started", _OF_THE_MACHINE[errno.EAGAIN])
    return _trouble_of_system(error) if isinstance(error, OSError) and error.errno is not None else None


def _trouble_of_system(error: OSError) -> DiagError | None:
    if isinstance(error, FileNotFoundError) and working_folder() is None:
        return _machine("the folder in which it was started has been removed", "change to a folder that exists")
    number = error.errno or 0
    words = os.strerror(number)
    seen = words if error.filename is None else f"{words}: {error.filename}"
    if number in _OF_THE_INPUT:
        return BadInputError("Could not use a path", seen=seen, next_step=_OF_THE_INPUT[number])
    if number in _OF_THE_MACHINE:
        return _machine(seen, _OF_THE_MACHINE[number])
    return None


def _machine(seen: str, next_step: str) -> CannotMeasureError:
    return CannotMeasureError("This machine could not go on", seen=seen, next_step=next_step)
