"""Levels of the single windows of a voice: in bands below 5 kHz, in treble bands, and of the noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp.dullness import BANDS_HZ
from diag.dsp.spectrum import WINDOW_S, Sound, Spectrum

Array = NDArray[np.float64]

BANDS = 26
CENTRES_HZ = np.geomspace(130.0, 5000.0, BANDS)
"""From the lowest pitch to the fourth formant. Below 130 Hz there is hum, above 5 kHz there may be nothing."""
HALF_WIDTH_OCTAVES = 1 / 6
SPEECH = slice(3, 22)
"""Bands of 200 to 2800 Hz, which a loss of treble leaves as they are."""
LOWEST_DB, LOWEST_TREBLE_DB = -45.0, -90.0
"""Lowest levels that are stored, relative to the speech of the clip. Fainter bands contain room noise."""
_NOISE_PERCENTILE = 10.0


@dataclass(frozen=True, eq=False)
class VoiceFrames:
    """Windows of a voice, in dB against its speech (mean power from 200 to 2800 Hz).

    Parameters
    ----------
    bands_db : ndarray, shape (frames, 26)
        Level in a third of an octave around each of `CENTRES_HZ`.
    treble_db : ndarray, shape (frames, 4)
        Level in the treble bands of `dsp.dullness`; -90 above the Nyquist frequency.
    noise_db : ndarray, shape (4,)
        Level of the treble bands in the quietest windows.
    top_hz : float
        Nyquist frequency.
    """

    bands_db: Array
    treble_db: Array
    noise_db: Array
    top_hz: float

    @property
    def count(self) -> int:
        """Number of windows."""
        return int(self.bands_db.shape[0])

    def thinned(self, most: int) -> VoiceFrames:
        """Return at most `most` windows, evenly spread."""
        if self.count <= most:
            return self
        picked = np.linspace(0, self.count - 1, most).astype(int)
        return VoiceFrames(self.bands_db[picked], self.treble_db[picked], self.noise_db, self.top_hz)


def voice_frames(spectrum: Spectrum) -> VoiceFrames | None:
    """Return the windows of a spectrum with sound; None if there are none."""
    if not spectrum.active.any():
        return None
    bands = spectrum.power @ band_weights(spectrum.power.shape[1], spectrum.bin_hz, 1.0).astype(np.float32)
    sounding = bands[spectrum.active].astype(np.float64)
    speech = _speech_power(sounding)
    top = spectrum.nyquist_hz
    treble = np.stack(
        [spectrum.band_power(low, min(high, top)) if low < top else np.zeros(spectrum.frames)
         for low, high in BANDS_HZ], axis=1)  # fmt: skip
    noise = np.percentile(treble, _NOISE_PERCENTILE, axis=0)
    return VoiceFrames(
        _against(sounding, speech, LOWEST_DB),
        _against(treble[spectrum.active], speech, LOWEST_TREBLE_DB),
        _against(noise, speech, LOWEST_TREBLE_DB),
        top,
    )


def bands_at_width(sound: Sound, centres: NDArray[np.int64], width: int) -> Array:
    """Return the bands of windows with a change of speed undone, in dB relative to the speech; shape (frames, 26).

    The speed follows from the width: windows contain as much of the voice as those of a profile. With a fixed window
    length the frequency resolution would favour some speeds.

    Parameters
    ----------
    sound : Sound
    centres : ndarray of int, shape (frames,)
        Samples in the middle of the windows.
    width : int
        Samples in a window.
    """
    window = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(width) + 0.5) / width)).astype(np.float32)
    starts = np.clip(centres - width // 2, 0, max(0, sound.samples.size - width))
    padded = sound.samples if sound.samples.size >= width else np.pad(sound.samples, (0, width - sound.samples.size))
    spectra = np.fft.rfft(padded[starts[:, None] + np.arange(width)] * window, axis=1)
    power = spectra.real**2 + spectra.imag**2
    weights = band_weights(power.shape[1], sound.rate_hz / width, speed_of_width(width, sound.rate_hz))
    bands = (power @ weights.astype(np.float32)).astype(np.float64)
    return _against(bands, _speech_power(bands), LOWEST_DB)


def speed_of_width(width: int, rate_hz: float) -> float:
    """Return the speed of a sound whose windows of this width contain 40 ms of the original voice."""
    return WINDOW_S * rate_hz / width


def width_near(speed: float, rate_hz: float) -> int:
    """Return the window width nearest to a speed without a prime factor above 11, so that transforms are fast."""
    exact = WINDOW_S * rate_hz / speed
    tried = sorted(range(max(16, int(0.97 * exact)), int(1.03 * exact) + 2), key=lambda width: abs(width - exact))
    return next((width for width in tried if _is_smooth(width)), max(16, round(exact)))


def _is_smooth(number: int) -> bool:
    for prime in (2, 3, 5, 7, 11):
        while number % prime == 0:
            number //= prime
    return number == 1


def band_weights(bins: int, bin_hz: float, speed: float) -> Array:
    """Return the share of each bin in each band, shape (bins, 26), for a sound sped up by a factor."""
    edges = (np.arange(bins + 1) - 0.5) * bin_hz
    low = speed * CENTRES_HZ * 2**-HALF_WIDTH_OCTAVES
    high = speed * CENTRES_HZ * 2**HALF_WIDTH_OCTAVES
    inside = np.minimum(edges[1:, None], high) - np.maximum(edges[:-1, None], low)
    return np.asarray(np.clip(inside / bin_hz, 0.0, 1.0))


def _speech_power(bands: Array) -> float:
    return max(float(bands[:, SPEECH].sum(axis=1).mean()), 1e-20)


def _against(power: Array, speech: float, lowest_db: float) -> Array:
    return np.asarray(np.maximum(10.0 * np.log10(np.maximum(power / speech, 1e-20)), lowest_db))
