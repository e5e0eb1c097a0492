"""Notes events of a take on its own clock, whichever thread they come from."""

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
    "reply_wait_over": "harness",
    "loop_late": "harness",
    "callback_late": "harness",
    "device_failed": "audio",
}
_OF_A_TURN = frozenset(
    {
        "prompt_started", "prompt_ended", "batch_sent", "chunk_received", "text_received", "generation_complete",
        "turn_complete", "interrupted", "waiting_for_input", "playout_started", "playout_ended", "underrun",
        "reply_wait_over", "tool_call", "tool_call_cancelled",
    }
)  # fmt: skip

LOOP_PROBE_S = 0.01
LOOP_LATE_S = 0.02


class TakeLog:
    """Events of one take; its clock starts when it is made."""

    def __init__(self) -> None:
        self.origin_s = time.perf_counter()
        self.turn: int | None = None
        self._events: list[Event] = []
        self.emit("take_started", {"perf_counter_s": self.origin_s})

    def now(self) -> float:
        """Seconds since the take started."""
        return time.perf_counter() - self.origin_s

    def emit(self, name: str, data: Mapping[str, Any], *, t_s: float | None = None) -> None:
        """Note an event, now or at `t_s` of the take's clock."""
        if name in _OF_A_TURN:
            data = {"turn": self.turn, **data}
        event = Event(t_s=self.now() if t_s is None else t_s, name=name, source=_SOURCES.get(name, "client"), data=data)
        self._events.append(event)

    @property
    def timeline(self) -> Timeline:
        """All events so far, in order of time."""
        return Timeline(tuple(self._events))

    async def watch_loop(self) -> None:
        """Note how late the event loop runs, until cancelled."""
        while True:
            due_s = time.perf_counter() + LOOP_PROBE_S
            await asyncio.sleep(LOOP_PROBE_S)
            late_s = time.perf_counter() - due_s
            if late_s > LOOP_LATE_S:
                self.emit("loop_late", {"late_s": late_s})
