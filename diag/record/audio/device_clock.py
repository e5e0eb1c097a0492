"""Correction of the device stamps of a sound server.

A sound server estimates its latency from round trips. If other work delays these, its stamps are wrong by up to about
20 ms for some seconds, although the audio is unaffected. Callbacks may come late but never early, so the earliest
callback of one second gives the device's clock to a fraction of a millisecond. The latency between a callback and the
device is assumed to stay as it was when the stream had settled.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from statistics import median_low

SETTLING_BLOCKS = 15
"""The first blocks only fill the buffer; their stamps are passed on unchanged."""
LEARNING_BLOCKS = 10
"""Blocks after these from which the latency is learnt."""
WINDOW_BLOCKS = 50
"""Blocks among which the earliest callback is searched: one second at 20 ms."""
SHIFT_S = 0.01
"""A jump of the earliest callback by more than this means that audio was lost or inserted; usually it moves by
microseconds per block."""
STEP_S = 0.03
"""If the median latency of the last blocks differs by more than this, and their callbacks have moved too, the latency
has changed, as after an underrun. If the callbacks go on as before, the server only estimates it anew, and the audio is
unaffected: in rooms, estimates of running streams fell by 30 ms."""


class SteadyStamps:
    """Correct the stamps of one output stream, block by block.

    Parameters
    ----------
    sample_rate_hz : int
        Sample rate of the stream.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._frames = 0
        self._blocks = 0
        self._origins_s: deque[float] = deque(maxlen=WINDOW_BLOCKS)
        self._latencies_s: deque[float] = deque(maxlen=2 * LEARNING_BLOCKS)
        self._latency_s: float | None = None
        self._shifts_then = 0
        self.shifts = 0
        """How often the device's clock jumped relative to the frames played: audio was lost or a gap was inserted."""

    def stamp(self, frames: int, t_s: float, device_s: float | None) -> float | None:
        """Return when the first frame of the next block leaves the device, on the `time.perf_counter` clock.

        Parameters
        ----------
        frames : int
            Length of the block.
        t_s : float
            When its callback ran.
        device_s : float or None
            When that frame leaves according to the device; None if unknown, and then None is returned.
        """
        position_s = self._frames / self._sample_rate_hz
        self._frames += frames
        self._blocks += 1
        if device_s is None or self._blocks <= SETTLING_BLOCKS:
            return device_s
        full = len(self._origins_s) == WINDOW_BLOCKS
        before_s = min(self._origins_s, default=0.0)
        self._origins_s.append(t_s - position_s)
        origin_s = min(self._origins_s)
        self.shifts += full and abs(origin_s - before_s) > SHIFT_S
        due_s = origin_s + position_s
        self._latencies_s.append(device_s - due_s)
        if self._blocks <= SETTLING_BLOCKS + LEARNING_BLOCKS:
            return device_s
        usual_s = median_low(self._latencies_s)
        if self._latency_s is None or (abs(usual_s - self._latency_s) > STEP_S and self._moved(origin_s)):
            self._latency_s = usual_s
            self._shifts_then = self.shifts
        return due_s + self._latency_s

    def _moved(self, origin_s: float) -> bool:
        """Return whether the callbacks have moved since the latency was learned, or the last ones move now."""
        latest_s = min(islice(reversed(self._origins_s), len(self._latencies_s)))
        return self.shifts > self._shifts_then or latest_s - origin_s > SHIFT_S
