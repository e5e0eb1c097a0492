"""Real-time scheduling, as sound servers use it; where the system forbids it, everything runs as before.

Only the private sound server and the wire get it. PortAudio's threads were tried too: they wait for the interpreter,
which ordinary threads hold, and with four rigs on two cores they held up the server for longer than its buffers last.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PRIORITY = 5
"""Of 1..99; what PulseAudio takes for its own threads by default."""


def make_realtime(thread_id: int) -> bool:
    """Make a thread (0 is this one) a real-time one; gives whether the system allowed it."""
    try:
        os.sched_setscheduler(thread_id, os.SCHED_RR, os.sched_param(PRIORITY))
    except OSError:
        return False
    return True


def make_process_realtime(process_id: int) -> bool:
    """Make all present threads of a process real-time ones; gives whether the system allowed it for all."""
    granted = []
    with suppress(OSError):
        granted = [make_realtime(int(task.name)) for task in Path(f"/proc/{process_id}/task").iterdir()]
    return bool(granted) and all(granted)
