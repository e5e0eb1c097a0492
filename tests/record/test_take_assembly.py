from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diag.core.chain import Tap
from diag.core.client_config import ClientConfig
from diag.core.clip import pcm16_from_samples
from diag.files.scenarios import Faults
from diag.measure.metrics.moments import audio_chunks
from diag.record.audio.tape import Tape
from diag.record.client.resampler import resample
from diag.record.live.genai import Endpoint
from diag.record.take_assembly import AFTER_S, BEFORE_S, CUT_GUARD_S, NetworkAudio, Session, TurnRecord, assemble_take
from diag.record.take_job import PromptJob, TakeJob
from diag.record.take_log import TakeLog

PROMPT = PromptJob(name="yes", path=Path("yes.wav"), speech_start_s=0.1, speech_end_s=0.6)
DEVICE_DELAY_S = 0.12


def tape(rate_hz, seconds, starts_s, *, channels=1, told=True, delay_s=DEVICE_DELAY_S):
    """A tape of 20 ms blocks that began at `starts_s` of the process's clock."""
    recorded, block = Tape(rate_hz, channels), rate_hz // 50
    for index in range(round(seconds * 50)):
        t_s = starts_s + index / 50
        recorded.write(np.zeros((block, channels), np.float32), t_s, t_s + delay_s if told else None)
    return recorded


def chunks_of_one_reply(log):
    for index in range(4):
        log.emit("chunk_received", {"start_frame": index * 4800, "frames": 4800}, t_s=4.0 + index * 0.1)
    log.emit("playout_started", {"frame": 74400}, t_s=4.1)
    log.emit("playout_ended", {"frame": 93600}, t_s=4.9)


def chunks_of_two_replies(log):
    for index in range(4):
        log.emit("chunk_received", {"start_frame": index * 4800, "frames": 4800}, t_s=2.0 + index * 0.7)
        if index == 1:
            log.emit("interrupted", {}, t_s=3.0)
            log.emit("turn_complete", {}, t_s=3.01)
    log.emit("turn_complete", {}, t_s=4.5)
    for start, end, t_s in ((26400, 36000, 2.1), (74400, 84000, 3.5)):
        log.emit("playout_started", {"frame": start}, t_s=t_s)
        log.emit("playout_ended", {"frame": end}, t_s=t_s + 0.4)


@pytest.fixture
def take():
    return assembled(chunks_of_one_reply)


def take_job():
    return TakeJob(
        run_dir=Path("run"), take_id="0001", scenario="x", config=ClientConfig(), faults=Faults(),
        endpoint=Endpoint(kind="emulator", base_url="https://127.0.0.1:1"), prompts=(PROMPT, PROMPT), seed=1,
    )  # fmt: skip


def assembled(reply, batch_s=0.05):
    log = TakeLog()
    origin_s = log.origin_s
    tapes = {
        Tap.PROMPT: tape(48000, 6, origin_s + 1.0),
        Tap.CAPTURED: tape(16000, 6, origin_s + 1.02, told=False),
        Tap.PLAYED: tape(24000, 6, origin_s + 1.0),
        Tap.HEARD: tape(48000, 6, origin_s + 1.0, channels=2, delay_s=-0.02),
    }
    log.turn = 0
    frames = round(batch_s * 16000)
    for index in range(int(5 / batch_s)):
        data = {"start_frame": index * frames, "frames": frames, "captured_end_frame": (index + 1) * frames,
                "captured_s": 0.0, "mime_type": "audio/pcm;rate=16000"}  # fmt: skip
        log.emit("batch_sent", data, t_s=1.1 + index * batch_s)
    reply(log)
    network = NetworkAudio(
        sent=pcm16_from_samples(np.zeros(80000, np.float32)),
        sent_rate_hz=16000,
        received=pcm16_from_samples(np.zeros(19200, np.float32)),
        received_rate_hz=24000,
    )
    spoken = TurnRecord(index=0, prompt=PROMPT, start_s=1.5, end_s=5.0, first_frame=48000, end_frame=86400)
    unspoken = TurnRecord(index=1, prompt=PROMPT, start_s=5.5, end_s=5.5)
    return assemble_take(take_job(), Session(log=log, network=network, tapes=tapes, turns=(spoken, unspoken)))


