"""Fourier transforms by scipy, which is imported on first use.

Importing scipy.fft takes 28 MB and a quarter of a second. Measures of a single recording use numpy instead, which is
almost as fast for short windows. Measures of a pair transform whole clips, for which scipy in float32 is twice as fast.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def rfft(values: NDArray[Any], size: int | None = None, axis: int = -1) -> NDArray[Any]:
    """Return the Fourier transform of real values in their precision, cut or zero-padded to `size`."""
    import scipy.fft

    return np.asarray(scipy.fft.rfft(values, size, axis=axis))


def irfft(spectrum: NDArray[Any], size: int | None = None, axis: int = -1) -> NDArray[Any]:
    """Return the real values of a Fourier transform, in its precision."""
    import scipy.fft

    return np.asarray(scipy.fft.irfft(spectrum, size, axis=axis))


@lru_cache(maxsize=512)
def next_fast_len(least: int) -> int:
    """Return the smallest length from `least` on with a fast transform: its only prime factors are 2, 3 and 5."""
    best = 1 << max(0, least - 1).bit_length()
    fives = 1
    while fives < best:
        odd = fives
        while odd < best:
            twos = max(0, -(-least // odd) - 1).bit_length()
            best = min(best, odd << twos)
            odd *= 3
        fives *= 5
    return best
