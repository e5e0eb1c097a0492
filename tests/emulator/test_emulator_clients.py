"""The peculiarities of clients in the wild, one by one, with a raw client."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from typing import Any

import numpy as np
import pytest
from emulator_raw import HELLO, LIVE, QUICK, SETUP, VERTEX, Got, Raw, audio, one_turn, raw
from websockets.exceptions import ConnectionClosed, InvalidStatus

from diag.emulator.embedded import EmbeddedEmulator


def setup_with(**fields: Any) -> dict:
    return {"setup": {**SETUP["setup"], **fields}}


@pytest.fixture
def healthy(emulator: EmbeddedEmulator) -> str:
    return emulator.register(QUICK)


def refused(tls: ssl.SSLContext, base_url: str, setup: object = SETUP, **options) -> tuple[int, str]:
    async def talk() -> None:
        async with raw(tls, base_url, **options) as client:
            await client.set_up(setup)

    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk())
    return caught.value.rcvd.code, caught.value.rcvd.reason


METHOD = "GenerativeService.BidiGenerateContent"


@pytest.mark.parametrize(
    "path",
    [
        f"/ws/google.ai.generativelanguage.v1.{METHOD}",
        f"/ws/google.ai.generativelanguage.v1beta.{METHOD}",
        f"/ws/google.ai.generativelanguage.v1alpha.{METHOD}",
        f"/ws/google.ai.generativelanguage.v1alpha.{METHOD}Constrained",
        f"//ws/google.ai.generativelanguage.v1beta.{METHOD}",
        f"/any/prefix//ws/google.ai.generativelanguage.v1beta.{METHOD}",
    ],
)
def test_paths(tls, healthy, path: str) -> None:
    assert one_turn(tls, healthy, path=path).chunks


@pytest.mark.parametrize("path", ["/", "/ws/other", "/ws/google.ai.generativelanguage.v9.GenerativeService.Bidi"])
def test_other_paths_are_not_found(tls, healthy, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        one_turn(tls, healthy, path=path)
    assert caught.value.response.status_code == 404


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?key=k", {}),
        ("", {"x-goog-api-key": "k"}),
        ("?key=k", {"x-goog-api-key": "k"}),
        ("?access_token=auth_tokens/t", {}),
        ("", {"Authorization": "Token auth_tokens/t", "x-goog-api-key": "auth_tokens/t"}),
        ("", {"Authorization": "Bearer t"}),
    ],
)
def test_credentials_wherever_they_stand(tls, healthy, query: str, headers: dict) -> None:
    assert one_turn(tls, healthy, query=query, headers=headers).chunks


def test_no_and_empty_credentials(tls, healthy) -> None:
    code, reason = refused(tls, healthy, query="")
    assert (code, len(reason)) == (1008, 123)
    assert reason.startswith("Method doesn't allow unregistered callers (callers without established identity). Pleas")
    assert refused(tls, healthy, query="?key=") == (1007, "API Key not found. Please pass a valid API key.")


@pytest.mark.parametrize(
    "model",
    [
        "projects/p/locations/us-central1/publishers/google/models/gemini-live-2.5-flash-native-audio",
        "publishers/google/models/gemini-live-2.5-flash-native-audio",
    ],
)
def test_vertex(tls, healthy, model: str) -> None:
    got = one_turn(
        tls,
        healthy,
        path=VERTEX,
        query="",
        headers={"Authorization": "Bearer t"},
        setup={"setup": {"model": model, "generation_config": {"response_modalities": ["AUDIO"]}}},
        until="turnComplete",
    )
    usage = got.messages[-1]["usageMetadata"]
    assert usage["candidatesTokenCount"] > 0
    assert "responseTokenCount" not in usage


def test_a_developer_name_means_nothing_to_vertex(tls, healthy) -> None:
    assert refused(tls, healthy, path=VERTEX)[0] == 1008


def test_server_frames_are_binary_small_camel_case_and_say_nothing_false(tls, healthy) -> None:
    got = one_turn(tls, healthy, until="turnComplete", setup=setup_with(outputAudioTranscription={}))

    def inside(value: Any) -> list[tuple[str, Any]]:
        if isinstance(value, list):
            return [pair for item in value for pair in inside(item)]
        if not isinstance(value, dict):
            return []
        return [pair for key, item in value.items() for pair in [(key, item), *inside(item)]]

    pairs = inside(got.messages)
    assert all(isinstance(payload, bytes) and len(payload) < 2**20 for payload in got.payloads)
    assert [key for key, _ in pairs if "_" in key] == []
    assert [key for key, value in pairs if value is None or value is False] == []
    assert [chunk for chunk in got.chunks if len(chunk) % 2] == []


SNAKE_SETUP = {
    "setup": {
        "model": "models/gemini-3.8-live",
        "generation_config": {
            "response_modalities": ["AUDIO"],
            "candidate_count": 1,
            "max_output_tokens": 100,
            "speech_config": {
                "voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}},
                "languageCode": "en-US",
            },
        },
        "output_audio_transcription": {},
        "realtimeInputConfig": {"automatic_activity_detection": {"silence_duration_ms": 300}},
        "context_window_compression": {"trigger_tokens": 25600, "slidingWindow": {"target_tokens": 12800}},
        "history_config": {"initial_history_in_client_content": False},
    }
}


def test_snake_and_camel_case_mixed_in_one_frame(tls, healthy) -> None:
    got = one_turn(tls, healthy, setup=SNAKE_SETUP)
    assert got.transcript("outputTranscription") == "This is the first of the replies."


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    "encode",
    [
        lambda data: base64.b64encode(data).decode(),
        lambda data: base64.urlsafe_b64encode(data).decode(),
        lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    ],
    ids=["standard", "urlsafe", "unpadded"],
)
def test_base64_alphabets_and_frame_kinds(tls, healthy, emulator, encode, binary: bool) -> None:
    async def talk() -> Got:
        async with raw(tls, healthy) as client:
            await client.set_up(binary=binary)
            data = np.concatenate((HELLO, np.zeros(11200, dtype=np.int16))).tobytes()
            # 3201 samples: neither blobs nor base64 come out even.
            for start in range(0, len(data), 6402):
                blob = {"data": encode(data[start : start + 6402]), "mime_type": "audio/pcm;rate=16000"}
                await client.send({"realtime_input": {"audio": blob}}, binary=binary)
            return await client.hear()

    assert asyncio.run(talk()).chunks
    understood = next(line for line in emulator.truth(healthy) if line["event"] == "understood")
    assert understood["prompt"] == "hello"


def test_media_chunks_old_models_yes_new_models_no(tls, emulator, healthy) -> None:
    message = audio(HELLO.tobytes())["realtimeInput"]["audio"]

    async def talk(base_url: str, model: str) -> dict:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(model=model))
            await client.send({"realtime_input": {"media_chunks": [message]}})
            await client.send({"realtimeInput": {"audioStreamEnd": True}})
            return (await client.hear()).contents[-1]

    old = emulator.register({**QUICK, "as_of": "2025-09-19"})
    assert asyncio.run(talk(old, "models/gemini-2.0-flash-exp")) == {"generationComplete": True}
    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk(healthy, "models/gemini-3.8-live"))
    assert (caught.value.rcvd.code, caught.value.rcvd.reason[:40]) == (1007, "realtime_input.media_chunks is deprecate")


async def realtime(client: Raw, **content: Any) -> None:
    await client.send({"realtimeInput": content})


def test_text_video_and_blank_text(tls, healthy, emulator) -> None:
    async def talk() -> tuple[Got, Got]:
        async with raw(tls, healthy) as client:
            await client.set_up()
            await realtime(client, video={"data": "SlBFRw==", "mimeType": "image/jpeg"})
            await realtime(client, text="Hello there")
            first = await client.hear("turnComplete")
            turn = {"role": "user", "parts": [{"text": "How is the weather?"}]}
            await client.send({"clientContent": {"turns": [turn], "turnComplete": True}})
            await realtime(client, text=" ")
            second = await client.hear("turnComplete")
            assert (await client.hear(None, for_s=0.3)).messages == []
            return first, second

    first, second = asyncio.run(talk())
    assert first.chunks
    assert second.chunks
    replies = [line["reply"] for line in emulator.truth(healthy) if line["event"] == "reply_chosen"]
    assert replies == ["first", "second"]


def test_client_content_gathers_until_it_is_complete(tls, healthy) -> None:
    async def talk() -> Got:
        async with raw(tls, healthy) as client:
            await client.set_up()
            await client.send({"client_content": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}]}})
            assert (await client.hear(None, for_s=0.3)).messages == []
            await client.send({"client_content": {"turn_complete": True}})
            return await client.hear()

    assert asyncio.run(talk()).chunks


def test_audio_in_client_content_is_recognised(tls, healthy, emulator) -> None:
    blob = {"mimeType": "audio/pcm;rate=16000", "data": base64.b64encode(HELLO.tobytes()).decode()}

    async def talk() -> Got:
        async with raw(tls, healthy) as client:
            await client.set_up()
            turn = {"role": "user", "parts": [{"inlineData": blob}]}
            await client.send({"clientContent": {"turns": [turn], "turnComplete": True}})
            return await client.hear()

    assert asyncio.run(talk()).chunks
    assert [line["prompt"] for line in emulator.truth(healthy) if line["event"] == "understood"] == ["hello"]


def test_initial_history_asks_for_no_answer(tls, healthy) -> None:
    async def talk() -> tuple[list, list]:
        async with raw(tls, healthy) as client:
            await client.set_up(setup_with(historyConfig={"initialHistoryInClientContent": True}))
            content = {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}], "turnComplete": True}}
            await client.send(content)
            history = await client.hear(None, for_s=0.3)
            await client.send(content)
            return history.messages, (await client.hear()).chunks

    history, chunks = asyncio.run(talk())
    assert history == []
    assert chunks


MANUAL = {"automaticActivityDetection": {"disabled": True}}


def test_manual_activity(tls, healthy, emulator) -> None:
    async def talk() -> Got:
        async with raw(tls, healthy) as client:
            await client.set_up(setup_with(realtimeInputConfig=MANUAL))
            await realtime(client, activityStart={})
            await client.say()
            assert (await client.hear(None, for_s=0.3)).messages == []
            await realtime(client, activityEnd={})
            return await client.hear()

    assert asyncio.run(talk()).chunks
    assert [line["prompt"] for line in emulator.truth(healthy) if line["event"] == "understood"] == ["hello"]


def test_activity_marks_need_the_detector_off(tls, healthy) -> None:
    async def talk() -> None:
        async with raw(tls, healthy) as client:
            await client.set_up()
            await realtime(client, activityStart={})
            await client.hear()

    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk())
    assert caught.value.rcvd.code == 1007


def test_audio_outside_marked_activity_can_be_refused(tls, emulator) -> None:
    base_url = emulator.register({"outside_activity": "rejected"})

    async def talk() -> None:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(realtimeInputConfig=MANUAL))
            await client.say()
            await client.hear()

    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk())
    assert caught.value.rcvd.code == 1007


def test_stream_end_ends_the_turn_without_silence(tls, healthy) -> None:
    async def say(client: Raw) -> None:
        await client.say(silence_s=0.0)
        assert (await client.hear(None, for_s=0.3)).messages == []
        await realtime(client, audioStreamEnd=True)

    assert one_turn(tls, healthy, say=say).chunks


def test_no_interruption_queues_the_next_turn(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "pace": 3.0})

    async def talk() -> tuple[Got, Got]:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"}))
            await client.say()
            await client.say()
            return await client.hear("turnComplete"), await client.hear()

    first, second = asyncio.run(talk())
    assert not first.has("interrupted")
    assert first.chunks
    assert second.chunks


def test_transcriptions_both_ways(tls, healthy) -> None:
    got = one_turn(tls, healthy, setup=setup_with(inputAudioTranscription={}, outputAudioTranscription={}))
    assert got.transcript("inputTranscription") == "Hello there!"
    assert got.transcript("outputTranscription") == "This is the first of the replies."


def test_voice_activity_messages_where_asked(tls, emulator) -> None:
    got = one_turn(tls, emulator.register({**QUICK, "voice_activity": True}))
    signals = [
        message["voiceActivityDetectionSignal"] for message in got.messages if "voiceActivityDetectionSignal" in message
    ]
    assert [signal["vadSignalType"] for signal in signals] == ["VAD_SIGNAL_TYPE_SOS", "VAD_SIGNAL_TYPE_EOS"]
    activity = [message["voiceActivity"] for message in got.messages if "voiceActivity" in message]
    assert [sign["type"] for sign in activity] == ["ACTIVITY_START", "ACTIVITY_END"]
    assert float(activity[1]["audioOffset"].rstrip("s")) == pytest.approx(1.65, abs=0.1)


TOOLS = [
    {
        "function_declarations": [
            {
                "name": "get_weather",
                "parameters": {
                    "type": "OBJECT",
                    "properties": {"city_name": {"type": "STRING"}, "days": {"type": "INTEGER"}},
                },
            }
        ]
    }
]


def test_tool_call_waits_for_its_response(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "tool_calls": "first_turn"})

    async def talk() -> tuple[dict, Got]:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(tools=TOOLS))
            await client.say()
            call = json.loads(await client.ws.recv())["toolCall"]["functionCalls"][0]
            assert (await client.hear(None, for_s=0.3)).messages == []
            response = {"id": call["id"], "name": call["name"], "response": {"some_key": 1}}
            await client.send({"tool_response": {"function_responses": [response]}})
            return call, await client.hear()

    call, got = asyncio.run(talk())
    assert call["name"] == "get_weather"
    assert call["args"] == {"city_name": "example", "days": 1}
    assert got.chunks


def test_barge_in_cancels_a_pending_call(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "tool_calls": "first_turn"})

    async def talk() -> tuple[str, Got]:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(tools=TOOLS))
            await client.say()
            identity = json.loads(await client.ws.recv())["toolCall"]["functionCalls"][0]["id"]
            await client.say()
            return identity, await client.hear()

    identity, got = asyncio.run(talk())
    assert got.messages[0] == {"toolCallCancellation": {"ids": [identity]}}
    assert got.chunks


def test_audio_during_a_call_can_be_refused(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "tool_calls": "first_turn", "tool_input": "rejected"})

    async def talk() -> None:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(tools=TOOLS))
            await client.say()
            await client.ws.recv()
            await client.say()
            await client.hear()

    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk())
    assert caught.value.rcvd.reason == "Operation is not implemented, or supported, or enabled."


def test_resumption(tls, healthy) -> None:
    async def first(client: Raw) -> str:
        await client.set_up(setup_with(sessionResumption={}))
        update = json.loads(await client.ws.recv())["sessionResumptionUpdate"]
        assert update["resumable"] is True
        return update["newHandle"]

    async def talk() -> tuple[int, int]:
        async with raw(tls, healthy) as client:
            handle = await first(client)
            async with raw(tls, healthy) as early:
                with pytest.raises(ConnectionClosed) as while_open:
                    await early.set_up(setup_with(sessionResumption={"handle": handle}))
        await asyncio.sleep(0.1)
        async with raw(tls, healthy) as client:
            assert "setupComplete" in await client.set_up(setup_with(sessionResumption={"handle": handle}))
            await client.say()
            assert (await client.hear()).chunks
        async with raw(tls, healthy) as client:
            with pytest.raises(ConnectionClosed) as unknown:
                await client.set_up(setup_with(sessionResumption={"handle": "nonsense"}))
        return while_open.value.rcvd.code, unknown.value.rcvd.code

    assert asyncio.run(talk()) == (1011, 1008)


def test_limits_of_a_connection(tls, emulator) -> None:
    base_url = emulator.register({"connection_limit_s": 0.6, "go_away_notice_s": 0.4})

    async def talk() -> tuple[dict, ConnectionClosed]:
        async with raw(tls, base_url) as client:
            await client.set_up()
            message = json.loads(await client.ws.recv())
            with pytest.raises(ConnectionClosed) as caught:
                await client.ws.recv()
            return message, caught.value

    message, error = asyncio.run(talk())
    assert message == {"goAway": {"timeLeft": "0.4s"}}
    assert error.rcvd.reason.startswith("Connection aborted because the client failed to close")


def test_extended_thinking_fills_then_answers(tls, healthy) -> None:
    setup = setup_with(
        model="models/gemini-3.8-live-extended-thinking",
        generationConfig={"responseModalities": ["AUDIO"], "thinkingConfig": {"thinking_level": "LOW"}},
    )

    async def talk() -> list[str]:
        async with raw(tls, healthy) as client:
            await client.set_up(setup)
            await client.say()
            turns = [await client.hear("turnComplete") for _ in range(2)]
            assert all(turn.chunks for turn in turns)
            return [turn.contents[-1]["interactionStatus"] for turn in turns]

    assert asyncio.run(talk()) == ["IN_PROGRESS", "IDLE"]


BAD_SETUPS = [
    ({"config": {}}, 'Invalid JSON payload received. Unknown name "config": Cannot find field.'),
    ({"setup": {}}, "Request contains an invalid argument."),
    ({}, "Request contains an invalid argument."),
    (setup_with(proactivity={"proactiveAudio": True}), 'Invalid JSON payload received. Unknown name "proactivity" at'),
    (
        setup_with(generationConfig={"responseModality": ["AUDIO"]}),
        "Invalid JSON payload received. Unknown name \"response_modality\" at 'setup.generation_config': Cannot find",
    ),
    (
        setup_with(generationConfig={"responseModalities": ["AUDIO"], "thinkingConfig": {"thinkingLevel": "LOW"}}),
        "Request contains an invalid argument.",
    ),
    (setup_with(generationConfig={"responseModalities": ["SPEECH"]}), "Request contains an invalid argument."),
    (setup_with(generationConfig=[1]), "Request contains an invalid argument."),
    (
        setup_with(realtimeInputConfig={"automaticActivityDetection": {"silenceDurationMs": -1}}),
        "Request contains an invalid argument.",
    ),
    ("not json", "Invalid JSON payload received."),
    ("[1]", "Invalid JSON payload received."),
]


@pytest.mark.parametrize(("setup", "reason"), BAD_SETUPS)
def test_bad_setups(tls, healthy, setup: object, reason: str) -> None:
    code, seen = refused(tls, healthy, setup)
    assert code == 1007
    assert seen.startswith(reason)


@pytest.mark.parametrize(
    ("kind", "code", "start"),
    [
        ("combination", 1007, "The requested combination of response modalities (TEXT)"),
        ("voices", 1007, "Cannot extract voices from a non-audio request."),
        ("internal", 1011, "Internal error encountered."),
    ],
)
def test_text_on_an_audio_model(tls, emulator, kind: str, code: int, start: str) -> None:
    base_url = emulator.register({"text_on_audio_model": kind})
    seen = refused(tls, base_url, setup_with(generationConfig={"responseModalities": ["TEXT"]}))
    assert (seen[0], seen[1][: len(start)]) == (code, start)


@pytest.mark.parametrize(
    "message",
    [
        {"realtimeInput": {"audio": {"data": "@@@", "mimeType": "audio/pcm;rate=16000"}}},
        {"realtimeInput": {"audio": {"data": "AAAA", "mimeType": "audio/pcm;rate=0"}}},
        {"realtimeInput": {"audio": {"data": "AAAA", "mimeType": "audio/ogg"}}},
        {"realtimeInput": {"sound": {}}},
        {"realtimeInput": 3},
        {"clientContent": {"turns": 3}},
        {"other": {}},
        SETUP,
        "{",
    ],
)
def test_bad_messages_end_the_session_with_1007(tls, healthy, message: object) -> None:
    async def talk() -> None:
        async with raw(tls, healthy) as client:
            await client.set_up()
            await client.send(message)
            await client.hear()

    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk())
    assert caught.value.rcvd.code == 1007


def test_silent_clients_are_ended(tls, emulator) -> None:
    base_url = emulator.register({"setup_timeout_s": 0.2, "idle_timeout_s": 0.3})

    async def talk(*, set_up: bool) -> int:
        async with raw(tls, base_url) as client:
            if set_up:
                await client.set_up()
            with pytest.raises(ConnectionClosed) as caught:
                await client.ws.recv()
            return caught.value.rcvd.code

    assert asyncio.run(talk(set_up=False)) == 1011
    assert asyncio.run(talk(set_up=True)) == 1008


@pytest.mark.parametrize("unrecognised", ["answer", "ask_back", "silent"])
def test_what_is_not_understood(tls, emulator, unrecognised: str) -> None:
    base_url = emulator.register({**QUICK, "unrecognised": unrecognised})

    async def say(client: Raw) -> None:
        # 16 kHz speech labelled as 8 kHz is half as fast and an octave deeper.
        await client.say(HELLO, 8000, silence_s=1.0)

    got = one_turn(tls, base_url, say=say, until=None, for_s=0.8)
    replies = [line["reply"] for line in emulator.truth(base_url) if line["event"] == "reply_chosen"]
    assert replies == {"answer": replies, "ask_back": ["again"], "silent": []}[unrecognised]
    assert bool(got.chunks) == (unrecognised != "silent")


def test_ordinary_ends_leave_the_server_well(tls, emulator, healthy) -> None:
    async def ends() -> None:
        async with raw(tls, healthy) as client:
            await client.set_up()
            await client.ws.close(1011, "mine")
        async with raw(tls, healthy) as client:
            await client.set_up()
            client.ws.transport.abort()

    asyncio.run(ends())
    assert one_turn(tls, healthy).chunks
    closes = [(line["code"], line["by"]) for line in emulator.truth(healthy) if line["event"] == "closed"]
    assert sorted(closes[:2], key=str) == [(1011, "client"), (None, "client")]


def test_live_path_without_an_upgrade(emulator, tls, healthy) -> None:
    import urllib.error
    import urllib.request

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(healthy + LIVE, context=tls, timeout=5)
    with caught.value as response:
        assert response.status == 400


def test_a_header_sent_twice_in_pieces_is_taken(emulator, tls, healthy) -> None:
    """google-genai 1.5 sends `user-agent` besides that of its WebSocket library."""
    prefix, port = healthy[healthy.index("/profile") :], int(healthy.split(":")[2].partition("/")[0])
    head = (
        f"GET {prefix}{LIVE}?key=any HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "user-agent: sdk\r\nUser-Agent: library\r\n\r\n"
    ).encode()

    async def talk() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        for start in range(0, len(head), 100):
            writer.write(head[start : start + 100])
            await writer.drain()
            await asyncio.sleep(0)
        status = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return status

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 101")


def test_a_whole_recording_in_one_message(tls, healthy, emulator) -> None:
    async def say(client: Raw) -> None:
        data = np.concatenate((HELLO, np.zeros(11200, dtype=np.int16))).tobytes()
        await client.send(audio(data))

    assert one_turn(tls, healthy, say=say).chunks
    assert [line["prompt"] for line in emulator.truth(healthy) if line["event"] == "understood"] == ["hello"]


def test_a_rate_of_an_hour_in_one_message_holds_up_nobody(tls, healthy) -> None:
    async def run() -> float:
        async with raw(tls, healthy) as heavy, raw(tls, healthy) as other:
            await heavy.set_up()
            await other.set_up()
            await heavy.send(audio(bytes(4_000_000), 1000))
            await other.say()
            return len((await other.hear(for_s=5)).chunks)

    assert asyncio.run(run()) > 0
