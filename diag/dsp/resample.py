"""Change of sample rate by Fourier transform: exact, zero phase, any ratio."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier

Array = NDArray[np.floating[Any]]
_GUARD = 64


def rescale(samples: Array, factor: float, *, cut: float | None = None) -> tuple[NDArray[np.float32], float]:
    """Bring a mono signal to `factor` times as many samples.

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
    """A fast length not much above `least` whose product with `factor` lies close to a whole number."""
    sizes = [fourier.next_fast_len(least)]
    for _ in range(23):
        sizes.append(fourier.next_fast_len(sizes[-1] + 1))
    return min(
        (size for size in sizes if size < 1.2 * least + 64), key=lambda size: abs(size * factor - round(size * factor))
    )


def shifted(samples: Array, shift: float) -> NDArray[np.float32]:
    """The signal earlier by `shift` samples (a fraction is allowed): result[n] = samples[n + shift]; zeros outside."""
    size = samples.size
    whole = int(np.floor(shift))
    part = shift - whole
    moved = np.zeros(size, dtype=np.float32)
    first, last = max(0, -whole), min(size, size - whole)
    if last > first:
        moved[first:last] = samples[first + whole : last + whole]
    if part < 1e-6 or size < 2:
        return moved
    n = fourier.next_fast_len(size + _GUARD)
    turn = np.exp(2j * np.pi * part * np.arange(n // 2 + 1) / n).astype(np.complex64)
    return np.asarray(fourier.irfft(fourier.rfft(moved, n) * turn, n)[:size], dtype=np.float32)


def derivative(samples: Array) -> NDArray[np.float64]:
    """Slope of a band-limited signal at each sample, per sample; exact up to Nyquist, unlike differences."""
    n = fourier.next_fast_len(samples.size + _GUARD)
    turn = 2j * np.pi * np.arange(n // 2 + 1) / n
    return np.asarray(fourier.irfft(fourier.rfft(samples, n) * turn, n)[: samples.size], dtype=np.float64)
