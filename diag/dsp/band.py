"""The bandwidth of a recording, and images that a poor resampler leaves above it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from diag.dsp.spectrum import Spectrum

BAND_HZ = 100.0
DYNAMICS_DB = 13.0
"""Least range of the level of a band with speech in it: 97th minus 10th percentile over the active windows. Speech has
15 to 60 dB, noise 5 to 10 dB."""
FAINTEST_DB = -72.0
"""Content further below the loudest band does not count as bandwidth. Healthy wide-band voices reach -68 dB."""
CLIFF_DB = 9.0
CLIFF_HZ = 500.0
NYQUISTS_HZ = (4000.0, 5512.5, 6000.0, 8000.0, 11025.0, 12000.0, 16000.0)
MIRROR_FROM, MIRROR_TO = 0.10, 0.55
"""Range of distances from the mirror frequency, as shares of it, in which images are searched. Good resamplers leave
images closer to it: the transition band of filters with 16 to 32 taps is a tenth of the old Nyquist frequency."""
MIRROR_WIDTH_HZ = 3000.0
"""Widest band that is compared. For a 24 kHz voice, 13.2 to 16.2 kHz are enough."""
NARROWEST_MIRROR_HZ = 500.0
IMAGING_LIMIT = 0.22
"""Mirror correlation of clean speech stays below 0.2, linear interpolation and sample repeating give 0.25 and more."""
LEAST_IMAGE_GAIN_DB = -20.0
"""Images further below the sound that they mirror are those of a good filter. Linear interpolation leaves them at -6 to
-20 dB, sample repeating at -3 to -12 dB. The decoder of Opus leaves -20.5 to -41 dB where 16 kHz speech is decoded at
48 kHz. ffmpeg's default, scipy's resample_poly, and the speex resampler at quality 1 leave them at -32 dB or less
(conversions of 46 development voices)."""
FAINTEST_IMAGE_DB = -65.0
"""Images further below the voice (300 Hz to 4 kHz) cannot be heard: at a speech level of 65 dB SPL they are at the
threshold of hearing. Poor resamplers leave -54 dB for the dullest voices and -20 to -40 dB for most."""
BEYOND = ((1.2, 1.35), (1.35, 1.55))
"""Bands above the Nyquist frequency of an input, as multiples of it, in which it is searched what a segment adds. The
transition band of good resamplers and of Opus ends below (healthy copies of 46 development voices have -39 dB or less
there, and linear interpolation over Opus -11 dB)."""
BEYOND_CORRELATION = 0.8
"""Least correlation over time of the power beyond and of the mirrored power. Opus keeps the power of a band, but not
its waveform."""
LOUD_SHARE = 0.4
_NEARLY = 0.85
_ONE_LEVEL_DB = 4.0
"""Largest spread of the level of images between the quartiles over time. It is 1.5 dB for images, and 5 dB or more for
other sound."""
_DECOYS_BINS = (*range(-16, -4), *range(5, 17))
_DECOY_SHARE = 0.8
_CERTAIN = 0.9
_LOWER_BINS = 3
"""Mirrored bins are also tried up to this many bins lower. If 20 ms chunks at 8 kHz are stretched end to end, the
mirror is 17 Hz lower, which shifts the two sides by 1.3 bins."""
_DEEPEST = 1e-11
"""Lowest power relative to the loudest; a relative floor makes the result independent of gain."""
_FAINTEST_REPORTED_DB = -80.0
"""Images further below the voice are rounding errors."""
_MOVING = 2.5
"""Least ratio of the power above the mirror over time (4 dB). If it changes by less, there is only noise."""
_LEAST_FRAMES = 15
_SURE_FRAMES, _SURE_CORRELATION = 50, 0.6
"""With fewer frames than this (1 s), the correlation must be higher: the harmonics of one short word may be mirrored by
chance (up to 0.35 was measured)."""
_MOST_MIRROR_FRAMES = 300
"""Largest number of loud windows, spread evenly, that are compared. More do not change the median."""
_VOICE_HZ = (300.0, 4000.0)


@dataclass(frozen=True)
class Imaging:
    """Images: the sound below a frequency, mirrored to above it.

    Parameters
    ----------
    correlation : float
        Correlation of the fine structure of the spectrum with its mirror image, 0 to 1.
    mirror_hz : float
        The frequency about which the spectrum is mirrored.
    level_db : float
        Level of the images relative to the voice (300 Hz to 4 kHz), over the whole recording.
    gain_db : float
        Level of the images relative to the sound that they mirror.
    """

    correlation: float
    mirror_hz: float
    level_db: float
    gain_db: float

    @property
    def weighed(self) -> float:
        """The correlation if the images are audible and not suppressed by a filter, else 0."""
        heard = self.gain_db > LEAST_IMAGE_GAIN_DB and self.level_db > FAINTEST_IMAGE_DB
        return self.correlation if heard else 0.0


@dataclass(frozen=True)
class _Mirrored:
    """Images about one candidate frequency, and the interquartile range of their gain over the windows in dB."""

    imaging: Imaging
    spread_db: float


_mirrors: WeakKeyDictionary[Spectrum, dict[float, _Mirrored | None]] = WeakKeyDictionary()
_edges: WeakKeyDictionary[Spectrum, float | None] = WeakKeyDictionary()


def content_edge(spectrum: Spectrum) -> float | None:
    """Return the upper edge of the content in Hz; half the sample rate if there is none below it.

    A 100 Hz band has content if its level moves with the speech and is not too low. If there is noise above the content
    that could mask more of it, only a steep drop counts as an edge. None if there is too little sound. It is computed
    once per spectrum.
    """
    if spectrum not in _edges:
        _edges[spectrum] = _content_edge(spectrum)
    return _edges[spectrum]


def _content_edge(spectrum: Spectrum) -> float | None:
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
    """Return the 97th and 10th percentile of the level in each 100 Hz band over the active windows."""
    per_band = max(1, round(BAND_HZ / spectrum.bin_hz))
    power = spectrum.power[spectrum.active]
    bands = power.shape[1] // per_band
    summed = power[:, : bands * per_band].reshape(power.shape[0], bands, per_band).sum(axis=2)
    level = 10.0 * np.log10(np.maximum(summed, _DEEPEST * float(summed.max())))
    high, low = np.percentile(level, (97, 10), axis=0)
    return np.asarray(high), np.asarray(low)


def imaging(spectrum: Spectrum) -> Imaging | None:
    """Return the images of a poor resampler, or the strongest mirror correlation if there are none.

    Linear interpolation and sample repeating leave the spectrum mirrored above the old Nyquist frequency. In each
    window, the levels of the bins below a candidate frequency are correlated with those of the mirrored bins above it.
    The smooth shape of each window and the mean of each bin are subtracted before, so that only the fine structure
    counts. The faint images of good resamplers correlate as well; `Imaging.weighed` leaves them out.

    Parameters
    ----------
    spectrum : Spectrum
        Spectrum of the recording.

    Returns
    -------
    Imaging or None
        None if there is less than 0.3 s of sound, or the sample rate is too low for every candidate.
    """
    tried = [found for mirror_hz in NYQUISTS_HZ if (found := _mirrored(spectrum, mirror_hz)) is not None]
    if not tried:
        return None
    strongest = max(tried, key=lambda item: item.imaging.weighed)
    if strongest.imaging.weighed <= IMAGING_LIMIT:
        return max((item.imaging for item in tried), key=lambda image: image.correlation)
    # Repeated samples mirror about every multiple of the old Nyquist frequency, so the lowest mirror is the right one.
    # From 16 to 24 kHz they also mirror about 4 kHz, but the voice itself masks that image, so its level varies.
    least = _NEARLY * strongest.imaging.weighed
    near = [item.imaging for item in tried if item.imaging.weighed >= least and item.spread_db <= _ONE_LEVEL_DB]
    lowest = min(near, key=lambda image: image.mirror_hz, default=strongest.imaging)
    return replace(lowest, correlation=strongest.imaging.correlation)


def image_about(spectrum: Spectrum, mirror_hz: float) -> Imaging | None:
    """Return the images about one frequency; None for less than 0.3 s of sound or too low a sample rate.

    The correlation is the median over windows, because the harmonics of a few windows may be mirrored by chance. A
    resampler that stretches each chunk between its first and last sample mirrors some Hz lower and blurs the lines, so
    levels are smoothed over three bins, and mirrors down to 1.5 bins lower are tried.
    """
    found = _mirrored(spectrum, mirror_hz)
    return None if found is None else found.imaging


def images_beyond(spectrum: Spectrum, nyquist_hz: float) -> float:
    """Return the correlation over time of images above the Nyquist frequency of the input; 0 if there are none.

    The input has nothing there, so what follows the mirrored sound was added by the segment. Unlike `imaging`, this
    needs no fine structure, which noise hides and a codec replaces. Sound that follows the voice as a whole is not an
    image: distortion and clicks reach beyond the input too.

    Parameters
    ----------
    spectrum : Spectrum
        Of the output.
    nyquist_hz : float
        Half the sample rate of the input.
    """
    power = spectrum.power[spectrum.active]
    if len(power) < _LEAST_FRAMES:
        return 0.0
    sound = Spectrum(power, spectrum.sample_rate_hz, spectrum.bin_hz)
    voice = sound.band_power(*_VOICE_HZ)
    best = 0.0
    for low, high in BEYOND:
        top_hz = min(high * nyquist_hz, 0.98 * spectrum.nyquist_hz)
        if top_hz - low * nyquist_hz < NARROWEST_MIRROR_HZ:
            continue
        added = sound.band_power(low * nyquist_hz, top_hz)
        mirrored = sound.band_power(2.0 * nyquist_hz - top_hz, (2.0 - low) * nyquist_hz)
        gain = float(np.cov(mirrored, added)[0, 1]) / max(float(np.var(mirrored)), 1e-30)
        heard = _decibels(gain * float(mirrored.mean()), float(voice.mean())) > FAINTEST_IMAGE_DB
        if not heard or _decibels(gain, 1.0) <= LEAST_IMAGE_GAIN_DB:
            continue
        along, with_voice = (float(np.corrcoef(np.sqrt(added), np.sqrt(other))[0, 1]) for other in (mirrored, voice))
        if along > max(BEYOND_CORRELATION, with_voice):
            best = max(best, along)
    return best


def _mirrored(spectrum: Spectrum, mirror_hz: float) -> _Mirrored | None:
    """Return the images about one candidate frequency, computed once per spectrum."""
    kept = _mirrors.setdefault(spectrum, {})
    if mirror_hz not in kept:
        kept[mirror_hz] = _mirrored_about(spectrum, mirror_hz)
    return kept[mirror_hz]


def _mirrored_about(spectrum: Spectrum, mirror_hz: float) -> _Mirrored | None:
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
    faint = level_db < _FAINTEST_REPORTED_DB or np.percentile(loudness, 97) < _MOVING * np.percentile(loudness, 10)
    if faint:
        return _Mirrored(Imaging(0.0, mirror_hz, level_db, gain_db), np.inf)
    # Images are above the noise only in windows with loud treble, so only the loudest windows are used.
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
        # Harmonics of a steady pitch are symmetric about every multiple of half the pitch. Images are symmetric about
        # one frequency only, so the correlation about nearby frequencies is compared.
        inside = [(places + away, mirrors + away) for away in _DECOYS_BINS if int(mirrors.max()) + away < fine.shape[1]]
        decoy = max((_likeness(fine, low[low >= 0], high[low >= 0]) for low, high in inside), default=0.0)
        best = best if decoy < _DECOY_SHARE * best else max(0.0, best - decoy)
    near = slice(0, round(500.0 / bin_hz))
    apart = (level[:, mirrors[near]] - level[:, places[near]]).mean(axis=1)
    quarter, three = np.percentile(apart, (25, 75))
    return best, float(three - quarter) * 10.0 / np.log(10.0)


def _over_its_floor(power: NDArray[np.float64]) -> float:
    """Return the mean power of the windows minus the 10th percentile, which is taken as steady noise."""
    return float(power.mean() - np.percentile(power, 10))


def _decibels(power: float, reference: float) -> float:
    return float(10.0 * np.log10(max(power, 1e-14) / max(reference, 1e-14)))


def _likeness(fine: NDArray[np.float32], low: NDArray[np.int64], high: NDArray[np.int64]) -> float:
    """Return the median correlation of two sets of bins over the windows; no less than 0."""
    x, y = fine[:, low], fine[:, high]
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return max(0.0, float(np.median((x * y).sum(axis=1) / np.maximum(scale, 1e-12))))


def _fine(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the levels minus each window's moving mean over 15 bins and each bin's mean over time."""
    half = 7
    padded = np.concatenate(
        (np.repeat(level[:, :1], half + 1, axis=1), level, np.repeat(level[:, -1:], half, axis=1)), axis=1
    )
    sums = np.cumsum(padded, axis=1, dtype=np.float64)
    width = 2 * half + 1
    rest = level - (sums[:, width:] - sums[:, :-width]) / width
    return np.asarray(rest - rest.mean(axis=0, keepdims=True), dtype=np.float32)
