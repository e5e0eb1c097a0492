"""Live API sessions as JSON over a WebSocket, without an SDK. The first message is the user's own, sent as it is."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from diag.core.json_reading import read_json
from diag.core.live_setup import snake
from diag.record.live.connection_facts import Fact, connect_failure, no_setup_complete
from diag.record.live.genai import (
    LOOPBACK_HOSTS,
    SETUP_TIMEOUT_S,
    Endpoint,
    connecting_data,
    key_for,
    seconds_of,
)
from diag.record.live.live_session import CLOSE_TIMEOUT_S, Emit, LiveSession

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

PATH = "/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"
LARGEST_MESSAGE_BYTES = 16_000_000
"""Larger than any message that was seen of the service: a raw client sets its own limit,
and none below this was seen to matter."""


class RawConnection(LiveSession):
    """Session without the SDK.

    Parameters
    ----------
    frame : str
        The first message of the session.
    emit, on_audio : callable
        As in `LiveSession`.
    """

    def __init__(self, frame: str, emit: Emit, on_audio: Callable[[bytes, str], None]) -> None:
        super().__init__(emit, on_audio)
        self._frame = frame
        self._socket: ClientConnection | None = None

    async def connect(self, api_version: str, endpoint: Endpoint) -> bool:
        """Open the session: send the first message, and wait for setupComplete.

        Returns
        -------
        bool
            False if the service refused the session or was not reached; an event gives the reason.
        """
        from websockets.exceptions import WebSocketException

        content = json.loads(self._frame)
        setup = content.get("setup")
        model = str(setup.get("model") or "") if isinstance(setup, Mapping) else ""
        self._emit("session_connecting", connecting_data(model, api_version, endpoint))
        start_s = time.perf_counter()
        try:
            async with asyncio.timeout(SETUP_TIMEOUT_S) as limit:
                self._socket = await self._opened(api_version, endpoint)
                await self._socket.send(self._frame)
                self._emit("setup_sent", {"setup": setup if isinstance(setup, Mapping) else {}, "frame": content})
                session_id = await self._set_up()
        except (WebSocketException, OSError, EOFError, ImportError) as error:
            self._report(no_setup_complete(SETUP_TIMEOUT_S) if limit.expired() else connect_failure(error))
            return False
        except ValueError as error:
            self._report(Fact(name="session_refused", data={"code": None, "reason": str(error)}))
            return False
        self.open = True
        self._emit("session_open", {"session_id": session_id, "connect_s": time.perf_counter() - start_s})
        return True

    async def _opened(self, api_version: str, endpoint: Endpoint) -> ClientConnection:
        from websockets.asyncio.client import connect

        parts = urlsplit(endpoint.base_url)
        address = parts._replace(scheme="wss", path=parts.path.rstrip("/") + PATH.format(version=api_version))
        direct: dict[str, Any] = {"proxy": None} if parts.hostname in LOOPBACK_HOSTS else {}
        return await self._stack.enter_async_context(
            connect(
                address.geturl(),
                ssl=ssl.create_default_context(cafile=endpoint.ca_file),
                additional_headers={"x-goog-api-key": key_for(endpoint)},
                max_size=LARGEST_MESSAGE_BYTES,
                close_timeout=CLOSE_TIMEOUT_S,
                open_timeout=None,  # the timeout around it counts
                **direct,
            )
        )

    async def _set_up(self) -> str | None:
        """Wait for setupComplete, and return the session's id if there is one."""
        assert self._socket is not None
        while True:
            message = _decoded(await self._socket.recv())
            complete = message.get("setupComplete")
            if complete is not None:
                return complete.get("sessionId") if isinstance(complete, Mapping) else None
            self._take(message)

    async def send_audio(self, pcm: bytes, mime_type: str) -> bool:
        """Send one chunk of 16-bit PCM; return False if the session has ended."""
        from websockets.exceptions import ConnectionClosed

        if not self.open or self._socket is None:
            return False
        audio = {"data": base64.b64encode(pcm).decode("ascii"), "mimeType": mime_type}
        try:
            await self._socket.send(json.dumps({"realtimeInput": {"audio": audio}}))
        except ConnectionClosed as error:
            self._closed(error)
        return self.open

    async def receive(self) -> None:
        """Receive messages until the session ends."""
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None
        try:
            while self.open:
                self._take(_decoded(await self._socket.recv()))
        except (ConnectionClosed, ValueError, OSError) as error:
            self._closed(error)

    def _take(self, message: Mapping[str, Any]) -> None:
        content = _table(message, "serverContent")
        for part in _tables(_table(content, "modelTurn").get("parts")):
            self._take_part(part)
        for direction, name in (("input", "inputTranscription"), ("output", "outputTranscription")):
            if text := _table(content, name).get("text"):
                self._emit("transcription", {"direction": direction, "text": str(text)})
        for event, name in (
            ("interrupted", "interrupted"),
            ("generation_complete", "generationComplete"),
            ("waiting_for_input", "waitingForInput"),
        ):
            if content.get(name):
                self._emit(event, {})
        if content.get("turnComplete"):
            told = (("reason", content.get("turnCompleteReason")), ("status", content.get("interactionStatus")))
            self._emit("turn_complete", {key: str(value) for key, value in told if value is not None})
        if "toolCall" in message:
            calls = _tables(_table(message, "toolCall").get("functionCalls"))
            self._emit("tool_call", {"calls": [{"id": call.get("id"), "name": call.get("name")} for call in calls]})
        if "toolCallCancellation" in message:
            ids = _table(message, "toolCallCancellation").get("ids")
            self._emit("tool_call_cancelled", {"ids": list(ids) if isinstance(ids, list) else []})
        if "goAway" in message:
            self._emit("go_away", {"time_left_s": seconds_of(_table(message, "goAway").get("timeLeft"))})
        if update := _table(message, "sessionResumptionUpdate"):
            self.handle = str(update.get("newHandle") or "") or self.handle
            self._emit("resumption_offered", {"resumable": bool(update.get("resumable"))})
        if activity := _table(message, "voiceActivity"):
            self._emit("voice_activity", {"type": str(activity.get("type"))})
        if "usageMetadata" in message:
            self._emit("usage", {snake(name): item for name, item in _table(message, "usageMetadata").items()})

    def _take_part(self, part: Mapping[str, Any]) -> None:
        blob = _table(part, "inlineData")
        if blob.get("data"):
            self._on_audio(_bytes_of(str(blob["data"])), str(blob.get("mimeType") or ""))
        if text := part.get("text"):
            self._emit("text_received", {"characters": len(str(text)), "thought": bool(part.get("thought"))})


def _decoded(data: str | bytes) -> dict[str, Any]:
    """Return the JSON object in a message.

    Raises
    ------
    ValueError
        If it holds none.
    """
    message = read_json(data)
    if not isinstance(message, dict):
        raise ValueError(f"not a Live API message: {data[:80]!r}")  # noqa: TRY004 (as for text that is not JSON)
    return message


def _bytes_of(text: str) -> bytes:
    """Return the bytes of base64 in the standard or the URL-safe alphabet; none if it is damaged."""
    standard = text.replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(standard + "=" * (-len(standard) % 4))
    except binascii.Error:
        return b""


def _table(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = message.get(name)
    return found if isinstance(found, Mapping) else {}


def _tables(value: object) -> list[Mapping[str, Any]]:
    items: Sequence[object] = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]
