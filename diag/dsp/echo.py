"""Measure the level and the delay of the echo of a known sound in a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.arrays import Array
from diag.dsp.deconvolution import impulse_response
from diag.dsp.resample import WORK_HZ, rescale

MAX_DELAY_S = 1.0
DISTINCT, DISTINCT_WEIGHTED = 9.0, 6.5
"""A peak of the impulse response counts as an echo if it is this many times the RMS of the rest of the response.

Recordings of other speech reach 8.4, and 5.8 with weighting.
"""
SILENT_DB = -120.0
_AROUND_S = 0.002
_BEFORE_S, _ROOM_S = 0.03, 0.35
"""The response is fitted from this long before the direct sound to this long after it."""
_TAPS_PER_SAMPLE = 0.125
"""Most taps of the fitted response for each sample of the known sound."""
_BLOCK_S = 0.01
_ABOVE_NOISE = 1.3
_MOST_HIDDEN = 0.15
_RIDGE = 1e-4
_WINDOW = 256
_HOP = _WINDOW // 2
_FINER = 16
_SMOOTH_FRAMES, _SMOOTH_BINS = 5, 9
_LEAST_POWER = 1e-3
"""Least power in the weighting, relative to the mean power of the recording. Otherwise its faintest noise would get
most of the weight."""


@dataclass(frozen=True)
class Echo:
    """An echo, or the upper limit for one.

    Parameters
    ----------
    level_db : float
        Level of the echo relative to the known sound; if none was found, the level below which one may be hidden.
    delay_s : float
        Delay of the echo.
    distinct : bool
        Whether an echo was found.
    """

    level_db: float
    delay_s: float
    distinct: bool


def find_echo(known: Array, known_rate_hz: float, recording: Array, recording_rate_hz: float) -> Echo | None:
    """Return the strongest echo of a known sound in a recording; None if either is silent or too short.

    Both must begin at the same time. Each bin of the recording's spectrogram is weighted by the inverse of its power,
    so that other speech in the recording masks an echo only at the times and frequencies at which it sounds. The
    impulse response is estimated by regularised division of the spectra at 8 kHz. Its largest peak within the first
    second gives the delay. The level is that of the direct sound and of the reverberation after it, by a least-squares
    fit. If other speech hides the reverberation, it is a weighted least-squares fit over ±2 ms around the peak.
    """
    x, factor = rescale(known, WORK_HZ / known_rate_hz, cut=0.45)
    y, _ = rescale(recording, WORK_HZ / recording_rate_hz, cut=0.45)
    rate_hz = factor * known_rate_hz
    if x.size < rate_hz * 0.2 or not x.any():
        return None
    spectra = _windows(y)
    weight = 1.0 / _smooth_power(spectra)
    weighted = _joined(spectra * weight, y.size)
    peaks = [_strongest(x, part, rate_hz, least) for part, least in ((y, DISTINCT), (weighted, DISTINCT_WEIGHTED))]
    peak, distinct = max(peaks, key=lambda found: found[1])
    level_db, shift = _explained(x, spectra, weight, peak, round(_AROUND_S * rate_hz))
    if distinct > 1.0:
        # Other speech can only hide a part of the room's response, so the larger of both levels is the better one.
        level_db = max(level_db, _with_room(x, y, peak, rate_hz))
    return Echo(level_db, (peak + shift) / rate_hz, distinct > 1.0)


def _with_room(x: Array, y: Array, peak: int, rate_hz: float) -> float:
    """Return the level of the whole response from x to y in dB: the direct sound and the reverberation after it.

    The response is a least-squares fit. Its taps before the direct sound show how much noise and other speech there is
    in every tap. That power is subtracted, and the response ends where there is little more than that. The result is
    `SILENT_DB` if much of the response is noise and other speech.
    """
    from scipy.linalg import solve_toeplitz

    before = round(_BEFORE_S * rate_hz)
    taps = before + round(min(_ROOM_S * rate_hz, x.size * _TAPS_PER_SAMPLE))
    size = fourier.next_fast_len(max(x.size, y.size) + taps + peak)
    own, other = fourier.rfft(x.astype(np.float64), size), fourier.rfft(y.astype(np.float64), size)
    power = own.real**2 + own.imag**2
    alone = fourier.irfft(power, size)[:taps]
    both = fourier.irfft(other * np.conj(own), size)[(peak - before + np.arange(taps)) % size]
    alone[0] *= 1.0 + _RIDGE
    response = np.asarray(solve_toeplitz(alone, both))

    def energy(first: int, last: int) -> float:
        """Return the energy of x behind these taps of the response."""
        return float(np.sum(power * np.abs(fourier.rfft(response[first:last], size)) ** 2)) / size * 2

    block, quiet = round(_BLOCK_S * rate_hz), round((_BEFORE_S - _AROUND_S) * rate_hz)
    noise = energy(0, quiet) / quiet
    direct = before - round(_AROUND_S * rate_hz)
    end = direct + block
    while end + block <= taps and energy(end, end + block) > _ABOVE_NOISE * noise * block:
        end += block
    whole, hidden = energy(direct, end), noise * (end - direct)
    if hidden > _MOST_HIDDEN * whole:
        return SILENT_DB
    left = whole - hidden
    return float(10.0 * np.log10(max(left / max(float(alone[0]), 1e-20), 10 ** (SILENT_DB / 10))))


def _strongest(x: Array, y: Array, rate_hz: float, least: float) -> tuple[int, float]:
    """Return the lag of the largest peak of the impulse response in the first second, and its prominence.

    The prominence is the peak divided by `least` times the RMS of the rest.
    """
    size = fourier.next_fast_len(max(x.size, y.size) + round(MAX_DELAY_S * rate_hz))
    response = impulse_response(x.astype(np.float64), y.astype(np.float64), size)[: round(MAX_DELAY_S * rate_hz)]
    peak = int(np.argmax(np.abs(response)))
    away = np.abs(np.arange(response.size) - peak) > round(_AROUND_S * rate_hz)
    spread = float(np.sqrt(np.mean(response[away] ** 2)))
    return peak, float(abs(response[peak])) / max(least * spread, 1e-20)


def _windows(samples: Array) -> NDArray[np.complex64]:
    """Return the short-time spectra of a signal, which `_joined` inverts exactly; shape (frames, bins)."""
    frames = samples.size // _HOP + 2
    padded = np.zeros((frames + 1) * _HOP, dtype=np.float32)
    padded[_HOP : _HOP + samples.size] = samples
    parts = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    return np.asarray(fourier.rfft(parts * _shape(), axis=1), dtype=np.complex64)


def _shape() -> NDArray[np.float32]:
    return np.sin(np.pi * (np.arange(_WINDOW) + 0.5) / _WINDOW).astype(np.float32)


def _joined(spectra: NDArray[np.complexfloating[Any]], size: int) -> NDArray[np.float32]:
    """Return the signal of short-time spectra as `_windows` returns them (overlap-add)."""
    parts = fourier.irfft(spectra, _WINDOW, axis=1) * _shape()
    halves = np.zeros((parts.shape[0] + 1, _HOP), dtype=np.float32)
    halves[:-1] += parts[:, :_HOP]
    halves[1:] += parts[:, _HOP:]
    return halves.reshape(-1)[_HOP : _HOP + size]


def _smooth_power(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Return the power of a spectrogram, smoothed over time and frequency."""
    power = spectra.real**2 + spectra.imag**2
    for axis, count in ((0, _SMOOTH_FRAMES), (1, _SMOOTH_BINS)):
        power = _moving_mean(power, count, axis)
    return np.asarray(np.maximum(power, _LEAST_POWER * float(power.mean()) + 1e-20), dtype=np.float32)


