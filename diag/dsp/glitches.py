"""Blind detectors of broken samples: clipping, noise in place of speech, channels read as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp.runs import runs_of
from diag.dsp.spectrum import Spectrum

Array = NDArray[np.floating[Any]]

FLAT_SAMPLES = 3
FLAT_SHARE = 0.5
"""Flat tops are looked for above this share of the peak: equal samples in silence are no clipping."""
_PILES = ((0.045, 0.62, 2.0, 1.45), (0.06, 0.45, 1.0, 1.45))
"""Half width of the crowd, lowest level against the peak, weight of what lies above, and least score: for clipping by
some decibels, and for deeper clipping whose overshoots lie further above. No healthy development voice reaches them."""
_PILE_LEAST, _PILE_PLACES = 6, 4
FLATNESS_TOP_HZ = 7600.0
"""A clip that was resampled to a higher rate has nothing above its old Nyquist frequency."""


@dataclass(frozen=True)
class Found:
    """Places of something, in samples."""

    frames: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many."""
        return int(self.frames.size)


def flat_tops(samples: Array) -> Found:
    """Runs of at least three equal samples at the signal's own extremes: clipping that was not resampled since.

    Holds under any gain and polarity, since the extremes are the signal's own.
    """
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak <= 0.0:
        return Found(np.zeros(0, dtype=np.int64))
    places: list[NDArray[np.int64]] = []
    for side in (samples, -samples):
        top = float(np.max(side))
        if top < FLAT_SHARE * peak:
            continue
        runs = runs_of(side >= top * (1.0 - 1e-4))
        places.append(runs[runs[:, 1] - runs[:, 0] >= FLAT_SAMPLES, 0])
    return Found(np.sort(np.concatenate(places)) if places else np.zeros(0, dtype=np.int64))


def piled_tops(samples: Array, sample_rate_hz: float) -> Found:
    """Tops that crowd at one level near the signal's extremes: clipping that was filtered or resampled since.

    The tops of natural speech (largest magnitude of 2.5 ms) thin out towards the peak. Where many more of them lie
    within some percent of one level than in the band of the same width in decibels below it, something held them down;
    few may lie above (filtering overshoots, the more the deeper was clipped).
    """
    size = max(1, round(0.0025 * sample_rate_hz))
    blocks = samples.size // size
    if blocks < 40:
        return Found(np.zeros(0, dtype=np.int64))
    tops = np.abs(samples[: blocks * size]).reshape(blocks, size).max(axis=1)
    peak = float(tops.max())
    if np.ptp(samples) <= peak:  # nothing, direct current, or one-sided: no waveform that could be clipped
        return Found(np.zeros(0, dtype=np.int64))
    ordered = np.sort(tops)
    for width, lowest, above_weight, limit in _PILES:
        levels = peak * np.linspace(lowest, 1.0, 60)
        below, low, high = (
            np.searchsorted(ordered, levels * edge) for edge in ((1 - width) ** 3, 1 - width, 1 + width)
        )
        here = high - low
        score = (here - above_weight * (blocks - high)) / (low - below + 6.0)
        score[here < _PILE_LEAST] = 0.0
        best = int(np.argmax(score))
        held = np.flatnonzero(tops >= (1 - width) * levels[best]).astype(np.int64) * size
        # One steady vowel has a row of like tops too; what is clipped is so all along.
        if score[best] > limit and np.unique(held // round(0.1 * sample_rate_hz)).size >= _PILE_PLACES:
            return Found(held)
    return Found(np.zeros(0, dtype=np.int64))


def equal_pairs(samples: Array) -> float:
    """Share of neighbouring pairs of sounding samples that are equal, in the better of both phases, 0 to 1.

    Two channels of the same audio read as one give 1; speech stays below 0.2.
    """
    sounding = _sounding(samples)
    best = 0.0
    for phase in (0, 1):
        first, second = samples[phase:-1:2], samples[phase + 1 :: 2]
        counted = sounding[phase:-1:2] | sounding[phase + 1 :: 2]
        total = int(np.count_nonzero(counted))
        if total >= 50:
            best = max(best, np.count_nonzero((first == second) & counted) / total)
    return float(best)


def one_zero_pairs(samples: Array) -> float:
    """Share of sounding pairs in which one sample is zero: one silent channel of two, read as one. 0 to 1."""
    sounding = _sounding(samples)
    first, second = samples[:-1:2], samples[1::2]
    counted = sounding[:-1:2] | sounding[1::2]
    total = int(np.count_nonzero(counted))
    if total < 50:
        return 0.0
    return max(np.count_nonzero((side == 0.0) & counted) for side in (first, second)) / total


def _sounding(samples: Array) -> NDArray[np.bool_]:
    """Samples above 1 % of the peak."""
    return np.asarray(np.abs(samples) > 0.01 * float(np.max(np.abs(samples), initial=0.0)))


def flatness(spectrum: Spectrum) -> float | None:
    """Median spectral flatness of the active windows: geometric over arithmetic mean of their bins, 0 to 1.

    Bytes in the wrong order or shifted by one turn speech into noise. None when silent.
    """
    power = spectrum.power[spectrum.active]
    first = int(np.ceil(60.0 / spectrum.bin_hz))
    if power.shape[0] == 0:
        return None
    last = int(min(0.95 * spectrum.nyquist_hz, FLATNESS_TOP_HZ) / spectrum.bin_hz)
    bins = np.maximum(power[:, first:last], 1e-12 * float(power.max()))
    return float(np.median(np.exp(np.log(bins).mean(axis=1)) / bins.mean(axis=1)))


def tonality_db(spectrum: Spectrum) -> float | None:
    """How far the strongest steady tone stands above its surroundings: least level over time of the loudest bin.

    For each bin the 10th percentile over the active windows, less the median of the bins within 500 Hz; the largest.
    Speech moves, a stuck tone does not. None when too little sounds.
    """
    if spectrum.active.sum() < 25:
        return None
    level = 10.0 * np.log10(np.maximum(spectrum.power[spectrum.active], 1e-12 * float(spectrum.power.max())))
    steady = np.percentile(level, 10, axis=0)
    width = max(3, round(500.0 / spectrum.bin_hz))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(steady, width, mode="reflect"), 2 * width + 1)
    return float(np.max((steady - np.median(windows, axis=1))[2:]))
