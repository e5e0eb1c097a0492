"""Sample-rate conversion of a stream block by block, without discontinuities, and of a whole clip."""

from __future__ import annotations

import numpy as np

from diag.core.clip import Samples


class Resampler:
    """Streaming resampler (soxr, very high quality); if both rates are equal, samples are returned unchanged.

    Parameters
    ----------
    from_hz, to_hz : int
        Sample rates, > 0.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="VHQ")

    def push(self, samples: Samples) -> Samples:
        """Take mono samples; return the output samples that are ready, shape (m,)."""
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(np.ascontiguousarray(samples)), dtype=np.float32)

    def finish(self) -> Samples:
        """Return the samples that the filter still holds; the stream cannot be used afterwards."""
        if self._stream is None:
            return np.zeros(0, dtype=np.float32)
        return np.asarray(self._stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True), dtype=np.float32)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Return a whole mono clip, shape (n,), converted to another rate (soxr, very high quality)."""
    if from_hz == to_hz:
        return samples
    import soxr

    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="VHQ"), dtype=np.float32)