def test_tapes_are_placed_by_device_stamps_and_the_microphone_by_delivery(take):
    assert take.clips[Tap.PROMPT].start_s == pytest.approx(1.12)
    assert take.clips[Tap.PLAYED].start_s == pytest.approx(1.12)
    assert take.clips[Tap.HEARD].start_s == pytest.approx(0.98)
    assert take.clips[Tap.CAPTURED].start_s == pytest.approx(1.0)
    assert take.clips[Tap.SENT].start_s == pytest.approx(1.1)
    assert take.clips[Tap.RECEIVED].start_s == pytest.approx(4.0)


def test_speech_ends_where_the_file_says_after_the_mouth_began(take):
    turn = take.turns[0]
    assert turn.speech_start_s == pytest.approx(1.12 + 1.0 + 0.1)
    assert turn.speech_end_s == pytest.approx(1.12 + 1.0 + 0.6)


@pytest.mark.parametrize("batch_s", [0.05, 0.5, 2.0, 3.0])
def test_a_long_batch_counts_as_far_as_it_holds_the_prompt(batch_s):
    turn = assembled(lambda log: None, batch_s).turns[0]
    assert turn.prompt_spans[Tap.SENT][1] == turn.prompt_spans[Tap.CAPTURED][1]


def test_spans_carry_prompt_and_reply_with_margins(take):
    turn = take.turns[0]
    assert turn.prompt_spans[Tap.PROMPT] == (48000, 86400)
    start, end = turn.prompt_spans[Tap.CAPTURED]
    assert start / 16000 == pytest.approx(2.12 - BEFORE_S - 1.0, abs=0.001)
    assert end / 16000 == pytest.approx(2.92 + AFTER_S - 1.0, abs=0.001)
    sent_start, sent_end = turn.prompt_spans[Tap.SENT]
    assert abs(sent_start - start) <= 800
    assert abs(sent_end - end) <= 800
    assert turn.reply_spans[Tap.RECEIVED] == (0, 19200)
    assert turn.reply_spans[Tap.PLAYED] == (74400 - round(BEFORE_S * 24000), 93600 + round(BEFORE_S * 24000))
    heard_start, _ = turn.reply_spans[Tap.HEARD]
    assert heard_start / 48000 == pytest.approx(1.12 + 74400 / 24000 - BEFORE_S - 0.98, abs=0.001)


def test_the_reply_of_a_turn_is_the_one_to_the_whole_prompt():
    take = assembled(chunks_of_two_replies)
    spans = take.turns[0].reply_spans
    assert spans[Tap.RECEIVED] == (9600, 19200)
    assert spans[Tap.PLAYED] == (74400 - round(BEFORE_S * 24000), 84000 + round(BEFORE_S * 24000))
    assert [event.data["start_frame"] for event in audio_chunks(take.timeline, take.turns[0])] == [9600, 14400]


def test_a_prompt_that_was_never_spoken_is_a_turn_without_audio(take):
    turn = take.turns[1]
    assert turn.prompt_name == "yes"
    assert turn.speech_end_s is None
    assert not turn.prompt_spans
    assert not turn.reply_spans


def test_stamps_of_every_device_tap_are_kept(take):
    stamps = {event.data["tap"]: event.data for event in take.timeline.named("stamps")}
    assert set(stamps) == {"prompt", "captured", "played", "heard"}
    assert stamps["captured"]["device_s"][0] is None
    assert stamps["played"]["device_s"][0] == pytest.approx(1.12)


def test_the_speech_of_a_person_is_found_in_what_the_microphone_captured():
    log = TakeLog()
    log.turn = 0
    recorded = Tape(16000, 1)
    said = 0.2 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000) * np.hanning(16000) ** 0.2
    samples = 1e-4 * np.random.default_rng(0).standard_normal(16000 * 6)
    samples[32000:48000] += said
    for index in range(300):
        block = samples[index * 320 : (index + 1) * 320].astype(np.float32)
        recorded.write(block, log.origin_s + 1.0 + (index + 1) / 50, None)
    log.emit("chunk_received", {"start_frame": 0, "frames": 4800}, t_s=5.0)
    network = NetworkAudio(sent=b"", sent_rate_hz=16000, received=bytes(9600), received_rate_hz=24000)
    session = Session(
        log=log,
        network=network,
        tapes={Tap.PROMPT: Tape(48000), Tap.CAPTURED: recorded},
        turns=(TurnRecord(index=0, prompt=PROMPT, start_s=1.2, end_s=6.0, person=True),),
    )
    (turn,) = assemble_take(take_job(), session).turns
    assert turn.speech_start_s == pytest.approx(3.0, abs=0.05)
    assert turn.speech_end_s == pytest.approx(4.0, abs=0.05)
    first, last = turn.prompt_spans[Tap.CAPTURED]
    assert first < 32000
    assert last > 48000


