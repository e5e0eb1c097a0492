"""Events of a take with their times on one monotonic clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

NOT_TAKEN = frozenset({1002, 1003, 1007, 1009})
"""Close codes by which a WebSocket library ends a session because it cannot take a message (RFC 6455, 7.4.1)."""


class EventName(StrEnum):
    """Names of the events of a take; docs/takes.md describes the data of each."""

    TAKE_STARTED = "take_started"
    STREAMS_OPENED = "streams_opened"
    CALIBRATED = "calibrated"
    STAMPS = "stamps"
    XRUNS = "xruns"
    DEVICE_FAILED = "device_failed"
    CLIENT_DESCRIBED = "client_described"
    SESSION_CONNECTING = "session_connecting"
    SETUP_SENT = "setup_sent"
    SESSION_OPEN = "session_open"
    SESSION_REFUSED = "session_refused"
    SESSION_CLOSED = "session_closed"
    UNREACHABLE = "unreachable"
    MODEL_LIST = "model_list"
    PROMPT_STARTED = "prompt_started"
    PROMPT_ENDED = "prompt_ended"
    INTERJECTION = "interjection"
    STEP_MISSED = "step_missed"
    BATCH_SENT = "batch_sent"
    CHUNK_RECEIVED = "chunk_received"
    TEXT_RECEIVED = "text_received"
    TRANSCRIPTION = "transcription"
    GENERATION_COMPLETE = "generation_complete"
    TURN_COMPLETE = "turn_complete"
    INTERRUPTED = "interrupted"
    WAITING_FOR_INPUT = "waiting_for_input"
    VOICE_ACTIVITY = "voice_activity"
    RESUMPTION_OFFERED = "resumption_offered"
    GO_AWAY = "go_away"
    USAGE = "usage"
    TOOL_CALL = "tool_call"
    TOOL_CALL_CANCELLED = "tool_call_cancelled"
    TOOL_RESPONSE_SENT = "tool_response_sent"
    ACTIVITY_SENT = "activity_sent"
    CONTENT_SENT = "content_sent"
    STREAM_END_SENT = "stream_end_sent"
    UNREADABLE_MESSAGE = "unreadable_message"
    PLAYOUT_STARTED = "playout_started"
    PLAYOUT_ENDED = "playout_ended"
    UNDERRUN = "underrun"
    REPLY_WAIT_OVER = "reply_wait_over"
    APP_STARTED = "app_started"
    APP_READY = "app_ready"
    APP_NOT_READY = "app_not_ready"
    APP_ENDED = "app_ended"
    APP_STOPPED = "app_stopped"
    APP_WAITED = "app_waited"
    PAGE_SERVED = "page_served"
    PAGE_BROWSER = "page_browser"
    PAGE_OPENED = "page_opened"
    PAGE_STEP = "page_step"
    PAGE_ERROR = "page_error"
    PAGE_CONSOLE = "page_console"
    PAGE_REQUEST_FAILED = "page_request_failed"
    PAGE_ISSUE = "page_issue"
    PAGE_MICROPHONE = "page_microphone"
    PAGE_CONTEXT_ASKED = "page_context_asked"
    PAGE_CONTEXT = "page_context"
    PAGE_WORKLET_MODULE = "page_worklet_module"
    PAGE_WORKLET = "page_worklet"
    PAGE_SCRIPT_PROCESSOR = "page_script_processor"
    PAGE_BUFFERS = "page_buffers"
    PAGE_SCHEDULE = "page_schedule"
    PAGE_SOCKET = "page_socket"
    LOOP_LATE = "loop_late"
    CALLBACK_LATE = "callback_late"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a take.

    Parameters
    ----------
    t_s : float
        Seconds on the take's monotonic clock.
    name : str
        What happened, one of `EventName`.
    source : str
        Which part reported it: "audio", "client", "service" or "harness".
    data : mapping
        JSON-ready details.
    """

    t_s: float
    name: str
    source: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", MappingProxyType(dict(self.data)))

    def to_json(self) -> dict[str, Any]:
        """Return the event as one JSON object."""
        return {"t_s": self.t_s, "name": self.name, "source": self.source, "data": dict(self.data)}


@dataclass(frozen=True)
class Timeline:
    """Events in order of time."""

    events: tuple[Event, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(sorted(self.events, key=lambda event: event.t_s)))

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def named(self, *names: str, start_s: float = float("-inf"), end_s: float = float("inf")) -> tuple[Event, ...]:
        """Return the events of these names with start_s <= t_s < end_s, in order of time."""
        return tuple(event for event in self.events if event.name in names and start_s <= event.t_s < end_s)

    def first(self, *names: str, start_s: float = float("-inf"), end_s: float = float("inf")) -> Event | None:
        """Return the earliest event of these names with start_s <= t_s < end_s, or None."""
        return next(iter(self.named(*names, start_s=start_s, end_s=end_s)), None)


def session_lost(closed: Mapping[str, Any]) -> bool:
    """Return whether a session was ended against the client's will, from the data of `session_closed`.

    The service ended it, or the library of the client, which could not take a message.
    """
    return closed.get("by") != "client" or closed.get("code") in NOT_TAKEN
