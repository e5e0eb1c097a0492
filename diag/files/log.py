"""The log file: log records and warnings of libraries, and tracebacks of bugs, with API keys removed."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

from diag import __version__
from diag.core.keys import without_keys
from diag.core.local_paths import home_folder
from diag.core.plain_text import visible

MAX_BYTES = 1_000_000


def log_path() -> Path:
    """Return the path of the log file.

    It is `diag/diag.log` in `XDG_STATE_HOME` (by default ~/.local/state). If that folder cannot be written, it is in
    the temporary folder.
    """
    state, home, temporary = os.environ.get("XDG_STATE_HOME"), home_folder(), _temporary()
    folders = [temporary / f"diag-{os.getuid()}"]
    if state:
        folders.insert(0, Path(state) / "diag")
    elif home is not None:
        folders.insert(0, home / ".local" / "state" / "diag")
    for folder in folders:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder / "diag.log"
    return temporary / "diag.log"


def _temporary() -> Path:
    """Return the temporary folder, also if nothing can be written there."""
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return Path("/tmp")


class _KeylessFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(without_keys(super().format(record)))


def send_logs_to_file() -> Path:
    """Redirect log records and warnings of all libraries from the terminal to the log file, and return its path."""
    path = log_path()
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, _KeylessFormatter) for handler in root.handlers):
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8", delay=True
        )
        handler.setFormatter(_KeylessFormatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
    logging.captureWarnings(True)
    return path


def write_output(name: str, text: str) -> None:
    """Append what a process printed to the log file, if it printed anything."""
    if text.strip():
        with contextlib.suppress(OSError), log_path().open("a", encoding="utf-8") as file:
            file.write(f"\noutput of {name}:\n{visible(without_keys(text))}\n")


def write_bug(error: BaseException) -> str:
    """Append the traceback of an unexpected error to the log file.

    Returns
    -------
    str
        Where the traceback is, or why it could not be written, as part of a sentence.
    """
    path = log_path()
    text = "".join(traceback.format_exception(error))
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(
                f"\ndiag {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
                f"{visible(without_keys(' '.join(sys.argv)))}\n{visible(without_keys(text))}"
            )
    except OSError as problem:
        last = traceback.extract_tb(error.__traceback__)[-1:]
        place = f", at {last[0].name} line {last[0].lineno}" if last else ""
        return f"the log file {path} could not be written ({problem.strerror}){place}"
    return f"the details are in {path}"
