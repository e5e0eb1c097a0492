"""The peculiarities of clients in the wild, one by one, with a raw client."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import numpy as np
import pytest
from emulator_raw import HELLO, LIVE, QUICK, VERTEX, Got, Raw, audio, one_turn, raw, realtime, refused, setup_with
from websockets.exceptions import ConnectionClosed, InvalidStatus

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


def test_a_path_of_ones_own_speaks_as_vertex(tls, emulator) -> None:
    """As the SDK calls a proxy without project and key: the whole URL as given, Vertex's names."""
    setup = setup_with(model="publishers/google/models/gemini-live-2.5-flash-native-audio")
    profile = emulator.register({**QUICK, "any_path": True})
    assert one_turn(tls, profile, path="/my/path", query="", setup=setup).chunks
    closed = emulator.register(QUICK)
    with pytest.raises(InvalidStatus):
        one_turn(tls, closed, path="/my/path", query="", setup=setup)