def shared_take(*, shared=True, heard_level=1.0, delay_s=0.01):
    """A take whose mouth's stamps leap by 30 ms before the prompt although its sound goes on as before."""
    log = TakeLog()
    origin_s = log.origin_s
    noise = np.random.default_rng(3).standard_normal(48000).astype(np.float32) * 0.1
    sound = np.zeros(4 * 48000, np.float32)
    sound[2 * 48000 : 3 * 48000] = noise
    mouth, ear = Tape(48000), Tape(48000, 2)
    late = np.roll(sound, 48 * 10) * heard_level
    for first in range(0, len(sound), 960):
        t_s = origin_s + 1.0 + first / 48000
        leap_s = 0.03 if first >= 48000 else 0.0
        mouth.write(sound[first : first + 960], t_s, t_s + leap_s)
        ear.write(np.column_stack([late[first : first + 960], np.zeros(960, np.float32)]), t_s, t_s)
    log.emit("calibrated", {"port": "mouth", "delay_s": delay_s}, t_s=0.5)
    log.turn = 0
    turn = TurnRecord(index=0, prompt=PROMPT, start_s=2.9, end_s=4.5, first_frame=96000, end_frame=144000)
    network = NetworkAudio(sent=b"", sent_rate_hz=16000, received=b"", received_rate_hz=24000)
    tapes = {Tap.PROMPT: mouth, Tap.HEARD: ear}
    session = Session(log=log, network=network, tapes=tapes, turns=(turn,), shared_output=shared)
    return assemble_take(take_job(), session)


def test_a_prompt_on_a_device_that_an_app_shares_is_timed_by_the_ear():
    take = shared_take()
    assert take.turns[0].speech_end_s == pytest.approx(1.0 + 2.0 + PROMPT.speech_end_s, abs=1e-4)
    assert take.clips[Tap.PROMPT].start_s == pytest.approx(1.0, abs=1e-4)
    assert take.turns[0].prompt_spans[Tap.PROMPT] == (96000, 144000)


def cut_reply(late_s, *, heard=True):
    """A take whose reply is played from 2.0 to 2.6 s and then cut, and reaches the ear `late_s` after its stamps."""
    log = TakeLog()
    log.turn = 0
    speaker, ear = Tape(24000), Tape(48000)
    wide = np.zeros(6 * 48000, np.float32)
    wide[2 * 48000 : round(2.6 * 48000)] = 0.1 * np.random.default_rng(5).standard_normal(round(0.6 * 48000))
    wide = resample(resample(wide, 48000, 24000), 24000, 48000)
    sound = resample(wide, 48000, 24000)
    at_ear = np.roll(wide, round(late_s * 48000)) * heard
    for block in range(300):
        t_s = log.origin_s + block / 50
        speaker.write(sound[block * 480 : (block + 1) * 480], t_s, t_s)
        ear.write(at_ear[block * 960 : (block + 1) * 960], t_s, t_s)
    log.emit("chunk_received", {"start_frame": 0, "frames": 48000}, t_s=1.9)
    log.emit("playout_started", {"frame": 48000}, t_s=2.0)
    log.emit("interrupted", {}, t_s=2.6)
    log.emit("playout_ended", {"frame": 62400}, t_s=2.6)
    network = NetworkAudio(sent=b"", sent_rate_hz=16000, received=bytes(96000), received_rate_hz=24000)
    prompt = Tape(48000)
    prompt.write(np.zeros(48000, np.float32), log.origin_s, log.origin_s)
    turn = TurnRecord(index=0, prompt=PROMPT, start_s=0.1, end_s=5.0, first_frame=0, end_frame=48000)
    tapes = {Tap.PROMPT: prompt, Tap.PLAYED: speaker, Tap.HEARD: ear}
    return assemble_take(take_job(), Session(log=log, network=network, tapes=tapes, turns=(turn,)))


