import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from diag.dsp.clicks import clicks
from diag.dsp.echo import find_echo
from diag.dsp.gaps import digital_gaps, noisy_gaps
from diag.dsp.glitches import (
    equal_pairs,
    flat_tops,
    flatness,
    held_tops,
    one_zero_pairs,
    piled_tops,
    tonality_db,
)
from diag.dsp.spectrum import Sound, short_time_power

RANDOM = np.random.default_rng(13)


def pcm(sound):
    return np.round(sound.samples * 32767).astype("<i2")


@settings(max_examples=15, deadline=None, derandomize=True)
@given(gain_db=st.floats(-40, 0), sign=st.sampled_from([-1, 1]))
def test_clipping_is_found_at_any_gain(reply, gain_db, sign):
    peak = np.abs(reply.samples).max()
    clipped = np.clip(reply.samples * np.float32(2), -peak, peak) * np.float32(sign * 10 ** (gain_db / 20))
    assert flat_tops(clipped.astype(np.float32)).count > 5


def test_clipping_is_found_after_resampling_and_nothing_in_clean_voices(replies):
    found = 0
    for name, sound in replies.items():
        assert flat_tops(pcm(sound) / 32768).count == 0, name
        assert piled_tops(sound.samples, sound.rate_hz).count == 0, name
        peak = np.abs(sound.samples).max()
        found += piled_tops(soxr.resample(np.clip(sound.samples * 2, -peak, peak), 24000, 48000), 48000).count > 0
    assert found >= len(replies) - 1


