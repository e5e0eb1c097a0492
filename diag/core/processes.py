"""Scheduling priority of processes that keep time; where the system forbids it, everything runs as before."""

from __future__ import annotations

import os
from contextlib import suppress

NICE = -10
"""Above ordinary programs, below the audio threads: a busy machine delays the rest first."""


def keep_time() -> None:
    """Ask for this process to be served before ordinary ones."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
