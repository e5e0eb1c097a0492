"""Log of a take's events, with times relative to the start of the take; any thread may write to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from diag.core.timeline import Event, Timeline

_SOURCES = {
    "streams_opened": "audio",
    "calibrated": "audio",
    "stamps": "audio",
    "xruns": "audio",
    "chunk_received": "service",
    "text_received": "service",
    "transcription": "service",
    "generation_complete": "service",
    "turn_complete": "service",
    "interrupted": "service",
    "waiting_for_input": "service",
    "go_away": "service",
    "tool_call": "service",
    "tool_call_cancelled": "service",
    "usage": "service",
    "take_started": "harness",
    "prompt_started": "harness",
    "prompt_ended": "harness",
    "interjection": "harness",
    "step_missed": "harness",
    "voice_activity": "service",
    "resumption_offered": "service",
    "reply_wait_over": "harness",
    "loop_late": "harness",
    "callback_late": "harness",
    "device_failed": "audio",
}
_OF_A_TURN = frozenset(
    {
        "prompt_started", "prompt_ended", "batch_sent", "chunk_received", "text_received", "generation_complete",
        "turn_complete", "interrupted", "waiting_for_input", "playout_started", "playout_ended", "underrun",
        "reply_wait_over", "tool_call", "tool_call_cancelled", "voice_activity", "step_missed",
    }
)  # fmt: skip

LOOP_PROBE_S = 0.01
"""Interval at which the delay of the event loop is measured."""
LOOP_LATE_S = 0.02
"""A delay of the event loop above this is logged as `loop_late`."""


class TakeLog:
    """Collect the events of one take; time 0 is when the log is created."""

    def __init__(self) -> None:
        self.origin_s = time.perf_counter()
        self.turn: int | None = None
        self._events: list[Event] = []
        self.emit("take_started", {"perf_counter_s": self.origin_s})

    def now(self) -> float:
        """Return the time since the take started, in seconds."""
        return time.perf_counter() - self.origin_s

    def emit(self, name: str, data: Mapping[str, Any], *, t_s: float | None = None) -> None:
        """Log an event at `t_s` (seconds since the take started), or now if `t_s` is None."""
        if name in _OF_A_TURN:
            data = {"turn": self.turn, **data}
        event = Event(t_s=self.now() if t_s is None else t_s, name=name, source=_SOURCES.get(name, "client"), data=data)
        self._events.append(event)

    @property
    def timeline(self) -> Timeline:
        """Return all events so far, in order of time."""
        return Timeline(tuple(self._events))

    def take_events(self) -> Timeline:
        """Return all events so far, and forget them."""
        events, self._events = self._events, []
        return Timeline(tuple(events))

    async def watch_loop(self) -> None:
        """Log every delay of the event loop above `LOOP_LATE_S`, until cancelled."""
        while True:
            due_s = time.perf_counter() + LOOP_PROBE_S
            await asyncio.sleep(LOOP_PROBE_S)
            late_s = time.perf_counter() - due_s
            if late_s > LOOP_LATE_S:
                self.emit("loop_late", {"late_s": late_s})
