"""Upper edge of the content, and images of a naive resampler above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp.spectrum import Spectrum

BAND_HZ = 100.0
DYNAMICS_DB = 13.0
"""Speech makes a band move by at least this much (97th less 10th percentile of the active windows; 15 to 60 dB were
seen, noise moves by 5 to 10)."""
FAINTEST_DB = -72.0
"""Content this far below the loudest band is not heard as bandwidth; healthy wide-band voices reach -68 dB."""
CLIFF_DB = 9.0
CLIFF_HZ = 500.0
NYQUISTS_HZ = (4000.0, 5512.5, 6000.0, 8000.0, 11025.0, 12000.0, 16000.0)
MIRROR_HZ = 1800.0
IMAGING_LIMIT = 0.22
"""Clean speech stays below 0.15, linear interpolation and sample repeating give 0.28 and more."""
LOUD_SHARE = 0.4
_NEARLY = 0.85
_ONE_LEVEL_DB = 4.0
"""Images of one resampler keep their level: quartiles lie within 1.5 dB, otherwise 5 dB and more apart."""
_DECOYS_BINS = (*range(-16, -4), *range(5, 17))
_DECOY_SHARE = 0.8
_CERTAIN = 0.9
_LOWER_BINS = 3
"""Chunks of 20 ms from 8 kHz that are stretched end to end mirror 17 Hz lower: both sides differ by 1.3 bins."""
_DEEPEST = 1e-11
"""Floor of a level against the loudest, so that a gain changes nothing."""
_FAINTEST_IMAGE = 1e-8
"""Images 80 dB below the voice are rounding, not sound."""
_MOVING = 2.5
"""Where power above the mirror changes by less than 4 dB there is only noise, and nothing could be an image."""
_LEAST_FRAMES = 15


@dataclass(frozen=True)
class Imaging:
    """Strongest mirror correlation and the frequency that the spectrum is mirrored about."""

    correlation: float
    mirror_hz: float


def content_edge(spectrum: Spectrum) -> float | None:
    """Upper edge of the content in Hz; half the sample rate where none is found below it.

    A 100 Hz band holds content where it moves with the speech and is not too faint. Where the content ends in noise
    that could hide more of it, only a cliff counts as an edge: a voice that fades into the noise has none. None when
    too little sounds.
    """
    if spectrum.active.sum() < _LEAST_FRAMES:
        return None
    high, low = _band_levels(spectrum)
    moving = high - low >= DYNAMICS_DB
    strong = high >= high.max() + FAINTEST_DB
    content = moving & strong
    pairs = np.flatnonzero(content[1:] & content[:-1])
    if pairs.size == 0:
        return None
    last = int(pairs[-1]) + 1
    top = spectrum.nyquist_hz
    if last >= high.size - 2:
        return top
    above = high[last + 2 : last + 2 + int(CLIFF_HZ / BAND_HZ)]
    faint = (moving & ~strong)[last + 1 : last + 4].any()
    if not faint and (above.size == 0 or _drop(high, last) < CLIFF_DB):
        return top
    return float(min((last + 1) * BAND_HZ, top))


def _drop(high: NDArray[np.float64], last: int) -> float:
    width = int(CLIFF_HZ / BAND_HZ)
    below = high[max(0, last - width) : last]
    above = high[last + 2 : last + 2 + width]
    return float(np.median(below) - np.median(above))


def _band_levels(spectrum: Spectrum) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """97th and 10th percentile of the level in each 100 Hz band over the active windows."""
    per_band = max(1, round(BAND_HZ / spectrum.bin_hz))
    power = spectrum.power[spectrum.active]
    bands = power.shape[1] // per_band
    summed = power[:, : bands * per_band].reshape(power.shape[0], bands, per_band).sum(axis=2)
    level = 10.0 * np.log10(np.maximum(summed, _DEEPEST * float(summed.max())))
    high, low = np.percentile(level, (97, 10), axis=0)
    return np.asarray(high), np.asarray(low)


def imaging(spectrum: Spectrum) -> Imaging | None:
    """Mirror correlation about the Nyquist frequencies of usual lower rates; None when too little sounds.

    Linear interpolation and sample repeating leave the spectrum mirrored above the old Nyquist frequency. Per window,
    the level of bins below a candidate is compared with that of the mirrored bins above it, after each window's
    smooth shape and each bin's mean are taken off, so that only the fine structure counts.
    """
    if spectrum.active.sum() < _LEAST_FRAMES:
        return None
    tried = [
        (mirror_hz, *_mirrored(spectrum, mirror_hz))
        for mirror_hz in NYQUISTS_HZ
        if mirror_hz + MIRROR_HZ <= 0.99 * spectrum.nyquist_hz
    ]
    if not tried:
        return None
    strongest = max(tried, key=lambda item: item[1])
    # Repeated samples mirror about every multiple of the old Nyquist frequency: the lowest is the old one. From 16 to
    # 24 kHz they also mirror about 4 kHz, but there the voice's own sound lies over the image and their levels part.
    near = [item for item in tried if item[1] >= _NEARLY * strongest[1] and item[2] <= _ONE_LEVEL_DB]
    return Imaging(strongest[1], min(near, default=strongest)[0])


def mirror_correlation(spectrum: Spectrum, mirror_hz: float) -> float:
    """Correlation of the fine structure below a frequency with its mirror image above it, -1 to 1.

    The median over windows: the harmonics of one steady pitch may by chance be mirrored, those of all cannot. A
    resampler that stretches each chunk between its first and last sample mirrors some Hz lower and blurs the lines,
    so levels are smoothed over three bins and mirrors down to 1.5 bins lower are tried.
    """
    return _mirrored(spectrum, mirror_hz)[0]


def _mirrored(spectrum: Spectrum, mirror_hz: float) -> tuple[float, float]:
    """Mirror correlation, and how far the level of the images against what they mirror spreads over the windows, dB."""
    reach = int(MIRROR_HZ / spectrum.bin_hz)
    centre = mirror_hz / spectrum.bin_hz
    skip = max(2, round(100.0 / spectrum.bin_hz))
    below = np.rint(centre - np.arange(skip, reach)).astype(int)
    above = np.rint(2 * centre - below).astype(int)
    first, last = int(below.min()) - 1, int(above.max()) + 2
    power = spectrum.power[spectrum.active, first:last]
    # Images stand out of the noise only where the treble is loud: a part of the windows says most.
    loudness = power[:, above - first].sum(axis=1, dtype=np.float64)
    loud = float(np.percentile(loudness, 97))
    least = 10.0 ** (float(np.percentile(spectrum.frame_level_dbfs[spectrum.active], 97)) / 10.0) * _FAINTEST_IMAGE
    if loud < max(_MOVING * float(np.percentile(loudness, 10)), least):
        return 0.0, np.inf
    power = power[loudness >= np.percentile(loudness, 100.0 * (1.0 - LOUD_SHARE))]
    power = power[:, :-2] + power[:, 1:-1] + power[:, 2:]
    level = np.log(np.maximum(power, _DEEPEST * float(power.max())))
    fine = _fine(level)
    places, mirrors = below - first - 1, above - first - 1
    best = max(_likeness(fine, places, mirrors - lower) for lower in range(_LOWER_BINS + 1))
    if IMAGING_LIMIT < best < _CERTAIN:
        # The comb of one steady pitch is mirrored about every half of its step: images are about one frequency only.
        inside = [(places + away, mirrors + away) for away in _DECOYS_BINS if int(mirrors.max()) + away < fine.shape[1]]
        decoy = max((_likeness(fine, low[low >= 0], high[low >= 0]) for low, high in inside), default=0.0)
        best = best if decoy < _DECOY_SHARE * best else max(0.0, best - decoy)
    near = slice(round(300.0 / spectrum.bin_hz), round(800.0 / spectrum.bin_hz))
    apart = (level[:, above[near] - first - 1] - level[:, places[near]]).mean(axis=1)
    quarter, three = np.percentile(apart, (25, 75))
    return best, float(three - quarter) * 10.0 / np.log(10.0)


def _likeness(fine: NDArray[np.float32], low: NDArray[np.int64], high: NDArray[np.int64]) -> float:
    """Median correlation of two sets of bins over the windows; no less than 0."""
    x, y = fine[:, low], fine[:, high]
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return max(0.0, float(np.median((x * y).sum(axis=1) / np.maximum(scale, 1e-12))))


def _fine(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Levels less each window's smooth shape (moving mean over 15 bins) and each bin's mean."""
    half = 7
    padded = np.concatenate(
        (np.repeat(level[:, :1], half + 1, axis=1), level, np.repeat(level[:, -1:], half, axis=1)), axis=1
    )
    sums = np.cumsum(padded, axis=1, dtype=np.float64)
    width = 2 * half + 1
    rest = level - (sums[:, width:] - sums[:, :-width]) / width
    return np.asarray(rest - rest.mean(axis=0, keepdims=True), dtype=np.float32)
