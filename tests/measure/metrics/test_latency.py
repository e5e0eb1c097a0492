"""Waits and stages, where the moments that they lie between are given."""

import math
from dataclasses import replace

import numpy as np
import pytest

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Spot, Tier
from diag.core.take import Turn
from diag.core.timeline import Event, Timeline
from diag.measure.metrics import latency, waterfall
from diag.measure.reasons import NO_PROMPT, NOTHING_PLAYED

TURN = Turn(index=0, prompt_name="p", start_s=0.0, end_s=9.0, speech_start_s=1.0, speech_end_s=2.0,
            reply_spans={Tap.PLAYED: (0, 4000)})  # fmt: skip
QUIET = Timeline(())
OTHER = Missing(MissingCode.NO_MATCH, "nothing in common")


def clip(rate_hz=1000, start_s=0.0):
    return Clip(samples=np.ones(9000, np.float32), sample_rate_hz=rate_hz, start_s=start_s)


@pytest.fixture
def given(monkeypatch):
    """Moments by the names of the functions that find them."""

    def give(module=latency, **moments):
        for name, value in moments.items():
            monkeypatch.setattr(module, name, lambda *_, value=value, **__: value)

    return give


def heard(**more):
    recordings = {"received": clip(), "heard": clip(2000), "prompt": clip(), "captured": clip(), "played": clip()}
    return latency.ttfa_heard(TURN, QUIET, **{**recordings, **more})


def uncertainty(**more):
    recordings = {"received": clip(), "heard": clip(2000), "prompt": clip(), "captured": clip(), "played": clip()}
    return latency.ttfa_heard_uncertainty(TURN, QUIET, **{**recordings, **more})


# --- what the ear heard


@pytest.mark.parametrize(("span", "value", "spot"), [((4000, 5000), 0.5, (2.0, 2.5)), ((5000, 4000), -0.5, (2.0, 2.5))])
def test_a_wait_is_counted_in_frames_of_the_ear(given, span, value, spot):
    given(heard_span=span)
    found = heard()
    assert (found.value, found.tier) == (value, Tier.WAVEFORM)
    assert found.spots == (Spot(Tap.HEARD, *spot),)
    assert (uncertainty().value, uncertainty().tier) == (0.01, Tier.WAVEFORM)


DEVICES = {
    "heard_span": OTHER, "timed_by_devices": True, "reply_start_in_heard": 5000.0, "paths_differ_s": 0.015,
    "prompt_end_in": 2100.0, "out_s": 2.75, "stamp_jitter_s": None,
}  # fmt: skip


def delivered(at_microphone_s, at_ear_s):
    return lambda _timeline, tap, _recording, _frame: at_microphone_s if tap is Tap.CAPTURED else at_ear_s


def test_on_a_headset_two_devices_tell_the_wait_and_how_exact_it_is(given, monkeypatch):
    given(**DEVICES)
    monkeypatch.setattr(latency, "delivered_s", delivered(2.1, 2.7))
    assert (heard().value, heard().tier) == (pytest.approx(0.6), Tier.EVENTS)
    assert uncertainty().value == pytest.approx(math.hypot(0.02, 0.015))


@pytest.mark.parametrize("moments", [(OTHER, 2.7), (2.1, OTHER)])
def test_where_an_input_tells_no_time_the_stamps_of_the_devices_do(given, monkeypatch, moments):
    given(**DEVICES)
    monkeypatch.setattr(latency, "delivered_s", delivered(*moments))
    jitter_s = {Tap.PROMPT: 0.03, Tap.HEARD: 0.04}
    monkeypatch.setattr(latency, "stamp_jitter_s", lambda _timeline, tap: jitter_s.get(tap))
    assert heard().value == pytest.approx(0.75)
    assert uncertainty().value == pytest.approx(math.sqrt(0.02**2 + 0.03**2 + 0.04**2))
    assert heard(captured=None).value == pytest.approx(0.75)


