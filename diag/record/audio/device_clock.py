"""Device stamps of a sound server, freed of what disturbs them.

A server estimates its latency from round trips, and where other work delays those, its stamps are wrong by up to some
20 ms for seconds while the audio itself is untouched. Callbacks come late too, but never early: the earliest of a
second's callbacks tells to a fraction of a millisecond how the device's clock stands. What lies between a callback and
the device stays as it was when the stream had settled.
"""

from __future__ import annotations

from collections import deque
from statistics import median

SETTLING_BLOCKS = 15
"""The first blocks only fill the buffer."""
LEARNING_BLOCKS = 10
WINDOW_BLOCKS = 50
SHIFT_S = 0.01
"""The earliest callback of a second moves by microseconds a block, unless audio was lost or put in."""
STEP_S = 0.03
"""A latency that differs by more for half of the last blocks has really changed, as after an underrun."""


class SteadyStamps:
    """Stamps of one output stream, block by block.

    Parameters
    ----------
    sample_rate_hz : int
        Of the stream.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._frames = 0
        self._blocks = 0
        self._origins_s: deque[float] = deque(maxlen=WINDOW_BLOCKS)
        self._latencies_s: deque[float] = deque(maxlen=2 * LEARNING_BLOCKS)
        self._latency_s: float | None = None
        self.shifts = 0
        """How often the device's clock jumped against the frames handed out: audio was lost, or a gap put in."""

    def stamp(self, frames: int, t_s: float, device_s: float | None) -> float | None:
        """When the next block's first frame leaves.

        Parameters
        ----------
        frames : int
            Length of the block.
        t_s : float
            When its callback ran.
        device_s : float or None
            When it leaves as the device tells; None where it does not tell, and then the answer is None as well.
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
        usual_s = median(self._latencies_s)
        if self._latency_s is None or abs(usual_s - self._latency_s) > STEP_S:
            self._latency_s = usual_s
        return due_s + self._latency_s
