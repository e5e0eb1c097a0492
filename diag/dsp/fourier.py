"""Fourier transforms by scipy, loaded when the first is asked for.

Importing scipy.fft costs 28 MB and a quarter of a second. Measures of a recording alone do without it: their short
transforms of many windows are almost as fast in numpy. Those of a pair transform whole clips, which scipy does twice as
fast in float32.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def rfft(values: NDArray[Any], size: int | None = None, axis: int = -1) -> NDArray[Any]:
    """Return the transform of real values, in their precision; cut or filled with zeros to `size`."""
    import scipy.fft

    return np.asarray(scipy.fft.rfft(values, size, axis=axis))


def irfft(spectrum: NDArray[Any], size: int | None = None, axis: int = -1) -> NDArray[Any]:
    """Return the real values of a transform, in its precision."""
    import scipy.fft

    return np.asarray(scipy.fft.irfft(spectrum, size, axis=axis))


@lru_cache(maxsize=512)
def next_fast_len(least: int) -> int:
    """Smallest length not below `least` that transforms of real values are fast at: 2, 3 and 5 are its only factors."""
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
