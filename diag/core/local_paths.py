"""The folders of the user, and absolute paths in the output of programs, shortened before the output is kept."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

KEPT_PARTS = 2
"""Of a path outside of the program's folder so many last parts are kept: they name the file in a traceback."""


def home_folder() -> Path | None:
    """Return the user's home folder; None if there is neither HOME nor an entry in the list of users."""
    home = os.path.expanduser("~")
    return Path(home) if os.path.isabs(home) else None


def working_folder() -> Path | None:
    """Return the working directory; None if it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def shortened_paths(text: str, folder: Path) -> str:
    """Return a line of output without the absolute paths of files on this machine.

    Paths below `folder` begin there. Of others the last parts stay, as in `…/asyncio/runners.py`. The addresses of web
    pages stay as they are, and so do paths whose first part is no folder of this machine, such as `/api/live`.

    Parameters
    ----------
    text : str
    folder : Path
        Absolute path of the folder in which the program runs.
    """
    if len(folder.parts) > 1:
        text = re.sub(rf"(?<![\w.~/…-])(?:file://)?{re.escape(str(folder))}/", "", text)
    return _local_paths().sub(_last_parts, text)


def _last_parts(found: re.Match[str]) -> str:
    parts = found["path"].rstrip("/").split("/")
    return "…/" + "/".join(parts[-KEPT_PARTS:])


@cache
def _local_paths() -> re.Pattern[str]:
    """Return a pattern of paths with three parts or more that begin at a folder of this machine."""
    roots = "|".join(re.escape(entry.name) for entry in sorted(Path("/").iterdir()) if entry.is_dir())
    # In quotes a path may hold spaces.
    inner = rf"/(?:{roots})(?:/[^\s/\"'`<>()\[\]|:;,]+){{2,}}/?"
    quoted = rf"/(?:{roots})(?:/[^/\"'\n]+){{2,}}(?=[\"'])"
    return re.compile(rf"(?<![\w.~/…-])(?:file://)?(?P<path>(?<=[\"']){quoted}|{inner})")
