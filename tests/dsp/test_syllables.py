import numpy as np
import pytest

from diag.dsp.spectrum import Sound
from diag.dsp.syllables import syllable_count

RATE_HZ = 16000


def spoken(count, *, every_s, floor_db=-60.0, speed=1.0):
    """Vowels of equal length with a pause between them, in noise."""
    size = round(every_s * RATE_HZ)
    time = np.arange(size) / RATE_HZ
    vowel = np.sin(np.pi * np.clip(time / (0.7 * every_s), 0, 1)) * sum(
        np.cos(2 * np.pi * 130 * harmonic * time) / harmonic for harmonic in range(1, 20)
    )
    noise = np.random.default_rng(0).standard_normal((count + 2) * size) * 10 ** (floor_db / 20)
    noise[size : (count + 1) * size] += np.tile(vowel, count)
    return Sound((0.1 * noise).astype(np.float32), RATE_HZ * speed)


@pytest.mark.parametrize("count", [1, 2, 7, 20])
@pytest.mark.parametrize("speed", [0.5, 1.0, 1.5])
def test_each_vowel_is_one_syllable_at_any_speed(count, speed):
    assert syllable_count(spoken(count, every_s=0.25, speed=speed).spectrum) == count


def test_long_and_short_vowels_count_alike():
    assert syllable_count(spoken(5, every_s=1.0).spectrum) == syllable_count(spoken(5, every_s=0.2).spectrum) == 5


def test_noise_between_vowels_is_no_syllable():
    assert syllable_count(spoken(6, every_s=0.4, floor_db=-25.0).spectrum) == 6


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(16000), np.full(16000, 0.1)])
def test_silence_and_direct_current_have_none(samples):
    assert syllable_count(Sound(samples.astype(np.float32), RATE_HZ).spectrum) == 0
