"""What the service says beside audio: statuses, reasons and cancellations, and where models differ."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from emulator_raw import QUICK, Got, Raw, one_turn, raw, realtime, refused, setup_with
from google.genai import types
from websockets.exceptions import ConnectionClosed, InvalidStatus

from diag.emulator.closing import CLOSES

AUDIO = {"responseModalities": ["AUDIO"]}
REASONS = sorted(reason.value for reason in types.TurnCompleteReason)
STATUSES = sorted(status.value for status in types.InteractionStatus)
FIREBASE = "/ws/google.firebase.vertexai.v1beta.GenerativeService/BidiGenerateContent"
FIREBASE_VERTEX = "/ws/google.firebase.vertexai.v1beta.LlmBidiService/BidiGenerateContent/locations/us-central1"
SLASH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService/BidiGenerateContent"


def model(name: str, **fields: object) -> dict:
    return setup_with(model=f"models/{name}", generationConfig={**AUDIO, **fields})


def test_every_http_status_of_a_refusal(tls, emulator) -> None:
    async def tried(base_url: str) -> int:
        with pytest.raises(InvalidStatus) as caught:
            async with raw(tls, base_url):
                pass
        return caught.value.response.status_code

    for status in range(400, 505):
        assert asyncio.run(tried(emulator.register({"faults": [{"kind": "http", "status": status}]}))) == status


@pytest.mark.parametrize("reason", [REASONS[0], *REASONS[5::6]])
@pytest.mark.parametrize("audio", [True, False])
def test_a_turn_is_completed_with_any_reason_with_or_without_audio(turn, reason: str, audio: bool) -> None:
    got = turn({"kind": "complete_reason", "reason": reason, "audio": audio}, until="turnComplete")
    assert got.contents[-1]["turnCompleteReason"] == reason
    assert bool(got.chunks) == audio


@pytest.mark.parametrize("status", STATUSES)
def test_a_turn_is_completed_with_any_interaction_status(turn, status: str) -> None:
    got = turn({"kind": "interaction_status", "status": status}, until="turnComplete")
    assert got.contents[-1]["interactionStatus"] == status
    assert got.chunks


def test_a_quiet_reply_keeps_its_length(turn, reply) -> None:
    got = turn({"kind": "quiet", "gain_db": -60})
    assert len(got.audio) == len(reply)
    assert np.abs(got.audio).max() == pytest.approx(np.abs(reply.astype(int)).max() / 1000, abs=1)


def test_interrupted_can_come_in_one_message_with_audio(turn) -> None:
    got = turn({"kind": "false_interrupt", "chunk": 2, "audio": True}, until="turnComplete")
    (message,) = [content for content in got.contents if content.get("interrupted")]
    assert message["modelTurn"]["parts"][0]["inlineData"]["data"]
    assert len(got.chunks) == 3


def test_a_function_call_can_be_cancelled(tls, emulator) -> None:
    settings = {**QUICK, "tool_calls": "first_turn", "faults": [{"kind": "tool_cancel", "after_s": 0.1}]}
    declared = [{"functionDeclarations": [{"name": "look_up", "behavior": "BLOCKING"}]}]
    got = one_turn(tls, emulator.register(settings), setup=setup_with(tools=declared))
    (call,) = got.messages[0]["toolCall"]["functionCalls"]
    assert got.messages[1] == {"toolCallCancellation": {"ids": [call["id"]]}}
    assert got.chunks


@pytest.mark.parametrize(("name", "ends"), [("gemini-3.8-live", False), ("gemini-3.1-flash-live-preview", True)])
def test_the_end_of_the_stream_ends_a_turn_on_some_models_only(tls, healthy, name: str, ends: bool) -> None:
    async def talk() -> tuple[Got, Got]:
        async with raw(tls, healthy) as client:
            await client.set_up(model(name))
            await client.say(silence_s=0.0)
            await realtime(client, audioStreamEnd=True)
            after_end = await client.hear(None, for_s=0.6)
            await client.say(np.zeros(0, dtype=np.int16))
            return after_end, await client.hear(None, for_s=0.6)

    after_end, after_silence = asyncio.run(talk())
    assert bool(after_end.chunks) == ends
    assert bool(after_end.chunks or after_silence.chunks)


@pytest.mark.parametrize(
    "fields",
    [{"generationConfig": {**AUDIO, "enableAffectiveDialog": True}}, {"proactivity": {"proactiveAudio": True}}],
)
def test_one_model_never_answers_a_setup_with_settings_of_character(tls, healthy, fields: dict) -> None:
    path = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent"

    async def talk() -> None:
        async with raw(tls, healthy, path=path) as client:
            await client.send(setup_with(model="models/gemini-3.1-flash-live-preview", **fields))
            async with asyncio.timeout(0.5):
                await client.ws.recv()

    with pytest.raises(TimeoutError):
        asyncio.run(talk())


@pytest.mark.parametrize(
    ("name", "level", "named"),
    [
        ("gemini-3.8-live", "LOW", "thinking_level"),
        ("gemini-2.5-flash-native-audio-latest", "LOW", "thinking_level"),
        ("gemini-3.8-live-extended-thinking", "MINIMAL", "thinking_level"),
        ("gemini-3.8-live-extended-thinking", None, "thinking_level_missing"),
    ],
)
def test_thinking_levels_that_a_model_does_not_take(tls, healthy, name: str, level: str | None, named: str) -> None:
    thinking = {} if level is None else {"thinkingConfig": {"thinkingLevel": level}}
    assert refused(tls, healthy, model(name, **thinking)) == (1007, CLOSES[named].reason)


def test_scheduling_of_function_responses_that_a_model_does_not_take(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "tool_calls": "first_turn"})
    setup = model("gemini-3.8-live-extended-thinking", thinkingConfig={"thinkingLevel": "LOW"})
    setup["setup"]["tools"] = [{"functionDeclarations": [{"name": "look_up"}]}]

    async def talk() -> None:
        async with raw(tls, base_url) as client:
            await client.set_up(setup)
            await client.say()
            call = json.loads(await client.ws.recv())["toolCall"]["functionCalls"][0]
            response = {"id": call["id"], "name": "look_up", "response": {}, "scheduling": "WHEN_IDLE"}
            await client.send({"toolResponse": {"functionResponses": [response]}})
            await client.hear(None, for_s=2)

    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk())
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1007, CLOSES["function_scheduling"].reason)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (SLASH, "models/gemini-3.8-live"),
        (FIREBASE, "models/gemini-3.8-live"),
        (FIREBASE, "projects/p/models/gemini-3.8-live"),
        (FIREBASE_VERTEX, "projects/p/locations/us-central1/publishers/google/models/gemini-live-2.5-flash"),
    ],
)
def test_paths_of_other_clients(tls, healthy, path: str, name: str) -> None:
    async def talk() -> tuple[dict, Got]:
        async with raw(tls, healthy, path=path) as client:
            first = await client.set_up({"setup": {"model": name, "generationConfig": AUDIO}})
            await Raw.say(client)
            return first, await client.hear()

    first, got = asyncio.run(talk())
    assert "setupComplete" in first
    assert got.chunks
