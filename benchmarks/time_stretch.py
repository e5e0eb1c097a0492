"""Sound made longer or shorter at the same pitch, as a known fault for tests, benchmarks and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 0.04


def stretched(samples: NDArray[np.floating[Any]], rate_hz: float, factor: float) -> NDArray[np.float64]:
    """Return samples that last `factor` times as long at the same pitch.

    Windows of 40 ms are laid over each other, each taken from the place within 10 ms of its own where it continues the
    one before best (waveform similarity overlap-add, Verhelst and Roelands 1993).

    Parameters
    ----------
    samples : ndarray of float, shape (n,)
    rate_hz : float
        Sample rate in Hz.
    factor : float
        Above 0; above 1 is longer.
    """
    x, width = samples.astype(np.float64), round(WINDOW_S * rate_hz)
    hop, window = width // 2, np.hanning(width)
    out = np.zeros(round(x.size * factor) + width)
    weight, last = np.zeros_like(out), 0
    for place in range(0, out.size - width, hop):
        start = round(place / factor)
        if start + width + hop > x.size:
            break
        if place:
            target = x[last + hop : last + hop + width]
            low = max(0, start - hop // 2)
            region = x[low : start + hop // 2 + width]
            if target.size == width and region.size > width:
                start = low + int(np.argmax(np.correlate(region, target, "valid")))
        out[place : place + width] += window * x[start : start + width]
        weight[place : place + width] += window
        last = start
    return np.asarray(out / np.maximum(weight, 0.5))
