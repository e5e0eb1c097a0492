"""The short-time spectrum of a clip, which is computed once, and measures from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diag.dsp.arrays import Array
from diag.dsp.level import integrated_loudness_lufs, k_weight_power, mono
from diag.dsp.resample import WORK_HZ, rescale

WINDOW_S = 0.040
HOP_S = 0.020
ACTIVE_RANGE_DB = 35.0
"""Frames within this range below the loud ones (95th percentile) count as sound. Natural speech spans about 30 dB."""
INAUDIBLE_DBFS = -75.0
"""A clip whose loudest frames are below this is silent. It is 15 dB above the least significant bit of 16-bit audio."""
FAINTEST_DBFS = -92.0
"""Windows below this level never count as sound. The rounding noise of 16-bit audio is at -98 dBFS."""
NARROW_CUT = 0.45
"""Low-pass edge of the narrow form, in cycles per sample: 3.6 kHz."""
_BLOCK_FRAMES = 64
"""Windows that are transformed at once. 64 fit into the cache of a core and take half the time of 512."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power of short windows.

    Parameters
    ----------
    power : ndarray of float32, shape (frames, bins)
        One-sided power per bin: the sum over bins is the mean square of the window.
    sample_rate_hz : float
    bin_hz : float
        Frequency step from one bin to the next.
    """

    power: NDArray[np.float32]
    sample_rate_hz: float
    bin_hz: float

    @property
    def frames(self) -> int:
        """Number of windows."""
        return int(self.power.shape[0])

    @property
    def nyquist_hz(self) -> float:
        """Half the sample rate."""
        return self.sample_rate_hz / 2.0

    @cached_property
    def frequencies_hz(self) -> NDArray[np.float64]:
        """Centre of each bin, shape (bins,)."""
        return np.arange(self.power.shape[1], dtype=np.float64) * self.bin_hz

    @cached_property
    def frame_level_dbfs(self) -> NDArray[np.float64]:
        """Level of each window above 60 Hz, shape (frames,)."""
        first = int(np.ceil(60.0 / self.bin_hz))
        return np.asarray(10.0 * np.log10(np.maximum(self.power[:, first:].sum(axis=1, dtype=np.float64), 1e-12)))

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """Windows that carry sound, shape (frames,)."""
        if self.frames == 0:
            return np.zeros(0, dtype=bool)
        level = self.frame_level_dbfs
        loud = float(np.percentile(level, 95)) if self.frames > 20 else float(level.max())
        if loud < INAUDIBLE_DBFS:
            return np.zeros(self.frames, dtype=bool)
        return np.asarray(level > max(loud - ACTIVE_RANGE_DB, FAINTEST_DBFS))

    @cached_property
    def ltas(self) -> NDArray[np.float64]:
        """Long-term average power of the active windows, shape (bins,); zeros where there are none."""
        if not self.active.any():
            return np.zeros(self.power.shape[1])
        return np.asarray(self.power[self.active].mean(axis=0, dtype=np.float64))

    def band_power(self, low_hz: float, high_hz: float) -> NDArray[np.float64]:
        """Return the power of each window between two frequencies, shape (frames,)."""
        first, last = self._bins(low_hz, high_hz)
        return np.asarray(self.power[:, first:last].sum(axis=1, dtype=np.float64))

    def ltas_band(self, low_hz: float, high_hz: float) -> float:
        """Return the long-term average power between two frequencies."""
        first, last = self._bins(low_hz, high_hz)
        return float(self.ltas[first:last].sum())

    def _bins(self, low_hz: float, high_hz: float) -> tuple[int, int]:
        first = int(np.ceil(low_hz / self.bin_hz))
        return first, max(int(np.ceil(high_hz / self.bin_hz)), first + 1)


@dataclass(frozen=True, eq=False)
class Sound:
    """A mono signal with its sample rate. Its spectrum and its narrow form are computed once, on first access.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
    rate_hz : float
    """

    samples: NDArray[np.float32]
    rate_hz: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.rate_hz

    @cached_property
    def spectrum(self) -> Spectrum:
        """Power of 40 ms windows, cached for all measures of this signal."""
        return short_time_power(self.samples, self.rate_hz)

    @cached_property
    def narrow(self) -> tuple[NDArray[np.float32], float]:
        """The samples at about `WORK_HZ`, and their number relative to the original (`rescale`)."""
        return rescale(self.samples, WORK_HZ / self.rate_hz, cut=NARROW_CUT)

    def cut(self, start_s: float, end_s: float) -> Sound:
        """Return the part between two times, clamped to the signal; the whole is the same object."""
        first = max(0, round(start_s * self.rate_hz))
        last = max(first, round(end_s * self.rate_hz))
        return self if first == 0 and last >= self.samples.size else Sound(self.samples[first:last], self.rate_hz)


def sound_of(samples: Array, rate_hz: float) -> Sound:
    """Return a signal of any floating type, mono or with channels (their mean), as a `Sound`."""
    return Sound(mono(samples), rate_hz)


def short_time_power(samples: Array, sample_rate_hz: float) -> Spectrum:
    """Return the power spectra of 40 ms Hann windows every 20 ms.

    A signal shorter than a window gives one padded window. An empty signal gives none.

    The window is a whole number of samples at every usual rate, so bins lie at the same 25 Hz steps in clips of
    different rates.
    """
    return _power(samples, sample_rate_hz, WINDOW_S, HOP_S)


def short_time_power_at(
    samples: Array, sample_rate_hz: float, window_s: float, hop_s: float, max_hz: float | None = None
) -> Spectrum:
    """Return the power spectra of Hann windows of another length and distance, up to `max_hz`."""
    spectrum = _power(samples, sample_rate_hz, window_s, hop_s)
    if max_hz is None:
        return spectrum
    last = min(int(max_hz / spectrum.bin_hz) + 1, spectrum.power.shape[1])
    return Spectrum(spectrum.power[:, :last], sample_rate_hz, spectrum.bin_hz)


def _power(samples: Array, sample_rate_hz: float, window_s: float, hop_s: float) -> Spectrum:
    width = max(8, round(window_s * sample_rate_hz))
    hop = max(1, round(hop_s * sample_rate_hz))
    bin_hz = sample_rate_hz / width
    if samples.size == 0:
        return Spectrum(np.zeros((0, width // 2 + 1), dtype=np.float32), sample_rate_hz, bin_hz)
    data = np.asarray(samples, dtype=np.float32)
    if data.size < width:
        data = np.concatenate((data, np.zeros(width - data.size, dtype=np.float32)))
    window = np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(width) + 0.5) / width), dtype=np.float32)
    scale = 2.0 / (width * float(np.sum(window.astype(np.float64) ** 2)))
    frames = np.lib.stride_tricks.sliding_window_view(data, width)[::hop]
    power = np.empty((frames.shape[0], width // 2 + 1), dtype=np.float32)
    for start in range(0, frames.shape[0], _BLOCK_FRAMES):
        part = np.fft.rfft(frames[start : start + _BLOCK_FRAMES] * window, axis=1)
        power[start : start + _BLOCK_FRAMES] = (part.real**2 + part.imag**2) * np.float32(scale)
    return Spectrum(power, sample_rate_hz, bin_hz)


def loudness_lufs(spectrum: Spectrum) -> float | None:
    """Return the integrated loudness in LUFS (ITU-R BS.1770-4) from the short-time spectrum; None for silence.

    Blocks are of 400 ms every 100 ms, made of 40 ms windows; a clip shorter than a block is one block.
    """
    if spectrum.frames == 0:
        return None
    weighted = (spectrum.power @ k_weight_power(spectrum.frequencies_hz).astype(np.float32)).astype(np.float64)
    per_block, step = round(0.4 / HOP_S), round(0.1 / HOP_S)
    if weighted.size <= per_block:
        return integrated_loudness_lufs(np.array([weighted.mean()]))
    sums = np.concatenate(([0.0], np.cumsum(weighted)))
    starts = np.arange(0, weighted.size - per_block + 1, step)
    return integrated_loudness_lufs((sums[starts + per_block] - sums[starts]) / per_block)


def centroid_hz(spectrum: Spectrum) -> float | None:
    """Return the centre of gravity of the long-term average magnitude spectrum above 60 Hz; None when silent."""
    first = int(np.ceil(60.0 / spectrum.bin_hz))
    magnitude = np.sqrt(spectrum.ltas[first:])
    total = float(magnitude.sum())
    return float((magnitude * spectrum.frequencies_hz[first:]).sum() / total) if total > 0 else None


def tilt_db_per_octave(spectrum: Spectrum, low_hz: float = 300.0, high_hz: float = 8000.0) -> float | None:
    """Return the slope of the long-term average spectrum over 1/3-octave bands; None when silent or too narrow."""
    top = min(high_hz, 0.95 * spectrum.nyquist_hz)
    centres = low_hz * 2.0 ** (np.arange(0, 6 * 3) / 3.0)
    centres = centres[centres * 2 ** (1 / 6) <= top]
    if centres.size < 4 or not spectrum.active.any():
        return None
    density = np.array(
        [
            spectrum.ltas_band(centre * 2 ** (-1 / 6), centre * 2 ** (1 / 6))
            / (centre * (2 ** (1 / 6) - 2 ** (-1 / 6)))
            for centre in centres
        ]
    )
    if not (density > 0).all():
        return None
    return float(np.polyfit(np.log2(centres), 10.0 * np.log10(density), 1)[0])
