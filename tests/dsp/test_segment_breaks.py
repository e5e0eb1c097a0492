from pathlib import Path

import numpy as np
import pytest
import soxr
from dsp_voices import loud_frame, made_voice, padded, read
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.dsp.segment import compare_segment
from diag.dsp.segment_events import EventKind
from diag.dsp.spectrum import Sound
from diag.files.rooms import PATHS, find_room, read_responses

ROOM_RATE_HZ = 48000
RANDOM = np.random.default_rng(5)


def breaks(original, copy):
    found = compare_segment(original, copy)
    assert found.reason is None
    return found.events


def changed(sound, frame, length_s, kind):
    x, count = sound.samples, round(length_s * sound.rate_hz)
    silence = np.zeros(count, dtype=np.float32)
    parts = {
        EventKind.STALL: (x[:frame], silence, x[frame:]),
        EventKind.DROPOUT: (x[:frame], silence, x[frame + count :]),
        EventKind.SKIP: (x[:frame], x[frame + count :]),
        EventKind.REPEAT: (x[:frame], x[frame - count : frame], x[frame:]),
    }[kind]
    return Sound(np.concatenate(parts), sound.rate_hz)


@pytest.mark.parametrize("length_s", [0.003, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("kind", [EventKind.STALL, EventKind.DROPOUT, EventKind.SKIP, EventKind.REPEAT])
def test_one_break_is_found_with_its_size(replies, kind, length_s):
    for name in ("ko_room_is_booked", "take_the_express"):
        sound = replies[name]
        frame = loud_frame(sound, 1.0)
        found = breaks(sound, padded(changed(sound, frame, length_s, kind)))
        assert [item.kind for item in found] == [kind], name
        # What the original hardly has cannot be missed: a long gap may begin or end in a pause.
        allowed_s = 0.06 if kind is EventKind.DROPOUT and length_s > 0.1 else 0.001
        assert found[0].duration_s == pytest.approx(length_s, abs=allowed_s), name
        assert found[0].estimated_s == pytest.approx(frame / sound.rate_hz + 0.3, abs=0.2), name


def test_several_breaks_are_told_apart(replies):
    sound = replies["sunny_in_seoul"]
    late = loud_frame(sound, 3.0)
    early = loud_frame(sound, 1.0)
    out = changed(changed(sound, late, 0.2, EventKind.STALL), early, 0.05, EventKind.SKIP)
    found = breaks(sound, padded(out))
    assert [item.kind for item in found] == [EventKind.SKIP, EventKind.STALL]
    assert [item.duration_s for item in found] == pytest.approx([0.05, 0.2], abs=0.001)


@pytest.mark.parametrize("noise_db", [None, -50, -30])
def test_healthy_copies_have_no_breaks(replies, noise_db):
    for name, sound in replies.items():
        out = padded(sound).samples * np.float32(0.5)
        if noise_db is not None:
            out = out + (10 ** (noise_db / 20) * np.std(sound.samples) * RANDOM.standard_normal(out.size)).astype(
                np.float32
            )
        assert breaks(sound, Sound(out, sound.rate_hz)) == (), name


def part_of(sound, start_s, end_s):
    return Sound(sound.samples[round(start_s * sound.rate_hz) : round(end_s * sound.rate_hz)], sound.rate_hz)


@pytest.mark.parametrize("kind", [EventKind.STALL, EventKind.DROPOUT, EventKind.SKIP])
@pytest.mark.parametrize("at_s", [0.09, 0.91])
def test_little_sound_beside_a_break_is_enough(kind, at_s):
    """90 ms of sound before or after it; a window of the search is 80 ms."""
    voice = made_voice(3, 3.0)
    sound = part_of(voice, 0.25 - 0.09, 0.25 + 0.91) if at_s < 0.5 else part_of(voice, 2.65 - 0.91, 2.65 + 0.09)
    found = breaks(sound, padded(changed(sound, round(at_s * sound.rate_hz), 0.005, kind)))
    assert [item.kind for item in found] == [kind]
    assert found[0].duration_s == pytest.approx(0.005, abs=0.001)
    assert found[0].estimated_s == pytest.approx(at_s + 0.3, abs=0.003)


@pytest.mark.parametrize("kind", [EventKind.STALL, EventKind.SKIP])
def test_a_break_is_placed_to_the_millisecond(replies, kind):
    sound = replies["sunny_in_seoul"]
    frame = loud_frame(sound, 1.0)
    found = breaks(sound, padded(changed(sound, frame, 0.037, kind)))
    assert found[0].estimated_s == pytest.approx(frame / sound.rate_hz + 0.3, abs=0.001)


def test_a_gap_with_a_pause_of_the_original_inside_is_one(replies):
    sound = replies["sunny_in_seoul"]
    first = loud_frame(sound, 1.0)
    second = first + round(0.12 * sound.rate_hz)
    quiet = sound.samples.copy()
    quiet[first + 1200 : second - 960] *= 1e-3
    pausing = Sound(quiet, sound.rate_hz)
    found = breaks(pausing, padded(changed(pausing, first, 0.12, EventKind.DROPOUT)))
    assert [item.kind for item in found] == [EventKind.DROPOUT]
    assert found[0].duration_s == pytest.approx(0.12, abs=0.002)


def test_a_hiss_behind_a_low_pass_is_no_dropout():
    """A sibilant above the edge of a filter is as silent in the copy as a gap; a gap is still one."""
    sound = read(Path(__file__).resolve().parents[2] / "scenarios" / "prompts" / "train_with_a_pause.wav")
    spectrum = np.fft.rfft(sound.samples)
    hz = np.fft.rfftfreq(sound.samples.size, 1 / sound.rate_hz)
    dull = np.fft.irfft(spectrum / np.sqrt(1 + (hz / 4000) ** 12), sound.samples.size).astype(np.float32)
    low = Sound(dull, sound.rate_hz)
    assert breaks(sound, padded(low)) == ()
    gap = breaks(sound, padded(changed(low, loud_frame(sound, 1.0), 0.03, EventKind.DROPOUT)))
    assert [item.kind for item in gap] == [EventKind.DROPOUT]


def test_an_end_that_never_came_is_lost_at_the_end(reply):
    cut = padded(Sound(reply.samples[: reply.samples.size // 2], reply.rate_hz), 0.1, 3.0)
    found = breaks(reply, cut)
    assert [item.kind for item in found] == [EventKind.TAIL_LOST]
    assert found[0].duration_s == pytest.approx(0.44 * reply.duration_s, abs=0.25)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    length_s=st.floats(0.02, 0.15), kind=st.sampled_from([EventKind.STALL, EventKind.SKIP, EventKind.REPEAT]),
    gain_db=st.floats(-30, 6), start_s=st.floats(0.4, 1.2),
)  # fmt: skip
def test_changes_of_delay_add_up(length_s, kind, gain_db, start_s):
    """Whatever it is called: what was put in less what was left out is what the copy is longer by."""
    voice = made_voice(6, 5.0)
    copy = padded(changed(voice, round(start_s * voice.rate_hz), length_s, kind))
    found = breaks(voice, Sound(copy.samples * np.float32(10 ** (gain_db / 20)), copy.rate_hz))
    put_in = sum(item.duration_s for item in found if item.kind in (EventKind.STALL, EventKind.REPEAT))
    left_out = sum(item.duration_s for item in found if item.kind is EventKind.SKIP)
    truth = round(length_s * voice.rate_hz) / voice.rate_hz * (-1 if kind is EventKind.SKIP else 1)
    assert put_in - left_out == pytest.approx(truth, abs=0.001)


def noisy(sound, snr_db, seed=1):
    noise = np.random.default_rng(seed).standard_normal(sound.samples.size) * np.std(sound.samples)
    return Sound((sound.samples + noise * 10 ** (-snr_db / 20)).astype(np.float32), sound.rate_hz)


@pytest.mark.parametrize("snr_db", [30, 25])
def test_stalls_in_noise_lose_nothing(replies, snr_db):
    sound = replies["sunny_in_seoul"]
    out = changed(
        changed(sound, loud_frame(sound, 3.0), 0.3, EventKind.STALL), loud_frame(sound, 1.0), 0.2, EventKind.STALL
    )
    found = breaks(sound, noisy(padded(out), snr_db))
    assert [item.kind for item in found] == [EventKind.STALL, EventKind.STALL]
    assert sum(item.duration_s for item in found) == pytest.approx(0.5, abs=0.01)


def test_a_faint_chunk_between_two_gaps_is_not_other_sound(replies):
    """Chunk by chunk one gap of 4 ms; a chunk 45 dB below the others is too little evidence for a piece of its own."""
    sound = replies["sunny_in_seoul"]
    chunk, gap = round(0.2 * sound.rate_hz), np.zeros(round(0.004 * sound.rate_hz), np.float32)
    faint = sound.samples.copy()
    faint[7 * chunk : 8 * chunk] *= 0.02
    parts = [part for at in range(0, faint.size, chunk) for part in (faint[at : at + chunk], gap)]
    found = breaks(Sound(faint, sound.rate_hz), Sound(np.concatenate(parts), sound.rate_hz))
    assert {item.kind for item in found} <= {EventKind.SEAMS, EventKind.STALL, EventKind.DROPOUT}


def test_gaps_that_a_codec_has_blurred_are_silence(replies):
    """8 ms of silence at every chunk, filled by the sound on both sides to 12 dB below it."""
    sound = replies["sunny_in_seoul"]
    chunk, count = round(0.2 * sound.rate_hz), round(0.008 * sound.rate_hz)
    parts = []
    for at in range(0, sound.samples.size, chunk):
        part = sound.samples[at : at + chunk]
        parts += [part, 0.25 * part[-count:][::-1]]
    found = breaks(sound, Sound(np.concatenate(parts), sound.rate_hz))
    assert {item.kind for item in found} <= {EventKind.SEAMS, EventKind.STALL, EventKind.DROPOUT}
    whole = 0.008 * (sound.samples.size // chunk)
    assert sum(item.duration_s for item in found) == pytest.approx(whole, rel=0.25)


def test_other_speech_keeps_its_pauses(replies):
    sound, other = replies["sunny_in_seoul"], replies["hearing_you_well"].samples
    second = round(0.4 * sound.rate_hz)
    pausing = np.concatenate(
        (other[second : 2 * second], np.zeros(second // 2, np.float32), other[2 * second :][:second])
    )
    frame = loud_frame(sound, 1.5)
    out = np.concatenate((sound.samples[:frame], pausing, sound.samples[frame:]))
    found = breaks(sound, Sound(out, sound.rate_hz))
    assert [item.kind for item in found] == [EventKind.OTHER_SOUND]
    assert found[0].duration_s == pytest.approx(pausing.size / sound.rate_hz, abs=0.02)


def test_sound_that_goes_on_at_half_the_speed_is_named(reply):
    half = loud_frame(reply, 2.0)
    slow = np.repeat(reply.samples[half:], 2)
    found = breaks(reply, Sound(np.concatenate((reply.samples[:half], slow)), reply.rate_hz))
    assert EventKind.HALF_SPEED in [event.kind for event in found]


def test_rumble_that_the_copy_has_lost_is_nothing_missing(reply):
    time = np.arange(reply.samples.size) / reply.rate_hz
    level = 0.1 * float(np.abs(reply.samples).max())
    rumble = level * (0.7 + np.sin(2 * np.pi * 11 * time)).astype(np.float32)
    noise = 1e-3 * np.random.default_rng(3).standard_normal(reply.samples.size).astype(np.float32)
    assert breaks(Sound(reply.samples + rumble, reply.rate_hz), Sound(reply.samples + noise, reply.rate_hz)) == ()


def test_a_moved_chunk_is_told_in_noise(reply):
    out, chunk = reply.samples.copy(), round(0.2 * reply.rate_hz)
    at = loud_frame(reply, 2.0) - chunk
    out[at : at + 2 * chunk] = np.concatenate((out[at + chunk : at + 2 * chunk], out[at : at + chunk]))
    noise = np.random.default_rng(5).standard_normal(out.size) * np.std(out) * 0.1
    found = breaks(reply, Sound((out + noise).astype(np.float32), reply.rate_hz))
    assert EventKind.SWAPPED in [event.kind for event in found]


def test_loud_sound_that_is_not_that_of_the_reference_is_told_in_noise(reply):
    out, chunk = reply.samples.copy(), round(0.4 * reply.rate_hz)
    at = loud_frame(reply, 1.0) - chunk // 2
    out[at : at + chunk] = out[at : at + chunk][::-1]
    noise = np.random.default_rng(5).standard_normal(out.size) * np.std(out) * 0.1
    assert breaks(reply, Sound((out + noise).astype(np.float32), reply.rate_hz))


def in_a_room(sound, room, path="speaker_to_ear"):
    """The sound as it is heard in one of the rooms that come with diag, in faint noise."""
    wide = soxr.resample(padded(sound).samples, sound.rate_hz, ROOM_RATE_HZ)
    response = read_responses(find_room(room).path)[:, PATHS.index(path)].astype(float)
    wet = np.convolve(wide, response)[: wide.size]
    return Sound((wet + RANDOM.normal(scale=1e-4, size=wet.size)).astype(np.float32), ROOM_RATE_HZ)


@pytest.mark.parametrize("name", ["hearing_you_well", "ko_sunny_in_seoul"])
def test_reverberation_that_hides_quiet_sound_loses_nothing(replies, name):
    assert [item.kind for item in breaks(replies[name], in_a_room(replies[name], "laptop"))] == []


def test_a_loud_end_that_is_lost_is_missed_in_a_room_too(replies):
    sound = replies["ko_sunny_in_seoul"]
    cut = loud_frame(sound, sound.duration_s - 1.5)
    wet = in_a_room(Sound(np.where(np.arange(sound.samples.size) < cut, sound.samples, 0.0), sound.rate_hz), "laptop")
    assert EventKind.TAIL_LOST in [item.kind for item in breaks(sound, wet)]


@pytest.mark.parametrize(("name", "noise"), [("sunny_in_seoul", 0.05), ("say_it_again", 0.02)])
def test_an_end_that_fades_below_the_noise_is_not_lost(replies, name, noise):
    sound = replies[name]
    time_s = np.arange(sound.samples.size) / sound.rate_hz
    faded = sound.samples * 10 ** (-np.clip(25.0 * (time_s - 0.3 * sound.duration_s) / 0.8, 0.0, 25.0) / 20)
    noisy = faded + noise * np.std(sound.samples) * np.random.default_rng(1).standard_normal(faded.size)
    assert breaks(sound, Sound(noisy.astype(np.float32), sound.rate_hz)) == ()


@pytest.mark.parametrize(("count", "length_s"), [(10, 0.05), (6, 0.03)])
def test_a_short_loop_is_the_sound_repeated_and_no_other_sound(replies, count, length_s):
    for name in ("take_the_express", "sunny_in_seoul"):
        sound = replies[name]
        frame, size = loud_frame(sound, 1.0), round(length_s * sound.rate_hz)
        x = sound.samples
        found = breaks(
            sound, Sound(np.concatenate((x[:frame], np.tile(x[frame - size : frame], count), x[frame:])), sound.rate_hz)
        )
        assert {item.kind for item in found} == {EventKind.REPEAT}, name
        assert sum(item.duration_s for item in found) == pytest.approx(count * length_s, abs=0.001), name


def test_a_tone_and_a_held_vowel_are_no_loop(replies):
    sound = replies["take_the_express"]
    frame, x = loud_frame(sound, 1.0), sound.samples
    time_s = np.arange(round(0.5 * sound.rate_hz)) / sound.rate_hz
    wave = sum(np.cos(2 * np.pi * 120.0 * harmonic * time_s) / harmonic for harmonic in range(1, 20))
    for other in (0.1 * np.sin(2 * np.pi * 400.0 * time_s), 0.05 * wave):
        found = breaks(sound, Sound(np.concatenate((x[:frame], other, x[frame:])).astype(np.float32), sound.rate_hz))
        assert EventKind.REPEAT not in {item.kind for item in found}
