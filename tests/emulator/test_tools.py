"""Function calls: waited for, cancelled, and answered while the talk goes on."""

from __future__ import annotations

import asyncio
import json

import pytest
from emulator_raw import QUICK, Got, raw, setup_with
from websockets.exceptions import ConnectionClosed


def tools(**declared: str) -> list[dict]:
    return [{"function_declarations": [{**WEATHER, **declared}]}]


WEATHER = {
    "name": "get_weather",
    "parameters": {
        "type": "OBJECT",
        "properties": {"city_name": {"type": "STRING"}, "days": {"type": "INTEGER"}},
    },
}
BLOCKING = tools(behavior="BLOCKING")


def test_tool_call_waits_for_its_response(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "tool_calls": "first_turn"})

    async def talk() -> tuple[dict, Got]:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(tools=BLOCKING))
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
            await client.set_up(setup_with(tools=BLOCKING))
            await client.say()
            identity = json.loads(await client.ws.recv())["toolCall"]["functionCalls"][0]["id"]
            await client.say()
            return identity, await client.hear()

    identity, got = asyncio.run(talk())
    assert got.messages[0] == {"toolCallCancellation": {"ids": [identity]}}
    assert got.chunks


@pytest.mark.parametrize(
    ("tool_input", "code", "reason"),
    [
        ("rejected", 1008, "Operation is not implemented, or supported, or enabled."),
        ("unsupported", 1007, "CONTENT_TYPE_AUDIO is not supported for this model configuration"),
    ],
)
def test_audio_during_a_call_can_be_refused(tls, emulator, tool_input: str, code: int, reason: str) -> None:
    base_url = emulator.register({**QUICK, "tool_calls": "first_turn", "tool_input": tool_input})

    async def talk() -> None:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(tools=BLOCKING))
            await client.say()
            await client.ws.recv()
            await client.say()
            await client.hear()

    with pytest.raises(ConnectionClosed) as caught:
        asyncio.run(talk())
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, reason)


def talk_on(tls, base_url: str, *answers: dict, setup: dict) -> tuple[Got, Got]:
    """A turn whose function is not waited for; then its results. What was said before and after them."""

    async def talk() -> tuple[Got, Got]:
        async with raw(tls, base_url) as client:
            await client.set_up(setup)
            await client.say()
            call = json.loads(await client.ws.recv())["toolCall"]["functionCalls"][0]
            before = await client.hear("turnComplete")
            for answer in answers:
                response = {"id": call["id"], "name": call["name"], "response": {"sky": "blue"}, **answer}
                await client.send({"toolResponse": {"functionResponses": [response]}})
            return before, await client.hear(None, for_s=1.0)

    return asyncio.run(talk())


def replies(emulator, base_url: str) -> list[str]:
    return [line["reply"] for line in emulator.truth(base_url) if line["event"] == "reply_chosen"]


@pytest.mark.parametrize(
    ("model", "declared", "waits"),
    [
        ("gemini-3.8-live", {}, False),
        ("gemini-3.8-live", {"behavior": "BLOCKING"}, True),
        ("gemini-3.1-flash-live-preview", {}, True),
        ("gemini-3.1-flash-live-preview", {"behavior": "NON_BLOCKING"}, True),
        ("gemini-2.5-flash-native-audio-latest", {}, True),
        ("gemini-2.5-flash-native-audio-latest", {"behavior": "NON_BLOCKING"}, False),
    ],
)
def test_each_model_waits_for_functions_in_its_own_way(tls, emulator, model: str, declared: dict, waits: bool) -> None:
    base_url = emulator.register({**QUICK, "tool_calls": "first_turn"})

    async def talk() -> Got:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(model=f"models/{model}", tools=tools(**declared)))
            await client.say()
            return await client.hear(None, for_s=0.5)

    got = asyncio.run(talk())
    assert "toolCall" in got.messages[0]
    assert bool(got.chunks) != waits


@pytest.mark.parametrize(
    ("answers", "after"),
    [
        ([{}], True),
        ([{"scheduling": "WHEN_IDLE"}], True),
        ([{"scheduling": "SILENT"}], False),
        ([{"scheduling": "SILENT", "willContinue": True}, {"scheduling": "WHEN_IDLE"}], True),
        ([{"id": "unknown"}], False),
    ],
)
def test_a_result_that_nobody_waited_for_is_told(tls, emulator, answers: list[dict], after: bool) -> None:
    base_url = emulator.register({**QUICK, "tool_calls": "every_turn"})
    before, then = talk_on(tls, base_url, *answers, setup=setup_with(tools=tools()))
    assert before.chunks
    assert bool(then.chunks) == after
    assert not any("toolCall" in message for message in then.messages)
    assert replies(emulator, base_url) == ["again", "first"][: 1 + after]


@pytest.mark.parametrize(("scheduling", "interrupts"), [("INTERRUPT", True), ("WHEN_IDLE", False)])
def test_a_result_may_interrupt(tls, emulator, scheduling: str, interrupts: bool) -> None:
    # It comes while the first words are being said: 0.25 s of speech at real time.
    fault = {"kind": "slow_first_audio", "delay_s": 0.0, "turns": [1]}
    base_url = emulator.register({**QUICK, "pace": 1.0, "tool_calls": "first_turn", "faults": [fault]})

    async def talk() -> Got:
        async with raw(tls, base_url) as client:
            await client.set_up(setup_with(tools=tools()))
            await client.say()
            call = json.loads(await client.ws.recv())["toolCall"]["functionCalls"][0]
            await client.ws.recv()
            response = {"id": call["id"], "name": call["name"], "response": {}, "scheduling": scheduling}
            await client.send({"toolResponse": {"functionResponses": [response]}})
            return await client.hear(None, for_s=1.2)

    got = asyncio.run(talk())
    assert got.has("interrupted") == interrupts
    assert replies(emulator, base_url) == ["again", "first"]
    assert sum("turnComplete" in content for content in got.contents) == 2
