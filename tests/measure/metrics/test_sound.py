"""Hop and tap metrics: what stories' faults read as, and that nothing odd is ever taken for a value."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import soxr
from builders import Story, client, speech

from diag.core.chain import Hop, Tap
from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.core.results import Reading, Tier
from diag.measure.registry import MetricKind, all_metrics

HOPS = (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER)
SEGMENT_METRICS = [item for item in all_metrics() if item.kind is MetricKind.SEGMENT]
TAP_METRICS = [item for item in all_metrics() if item.kind is MetricKind.TAP and "voice" not in item.optional]


def narrow(samples, from_hz, through_hz):
    return soxr.resample(soxr.resample(samples, from_hz, through_hz), through_hz, from_hz)[: samples.size]


@pytest.mark.parametrize("hop", HOPS)
def test_healthy_hops_change_nothing(healthy, hop):
    _, measured = healthy
    assert measured.value("rate_ratio", hop=hop) == pytest.approx(1, abs=1e-4)
    assert measured.value("time_ratio", hop=hop) == pytest.approx(1, abs=1e-4)
    assert measured.value("dullness_db", hop=hop) == pytest.approx(0, abs=0.3)
    assert measured.value("imaging", hop=hop) < 0.2
    for name in ("inserted_silence_s", "dropout_count", "skipped_s", "repeated_s"):
        assert measured.value(name, hop=hop) == 0, name


def test_the_service_hop_is_not_compared(healthy):
    _, measured = healthy
    found = [item for item in measured if item.hop is Hop.SERVICE]
    assert len(found) == len(SEGMENT_METRICS)
    assert {item.missing.code for item in found} == {MissingCode.OTHER_SPEECH}


def test_24_khz_handed_to_a_16_khz_stream(judged):
    story = Story(config=client(playback={"sample_rate_hz": 16000, "resample": False}))
    measured = judged(story)[1]
    assert measured.value("rate_ratio", hop=Hop.PLAYER) == pytest.approx(2 / 3, rel=1e-3)
    assert measured.value("rate_ratio", hop=Hop.SPEAKER) == pytest.approx(1, rel=1e-3)
    (item,) = measured.find("dullness_db", hop=Hop.PLAYER)
    assert item.value is None
    assert "the speed differs by" in item.reason


def test_48_khz_labelled_16_khz(judged):
    story = Story(config=client(capture={"sample_rate_hz": 48000}, send={"resample": False}))
    measured = judged(story)[1]
    assert measured.value("rate_ratio", hop=Hop.SENDER) == pytest.approx(1 / 3, rel=1e-3)


def test_a_squeezed_player_is_dull_and_narrow(judged):
    measured = judged(replace(Story(), play=lambda samples: narrow(samples, 24000, 8000)))[1]
    assert measured.value("dullness_db", hop=Hop.PLAYER) > 20
    assert measured.value("bandwidth_hz", tap=Tap.PLAYED) == pytest.approx(4000, rel=0.06)
    assert measured.value("bandwidth_hz", tap=Tap.RECEIVED) > 9500
    assert measured.value("dullness_db", hop=Hop.SPEAKER) == pytest.approx(0, abs=0.5)


def test_a_stall_points_at_where_it_can_be_heard(judged):
    def stall(samples):
        return np.concatenate((samples[:20000], np.zeros(2400, samples.dtype), samples[20000:]))[: samples.size]

    measured = judged(replace(Story(), play=stall))[1]
    (item,) = measured.find("inserted_silence_s", hop=Hop.PLAYER)
    assert item.value == pytest.approx(0.1, abs=0.002)
    assert item.spots[0].tap is Tap.PLAYED
    assert measured.value("dropout_count", hop=Hop.PLAYER) == 1


def test_a_naive_resampler_leaves_images(judged):
    def linear(samples):
        coarse = soxr.resample(samples, 24000, 8000)
        return np.interp(np.arange(samples.size) / 3, np.arange(coarse.size), coarse).astype(np.float32)

    measured = judged(replace(Story(), play=linear))[1]
    assert measured.value("imaging", hop=Hop.PLAYER) > 0.3
    assert measured.value("imaging", hop=Hop.SPEAKER) < 0.2


def test_clipping_is_seen_on_the_tap_where_it_happened(judged):
    measured = judged(replace(Story(), play=lambda samples: np.clip(samples * 6, -0.5, 0.5)))[1]
    assert measured.value("clipping_rate_hz", tap=Tap.PLAYED) > 1
    assert measured.value("clipping_rate_hz", tap=Tap.RECEIVED) == 0


def test_no_echo_in_a_healthy_take(healthy):
    assert healthy[1].value("echo_db") < -40


# --- nothing odd becomes a value ------------------------------------------------------------------------------------

RATE_HZ = 24000
ODD = {
    "empty": np.zeros(0),
    "one_sample": np.ones(1),
    "silence": np.zeros(RATE_HZ),
    "direct_current": np.full(RATE_HZ, 0.5),
    "noise": np.random.default_rng(1).uniform(-1, 1, 2 * RATE_HZ),
    "tone": np.sin(2 * np.pi * 440 * np.arange(2 * RATE_HZ) / RATE_HZ),
    "short": 0.3 * np.sin(np.arange(200)),
}
MUST_REFUSE = {"empty", "one_sample"}


def clip(samples, rate_hz=RATE_HZ):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=rate_hz, start_s=0.0)


def is_sound(reading):
    assert isinstance(reading, Reading)
    if reading.value is None:
        return bool(reading.missing.text)
    values = reading.value if isinstance(reading.value, tuple) else (reading.value,)
    return all(value is None or np.isfinite(value) for value in values)


@pytest.mark.parametrize("name", ODD)
def test_odd_sounds_give_a_sound_reading_or_a_reason(name):
    # Two clips of the same sound, each measured by all: what metrics share is computed once.
    odd, same, voice = clip(ODD[name]), clip(ODD[name]), clip(speech(2.0, 3, RATE_HZ))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for item in TAP_METRICS:
            reading = item.function(odd)
            assert is_sound(reading), item.name
            assert reading.tier is Tier.BLIND, item.name
            if name in MUST_REFUSE and not (item.name == "peak_dbfs" and name == "one_sample"):
                assert reading.value is None, item.name
        for item in SEGMENT_METRICS:
            for pair in ((voice, odd), (odd, voice), (odd, same)):
                reading = item.function(*pair)
                assert is_sound(reading), item.name
            if item.name != "imaging":
                assert item.function(voice, odd).value is None, item.name


@pytest.mark.parametrize("gain_db", [-40, -20, 6])
@pytest.mark.parametrize("sign", [1, -1])
def test_measures_of_a_tap_hold_under_gain_and_polarity(gain_db, sign):
    voice = 0.4 * speech(3.0, 4, RATE_HZ)
    moved = clip(np.clip(sign * 10 ** (gain_db / 20) * voice, -1, 1))
    for item in TAP_METRICS:
        if item.name in ("level_lufs", "peak_dbfs", "dc_dbfs"):
            continue
        before, after = item.function(clip(voice)).value, item.function(moved).value
        assert (after is None) == (before is None), item.name
        if before is not None:
            assert after == pytest.approx(before, rel=0.06, abs=0.03), item.name


@pytest.mark.parametrize("rate_hz", [16000, 24000, 44100, 48000])
def test_measures_of_a_hop_hold_in_any_container(rate_hz):
    voice = clip(speech(3.0, 5, RATE_HZ))
    other = clip(soxr.resample(voice.samples, RATE_HZ, rate_hz), rate_hz)
    values = {item.name: item.function(voice, other).value for item in SEGMENT_METRICS}
    assert values["rate_ratio"] == pytest.approx(1, abs=1e-4)
    assert values["dullness_db"] == pytest.approx(0, abs=0.3)
    assert values["dropout_count"] == values["skipped_s"] == values["repeated_s"] == 0


def test_stereo_is_judged_as_its_mean():
    voice = speech(2.0, 6, RATE_HZ)
    both = Clip(samples=np.stack((voice, voice), axis=1), sample_rate_hz=RATE_HZ)
    for item in TAP_METRICS:
        value, expected = item.function(both).value, item.function(clip(voice)).value
        assert (value is None) == (expected is None), item.name
        if expected is not None:
            assert value == pytest.approx(expected, rel=1e-3, abs=1e-3), item.name


HEADINGS = ("What", "From – to", "Better is", "Not measured when", "Reference")


@pytest.mark.parametrize("item", all_metrics(), ids=lambda item: f"{item.name}-{item.function.__name__}")
def test_every_metric_is_documented_under_the_fixed_headings(item):
    lines = (item.function.__doc__ or "").splitlines()
    found = [line.strip() for line in lines if line.strip() in HEADINGS]
    assert tuple(found) == HEADINGS
