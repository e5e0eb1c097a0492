"""The truth: log of what the emulator did and when (`time.perf_counter` clock), as JSON lines written by a thread."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from diag.core.keys import cleaner

KEPT_LINES = 20_000
"""Most lines kept for each profile, about 15 MB: half an hour of one session that talks all the time. Older lines are
dropped."""
REST_S = 0.02
"""The writing thread sleeps this long between batches of lines, so that it does not wake up for each line."""

Line = dict[str, Any]

_ENCODED = json.JSONEncoder(ensure_ascii=False).encode


class TruthLog:
    """Log of the events of all profiles, kept in memory and passed to sinks.

    Sinks run on a separate thread, so that a slow reader of a pipe does not delay a session.

    Parameters
    ----------
    sinks : tuple of callables
        Each is called with every line as JSON; one call may hold several lines, separated by line breaks.
    kept_lines : int
        Number of lines to keep in memory for each profile.
    """

    def __init__(self, sinks: tuple[Callable[[str], object], ...] = (), *, kept_lines: int = KEPT_LINES) -> None:
        self._kept: dict[str, deque[Line]] = {}
        self._kept_lines = kept_lines
        self._sinks = sinks
        self._queue: queue.SimpleQueue[Line | Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._drain, name="truth", daemon=True)
        self._thread.start()

    def write(self, profile: str, event: str, *, t_s: float | None = None, **data: object) -> None:
        """Log an event at `t_s` on the `time.perf_counter` clock, or now if `t_s` is None."""
        line: Line = {"t_s": time.perf_counter() if t_s is None else t_s, "event": event, "profile": profile, **data}
        kept = self._kept.get(profile)
        if kept is None:
            kept = self._kept[profile] = deque(maxlen=self._kept_lines)
        kept.append(line)
        if self._sinks:
            self._queue.put(line)

    def lines(self, profile: str) -> list[Line]:
        """Return the lines of a profile so far, oldest first."""
        return list(self._kept.get(profile, ()))

    def forget(self, profile: str) -> None:
        """Drop the lines of a profile."""
        self._kept.pop(profile, None)

    def call(self, job: Callable[[], object]) -> None:
        """Run a function on the writing thread, after all lines so far are written."""
        self._queue.put(job)

    def close(self) -> None:
        """Write the remaining lines and end the thread."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _drain(self) -> None:
        lines: list[Line] = []
        while (item := self._queue.get()) is not None:
            if callable(item):
                self._sink(lines)
                with contextlib.suppress(OSError, ValueError):  # a full disk, a closed pipe
                    item()
            else:
                lines.append(item)
            if self._queue.empty():
                self._sink(lines)
                time.sleep(REST_S)
        self._sink(lines)

    def _sink(self, lines: list[Line]) -> None:
        """Write the lines and clear the list; in one write, since each write makes the interpreter switch threads."""
        if not lines:
            return
        text = "\n".join(map(_ENCODED, map(cleaner(), lines)))
        lines.clear()
        try:
            for sink in self._sinks:
                sink(text)
        except (OSError, ValueError):
            # The reader has ended: the sessions continue without writing.
            self._sinks = ()
