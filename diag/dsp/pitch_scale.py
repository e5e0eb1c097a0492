"""Estimate the speed of a copy roughly, by its spectrum on a logarithmic axis and its loudness over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.spectrum import HOP_S, Spectrum

POINTS_PER_OCTAVE = 96
MAX_OCTAVES = 1.8
"""Search range: 1/3 (48 kHz labelled as 16 kHz) and 3 lie at 1.58 octaves."""
LOWEST_HZ = 90.0
EDGE_DROP_DB = 55.0
_MIN_OVERLAP_OCTAVES = 1.5
_BANDS_HZ = (120.0, 240.0, 400.0, 600.0, 850.0, 1150.0, 1500.0, 2000.0, 2700.0, 3600.0)
_RANGE_DB = 45.0


@dataclass(frozen=True)
class Candidate:
    """A speed and how well the long-term spectra fit at it (normalised correlation, -1 to 1)."""

    ratio: float
    fit: float


def loud_edge_hz(spectrum: Spectrum) -> float:
    """Return the highest frequency in Hz whose long-term level is within 55 dB of the peak; 0 for silence.

    It is the upper end of the spectrum that is matched, and may include noise above the voice. The upper edge of the
    voice itself is `diag.dsp.band.content_edge`.
    """
    ltas = spectrum.ltas
    if not ltas.any():
        return 0.0
    width = max(1, round(200.0 / spectrum.bin_hz))
    smooth = np.convolve(ltas, np.ones(width) / width, mode="same")
    return float(np.flatnonzero(smooth > smooth.max() * 10 ** (-EDGE_DROP_DB / 10))[-1] * spectrum.bin_hz)


def log_spectrum(spectrum: Spectrum) -> NDArray[np.float64]:
    """Return the long-term spectrum in dB on a logarithmic frequency axis, less its one-octave moving mean.

    It ends below the edge of the content and below Nyquist. Otherwise two steep edges would match, and give the ratio
    of the edges in place of the ratio of the voices.
    """
    top = min(0.95 * loud_edge_hz(spectrum), 0.93 * spectrum.nyquist_hz)
    if top < 4 * LOWEST_HZ:
        return np.zeros(0)
    points = int(np.log2(top / LOWEST_HZ) * POINTS_PER_OCTAVE)
    frequencies = LOWEST_HZ * 2.0 ** (np.arange(points) / POINTS_PER_OCTAVE)
    level = 10.0 * np.log10(np.maximum(spectrum.ltas, 1e-14))
    values = np.interp(frequencies, spectrum.frequencies_hz, level)
    half = POINTS_PER_OCTAVE // 2
    sums = np.concatenate(([0.0], np.cumsum(values)))
    first = np.maximum(np.arange(points) - half, 0)
    last = np.minimum(np.arange(points) + half + 1, points)
    return np.asarray(values - (sums[last] - sums[first]) / (last - first))


def spectral_candidates(reference: Spectrum, estimated: Spectrum, count: int = 6) -> list[Candidate]:
    """Return up to `count` speeds at which the estimated long-term spectrum fits the reference's, best first."""
    a, b = log_spectrum(reference), log_spectrum(estimated)
    reach = round(MAX_OCTAVES * POINTS_PER_OCTAVE)
    least = round(_MIN_OVERLAP_OCTAVES * POINTS_PER_OCTAVE)
    shifts = np.arange(-reach, reach + 1)
    fits = np.full(shifts.size, -1.0)
    for index, shift in enumerate(shifts):
        first, last = max(0, -int(shift)), min(a.size, b.size - int(shift))
        if last - first < least:
            continue
        x, y = a[first:last], b[first + shift : last + shift]
        x, y = x - x.mean(), y - y.mean()
        power = float(x @ x) * float(y @ y)
        fits[index] = float(x @ y) / np.sqrt(power) if power > 0 else -1.0
    inner = fits[1:-1]
    peaks = np.flatnonzero((inner >= fits[:-2]) & (inner > fits[2:]) & (inner > 0.1)) + 1
    best = peaks[np.argsort(-fits[peaks])][:count]
    result = []
    for peak in best:
        left, middle, right = fits[peak - 1 : peak + 2]
        curve = left - 2 * middle + right
        offset = 0.5 * (left - right) / curve if curve < 0 else 0.0
        result.append(Candidate(float(2.0 ** ((shifts[peak] + offset) / POINTS_PER_OCTAVE)), float(middle)))
    return result


