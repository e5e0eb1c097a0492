"""Facts and settings of processes: usable cores, scheduling priority, and ending together with the parent."""

from __future__ import annotations

import multiprocessing
import os
import threading
from contextlib import suppress
from multiprocessing.connection import wait

NICE = -10
"""Above ordinary programs, below the audio threads: a busy machine delays the rest first."""


def keep_time() -> None:
    """Ask for this process to be served before ordinary ones."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def end_with_parent() -> None:
    """End this process as soon as its parent process is gone, for whatever reason."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
