import numpy as np
import pytest
from dsp_voices import loud_frame, made_voice

from diag.dsp.segment import compare_segment
from diag.dsp.segment_events import EventKind
from diag.dsp.spectrum import Sound


def changed(sound, change, frames, length_s):
    """Return the sound with each stretch from a frame on changed in place."""
    out = sound.samples.copy()
    size = round(length_s * sound.rate_hz)
    for frame in frames:
        out[frame : frame + size] = change(sound.samples, frame, size)
    return Sound(out, sound.rate_hz)


def before(samples, frame, size):
    return samples[frame - size : frame]


def backwards(samples, frame, size):
    return samples[frame : frame + size][::-1]


def loud_frames(sound, seconds):
    return [loud_frame(sound, after_s) for after_s in seconds]


@pytest.mark.parametrize("length_s", [0.01, 0.02, 0.04, 0.06, 1024 / 44100])
@pytest.mark.parametrize("name", ["sunny_in_seoul", "ko_room_is_booked"])
def test_each_packet_that_repeats_the_one_before_is_found_in_place_of_sound(replies, name, length_s):
    sound = replies[name]
    frames = loud_frames(sound, (0.2, 1.2, 2.2))
    found = compare_segment(sound, changed(sound, before, frames, length_s)).events
    assert [item.kind for item in found] == [EventKind.CONCEALED] * 3
    for item, frame in zip(found, frames, strict=True):
        assert item.estimated_s == pytest.approx(frame / sound.rate_hz, abs=0.001)
        assert item.reference_s == pytest.approx(frame / sound.rate_hz, abs=0.001)
        assert item.duration_s == pytest.approx(length_s, abs=0.001)


def test_a_packet_that_is_repeated_twice_is_found_twice(replies):
    sound = replies["sunny_in_seoul"]
    size, frame = round(0.02 * sound.rate_hz), loud_frame(sound, 1.2)
    out = changed(sound, before, [frame], 0.02)
    out.samples[frame + size : frame + 2 * size] = out.samples[frame : frame + size]
    found = compare_segment(sound, out).events
    assert {item.kind for item in found} == {EventKind.CONCEALED}
    assert sum(item.duration_s for item in found) == pytest.approx(0.04, abs=0.002)


@pytest.mark.parametrize("below_db", [0, 15])
def test_sound_that_runs_backwards_is_lost_and_other_sound_however_quiet(replies, below_db):
    sound = replies["sunny_in_seoul"]
    frame, size = loud_frame(sound, 1.2), round(0.1 * sound.rate_hz)
    softer = sound.samples.copy()
    softer[frame - size : frame + 2 * size] *= np.float32(10 ** (-below_db / 20))
    sound = Sound(softer, sound.rate_hz)
    found = compare_segment(sound, changed(sound, backwards, [frame], 0.1)).events
    assert {item.kind for item in found} == {EventKind.OTHER_SOUND, EventKind.SKIP}
    for item in found:
        assert item.duration_s == pytest.approx(0.1, abs=0.01)


def test_silence_in_place_of_sound_is_no_repeat(replies):
    sound = replies["sunny_in_seoul"]
    frame = loud_frame(sound, 1.2)
    found = compare_segment(sound, changed(sound, lambda *_: np.float32(0.0), [frame], 0.02)).events
    assert [item.kind for item in found] == [EventKind.DROPOUT]


def test_sound_that_is_replaced_at_the_very_beginning_has_nothing_earlier_to_repeat():
    sound = made_voice()
    out = sound.samples.copy()
    out[:480] = out[480:960]
    found = compare_segment(sound, Sound(out, sound.rate_hz))
    assert EventKind.CONCEALED not in {item.kind for item in found.events}


def test_a_repeat_and_a_loss_of_the_same_length_that_are_far_apart_are_two_events(replies):
    sound = replies["sunny_in_seoul"]
    size, early, late = round(0.05 * sound.rate_hz), loud_frame(sound, 0.2), loud_frame(sound, 1.2)
    x = sound.samples
    out = Sound(np.concatenate((x[:early], x[early - size : late], x[late + size :])), sound.rate_hz)
    found = compare_segment(sound, out).events
    assert [item.kind for item in found] == [EventKind.REPEAT, EventKind.SKIP]
