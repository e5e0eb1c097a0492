import numpy as np
import pytest
from dsp_voices import made_voice
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.dsp.gaps import active_level, digital_gaps, noisy_gaps

RATE_HZ = 24000


def vowel(seconds=1.0, seed=0):
    """A buzz of harmonics at a steady level: every sample is loud or near a loud one."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    random = np.random.default_rng(seed)
    buzz = sum(np.cos(2 * np.pi * 130 * n * time + random.uniform(0, 6)) / n for n in range(1, 9))
    return (0.2 * buzz).astype(np.float32)


def floor(size, level_db=-62.0, seed=1):
    return (10 ** (level_db / 20) * np.random.default_rng(seed).standard_normal(size)).astype(np.float32)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    gain_db=st.floats(-30, 6),
    sign=st.sampled_from([-1, 1]),
    length_ms=st.integers(15, 200),
    place=st.integers(5000, 9000),
)
def test_a_cut_is_found_with_its_size_at_any_gain_and_polarity(gain_db, sign, length_ms, place):
    samples = vowel() * np.float32(sign * 10 ** (gain_db / 20))
    cut = samples.copy()
    end = place + length_ms * RATE_HZ // 1000
    # Both edges stand on a loud sample, as most cuts do.
    place += int(np.argmax(np.abs(samples[place : place + 200])))
    end += int(np.argmax(np.abs(samples[end : end + 200])))
    cut[place + 1 : end] = 0
    assert digital_gaps(cut, RATE_HZ) == [(place + 1, end)]


@pytest.mark.parametrize("length_ms", [10, 30, 200])
def test_holes_over_a_noise_floor_are_found_with_their_edges(length_ms):
    found = 0
    for seed in range(20):
        cut = vowel(seed=seed)
        place, end = 7000 + 13 * seed, 7000 + 13 * seed + length_ms * RATE_HZ // 1000
        cut[place:end] = 0
        gaps = noisy_gaps(cut + floor(cut.size, seed=seed), RATE_HZ)
        assert len(gaps) <= 1
        found += any(abs(first - place) < 48 and abs(last - end) < 48 for first, last in gaps)
    assert found >= 17


def paused(decay_ms, behind):
    """A vowel that dies away, a closure of exact zeros, and what sets in behind it."""
    samples = vowel()
    fade = round(decay_ms / 1000 * RATE_HZ)
    samples[8000 - fade : 8000] *= np.linspace(1, 0, fade, dtype=np.float32)
    samples[8000:10000] = 0
    samples[10000:] = behind(samples[10000:])
    return samples


def soft(samples):
    """Set in over 30 ms."""
    rise = round(0.03 * RATE_HZ)
    samples[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    return samples


def burst(samples):
    """A plosive: 15 ms of noise 14 dB below the vowel, then the vowel."""
    size = round(0.015 * RATE_HZ)
    noise = np.diff(np.random.default_rng(2).standard_normal(size + 1))
    samples[:size] = 0.2 * active_level(samples) * noise / np.std(noise)
    return samples


@pytest.mark.parametrize("decay_ms", [10, 40])
@pytest.mark.parametrize("behind", [soft, burst])
def test_a_pause_that_speech_makes_itself_is_no_gap(decay_ms, behind):
    samples = paused(decay_ms, behind)
    assert digital_gaps(samples, RATE_HZ) == []
    assert noisy_gaps(samples + floor(samples.size), RATE_HZ) == []


def test_a_burst_behind_a_closure_that_is_cut_off_hard_is_no_gap():
    """Synthesisers end a vowel at once, keep silent and burst: only one side is voiced."""
    assert digital_gaps(paused(1, burst), RATE_HZ) == []


def test_a_hole_in_which_sound_dies_away_is_no_gap():
    samples = vowel()
    hole = slice(8000, 9200)
    samples[hole] *= np.exp(-np.arange(1200) / 150).astype(np.float32)
    assert noisy_gaps(samples + floor(samples.size), RATE_HZ) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_healthy_voice_has_no_gaps(seed):
    samples = made_voice(seed).samples
    assert digital_gaps(samples, RATE_HZ) == []
    assert noisy_gaps(samples + floor(samples.size), RATE_HZ) == []


@pytest.mark.parametrize("samples", [np.zeros(0), np.ones(1), np.zeros(9000), np.full(9000, 0.5)])
def test_silence_and_direct_current_have_none(samples):
    data = samples.astype(np.float32)
    assert digital_gaps(data, RATE_HZ) == []
    assert noisy_gaps(data, RATE_HZ) == []
    assert active_level(np.zeros(3)) == 0.0
