"""Events and audio of one Live API session, read from the messages that pass between client and service.

The messages may come from the recording proxy or from the emulator. Field names may be in camelCase or snake_case.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from urllib.parse import parse_qs

from diag.core.json_reading import read_json
from diag.core.keys import cleaner
from diag.core.timeline import EventName
from diag.core.units import LIVE_INPUT_RATE_HZ, LIVE_OUTPUT_RATE_HZ, playable_rate_hz
from diag.record.take_assembly import NetworkAudio

_VERSION = re.compile(r"\.(v1[a-z0-9]*)\.|/(v1[a-z0-9]*)/")
_PCM = ("audio/pcm", "audio/l16", "audio/x-pcm")
_ABNORMAL = 1006


class Emit(Protocol):
    """Callback that logs an event."""

    def __call__(self, name: str, data: Mapping[str, Any], *, t_s: float | None = None) -> None:
        """Log an event that happened at `t_s` on the clock of the log, or now if `t_s` is None."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The request that opened a session.

    Parameters
    ----------
    target : str
        Path and query as the client sent them.
    headers : mapping of str to str
        Header fields, names in lower case.
    host : str
        Host to which the session was forwarded.
    endpoint : str
        "emulator", "gemini" or "url".
    """

    target: str
    headers: Mapping[str, str]
    host: str
    endpoint: str

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys and tokens in the request."""
        query = parse_qs(self.target.partition("?")[2])
        found = [value for name in ("key", "access_token", "token") for value in query.get(name, ())]
        found += [self.headers[name] for name in ("x-goog-api-key",) if name in self.headers]
        found += self.headers.get("authorization", "").split(" ")[1:]
        # Browsers cannot set headers on a WebSocket, so some clients put a token into the subprotocol.
        found += [part.strip() for part in self.headers.get("sec-websocket-protocol", "").split(",")]
        return tuple(filter(None, found))

    @property
    def path(self) -> str:
        """Path without the query, which may hold a key."""
        return self.target.partition("?")[0]

    @property
    def api_version(self) -> str | None:
        """API version in the path, such as "v1beta"."""
        found = _VERSION.search(self.path)
        return (found[1] or found[2]) if found else None


