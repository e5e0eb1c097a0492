"""Continuity against the input: each kind of event is counted by its own measure, with its time in both clips."""

from dataclasses import replace

import numpy as np
import pytest
from builders import Story, speech

from diag.core.chain import Hop, Segment, Tap
from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, SoundEvent, Tier
from diag.dsp.segment_events import EventKind
from diag.measure.engine import measure_pair
from diag.measure.metrics.continuity import KINDS, events_in, with_events
from diag.measure.registry import MetricKind, all_metrics

RATE_HZ = 24000
VOICE = speech(4.0, 5, RATE_HZ)
OTHER = 0.5 * speech(1.0, 99, RATE_HZ)
SEGMENT = Segment(Tap.RECEIVED, Tap.PLAYED)
METRICS = [item for item in all_metrics() if item.name in KINDS and item.kind is MetricKind.SEGMENT]


def clip(samples):
    return Clip(samples=np.asarray(samples, dtype=np.float32), sample_rate_hz=RATE_HZ)


def at(seconds):
    return round(seconds * RATE_HZ)


def measured(samples):
    return measure_pair(clip(VOICE), clip(samples), segment=SEGMENT, metrics=METRICS)


CHANGES = {
    "stall": (np.concatenate((VOICE[: at(1.5)], np.zeros(at(0.2)), VOICE[at(1.5) :])), "inserted_silence_s", 0.2, 1.5),
    "dropout": (VOICE * np.r_[np.ones(at(1.5)), np.zeros(at(0.1)), np.ones(VOICE.size - at(1.6))],
                "inserted_silence_s", 0.1, 1.5),
    "skip": (np.concatenate((VOICE[: at(1.5)], VOICE[at(1.8) :])), "skipped_s", 0.3, 1.5),
    "repeat": (np.concatenate((VOICE[: at(1.5)], VOICE[at(1.3) :])), "repeated_s", 0.2, 1.5),
    "head lost": (VOICE[at(0.4) :], "head_lost_s", 0.4, 0.0),
    "tail lost": (VOICE[: at(3.5)], "tail_lost_s", 0.5, 3.5),
    "other sound": (np.concatenate((VOICE[: at(1.5)], OTHER, VOICE[at(1.5) :])), "other_sound_s", 1.0, 1.5),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_every_change_is_told_by_its_own_measure_alone(kind):
    samples, metric, size_s, place_s = CHANGES[kind]
    found = measured(samples)
    totals = {name: found.value(name) for name in KINDS if name != "dropout_count"}
    assert totals.pop(metric) == pytest.approx(size_s, abs=0.03)
    # Where other speech begins and ends, a word of the input may be cut short by some milliseconds.
    assert max(totals.values()) < 0.02, totals
    (item,) = found.find(metric)
    assert item.events[0].estimated_s == pytest.approx(place_s, abs=0.06)
    assert [spot.tap for spot in item.spots] == [Tap.PLAYED] * len(item.events)


@pytest.mark.parametrize(("metric", "kind"), [("inserted_silence_s", "stall"), ("skipped_s", "skip")])
def test_after_a_first_break_both_clips_have_their_own_times(metric, kind):
    first = np.concatenate((VOICE[: at(1.0)], np.zeros(at(0.5)), VOICE[at(1.0) :]))
    broken = np.concatenate((first[: at(3.0)], np.zeros(at(0.1)), first[at(3.0) :]))
    if kind == "skip":
        broken = np.concatenate((first[: at(3.0)], first[at(3.3) :]))
    events = measured(broken).find(metric)[0].events
    assert events[-1].kind == kind
    assert events[-1].estimated_s == pytest.approx(3.0, abs=0.06)
    assert events[-1].reference_s == pytest.approx(2.5, abs=0.06)


def test_a_copy_has_no_events():
    found = measured(VOICE)
    assert events_in(found) == ()
    assert {found.value(name) for name in KINDS} == {0.0}


def test_what_is_no_copy_has_no_values():
    found = measured(speech(4.0, 77, RATE_HZ))
    assert {item.value for item in found} == {None}
    assert len({item.missing for item in found}) == 1


def test_on_a_turn_of_a_take_events_have_the_times_of_both_recordings(judged):
    def stall(samples):
        return np.concatenate((samples[:20000], np.zeros(2400, samples.dtype), samples[20000:]))[: samples.size]

    take, found = judged(replace(Story(), play=stall))
    (item,) = found.find("inserted_silence_s", hop=Hop.PLAYER)
    (event,) = item.events
    turn = take.turns[0]
    received_s = turn.reply_spans[Tap.RECEIVED][0] / RATE_HZ + 20000 / RATE_HZ
    first = next(item for item in take.timeline.named("playout_started")).data["frame"]
    assert event.reference_s == pytest.approx(received_s, abs=0.06)
    assert event.estimated_s == pytest.approx((first + 20000) / take.clips[Tap.PLAYED].sample_rate_hz, abs=0.06)
    assert item.spots[0].start_s < event.estimated_s < item.spots[0].end_s


def test_every_kind_is_counted_by_one_total():
    counted = [kind for name, kinds in KINDS.items() if name != "dropout_count" for kind in kinds]
    assert len(counted) == len(set(counted))
    # A second copy has a level and no total.
    assert set(EventKind) - set(counted) == {EventKind.SECOND_COPY}


def test_values_follow_from_events():
    stall = SoundEvent(kind="stall", reference_s=1.0, estimated_s=1.0, duration_s=0.2)
    seams = SoundEvent(kind="seams", reference_s=1.0, estimated_s=1.2, duration_s=0.3, count=30, period_s=0.02)
    made = Measurements(
        tuple(
            Measurement(metric=name, unit="s", value=9.0, missing=None, tier=Tier.WAVEFORM, segment=SEGMENT)
            for name in (*KINDS, "rate_ratio")
        )
    )
    found = with_events(made, (stall, seams))
    assert found.value("inserted_silence_s") == pytest.approx(0.5)
    assert found.value("dropout_count") == 31
    assert found.value("skipped_s") == 0.0
    assert found.value("rate_ratio") == 9.0
    assert events_in(found) == (stall, seams)


@pytest.mark.parametrize(("at_s", "begin_s"), [(1.0, 0.7), (0.2, 0.0)])
def test_one_listens_300_ms_around_an_event(at_s, begin_s):
    stall = SoundEvent(kind="stall", reference_s=5.0, estimated_s=at_s, duration_s=0.2)
    item = Measurement(metric="inserted_silence_s", unit="s", value=9.0, missing=None, tier=Tier.WAVEFORM)
    (alone,) = with_events([item], (stall,))
    (of_segment,) = with_events([replace(item, segment=SEGMENT)], (stall,))
    for found, tap in ((alone, Tap.HEARD), (of_segment, Tap.PLAYED)):
        (spot,) = found.spots
        assert (spot.tap, spot.start_s, spot.end_s) == (tap, pytest.approx(begin_s), pytest.approx(at_s + 0.5))


@pytest.mark.parametrize("known", [False, True])
def test_what_has_no_value_keeps_its_reason_unless_all_is_known(known):
    missing = Missing(MissingCode.NO_MATCH, "nothing in common")
    item = Measurement(metric="skipped_s", unit="s", value=None, missing=missing, tier=Tier.WAVEFORM, segment=SEGMENT)
    skip = SoundEvent(kind="skip", reference_s=1.0, estimated_s=1.0, duration_s=0.2)
    (found,) = with_events([item], (skip,), known=known)
    assert (found.value, found.missing) == ((0.2, None) if known else (None, missing))
