"""An audio file or clip that is read part by part, because it may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from diag.core.clip import Clip, Samples


@dataclass(frozen=True, kw_only=True)
class AudioReader:
    """A recording that is read part by part: it may be larger than memory.

    Parameters
    ----------
    sample_rate_hz : int
    frames, channels : int
    part : callable
        Frames [first, last) as float32, shape (last - first,) for mono, else (last - first, channels). It raises
        `BadInputError` where the file is cut off or holds what is no finite number.
    sample_format : str
        Format of the samples in the file, as ffmpeg calls it.
    note : str
        What a person must know of how it was read, as "decoded from WebM by ffmpeg"; empty where there is nothing.
    """

    sample_rate_hz: int
    frames: int
    channels: int
    part: Callable[[int, int], Samples]
    sample_format: str = "s16le"
    note: str = ""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz


def reader_of(clip: Clip) -> AudioReader:
    """Read a clip that is in memory as if it were a file."""
    return AudioReader(
        sample_rate_hz=clip.sample_rate_hz,
        frames=clip.frames,
        channels=clip.channels,
        part=lambda first, last: clip.samples[first:last],
    )
