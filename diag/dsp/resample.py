"""Change of sample rate by Fourier transform: exact, zero phase, any ratio."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.arrays import Array

_GUARD = 64
WORK_HZ = 8000.0
"""Sample rate at which a voice is searched for in a recording: it keeps most of the energy of speech."""
SAME_SPEED_WITHIN = 0.05
"""Two speeds are the same if they differ by less than this number of samples at the end of a recording."""
MARGIN = 128
"""Number of samples on either side of a block that a shift or a slope needs."""
_BLOCK = 4096
_KEPT = _BLOCK - 2 * MARGIN
_WHOLE = 1e-4
"""A shift this close to a whole number of samples is rounded; the error is 64 dB below the signal."""


def rescale(samples: Array, factor: float, *, cut: float | None = None) -> tuple[NDArray[np.float32], float]:
    """Resample a mono signal to `factor` times as many samples.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    factor : float
        Wanted new rate / old rate, > 0.
    cut : float or None
        Low-pass edge in cycles per *new* sample (0.5 is the new Nyquist); None keeps all that fits. The last tenth
        below the edge is tapered, so that it does not ring.

    Returns
    -------
    resampled : ndarray of float32, shape (about n * factor,)
    exact_factor : float
        The factor that was reached (a transform has a whole length): sample m of the result lies at m / exact_factor
        of the input. Exactly `factor` for simple fractions, within some 0.05 / n otherwise.
    """
    near = Fraction(factor).limit_denominator(64)
    if samples.size == 0:
        return np.zeros(0, dtype=np.float32), factor
    if abs(float(near) - factor) < 1e-12 * factor:
        unit = fourier.next_fast_len(-(-(samples.size + _GUARD) // near.denominator))
        n_in, n_out = unit * near.denominator, unit * near.numerator
    else:
        n_in = _nearly_whole(samples.size + _GUARD, factor)
        n_out = max(2, round(n_in * factor))
    if n_in == n_out and cut is None:
        return np.asarray(samples, dtype=np.float32), 1.0
    spectrum = fourier.rfft(np.asarray(samples, dtype=np.float32), n_in)
    bins = min(n_in, n_out) // 2
    kept = np.zeros(n_out // 2 + 1, dtype=spectrum.dtype)
    kept[:bins] = spectrum[:bins]
    edge = bins if cut is None else min(bins, int(cut * n_out))
    kept[edge:] = 0
    taper = max(1, edge // 10)
    slope = 0.5 * (1.0 + np.cos(np.pi * (np.arange(taper) + 1) / (taper + 1)))
    if cut is not None and edge >= taper:
        kept[edge - taper : edge] *= slope.astype(np.float32)
    exact = n_out / n_in
    resampled = fourier.irfft(kept, n_out) * np.float32(exact)
    return np.asarray(resampled[: int(np.ceil(samples.size * exact))], dtype=np.float32), exact


def _nearly_whole(least: int, factor: float) -> int:
    """Return a fast length not much above `least` whose product with `factor` lies close to a whole number."""
    sizes = [fourier.next_fast_len(least)]
    for _ in range(23):
        sizes.append(fourier.next_fast_len(sizes[-1] + 1))
    return min(
        (size for size in sizes if size < 1.2 * least + 64), key=lambda size: abs(size * factor - round(size * factor))
    )


def shifted(samples: Array, shift: float) -> NDArray[np.float32]:
    """Return the signal advanced by a fractional `shift`: result[n] = samples[n + shift]; zeros outside."""
    size = samples.size
    whole = int(np.floor(shift))
    part = shift - whole
    if part > 1.0 - _WHOLE:
        whole, part = whole + 1, 0.0
    if part < _WHOLE or size < 2:
        return _moved(samples, whole, size)
    # Fractional shifts need surrounding samples, so each block includes its margins and one more sample.
    blocks = -(-size // _KEPT)
    wide = _moved(samples, whole - MARGIN, blocks * _KEPT + 2 * MARGIN)
    frames = np.lib.stride_tricks.sliding_window_view(wide, _BLOCK)[::_KEPT]
    turn = np.exp(2j * np.pi * part * np.arange(_BLOCK // 2 + 1) / _BLOCK).astype(np.complex64)
    spectra = fourier.rfft(frames * _taper(_BLOCK), axis=1)
    spectra *= turn
    turned = fourier.irfft(spectra, _BLOCK, axis=1)[:, MARGIN : MARGIN + _KEPT]
    return np.ascontiguousarray(turned.reshape(-1)[:size], dtype=np.float32)


def padded(samples: Array, size: int) -> NDArray[np.float32]:
    """Return the signal with zeros behind it, at least `size` samples long."""
    data = np.asarray(samples, dtype=np.float32)
    return data if data.size >= size else np.concatenate((data, np.zeros(size - data.size, dtype=np.float32)))


def _moved(samples: Array, first: int, size: int) -> NDArray[np.float32]:
    """Return the `size` samples from `first` on, zeros outside."""
    result = np.zeros(size, dtype=np.float32)
    begin, end = max(0, first), min(samples.size, first + size)
    if end > begin:
        result[begin - first : end - first] = samples[begin:end]
    return result


def _taper(size: int) -> NDArray[np.float32]:
    """1 in the middle, falling to 0 over the outer half of each margin, so that a block's edges do not ring inside."""
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(MARGIN // 2) + 0.5) / (MARGIN // 2))
    window = np.ones(size, dtype=np.float32)
    window[: rise.size] = rise
    window[-rise.size :] = rise[::-1]
    return window


def slopes(windows: Array) -> NDArray[np.float64]:
    """Return the slope per sample of band-limited signals in rows, without the `MARGIN` samples at both ends.

    Exact up to Nyquist, unlike differences. Shape (rows, n) in, (rows, n - 2 * MARGIN) out.
    """
    size = windows.shape[1]
    turn = 2j * np.pi * np.arange(size // 2 + 1) / size
    spectra = fourier.rfft(windows * _taper(size), axis=1) * turn
    return np.asarray(fourier.irfft(spectra, size, axis=1)[:, MARGIN : size - MARGIN], dtype=np.float64)
