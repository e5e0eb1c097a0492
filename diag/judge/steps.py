"""Find steps in a series of values, such as a latency from run to run.

The change points are searched by ruptures (C. Truong, L. Oudre, N. Vayatis, "Selective review of offline change point
detection methods", Signal Processing 167, 2020). Each is then confirmed by medians, so that single outliers make none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHORTEST = 5
"""Runs on each side of a step. With fewer, two outliers look like a step."""
PENALTY = 20.0
"""What a step must explain, as a multiple of the variance of the noise. Among 1,000 series of noise alone, it leaves
less than one step in 20 series, from 10 to 1,000 runs (tests/judge/test_steps.py)."""
SHORT = 20
"""Below this number of runs since or until the next step, most of them must lie on their own side of the step."""
AGREEING = 0.8
"""Share of the runs of a short stretch that must. Among 1,000 runs with 5 % outliers, 3 of 5 runs in a row are
outliers in some places: their median is far from that of the others, but the other two are not. In simulated series of
1,000 runs it leaves 0.8 false steps in 20 series instead of 8 (300 runs: 0.5 instead of 2.7). Steps of 5 standard
deviations are found as before: 95 to 98 % at the right run with 5 % outliers, 99 to 100 % without."""
SURE_Z = 4.0
"""Difference of medians on both sides of a step, in standard errors."""
_MEDIAN_ERROR = 1.2533
"""Standard error of a median as a multiple of that of a mean, for normal noise."""
_NORMAL_MAD = 1.4826
"""Standard deviation of normal noise as a multiple of its median absolute deviation."""
_NORMAL_MEAN = 0.7979
"""Mean absolute value of normal noise as a multiple of its standard deviation."""


@dataclass(frozen=True)
class Step:
    """A lasting change of level.

    Parameters
    ----------
    index : int
        Position of the first value of the new level.
    before, after : float
        Medians of the values before it (since the last step) and after it (until the next).
    """

    index: int
    before: float
    after: float

    @property
    def change(self) -> float:
        """The difference of the levels."""
        return self.after - self.before


def find_steps(values: Sequence[float], *, tolerance: float = 0.0) -> tuple[Step, ...]:
    """Return the steps in a series, in order.

    Parameters
    ----------
    values : sequence of float
        In order of time, finite. Fewer than `2 * SHORTEST` values give no step.
    tolerance : float
        Smallest change that matters, in the unit of the values.
    """
    if len(values) < 2 * SHORTEST:
        return ()
    import ruptures

    series = np.asarray(values, dtype=np.float64)
    noise = max(_noise(np.diff(series)), tolerance / SURE_Z, 1e-9 * float(np.abs(series).max()), 1e-12)
    # Outliers are drawn in to four standard deviations of a running median, so that steps keep their height.
    calm = np.clip(series, *_limits(series, 4.0 * noise))
    search = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit((calm / noise).reshape(-1, 1))
    ends = [0, *map(int, search.predict(pen=PENALTY))]
    while weakest := _weakest(series, ends, noise, tolerance):
        ends.remove(weakest)
    medians = [float(np.median(series[start:end])) for start, end in itertools.pairwise(ends)]
    return tuple(
        Step(index, before, after) for index, before, after in zip(ends[1:-1], medians, medians[1:], strict=False)
    )


def _noise(differences: NDArray[np.float64]) -> float:
    """Return the standard deviation of values without steps, from the differences of neighbours.

    The median absolute deviation is not disturbed by steps. Where most values are equal it is 0, and half of what the
    mean deviation says is the least.
    """
    robust = _NORMAL_MAD * float(np.median(np.abs(differences - np.median(differences))))
    plain = float(np.mean(np.abs(differences))) / _NORMAL_MEAN
    return max(robust, 0.5 * plain) / float(np.sqrt(2))


def _limits(series: NDArray[np.float64], width: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return limits around the running median of five values."""
    padded = np.pad(series, 2, mode="edge")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    return middle - width, middle + width


def _weakest(series: NDArray[np.float64], ends: Sequence[int], noise: float, tolerance: float) -> int:
    """Return the position of the step that is confirmed least, or 0 if all are confirmed."""
    worst, place = 1.0, 0
    for start, index, end in zip(ends, ends[1:], ends[2:], strict=False):
        before, after = series[start:index], series[index:end]
        error = _MEDIAN_ERROR * noise * np.sqrt(1 / before.size + 1 / after.size)
        needed = max(SURE_Z * error, tolerance)
        share = abs(float(np.median(after) - np.median(before))) / needed
        if share < worst:
            worst, place = share, index
    return place or _disagreeing(series, ends)


def _disagreeing(series: NDArray[np.float64], ends: Sequence[int]) -> int:
    """Return the position of a step beside a short stretch whose runs do not agree on it, or 0 if there is none."""
    for start, index, end in zip(ends, ends[1:], ends[2:], strict=False):
        before, after = series[start:index], series[index:end]
        levels = float(np.median(before)), float(np.median(after))
        up = np.sign(levels[1] - levels[0])
        middle = sum(levels) / 2
        for part, towards in ((before, -up), (after, up)):
            if part.size < SHORT and np.mean(towards * (part - middle) > 0) < AGREEING:
                return index
    return 0
