"""Real-time scheduling, as sound servers use it; if the system does not allow it, scheduling stays as it is.

Only the private sound server and the thread of a wire rig use it. PortAudio's threads do not: they wait for the
Python interpreter, which ordinary threads hold. In a trial with four rigs on two cores they delayed the server for
longer than its buffers last.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PRIORITY = 5
"""Real-time priority, 1 to 99; PulseAudio's default for its own threads."""


def make_realtime(thread_id: int) -> bool:
    """Give a thread (0 for this one) real-time scheduling; return whether the system allowed it."""
    try:
        os.sched_setscheduler(thread_id, os.SCHED_RR, os.sched_param(PRIORITY))
    except OSError:
        return False
    return True


def make_process_realtime(process_id: int) -> bool:
    """Give all current threads of a process real-time scheduling; return whether the system allowed it for all."""
    granted = []
    with suppress(OSError):
        granted = [make_realtime(int(task.name)) for task in Path(f"/proc/{process_id}/task").iterdir()]
    return bool(granted) and all(granted)
