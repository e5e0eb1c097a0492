"""The balance between the bands below the treble: filters with known gains, and what leaves it as it is."""

import numpy as np
import pytest
import scipy.signal
from dsp_voices import made_voice

from diag.dsp.additions import measure_additions
from diag.dsp.aligned import Piece, align_pair
from diag.dsp.tone_colour import TONE_WARN_DB, tone_change

RATE_HZ = 24000.0


@pytest.fixture(scope="module")
def voice():
    return made_voice(seed=5, duration_s=4.0).samples.astype(np.float64)


def changed(reference, estimated):
    out = estimated.astype(np.float32)
    return tone_change(align_pair(reference.astype(np.float32), out, [Piece(0, 0, out.size)], RATE_HZ))


def in_band(samples, low_hz, high_hz, gain_db):
    """Change one band by a gain, with edges of zero width."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(samples.size, 1 / RATE_HZ)
    spectrum[(hz >= low_hz) & (hz < high_hz)] *= 10 ** (gain_db / 20)
    return np.fft.irfft(spectrum, samples.size)


@pytest.mark.parametrize("gain_db", [-12.0, -9.0, 9.0, 14.0])
def test_the_gain_and_the_edges_of_a_changed_band_are_found(voice, gain_db):
    found = changed(voice, in_band(voice, 898.0, 1425.0, gain_db))
    assert found.change_db == pytest.approx(gain_db, abs=1.5)
    assert found.low_hz == pytest.approx(898.0, abs=1.0)
    assert found.high_hz == pytest.approx(1425.4, abs=1.0)


def test_a_copy_one_millisecond_later_takes_out_bands(voice):
    late = np.pad(voice, (24, 0))[: voice.size]
    found = changed(voice, voice + 0.9 * late)
    assert found.change_db < -TONE_WARN_DB
    assert found.low_hz < 500.0 < found.high_hz


def comb_of(reference, estimated):
    out = estimated.astype(np.float32)
    return measure_additions(align_pair(reference.astype(np.float32), out, [Piece(0, 0, out.size)], RATE_HZ)).comb


@pytest.mark.parametrize(("delay_ms", "gain"), [(2, 0.9), (3, 0.9), (5, -0.6), (9, 0.7), (16, 1.0)])
def test_sound_that_is_mixed_with_itself_some_milliseconds_later_is_a_comb(voice, delay_ms, gain):
    late = np.pad(voice, (24 * delay_ms, 0))[: voice.size]
    found = comb_of(voice, 0.5 * (voice + gain * late))
    assert found.delay_s == pytest.approx(0.001 * delay_ms, abs=0.0003)
    assert found.depth_db < -TONE_WARN_DB


def test_a_copy_one_millisecond_later_takes_out_bands_and_is_given_no_other_delay(voice):
    assert comb_of(voice, voice + 0.9 * np.pad(voice, (24, 0))[: voice.size]) is None


def test_a_faint_reflection_is_no_comb(voice):
    late = np.pad(voice, (72, 0))[: voice.size]
    assert comb_of(voice, voice + 0.35 * late) is None


def test_a_high_pass_takes_the_lowest_bands(voice):
    filtered = scipy.signal.sosfilt(scipy.signal.butter(4, 700, "high", fs=RATE_HZ, output="sos"), voice)
    found = changed(voice, filtered)
    assert found.change_db < -15.0
    assert found.low_hz == pytest.approx(356.0, abs=1.0)


@pytest.mark.parametrize(
    "process",
    [
        lambda x: x,
        lambda x: 0.1 * x,
        lambda x: -x,
        lambda x: x + 0.003 * np.random.default_rng(1).standard_normal(x.size),
        lambda x: scipy.signal.sosfilt(scipy.signal.butter(3, (300, 3400), "band", fs=RATE_HZ, output="sos"), x),
        lambda x: x * np.linspace(1.0, 0.2, x.size),
        lambda x: np.round(x * 128) / 128,
    ],
    ids=["unchanged", "gain", "polarity", "noise", "telephony", "a fade", "8 bits"],
)
def test_ordinary_processing_keeps_the_balance(voice, process):
    assert abs(changed(voice, process(voice)).change_db) < 3.0
    assert comb_of(voice, process(voice)) is None


def test_silence_and_a_single_tone_have_no_balance(voice):
    assert changed(np.zeros(48000), np.zeros(48000)) is None
    tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(48000) / RATE_HZ)
    assert changed(tone, tone) is None
