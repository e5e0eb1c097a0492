import numpy as np
import pytest
from dsp_voices import made_voice
from hypothesis import given, settings
from hypothesis import strategies as st

from diag.dsp.align import best_delay, locate, normalised_cross_correlation, parabola_peak
from diag.dsp.resample import rescale, shifted

VOICE = made_voice(2, 3.0)
RANDOM = np.random.default_rng(7)


def test_correlation_is_that_of_the_definition():
    template, signal = RANDOM.standard_normal(40), RANDOM.standard_normal(200)
    direct = [
        template @ signal[k : k + 40] / np.linalg.norm(template) / np.linalg.norm(signal[k : k + 40])
        for k in range(161)
    ]
    assert np.allclose(normalised_cross_correlation(template, signal), direct)


def test_a_louder_passage_does_not_win():
    template = VOICE.samples[9000:15000]
    signal = 0.05 * VOICE.samples.copy()
    signal[30000:] += RANDOM.standard_normal(signal.size - 30000).astype(np.float32)
    place = best_delay(template, signal)
    assert place.frame == pytest.approx(9000, abs=0.05)
    assert place.confidence > 0.999


@pytest.mark.parametrize(("template", "signal"), [(0, 10), (10, 5), (5, 10)])
def test_silence_or_too_short_a_signal_has_no_place(template, signal):
    assert best_delay(np.zeros(template), np.zeros(signal)) is None


@settings(max_examples=8, deadline=None, derandomize=True)
@given(start=st.floats(500, 8000), gain_db=st.floats(-40, 6), sign=st.sampled_from([-1, 1]))
def test_a_known_second_is_found_to_a_fraction_of_a_sample(start, gain_db, sign):
    moved = shifted(VOICE.samples, start)
    template = moved[2000:14000]
    place = locate(template, sign * 10 ** (gain_db / 20) * VOICE.samples, VOICE.rate_hz)
    assert place.frame == pytest.approx(start + 2000, abs=0.3)
    assert place.confidence > 0.6


@pytest.mark.parametrize("snr_db", [60, 40, 20])
def test_a_known_second_is_found_in_noise_to_a_tenth_of_a_millisecond(snr_db):
    noise = RANDOM.standard_normal(VOICE.samples.size) * np.std(VOICE.samples) * 10 ** (-snr_db / 20)
    place = locate(VOICE.samples[3000:20000], VOICE.samples + noise.astype(np.float32), VOICE.rate_hz)
    assert place.frame == pytest.approx(3000, abs=1e-4 * VOICE.rate_hz)


@pytest.mark.parametrize("snr_db", [60, 20])
def test_reflections_do_not_pull_the_place(snr_db):
    """The peak of the plain correlation leans towards them by up to some milliseconds."""
    random = np.random.default_rng(3)
    template, late = VOICE.samples[3000:27000], 5000
    wet = np.zeros(late + template.size + 4000)
    wet[late : late + template.size] = template
    for delay_s in random.uniform(0.003, 0.12, 20):
        first = late + round(delay_s * VOICE.rate_hz)
        wet[first : first + template.size] += 0.25 * 10 ** (-10 * delay_s) * template
    wet += random.standard_normal(wet.size) * np.std(template) * 10 ** (-snr_db / 20)
    assert locate(template, wet.astype(np.float32), VOICE.rate_hz).frame == pytest.approx(late, abs=2.4)


def test_unrelated_speech_stays_below_the_limit():
    other = made_voice(9, 3.0)
    assert locate(VOICE.samples[2000:22000], other.samples, other.rate_hz).confidence < 0.5


def test_parabola_finds_the_top_of_a_parabola():
    values = -((np.arange(9) - 4.3) ** 2)
    assert parabola_peak(values, int(np.argmax(values))) == pytest.approx(4.3)
    assert parabola_peak(values, 0) == 0.0


@pytest.mark.parametrize("factor", [2.0, 1 / 3, 2 / 3, 147 / 160, 1.2345])
def test_resampling_keeps_a_tone(factor):
    time = np.arange(24000) / 24000
    tone = np.sin(2 * np.pi * 440 * time) * np.hanning(24000)
    result, exact = rescale(tone, factor)
    assert exact == pytest.approx(factor, rel=1e-4)
    expected = np.sin(2 * np.pi * 440 * np.arange(result.size) / exact / 24000)
    expected *= np.interp(np.arange(result.size) / exact, np.arange(24000), np.hanning(24000))
    assert np.abs(result - expected).max() < 2e-3


def test_resampling_nothing_gives_nothing():
    assert rescale(np.zeros(0), 2.0)[0].size == 0


@settings(max_examples=20, deadline=None, derandomize=True)
@given(whole=st.integers(-50, 50), part=st.floats(0, 0.999))
def test_a_shift_is_a_shift(whole, part):
    time = np.arange(4000) / 8000
    window = np.exp(-(((time - 0.25) / 0.05) ** 2))
    tone = np.sin(2 * np.pi * 300 * time) * window
    moved = shifted(tone, whole + part)
    late = time + (whole + part) / 8000
    expected = np.sin(2 * np.pi * 300 * late) * np.exp(-(((late - 0.25) / 0.05) ** 2))
    assert np.abs(moved - expected)[100:-100].max() < 1e-4
