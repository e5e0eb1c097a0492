"""Detect damaged samples without a reference: clipping, noise in place of speech, two channels read as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp.arrays import Array
from diag.dsp.runs import runs_of
from diag.dsp.spectrum import Spectrum

FLAT_SAMPLES = 3
FLAT_PAIRS, FLAT_PAIR_SHARE = 5, 0.1
"""So many tops of two samples, and so large a share of all that touch the extreme, are clipping as well: at low sample
rates and in the treble hardly a clipped top is longer. A limiter leaves single samples at its ceiling: less than 0.1 of
the touches of 11 development voices that were driven 6 and 12 dB into one were pairs."""
FLAT_SHARE = 0.5
"""Flat tops are searched above this share of the peak, because equal samples in silence are not clipping."""
COARSE_SHARE = 0.002
"""If the quantisation step is larger than this share of the peak, peaks are flat without clipping."""
_PILES = ((0.045, 0.62, 2.0, 1.45), (0.06, 0.45, 1.0, 1.45))
"""Parameters of `piled_tops` for clipping by some decibels, and for deeper clipping with larger overshoots: half width
of the cluster, its lowest level relative to the peak, weight of the tops above it, and least score. No healthy
development voice reaches the scores."""
_PILE_LEAST, _PILE_PLACES = 6, 4
_PLATEAU = (0.85, 0.5, 0.6)
"""A top is a plateau if its width at the first share of its height is more than the third of its width at the second.
A sine has 0.53 of it. What is cut off and then filtered stays broader, however it rings."""
PLATEAU_SHARE = 0.25
"""Least share of plateaus among the tops of a cluster that is clipping. Voices of even loudness have clusters of
pointed tops: at most 0.19 of them were plateaus (4 development voices in 4 conversions), and 0.32 or more in 25
development voices clipped by 6 and 12 dB and then resampled or encoded."""
_WIDEST_TOP_S = 0.003
TONE_TOP_HZ, FAINTEST_TONE_DB = 14000.0, -50.0
"""Highest frequency, and least level relative to the mean level of the recording, of a steady tone that counts."""
_SPEECH_DB_SPL = 65.0
_HEARING_HZ = (20.0, 25.0, 31.5, 40.0, 50.0, 63.0, 80.0, 100.0, 125.0, 160.0, 200.0)
_HEARING_DB_SPL = (78.5, 68.7, 59.5, 51.1, 44.0, 37.5, 31.5, 26.5, 22.1, 17.9, 14.4)
"""Threshold of hearing of ISO 226:2003, and the level of speech at which people listen. Mains hum of 50 Hz counts from
-21 dB relative to the speech, its harmonic at 100 Hz from -38.5 dB. From 200 Hz on `FAINTEST_TONE_DB` is higher."""
LOUD_RANGE_DB = 10.0
FLATNESS_TOP_HZ = 7600.0
"""Upper limit of the flatness. A clip that was resampled to a higher rate has no power above its old Nyquist
frequency."""


@dataclass(frozen=True)
class Found:
    """Positions of detected events, in samples."""

    frames: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of events."""
        return int(self.frames.size)


def flat_tops(samples: Array) -> Found:
    """Return runs of at least three equal samples at the extremes of the signal: clipping without later resampling.

    If there are many runs of two, these count as well. The result does not depend on gain and polarity. With a short
    word length, neighbouring samples are equal near every peak. Then the extreme value must also have more samples than
    the value one step below it, which only clipping causes.
    """
    runs = held_tops(samples)
    length = runs[:, 1] - runs[:, 0]
    pairs = np.count_nonzero(length >= 2)
    many = pairs >= max(FLAT_PAIRS, FLAT_PAIR_SHARE * length.size)
    return Found(runs[length >= (2 if many else FLAT_SAMPLES), 0])


def held_tops(samples: Array) -> NDArray[np.int64]:
    """Return each run of samples at the extremes of the signal as (first, last + 1), in order; shape (runs, 2).

    A signal that was neither clipped nor limited touches its extreme once or twice.
    """
    peak = float(np.max(np.abs(samples), initial=0.0))
    places = [np.zeros((0, 2), dtype=np.int64)]
    for side in (samples, -samples):
        top = float(np.max(side, initial=0.0))
        if peak <= 0.0 or top < FLAT_SHARE * peak:
            continue
        held = side >= top * (1.0 - 1e-4)
        step = float(np.max(side[~held], initial=0.0))
        coarse = top - step > COARSE_SHARE * top
        if coarse and np.count_nonzero(held) <= np.count_nonzero(side >= step * (1.0 - 1e-4)) / 2:
            continue
        places.append(runs_of(held))
    found = np.concatenate(places)
    return found[np.argsort(found[:, 0])]


