"""WebSocket between the page and the Live client: PCM both ways as binary frames, events to the page as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from gemini.faults import read_faults
from gemini.services.websocket_live_client import WebSocketLiveClient

OLD_MODEL = "models/gemini-flash-2.0-live-001"


class VoiceConsumer(AsyncWebsocketConsumer):
    """One conversation: each page has its own Live session."""

    live: WebSocketLiveClient
    session: asyncio.Task[None]

    async def connect(self) -> None:
        """Accept the page and open its Live session."""
        faults = read_faults(parse_qs(self.scope["query_string"].decode()).get("fault", [""])[0])
        self.live = WebSocketLiveClient(
            settings.GEMINI_API_KEY,
            base_url=settings.GEMINI_BASE_URL,
            model=OLD_MODEL if "old_model" in faults else settings.GEMINI_LIVE_MODEL,
            asks_for_audio="modality_missing" not in faults,
            audio_callback=self.send_audio,
            event_callback=self.send_event,
        )
        await self.accept()
        self.session = asyncio.create_task(self.live.run())

    async def disconnect(self, code: int) -> None:
        """End the Live session when the page has gone."""
        self.session.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.session

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pass a batch from the microphone on."""
        if bytes_data:
            await self.live.send_audio(bytes_data)

    async def send_audio(self, pcm: bytes) -> None:
        """Send a chunk of the reply to the page."""
        await self.send(bytes_data=pcm)

    async def send_event(self, **event: Any) -> None:
        """Send an event to the page."""
        await self.send(text_data=json.dumps(event))
