"""What the emulator did and when, as JSON lines on the `time.perf_counter` clock, written by a thread of its own."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

KEPT_LINES = 20_000
"""Lines kept for each profile, some 15 MB: half an hour of one session that talks all the time; older ones give way."""
REST_S = 0.02
"""The writing thread rests this long between heaps of lines, so that it does not wake up for each."""

Line = dict[str, Any]

_ENCODED = json.JSONEncoder(ensure_ascii=False).encode


class TruthLog:
    """Lines of all profiles: kept in memory for those who ask, and handed to sinks.

    Sinks run on a thread of their own, so that a slow reader of a pipe never holds up a session.

    Parameters
    ----------
    sinks : tuple of callables
        Each gets every line as JSON, one or several at a time with line ends between them.
    kept_lines : int
        For each profile.
    """

    def __init__(self, sinks: tuple[Callable[[str], object], ...] = (), *, kept_lines: int = KEPT_LINES) -> None:
        self._kept: dict[str, deque[Line]] = {}
        self._kept_lines = kept_lines
        self._sinks = sinks
        self._queue: queue.SimpleQueue[Line | Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._drain, name="truth", daemon=True)
        self._thread.start()

    def write(self, profile: str, event: str, *, t_s: float | None = None, **data: object) -> None:
        """Note an event; `t_s` is now unless told."""
        line: Line = {"t_s": time.perf_counter() if t_s is None else t_s, "event": event, "profile": profile, **data}
        kept = self._kept.get(profile)
        if kept is None:
            kept = self._kept[profile] = deque(maxlen=self._kept_lines)
        kept.append(line)
        if self._sinks:
            self._queue.put(line)

    def lines(self, profile: str) -> list[Line]:
        """The lines of a profile so far."""
        return list(self._kept.get(profile, ()))

    def forget(self, profile: str) -> None:
        """Drop the lines of a profile."""
        self._kept.pop(profile, None)

    def call(self, job: Callable[[], object]) -> None:
        """Run something on the writing thread, after all lines so far."""
        self._queue.put(job)

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _drain(self) -> None:
        heap: list[Line] = []
        while (item := self._queue.get()) is not None:
            if callable(item):
                self._sink(heap)
                with contextlib.suppress(OSError, ValueError):  # a full disk, a closed pipe
                    item()
            else:
                heap.append(item)
            if self._queue.empty():
                self._sink(heap)
                time.sleep(REST_S)
        self._sink(heap)

    def _sink(self, heap: list[Line]) -> None:
        """Write lines and forget them; many at once: with each write this thread and the sessions trade places."""
        if not heap:
            return
        text = "\n".join(map(_ENCODED, heap))
        heap.clear()
        try:
            for sink in self._sinks:
                sink(text)
        except (OSError, ValueError):
            # The reader is gone: the sessions go on without it.
            self._sinks = ()
