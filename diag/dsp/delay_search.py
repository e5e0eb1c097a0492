"""Search for the delay of those parts of an original that no known delay explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp.align import normalised_cross_correlation, parabola_peak
from diag.dsp.arrays import Array

STEP_S = 0.005
WINDOW_S = 0.080
_SEARCH_S = 0.4
_SHORTEST_FRAMES = 4
_GAP_FRAMES = 2
_ACROSS_FRAMES = 7
"""Runs of up to this many frames are ignored, because windows of 30 ms that span a break match at no delay."""
_PART_FRAMES = 10


@dataclass(frozen=True, eq=False)
class Search:
    """Search for the delay of parts of the original that no known delay explains."""

    x: NDArray[np.float32]
    copy: Array
    rate_hz: float
    same: float

    def next_delay(
        self, open_frames: NDArray[np.bool_], known: NDArray[np.float64], taken: tuple[float, ...]
    ) -> float | None:
        """Return the most frequent delay of some unexplained windows, or None.

        `known` is the best delay of each frame so far. Sound after a break is searched around the delay before it.
        """
        step, width = round(STEP_S * self.rate_hz), round(WINDOW_S * self.rate_hz)
        per_window = width // step
        smooth = np.convolve(open_frames, np.ones(per_window), mode="same") >= 0.7 * per_window
        centres = np.flatnonzero(smooth & open_frames)
        if centres.size == 0:
            return None
        picked = centres[np.unique(np.linspace(0, centres.size - 1, min(centres.size, 24)).astype(int))]
        votes = [self._nearest(int(frame) * step - width // 2, known[max(0, frame - 40)]) for frame in picked]
        new = [vote for vote in votes if vote and not any(abs(vote[0] - value) < 1.0 for value in taken)]
        if not new:
            return None
        lags, weights = np.array(new).T
        support = ((np.abs(lags[:, None] - lags[None, :]) < 2.0) * weights[None, :]).sum(axis=1)
        close = np.abs(lags - lags[int(np.argmax(support))]) < 2.0
        return float(np.average(lags[close], weights=weights[close]))

    def _nearest(self, start: int, near: float) -> tuple[float, float] | None:
        """Return the delay and correlation of one window of the original, or None if it is not in the copy."""
        width, reach = round(WINDOW_S * self.rate_hz), round(_SEARCH_S * self.rate_hz)
        first = max(0, min(start, self.x.size - width))
        begin, end = max(0, first + int(near) - reach), first + int(near) + reach + width
        correlation = normalised_cross_correlation(self.x[first : first + width], self.copy[begin : max(begin, end)])
        if correlation.size == 0:
            return None
        peak = int(np.argmax(correlation))
        if correlation[peak] < self.same - 0.05:
            return None
        return begin + parabola_peak(correlation, peak) - first, float(correlation[peak])

    def next_short(
        self,
        open_frames: NDArray[np.bool_],
        explained: NDArray[np.bool_],
        known: NDArray[np.float64],
        taken: tuple[float, ...],
    ) -> float | None:
        """Return the delay of the longest unexplained run that has one; None if no run has one.

        It finds short sound between a break and the end, which has too few windows for `next_delay`.
        """
        step = round(STEP_S * self.rate_hz)
        for first, last in _bridged_runs(open_frames, _GAP_FRAMES):
            inside = bool(explained[max(0, first - 3) : first].any() and explained[last : last + 3].any())
            if inside and last - first <= _ACROSS_FRAMES:
                continue
            near = known[max(0, first - 4)], known[min(last + 4, known.size - 1)]
            for begin, end in _parts(first, last):
                lag = self._of_run(begin * step, end * step, near)
                if lag is not None and not any(abs(lag - value) < 1.0 for value in taken):
                    return lag
        return None

    def _of_run(self, first: int, last: int, near: tuple[float, float]) -> float | None:
        reach = round(_SEARCH_S / 2 * self.rate_hz)
        begin, end = max(0, first + int(min(near)) - reach), last + int(max(near)) + reach
        correlation = normalised_cross_correlation(self.x[first:last], self.copy[begin : max(begin, end)])
        if correlation.size == 0:
            return None
        peak = int(np.argmax(correlation))
        if correlation[peak] < self.same - 0.1:
            return None
        return begin + parabola_peak(correlation, peak) - first


def _parts(first: int, last: int) -> list[tuple[int, int]]:
    """Return the run, and for a long one also its end and its beginning, because a part of it may have been skipped."""
    if last - first <= 2 * _PART_FRAMES:
        return [(first, last), (last - min(_PART_FRAMES, last - first), last)]
    return [(last - _PART_FRAMES, last), (first, first + _PART_FRAMES), (last - 2 * _PART_FRAMES, last)]


def _bridged_runs(flags: NDArray[np.bool_], gap: int) -> list[tuple[int, int]]:
    """Return (first, last + 1) of runs of at least four flags, longest first; gaps of up to `gap` are bridged."""
    places = np.flatnonzero(flags)
    if places.size == 0:
        return []
    groups = np.split(places, np.flatnonzero(np.diff(places) > gap + 1) + 1)
    runs = [(int(group[0]), int(group[-1]) + 1) for group in groups if group.size >= _SHORTEST_FRAMES]
    return sorted(runs, key=lambda run: run[0] - run[1])[:8]
