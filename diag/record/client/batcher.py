"""Batching of captured frames into chunks of PCM for the Live API."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diag.core.clip import Samples, pcm16_from_samples


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One chunk of audio to send.

    Parameters
    ----------
    pcm : bytes
        Little-endian 16-bit mono PCM.
    start_frame, frames : int
        Its first frame and length within all audio sent.
    captured_s : float
        When the microphone delivered its last sample, in seconds since the take started.
    """

    pcm: bytes
    start_frame: int
    frames: int
    captured_s: float


class Batcher:
    """Gather samples into batches of equal length; a remainder is kept for the next push.

    Parameters
    ----------
    frames_per_batch : int
        Length of a batch, >= 1.

    Raises
    ------
    ValueError
        If `frames_per_batch` is below 1.
    """

    def __init__(self, frames_per_batch: int) -> None:
        if frames_per_batch < 1:
            raise ValueError(f"a batch needs at least one frame, not {frames_per_batch}")
        self._frames_per_batch = frames_per_batch
        self._waiting: list[Samples] = []
        self._waiting_frames = 0
        self._sent_frames = 0

    def push(self, samples: Samples, captured_s: float) -> list[Batch]:
        """Take mono samples that were delivered at `captured_s`; return the batches that are now full."""
        self._waiting.append(samples)
        self._waiting_frames += len(samples)
        if self._waiting_frames < self._frames_per_batch:
            return []
        joined = np.concatenate(self._waiting)
        count = len(joined) // self._frames_per_batch
        rest = joined[count * self._frames_per_batch :]
        self._waiting, self._waiting_frames = [rest], len(rest)
        return [
            self._batch(joined[i * self._frames_per_batch : (i + 1) * self._frames_per_batch], captured_s)
            for i in range(count)
        ]

    def _batch(self, samples: Samples, captured_s: float) -> Batch:
        batch = Batch(
            pcm=pcm16_from_samples(samples),
            start_frame=self._sent_frames,
            frames=len(samples),
            captured_s=captured_s,
        )
        self._sent_frames += len(samples)
        return batch