def test_without_the_prompt_its_end_at_the_microphone_is_that_of_the_clock(given, monkeypatch):
    given(**DEVICES)
    frames = {}

    def note(_timeline, tap, _recording, frame):
        frames[tap] = frame
        return 2.0 if tap is Tap.CAPTURED else 2.5

    monkeypatch.setattr(latency, "delivered_s", note)
    assert heard(prompt=None, captured=clip(start_s=0.5)).value == pytest.approx(0.5)
    assert frames == {Tap.CAPTURED: 1500, Tap.HEARD: 5000.0}


@pytest.mark.parametrize(
    ("changed", "more", "missing", "tier"),
    [
        ({"timed_by_devices": False}, {}, OTHER, Tier.WAVEFORM),
        ({}, {"played": None}, OTHER, Tier.WAVEFORM),
        ({"reply_start_in_heard": NOTHING_PLAYED}, {}, NOTHING_PLAYED, Tier.EVENTS),
        ({"speech_end_s": NO_PROMPT}, {}, NO_PROMPT, Tier.EVENTS),
        ({"out_s": NOTHING_PLAYED}, {"captured": None}, NOTHING_PLAYED, Tier.EVENTS),
    ],
)
def test_why_no_wait_is_measured(given, changed, more, missing, tier):
    given(**{**DEVICES, **changed})
    for found in (heard(**more), uncertainty(**more)):
        assert (found.missing, found.tier) == (missing, tier)


def test_without_the_prompt_that_is_told(given):
    given(timed_by_devices=False)
    assert heard(prompt=None).missing.text == "the take has no `prompt` recording"


@pytest.mark.parametrize("unknown", ["calibration", "prompt_end_in", "reply_start_in_heard"])
def test_both_ends_of_a_wait_must_be_known(given, unknown):
    known = {"calibration": {}, "prompt_end_in": 4000.0, "reply_start_in_heard": 5000.0}
    recordings = {"prompt": clip(), "received": clip(), "played": clip(), "heard": clip()}
    given(**known)
    assert latency.heard_span(TURN, QUIET, **recordings) == (4000.0, 5000.0)
    given(**{unknown: OTHER})
    assert latency.heard_span(TURN, QUIET, **recordings) == OTHER


def first_speech():
    return latency.first_speech(TURN, QUIET, prompt=clip(), received=clip(), played=clip(), heard=clip(2000))


def test_first_speech_is_later_than_the_first_sound_by_what_has_no_voice(given):
    given(heard_span=(4000, 5000), first_audible_played=500, first_speech_frame=300)
    assert first_speech().value == pytest.approx(0.5 + 0.3)


def test_first_speech_is_searched_from_the_first_sound_to_the_end_of_the_reply(given, monkeypatch):
    sides = np.stack([np.arange(9000), np.zeros(9000)], axis=1)
    seen = []

    def search(samples, rate_hz):
        seen.append((samples[0], samples[-1], rate_hz))
        return 0

    given(heard_span=(4000, 5000), first_audible_played=500)
    monkeypatch.setattr(latency, "first_speech_frame", search)
    played = Clip(samples=sides.astype(np.float32), sample_rate_hz=1000, start_s=0.0)
    latency.first_speech(TURN, QUIET, prompt=clip(), received=clip(), played=played, heard=clip(2000))
    assert seen == [(500.0, 3999.0, 1000)]


@pytest.mark.parametrize(
    ("changed", "text"),
    [({"heard_span": OTHER}, OTHER.text), ({"first_audible_played": NOTHING_PLAYED}, NOTHING_PLAYED.text),
     ({"first_speech_frame": None}, "no voice was found in the reply")],
)  # fmt: skip
def test_why_no_first_speech_is_measured(given, changed, text):
    given(**{"heard_span": (4000, 5000), "first_audible_played": 500, "first_speech_frame": 300, **changed})
    assert first_speech().missing.text == text


