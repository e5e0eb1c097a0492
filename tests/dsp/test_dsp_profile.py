import numpy as np
import pytest
import soxr
from dsp_voices import made_voice

from diag.dsp.profile import (
    make_profile,
    profile_from_json,
    speed_against_profile,
    treble_against_profile,
)
from diag.dsp.spectrum import Sound


def shelf(sound, gain_db):
    spectrum = np.fft.rfft(sound.samples)
    hz = np.fft.rfftfreq(sound.samples.size, 1 / sound.rate_hz)
    gain = 10 ** (np.where(hz > 3200, gain_db, 0.0) / 20)
    return Sound(np.fft.irfft(spectrum * gain, sound.samples.size).astype(np.float32), sound.rate_hz)


@pytest.fixture(scope="module")
def profile():
    return make_profile("made", [made_voice(seed, 5.0) for seed in range(20, 26)])


def test_a_profile_is_a_small_text_that_reads_back(profile):
    text = profile.to_json()
    assert len(text) < 120_000
    again = profile_from_json(text)
    assert again.name == "made"
    assert np.allclose(again.ltas_db, profile.ltas_db, atol=0.06)
    assert again.frames.shape == profile.frames.shape


@pytest.mark.parametrize("text", ["{}", "[]", "not json", '{"voice_profile": 99}', '{"voice_profile": 1}'])
def test_what_is_no_profile_is_refused(text):
    with pytest.raises(ValueError, match=r"profile|Expecting"):
        profile_from_json(text)


def test_a_healthy_recording_is_not_dull_and_a_shelf_is(profile):
    other = made_voice(40, 5.0)
    healthy = treble_against_profile(profile, other)
    dull = treble_against_profile(profile, shelf(other, -9))
    assert abs(healthy.mean_db) < 3
    assert dull.mean_db - healthy.mean_db > 4


@pytest.mark.parametrize("ratio", [2 / 3, 1.0, 1.5])
def test_speed_of_other_text(profile, ratio):
    other = made_voice(41, 20.0)
    out = other if ratio == 1 else Sound(soxr.resample(other.samples, 24000, 24000 / ratio), 24000.0)
    assert speed_against_profile(profile, out).ratio == pytest.approx(ratio, rel=0.06)


def test_too_little_speech_says_nothing(profile):
    short = made_voice(42, 0.6)
    assert make_profile("short", [short]) is None
    assert treble_against_profile(profile, Sound(np.zeros(0, np.float32), 24000.0)) is None
    assert speed_against_profile(profile, short) is None


def test_real_voices_against_their_own_profile(speech):
    names = sorted(name for name in speech if name.startswith("ljspeech"))
    profile = make_profile("reader", [speech[name] for name in names[1:]])
    held_out = speech[names[0]]
    assert abs(treble_against_profile(profile, held_out).mean_db) < 4.5
    assert treble_against_profile(profile, shelf(held_out, -12)).mean_db > 5
    assert speed_against_profile(profile, held_out).ratio == pytest.approx(1, abs=0.05)
