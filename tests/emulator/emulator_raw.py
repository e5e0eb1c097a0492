"""A raw client: a WebSocket and JSON by hand, no SDK."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from emulator_sounds import babble
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
SETUP = {"setup": {"model": "models/gemini-3.8-live", "generationConfig": {"responseModalities": ["AUDIO"]}}}
QUICK = {"pace": 20.0, "think_s": 0.02, "chunk_ms": 100.0}
HELLO = babble(11, 1.6, 16000)


@dataclass
class Got:
    """What came: messages with their times, raw payloads, and the close."""

    messages: list[dict] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    payloads: list[bytes | str] = field(default_factory=list)
    malformed: int = 0

    @property
    def contents(self) -> list[dict]:
        return [message["serverContent"] for message in self.messages if "serverContent" in message]

    @property
    def chunks(self) -> list[bytes]:
        return [base64.b64decode(part["inlineData"]["data"], validate=True) for part in self.parts("inlineData")]

    @property
    def chunk_times_s(self) -> list[float]:
        return [
            at_s
            for at_s, message in zip(self.times_s, self.messages, strict=True)
            if "inlineData" in str(message.get("serverContent", ""))
        ]

    @property
    def audio(self) -> np.ndarray:
        return np.frombuffer(b"".join(self.chunks), dtype="<i2")

    @property
    def mime_types(self) -> set[str]:
        return {part["inlineData"]["mimeType"] for part in self.parts("inlineData")}

    @property
    def text(self) -> str:
        return "".join(part["text"] for part in self.parts("text"))

    def parts(self, kind: str) -> list[dict]:
        found = [part for content in self.contents for part in content.get("modelTurn", {}).get("parts", [])]
        return [part for part in found if kind in part]

    def has(self, name: str) -> bool:
        return any(name in content for content in self.contents)

    def transcript(self, side: str) -> str:
        return "".join(content[side]["text"] for content in self.contents if side in content)


class Raw:
    """One open connection."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws

    async def send(self, message: object, *, binary: bool = False) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        await self.ws.send(text.encode() if binary else text)

    async def set_up(self, setup: object = SETUP, *, binary: bool = False) -> dict:
        await self.send(setup, binary=binary)
        async with asyncio.timeout(5):
            return json.loads(await self.ws.recv())

    async def say(self, pcm: np.ndarray = HELLO, rate_hz: int = 16000, *, silence_s: float = 0.7) -> None:
        data = np.concatenate((pcm, np.zeros(round(silence_s * rate_hz), dtype=np.int16))).astype("<i2").tobytes()
        size = rate_hz // 5 * 2
        for start in range(0, len(data), size):
            await self.send(audio(data[start : start + size], rate_hz))

    async def hear(self, until: str | None = "generationComplete", *, for_s: float = 6.0) -> Got:
        """Messages until a serverContent has that field (None: until nothing comes any more)."""
        got = Got()
        try:
            async with asyncio.timeout(for_s):
                while True:
                    payload = await self.ws.recv()
                    got.payloads.append(payload)
                    try:
                        message = json.loads(payload)
                    except ValueError:
                        got.malformed += 1
                        continue
                    got.times_s.append(time.perf_counter())
                    got.messages.append(message)
                    if until is not None and until in message.get("serverContent", {}):
                        return got
        except TimeoutError:
            if until is not None:
                raise
        return got


def audio(data: bytes, rate_hz: int = 16000) -> dict:
    encoded = base64.b64encode(data).decode()
    return {"realtimeInput": {"audio": {"data": encoded, "mimeType": f"audio/pcm;rate={rate_hz}"}}}


@asynccontextmanager
async def raw(tls: ssl.SSLContext, base_url: str, *, path: str = LIVE, query: str = "?key=any", headers=None):
    url = base_url.replace("https://", "wss://") + path + query
    async with connect(
        url, ssl=tls, additional_headers=headers, compression=None, max_size=None, proxy=None, close_timeout=1
    ) as ws:
        yield Raw(ws)


def one_turn(tls: ssl.SSLContext, base_url: str, *, until: str | None = "generationComplete", **options) -> Got:
    """Connect, set up, say hello, hear the answer."""
    setup = options.pop("setup", SETUP)
    for_s = options.pop("for_s", 6.0)
    say: Callable = options.pop("say", Raw.say)

    async def talk() -> Got:
        async with raw(tls, base_url, **options) as client:
            await client.set_up(setup)
            await say(client)
            return await client.hear(until, for_s=for_s)

    return asyncio.run(talk())


def setup_with(**fields: Any) -> dict:
    return {"setup": {**SETUP["setup"], **fields}}


def refused(tls: ssl.SSLContext, base_url: str, setup: object = SETUP, **options) -> tuple[int, str]:
    async def talk() -> None:
        async with raw(tls, base_url, **options) as client:
            await client.set_up(setup)

    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk())
    return caught.value.rcvd.code, caught.value.rcvd.reason


async def realtime(client: Raw, **content: Any) -> None:
    await client.send({"realtimeInput": content})
