import numpy as np
import pytest

from diag.dsp.level import dc_dbfs, frame_rms, high_percentile, k_weight_power, mono, peak_dbfs, rms_dbfs
from diag.dsp.spectrum import centroid_hz, loudness_lufs, short_time_power, tilt_db_per_octave


def tone(hz, rate_hz=48000, seconds=3.0, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def test_levels_of_a_sine_are_known():
    assert rms_dbfs(tone(1000)) == pytest.approx(-6.02 - 3.01, abs=0.02)
    assert peak_dbfs(tone(1000)) == pytest.approx(-6.02, abs=0.02)
    assert dc_dbfs(tone(1000) + np.float32(0.01)) == pytest.approx(-40.0, abs=0.1)


def test_silence_and_nothing_have_the_floor_as_level():
    for samples in (np.zeros(0, np.float32), np.zeros(100, np.float32)):
        assert rms_dbfs(samples) == peak_dbfs(samples) == dc_dbfs(samples) == -120.0


def test_mono_is_the_mean_of_the_channels():
    assert mono(np.array([[1.0, 0.0], [0.5, 0.5]])).tolist() == [0.5, 0.5]


def test_frames_of_a_short_signal_are_one_frame():
    assert frame_rms(np.ones(3), 10, 5).tolist() == [1.0]
    assert frame_rms(np.zeros(0), 10, 5).size == 0


@pytest.mark.parametrize("rate_hz", [16000, 24000, 44100, 48000])
def test_loudness_of_the_reference_tone(rate_hz):
    """BS.1770: a 997 Hz sine at -20 dBFS peak in one channel reads -23.01 LUFS."""
    loudness = loudness_lufs(short_time_power(tone(997, rate_hz, amplitude=0.1), rate_hz))
    assert loudness == pytest.approx(-23.01, abs=0.1)


def test_k_weighting_is_that_of_the_standard():
    """The two filters of BS.1770-4, tables 1 and 2, are given for 48 kHz."""
    shelf = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
    high_pass = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
    hz = np.array([25.0, 60, 100, 300, 997, 2000, 4000, 8000, 10000])
    z = np.exp(-2j * np.pi * hz / 48000)
    standard = np.ones(hz.size)
    for above, below in (shelf, high_pass):
        standard *= np.abs(np.polyval(above[::-1], z) / np.polyval(below[::-1], z)) ** 2
    ours = k_weight_power(hz)
    assert np.abs(10 * np.log10(ours / standard)).max() < 0.15


def test_loudness_leaves_out_pauses():
    speech = tone(997, amplitude=0.1)
    paused = np.concatenate((speech, np.zeros(5 * 48000, np.float32)))
    assert loudness_lufs(short_time_power(paused, 48000)) == pytest.approx(-23.0, abs=0.4)
    assert loudness_lufs(short_time_power(np.zeros(48000, np.float32), 48000)) is None


def test_power_of_the_windows_sums_to_the_mean_square():
    spectrum = short_time_power(tone(1000), 48000)
    assert spectrum.power.sum(axis=1).mean() == pytest.approx(0.125, rel=0.01)


def test_centroid_of_a_tone_is_the_tone():
    assert centroid_hz(short_time_power(tone(2000), 48000)) == pytest.approx(2000, rel=0.05)


def test_tilt_of_filtered_noise_is_its_slope():
    random = np.random.default_rng(1)
    spectrum = np.fft.rfft(random.standard_normal(480000))
    frequencies = np.maximum(np.fft.rfftfreq(480000, 1 / 48000), 20)
    pink = np.fft.irfft(spectrum * frequencies**-0.5).astype(np.float32)
    pink *= np.float32(0.1 / pink.std())
    assert tilt_db_per_octave(short_time_power(pink, 48000)) == pytest.approx(-3.01, abs=0.3)


@pytest.mark.parametrize("percent", [50.0, 99.0, 99.9, 100.0])
@pytest.mark.parametrize("size", [1, 2, 999, 20000])
def test_a_high_percentile_is_that_of_numpy(size, percent):
    values = np.abs(np.random.default_rng(size).standard_normal(size)).astype(np.float32)
    assert high_percentile(values, percent) == pytest.approx(float(np.percentile(values, percent)), rel=1e-6)
    assert high_percentile(np.zeros(size, np.float32), percent) == 0.0
