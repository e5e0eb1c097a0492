import numpy as np
import pytest

from diag.record.client.impairments import Squeeze
from diag.record.client.resampler import Resampler, resample


def tone(frequency_hz, rate_hz, seconds=1.0):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz).astype(np.float32)


def streamed(stage, samples, block=480):
    parts = [stage.push(samples[i : i + block]) for i in range(0, len(samples), block)]
    return np.concatenate([*parts, stage.finish()])


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48000, 16000), (24000, 48000), (44100, 16000)])
def test_blocks_give_what_the_whole_gives(from_hz, to_hz):
    samples = tone(1000, from_hz)
    out = streamed(Resampler(from_hz, to_hz), samples)
    whole = resample(samples, from_hz, to_hz)
    assert len(out) == len(whole) == to_hz
    assert np.abs(out - whole).max() < 1e-4


def test_equal_rates_pass_untouched():
    samples = tone(440, 24000)
    assert (streamed(Resampler(24000, 24000), samples) == samples).all()


def test_a_squeeze_keeps_bass_and_loses_treble():
    level = {}
    for frequency_hz in (1000, 6000):
        out = streamed(Squeeze(24000, 8000), tone(frequency_hz, 24000))
        level[frequency_hz] = float(np.sqrt(np.mean(out[len(out) // 4 : -len(out) // 4] ** 2)))
        assert len(out) == 24000
    assert level[1000] == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert level[6000] < 0.001
