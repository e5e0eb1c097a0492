"""What is refused, and how long things last."""

from __future__ import annotations

import asyncio
import json
import urllib.request

import pytest
from emulator_raw import LIVE, SETUP, Got, Raw, raw, refused, setup_with
from websockets.exceptions import ConnectionClosed


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
        "Thinking level is not supported for this model.",
    ),
    (setup_with(generationConfig={"responseModalities": ["SPEECH"]}), "Request contains an invalid argument."),
    (
        setup_with(generationConfig=[1]),
        "Invalid JSON payload received. Unknown name \"generation_config\" at 'setup': Proto field is not repeating",
    ),
    (setup_with(generationConfig=1), "Request contains an invalid argument."),
    (
        setup_with(explicitVadSignal="yes"),
        "Invalid value at 'setup.explicit_vad_signal' (TYPE_BOOL), \"yes\"",
    ),
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


LEVEL, BUDGET = {"thinkingConfig": {"thinkingLevel": "LOW"}}, {"thinkingConfig": {"thinkingBudget": 0}}
ON, OFF, FEELING = {"proactiveAudio": True}, {"proactiveAudio": False}, {"enableAffectiveDialog": True}


TAKEN, UNANSWERED = "", "no answer"
INVALID = "Request contains an invalid argument."
NO_LEVEL = "Thinking level is not supported for this model."


@pytest.mark.parametrize(
    ("model", "generation", "proactivity", "answer"),
    [
        ("gemini-3.8-live", {}, None, TAKEN),
        ("gemini-3.8-live", LEVEL, None, NO_LEVEL),
        ("gemini-3.8-live", BUDGET, None, INVALID),
        ("gemini-3.8-live", {}, ON, TAKEN),
        ("gemini-3.8-live", {}, OFF, INVALID),
        ("gemini-3.8-live", FEELING, None, INVALID),
        ("gemini-3.8-live-extended-thinking", {}, None, "This model requires a thinking level."),
        ("gemini-3.8-live-extended-thinking", LEVEL, None, TAKEN),
        ("gemini-3.1-flash-live-preview", LEVEL, None, TAKEN),
        ("gemini-3.1-flash-live-preview", {}, None, TAKEN),
        ("gemini-3.1-flash-live-preview", {}, ON, UNANSWERED),
        ("gemini-3.1-flash-live-preview", FEELING, None, UNANSWERED),
        ("gemini-2.5-flash-native-audio-latest", BUDGET, ON, TAKEN),
        ("gemini-2.5-flash-native-audio-latest", FEELING, OFF, TAKEN),
        ("gemini-2.5-flash-native-audio-latest", LEVEL, None, NO_LEVEL),
    ],
)
def test_settings_that_each_model_takes(
    tls, healthy, *, model: str, generation: dict, proactivity: dict | None, answer: str
) -> None:
    setup = setup_with(model=f"models/{model}", generationConfig={"responseModalities": ["AUDIO"], **generation})
    if proactivity is not None:
        setup["setup"]["proactivity"] = proactivity
    path = LIVE.replace("v1beta", "v1alpha")

    async def talk(within_s: float) -> dict:
        async with raw(tls, healthy, path=path) as client, asyncio.timeout(within_s):
            return await client.set_up(setup)

    if answer == TAKEN:
        assert asyncio.run(talk(5.0)) == {"setupComplete": {}}
    elif answer == UNANSWERED:
        with pytest.raises(TimeoutError):
            asyncio.run(talk(0.5))
    else:
        assert refused(tls, healthy, setup, path=path) == (1007, answer)


def test_models_can_be_withheld_from_a_key(tls, emulator) -> None:
    base_url = emulator.register({"withheld_models": ["gemini-3.8-live"]})
    code, reason = refused(tls, base_url)
    assert (code, reason[:41]) == (1008, "models/gemini-3.8-live is not found for A")
    with urllib.request.urlopen(f"{base_url}/v1beta/models?key=any", context=tls) as answer:
        names = [model["name"] for model in json.load(answer)["models"]]
    assert "models/gemini-3.8-live-extended-thinking" in names
    assert "models/gemini-3.8-live" not in names


def test_a_transparent_session_counts_what_it_has_taken(tls, healthy) -> None:
    setup = setup_with(sessionResumption={"transparent": True})

    async def talk() -> list[str]:
        async with raw(tls, healthy) as client:
            await client.set_up(setup)
            await client.send({"clientContent": {"turns": [], "turnComplete": False}})
            await client.send({"realtimeInput": {"text": "hi"}})
            got = await client.hear(None, for_s=0.9)
            updates = [message.get("sessionResumptionUpdate") for message in got.messages]
            return [update["lastConsumedClientMessageIndex"] for update in updates if update]

    assert asyncio.run(talk()) == ["0", "2"]


@pytest.mark.parametrize(
    ("fields", "ended"), [({}, True), ({"contextWindowCompression": {"slidingWindow": {}}}, False)]
)
def test_sessions_with_pictures_are_shorter(tls, emulator, fields: dict, ended: bool) -> None:
    base_url = emulator.register({"video_session_limit_s": 0.3, "go_away_notice_s": 0.1})

    async def talk() -> Got:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(**fields))
            assert (await client.hear(None, for_s=0.4)).messages == []
            await client.send({"realtimeInput": {"video": {"data": "AAAA", "mimeType": "image/jpeg"}}})
            return await client.hear(None, for_s=0.4)

    if ended:
        with pytest.raises(ConnectionClosed) as caught:
            asyncio.run(talk())
        assert caught.value.rcvd.code == 1008
    else:
        assert asyncio.run(talk()).messages == []
