"""Sessions without an SDK: the frame goes out as it is, and the same events come as with the SDK."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from diag.core.client_config import ClientConfig, SessionConfig
from diag.core.keys import KEY_VARIABLES
from diag.core.live_setup import canonical
from diag.emulator.embedded import EmbeddedEmulator
from diag.files.prompts import find_prompt
from diag.files.run_folders import read_wav
from diag.record.live.genai import Endpoint, LiveConnection
from diag.record.live.raw import RawConnection

RIGHT = '{"setup": {"model": "models/gemini-3.8-live", "generation_config": {"response_modalities": ["AUDIO"]}}}'


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def emulator():
    with EmbeddedEmulator() as running:
        yield running


def endpoint_of(emulator, **settings):
    return Endpoint(kind="emulator", base_url=emulator.register(settings), ca_file=str(emulator.ca_file))


def session(connection_of, endpoint, *, say=False):
    """Events and chunks of one session; `connection_of` makes it and returns it with the arguments of `connect`."""
    events, chunks = [], []

    async def scenario():
        connection, config = connection_of(
            lambda name, data: events.append((name, dict(data))), lambda pcm, mime: chunks.append((pcm, mime))
        )
        opened = await connection.connect(config, endpoint)
        if opened and say:
            receiving = asyncio.create_task(connection.receive())
            pcm = (read_wav(find_prompt("yes").path).samples * 32767).astype("<i2").tobytes() + bytes(32000)
            for start in range(0, len(pcm), 3200):
                await connection.send_audio(pcm[start : start + 3200], "audio/pcm;rate=16000")
            while not any(name == "turn_complete" for name, _ in events):
                await asyncio.sleep(0.01)
            receiving.cancel()
        await connection.close()
        return opened

    return asyncio.run(asyncio.wait_for(scenario(), 30)), events, chunks


def raw(frame):
    return lambda emit, on_audio: (RawConnection(frame, emit, on_audio), "v1beta")


def test_frame_is_sent_byte_for_byte():
    frame = (
        '{ "setup" :\n{"model": "models/gemini-3.8-live", "generation_config": {"responseModalities": ["AUDIO"]} } }'
    )
    seen = []

    class Socket:
        async def send(self, text):
            seen.append(text)

        async def recv(self):
            return b'{"setupComplete": {}}'

    class Shown(RawConnection):
        async def _opened(self, api_version, endpoint):
            return Socket()

    def connection(emit, on_audio):
        return Shown(frame, emit, on_audio), "v1beta"

    opened, events, _ = session(connection, Endpoint(kind="url", base_url="https://localhost:1"))
    assert opened
    assert seen == [frame]
    assert dict(events)["setup_sent"] == {"setup": json.loads(frame)["setup"], "frame": json.loads(frame)}


def test_a_raw_session_gives_the_same_events_and_audio_as_one_of_the_sdk(emulator):
    # One endpoint for each, because a reply depends on the number of the session.
    endpoint, other = (endpoint_of(emulator, pace=20.0, think_s=0.01) for _ in range(2))
    wanted = SessionConfig(response_modalities=("AUDIO",))
    opened, events, chunks = session(raw(RIGHT), endpoint, say=True)
    by_sdk = session(lambda emit, on_audio: (LiveConnection(emit, on_audio), wanted), other, say=True)
    assert opened
    assert by_sdk[0]
    assert [name for name, _ in events] == [name for name, _ in by_sdk[1]]
    assert chunks == by_sdk[2]
    assert sum(len(pcm) for pcm, _ in chunks) > 24000
    data, of_sdk = dict(events), dict(by_sdk[1])
    assert data["session_connecting"]["model"] == of_sdk["session_connecting"]["model"]
    assert data["turn_complete"] == of_sdk["turn_complete"]


@pytest.mark.parametrize(
    ("frame", "code", "words"),
    [
        ('{"setup": {"model": "models/gemini-flash-2.0-live-001"}}', 1008, "is not found for API version v1beta"),
        ('{"setup": {"model": "models/gemini-3.8-live", "responseModalities": ["AUDIO"]}}', 1007, "Unknown name"),
        ('{"config": {"model": "models/gemini-3.8-live"}}', 1007, 'Unknown name "config"'),
    ],
)
def test_a_refused_frame_gives_the_close_code_and_reason(emulator, frame, code, words):
    opened, events, _ = session(raw(frame), endpoint_of(emulator))
    assert not opened
    name, data = events[-1]
    assert (name, data["code"]) == ("session_refused", code)
    assert words in data["reason"]


def test_no_server_is_reported_as_unreachable():
    opened, events, _ = session(raw(RIGHT), Endpoint(kind="url", base_url="https://127.0.0.1:9"))
    assert not opened
    assert (events[-1][0], events[-1][1]["step"]) == ("unreachable", "tcp")


def test_untrusted_certificate_is_reported_as_unreachable(emulator):
    endpoint = Endpoint(kind="url", base_url=emulator.register({}))
    _, events, _ = session(raw(RIGHT), endpoint)
    assert (events[-1][0], events[-1][1]["step"]) == ("unreachable", "tls")


def test_model_and_frame_of_a_configuration():
    table = {"model": "models/x", "generationConfig": {"responseModalities": ["AUDIO"]}}
    config = ClientConfig(setup=table)
    assert json.loads(config.raw_frame) == {"setup": table}
    assert config.asked_model == "models/x"
    assert ClientConfig(setup_frame=RIGHT).raw_frame == RIGHT
    assert ClientConfig().raw_frame is None
    assert ClientConfig(setup_frame='{"config": {}}').asked_model == ""


SETTINGS = [
    SessionConfig(),
    SessionConfig(model="gemini-3.8-live", response_modalities=("AUDIO",)),
    SessionConfig(
        response_modalities=("AUDIO",), voice="Kore", language_code="ko-KR", system_instruction="Be brief.",
        input_transcription=True, output_transcription=True,
        extra={"temperature": 0.5, "thinking_config": {"thinking_budget": 0}, "session_resumption": {},
               "realtime_input_config": {"automatic_activity_detection": {"silence_duration_ms": 300}},
               "context_window_compression": {"sliding_window": {"target_tokens": 1000}}},
    ),
    SessionConfig(extra={"generation_config": {"response_modalities": ["AUDIO"], "temperature": 0.1}}),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Setting `LiveConnectConfig.generation_config` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("settings", SETTINGS)
def test_setup_in_the_log_is_the_message_that_the_sdk_sends(monkeypatch, settings):
    sent = []

    class Socket:
        async def send(self, text):
            sent.append(text)

        async def recv(self, **_):
            return '{"setupComplete": {}}'

        async def close(self):
            pass

    @contextlib.asynccontextmanager
    async def connect(*_, **__):
        yield Socket()

    monkeypatch.setattr("google.genai.live.ws_connect", connect)
    endpoint = Endpoint(kind="url", base_url="https://localhost:1")
    opened, events, _ = session(lambda emit, on_audio: (LiveConnection(emit, on_audio), settings), endpoint)
    assert opened
    assert dict(events)["setup_sent"]["setup"] == canonical(json.loads(sent[0])["setup"])
