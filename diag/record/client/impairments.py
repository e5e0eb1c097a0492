"""Faults that the harness plants on a stream of samples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import Samples

PASSES = 0.9
"""Share of the band that a good converter leaves whole; from there to the edge it goes silent."""
STOP_DB = 80.0


class Squeeze:
    """A stream led through a lower sample rate and back: its treble above half that rate is gone.

    Sampling down and up again without aliases and images is one linear-phase low-pass, here with a Kaiser window
    (Kaiser's formulas for its length and shape). It holds back a few milliseconds only, so that nothing but the
    treble changes: a general resampler's blocks of a quarter of a second would starve the player behind it.

    Parameters
    ----------
    sample_rate_hz : int
        Rate of the stream.
    through_hz : int
        Rate that it is squeezed through; at or above the stream's nothing changes.
    """

    def __init__(self, sample_rate_hz: int, through_hz: int) -> None:
        self._kernel: NDArray[np.float64] = (
            _low_pass(sample_rate_hz, through_hz) if through_hz < sample_rate_hz else np.ones(1)
        )
        self._half = len(self._kernel) // 2
        self._heard = np.zeros(2 * self._half)
        self._too_early = self._half

    def push(self, samples: Samples) -> Samples:
        """Samples in, as many samples out as can be known yet."""
        joined = np.concatenate((self._heard, samples.astype(np.float64)))
        self._heard = joined[len(joined) - 2 * self._half :]
        if not len(samples):
            return np.zeros(0, dtype=np.float32)
        out = np.convolve(joined, self._kernel, "valid")
        skipped = min(self._too_early, len(out))
        self._too_early -= skipped
        return out[skipped:].astype(np.float32)

    def finish(self) -> Samples:
        """Give what the filter still holds; the stage cannot be used afterwards."""
        return self.push(np.zeros(self._half, dtype=np.float32))


def _low_pass(sample_rate_hz: int, through_hz: int) -> NDArray[np.float64]:
    edge_hz = through_hz / 2
    width = 2 * math.pi * (1 - PASSES) * edge_hz / sample_rate_hz
    half = math.ceil((STOP_DB - 7.95) / (2.285 * width) / 2)
    cutoff = (1 + PASSES) / 2 * edge_hz / sample_rate_hz
    kernel = np.sinc(2 * cutoff * np.arange(-half, half + 1)) * np.kaiser(2 * half + 1, 0.1102 * (STOP_DB - 8.7))
    return np.asarray(kernel / kernel.sum())
