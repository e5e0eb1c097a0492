"""Who speaks when, and what is sent besides speech; with a raw client."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from emulator_raw import HELLO, LIVE, QUICK, VERTEX, Got, Raw, audio, one_turn, raw, realtime, setup_with
from websockets.exceptions import ConnectionClosed

from diag.emulator.settings import EmulatorSettings
from diag.emulator.setup import read_setup

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

    setup = setup_with(model="models/gemini-2.5-flash-native-audio-latest")
    assert one_turn(tls, healthy, say=say, setup=setup).chunks


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


def interrupting(tls, base_url) -> Got:
    """Speak again while the reply is sent, and hear everything that comes."""

    async def talk() -> Got:
        async with raw(tls, base_url) as client:
            await client.set_up()
            await client.say()
            await client.hear("modelTurn")
            await client.say()
            return await client.hear(None, for_s=5.0)

    return asyncio.run(talk())


def test_a_barge_in_that_is_ignored_is_answered_later_or_never(tls, emulator) -> None:
    fault = {"kind": "ignore_barge_in", "turns": [1]}
    got = interrupting(tls, emulator.register({**QUICK, "pace": 2.0, "faults": [fault]}))
    assert not got.has("interrupted")
    assert sum("turnComplete" in content for content in got.contents) == 2
    got = interrupting(tls, emulator.register({**QUICK, "pace": 2.0, "faults": [{**fault, "answered": False}]}))
    assert not got.has("interrupted")
    assert sum("turnComplete" in content for content in got.contents) == 1


def test_a_slow_interruption_comes_that_much_later(tls, emulator) -> None:
    fault = {"kind": "slow_interrupt", "delay_s": 0.4, "turns": [1]}
    base_url = emulator.register({**QUICK, "pace": 1.0, "faults": [fault]})
    assert interrupting(tls, base_url).has("interrupted")
    lines = {
        line["event"]: line for line in emulator.truth(base_url) if line["event"] in ("fault_fired", "interrupted")
    }
    assert lines["interrupted"]["t_s"] - lines["fault_fired"]["t_s"] == pytest.approx(0.4, abs=0.2)


def test_31_does_not_wait_longer_than_two_seconds_of_silence() -> None:
    detection = {"automaticActivityDetection": {"silenceDurationMs": 6000}}
    waits = {
        model: read_setup(
            setup_with(model=f"models/{model}", realtimeInputConfig=detection), EmulatorSettings(), version="v1beta",
            vertex=False,
        ).silence_ms
        for model in ("gemini-3.1-flash-live-preview", "gemini-3.8-live")
    }  # fmt: skip
    assert waits == {"gemini-3.1-flash-live-preview": 2000, "gemini-3.8-live": 6000}


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


async def paced(client: Raw, pcm: np.ndarray = HELLO) -> None:
    """Speak slowly enough for the emulator to think meanwhile."""
    padded = np.concatenate((pcm, np.zeros(12800, dtype=np.int16))).astype("<i2").tobytes()
    for start in range(0, len(padded), 6400):
        await client.send(audio(padded[start : start + 6400]))
        await asyncio.sleep(0.04)


def texts(got: Got, kind: str) -> list[str]:
    return [content[kind]["text"] for content in got.contents if kind in content]


def test_interim_transcripts_grow_into_the_final_one(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "interim_transcripts": True})
    got = one_turn(tls, base_url, say=paced, setup=setup_with(inputAudioTranscription={}))
    interim, (final,) = texts(got, "interimInputTranscription"), texts(got, "inputTranscription")
    assert interim
    assert final == "Hello there!"
    assert all(final.startswith(text) for text in interim)
    assert sorted(interim, key=len) == interim
    first_final = next(place for place, content in enumerate(got.contents) if "inputTranscription" in content)
    assert not any("interimInputTranscription" in content for content in got.contents[first_final:])


def test_a_transcribing_model_writes_down_and_says_nothing(tls, healthy) -> None:
    setup = setup_with(model="models/gemini-3.5-transcribe-live", generationConfig={"responseModalities": ["TEXT"]})
    got = one_turn(tls, healthy, say=paced, setup=setup, until="turnComplete")
    assert texts(got, "inputTranscription") == ["Hello there!"]
    assert texts(got, "interimInputTranscription")
    assert not got.has("modelTurn")
    assert [name for content in got.contents for name in content][-3:] == [
        "inputTranscription",
        "generationComplete",
        "turnComplete",
    ]


def test_thoughts_where_asked_for(tls, healthy) -> None:
    def first_part(**thinking: object) -> dict:
        generation = {"responseModalities": ["AUDIO"], "thinkingConfig": thinking}
        setup = setup_with(model="models/gemini-3.1-flash-live-preview", generationConfig=generation)
        return one_turn(tls, healthy, setup=setup).contents[0]["modelTurn"]["parts"][0]

    assert first_part(include_thoughts=True, thinking_level="LOW")["thought"] is True
    assert "inlineData" in first_part(thinking_level="LOW")


@pytest.mark.parametrize(
    ("settings", "pieces", "together"),
    [
        ({"transcript_words": 2}, 4, False),
        ({"transcript_words": 0}, 1, False),
        ({"transcript_with_audio": True}, 3, True),
    ],
)
def test_how_output_transcripts_come(tls, emulator, settings: dict, pieces: int, together: bool) -> None:
    base_url = emulator.register({**QUICK, **settings})
    got = one_turn(tls, base_url, setup=setup_with(outputAudioTranscription={}))
    assert got.transcript("outputTranscription") == "This is the first of the replies."
    spoken = [content for content in got.contents if "outputTranscription" in content]
    assert len(spoken) == pieces
    assert all(("modelTurn" in content) == together for content in spoken)
    noted = [line["text"] for line in emulator.truth(base_url) if line["event"] == "transcript"]
    assert "".join(noted) == "This is the first of the replies."


def test_uneven_chunks_are_whole_and_the_same_for_the_same_seed(tls, emulator) -> None:
    def sizes(seed: int) -> list[int]:
        base_url = emulator.register({**QUICK, "chunk_ms": 40, "chunk_spread": 0.5}, seed=seed)
        return [len(chunk) for chunk in one_turn(tls, base_url).chunks]

    even = [len(chunk) for chunk in one_turn(tls, emulator.register({**QUICK, "chunk_ms": 40})).chunks]
    drawn = sizes(1)
    assert sum(drawn) == sum(even)
    assert len(set(drawn)) > 4
    assert not any(size % 2 for size in drawn)
    assert all(960 <= size <= 2880 for size in drawn[:-1])
    assert sizes(1) == drawn != sizes(2)


def test_waiting_for_input(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "unrecognised": "wait"})

    async def say(client: Raw) -> None:
        await client.say(HELLO[::-1].copy())

    got = one_turn(tls, base_url, say=say, until=None, for_s=0.5)
    assert got.contents == [{"waitingForInput": True}]


def test_a_model_that_does_not_wait_as_long_as_it_is_told(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "silence_at_most_ms": 600})
    detection = {"automaticActivityDetection": {"silenceDurationMs": 6000}}
    assert one_turn(tls, base_url, setup=setup_with(realtimeInputConfig=detection)).chunks


@pytest.mark.parametrize("vertex", [False, True])
def test_usage_has_the_names_of_the_platform(tls, healthy, vertex: bool) -> None:
    model = "publishers/google/models/gemini-live-2.5-flash-native-audio" if vertex else "models/gemini-3.8-live"
    path = VERTEX if vertex else LIVE
    got = one_turn(tls, healthy, path=path, setup=setup_with(model=model), until="turnComplete")
    usage = got.messages[-1]["usageMetadata"]
    name = "candidates" if vertex else "response"
    assert set(usage) == {
        "promptTokenCount",
        "promptTokensDetails",
        "totalTokenCount",
        f"{name}TokenCount",
        f"{name}TokensDetails",
    }
    assert usage[f"{name}TokenCount"] == round(len(got.audio) / 24000 * 25)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage[f"{name}TokenCount"]


def test_usage_of_a_text_reply(tls, emulator) -> None:
    base_url = emulator.register({**QUICK, "faults": [{"kind": "text_reply"}]})
    got = one_turn(tls, base_url, until="turnComplete")
    (told,) = got.messages[-1]["usageMetadata"]["responseTokensDetails"]
    assert told == {"modality": "TEXT", "tokenCount": 9}
