"""Queue of the player: holds received audio until the output device pulls it.

One thread feeds the queue, another one pulls from it. Each counter is written by one thread only, and operations on a
deque are atomic. So no lock is needed, and the audio callback never waits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from diag.core.clip import Samples


@dataclass(frozen=True)
class PlayoutEvent:
    """Event at a frame of the played audio; `frames` is the length of an underrun, else 0."""

    name: Literal["playout_started", "playout_ended", "underrun"]
    frame: int
    frames: int = 0


class Playout:
    """Queue with a prebuffer.

    A reply starts when `prebuffer_frames` are queued or when its end is known. It stops when the queue is empty after
    its end is known. If the queue is empty earlier, this is an underrun: silence is played until more audio comes. If
    the next reply is queued before this one has been played to its end, it follows without a pause.

    Parameters
    ----------
    prebuffer_frames : int
        Frames to gather before the first one is played, >= 0.
    """

    def __init__(self, prebuffer_frames: int) -> None:
        self._prebuffer_frames = prebuffer_frames
        self._queue: deque[Samples] = deque()
        self._head: Samples = np.zeros(0, dtype=np.float32)
        self._fed = 0
        self._taken = 0
        self._end_at: int | None = None
        self._next_from: deque[int] = deque()
        self._flush_to = 0
        self._position = 0
        self._playing = False
        self._gap_start: int | None = None
        self.events: deque[PlayoutEvent] = deque()

    @property
    def playing(self) -> bool:
        """Return whether a reply is being played (also during an underrun)."""
        return self._playing

    @property
    def waiting_frames(self) -> int:
        """Return the number of frames fed and not yet played."""
        return self._fed - self._taken

    def feed(self, samples: Samples) -> None:
        """Add received samples, shape (n,); after `end`, those of the next reply."""
        if len(samples):
            if self._end_at is not None and self._taken < self._end_at:
                self._next_from.append(self._end_at)
            self._end_at = None
            self._queue.append(samples)
            self._fed += len(samples)

    def end(self) -> None:
        """Mark the end of the reply: playing stops after the queued audio."""
        self._end_at = self._fed

    def flush(self) -> None:
        """Discard the queued audio, as after `interrupted`."""
        self._flush_to = self._fed
        self._end_at = self._fed

    def pull(self, frames: int) -> Samples:
        """Return the next samples, shape (frames,), with silence where none are queued."""
        out = np.zeros(frames, dtype=np.float32)
        self._drop_flushed()
        if not self._playing and self._may_start():
            self._playing = True
            self.events.append(PlayoutEvent("playout_started", self._position))
        filled = self._fill(out) if self._playing else 0
        if self._playing and filled:
            self._close_gap(self._position)
        while self._playing and self._next_from and self._taken > self._next_from[0]:
            border = self._position + filled - (self._taken - self._next_from.popleft())
            self.events.append(PlayoutEvent("playout_ended", border))
            self.events.append(PlayoutEvent("playout_started", border))
        if self._playing and filled < frames:
            self._ran_dry(self._position + filled)
        self._position += frames
        return out

    def _may_start(self) -> bool:
        waiting = self.waiting_frames
        return waiting > 0 and (waiting >= self._prebuffer_frames or self._end_at is not None)

    def _fill(self, out: Samples) -> int:
        filled = 0
        while filled < len(out):
            if not len(self._head):
                if not self._queue:
                    break
                self._head = self._queue.popleft()
            count = min(len(out) - filled, len(self._head))
            out[filled : filled + count] = self._head[:count]
            self._head = self._head[count:]
            filled += count
        self._taken += filled
        return filled

    def _drop_flushed(self) -> None:
        while self._taken < self._flush_to:
            if not len(self._head):
                self._head = self._queue.popleft()
            count = min(self._flush_to - self._taken, len(self._head))
            self._head = self._head[count:]
            self._taken += count
        while self._next_from and self._next_from[0] <= self._flush_to:
            self._next_from.popleft()

    def _ran_dry(self, frame: int) -> None:
        end_at = self._end_at  # read once: the other thread may reset it meanwhile
        if end_at is not None and self._taken >= end_at:
            end = frame if self._gap_start is None else self._gap_start
            self.events.append(PlayoutEvent("playout_ended", end))
            self._playing, self._gap_start = False, None
        elif self._gap_start is None:
            self._gap_start = frame

    def _close_gap(self, frame: int) -> None:
        if self._gap_start is not None:
            self.events.append(PlayoutEvent("underrun", self._gap_start, frame - self._gap_start))
            self._gap_start = None
