"""Recorder (`Tape`) and clip player (`Mouth`) for the ports of a rig, and the fit of a tape to the clock."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.core.clip import Samples
from diag.record.audio.ports import Block

CHUNK_S = 1.0


@dataclass(frozen=True, eq=False)
class Stamps:
    """Times of the blocks of a tape, as arrays of equal length.

    Parameters
    ----------
    frame : ndarray of int64
        First frame of the block on its tape.
    t_s : ndarray of float64
        When the callback ran, on the `time.perf_counter` clock.
    device_s : ndarray of float64
        When that frame left or entered the device, on the same clock; NaN if the device did not report it.
    """

    frame: NDArray[np.int64]
    t_s: NDArray[np.float64]
    device_s: NDArray[np.float64]

    def to_json(self, origin_s: float = 0.0) -> dict[str, list[Any]]:
        """Return lists `frame`, `t_s`, `device_s`, times relative to `origin_s`; None if the device reported none."""
        device = (self.device_s - origin_s).tolist()
        return {
            "frame": self.frame.tolist(),
            "t_s": (self.t_s - origin_s).tolist(),
            "device_s": [None if math.isnan(value) else value for value in device],
        }


@dataclass(frozen=True)
class StampFit:
    """Place of a tape on the clock: frame f passed its device at `t0_s + f / sample_rate_hz`.

    `residual_p95_s` is the 95th percentile of the distance of single stamps from that line: the device's jitter.
    """

    t0_s: float
    sample_rate_hz: int
    residual_p95_s: float

    def time_at(self, frame: float) -> float:
        """Return when a frame passed the device, in seconds on the clock of the stamps."""
        return self.t0_s + frame / self.sample_rate_hz


def stamp_fit(stamps: Stamps, sample_rate_hz: int, *, start_frame: int = 0, end_frame: int | None = None) -> StampFit:
    """Fit a line with the slope of the nominal rate through device stamps.

    The fit is a median, because single stamps are far off while a stream starts and jitter later.

    Parameters
    ----------
    stamps : Stamps
    sample_rate_hz : int
        Sample rate of the tape.
    start_frame, end_frame : int
        Use only blocks that begin in [start_frame, end_frame); without `end_frame`, all from `start_frame` on.

    Returns
    -------
    StampFit
        NaN values if no block in that range has a device stamp.
    """
    chosen = (stamps.frame >= start_frame) & ~np.isnan(stamps.device_s)
    if end_frame is not None:
        chosen &= stamps.frame < end_frame
    origins_s = (stamps.device_s - stamps.frame / sample_rate_hz)[chosen]
    if not len(origins_s):
        return StampFit(math.nan, sample_rate_hz, math.nan)
    t0_s = float(np.median(origins_s))
    return StampFit(t0_s, sample_rate_hz, float(np.percentile(np.abs(origins_s - t0_s), 95)))


_FREED: NDArray[np.float32] = np.zeros((0, 1), dtype=np.float32)


class Tape:
    """Recorder of a port: samples and the stamps of their blocks.

    Storage grows by whole chunks, so a callback never copies older samples. One thread writes; another one may read at
    any time and sees whole blocks. Chunks that are forgotten are written again: if they were freed and new ones
    allocated, the heap of a long session would grow by one of them every few minutes.

    Parameters
    ----------
    sample_rate_hz : int
        Rate of the samples; the tape does not convert them.
    channels : int
        Number of channels to keep, from the first of each block on.
    """

    def __init__(self, sample_rate_hz: int, channels: int = 1, *, chunk_s: float = CHUNK_S) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.channels = channels
        self._chunk_frames = max(1, round(chunk_s * sample_rate_hz))
        self._spare: list[NDArray[np.float32]] = []
        self._chunks: list[NDArray[np.float32]] = [self._blank()]
        self._stamps: list[tuple[int, float, float]] = []
        self._frames = 0
        self._forgotten = 0

    @property
    def frames(self) -> int:
        """Return the number of frames recorded so far."""
        return self._frames

    def write(self, block: Block, t_s: float, device_s: float | None) -> None:
        """Append a block of shape (frames,) or (frames, at least `channels`); usable as a `Push`."""
        frames = len(block)
        source = (block if block.ndim == 2 else block[:, np.newaxis])[:, : self.channels]
        self._stamps.append((self._frames, t_s, float("nan") if device_s is None else device_s))
        done = 0
        while done < frames:
            index, offset = divmod(self._frames + done, self._chunk_frames)
            if index == len(self._chunks):
                self._chunks.append(self._blank())
            count = min(frames - done, self._chunk_frames - offset)
            self._chunks[index][offset : offset + count] = source[done : done + count]
            done += count
        self._frames += frames

    def samples(self, start_frame: int = 0, end_frame: int | None = None) -> Samples:
        """Return a copy of frames [start_frame, end_frame), shape (n,) for one channel, else (n, channels)."""
        last = self._frames if end_frame is None else min(end_frame, self._frames)
        first = min(max(start_frame, 0), last)
        out = np.empty((last - first, self.channels), dtype=np.float32)
        done = 0
        while done < len(out):
            index, offset = divmod(first + done, self._chunk_frames)
            count = min(len(out) - done, self._chunk_frames - offset)
            out[done : done + count] = self._chunks[index][offset : offset + count]
            done += count
        return out[:, 0] if self.channels == 1 else out

    def forget(self) -> None:
        """Use the storage of all whole chunks so far again, and free the stamps; frames keep their numbers.

        The samples of such a chunk must not be read any more.
        """
        whole = self._frames // self._chunk_frames
        for index in range(self._forgotten, whole):
            self._spare.append(self._chunks[index])
            self._chunks[index] = _FREED
        self._forgotten = whole
        del self._stamps[: max(len(self._stamps) - 1, 0)]

    def stamps(self) -> Stamps:
        """Return the stamps of the blocks recorded so far."""
        frame, t_s, device_s = zip(*self._stamps, strict=True) if self._stamps else ((), (), ())
        return Stamps(
            np.array(frame, dtype=np.int64), np.array(t_s, dtype=np.float64), np.array(device_s, dtype=np.float64)
        )

    def _blank(self) -> NDArray[np.float32]:
        if self._spare:
            return self._spare.pop()
        return np.zeros((self._chunk_frames, self.channels), dtype=np.float32)


class Mouth:
    """Play clips one after another, with silence between them, and record on `tape` all that was played.

    Parameters
    ----------
    sample_rate_hz : int
        Rate of the port; clips must already have this rate.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.tape = Tape(sample_rate_hz)
        self._clips: deque[tuple[int, Samples]] = deque()
        self._free_from = 0
        self._lock = threading.Lock()

    def say(self, samples: Samples) -> int:
        """Queue a mono clip of shape (n,) after those already queued; return the tape frame of its first sample."""
        with self._lock:
            start = max(self._free_from, self.tape.frames)
            self._clips.append((start, samples))
            self._free_from = start + len(samples)
        return start

    @property
    def busy(self) -> bool:
        """Return whether a queued clip has not been played to its end."""
        return self.tape.frames < self._free_from

    def pull(self, frames: int, t_s: float, device_s: float | None) -> Block:
        """Return the next frames, shape (frames,); usable as a `Pull`."""
        out = np.zeros(frames, dtype=np.float32)
        # `say` holds the lock for a few instructions only, so the audio thread does not wait here.
        with self._lock:
            position = self.tape.frames
            while self._clips:
                start, clip = self._clips[0]
                if start >= position + frames:
                    break
                first, last = max(start, position), min(start + len(clip), position + frames)
                out[first - position : last - position] = clip[first - start : last - start]
                if start + len(clip) > position + frames:
                    break
                self._clips.popleft()
            self.tape.write(out, t_s, device_s)
        return out
