"""Find a known sound in a recording by energy-normalised cross-correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.arrays import Array
from diag.dsp.deconvolution import impulse_response
from diag.dsp.resample import rescale

_COARSE_HZ = 8000.0
_UNDISTURBED = 0.998
_ROOM_S = 0.012
_QUIET = 1e-6
"""Parts of the signal with less than this share of the loudest part's energy do not match; their correlation is
random."""


@dataclass(frozen=True)
class Place:
    """Where a template was found.

    Parameters
    ----------
    frame : float
        Position of the template's first sample in the signal, in samples; fractional, by parabolic interpolation.
    confidence : float
        Normalised correlation there, 0 to 1; 1 is the same waveform.
    """

    frame: float
    confidence: float


def normalised_cross_correlation(template: Array, signal: Array) -> NDArray[np.float64]:
    """Return the correlation of a template with a signal at every position, divided by the energies of both.

    Without the division, louder passages would win. Computed by FFT.

    Parameters
    ----------
    template : ndarray, shape (m,)
    signal : ndarray, shape (n,), n >= m

    Returns
    -------
    ndarray, shape (n - m + 1,)
        In [-1, 1]; 0 where either is silent. Empty if the signal is shorter than the template.
    """
    m, n = template.size, signal.size
    if m == 0 or n < m:
        return np.zeros(0)
    size = fourier.next_fast_len(n)
    known = np.asarray(template, dtype=np.float64)
    spectrum = fourier.rfft(np.asarray(signal, dtype=np.float64), size)
    product = fourier.irfft(spectrum * np.conj(fourier.rfft(known, size)), size)[: n - m + 1]
    sums = np.concatenate(([0.0], np.cumsum(np.square(signal, dtype=np.float64))))
    energy = np.maximum(sums[m:] - sums[:-m], 0.0)
    own = float(np.dot(known, known))
    loudest = float(energy.max())
    if own <= 0.0 or loudest <= 0.0:
        return np.zeros(n - m + 1)
    heard = energy > loudest * _QUIET
    result = np.zeros(n - m + 1)
    result[heard] = product[heard] / np.sqrt(energy[heard] * own)
    return np.clip(result, -1.0, 1.0)


def parabola_peak(values: Array, index: int) -> float:
    """Return the position of the peak near `index` by a parabola through three points; at an edge, `index` itself."""
    if not 0 < index < values.size - 1:
        return float(index)
    left, middle, right = (float(value) for value in values[index - 1 : index + 2])
    curve = left - 2.0 * middle + right
    if curve >= 0.0:
        return float(index)
    return index + float(np.clip(0.5 * (left - right) / curve, -0.5, 0.5))


def best_delay(template: Array, signal: Array) -> Place | None:
    """Return where the template fits best in the signal, with either polarity.

    None if the signal is shorter than the template or either is silent.
    """
    correlation = np.abs(normalised_cross_correlation(template, signal))
    if correlation.size == 0 or not correlation.any():
        return None
    peak = int(np.argmax(correlation))
    return Place(parabola_peak(correlation, peak), float(correlation[peak]))


def locate(template: Array, signal: Array, sample_rate_hz: float) -> Place | None:
    """Return where the template fits best in a long signal, with either polarity; None as for `best_delay`.

    The search is at 8 kHz first, then at the full rate to a fraction of a sample.
    """
    if sample_rate_hz < 1.5 * _COARSE_HZ or signal.size < 4 * sample_rate_hz / 10:
        return best_delay(template, signal)
    factor = _COARSE_HZ / sample_rate_hz
    narrow_signal, exact = rescale(signal, factor, cut=0.45)
    narrow_template, exact_template = rescale(template, factor, cut=0.45)
    if abs(exact - exact_template) > 1e-3 * factor:
        return best_delay(template, signal)
    coarse = best_delay(narrow_template, narrow_signal)
    if coarse is None:
        return None
    centre = round(coarse.frame / exact)
    reach = round(0.004 * sample_rate_hz)
    first = max(0, centre - reach)
    fine = best_delay(template, signal[first : centre + reach + template.size])
    if fine is None:
        return coarse
    if fine.confidence >= _UNDISTURBED:
        return Place(first + fine.frame, fine.confidence)
    direct = _direct_path(template, signal, first + fine.frame, round(_ROOM_S * sample_rate_hz))
    return Place(direct, fine.confidence)


def _direct_path(template: Array, signal: Array, frame: float, reach: int) -> float:
    """Return the place of the strongest path within `reach` samples, by regularised division of the spectra.

    In a room, reflections shift the peak of a correlation, and the next pitch period may look like a match. The impulse
    response from the division of the spectra has a sharp peak instead.
    """
    first = max(0, round(frame) - 2 * reach)
    part = np.asarray(signal[first : round(frame) + template.size + 2 * reach], dtype=np.float32)
    size = fourier.next_fast_len(part.size + template.size)
    response = impulse_response(np.asarray(template, dtype=np.float32), part, size)
    middle = round(frame) - first
    low = max(0, middle - reach)
    near = np.abs(response[low : middle + reach + 1])
    return first + low + parabola_peak(near, int(np.argmax(near)))
