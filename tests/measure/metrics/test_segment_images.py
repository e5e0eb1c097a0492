"""Images of a segment: naive resamplers leave them in phase; codecs make up treble that only resembles them."""

import numpy as np
import pytest
import soxr
from builders import speech
from scipy import signal

from diag.core.clip import Clip
from diag.core.missing import MissingCode
from diag.dsp.band import IMAGING_LIMIT
from diag.measure.metrics import band
from diag.measure.metrics.band import imaging_of_segment


def clip(samples, rate_hz):
    return Clip(samples=np.asarray(samples, np.float32), sample_rate_hz=rate_hz)


def made_up(samples):
    """A good copy at 48 kHz whose treble has the levels of mirror images at 8 kHz, and phases of its own."""
    copy = soxr.resample(samples, 16000, 48000, quality="VHQ")
    hz, _, spectra = signal.stft(np.repeat(samples, 3), 48000, nperseg=960)
    spectra[(hz < 9600) | (hz > 14400)] = 0
    spectra *= 0.5 * np.exp(2j * np.pi * np.random.default_rng(2).random(spectra.shape))
    return copy + signal.istft(spectra, 48000, nperseg=960)[1][: copy.size]


@pytest.mark.parametrize("length_s", [0.4, 3.0])
def test_repeated_samples_leave_images_however_short_the_clip_is(length_s):
    voice = speech(length_s, 2, 16000)
    assert imaging_of_segment(clip(voice, 16000), clip(np.repeat(voice, 3), 48000)).value > 0.9


def wide(voice):
    """The voice at a rate whose band a codec may fill."""
    return clip(soxr.resample(voice, 16000, 48000, quality="VHQ"), 48000)


def test_treble_out_of_phase_is_no_image():
    voice = speech(3.0, 2, 16000)
    copy = clip(made_up(voice), 48000)
    assert band.imaging_of_tap(copy).value > IMAGING_LIMIT
    assert imaging_of_segment(wide(voice), copy).value < 0.1


@pytest.mark.parametrize("snr_db", [20, 30])
def test_images_above_the_band_of_the_input_are_found_in_noise(snr_db):
    voice = speech(3.0, 2, 16000)
    noise = np.random.default_rng(1).standard_normal(2 * voice.size) * np.std(voice) * 10 ** (-snr_db / 20)
    good = soxr.resample(voice, 16000, 32000, quality="VHQ")
    assert imaging_of_segment(clip(voice, 16000), clip(np.repeat(voice, 2) + noise, 32000)).value > 0.8
    assert imaging_of_segment(clip(voice, 16000), clip(good + noise, 32000)).value < IMAGING_LIMIT


def test_samples_read_twice_leave_images_at_half_the_speed():
    voice = speech(3.0, 2, 16000)
    slow = soxr.resample(voice, 16000, 32000, quality="VHQ")
    assert imaging_of_segment(clip(voice, 16000), clip(np.repeat(voice, 2), 16000)).value > 0.8
    assert imaging_of_segment(clip(voice, 16000), clip(slow, 16000)).value is None


def test_where_noise_hides_the_phase_images_are_not_measured(monkeypatch):
    monkeypatch.setattr(band, "_quiet", lambda reference, estimated: False)
    voice = speech(3.0, 2, 16000)
    found = imaging_of_segment(wide(voice), clip(made_up(voice), 48000))
    assert found.value is None
    assert found.missing.code is MissingCode.UNFIT
