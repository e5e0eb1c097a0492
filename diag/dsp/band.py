"""Upper edge of the content, and images of a naive resampler above it."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
MIRROR_FROM, MIRROR_TO = 0.10, 0.55
"""Distances from the mirror, as shares of its frequency, between which images are looked for. Nearer to it every good
resampler leaves some: those of 16 to 32 taps fade out over a tenth of the old Nyquist frequency."""
MIRROR_WIDTH_HZ = 3000.0
"""Widest band that is compared: for a 24 kHz voice, 13.2 to 16.2 kHz say as much as all above."""
NARROWEST_MIRROR_HZ = 500.0
IMAGING_LIMIT = 0.22
"""Mirror correlation of clean speech stays below 0.2, linear interpolation and sample repeating give 0.25 and more."""
LEAST_IMAGE_GAIN_DB = -25.0
"""Images this far below the sound that they mirror come from a filter that works. Linear interpolation leaves them at
-6 to -20 dB, sample repeating at -3 to -12 dB; ffmpeg's default, resample_poly of scipy, and the speex resampler at
quality 1 leave them at -32 dB or less (healthy and faulty conversions of 46 development voices)."""
FAINTEST_IMAGE_DB = -65.0
"""Images this far below the voice (300 Hz to 4 kHz) cannot be heard: at a speech level of 65 dB SPL they lie at the
threshold of hearing. Naive resamplers leave -54 dB for the dullest voices and -20 to -40 dB for most."""
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
_FAINTEST_TOLD_DB = -80.0
"""Images fainter than this against the voice are rounding, not sound."""
_MOVING = 2.5
"""Where power above the mirror changes by less than 4 dB there is only noise, and nothing could be an image."""
_LEAST_FRAMES = 15
_SURE_FRAMES, _SURE_CORRELATION = 50, 0.6
"""The harmonics of one short word may lie mirrored by chance (0.35 was seen): below 1 s of sound, more is asked for."""
_MOST_MIRROR_FRAMES = 300
"""Loud windows that are compared at most, spread evenly: more do not change the median."""
_VOICE_HZ = (300.0, 4000.0)


@dataclass(frozen=True)
class Imaging:
    """Images of the sound below a frequency, mirrored to above it.

    Parameters
    ----------
    correlation : float
        Of the fine structure with its mirror image, 0 to 1.
    mirror_hz : float
        The frequency that the spectrum is mirrored about.
    level_db : float
        Level of the images against the voice (300 Hz to 4 kHz), over the whole recording.
    gain_db : float
        Level of the images against the sound that they mirror.
    """

    correlation: float
    mirror_hz: float
    level_db: float
    gain_db: float

    @property
    def weighed(self) -> float:
        """Return the correlation where the images can be heard and no filter held them down, else 0."""
        heard = self.gain_db > LEAST_IMAGE_GAIN_DB and self.level_db > FAINTEST_IMAGE_DB
        return self.correlation if heard else 0.0


@dataclass(frozen=True)
class _Mirrored:
    """Images about one candidate, and the spread of their gain over the windows in dB (between the quartiles)."""

    imaging: Imaging
    spread_db: float


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
    """Return the images of a naive resampler, or the strongest mirror correlation where there are none.

    Linear interpolation and sample repeating leave the spectrum mirrored above the old Nyquist frequency. Per window,
    the level of bins below a candidate is compared with that of the mirrored bins above it, after each window's
    smooth shape and each bin's mean are taken off, so that only the fine structure counts. Images are weighed by their
    level (`Imaging.weighed`): good resamplers leave faint ones, which correlate as well.

    Parameters
    ----------
    spectrum : Spectrum
        Of the recording.

    Returns
    -------
    Imaging or None
        None when less than 0.3 s sounds, or the rate leaves no room above a candidate.
    """
    tried = [found for mirror_hz in NYQUISTS_HZ if (found := _mirrored(spectrum, mirror_hz)) is not None]
    if not tried:
        return None
    strongest = max(tried, key=lambda item: item.imaging.weighed)
    if strongest.imaging.weighed <= IMAGING_LIMIT:
        return max((item.imaging for item in tried), key=lambda image: image.correlation)
    # Repeated samples mirror about every multiple of the old Nyquist frequency: the lowest is the old one. From 16 to
    # 24 kHz they also mirror about 4 kHz, but there the voice's own sound lies over the image and their levels part.
    least = _NEARLY * strongest.imaging.weighed
    near = [item.imaging for item in tried if item.imaging.weighed >= least and item.spread_db <= _ONE_LEVEL_DB]
    lowest = min(near, key=lambda image: image.mirror_hz, default=strongest.imaging)
    return replace(lowest, correlation=strongest.imaging.correlation)


def image_about(spectrum: Spectrum, mirror_hz: float) -> Imaging | None:
    """Return the images about one frequency; None when less than 0.3 s sounds or the rate leaves no room above it.

    The correlation is the median over windows: the harmonics of one steady pitch may by chance be mirrored, those of
    all cannot. A resampler that stretches each chunk between its first and last sample mirrors some Hz lower and blurs
    the lines, so levels are smoothed over three bins and mirrors down to 1.5 bins lower are tried.
    """
    found = _mirrored(spectrum, mirror_hz)
    return None if found is None else found.imaging


def _mirrored(spectrum: Spectrum, mirror_hz: float) -> _Mirrored | None:
    from_hz = MIRROR_FROM * mirror_hz
    to_hz = min(MIRROR_TO * mirror_hz, from_hz + MIRROR_WIDTH_HZ, 0.98 * spectrum.nyquist_hz - mirror_hz)
    if to_hz - from_hz < NARROWEST_MIRROR_HZ or spectrum.active.sum() < _LEAST_FRAMES:
        return None
    centre = mirror_hz / spectrum.bin_hz
    below = np.rint(centre - np.arange(round(from_hz / spectrum.bin_hz), round(to_hz / spectrum.bin_hz))).astype(int)
    above = np.rint(2 * centre - below).astype(int)
    power = spectrum.power[spectrum.active]
    loudness = power[:, above[0] : above[-1] + 1].sum(axis=1, dtype=np.float64)
    mirrored = power[:, below[-1] : below[0] + 1].sum(axis=1, dtype=np.float64)
    voice = float(spectrum.band_power(*_VOICE_HZ)[spectrum.active].mean())
    image = _over_its_floor(loudness)
    level_db, gain_db = _decibels(image, voice), _decibels(image, _over_its_floor(mirrored))
    faint = level_db < _FAINTEST_TOLD_DB or np.percentile(loudness, 97) < _MOVING * np.percentile(loudness, 10)
    if faint:
        return _Mirrored(Imaging(0.0, mirror_hz, level_db, gain_db), np.inf)
    # Images stand out of the noise only where the treble is loud: a part of the windows says most.
    loud = np.flatnonzero(loudness >= np.percentile(loudness, 100.0 * (1.0 - LOUD_SHARE)))
    if loud.size > _MOST_MIRROR_FRAMES:
        loud = loud[np.linspace(0, loud.size - 1, _MOST_MIRROR_FRAMES).astype(int)]
    best, spread_db = _correlation(power[loud], below, above, spectrum.bin_hz)
    if spectrum.active.sum() < _SURE_FRAMES and best < _SURE_CORRELATION:
        best = 0.0
    return _Mirrored(Imaging(best, mirror_hz, level_db, gain_db), spread_db)


def _correlation(
    power: NDArray[np.float32], below: NDArray[np.int64], above: NDArray[np.int64], bin_hz: float
) -> tuple[float, float]:
    """Return the mirror correlation of some windows, and the spread of the images' gain over them in dB."""
    first, last = int(below.min()) - 1, int(above.max()) + 2
    power = power[:, first:last]
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
    near = slice(0, round(500.0 / bin_hz))
    apart = (level[:, mirrors[near]] - level[:, places[near]]).mean(axis=1)
    quarter, three = np.percentile(apart, (25, 75))
    return best, float(three - quarter) * 10.0 / np.log(10.0)


def _over_its_floor(power: NDArray[np.float64]) -> float:
    """Return the mean power of the windows less their 10th percentile, which steady noise makes."""
    return float(power.mean() - np.percentile(power, 10))


def _decibels(power: float, reference: float) -> float:
    return float(10.0 * np.log10(max(power, 1e-14) / max(reference, 1e-14)))


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
