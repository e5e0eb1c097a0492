"""What clients may rely on, held against the emulator and, with a key and `-m live`, against the real service.

A clause that fails on the real service shows where the emulator is wrong.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import ssl
import urllib.request
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from emulator_raw import HELLO, LIVE, QUICK, Got, Raw, raw
from google import genai
from google.genai import types
from websockets.exceptions import ConnectionClosed

from diag.emulator.replies import read_pcm16

GEMINI = "https://generativelanguage.googleapis.com"
MODEL = "models/gemini-3.8-live"
PROMPT = Path(__file__).parents[2] / "scenarios" / "prompts" / "weather_in_seoul.wav"
PATIENCE_S = 40.0


@dataclass(frozen=True)
class Endpoint:
    base_url: str
    tls: ssl.SSLContext
    key: str
    pcm: np.ndarray
    rate_hz: int

    def open(self, *, key: str | None = None):
        query = "" if key == "" else f"?key={key or self.key}"
        return raw(self.tls, self.base_url, path=LIVE, query=query)


@pytest.fixture(params=["emulator", pytest.param("gemini", marks=pytest.mark.live)])
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    if request.param == "emulator":
        emulator, tls = request.getfixturevalue("emulator"), request.getfixturevalue("tls")
        yield Endpoint(emulator.register({**QUICK, "keys": ["right"]}), tls, "right", HELLO, 16000)
        return
    asked_for = "live" in (request.config.getoption("-m") or "").replace("not live", "")
    if not asked_for:
        pytest.skip("costs money; ask for it with -m live")
    key = os.environ.get("GEMINI_API_KEY") or os.environ.get("GOOGLE_API_KEY")
    if not key:
        pytest.skip("needs GEMINI_API_KEY or GOOGLE_API_KEY")
    pcm, rate_hz = read_pcm16(PROMPT)
    yield Endpoint(GEMINI, ssl.create_default_context(), key, pcm, rate_hz)


def setup(model: str = MODEL, **generation: object) -> dict:
    return {"setup": {"model": model, "generationConfig": {"responseModalities": ["AUDIO"], **generation}}}


def converse(
    endpoint: Endpoint, first: dict, *, snake: bool = False, urlsafe: bool = False, binary: bool = False
) -> Got:
    """One spoken turn, with the variations that clients have."""
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode

    async def speak(client: Raw) -> None:
        data = np.concatenate((endpoint.pcm, np.zeros(endpoint.rate_hz * 2, dtype=np.int16))).astype("<i2").tobytes()
        size = endpoint.rate_hz // 10 * 2
        for start in range(0, len(data), size):
            text = encode(data[start : start + size]).decode()
            mime_type = f"audio/pcm;rate={endpoint.rate_hz}"
            camel = {"realtimeInput": {"audio": {"data": text, "mimeType": mime_type}}}
            snaked = {"realtime_input": {"audio": {"data": text, "mime_type": mime_type}}}
            await client.send(snaked if snake else camel, binary=binary)
            await asyncio.sleep(0 if endpoint.base_url != GEMINI else 0.1)

    async def talk() -> Got:
        async with endpoint.open() as client:
            assert "setupComplete" in await client.set_up(first)
            speaking = asyncio.create_task(speak(client))
            got = await client.hear("turnComplete", for_s=PATIENCE_S)
            await speaking
            return got

    return asyncio.run(talk())


def refusal(endpoint: Endpoint, first: object, *, key: str | None = None) -> tuple[int, str]:
    async def talk() -> None:
        async with endpoint.open(key=key) as client:
            await client.set_up(first)

    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk())
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_a_turn_is_audio_then_generation_complete_then_turn_complete(endpoint: Endpoint) -> None:
    got = converse(endpoint, setup())
    assert all(isinstance(payload, bytes) for payload in got.payloads)
    assert got.mime_types == {"audio/pcm;rate=24000"}
    assert all(len(chunk) % 2 == 0 for chunk in got.chunks)
    order = [name for content in got.contents for name in ("generationComplete", "turnComplete") if content.get(name)]
    assert order == ["generationComplete", "turnComplete"]
    last_audio = max(index for index, message in enumerate(got.messages) if "inlineData" in json.dumps(message))
    ended = next(index for index, message in enumerate(got.messages) if "generationComplete" in json.dumps(message))
    assert last_audio < ended
    assert any("usageMetadata" in message for message in got.messages)


@pytest.mark.parametrize(("snake", "urlsafe", "binary"), [(True, True, False), (False, False, True)])
def test_spellings_alphabets_and_frame_kinds(endpoint: Endpoint, snake: bool, urlsafe: bool, binary: bool) -> None:
    assert converse(endpoint, setup(), snake=snake, urlsafe=urlsafe, binary=binary).chunks


def test_transcriptions_come_when_asked_for(endpoint: Endpoint) -> None:
    first = setup()
    first["setup"] |= {"inputAudioTranscription": {}, "outputAudioTranscription": {}}
    got = converse(endpoint, first)
    assert got.transcript("inputTranscription").strip()
    assert got.transcript("outputTranscription").strip()


@pytest.mark.parametrize(
    ("first", "code", "start"),
    [
        (
            setup("models/gemini-flash-2.0-live-001"),
            1008,
            "models/gemini-flash-2.0-live-001 is not found for API version",
        ),
        (setup(responseModalities=["AUDIO", "TEXT"]), 1007, ""),
        (setup(noSuchField=1), 1007, "Invalid JSON payload received. Unknown name"),
        ("not json", 1007, ""),
    ],
)
def test_refusals(endpoint: Endpoint, first: object, code: int, start: str) -> None:
    seen_code, reason = refusal(endpoint, first)
    assert seen_code == code
    assert reason.startswith(start)
    assert len(reason.encode()) <= 123


def test_keys(endpoint: Endpoint) -> None:
    code, reason = refusal(endpoint, setup(), key="wrong")
    assert (code, reason[:22]) == (1007, "API key not valid. Ple")
    code, reason = refusal(endpoint, setup(), key="")
    assert code == 1008
    assert "unregistered callers" in reason


def test_a_transcribing_model_says_nothing(endpoint: Endpoint) -> None:
    first = setup("models/gemini-3.5-transcribe-live", responseModalities=["TEXT"])
    first["setup"]["inputAudioTranscription"] = {}
    got = converse(endpoint, first)
    assert got.transcript("inputTranscription").strip()
    assert not got.has("modelTurn")


def test_handles_take_a_session_up_again(endpoint: Endpoint) -> None:
    first = setup()
    first["setup"]["sessionResumption"] = {}
    updates = [message.get("sessionResumptionUpdate") for message in converse(endpoint, first).messages]
    handle = next(update["newHandle"] for update in reversed(updates) if update and update.get("resumable"))
    first["setup"]["sessionResumption"] = {"handle": handle}
    assert converse(endpoint, first).chunks


def test_speech_of_the_newest_models_is_a_whole_file(endpoint: Endpoint) -> None:
    request = {
        "contents": [{"parts": [{"text": "Hello there."}]}],
        "generationConfig": {"responseModalities": ["AUDIO"]},
    }
    call = urllib.request.Request(
        f"{endpoint.base_url}/v1beta/models/gemini-3.8-flash-tts:generateContent?key={endpoint.key}",
        data=json.dumps(request).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(call, context=endpoint.tls, timeout=PATIENCE_S) as answer:
        (part,) = json.load(answer)["candidates"][0]["content"]["parts"]
    with wave.open(io.BytesIO(base64.b64decode(part["inlineData"]["data"]))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24000, 1, 2)


def test_the_list_names_the_live_model(endpoint: Endpoint) -> None:
    options = types.HttpOptions(base_url=endpoint.base_url, api_version="v1beta", client_args={"verify": endpoint.tls})
    client = genai.Client(api_key=endpoint.key, http_options=options)
    live = {model.name for model in client.models.list() if "bidiGenerateContent" in (model.supported_actions or [])}
    client.close()
    assert MODEL in live