# --- stages


MOMENTS = {
    "captured_s": 2.1,
    "batch_s": 2.25,
    "first_byte_s": 2.75,
    "audible_s": 3.0,
    "handed_over_s": 3.25,
    "out_s": 3.5,
}


@pytest.mark.parametrize(
    ("stage", "recordings", "value", "ends"),
    [
        (waterfall.capture_delay, 2, 0.1, ("speech_end_s", "captured_s")),
        (waterfall.batching_delay, 2, 0.15, ("captured_s", "batch_s")),
        (waterfall.service_delay, 2, 0.5, ("batch_s", "first_byte_s")),
        (waterfall.leading_silence, 1, 0.25, ("first_byte_s", "audible_s")),
        (waterfall.playout_delay, 2, 0.25, ("audible_s", "handed_over_s")),
        (waterfall.device_delay, 2, 0.25, ("handed_over_s", "out_s")),
        (waterfall.ttfa_events, 2, 1.5, ("speech_end_s", "out_s")),
    ],
)
def test_a_stage_lies_between_its_two_moments(given, stage, recordings, value, ends):
    given(waterfall, **MOMENTS)
    clips = [clip()] * recordings
    assert stage(TURN, QUIET, *clips).value == pytest.approx(value)
    for end in ends:
        given(waterfall, **{"speech_end_s": 2.0, **MOMENTS, end: OTHER})
        assert (stage(TURN, QUIET, *clips).missing, stage(TURN, QUIET, *clips).tier) == (OTHER, Tier.EVENTS)


def test_the_gap_of_the_detectors_is_its_size(given):
    recordings = {"prompt": clip(), "received": clip(), "played": clip(), "heard": clip(2000)}
    for span, value in (((4000, 6990), 0.005), ((4000, 7020), 0.01)):
        given(waterfall, **MOMENTS, heard_span=span)
        assert waterfall.detector_gap(TURN, QUIET, **recordings).value == pytest.approx(value)
    given(waterfall, heard_span=OTHER)
    assert waterfall.detector_gap(TURN, QUIET, **recordings).missing == OTHER
    given(waterfall, heard_span=(4000, 5000), out_s=NOTHING_PLAYED)
    assert waterfall.detector_gap(TURN, QUIET, **recordings).missing == NOTHING_PLAYED


def batch(at_s, end_frame):
    return Event(t_s=at_s, name="batch_sent", source="client", data={"captured_end_frame": end_frame})


@pytest.mark.parametrize(("frame", "at_s"), [(999.5, 1.1), (1000.0, 1.2), (1199.0, 1.2), (1200.0, None)])
def test_the_prompt_is_in_the_first_batch_that_ends_after_its_last_sample(given, frame, at_s):
    given(waterfall, prompt_end_in=frame)
    timeline = Timeline((batch(1.1, 1000), batch(1.2, 1200)))
    found = waterfall.batch_s(TURN, timeline, clip(), clip())
    assert found == (waterfall.NEVER_SENT if at_s is None else at_s)
    given(waterfall, prompt_end_in=OTHER)
    assert waterfall.batch_s(TURN, timeline, clip(), clip()) == OTHER
    assert waterfall.captured_s(TURN, timeline, clip(), clip()) == OTHER


def test_a_turn_without_chunks_has_no_first_byte():
    chunk = Event(t_s=2.5, name="chunk_received", source="service", data={"turn": 0, "start_frame": 0, "frames": 9})
    assert waterfall.first_byte_s(TURN, Timeline((chunk, replace(chunk, t_s=2.75)))) == 2.5
    assert isinstance(waterfall.first_byte_s(TURN, QUIET), Missing)
    assert latency.ttfb(TURN, Timeline((chunk,))).value == 0.5
    assert latency.ttfb(replace(TURN, speech_end_s=None), Timeline((chunk,))).missing == NO_PROMPT
