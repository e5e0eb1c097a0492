"""Faults that the harness plants on a stream of samples."""

from __future__ import annotations

import numpy as np

from diag.clip import Samples
from diag.stages.resampler import Resampler


class Squeeze:
    """A stream led through a lower sample rate and back: its treble above half that rate is gone.

    Parameters
    ----------
    sample_rate_hz : int
        Rate of the stream.
    through_hz : int
        Rate that it is squeezed through.
    """

    def __init__(self, sample_rate_hz: int, through_hz: int) -> None:
        self._down = Resampler(sample_rate_hz, through_hz)
        self._up = Resampler(through_hz, sample_rate_hz)

    def push(self, samples: Samples) -> Samples:
        """Samples in, as many samples out as can be known yet."""
        return self._up.push(self._down.push(samples))

    def finish(self) -> Samples:
        """Give what the filters still hold; the stage cannot be used afterwards."""
        return np.concatenate((self._up.push(self._down.finish()), self._up.finish()))