@dataclass
class Sound:
    """PCM of one direction, and the rate that its first batch declares."""

    pcm: bytearray
    sample_rate_hz: int
    known: bool = False

    def add(self, data: bytes, mime_type: str, otherwise_hz: int) -> tuple[int, int]:
        """Append PCM; return its first frame and its number of frames."""
        if not self.known:
            self.sample_rate_hz, self.known = playable_rate_hz(mime_type, otherwise_hz), True
        start = len(self.pcm) // 2
        self.pcm += data[: len(data) // 2 * 2]
        return start, len(data) // 2


class WireAudio:
    """The audio of both directions."""

    def __init__(self) -> None:
        self.sent = Sound(bytearray(), LIVE_INPUT_RATE_HZ)
        self.received = Sound(bytearray(), LIVE_OUTPUT_RATE_HZ)

    @property
    def network(self) -> NetworkAudio:
        """The audio so far, as a take keeps it."""
        return NetworkAudio(
            sent=bytes(self.sent.pcm),
            sent_rate_hz=self.sent.sample_rate_hz,
            received=bytes(self.received.pcm),
            received_rate_hz=self.received.sample_rate_hz,
        )


class SessionRecorder:
    """Recorder of one session: call its methods as messages pass, in order.

    Parameters
    ----------
    request : Request
    emit : Emit
        Logs each event.
    clock : callable
        Converts a `time.perf_counter` reading to the clock of the log.
    audio : WireAudio, optional
        Where the audio is added, if several sessions belong to one take.
    """

    def __init__(
        self, request: Request, emit: Emit, clock: Callable[[float], float], audio: WireAudio | None = None
    ) -> None:
        self._request = request
        self._clean = cleaner(request.secrets)
        self._write = emit
        self._clock = clock
        self._begun_s = time.perf_counter()
        self._connecting = False
        self._t_s = self._begun_s
        audio = audio or WireAudio()
        self.sent, self.received = audio.sent, audio.received
        self.open = False
        self.over = False

    def from_client(self, payload: bytes | str, t_s: float) -> None:
        """Take a message of the client that passed at `t_s` (`time.perf_counter`)."""
        self._t_s = t_s
        message = _object(payload)
        if message is None:
            self._unreadable("client", payload)
            return
        setup = message.get("setup")
        if isinstance(setup, Mapping):
            self._setup(setup)
        realtime = _field(message, "realtimeInput")
        if isinstance(realtime, Mapping):
            self._realtime(realtime)
        content = _field(message, "clientContent")
        if isinstance(content, Mapping):
            self._emit(EventName.CONTENT_SENT, {"turn_complete": bool(_field(content, "turnComplete"))})
        response = _field(message, "toolResponse")
        if isinstance(response, Mapping):
            ids = [item.get("id") for item in _tables(_field(response, "functionResponses"))]
            self._emit(EventName.TOOL_RESPONSE_SENT, {"ids": ids})

    def from_service(self, payload: bytes | str, t_s: float) -> None:
        """Take a message of the service that passed at `t_s` (`time.perf_counter`)."""
        self._t_s = t_s
        message = _object(payload)
        if message is None:
            self._unreadable("service", payload)
            return
        done = _field(message, "setupComplete")
        if done is not None and not self.open:
            self.open = True
            session_id = _field(done, "sessionId") if isinstance(done, Mapping) else None
            self._emit(EventName.SESSION_OPEN, {"session_id": session_id, "connect_s": t_s - self._begun_s})
        content = _field(message, "serverContent")
        if isinstance(content, Mapping):
            self._content(content)
        call = _field(message, "toolCall")
        if isinstance(call, Mapping):
            calls = _tables(_field(call, "functionCalls"))
            self._emit(
                EventName.TOOL_CALL, {"calls": [{"id": item.get("id"), "name": item.get("name")} for item in calls]}
            )
        cancelled = _field(message, "toolCallCancellation")
        if isinstance(cancelled, Mapping):
            self._emit(EventName.TOOL_CALL_CANCELLED, {"ids": list(_list(cancelled.get("ids")))})
        away = _field(message, "goAway")
        if isinstance(away, Mapping):
            self._emit(EventName.GO_AWAY, {"time_left_s": _seconds(_field(away, "timeLeft"))})
        update = _field(message, "sessionResumptionUpdate")
        if isinstance(update, Mapping):
            self._emit(EventName.RESUMPTION_OFFERED, {"resumable": bool(_field(update, "resumable"))})
        activity = _field(message, "voiceActivity")
        if isinstance(activity, Mapping):
            self._emit(EventName.VOICE_ACTIVITY, {"type": str(_field(activity, "type"))})
        usage = _field(message, "usageMetadata")
        if isinstance(usage, Mapping):
            self._emit(EventName.USAGE, dict(usage))

    def refused(self, status: int, t_s: float) -> None:
        """Note that the service answered the upgrade with an HTTP status."""
        self._t_s = t_s
        self._say_connecting(None)
        if status in range(400, 500):
            self._end(EventName.SESSION_REFUSED, {"code": status, "reason": f"HTTP {status}"})
        else:
            self._end(EventName.UNREACHABLE, {"step": "http", "detail": f"HTTP {status}", "proxy": []})

    def unreachable(self, data: Mapping[str, Any], t_s: float) -> None:
        """Note that the service was not reached (data of the event `unreachable`)."""
        self._t_s = t_s
        self._say_connecting(None)
        self._end(EventName.UNREACHABLE, data)

    def closed(self, by: str, code: int | None, reason: str, t_s: float) -> None:
        """Note the end of the session; only the first call counts.

        Parameters
        ----------
        by : str
            "client" or "service": who sent the first close frame, or whose connection ended first.
        code : int or None
            Code of the close frame; None if the connection ended without one.
        """
        self._t_s = t_s
        code = _ABNORMAL if code is None else code
        if not self.open and by == "service" and not self.over:
            self._say_connecting(None)
            if code == _ABNORMAL:
                detail = "the connection was dropped before the session was set up"
                self._end(EventName.UNREACHABLE, {"step": "setup", "detail": detail, "proxy": []})
            else:
                self._end(EventName.SESSION_REFUSED, {"code": code, "reason": reason})
            return
        self._end(EventName.SESSION_CLOSED, {"code": code, "reason": reason, "by": by})

    def gone(self) -> None:
        """Take the end of the connection; nothing follows."""
        if not self.over:
            self.closed("client", None, "", time.perf_counter())

    def _end(self, name: EventName, data: Mapping[str, Any]) -> None:
        if not self.over:
            self.over = True
            self._emit(name, data)

    def _setup(self, setup: Mapping[str, Any]) -> None:
        model = setup.get("model")
        self._say_connecting(model if isinstance(model, str) else None)
        self._emit(EventName.SETUP_SENT, {"setup": dict(setup)})

    def _say_connecting(self, model: str | None) -> None:
        if self._connecting:
            return
        self._connecting = True
        request = self._request
        self._emit(
            EventName.SESSION_CONNECTING,
            {"endpoint": request.endpoint, "host": request.host, "path": request.path, "model": model,
             "api_version": request.api_version},
            at_s=self._begun_s,
        )  # fmt: skip

    def _realtime(self, realtime: Mapping[str, Any]) -> None:
        blobs = [*_tables(_field(realtime, "mediaChunks")), *_tables(realtime.get("audio"))]
        for blob in blobs:
            self._batch(blob)
        for name in ("activityStart", "activityEnd"):
            if _field(realtime, name) is not None:
                self._emit(EventName.ACTIVITY_SENT, {"mark": name})
        if _field(realtime, "audioStreamEnd"):
            self._emit(EventName.STREAM_END_SENT, {})
        if isinstance(realtime.get("text"), str):
            self._emit(EventName.CONTENT_SENT, {"turn_complete": True})

    def _batch(self, blob: Mapping[str, Any]) -> None:
        mime_type = str(_field(blob, "mimeType") or "")
        kind = mime_type.partition(";")[0].strip().lower()
        if kind and not kind.startswith("audio/"):
            return
        data = _decoded(blob.get("data"))
        facts = {"mime_type": mime_type, "bytes": len(data)}
        if kind in _PCM or not kind:
            start, frames = self.sent.add(data, mime_type, LIVE_INPUT_RATE_HZ)
            self._emit(EventName.BATCH_SENT, {"start_frame": start, "frames": frames, **facts})
        else:
            self._emit(EventName.BATCH_SENT, {"start_frame": len(self.sent.pcm) // 2, "frames": 0, **facts})

    def _content(self, content: Mapping[str, Any]) -> None:
        turn = _field(content, "modelTurn")
        for part in _tables(turn.get("parts")) if isinstance(turn, Mapping) else ():
            self._part(part)
        for direction, name in (("input", "inputTranscription"), ("output", "outputTranscription")):
            words = _field(content, name)
            if isinstance(words, Mapping) and words.get("text"):
                self._emit(EventName.TRANSCRIPTION, {"direction": direction, "text": str(words["text"])})
        for name, event in _MARKS:
            if _field(content, name):
                self._emit(event, {})
        if _field(content, "turnComplete"):
            found = {"reason": _field(content, "turnCompleteReason"), "status": _field(content, "interactionStatus")}
            self._emit(EventName.TURN_COMPLETE, {key: value for key, value in found.items() if value is not None})

    def _part(self, part: Mapping[str, Any]) -> None:
        blob = _field(part, "inlineData")
        if isinstance(blob, Mapping):
            mime_type = str(_field(blob, "mimeType") or "")
            if mime_type.lower().startswith("audio/") or not mime_type:
                data = _decoded(blob.get("data"))
                start, frames = self.received.add(data, mime_type, LIVE_OUTPUT_RATE_HZ)
                self._emit(
                    EventName.CHUNK_RECEIVED,
                    {"start_frame": start, "frames": frames, "bytes": len(data), "mime_type": mime_type},
                )
        text = part.get("text")
        if isinstance(text, str) and text:
            self._emit(EventName.TEXT_RECEIVED, {"characters": len(text), "thought": bool(part.get("thought"))})

    def _unreadable(self, by: str, payload: bytes | str) -> None:
        self._emit(EventName.UNREADABLE_MESSAGE, {"by": by, "bytes": len(payload)})

    def _emit(self, name: EventName, data: Mapping[str, Any], *, at_s: float | None = None) -> None:
        self._write(name, self._clean(data), t_s=self._clock(self._t_s if at_s is None else at_s))


_MARKS = (
    ("interrupted", EventName.INTERRUPTED),
    ("generationComplete", EventName.GENERATION_COMPLETE),
    ("waitingForInput", EventName.WAITING_FOR_INPUT),
)


def _object(payload: bytes | str) -> Mapping[str, Any] | None:
    try:
        message = read_json(payload)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _field(table: Mapping[str, Any], name: str) -> Any:
    """Return a field by its camelCase name, however the sender spells it; None if it is absent."""
    return table[name] if name in table else table.get(_in_snake_case(name))


@cache
def _in_snake_case(name: str) -> str:
    return re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _tables(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list; one object counts as a list of one."""
    yield from (item for item in ([value] if isinstance(value, Mapping) else _list(value)) if isinstance(item, Mapping))


def _decoded(data: object) -> bytes:
    """Return the bytes of base64 in either alphabet, with or without padding; none if it is not base64."""
    if not isinstance(data, str):
        return b""
    plain = re.sub(r"[=\s]+", "", data).replace("-", "+").replace("_", "/") if not _is_plain(data) else data.rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _is_plain(data: str) -> bool:
    return "-" not in data and "_" not in data and "\n" not in data


def _seconds(duration: object) -> float | None:
    try:
        return float(str(duration).rstrip("s"))
    except ValueError:
        return None