def _moving_mean(values: NDArray[np.float32], count: int, axis: int) -> NDArray[np.float32]:
    pad = [(0, 0), (0, 0)]
    pad[axis] = (count // 2, count // 2)
    views = np.lib.stride_tricks.sliding_window_view(np.pad(values, pad, mode="edge"), count, axis=axis)
    return np.asarray(views.mean(axis=-1), dtype=np.float32)


def _explained(
    x: Array, spectra: NDArray[np.complex64], weight: NDArray[np.float32], peak: int, around: int
) -> tuple[float, float]:
    """Return the part of the recording that x explains at lags around the peak, by weighted least squares.

    The results are its level relative to x, and the position of its largest tap after the peak, in fractional samples.
    Within a window, a lag of some samples is a phase shift of each frequency.
    """
    late = np.concatenate((np.zeros(peak, dtype=np.float32), np.asarray(x, dtype=np.float32)))
    own = _windows(late)
    frames = min(own.shape[0], spectra.shape[0])
    own, there, weight = own[:frames], spectra[:frames], weight[:frames]
    both = (weight * there * np.conj(own)).sum(axis=0, dtype=np.complex128)
    alone = (weight * (own.real**2 + own.imag**2)).sum(axis=0, dtype=np.float64)
    lags = np.arange(-min(around, peak), around + 1)
    shape = _lag_sums(alone.astype(np.complex128), lags[:, None] - lags[None, :])
    shape += np.eye(lags.size) * 1e-4 * float(np.trace(shape)) / lags.size
    taps = np.linalg.solve(shape, _lag_sums(both, lags))
    turns = np.exp(-2j * np.pi * np.outer(lags, np.arange(_WINDOW // 2 + 1)) / _WINDOW)
    response = taps @ turns
    power = (own.real**2 + own.imag**2).sum(axis=0, dtype=np.float64)
    explained = float(np.abs(response) ** 2 @ power) / max(float(power.sum()), 1e-20)
    fine = np.abs(fourier.irfft(response, _WINDOW * _FINER))
    tap = int(np.argmax(fine))
    later = (tap + _WINDOW * _FINER // 2) % (_WINDOW * _FINER) - _WINDOW * _FINER // 2
    return float(10.0 * np.log10(max(explained, 1e-12))), later / _FINER


def _lag_sums(values: NDArray[np.complex128], lags: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the correlation at lags from a one-sided cross spectrum of one window's length."""
    return np.asarray(fourier.irfft(values, _WINDOW)[lags % _WINDOW], dtype=np.float64)
