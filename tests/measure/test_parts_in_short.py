"""Long recordings, cut into parts of three seconds so that a test takes no minute, against approved values."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from approved import check, measurements_in_words
from builders import speech

from diag.core.audio_reader import reader_of
from diag.core.chain import Segment, Tap
from diag.core.clip import Clip
from diag.core.results import SoundEvent
from diag.dsp.segment_events import EventKind
from diag.measure import long_reference, part_events, parts
from diag.measure.long_reference import measure_against
from diag.measure.part_events import Stretch, in_the_middle, joined, sound_outside, whole_part_lost
from diag.measure.parts import measure_alone
from diag.measure.pooling import pooled
from diag.measure.registry import MetricKind, all_metrics

APPROVED = Path(__file__).with_name("approved_parts.txt")
RATE_HZ = 16000
SEGMENT = Segment(Tap.RECEIVED, Tap.HEARD)
CONTINUITY = ("inserted_silence_s", "skipped_s", "repeated_s", "head_lost_s", "tail_lost_s", "other_sound_s",
              "hop_delay_s", "rate_ratio", "level_change_db", "dropout_count")  # fmt: skip
ON_SEGMENT = [item for item in all_metrics() if item.kind is MetricKind.SEGMENT and item.name in CONTINUITY]
ALONE = [item for item in all_metrics() if item.kind is MetricKind.TAP and item.name in (
    "level_lufs", "peak_dbfs", "clipping_rate_hz", "click_rate_hz", "dropout_count", "bandwidth_hz")]  # fmt: skip


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch):
    for module in (parts, part_events):
        monkeypatch.setattr(module, "PART_S", 3.0)
    monkeypatch.setattr(parts, "LEAST_PART_S", 1.5)
    monkeypatch.setattr(parts, "PAUSE_WITHIN_S", 1.2)
    for name, length_s in (("PROBE_S", 2.5), ("NEAR_S", 4.0), ("WINDOW_S", 4.0), ("STEP_S", 2.0), ("MARGIN_S", 0.5),
                           ("WIDE_MARGIN_S", 2.0)):  # fmt: skip
        monkeypatch.setattr(long_reference, name, length_s)


@functools.cache
def talk():
    """Nine seconds of speech with a pause of 0.5 s about every two seconds."""
    pieces = [np.concatenate([speech(1.8, seed, RATE_HZ), np.zeros(RATE_HZ // 2, np.float32)]) for seed in range(4)]
    return np.concatenate(pieces)


def stalled(samples):
    return np.concatenate([samples[:70_000], np.zeros(8000, np.float32), samples[70_000:]])


def skipped(samples):
    return np.concatenate([samples[:40_000], samples[64_000:]])


def cut_short(samples):
    return samples[:85_000]


def late_and_more(samples):
    other = speech(1.5, 9, RATE_HZ)
    return np.concatenate([np.zeros(9600, np.float32), other, np.zeros(6400, np.float32), samples, other])


def reader(samples):
    return reader_of(Clip(samples=samples.astype(np.float32), sample_rate_hz=RATE_HZ))


def in_words(found, metrics):
    lines = [
        f"{item.start_s:.2f} to {item.end_s:.2f} s, {item.sound_s:.2f} s of sound, "
        f"{'silent' if item.loud_dbfs is None else f'{item.loud_dbfs:.1f} dBFS'}\n"
        f"{measurements_in_words(item.measurements)}"
        for item in found
    ]
    return "\n".join([*lines, "together", measurements_in_words(pooled(metrics, found))])


@pytest.mark.parametrize("change", [stalled, skipped, cut_short, late_and_more])
def test_parts_against_a_reference_are_as_approved(change):
    told = []
    found = measure_against(reader(talk()), reader(change(talk())), ON_SEGMENT, segment=SEGMENT,
                            progress=lambda done_s, of_s: told.append(f"{done_s:.1f} of {of_s:.1f} s"))  # fmt: skip
    check(APPROVED, change.__name__, f"{', '.join(told)}\n{in_words(found, ON_SEGMENT)}")


def test_parts_by_themselves_are_as_approved():
    told = []
    quiet = np.concatenate([talk(), 1e-3 * speech(3.0, 3, RATE_HZ), np.zeros(RATE_HZ)])
    found = measure_alone(
        reader(quiet), ALONE, tap=Tap.HEARD, progress=lambda done_s, of_s: told.append((done_s, of_s))
    )
    check(APPROVED, "alone", f"{in_words(found, ALONE)}\n{told}")


def test_what_is_not_there_is_not_found():
    nothing = measure_against(reader(np.zeros(48_000)), reader(talk()), ON_SEGMENT, segment=SEGMENT)
    silent = measure_against(reader(talk()), reader(np.zeros(48_000)), ON_SEGMENT, segment=SEGMENT)
    check(APPROVED, "not there", "\n".join(in_words(found, ON_SEGMENT) for found in (nothing, silent)))


# --- events at the borders of parts


def event(kind, reference_s, estimated_s, duration_s):
    return SoundEvent(kind=kind.value, reference_s=reference_s, estimated_s=estimated_s, duration_s=duration_s)


BEFORE = {
    "nothing": (), "a tail": (event(EventKind.TAIL_LOST, 59.0, 59.5, 0.8),),
    "other sound to the end": (event(EventKind.OTHER_SOUND, 58.0, 59.2, 3.0),),
    "a short rest of other sound": (event(EventKind.OTHER_SOUND, 58.0, 60.44, 3.0),),
    "a tail and other sound": (
        event(EventKind.TAIL_LOST, 59.0, 59.5, 0.8), event(EventKind.OTHER_SOUND, 59.0, 59.6, 0.7)),
}  # fmt: skip
AFTER = {
    "nothing": (), "a head": (event(EventKind.HEAD_LOST, 60.0, 60.5, 0.4),),
    "a stall": (event(EventKind.STALL, 60.0, 60.1, 0.3),), "a late stall": (event(EventKind.STALL, 61.0, 61.5, 0.3),),
    "other sound": (event(EventKind.OTHER_SOUND, 60.0, 60.2, 0.25),),
    "a head and other sound": (
        event(EventKind.HEAD_LOST, 60.0, 60.5, 0.4), event(EventKind.OTHER_SOUND, 60.0, 60.2, 0.38)),
}  # fmt: skip
STARTS_S = (59.6, 59.997, 60.0, 60.004, 60.5)


def test_events_between_two_parts_are_as_approved():
    lines = []
    for before, own in BEFORE.items():
        for after, other in AFTER.items():
            for there_s in STARTS_S:
                stretches = [Stretch(0.0, 60.0, 0.0, 60.0, followed=True, exact=True),
                             Stretch(60.0, 120.0, there_s, 60.0 + there_s, followed=True, exact=True)]  # fmt: skip
                found = joined([own, other], stretches)
                words = " | ".join(
                    ", ".join(
                        f"{item.kind} {item.reference_s:g} {item.estimated_s:g} {item.duration_s:.4g}" for item in part
                    )
                    for part in found
                )
                lines.append(f"{before}, {after}, from {there_s} s: {words}")
    check(APPROVED, "between parts", "\n".join(lines))


@pytest.mark.parametrize(("exact", "followed"), [(True, False), (False, True), (False, False)])
def test_parts_that_were_not_followed_are_not_joined(exact, followed):
    own, other = BEFORE["a tail"], AFTER["a head"]
    stretches = [
        Stretch(0, 60, 0, 60, followed=True, exact=exact),
        Stretch(60, 120, 60, 120, followed=followed, exact=True),
    ]
    assert joined([own, other], stretches) == [own, other]


def test_a_part_that_is_lost_is_skipped_or_is_the_tail():
    samples = np.concatenate([np.zeros(RATE_HZ), talk()[: 2 * RATE_HZ], np.zeros(RATE_HZ)])
    for begin_s, end_s in ((0.5, 3.5), (0.5, 4.0), (-1.0, 9.0), (3.2, 3.8)):
        stretch = Stretch(10.0, 13.0, begin_s, end_s, followed=False, exact=True)
        lost, *sounds = whole_part_lost(reader(samples), stretch, 2.5, -60.0)
        assert lost.kind == ("skip" if end_s < 4.0 else "tail lost")
        assert (lost.reference_s, lost.duration_s) == (10.0, 2.5)
        assert lost.estimated_s == max(0.0, begin_s)
        assert len(sounds) == (0 if begin_s > 3 else 1)
        for item in sounds:
            assert item.estimated_s == pytest.approx(1.0, abs=0.03)
            assert item.duration_s == pytest.approx(1.8, abs=0.05)


def test_sound_before_and_after_what_was_compared_is_other_sound():
    gap, sound = np.zeros(RATE_HZ, np.float32), speech(0.8, 5, RATE_HZ)
    before, after = sound_outside(reader(np.concatenate([gap, sound, gap, sound, gap, sound])), (1.9, 3.7), -60.0)
    assert [round(item.estimated_s, 1) for item in (*before, *after)] == [1.0, 4.6]
    assert all(
        item.kind == "other sound" and item.duration_s == pytest.approx(0.8, abs=0.03) for item in (*before, *after)
    )
    assert all(-30 < item.level_db < -5 for item in before)
    assert sound_outside(reader(sound), (-1.0, 9.0), -60.0) == ((), ())


def test_in_the_middle_nothing_is_lost_at_the_end():
    tail, stall = BEFORE["a tail"][0], AFTER["a stall"][0]
    assert in_the_middle((tail, stall)) == (replace(tail, kind="skip"), stall)