def loudness_curves(spectrum: Spectrum, scale: float = 1.0, top_hz: float = 3600.0) -> NDArray[np.float64]:
    """Return the level in dB of bands from 120 Hz up, their edges multiplied by `scale`; shape (frames, bands).

    Each band is clamped to the 45 dB below its loudest frame.
    """
    edges = [int(np.ceil(hz * scale / spectrum.bin_hz)) for hz in _BANDS_HZ if hz <= top_hz + 1.0]
    sums = np.add.reduceat(spectrum.power, np.minimum(edges, spectrum.power.shape[1] - 1), axis=1)[:, :-1]
    level = 10.0 * np.log10(np.maximum(sums, 1e-14, dtype=np.float64))
    return np.asarray(np.maximum(level, level.max(axis=0, keepdims=True) - _RANGE_DB))


@dataclass(frozen=True)
class CurveFit:
    """The fit of two sets of loudness curves: correlation, and the estimated time of reference time 0."""

    fit: float
    offset_s: float


def fit_in_time(reference: NDArray[np.float64], estimated: NDArray[np.float64], time_ratio: float) -> CurveFit:
    """Return the best fit of loudness curves over all delays, when the estimated one runs `time_ratio` times as fast.

    At least 60 % of the shorter one must overlap. `offset_s` is in reference seconds.
    """
    frames = int(np.floor((estimated.shape[0] - 1) * time_ratio)) + 1
    if frames < 8 or reference.shape[0] < 8:
        return CurveFit(0.0, 0.0)
    places = np.arange(frames) / time_ratio
    y = np.stack([np.interp(places, np.arange(estimated.shape[0]), band) for band in estimated.T], axis=1)
    x = reference - reference.mean(axis=0)
    y = y - y.mean(axis=0)
    (n, bands), m = x.shape, y.shape[0]
    size = fourier.next_fast_len(n + m)
    fx, fy = _transform(x, size), _transform(y, size)
    ones_x, ones_y = _transform(np.ones((n, 1)), size), _transform(np.ones((m, 1)), size)
    power_x, power_y = (_transform((part**2).sum(axis=1, keepdims=True), size) for part in (x, y))
    products = (
        np.conj(fx) * ones_y,
        np.conj(ones_x) * fy,
        (np.conj(fx) * fy).sum(axis=1, keepdims=True),
        np.conj(power_x) * ones_y,
        np.conj(ones_x) * power_y,
        np.conj(ones_x) * ones_y,
    )
    lags = fourier.irfft(np.concatenate(products, axis=1), size, axis=0)
    sum_x, sum_y = lags[:, :bands], lags[:, bands : 2 * bands]
    both, own, other, count = lags[:, 2 * bands :].T
    count = np.maximum(count, 1.0)
    covariance = both - (sum_x * sum_y).sum(axis=1) / count
    own = np.maximum(own - (sum_x**2).sum(axis=1) / count, 1e-9)
    other = np.maximum(other - (sum_y**2).sum(axis=1) / count, 1e-9)
    fit = covariance / np.sqrt(own * other)
    fit[count < max(8, 0.6 * min(n, m))] = -1.0
    peak = int(np.argmax(fit))
    lag = peak if peak < m else peak - size
    return CurveFit(float(fit[peak]), lag * HOP_S)


def _transform(values: NDArray[np.float64], size: int) -> NDArray[np.complex128]:
    return np.asarray(fourier.rfft(values, size, axis=0), dtype=np.complex128)
