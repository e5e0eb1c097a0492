"""Live API client that speaks JSON over a WebSocket, without an SDK."""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
INPUT_MIME_TYPE = "audio/pcm;rate=16000"


def conversation_log() -> logging.Logger:
    """Return the log of today's conversations, `conversation_YYYYMMDD.log`, which can be followed with `tail -f`."""
    settings.LOG_DIR.mkdir(parents=True, exist_ok=True)
    path = settings.LOG_DIR / f"conversation_{datetime.datetime.now():%Y%m%d}.log"
    log = logging.getLogger(f"voice_app.{path}")
    if not log.handlers:
        handler = logging.FileHandler(path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s [%(levelname)s] %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
    return log


class WebSocketLiveClient:
    """One Live session: audio of the page to the service, audio and events of the service to the page."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str,
        model: str,
        asks_for_audio: bool,
        audio_callback: Callable[[bytes], Awaitable[None]],
        event_callback: Callable[..., Awaitable[None]],
    ) -> None:
        self.api_key = api_key
        self.base_url = base_url
        self.model = model
        self.asks_for_audio = asks_for_audio
        self.audio_callback = audio_callback
        self.event_callback = event_callback
        self._socket: ClientConnection | None = None
        self._sent_bytes = self._received_bytes = 0
        self._log = conversation_log()

    def initial_request(self) -> dict[str, Any]:
        """Return the first message of the session."""
        setup: dict[str, Any] = {"model": self.model}
        if self.asks_for_audio:
            setup["generation_config"] = {"response_modalities": ["AUDIO"]}
        return {"setup": setup}

    async def run(self) -> None:
        """Hold the session until the page or the service ends it."""
        address = "ws" + self.base_url.rstrip("/").removeprefix("http") + PATH
        trust = ssl.create_default_context() if address.startswith("wss:") else None
        headers = {"x-goog-api-key": self.api_key} if self.api_key else {}
        try:
            async with connect(address, ssl=trust, additional_headers=headers, max_size=None) as socket:
                request = json.dumps(self.initial_request())
                self._log.info("connected, setup sent: %s", request)
                await socket.send(request)
                async for data in socket:
                    await self._take(json.loads(data), socket)
            await self._ended(socket.close_code, socket.close_reason)
        except ConnectionClosed as error:
            closing = error.rcvd
            await self._ended(closing.code if closing else None, closing.reason if closing else "")
        except (WebSocketException, OSError) as error:
            self._log.error("could not connect: %s", error)
            await self.event_callback(type="error", text=f"could not connect: {error}")
        except asyncio.CancelledError:
            self._log.info("the page left: %d bytes sent, %d bytes received", self._sent_bytes, self._received_bytes)
            raise
        finally:
            self._socket = None

    async def send_audio(self, pcm: bytes) -> None:
        """Send one batch of 16 kHz PCM; before the setup is complete, it is left out."""
        if self._socket is None:
            return
        audio = {"data": base64.b64encode(pcm).decode(), "mime_type": INPUT_MIME_TYPE}
        try:
            await self._socket.send(json.dumps({"realtime_input": {"audio": audio}}))
        except ConnectionClosed:
            self._socket = None
            return
        if self._sent_bytes == 0:
            self._log.info("first batch sent: %d bytes of %s", len(pcm), INPUT_MIME_TYPE)
        self._sent_bytes += len(pcm)

    async def _take(self, message: dict[str, Any], socket: ClientConnection) -> None:
        if "setupComplete" in message:
            self._socket = socket
            self._log.info("setup complete")
            await self.event_callback(type="ready")
        content = message.get("serverContent", {})
        for part in content.get("modelTurn", {}).get("parts", []):
            if "inlineData" in part:
                await self._take_audio(base64.b64decode(part["inlineData"]["data"]), part["inlineData"]["mimeType"])
        for name in ("interrupted", "generationComplete", "turnComplete"):
            if content.get(name):
                self._log.info("%s, %d bytes received so far", name, self._received_bytes)
                await self.event_callback(type=name)

    async def _take_audio(self, pcm: bytes, mime_type: str) -> None:
        if self._received_bytes == 0:
            self._log.info("first audio received: %d bytes of %s", len(pcm), mime_type)
        self._received_bytes += len(pcm)
        await self.audio_callback(pcm)

    async def _ended(self, code: int | None, reason: str | None) -> None:
        self._log.warning("received %s %s", code, reason)
        await self.event_callback(type="closed", code=code, text=reason)
