"""Audio samples with their sample rate and their start time on the take's clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """Audio samples, immutable.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,) or (n, channels)
        Finite, full scale is 1.0. Made read-only.
    sample_rate_hz : int
        Frames per second, > 0.
    start_s : float or None
        Time of frame 0 on the take's monotonic clock; None if it is not known.

    Raises
    ------
    ValueError
        If the samples have another shape or are not finite, or the rate is not above 0.
    """

    samples: Samples
    sample_rate_hz: int
    start_s: float | None = None

    def __post_init__(self) -> None:
        samples = np.array(self.samples, dtype=np.float32, copy=True)
        if samples.ndim not in (1, 2):
            raise ValueError(f"samples must have shape (n,) or (n, channels), not {samples.shape}")
        if self.sample_rate_hz <= 0:
            raise ValueError(f"sample_rate_hz must be above 0, not {self.sample_rate_hz}")
        if not np.isfinite(samples).all():
            raise ValueError("samples must be finite")
        samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.samples.shape[0])

    @property
    def channels(self) -> int:
        """Number of channels."""
        return 1 if self.samples.ndim == 1 else int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz

    def channel(self, index: int) -> Clip:
        """Return one channel as a mono clip. A mono clip returns itself, whatever the index."""
        return self if self.samples.ndim == 1 else replace(self, samples=self.samples[:, index])

    def slice(self, start_frame: int, end_frame: int) -> Clip:
        """Return frames [start_frame, end_frame), clamped to the clip, with `start_s` adjusted."""
        first = min(max(start_frame, 0), self.frames)
        last = min(max(end_frame, first), self.frames)
        start_s = None if self.start_s is None else self.start_s + first / self.sample_rate_hz
        return replace(self, samples=self.samples[first:last], start_s=start_s)

    def frame_at(self, t_s: float) -> int:
        """Return the frame nearest to a time on the take's clock; it may lie outside the clip.

        Raises
        ------
        ValueError
            If the clip has no `start_s`.
        """
        if self.start_s is None:
            raise ValueError("this clip has no place on the clock")
        return round((t_s - self.start_s) * self.sample_rate_hz)


def clip_from_pcm16(data: bytes, sample_rate_hz: int, *, start_s: float | None = None) -> Clip:
    """Return little-endian 16-bit mono PCM as a clip. An incomplete last sample (one byte) is dropped."""
    whole = data[: len(data) // 2 * 2]
    samples = np.frombuffer(whole, dtype="<i2").astype(np.float32) / np.float32(32768.0)
    return Clip(samples=samples, sample_rate_hz=sample_rate_hz, start_s=start_s)


def pcm16_from_samples(samples: Samples) -> bytes:
    """Return samples (full scale 1.0) as little-endian 16-bit PCM, rounded and clipped at full scale."""
    scaled = np.clip(np.rint(samples * np.float32(32768.0)), -32768, 32767)
    data: bytes = scaled.astype("<i2").tobytes()
    return data
