"""Find the byte order and the byte offset of 16-bit PCM."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Reading16(NamedTuple):
    """Byte order and offset of 16-bit samples, and the smoothness of the result (lag-1 autocorrelation, -1 to 1)."""

    order: str
    offset: int
    smoothness: float


SMOOTH = 0.7
"""Least smoothness of the right reading. Speech at 8 kHz or more reaches 0.75; read wrongly it stays below 0.55."""


def best_reading(data: bytes) -> Reading16 | None:
    """Return the smoothest of four readings of bytes as PCM16 (little or big endian, offset 0 or 1).

    None if there are too few bytes. Call it once per chunk to find an offset that begins in mid-stream.
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
    """Return the autocorrelation at a lag of one sample, -1 to 1; 0 for silence."""
    centred = samples - samples.mean() if samples.size else samples
    power = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / power if power > 0 else 0.0
