"""Impulse responses from a known signal to a recording of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier

_REGULAR = 1e-3
"""Regularisation: this share of the largest power is added at every frequency. Otherwise noise of the recording would
dominate the response at frequencies at which the known signal has no power."""
_SMOOTH_BINS = 65


def impulse_response(known: NDArray[Any], recording: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the impulse response from a known signal to a recording, by regularised division of their spectra.

    Parameters
    ----------
    known, recording : ndarray of float, shape (n,), (m,)
        Signals at one sample rate.
    size : int
        Length of the transforms and of the response, in samples. The response is circular; with at least n + m samples
        no part of it wraps around.
    """
    own, other = fourier.rfft(known, size), fourier.rfft(recording, size)
    power = (own.real**2 + own.imag**2).astype(np.float64)
    smooth = np.convolve(power, np.full(_SMOOTH_BINS, 1 / _SMOOTH_BINS), mode="same")
    return fourier.irfft(other * np.conj(own) / (power + smooth + _REGULAR * smooth.max()), size)