@pytest.mark.parametrize("wrong", ["big", "odd"])
def test_wrong_bytes_are_seen(replies, wrong):
    for name, sound in replies.items():
        bad = pcm(sound).byteswap().tobytes() if wrong == "big" else b"\x00" + pcm(sound).tobytes()
        heard = np.frombuffer(bad[: len(bad) // 2 * 2], dtype="<i2").astype(np.float32) / 32768
        assert flatness(short_time_power(heard, 24000)) > 0.2, name
        assert flatness(sound.spectrum) < 0.05, name


def test_stereo_read_as_mono(replies):
    for name, sound in replies.items():
        assert equal_pairs(np.repeat(sound.samples, 2)) > 0.99, name
        left = np.stack((sound.samples, np.zeros_like(sound.samples)), axis=1).reshape(-1)
        assert one_zero_pairs(left) > 0.99, name
        assert max(equal_pairs(sound.samples), one_zero_pairs(sound.samples)) < 0.2, name


def loud_places(sound, count):
    size = round(0.02 * sound.rate_hz)
    level = np.convolve(np.abs(sound.samples), np.ones(size) / size, mode="same")
    inside = np.arange(sound.samples.size)
    edge = round(0.1 * sound.rate_hz)
    fits = (level > 0.12 * np.abs(sound.samples).max()) & (inside > edge) & (inside < sound.samples.size - 3 * edge)
    return RANDOM.choice(np.flatnonzero(fits), count)


@pytest.mark.parametrize("length_ms", [3, 10, 30])
def test_digital_gaps_are_found_and_pauses_are_not(replies, length_ms):
    hits = tries = 0
    for name, sound in replies.items():
        assert digital_gaps(sound.samples, sound.rate_hz) == [], name
        for place in loud_places(sound, 10):
            end = place + round(length_ms / 1000 * sound.rate_hz)
            if np.abs(sound.samples[end : end + 120]).max() < 0.15 * np.abs(sound.samples).max():
                continue  # it ends in a pause: nothing is cut off behind it
            cut = sound.samples.copy()
            cut[place:end] = 0
            hits += any(abs(first - place) < 40 for first, _ in digital_gaps(cut, sound.rate_hz))
            tries += 1
    assert hits >= 0.85 * tries


def test_a_hole_over_a_noise_floor_is_found(reply):
    place = int(np.argmax(np.convolve(np.abs(reply.samples), np.ones(2400), mode="same")))
    cut = reply.samples.copy()
    cut[place : place + 480] = 0
    cut += (1e-4 * RANDOM.standard_normal(cut.size)).astype(np.float32)
    assert any(abs(first - place) < 100 for first, _ in noisy_gaps(cut, reply.rate_hz))


def test_large_clicks_are_found(replies):
    hits = tries = 0
    for sound in replies.values():
        peak = np.abs(sound.samples).max()
        for place in loud_places(sound, 5):
            hurt = sound.samples.copy()
            hurt[place] += 0.4 * peak
            hits += any(abs(frame - place) < 20 for frame in clicks(hurt, sound.rate_hz).frames)
            tries += 1
    assert hits >= 0.8 * tries


def test_clicks_of_clean_real_speech_are_rare(speech):
    names = [name for name in speech if name.startswith(("ljspeech", "neural_tts_turn", "lyra", "voice_talent"))]
    total = sum(clicks(speech[name].samples, speech[name].rate_hz).count for name in names)
    assert total <= 1


def test_a_stuck_tone_stands_out_and_speech_does_not(replies):
    tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(72000) / 24000) + 1e-4 * RANDOM.standard_normal(72000)
    assert tonality_db(short_time_power(tone, 24000)) > 40
    for name, sound in replies.items():
        assert tonality_db(sound.spectrum) < 30, name


@pytest.mark.parametrize("samples", [np.zeros(0), np.ones(1), np.zeros(9000), np.full(9000, 0.5)])
def test_silence_and_direct_current_have_no_glitches(samples):
    data = samples.astype(np.float32)
    assert clicks(data, 24000).count == 0
    assert digital_gaps(data, 24000) == []
    assert noisy_gaps(data, 24000) == []
    assert piled_tops(data, 24000).count == 0
    assert equal_pairs(np.zeros(0, np.float32)) == one_zero_pairs(np.zeros(0, np.float32)) == 0.0
    assert flatness(Sound(np.zeros(0, np.float32), 24000.0).spectrum) is None


@pytest.mark.parametrize("level_db", [-10, -20, -30, -40, -50])
def test_echo_in_single_talk(replies, level_db):
    known = replies["ko_room_is_booked"].samples
    late = round(0.1234 * 24000)
    recording = np.zeros(known.size + 24000, dtype=np.float32)
    recording[late : late + known.size] += np.float32(10 ** (level_db / 20)) * known
    recording += (10 ** (-75 / 20) * RANDOM.standard_normal(recording.size)).astype(np.float32)
    found = find_echo(known, 24000, recording, 24000)
    assert found.distinct
    assert found.level_db == pytest.approx(level_db, abs=1)
    assert found.delay_s == pytest.approx(late / 24000, abs=1e-4)


def test_echo_under_another_voice(replies):
    known, other = replies["ko_room_is_booked"].samples, replies["sunny_in_seoul"].samples
    recording = np.zeros(known.size + 24000, dtype=np.float32)
    recording[: min(other.size, recording.size)] += other[: recording.size]
    recording[2400 : 2400 + known.size] += np.float32(0.1) * known
    found = find_echo(known, 24000, recording, 24000)
    assert found.distinct
    assert found.level_db == pytest.approx(-20, abs=1.5)


def test_no_echo_is_not_distinct(replies):
    known, other = replies["ko_room_is_booked"].samples, replies["sunny_in_seoul"].samples
    found = find_echo(known, 24000, other, 24000)
    assert not found.distinct
    assert find_echo(np.zeros(24000), 24000, other, 24000) is None


@pytest.mark.parametrize("seed", range(3))
def test_tops_of_changing_level_are_no_clipping(replies, seed):
    time = np.arange(24000 * 8) / 24000
    sway = 10 ** (0.15 * np.sin(2 * np.pi * (1.9 * time + seed / 3)))
    for name, sound in replies.items():
        swaying = sound.samples * sway[: sound.samples.size]
        assert piled_tops(soxr.resample(swaying, 24000, 48000), 48000).count == 0, name


def of_even_loudness(samples):
    """Samples at 24 kHz, as an automatic gain of 20 ms levels them."""
    level = uniform_filter1d(maximum_filter1d(np.abs(samples), 480), 240) + 0.02 * np.abs(samples).max()
    return samples / level


def test_pointed_tops_of_even_loudness_are_no_clipping_and_plateaus_are(replies):
    for name, sound in replies.items():
        even = of_even_loudness(sound.samples)
        peak = np.abs(even).max()
        assert piled_tops(soxr.resample(even, 24000, 48000), 48000).count == 0, name
        cut = np.clip(even, -0.5 * peak, 0.5 * peak)
        assert piled_tops(soxr.resample(cut, 24000, 48000), 48000).count > 5, name


def with_tone(sound, hz, level_db):
    """The sound with a steady tone at a level against its RMS."""
    time = np.arange(sound.samples.size) / sound.rate_hz
    rms = float(np.sqrt(np.mean(np.square(sound.samples, dtype=np.float64))))
    tone = np.sqrt(2.0) * rms * 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * time)
    return Sound((sound.samples + tone).astype(np.float32), sound.rate_hz)


