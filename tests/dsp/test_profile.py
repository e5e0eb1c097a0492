import json

import numpy as np
import pytest
import soxr
from dsp_voices import made_voice

from diag.dsp.profile import (
    MOST_APART_DB,
    distance_from_profile_db,
    make_profile,
    speed_against_profile,
    treble_against_profile,
)
from diag.dsp.spectrum import Sound
from diag.dsp.voice_frames import BANDS, bands_at_width, speed_of_width, voice_frames, width_near
from diag.dsp.voice_text import profile_from_json, profile_to_json


def shelf(sound, gain_db, from_hz=3200):
    spectrum = np.fft.rfft(sound.samples)
    hz = np.fft.rfftfreq(sound.samples.size, 1 / sound.rate_hz)
    gain = 10 ** (np.where(hz > from_hz, gain_db, 0.0) / 20)
    return Sound(np.fft.irfft(spectrum * gain, sound.samples.size).astype(np.float32), sound.rate_hz)


def sped_up(sound, ratio):
    return Sound(soxr.resample(sound.samples, sound.rate_hz, sound.rate_hz / ratio), sound.rate_hz)


@pytest.fixture(scope="module")
def profile():
    return make_profile("made", [made_voice(seed, 5.0) for seed in range(20, 26)], ["a", "b"])


@pytest.fixture(scope="module")
def other_words():
    return made_voice(41, 20.0)


# --- text


def test_a_profile_is_a_small_text_that_reads_back(profile):
    text = profile_to_json(profile)
    assert len(text) < 200_000
    again = profile_from_json(text)
    assert (again.name, again.recordings) == ("made", ("a", "b"))
    assert again.frames.bands_db.shape == profile.frames.bands_db.shape
    assert np.allclose(again.frames.bands_db, profile.frames.bands_db, atol=0.51)
    assert np.allclose(again.frames.treble_db, profile.frames.treble_db, atol=0.51)
    assert again.apart_db == pytest.approx(profile.apart_db, abs=0.001)


def test_whole_decibels_change_nothing_that_counts(profile, other_words):
    again = profile_from_json(profile_to_json(profile))
    exact, rounded = (speed_against_profile(item, other_words).ratio for item in (profile, again))
    assert rounded == pytest.approx(exact, rel=0.005)
    exact, rounded = (treble_against_profile(item, other_words).mean_db for item in (profile, again))
    assert rounded == pytest.approx(exact, abs=0.3)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{}", "not a voice profile"),
        ("[]", "not a voice profile"),
        ("not json", "not JSON"),
        ("[" * 100_000, "nested deeper than 64 levels"),
        ('{"voice_profile": 99}', "version 99, made by a newer diag"),
        ('{"voice_profile": "1"}', "damaged version"),
        ('{"voice_profile": true}', "damaged version"),
        ('{"voice_profile": 1}', "bands_db is missing"),
    ],
)
def test_what_is_no_profile_is_refused(text, word):
    with pytest.raises(ValueError, match=word):
        profile_from_json(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bands_db", [[0] * (BANDS - 1)]),
        ("bands_db", []),
        ("bands_db", "abc"),
        ("bands_db", [[1, 2], [3]]),
        ("treble_db", [[0, 0, 0, 0]]),
        ("noise_db", [0, 0, 0, None]),
        ("noise_db", [0, 0, 0, 1e999]),
        ("top_hz", -1),
        ("top_hz", "24"),
        ("apart_db", None),
        ("speed_spread", "wide"),
        ("recordings", "one.wav"),
    ],
)
def test_damaged_profiles_are_refused(profile, key, value):
    document = json.loads(profile_to_json(profile))
    document[key] = value
    with pytest.raises(ValueError, match=r"damaged|Infinity is not a number"):
        profile_from_json(json.dumps(document))


# --- speed


@pytest.mark.parametrize("ratio", [0.5, 2 / 3, 1.0, 1.5, 2.0])
def test_speed_of_other_words(profile, other_words, ratio):
    assert speed_against_profile(profile, sped_up(other_words, ratio)).ratio == pytest.approx(ratio, rel=0.04)


def test_no_speed_is_favoured(profile, other_words):
    """With windows of one length, speeds near 1 were pulled towards 1 by half of what they were off."""
    base = speed_against_profile(profile, other_words).ratio
    for ratio in (0.94, 1.06):
        assert speed_against_profile(profile, sped_up(other_words, ratio)).ratio / base == pytest.approx(
            ratio, rel=0.015
        )


