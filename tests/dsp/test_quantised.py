"""A short word length is found by its rounding errors behind noise and other rates, and nothing else looks like it."""

import numpy as np
import pytest
import soxr
from dsp_voices import made_voice

from diag.dsp.quantised import quantised_alone
from diag.dsp.spectrum import Sound

RATE_HZ = 24000.0


@pytest.fixture(scope="module")
def voice():
    return made_voice(seed=3, duration_s=4.0).samples.astype(np.float64)


def rounded(samples, bits):
    step = 2.0 / 2**bits
    return np.round(samples / step) * step


def in_noise(samples, snr_db):
    noise = np.random.default_rng(5).standard_normal(samples.size)
    return samples + noise * np.std(samples) * 10 ** (-snr_db / 20)


@pytest.mark.parametrize(("bits", "snr_db"), [(3, 20), (4, 20), (5, 20), (6, 30)])
def test_few_bits_are_found_in_noise(voice, bits, snr_db):
    found, level_db = quantised_alone(Sound(voice, RATE_HZ), Sound(in_noise(rounded(voice, bits), snr_db), RATE_HZ))
    assert found == bits
    error_db = 20 * np.log10(np.std(rounded(voice, bits) - voice) / np.std(voice))
    assert level_db == pytest.approx(error_db, abs=3)


def test_few_bits_are_found_at_another_rate_upside_down_and_later(voice):
    copy = soxr.resample(np.concatenate((np.zeros(2400), -rounded(voice, 5))), 24000, 48000)
    assert quantised_alone(Sound(voice, RATE_HZ), Sound(copy, 48000.0))[0] == 5


@pytest.mark.parametrize(
    "process",
    [
        lambda x: in_noise(x, 10),
        lambda x: np.clip(x, -0.05, 0.05),
        lambda x: np.tanh(8 * x) / 8,
        lambda x: rounded(x, 8),
        lambda x: 0.1 * x,
        lambda x: x[::-1].copy(),
    ],
    ids=["noise", "clipped", "overdriven", "eight bits", "quiet", "other sound"],
)
def test_other_faults_are_not_few_bits(voice, process):
    assert quantised_alone(Sound(voice, RATE_HZ), Sound(process(voice), RATE_HZ)) is None
