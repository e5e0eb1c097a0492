"""The unpatched google-genai SDK against the embedded emulator."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from emulator_sounds import babble
from google import genai
from google.genai import errors, types

from diag.core.errors import BadInputError
from diag.emulator.embedded import EmbeddedEmulator

MODEL = "gemini-3.8-live"
RATE_HZ = 16000
AUDIO = {"response_modalities": ["AUDIO"]}


def client_for(tls: ssl.SSLContext, base_url: str, *, version: str = "v1beta", key: str = "any") -> genai.Client:
    options = types.HttpOptions(base_url=base_url, api_version=version, async_client_args={"ssl": tls})
    return genai.Client(api_key=key, http_options=options)


@asynccontextmanager
async def session(tls: ssl.SSLContext, base_url: str, config: dict | None = None, *, model: str = MODEL, **client):
    async with client_for(tls, base_url, **client).aio.live.connect(model=model, config=config) as opened:
        yield opened


async def speak(opened, pcm: np.ndarray, *, rate_hz: int = RATE_HZ, silence_s: float = 0.7) -> None:
    """Say it all at once: the emulator hears audio time, so tests need not wait for the clock."""
    data = np.concatenate((pcm, np.zeros(round(silence_s * rate_hz), dtype=np.int16))).tobytes()
    size = rate_hz // 10 * 2
    for start in range(0, len(data), size):
        blob = types.Blob(data=data[start : start + size], mime_type=f"audio/pcm;rate={rate_hz}")
        await opened.send_realtime_input(audio=blob)


async def one_turn(opened) -> list[types.LiveServerMessage]:
    async def all_messages() -> AsyncIterator[types.LiveServerMessage]:
        async for message in opened.receive():
            yield message

    async with asyncio.timeout(8):
        return [message async for message in all_messages()]


def heard(messages: list[types.LiveServerMessage]) -> bytes:
    return b"".join(message.data for message in messages if message.data)


def test_a_spoken_turn_is_answered(emulator: EmbeddedEmulator, tls: ssl.SSLContext) -> None:
    base_url = emulator.register({"pace": 4.0, "think_s": 0.1})

    async def talk() -> list[types.LiveServerMessage]:
        async with session(tls, base_url, AUDIO) as opened:
            await speak(opened, babble(11, 1.6, RATE_HZ))
            return await one_turn(opened)

    messages = asyncio.run(talk())
    sent = [line for line in emulator.truth(base_url) if line["event"] == "chunk_sent"]
    assert len(heard(messages)) == sum(line["bytes"] for line in sent) > 24000
    kinds = [
        part.inline_data.mime_type
        for message in messages
        if message.server_content and message.server_content.model_turn
        for part in message.server_content.model_turn.parts
    ]
    assert set(kinds) == {"audio/pcm;rate=24000"}
    assert messages[-2].server_content.generation_complete
    assert messages[-1].server_content.turn_complete
    assert messages[-1].usage_metadata.total_token_count > 0


def test_truth_tells_the_turn(emulator: EmbeddedEmulator, tls: ssl.SSLContext) -> None:
    base_url = emulator.register({"think_s": 0.3, "pace": 2.0})

    async def talk() -> float:
        async with session(tls, base_url, AUDIO) as opened:
            await speak(opened, babble(11, 1.6, RATE_HZ))
            async for message in opened.receive():
                if message.data:
                    return time.perf_counter()
        raise AssertionError

    first_s = asyncio.run(talk())
    lines = {line["event"]: line for line in reversed(emulator.truth(base_url))}
    chunk = lines["chunk_sent"]
    assert lines["speech_end"]["audio_s"] == pytest.approx(1.65, abs=0.08)
    assert chunk["scheduled_t_s"] - lines["turn_ended"]["t_s"] == pytest.approx(0.3, abs=1e-6)
    assert 0 <= chunk["t_s"] - chunk["scheduled_t_s"] < 0.1
    # The same clock in both processes: sent before it was received, and not long before.
    assert 0 < first_s - chunk["t_s"] < 0.2


def test_slow_service_thinks_as_long_as_it_is_told(emulator: EmbeddedEmulator, tls: ssl.SSLContext) -> None:
    base_url = emulator.register({"think_s": 0.9, "pace": 8.0})

    async def talk() -> None:
        async with session(tls, base_url, AUDIO) as opened:
            await speak(opened, babble(11, 1.6, RATE_HZ))
            await one_turn(opened)

    asyncio.run(talk())
    lines = {line["event"]: line for line in reversed(emulator.truth(base_url))}
    assert lines["chunk_sent"]["t_s"] - lines["turn_ended"]["t_s"] == pytest.approx(0.9, abs=0.1)


@pytest.mark.parametrize("settings", [{"silent_turn": True}, {"faults": [{"kind": "silent_turn"}]}])
def test_silent_turn_completes_without_content(emulator: EmbeddedEmulator, tls: ssl.SSLContext, settings: dict) -> None:
    base_url = emulator.register({"think_s": 0.05, **settings})

    async def talk() -> list[types.LiveServerMessage]:
        async with session(tls, base_url, AUDIO) as opened:
            await speak(opened, babble(11, 1.6, RATE_HZ))
            return await one_turn(opened)

    messages = asyncio.run(talk())
    assert heard(messages) == b""
    assert messages[-1].server_content.turn_complete


@pytest.mark.parametrize(("omitted", "bytes_of_audio", "text"), [("silent", 0, 0), ("text", 0, 1), ("audio", 1, 0)])
def test_omitted_modality_is_a_switch(
    emulator: EmbeddedEmulator, tls: ssl.SSLContext, omitted: str, bytes_of_audio: int, text: int
) -> None:
    base_url = emulator.register({"think_s": 0.05, "pace": 8.0, "omitted_modality": omitted})

    async def talk() -> list[types.LiveServerMessage]:
        async with session(tls, base_url) as opened:
            await speak(opened, babble(11, 1.6, RATE_HZ))
            return await one_turn(opened)

    messages = asyncio.run(talk())
    assert bool(heard(messages)) == bool(bytes_of_audio)
    assert any(message.text for message in messages) == bool(text)
    assert messages[-1].server_content.turn_complete


REFUSALS = [
    ("models/gemini-flash-2.0-live-001", {}, AUDIO, {}, 1008, "models/gemini-flash-2.0-live-001 is not found for API"),
    ("models/gemini-2.0-flash-exp", {}, AUDIO, {}, 1008, "models/gemini-2.0-flash-exp is not found for API version"),
    ("publishers/google/models/gemini-live-2.5-flash", {}, AUDIO, {}, 1008, "models/publishers/google/models/gemini"),
    (MODEL, {}, {"response_modalities": ["TEXT"]}, {}, 1007, "The requested combination of response modalities (TEXT)"),
    (MODEL, {}, {"response_modalities": ["AUDIO", "TEXT"]}, {}, 1007, "Request contains an invalid argument."),
    (MODEL, {"omitted_modality": "rejected"}, None, {}, 1007, "Request contains an invalid argument."),
    (MODEL, {"keys": ["right"]}, AUDIO, {"key": "wrong"}, 1007, "API key not valid. Please pass a valid API key."),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: f"{case[4]}-{case[5][:24]}")
def test_refusals_carry_code_and_reason(emulator: EmbeddedEmulator, tls: ssl.SSLContext, case: tuple) -> None:
    model, settings, config, client, code, reason = case
    base_url = emulator.register(settings)

    async def talk() -> None:
        async with session(tls, base_url, config, model=model, **client):
            pass

    with pytest.raises(errors.APIError) as caught:
        asyncio.run(talk())
    assert caught.value.code == code
    assert str(caught.value.details).startswith(reason)
    assert len(str(caught.value.details).encode()) <= 123


def test_the_seeds_model_is_served_on_the_day_of_the_seed(emulator: EmbeddedEmulator, tls: ssl.SSLContext) -> None:
    base_url = emulator.register({"as_of": "2025-09-19"})

    async def talk(model: str) -> None:
        async with session(tls, base_url, None, model=model):
            pass

    asyncio.run(talk("models/gemini-2.0-flash-exp"))
    with pytest.raises(errors.APIError) as caught:
        asyncio.run(talk("models/gemini-flash-2.0-live-001"))
    assert caught.value.code == 1008


def test_barge_in_interrupts_and_the_next_turn_is_answered(emulator: EmbeddedEmulator, tls: ssl.SSLContext) -> None:
    base_url = emulator.register({"think_s": 0.05, "pace": 1.0})

    async def talk() -> tuple[list, list]:
        async with session(tls, base_url, AUDIO) as opened:
            await speak(opened, babble(11, 1.6, RATE_HZ))
            first = []
            async for message in opened.receive():
                first.append(message)
                if message.data and len(first) == 1:
                    await speak(opened, babble(12, 1.6, RATE_HZ))
            return first, await one_turn(opened)

    first, second = asyncio.run(talk())
    assert [bool(message.server_content.interrupted) for message in first[-2:]] == [True, False]
    assert first[-1].server_content.turn_complete
    assert not any(message.server_content.generation_complete for message in first)
    assert heard(second)


def test_down_endpoints_cannot_be_reached(emulator: EmbeddedEmulator, tls: ssl.SSLContext) -> None:
    async def talk(base_url: str) -> None:
        async with session(tls, base_url, AUDIO):
            pass

    with pytest.raises(ConnectionRefusedError):
        asyncio.run(talk(emulator.register({"down": "tcp"})))
    with pytest.raises(ssl.SSLError):
        asyncio.run(talk(emulator.register({"down": "tls"})))
    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(talk(emulator.register({"down": "certificate"})))


def test_bad_settings_are_refused_in_one_sentence(emulator: EmbeddedEmulator) -> None:
    with pytest.raises(BadInputError, match=r"unknown key `thinks_s`.*did you mean `think_s`"):
        emulator.register({"thinks_s": 3})
    with pytest.raises(BadInputError, match="pace"):
        emulator.register({"pace": 0})
