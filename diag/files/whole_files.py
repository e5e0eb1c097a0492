"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def partial_path(path: Path) -> Path:
    """Return a hidden, unused name beside a file or folder, to write it under before it gets its own name."""
    return path.with_name(f".{path.name}.partial-{os.getpid()}-{secrets.token_hex(3)}")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in place of an earlier one, so that a crash or a full disk leaves the earlier one as it was.

    Raises
    ------
    OSError
        If the file cannot be written; nothing else is left behind.
    """
    partial = partial_path(path)
    try:
        write_flushed(partial, data)
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_flushed(path: Path, data: bytes) -> None:
    """Write a file and wait until the disk has it.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder.

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
