"""Read small files with a limit, and write files atomically: completely or not at all."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

PARTIAL = re.compile(r"\..+\.partial-(\d+)-[0-9a-f]+")
"""Names that `partial_path` makes; the number is the process that writes there."""


def read_limited(path: Path, most_bytes: int) -> bytes:
    """Return the content of a regular file of at most `most_bytes`.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is a folder, a pipe or a device, or larger. The message says so as the rest of a sentence on the file.
    """
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise ValueError("it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a pipe or a device")
    size = min(status.st_size, most_bytes)
    with path.open("rb") as file:
        # A buffer for the most that is allowed would take longer than to read a small file.
        data = file.read(size + 1)
        if len(data) > size:
            data += file.read(most_bytes - size)
    if len(data) > most_bytes:
        raise ValueError(f"it has more than {most_bytes} bytes")
    return data


def partial_path(path: Path) -> Path:
    """Return an unused hidden path beside a file or folder, to write to before it is renamed to its final name."""
    return path.with_name(f".{path.name}.partial-{os.getpid()}-{secrets.token_hex(3)}")


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file atomically, replacing an earlier one. A crash or a full disk leaves the earlier file unchanged.

    With `private`, only this user can read it.

    Raises
    ------
    OSError
        If the file cannot be written. No temporary file is left.
    """
    partial = partial_path(path)
    try:
        write_flushed(partial, data, private=private)
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_flushed(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file and wait until its content is on the disk (fsync). With `private`, only this user can read it.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    mode = 0o600 if private else 0o666
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on the disk (fsync), for example after a rename.

    Raises
    ------
    OSError
        If the folder cannot be opened or flushed.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