def piled_tops(samples: Array, sample_rate_hz: float) -> Found:
    """Return tops that cluster at one level near the extremes of the signal: clipping with later filtering.

    A top is the largest magnitude within 2.5 ms. In natural speech tops become rarer towards the peak. Clipping shows
    as many more tops within some percent of one level than in the band of the same width in decibels below it. Only few
    tops may be above that level; they are overshoots of the filter, which grow with the depth of clipping. A voice of
    even loudness has such a cluster too, but of pointed tops: clipped ones are plateaus.
    """
    size = max(1, round(0.0025 * sample_rate_hz))
    blocks = samples.size // size
    if blocks < 40:
        return Found(np.zeros(0, dtype=np.int64))
    tops = np.abs(samples[: blocks * size]).reshape(blocks, size).max(axis=1)
    peak = float(tops.max())
    if np.ptp(samples) <= peak:  # empty, constant or of one sign: not a waveform that could be clipped
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
        # Small counts vary by chance, so the cluster must also exceed the limit by the Poisson standard deviation.
        if crowd - usual < np.sqrt(max(0.0, crowd + limit * usual)):
            continue
        held = np.flatnonzero(tops >= (1 - width) * levels[best]).astype(np.int64) * size
        # One steady vowel has equal tops too. Clipping must occur in several parts of the recording.
        several = np.unique(held // round(0.1 * sample_rate_hz)).size >= _PILE_PLACES
        if score[best] > limit and several and _plateau_share(samples, held, size, sample_rate_hz) > PLATEAU_SHARE:
            return Found(held)
    return Found(np.zeros(0, dtype=np.int64))


def _plateau_share(samples: Array, blocks: NDArray[np.int64], size: int, sample_rate_hz: float) -> float:
    """Return the share of plateaus among the tops of some blocks of `size` samples that begin at `blocks`, 0 to 1."""
    at = blocks + np.abs(samples[blocks[:, None] + np.arange(size)]).argmax(axis=1)
    reach = round(_WIDEST_TOP_S * sample_rate_hz)
    at = at[(at >= reach) & (at < samples.size - reach)]
    if at.size == 0:
        return 0.0
    heights = samples[at]
    around = np.lib.stride_tricks.sliding_window_view(samples, 2 * reach + 1)[at - reach] / heights[:, None]
    # The largest sample of a block may lie on the slope to the top of the next block.
    around = around[np.maximum(around[:, reach - 1], around[:, reach + 1]) <= 1.0]
    if around.shape[0] == 0:
        return 0.0
    high, low, broad = _PLATEAU
    return float(np.mean(_width(around, reach, high) > broad * _width(around, reach, low)))


def _width(tops: NDArray[np.float32], middle: int, share: float) -> NDArray[np.float64]:
    """Return how many samples tops of height 1 stay above a share of it around their middle; shape (n,)."""
    width = np.zeros(tops.shape[0])
    for side in (tops[:, middle:], tops[:, middle::-1]):
        below = side < share
        first = np.where(below.any(axis=1), below.argmax(axis=1), side.shape[1] - 1)
        rows = np.arange(first.size)
        before, behind = side[rows, first - 1], side[rows, first]
        width += first - 1 + np.clip((before - share) / np.maximum(before - behind, 1e-9), 0.0, 1.0)
    return width


def equal_pairs(samples: Array) -> float:
    """Return the share of sample pairs (2 n, 2 n + 1) that are equal, beyond that of the other pairing; 0 to 1.

    Two channels of the same audio read as one give 1: the samples of a pair are equal, those of neighbouring pairs are
    not. With a short word length, neighbouring samples are often equal in both pairings. This share is subtracted.
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
    """Return the share of sample pairs with a zero that is always at the same place, 0 to 1: a silent channel."""
    sounding = _sounding(samples)
    first, second = samples[:-1:2], samples[1::2]
    counted = sounding[:-1:2] | sounding[1::2]
    total = int(np.count_nonzero(counted))
    if total < 50:
        return 0.0
    shares = [np.count_nonzero((side == 0.0) & counted) / total for side in (first, second)]
    return _beyond(max(shares), min(shares))


def _beyond(share: float, usual: float) -> float:
    """Return (share - usual) / (1 - usual); 0 if the usual share is 1."""
    return float((share - usual) / (1.0 - usual)) if usual < 1.0 else 0.0


def _sounding(samples: Array) -> NDArray[np.bool_]:
    """Return the samples above 1 % of the peak."""
    return np.asarray(np.abs(samples) > 0.01 * float(np.max(np.abs(samples), initial=0.0)))


def flatness(spectrum: Spectrum) -> float | None:
    """Return the median spectral flatness of the loud windows: geometric over arithmetic mean of their bins, 0 to 1.

    Loud windows are those within 10 dB of the 90th percentile of the level. In speech they are voiced, and noise
    between the words has no influence. Speech is below 0.02 and whispering below 0.15. Bytes in the wrong order or
    shifted by one give white noise, above 0.18. None for silence.
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
    """Return the level of the strongest steady tone above its surroundings, in dB; None if there is too little sound.

    The level of a bin is the 10th percentile over the active windows, its surroundings are the median of the bins
    within 500 Hz. Speech is below 15 dB; a stuck tone is at 30 dB or more. Only audible tones count: those below 14 kHz
    and at most 50 dB below the mean level of the recording, and below 200 Hz those above the threshold of hearing.
    Inaudible ones, such as faint mains hum, the 15.6 kHz line frequency of a screen or residues of a cheap converter,
    are in many healthy recordings.
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
    hz = spectrum.frequencies_hz
    faintest_db = np.maximum(FAINTEST_TONE_DB, np.interp(hz, _HEARING_HZ, _HEARING_DB_SPL) - _SPEECH_DB_SPL)
    # The power of a tone spreads over the main lobe of the window. The strongest bin is 2 dB below the total, and the
    # bins beside it are no tones.
    strongest = (steady >= np.roll(steady, 1)) & (steady >= np.roll(steady, -1))
    heard = (steady > whole_db + faintest_db - 2.0) & (hz < TONE_TOP_HZ) & strongest
    heard[:2] = False
    return float(np.max(above[heard], initial=0.0))
