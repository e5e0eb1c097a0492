"""Long recordings: parts together give what the whole gives, alone and against a reference."""

import numpy as np
import pytest
import soundfile as sf

from diag.core.audio_reader import reader_of
from diag.core.chain import Segment, Tap
from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.measure.engine import measure_clip, measure_pair
from diag.measure.long_recording import measure_long
from diag.measure.metrics.continuity import events_in
from diag.measure.parts import cut_in_pauses

RATE_HZ = 24000
LENGTH_S = 130.0
"""Of the fixture `long_speech`."""


def clip(samples, rate_hz=RATE_HZ):
    return Clip(samples=samples, sample_rate_hz=rate_hz, start_s=0.0)


def long(samples, reference=None, rate_hz=RATE_HZ, **named):
    against = None if reference is None else reader_of(clip(reference))
    return measure_long(reader_of(clip(samples, rate_hz)), against, **named)


NEAR = {
    "bandwidth_hz": 300.0, "tilt_db_per_octave": 0.2, "centroid_hz": 60.0, "imaging": 0.03, "clipping_rate_hz": 0.02,
    "click_rate_hz": 0.02, "dropout_count": 0.5, "flatness": 0.001, "equal_pairs": 0.01, "tonality_db": 3.0,
    "level_lufs": 0.3, "dc_dbfs": 1.0, "peak_dbfs": 1e-6, "rate_ratio": 1e-5, "time_ratio": 1e-5, "drift_ppm": 1.0,
    "hop_delay_s": 1e-4, "inserted_silence_s": 0.002, "skipped_s": 0.002, "repeated_s": 0.002, "dullness_db": 0.2,
}  # fmt: skip


NOTHING_ADDED_DB = -80.0
"""Less than this is rounding, and differs from part to part."""


def close(found, expected):
    measured = {(item.metric, item.segment, item.tap): item for item in found.measurements}
    assert len(measured) == len(found.measurements.items)
    assert set(measured) == {(item.metric, item.segment, item.tap) for item in expected}
    for item in expected:
        other = measured[item.metric, item.segment, item.tap]
        if isinstance(item.value, float):
            # A measure that this table does not know yet must come near at least.
            near = NEAR.get(item.metric, 0.05 * abs(item.value) + 0.05)
            if item.metric.startswith("added_") and max(item.value, other.value) < NOTHING_ADDED_DB:
                continue
            assert other.value == pytest.approx(item.value, abs=near), (item.metric, item.tier)
        elif item.value is None:
            assert other.value is None, item.metric


def test_parts_end_in_pauses_and_leave_nothing_out(long_speech):
    found = list(cut_in_pauses(reader_of(clip(long_speech))))
    assert len(found) == 2
    assert np.array_equal(np.concatenate([samples for _, samples in found]), long_speech)
    assert np.abs(found[0][1][-2400:]).max() < 0.01


@pytest.mark.parametrize("tap", [None, Tap.CAPTURED])
def test_parts_together_are_the_whole(long_speech, tap):
    found = long(long_speech, tap=tap)
    assert len(found.alone) == 2
    assert found.alone[1].end_s == pytest.approx(LENGTH_S)
    close(found, measure_clip(clip(long_speech), tap=tap))


def test_parts_together_are_the_whole_against_a_reference(long_speech):
    late = np.concatenate((np.zeros(12345, np.float32), long_speech))
    late = np.concatenate((late[:700000], np.zeros(2400, np.float32), late[700000:1900000], late[1904800:]))
    segment = Segment(Tap.RECEIVED, Tap.PLAYED)
    found = long(late, long_speech, segment=segment)
    close(found, measure_pair(clip(long_speech), clip(late), segment=segment))
    assert found.measurements.value("inserted_silence_s") == pytest.approx(0.1, abs=0.002)
    assert found.measurements.value("skipped_s") == pytest.approx(0.2, abs=0.002)


def test_what_is_put_in_between_two_parts_is_seen(long_speech):
    (_, first), _ = cut_in_pauses(reader_of(clip(long_speech)))
    stalled = np.concatenate((long_speech[: first.size], np.zeros(4800, np.float32), long_speech[first.size :]))
    found = long(stalled, long_speech)
    assert found.measurements.value("inserted_silence_s") == pytest.approx(0.2, abs=0.002)


def test_wrong_speed_throughout(long_speech):
    found = long(long_speech, long_speech, rate_hz=16000)
    assert found.measurements.value("rate_ratio") == pytest.approx(2 / 3, rel=0.002)


def test_a_recording_that_ends_too_early(long_speech):
    found = long(long_speech[: 55 * RATE_HZ], long_speech)
    ended = found.against[-1].measurements
    assert {item.missing.code for item in ended if item.metric != "tail_lost_s"} == {MissingCode.ENDED}
    # All sound after the first 55 s is lost at the end: that of the last part, and some of the part before it.
    assert ended.value("tail_lost_s") == pytest.approx(found.against[-1].sound_s)
    assert found.measurements.value("tail_lost_s") > ended.value("tail_lost_s")