def test_a_tone_that_nobody_hears_beside_the_voice_does_not_count(reply):
    clean = soxr.resample(reply.samples, reply.rate_hz, 44100, "VHQ").astype(np.float32)
    sound = Sound(clean, 44100.0)
    assert tonality_db(with_tone(sound, 15625.0, -40.0).spectrum) < 30.0
    assert tonality_db(with_tone(sound, 9000.0, -62.0).spectrum) < 30.0
    assert tonality_db(with_tone(sound, 9000.0, -35.0).spectrum) > 35.0
    assert tonality_db(with_tone(sound, 50.0, -26.0).spectrum) < 30.0
    assert tonality_db(with_tone(sound, 60.0, -26.0).spectrum) < 30.0
    assert tonality_db(with_tone(sound, 50.0, -10.0).spectrum) > 35.0
    assert tonality_db(with_tone(sound, 150.0, -26.0).spectrum) > 30.0


def test_noise_between_the_words_and_coarse_steps_do_not_make_speech_flat(reply):
    random = np.random.default_rng(6)
    noisy = reply.samples + 0.1 * np.std(reply.samples) * random.standard_normal(reply.samples.size)
    eight_bits = np.floor(reply.samples * 128) / 128
    for samples in (noisy, eight_bits):
        assert flatness(Sound(samples.astype(np.float32), reply.rate_hz).spectrum) < 0.1
    swapped = (np.clip(reply.samples, -1, 1) * 32767).astype("<i2").byteswap() / 32768
    assert flatness(Sound(swapped.astype(np.float32), reply.rate_hz).spectrum) > 0.2


def test_coarse_steps_of_eight_bits_are_neither_clipping_nor_pairs_nor_gaps(replies):
    for name, sound in replies.items():
        quiet = 0.06 * sound.samples / np.abs(sound.samples).max()
        coarse = (np.floor(quiet * 128) / 128).astype(np.float32)
        assert flat_tops(coarse).count == 0, name
        assert equal_pairs(coarse) < 0.5, name
        assert one_zero_pairs(coarse) < 0.5, name
        assert not digital_gaps(coarse, sound.rate_hz), name


def test_clipped_eight_bits_are_still_clipped_and_doubled_samples_still_pairs(reply):
    loud = np.clip(4.0 * reply.samples / np.abs(reply.samples).max(), -0.9, 0.9)
    coarse = (np.floor(loud * 128) / 128).astype(np.float32)
    assert flat_tops(coarse).count > 5
    assert equal_pairs(np.repeat(coarse, 2)) == pytest.approx(1.0)


def test_many_tops_of_two_samples_are_clipping_and_few_of_them_are_a_limiter():
    sound = np.full(24000, 0.9985, np.float32)
    sound[::100] = 1.0
    assert held_tops(sound).shape == (240, 2)
    assert flat_tops(sound).count == 0
    sound[1:2300:100] = 1.0
    assert flat_tops(sound).count == 0
    sound[1:2500:100] = 1.0
    assert flat_tops(sound).frames.tolist() == list(range(0, 2500, 100))


def test_tops_of_two_samples_count_only_if_there_are_five_of_them():
    sound = np.full(24000, -0.9985, np.float32)
    for count in range(1, 6):
        sound[1000 * count : 1000 * count + 2] = -1.0
        assert flat_tops(sound).count == (count if count >= 5 else 0)
