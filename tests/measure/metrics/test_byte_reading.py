"""Bytes that were read wrongly: how much of a clip, from when on, and which reading would be right."""

import numpy as np
import pytest
from builders import speech

from diag.core.audio_reader import reader_of
from diag.core.chain import Tap
from diag.core.clip import Clip, clip_from_pcm16, pcm16_from_samples
from diag.core.missing import MissingCode
from diag.dsp.byte_formats import ByteReading, ReadingKind
from diag.measure.engine import measure_clip
from diag.measure.long_recording import measure_long
from diag.measure.metrics import byte_reading
from diag.measure.metrics.byte_reading import misread_bytes

RATE_HZ = 24000
VOICE = speech(3.0, 4, RATE_HZ)


def swapped(samples):
    return np.frombuffer(pcm16_from_samples(samples), ">i2").astype(np.float32) / 32768


def clip(samples):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=RATE_HZ)


def test_a_voice_is_read_rightly():
    reading = misread_bytes(clip(VOICE))
    assert (reading.value, reading.events) == (0.0, ())


def test_swapped_bytes_throughout():
    reading = misread_bytes(clip(swapped(VOICE)))
    (event,) = reading.events
    assert reading.value == pytest.approx(3.0, abs=0.1)
    assert "big-endian" in event.kind
    assert (event.reference_s, event.estimated_s) == pytest.approx((0.0, 0.0), abs=0.1)
    assert 0.0 < reading.confidence <= 1.0


def test_an_odd_byte_is_told_with_the_time_from_which_all_is_wrong():
    pcm = pcm16_from_samples(VOICE)
    broken = pcm[: 2 * RATE_HZ] + b"\0" + pcm[2 * RATE_HZ : -1]
    reading = misread_bytes(clip_from_pcm16(broken, RATE_HZ))
    assert reading.value == pytest.approx(2.0, abs=0.15)
    assert reading.events[0].estimated_s == pytest.approx(1.0, abs=0.1)
    assert reading.spots[0].start_s <= reading.events[0].estimated_s <= reading.spots[0].end_s


def test_silence_is_not_judged():
    assert misread_bytes(clip(np.zeros(RATE_HZ))).missing.code is MissingCode.SILENT


def test_on_a_tap_the_event_is_there_and_its_spot_names_the_tap():
    measured = measure_clip(clip(swapped(VOICE)), tap=Tap.PLAYED)
    (item,) = measured.find("misread_s", tap=Tap.PLAYED)
    assert [spot.tap for spot in item.spots] == [Tap.PLAYED]
    assert item.to_json()["events"][0]["kind"] == item.events[0].kind


def test_in_a_long_recording_both_times_of_the_event_are_those_of_the_recording():
    voice = np.concatenate([np.concatenate((np.roll(VOICE, 999 * n), np.zeros(12000))) for n in range(40)])
    broken = np.concatenate((voice[: 100 * RATE_HZ], swapped(voice[100 * RATE_HZ :])))
    found = measure_long(reader_of(clip(broken)))
    (item,) = found.measurements.find("misread_s")
    (event,) = item.events
    assert event.estimated_s == pytest.approx(100.0, abs=6.0)
    assert event.reference_s == event.estimated_s
    assert item.value == pytest.approx(voice.size / RATE_HZ - event.estimated_s, abs=1.5)


@pytest.mark.parametrize(
    ("start_s", "end_s", "value", "spot"),
    [
        (0.0, None, 3.0, (0.0, 2.0)),
        (0.75, None, 2.25, (0.25, 2.75)),
        (0.25, 1.0, 0.75, (0.0, 1.0)),
        (2.0, 2.0, 0.001, (1.5, 2.0)),
    ],
)
def test_a_misreading_lasts_to_its_end_or_to_that_of_the_clip(monkeypatch, start_s, end_s, value, spot):
    made = ByteReading(kind=ReadingKind.BYTE_ORDER, description="Big-endian.", read_as="s16le", right="s16be",
                       start_s=start_s, end_s=end_s, confidence=0.9, count=4, period_s=0.04)  # fmt: skip
    monkeypatch.setattr(byte_reading, "misread", lambda _clip: made)
    found = misread_bytes(clip(VOICE))
    (event,) = found.events
    assert (found.value, found.confidence) == (pytest.approx(value), 0.9)
    assert (event.kind, event.reference_s, event.estimated_s, event.count, event.period_s) == (
        "Big-endian", start_s, start_s, 4, 0.04
    )  # fmt: skip
    assert event.duration_s == pytest.approx((3.0 if end_s is None else end_s) - start_s)
    (place,) = found.spots
    assert (place.tap, place.start_s, place.end_s) == (Tap.HEARD, *spot)
