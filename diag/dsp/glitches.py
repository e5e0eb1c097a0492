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
COARSE_SHARE = 0.002
"""Steps of the samples that are larger than this share of the peak make peaks flat by themselves."""
_PILES = ((0.045, 0.62, 2.0, 1.45), (0.06, 0.45, 1.0, 1.45))
"""Half width of the crowd, lowest level against the peak, weight of what lies above, and least score: for clipping by
some decibels, and for deeper clipping whose overshoots lie further above. No healthy development voice reaches them."""
_PILE_LEAST, _PILE_PLACES = 6, 4
TONE_TOP_HZ, FAINTEST_TONE_DB = 14000.0, -50.0
"""Where and how loud a steady tone must be to count, against the mean level of the recording."""
LOUD_RANGE_DB = 10.0
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
    """Return runs of at least three equal samples at the signal's own extremes: clipping that was not resampled since.

    Holds under any gain and polarity, since the extremes are the signal's own. Coarse samples, as of eight bits, are
    equal for long near every peak: there, the extreme must hold more samples than the step below it, as only clipping
    makes it.
    """
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak <= 0.0:
        return Found(np.zeros(0, dtype=np.int64))
    places: list[NDArray[np.int64]] = []
    for side in (samples, -samples):
        top = float(np.max(side))
        if top < FLAT_SHARE * peak:
            continue
        held = side >= top * (1.0 - 1e-4)
        step = float(np.max(side[~held], initial=0.0))
        coarse = top - step > COARSE_SHARE * top
        if coarse and np.count_nonzero(held) <= np.count_nonzero(side >= step * (1.0 - 1e-4)) / 2:
            continue
        runs = runs_of(held)
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
        usual = limit * (low[best] - below[best] + 6.0)
        crowd = here[best] - above_weight * (blocks - high[best])
        # Counts of so few scatter: a crowd must exceed the limit by their standard deviation (Poisson) too.
        if crowd - usual < np.sqrt(max(0.0, crowd + limit * usual)):
            continue
        held = np.flatnonzero(tops >= (1 - width) * levels[best]).astype(np.int64) * size
        # One steady vowel has a row of like tops too; what is clipped is so all along.
        if score[best] > limit and np.unique(held // round(0.1 * sample_rate_hz)).size >= _PILE_PLACES:
            return Found(held)
    return Found(np.zeros(0, dtype=np.int64))


def equal_pairs(samples: Array) -> float:
    """Return the share of neighbouring pairs of sounding samples that are equal because of how they are paired, 0 to 1.

    Two channels of the same audio read as one give 1: the samples of a pair are equal, those of neighbouring pairs are
    not. Samples of coarse steps are equal to their neighbours either way, so what both pairings have is taken off.
    """
    sounding = _sounding(samples)
    shares = []
    for phase in (0, 1):
        first, second = samples[phase:-1:2], samples[phase + 1 :: 2]
        counted = sounding[phase:-1:2] | sounding[phase + 1 :: 2]
        total = int(np.count_nonzero(counted))
        shares.append(np.count_nonzero((first == second) & counted) / total if total >= 50 else 0.0)
    return _beyond(max(shares), min(shares))


def one_zero_pairs(samples: Array) -> float:
    """Return the share of sounding pairs with one zero that is always on the same side: a silent channel. 0 to 1."""
    sounding = _sounding(samples)
    first, second = samples[:-1:2], samples[1::2]
    counted = sounding[:-1:2] | sounding[1::2]
    total = int(np.count_nonzero(counted))
    if total < 50:
        return 0.0
    shares = [np.count_nonzero((side == 0.0) & counted) / total for side in (first, second)]
    return _beyond(max(shares), min(shares))


def _beyond(share: float, usual: float) -> float:
    """Return how much of what is left above the usual share a share reaches."""
    return float((share - usual) / (1.0 - usual)) if usual < 1.0 else 0.0


def _sounding(samples: Array) -> NDArray[np.bool_]:
    """Return the samples above 1 % of the peak."""
    return np.asarray(np.abs(samples) > 0.01 * float(np.max(np.abs(samples), initial=0.0)))


def flatness(spectrum: Spectrum) -> float | None:
    """Return the median spectral flatness of the loud windows: geometric over arithmetic mean of their bins, 0 to 1.

    Loud are those within 10 dB of the 90th percentile of the level: in speech they are voiced, and what noise or coarse
    quantisation leaves between the words does not count. Speech lies below 0.02 and whispering below 0.15; bytes in the
    wrong order or shifted by one make it white: above 0.18. None when silent.
    """
    if not spectrum.active.any():
        return None
    level = spectrum.frame_level_dbfs
    loud = level >= np.percentile(level[spectrum.active], 90) - LOUD_RANGE_DB
    power = spectrum.power[loud]
    first = int(np.ceil(60.0 / spectrum.bin_hz))
    last = int(min(0.95 * spectrum.nyquist_hz, FLATNESS_TOP_HZ) / spectrum.bin_hz)
    bins = np.maximum(power[:, first:last], 1e-12 * float(power.max()))
    return float(np.median(np.exp(np.log(bins).mean(axis=1)) / bins.mean(axis=1)))


def tonality_db(spectrum: Spectrum) -> float | None:
    """Return how far the strongest steady tone stands above its surroundings, in dB; None when too little sounds.

    For each bin the 10th percentile over the active windows, less the median of the bins within 500 Hz; the largest.
    Speech moves and stays below 15 dB; a stuck tone gives 30 dB and more. Only tones that can be heard beside the voice
    count: below 14 kHz, and no further below the mean level of the recording than 50 dB. The line whistle of a screen
    at 15.6 kHz, and what a cheap converter leaves, are in many healthy recordings.
    """
    if spectrum.active.sum() < 25:
        return None
    power = spectrum.power[spectrum.active]
    level = 10.0 * np.log10(np.maximum(power, 1e-12 * float(spectrum.power.max())))
    steady = np.percentile(level, 10, axis=0)
    width = max(3, round(500.0 / spectrum.bin_hz))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(steady, width, mode="reflect"), 2 * width + 1)
    above = steady - np.median(windows, axis=1)
    whole_db = 10.0 * np.log10(float(power.sum(axis=1, dtype=np.float64).mean()))
    # A tone spreads over the main lobe of the window: its strongest bin holds 2 dB less than all of it.
    heard = (steady > whole_db + FAINTEST_TONE_DB - 2.0) & (spectrum.frequencies_hz < TONE_TOP_HZ)
    heard[:2] = False
    return float(np.max(above[heard], initial=0.0))
