"""Access to the samples of a file or clip part by part, for recordings larger than memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from diag.core.clip import Clip, Samples


@dataclass(frozen=True, kw_only=True)
class AudioReader:
    """A recording whose samples are read part by part, because it may be larger than memory.

    Parameters
    ----------
    sample_rate_hz : int
    frames, channels : int
    part : callable
        Called with `first` and `last`. Returns frames [first, last) as float32, full scale 1.0, shape (last - first,)
        for mono, else (last - first, channels). Raises `BadInputError` if the file is cut off or has a sample that is
        not finite.
    sample_format : str
        Format of the samples in the file, by its ffmpeg name, for example "s16le".
    note : str
        How the file was read, if the user should know it, for example "decoded from WebM by ffmpeg"; otherwise empty.
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
    """Return a reader for a clip that is already in memory."""
    return AudioReader(
        sample_rate_hz=clip.sample_rate_hz,
        frames=clip.frames,
        channels=clip.channels,
        part=lambda first, last: clip.samples[first:last],
    )
