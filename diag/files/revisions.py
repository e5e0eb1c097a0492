"""The revision of the user's repository that a run was recorded at."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PATIENCE_S = 5.0


def revision_of(folder: Path) -> str | None:
    """Return the revision of a folder's Git repository, as "v1.4-3-g1a2b3c4d5e6f", "-dirty" with changes in it.

    It is the last tag with the number of commits since then and the commit, or the commit alone without a tag. None
    without a repository, without a commit, or without Git.
    """
    try:
        done = subprocess.run(
            ["git", "describe", "--tags", "--always", "--dirty", "--abbrev=12"],
            cwd=folder, capture_output=True, text=True, check=True, timeout=_PATIENCE_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
