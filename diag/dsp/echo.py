"""How much of a known sound comes back in a recording, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.resample import rescale

Array = NDArray[np.floating[Any]]

MAX_DELAY_S = 1.0
DISTINCT = 8.0
"""A peak of the impulse response counts as an echo where it stands this far above the response's own RMS."""
_WORK_HZ = 8000.0
_AROUND_S = 0.002
_REGULAR = 1e-3


@dataclass(frozen=True)
class Echo:
    """What came back.

    Parameters
    ----------
    level_db : float
        Level of the echo against the known sound; where none stands out, the level that could have hidden.
    delay_s : float
        Its delay.
    distinct : bool
        Whether it stands out.
    """

    level_db: float
    delay_s: float
    distinct: bool


def find_echo(known: Array, known_rate_hz: float, recording: Array, recording_rate_hz: float) -> Echo | None:
    """Strongest echo of a known sound in a recording that begins with it, by deconvolution. None when it is silent.

    The impulse response from known to recording is estimated by regularised division of their spectra at 8 kHz; its
    largest peak within the first second gives the delay, and least squares over the peak's ±2 ms the level, so that
    another voice in the recording hardly matters.
    """
    x, factor = rescale(known, _WORK_HZ / known_rate_hz, cut=0.45)
    y, _ = rescale(recording, _WORK_HZ / recording_rate_hz, cut=0.45)
    rate_hz = factor * known_rate_hz
    if x.size < rate_hz * 0.2 or not x.any():
        return None
    size = fourier.next_fast_len(max(x.size, y.size) + round(MAX_DELAY_S * rate_hz))
    fx, fy = fourier.rfft(x.astype(np.float64), size), fourier.rfft(y.astype(np.float64), size)
    power = (fx * np.conj(fx)).real
    smooth = np.convolve(power, np.full(65, 1 / 65), mode="same")
    response = fourier.irfft(fy * np.conj(fx) / (power + _REGULAR * smooth.max() + smooth), size)
    response = response[: round(MAX_DELAY_S * rate_hz)]
    peak = int(np.argmax(np.abs(response)))
    around = round(_AROUND_S * rate_hz)
    away = np.abs(np.arange(response.size) - peak) > around
    spread = float(np.sqrt(np.mean(response[away] ** 2)))
    distinct = bool(abs(response[peak]) > DISTINCT * spread)
    lags = np.arange(max(0, peak - around), peak + around + 1)
    level_db = _explained_db(x.astype(np.float64), y.astype(np.float64), lags)
    return Echo(level_db, peak / rate_hz, distinct)


def _explained_db(x: NDArray[np.float64], y: NDArray[np.float64], lags: NDArray[np.int64]) -> float:
    """Level against x of the part of y that x at these lags explains by least squares."""
    size = min(x.size, max(0, y.size - int(lags[-1])))
    if size < 2 * lags.size:
        return -120.0
    span = size + int(lags[-1])
    padded = np.concatenate((np.zeros(int(lags[-1])), x, np.zeros(span)))
    columns = np.stack([padded[int(lags[-1]) - lag : int(lags[-1]) - lag + span] for lag in lags], axis=1)
    target = y[:span]
    gram = columns.T @ columns
    gram += np.eye(lags.size) * 1e-4 * float(np.trace(gram)) / lags.size
    explained = columns @ np.linalg.solve(gram, columns.T @ target)
    own = float(x @ x)
    return float(10.0 * np.log10(max(float(explained @ explained) / own, 1e-12)))