@pytest.mark.parametrize("late_s", [-0.02, 0.04, 0.09])
def test_a_cut_reply_ends_in_the_same_speech_at_the_ear_however_wrong_its_stamps_are(late_s):
    spans = cut_reply(late_s).turns[0].reply_spans
    assert spans[Tap.PLAYED][1] / 24000 == pytest.approx(2.6 - CUT_GUARD_S)
    assert spans[Tap.HEARD][1] / 48000 == pytest.approx(2.6 - CUT_GUARD_S + late_s, abs=0.0005)


def test_a_cut_reply_that_the_ear_does_not_hear_ends_by_its_stamps():
    spans = cut_reply(0.04, heard=False).turns[0].reply_spans
    assert spans[Tap.HEARD][1] / 48000 == pytest.approx(2.6 - CUT_GUARD_S)


@pytest.mark.parametrize(
    "case",
    [{"shared": False}, {"heard_level": 0.0}, {"delay_s": None}],
    ids=("a device of its own", "unheard", "no path"),
)
def test_a_prompt_is_timed_by_the_stamps_of_its_device_otherwise(case):
    assert shared_take(**case).turns[0].speech_end_s == pytest.approx(1.03 + 2.0 + PROMPT.speech_end_s, abs=1e-4)


def interrupted_at_ear(stops_s, channels=2):
    """Return a take whose app gets 4 s of a reply at 4.0 s and `interrupted` at 5.0 s, and is heard until `stops_s`."""
    log = TakeLog()
    log.turn = 0
    for index in range(4):
        log.emit("chunk_received", {"start_frame": index * 24000, "frames": 24000}, t_s=4.0 + index * 0.1)
    log.emit("interrupted", {}, t_s=5.0)
    log.emit("turn_complete", {}, t_s=5.01)
    log.turn = 1
    log.emit("chunk_received", {"start_frame": 96000, "frames": 24000}, t_s=9.0)
    heard, rate_hz = Tape(48000, channels), 48000
    tone = 0.3 * np.sin(np.arange(rate_hz // 50) * 0.1)
    for index in range(500):
        t_s = index / 50
        sounds = (4.2 <= t_s < stops_s) or t_s >= 9.2
        block = np.zeros((rate_hz // 50, channels), np.float32)
        block[:, -1] = tone if sounds else 0.0
        heard.write(block, log.origin_s + t_s, log.origin_s + t_s)
    network = NetworkAudio(
        sent=b"",
        sent_rate_hz=16000,
        received=pcm16_from_samples(np.full(120000, 0.3, np.float32)),
        received_rate_hz=24000,
    )
    turns = (
        TurnRecord(index=0, prompt=PROMPT, start_s=1.5, end_s=5.2),
        TurnRecord(index=1, prompt=PROMPT, start_s=5.2, end_s=9.9),
    )
    mouth = tape(48000, 6, log.origin_s + 1.0)
    turns = tuple(replace(turn, first_frame=48000, end_frame=86400) for turn in turns)
    session = Session(log=log, network=network, tapes={Tap.PROMPT: mouth, Tap.HEARD: heard}, turns=turns)
    return assemble_take(take_job(), session)


@pytest.mark.parametrize("stops_s", [5.2, 6.4])
def test_an_interrupted_reply_of_an_app_is_compared_as_far_as_it_was_heard(stops_s):
    spans = interrupted_at_ear(stops_s).turns[0].reply_spans
    assert spans[Tap.RECEIVED][0] == 0
    assert spans[Tap.RECEIVED][1] / 24000 == pytest.approx(stops_s - 4.2 - CUT_GUARD_S, abs=0.03)
    assert spans[Tap.HEARD][1] / 48000 == pytest.approx(stops_s - CUT_GUARD_S, abs=0.03)


def test_an_interrupted_reply_that_was_heard_whole_is_compared_whole():
    spans = interrupted_at_ear(8.4).turns[0].reply_spans
    assert spans[Tap.RECEIVED] == (0, 96000)


def test_one_channel_for_user_and_reply_does_not_show_where_a_reply_stopped():
    assert interrupted_at_ear(5.2, channels=1).turns[0].reply_spans[Tap.RECEIVED] == (0, 96000)
