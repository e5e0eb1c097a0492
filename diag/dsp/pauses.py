"""Find pauses at which a long sound can be cut, so that no event is cut in two."""

from __future__ import annotations

import numpy as np

from diag.dsp.arrays import Array

PAUSE_S = 0.5
"""Length of the pause that is searched, so that a gap of some milliseconds is not taken for a pause."""
_STEP_S = 0.01


def pause_near_end(samples: Array, sample_rate_hz: float, within_s: float) -> int:
    """Return the sample in the middle of the quietest half second in the last `within_s` of a mono signal.

    If the signal is too short, its end is returned.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    sample_rate_hz : float
    within_s : float
        How far from the end the pause may lie.
    """
    step, steps = round(_STEP_S * sample_rate_hz), round(PAUSE_S / _STEP_S)
    begin = max(0, samples.size - round(within_s * sample_rate_hz))
    count = (samples.size - begin) // step
    if count <= steps:
        return samples.size
    tail = samples[begin : begin + count * step].reshape(count, step)
    sums = np.concatenate(([0.0], np.cumsum(np.square(tail, dtype=np.float64).sum(axis=1))))
    quietest = int(np.argmin(sums[steps:] - sums[:-steps]))
    return begin + (quietest + steps // 2) * step
