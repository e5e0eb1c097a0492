import json
from importlib import resources

import numpy as np
import pytest
from dsp_voices import made_voice

from diag.dsp.spectrum import Sound
from diag.dsp.speech_likeness import block_features, classifier, speech_likeness

RATE_HZ = 24000.0


def sound_of(samples, rate_hz=RATE_HZ):
    return Sound(np.asarray(0.4 * samples / np.abs(samples).max(), dtype=np.float32), rate_hz)


def time_of(duration_s=6.0):
    return np.arange(round(duration_s * RATE_HZ)) / RATE_HZ


def tune(random):
    time, out = time_of(), np.zeros(time_of().size)
    for start_s in np.arange(0, 5.5, 0.3):
        hz, own = 220 * 2 ** (random.integers(0, 20) / 12), np.maximum(time - start_s, 0)
        out += (time >= start_s) * sum(np.sin(2 * np.pi * hz * h * own) / h for h in range(1, 7)) * np.exp(-3 * own)
    return out


def chord(random):
    return sum(np.sin(2 * np.pi * hz * time_of()) for hz in (220, 277, 330, 660))


def noise(random):
    return random.standard_normal(time_of().size)


def rooms(random):
    time = time_of() % 1.5
    return random.standard_normal(time.size) * 10 ** (-3 * time / 0.6)


def bell(random):
    time = time_of() % 2.0
    return sum(np.sin(2 * np.pi * 500 * part * time) * np.exp(-2 * part * time) for part in (1, 2.0, 2.76, 5.4))


@pytest.mark.parametrize("made", [tune, chord, noise, rooms, bell])
def test_music_tones_noise_and_rooms_are_no_speech(made):
    found = speech_likeness(sound_of(made(np.random.default_rng(4))).spectrum)
    assert not found.speech
    assert found.share < 0.5
    assert found.reason


@pytest.mark.parametrize("ratio", [0.5, 2 / 3, 1.0, 1.5])
def test_recorded_voices_are_speech_at_any_playing_speed(replies, ratio):
    samples = np.concatenate([sound.samples for sound in replies.values()])[: round(10 * RATE_HZ)]
    found = speech_likeness(Sound(samples, RATE_HZ * ratio).spectrum)
    assert found.speech
    assert found.share > 0.7


def test_noise_far_below_a_voice_leaves_it_speech(reply):
    random = np.random.default_rng(2)
    level = float(np.std(reply.samples)) * 10 ** (-20 / 20)
    noisy = (reply.samples + level * random.standard_normal(reply.samples.size)).astype(np.float32)
    assert speech_likeness(Sound(noisy, reply.rate_hz).spectrum).speech


@pytest.mark.parametrize(("made", "word"), [(chord, "notes or tones"), (noise, "noise")])
def test_the_reason_says_what_it_is_instead(made, word):
    assert word in speech_likeness(sound_of(made(np.random.default_rng(4))).spectrum).reason


def test_level_and_polarity_change_nothing(reply):
    spectra = (reply.spectrum, Sound(-0.05 * reply.samples, reply.rate_hz).spectrum)
    one, other = (block_features(spectrum) for spectrum in spectra)
    assert other == pytest.approx(one, abs=0.05)


@pytest.mark.parametrize("size", [0, 1, 100, 4000])
def test_too_little_sound_is_not_judged(size):
    found = speech_likeness(Sound(np.ones(size, dtype=np.float32), RATE_HZ).spectrum)
    assert (found.share, found.speech) == (0.0, False)


def test_a_steady_level_gives_no_speech_and_no_warning():
    assert not speech_likeness(Sound(np.full(48000, 0.3, dtype=np.float32), RATE_HZ).spectrum).speech


def test_half_speech_and_half_music_has_a_share_between(replies):
    samples = np.concatenate([sound.samples for sound in replies.values()])[: round(6 * RATE_HZ)]
    both = np.concatenate((samples, sound_of(tune(np.random.default_rng(4))).samples))
    assert 0.25 < speech_likeness(Sound(both, RATE_HZ).spectrum).share < 0.8


def test_the_classifier_is_small():
    text = resources.files("diag.dsp").joinpath("speech_likeness.json").read_text(encoding="utf-8")
    assert len(text) < 20_000
    assert json.loads(text)["version"] == 1
    assert classifier().mean.size == block_features(made_voice().spectrum).shape[1]
