import numpy as np
import pytest
from dsp_voices import made_voice
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.dsp.speech import (
    active_level_dbfs,
    first_audible_frame,
    first_speech_frame,
    speech_span,
    voicing,
)

RATE_HZ = 24000
VOICE = made_voice().samples


def steady(seconds=1.0):
    """Sound that is at once at full level: its first sample is known."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.3 * np.cos(2 * np.pi * 150 * time) + 0.1 * np.cos(2 * np.pi * 450 * time)).astype(np.float32)


def between(before, after, samples=None):
    part = steady() if samples is None else samples
    return np.concatenate((np.zeros(before, np.float32), part, np.zeros(after, np.float32)))


@pytest.mark.parametrize("before", [0, 1, 777, 24000])
def test_first_audible_sample_in_digital_silence(before):
    samples = between(before, 5000)
    assert first_audible_frame(samples, RATE_HZ) == before


def test_sixteen_bit_dither_is_silence():
    random = np.random.default_rng(2)
    samples = between(9000, 3000)
    samples += (random.integers(-1, 2, samples.size) / 32768).astype(np.float32)
    assert first_audible_frame(samples, RATE_HZ) == pytest.approx(9000, abs=1)


def test_a_noise_floor_of_minus_70_db_is_not_audible():
    random = np.random.default_rng(3)
    samples = between(9000, 3000)
    samples += (10 ** (-70 / 20) * random.standard_normal(samples.size)).astype(np.float32)
    assert first_audible_frame(samples, RATE_HZ) == pytest.approx(9000, abs=3)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(gain_db=st.floats(-40, 6), before=st.integers(0, 20000), sign=st.sampled_from([-1, 1]))
def test_onset_does_not_depend_on_gain_polarity_or_padding(gain_db, before, sign):
    start = first_audible_frame(VOICE, RATE_HZ)
    samples = between(before, 4000, VOICE) * np.float32(sign * 10 ** (gain_db / 20))
    assert first_audible_frame(samples, RATE_HZ) == pytest.approx(start + before, abs=0.006 * RATE_HZ)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(1), np.zeros(5000), np.full(5000, 1e-5)])
def test_silence_has_no_onset(samples):
    data = samples.astype(np.float32)
    assert first_audible_frame(data, RATE_HZ) is None
    assert speech_span(data, RATE_HZ) is None
    assert first_speech_frame(data, RATE_HZ) is None
    assert active_level_dbfs(data, RATE_HZ) is None


def test_active_level_leaves_out_pauses():
    assert active_level_dbfs(between(48000, 48000), RATE_HZ) == pytest.approx(
        active_level_dbfs(steady(), RATE_HZ), abs=0.3
    )


def test_speech_span_leaves_out_a_distant_click():
    samples = between(24000, 24000)
    samples[4000:4020] = 0.2
    start, end = speech_span(samples, RATE_HZ)
    assert start == pytest.approx(24000, abs=2)
    assert end == pytest.approx(48000, abs=30)


def test_breath_before_speech_gives_two_onsets():
    random = np.random.default_rng(4)
    breath = 0.006 * random.standard_normal(RATE_HZ // 2).astype(np.float32)
    samples = np.concatenate((np.zeros(2400, np.float32), breath, np.zeros(4800, np.float32), steady()))
    assert first_audible_frame(samples, RATE_HZ) == pytest.approx(2400, abs=150)
    assert first_speech_frame(samples, RATE_HZ) == pytest.approx(2400 + 12000 + 4800, abs=0.02 * RATE_HZ)


def test_voicing_tells_a_voice_from_noise():
    random = np.random.default_rng(5)
    assert np.median(voicing(steady()[::3], RATE_HZ / 3)) > 0.9
    assert np.median(voicing(random.standard_normal(8000), 8000)) < 0.4


@pytest.mark.parametrize(("length_s", "is_voice"), [(0.020, False), (0.085, True)])
def test_a_voice_is_voiced_windows_over_70_ms(length_s, is_voice):
    # In noise as loud as the voice, windows that hold only a part of it are not voiced.
    samples = 0.2 * np.random.default_rng(3).standard_normal(RATE_HZ).astype(np.float32)
    voice = steady(length_s)
    samples[RATE_HZ // 2 :][: voice.size] = voice
    assert (first_speech_frame(samples, RATE_HZ) is not None) is is_voice


def test_speech_begins_at_most_130_ms_before_the_voice():
    rustle = 0.1 * np.random.default_rng(4).standard_normal(RATE_HZ // 2).astype(np.float32)
    samples = np.concatenate((np.zeros(4800, np.float32), rustle, steady()))
    voice = 4800 + rustle.size
    start = first_speech_frame(samples, RATE_HZ)
    # The first voiced window may begin up to half its length before the voice does.
    assert voice - 0.150 * RATE_HZ <= start <= voice - 0.110 * RATE_HZ


def test_first_speech_of_recorded_replies_lies_near_their_first_sound(replies):
    for name, sound in replies.items():
        audible = first_audible_frame(sound.samples, sound.rate_hz)
        spoken = first_speech_frame(sound.samples, sound.rate_hz)
        assert spoken is not None, name
        assert -0.01 <= (spoken - audible) / sound.rate_hz < 0.25, name