def test_a_dull_recording_is_not_called_slow(profile, other_words):
    assert speed_against_profile(profile, shelf(other_words, -80)).ratio == pytest.approx(1, rel=0.04)


@pytest.mark.parametrize("gain", [0.01, -1.9])
def test_gain_and_polarity_change_nothing(profile, other_words, gain):
    moved = Sound((other_words.samples * gain).astype(np.float32), other_words.rate_hz)
    before, after = (speed_against_profile(profile, sound).ratio for sound in (other_words, moved))
    assert after == pytest.approx(before, rel=0.002)
    before, after = (treble_against_profile(profile, sound).mean_db for sound in (other_words, moved))
    assert after == pytest.approx(before, abs=0.5)


def test_another_voice_is_further_away(profile):
    own = made_voice(44, 6.0)
    other = sped_up(made_voice(45, 9.0), 1.4)
    assert distance_from_profile_db(profile, own) < MOST_APART_DB
    assert distance_from_profile_db(profile, other) > distance_from_profile_db(profile, own) + 0.3
    assert distance_from_profile_db(profile, Sound(np.zeros(24000, np.float32), 24000.0)) == float("inf")


# --- treble


def test_a_healthy_recording_is_not_dull_and_a_shelf_is(profile):
    other = made_voice(40, 5.0)
    healthy = treble_against_profile(profile, other)
    dull = treble_against_profile(profile, shelf(other, -9))
    assert abs(healthy.mean_db) < 3
    assert dull.mean_db - healthy.mean_db > 6


def test_noise_over_the_treble_is_not_taken_for_treble(profile, other_words):
    random = np.random.default_rng(1)
    level = np.std(other_words.samples) * 10 ** (-50 / 20)
    noise = (level * random.standard_normal(other_words.samples.size)).astype(np.float32)
    noisy = Sound(other_words.samples + noise, 24000.0)
    dull = Sound(shelf(other_words, -30).samples + noise, 24000.0)
    assert abs(treble_against_profile(profile, noisy).mean_db) < 3
    assert treble_against_profile(profile, dull).mean_db > 8


def test_bands_above_either_nyquist_frequency_are_not_compared(profile):
    narrow = Sound(soxr.resample(made_voice(40, 5.0).samples, 24000, 16000), 16000.0)
    bands = treble_against_profile(profile, narrow).bands_db
    assert [value is None for value in bands] == [False, False, True, True]


# --- too little


def test_too_little_speech_says_nothing(profile):
    short = made_voice(42, 0.6)
    assert make_profile("short", [short]) is None
    assert make_profile("none", []) is None
    assert treble_against_profile(profile, Sound(np.zeros(0, np.float32), 24000.0)) is None
    assert speed_against_profile(profile, short) is None
    assert voice_frames(Sound(np.zeros(5000, np.float32), 24000.0).spectrum) is None


def test_bands_of_a_snippet_shorter_than_a_window():
    snippet = Sound(np.ones(50, np.float32), 24000.0)
    assert np.isfinite(bands_at_width(snippet, np.array([10, 40]), 480)).all()


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 44100, 48000])
def test_widths_lie_near_the_speed_that_is_asked_for(rate_hz):
    assert width_near(1.0, rate_hz) == round(0.04 * rate_hz)
    for speed in 2.0 ** np.arange(-1.25, 1.3, 1 / 48):
        assert speed_of_width(width_near(speed, rate_hz), rate_hz) == pytest.approx(speed, rel=0.03)


def test_one_long_recording_makes_a_profile(other_words):
    profile = make_profile("one", [other_words])
    assert np.isfinite(profile.apart_db)
    assert speed_against_profile(profile, made_voice(43, 16.0)).ratio == pytest.approx(1, rel=0.04)


# --- real voices


def test_real_voices_against_their_own_profile(speech):
    names = sorted(name for name in speech if name.startswith("ljspeech"))
    profile = make_profile("reader", [speech[name] for name in names[1:]])
    held_out = speech[names[0]]
    assert abs(treble_against_profile(profile, held_out).mean_db) < 3
    assert treble_against_profile(profile, shelf(held_out, -12)).mean_db > 7
    assert speed_against_profile(profile, held_out).ratio == pytest.approx(1, abs=0.04)
    assert speed_against_profile(profile, sped_up(held_out, 2 / 3)).ratio == pytest.approx(2 / 3, rel=0.04)
    assert speed_against_profile(profile, held_out).apart_db < MOST_APART_DB
    assert speed_against_profile(profile, speech["neural_tts_turn_005_24k"]).apart_db > 0