def test_other_speech_is_no_copy(long_speech, scenarios):
    other, _ = sf.read(scenarios / "prompts" / "train_with_a_pause.wav", dtype="float32")
    found = long(long_speech, other)
    assert {item.value for item in found.measurements if item.segment} == {None}
    assert {item.missing.code for item in found.measurements if item.segment} == {MissingCode.NO_MATCH}


def test_progress_is_reported_up_to_the_end(long_speech):
    reported = []
    long(long_speech, long_speech, progress=lambda done, total: reported.append((done, total)))
    assert reported[-1] == pytest.approx((3 * LENGTH_S, 3 * LENGTH_S))
    assert reported == sorted(reported)


# --- what happened where parts meet, and outside of them


def events(found):
    kinds = (
        (event.kind, round(event.reference_s, 1), round(event.estimated_s, 1), round(event.duration_s, 1))
        for event in events_in(found.measurements)
    )
    return sorted(kinds)


@pytest.fixture(scope="module")
def border(long_speech):
    """Frame at which the first part ends."""
    (_, first), _ = cut_in_pauses(reader_of(clip(long_speech)))
    return first.size


def test_the_neighbours_of_a_part_are_no_other_sound(long_speech):
    # Without pauses, every part is cut out of the midst of speech.
    dense = long_speech[np.convolve(np.abs(long_speech), np.full(2400, 1 / 2400), mode="same") > 0.01]
    dense = np.concatenate((dense, np.roll(dense, 99999)))[: round(LENGTH_S * RATE_HZ)]
    for recording in (long_speech, dense):
        found = long(recording, recording)
        assert len(found.against) == 2
        assert [part.measurements.value("other_sound_s") for part in found.against] == [0.0, 0.0]
        assert events(found) == []


def test_a_stall_between_two_parts_has_its_times_in_both_recordings(long_speech, border):
    late = np.concatenate(
        (np.zeros(24000, np.float32), long_speech[:border], np.zeros(4800, np.float32), long_speech[border:])
    )
    at_s = border / RATE_HZ
    assert events(long(late, long_speech)) == [("stall", round(at_s, 1), round(at_s + 1.0, 1), 0.2)]


def test_later_parts_have_the_times_of_the_whole_recordings(long_speech):
    late = np.concatenate((np.zeros(24000, np.float32), long_speech))
    broken = np.concatenate((late[: 91 * RATE_HZ], np.zeros(12000, np.float32), late[91 * RATE_HZ :]))
    ((kind, reference_s, estimated_s, duration_s),) = events(long(broken, long_speech))
    assert (kind, duration_s) == ("stall", 0.5)
    assert (reference_s, estimated_s) == pytest.approx((90.0, 91.0), abs=0.7)


def test_sound_put_in_between_two_parts_is_other_sound_and_no_silence(long_speech, border):
    other = long_speech[20 * RATE_HZ : 23 * RATE_HZ][::-1]
    found = long(np.concatenate((long_speech[:border], other, long_speech[border:])), long_speech).measurements
    assert found.value("other_sound_s") + found.value("inserted_silence_s") == pytest.approx(3.0, abs=0.7)
    assert found.value("other_sound_s") > 1.5
    assert found.value("skipped_s") == 0.0


def test_what_is_left_out_across_a_border_is_skipped_and_not_lost_at_an_end(long_speech, border):
    short = np.concatenate((long_speech[: border - 3 * RATE_HZ], long_speech[border + 2 * RATE_HZ :]))
    found = long(short, long_speech).measurements
    assert found.value("skipped_s") == pytest.approx(5.0, abs=0.7)
    assert (found.value("tail_lost_s"), found.value("head_lost_s")) == (0.0, 0.0)
    assert found.value("other_sound_s") == 0.0


def test_a_part_of_which_nothing_is_found_is_lost(long_speech, border):
    silent = long_speech.copy()
    silent[border:] = 0.0
    found = long(np.concatenate((silent, np.zeros(RATE_HZ, np.float32))), long_speech)
    lost_s = found.against[1].sound_s
    assert found.measurements.value("skipped_s") + found.measurements.value("tail_lost_s") == pytest.approx(lost_s)
    assert lost_s > 20.0


def test_sound_before_and_after_the_reference_is_other_sound(long_speech):
    other = long_speech[20 * RATE_HZ : 26 * RATE_HZ][::-1]
    pause = np.zeros(3 * RATE_HZ, np.float32)
    found = long(np.concatenate((other, pause, long_speech, pause, other)), long_speech)
    places = [item[2] for item in events(found)]
    assert {item[0] for item in events(found)} == {"other sound"}
    assert min(places) < 3.0
    assert max(places) > LENGTH_S + 11.0
    assert 8.0 < found.measurements.value("other_sound_s") < 12.3
