import numpy as np
import pytest
from dsp_voices import made_voice
from scipy import signal

from diag.dsp.phase import with_phase_of
from diag.dsp.spectrum import Sound

RANDOM = np.random.default_rng(3)


def all_pass(samples, rate_hz, times):
    """Delay low frequencies by up to `times` periods of about 2 ms more than high ones."""
    for hz in (300, 1200, 4000):
        slope = np.tan(np.pi * hz / rate_hz)
        pole = (slope - 1) / (slope + 1)
        for _ in range(times):
            samples = signal.lfilter([pole, 1], [1, pole], samples)
    return samples


def agreement(one, other, rate_hz):
    """Return the largest correlation at a delay of up to 5 ms, which is the delay of the filter itself."""
    reach = round(0.005 * rate_hz)
    return max(np.corrcoef(np.roll(one, late), other)[0, 1] for late in range(-reach, reach + 1))


def copy_of(sound, change):
    return Sound(np.asarray(change(sound.samples), dtype=np.float32), sound.rate_hz)


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("polarity", [1, -1])
def test_the_reference_gets_the_phase_of_an_all_pass_filter(times, polarity):
    voice = made_voice()
    copy = copy_of(voice, lambda x: polarity * all_pass(x, voice.rate_hz, times))
    turned = with_phase_of(voice, copy)
    assert agreement(turned, copy.samples, voice.rate_hz) > 0.99


def test_a_late_copy_at_another_rate_is_turned_without_being_moved():
    voice = made_voice(rate_hz=16000)
    copy = signal.resample_poly(all_pass(voice.samples, voice.rate_hz, 2), 3, 2)
    copy = Sound(np.concatenate((np.zeros(9600), copy)).astype(np.float32), 24000.0)
    turned = with_phase_of(voice, copy)
    assert agreement(turned, all_pass(voice.samples, voice.rate_hz, 2), voice.rate_hz) > 0.98


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: -0.5 * x,
        lambda x: x + 0.9 * np.roll(x, 24),
        lambda x: x + 0.5 * np.roll(x, 480),
        lambda x: np.tanh(8 * x),
        lambda x: x[::-1],
        lambda x: x + 0.5 * np.std(x) * RANDOM.standard_normal(x.size),
        lambda x: np.concatenate((x[:40000], np.zeros(9600, np.float32), x[40000:])),
        lambda x: 0 * x,
    ],
    ids=["copy", "inverted", "comb filter", "echo", "overdrive", "backwards", "noise", "stall", "silence"],
)
def test_what_changes_more_or_less_than_the_phase_is_left_alone(change):
    voice = made_voice()
    assert with_phase_of(voice, copy_of(voice, change)) is None
