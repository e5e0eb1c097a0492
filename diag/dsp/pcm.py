"""Which way bytes should be read: byte order and byte offset of 16-bit PCM."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Reading16(NamedTuple):
    """A way to read bytes as 16-bit samples, and how smooth the result is (lag-1 autocorrelation, -1 to 1)."""

    order: str
    offset: int
    smoothness: float


SMOOTH = 0.7
"""Speech at 8 kHz and more reaches 0.75; read wrongly it stays below 0.55."""


def best_reading(data: bytes) -> Reading16 | None:
    """The smoothest of four readings of bytes as PCM16: little or big endian, offset 0 or 1. None when too short.

    Run it per chunk to catch a slip in mid-stream.
    """
    if len(data) < 400:
        return None
    tried = []
    for offset in (0, 1):
        whole = data[offset : offset + (len(data) - offset) // 2 * 2]
        for order, kind in (("little", "<i2"), ("big", ">i2")):
            tried.append(Reading16(order, offset, smoothness(np.frombuffer(whole, dtype=kind).astype(np.float64))))
    return max(tried, key=lambda reading: reading.smoothness)


def smoothness(samples: NDArray[np.float64]) -> float:
    """Return the autocorrelation at a lag of one sample; 0 for silence."""
    centred = samples - samples.mean() if samples.size else samples
    power = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / power if power > 0 else 0.0
