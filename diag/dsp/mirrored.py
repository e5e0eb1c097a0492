"""Detect sound mirrored about a Nyquist frequency: aliases of downsampling and images of upsampling without a filter.

With a Nyquist frequency F, sampling turns a frequency f above F into 2 F - f. The mirrored sound follows from the
reference, including its phase, so that it is found by coherence. Noise and codecs have no such coherence. How well a
resampler filters shows in the level of mirrored sound from frequencies clearly above F.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp.aligned import LEAST_FRAMES, AlignedPair, Complex
from diag.dsp.band import NYQUISTS_HZ

ALIAS_GAIN_DB = -22.0
"""Least level of aliases relative to the sound that they mirror. Any real low-pass reaches -35 dB. Without a filter it
is 0 dB, with linear interpolation -3 to -12 dB."""
ALIASING_WARN_DB, ALIASING_FAIL_DB = -45.0, -28.0
"""Level of aliases relative to the speech. The limits are lower than for noise, because aliases are at other
frequencies than the voice and easier to hear. Healthy pairs stay below -60 dB."""
_CLEAR_OF = 1.2
_NEAREST_HZ = 150.0
_GROUP_HZ = 300.0
_BLOCK_S = 0.8
_LEAST_COHERENCE = 0.06
"""Aliases of a smaller share lie 12 dB below the noise or the coding errors at their frequencies, which mask them."""
_DECOY_BINS = (-7, -4, 4, 7)
_ABOVE_CHANCE = 2.5
"""The coherence must be this many times that about mirrors some bins away, which shows the level of chance."""
_OWN_IMAGES = 0.2
"""Share of mirrored sound in the reference itself from which on it has images of its own. They change where a codec
changes the sound that they mirror. Recordings without images stay below 0.06."""
_FAINTEST_SOURCE_DB = -70.0
_MOST_FRAMES = 600
_FLOOR = 1e-20


@dataclass(frozen=True)
class Mirrored:
    """Sound of the reference that is in the estimated signal mirrored about a frequency.

    Parameters
    ----------
    mirror_hz : float
        The mirror frequency, half the sample rate of the faulty conversion.
    level_db : float
        Level of all mirrored sound relative to the speech.
    gain_db : float
        Level of the mirrored sound relative to the sound that it mirrors; 0 without a filter.
    coherence : float
        Share of mirrored sound in the power of the residual at its frequencies, 0 to 1.
    """

    mirror_hz: float
    level_db: float
    gain_db: float
    coherence: float


def aliasing(pair: AlignedPair) -> Mirrored | None:
    """Return the strongest aliases (sound mirrored from above a frequency to below it); None if there are none.

    Only sound from 20 % above the frequency on is used, because the transition band of a normal filter is below that.
    """
    return strongest(_about_each(pair, downwards=True))


def images(pair: AlignedPair) -> tuple[Mirrored, ...]:
    """Return the images (sound mirrored from below a frequency to above it) about each frequency that can be measured.

    Where no images stand out, the level and the gain are -inf and the coherence is 0.
    """
    return _about_each(pair, downwards=False)


def strongest(found: Iterable[Mirrored]) -> Mirrored | None:
    """Return the mirrored sound with the highest level; None if none stands out."""
    return max((one for one in found if one.coherence > 0.0), key=lambda one: one.level_db, default=None)


def _about_each(pair: AlignedPair, *, downwards: bool) -> tuple[Mirrored, ...]:
    if not pair.active.any():
        return ()
    return tuple(
        one
        for mirror_hz in NYQUISTS_HZ
        if mirror_hz * _CLEAR_OF + 2.0 * _GROUP_HZ < pair.rate_hz / 2.0
        and (one := _mirrored(pair, mirror_hz, downwards=downwards)) is not None
    )


def _mirrored(pair: AlignedPair, mirror_hz: float, *, downwards: bool) -> Mirrored | None:  # noqa: PLR0911
    """Return the sound mirrored about one frequency; None if too little sounds there to tell."""
    around = round(2.0 * mirror_hz / pair.bin_hz)
    if abs(around * pair.bin_hz - 2.0 * mirror_hz) > 0.01 * pair.bin_hz:
        return None
    last = pair.spectra[0].shape[1] - 2
    clear = (_CLEAR_OF - 1.0) * mirror_hz
    lowest = round(_NEAREST_HZ / pair.bin_hz)
    high = np.arange(round((mirror_hz + clear) / pair.bin_hz), min(last, around - lowest) + 1)
    if high.size < 2 * round(_GROUP_HZ / pair.bin_hz):
        return None
    low = around - high
    source, image = (high, low) if downwards else (low, high)
    frames = _loud_frames(pair, source)
    speech_dbfs = pair.speech_dbfs
    if frames.size < LEAST_FRAMES or speech_dbfs is None:
        return None
    own = pair.spectra[0][np.ix_(frames, source)] * pair.smooth_gain[frames, None].astype(np.float32)
    left = pair.residual[np.ix_(frames, image)]
    speech = 10.0 ** (speech_dbfs / 10.0)
    whole = float(pair.active.sum())
    own_power = own.real**2 + own.imag**2
    if 10.0 * np.log10(max(float(own_power.sum()) / whole, _FLOOR) / speech) < _FAINTEST_SOURCE_DB:
        return None
    # From frame to frame the phase of the mirrored sound advances by that of twice the mirror frequency.
    turns = (2.0 * mirror_hz * pair.hop / pair.rate_hz * frames) % 1.0
    left_power = left.real**2 + left.imag**2
    group = max(4, round(_GROUP_HZ / pair.bin_hz))
    columns = np.arange(0, source.size, group)
    per = round(_BLOCK_S * pair.rate_hz / pair.hop)
    rows = np.flatnonzero(np.diff(np.concatenate(([-1], frames // per))))
    source_power = np.maximum(_tiles(own_power, rows, columns), _FLOOR)
    there = _tiles(left_power, rows, columns)
    turned = own * np.exp(2j * np.pi * turns).astype(np.complex64)[:, None]

    def shared_with(spectra: Complex, away: int = 0) -> float:
        beside = spectra[np.ix_(frames, np.clip(image + away, 0, last))]
        both = _tiles(turned * beside, rows, columns)
        return float(((both.real**2 + both.imag**2) / source_power).sum())

    nothing = Mirrored(mirror_hz, -np.inf, -np.inf, 0.0)
    shared = shared_with(pair.residual)
    if shared < _LEAST_COHERENCE * float(there.sum()):
        return nothing
    own_image = pair.spectra[0][np.ix_(frames, image)]
    if shared_with(pair.spectra[0]) > _OWN_IMAGES * float((own_image.real**2 + own_image.imag**2).sum()):
        return nothing
    chance = [shared_with(pair.residual, away) for away in _DECOY_BINS]
    if shared < _ABOVE_CHANCE * max(chance):
        return nothing
    power = shared - float(np.mean(chance))
    coherence = power / max(float(there.sum()), _FLOOR)
    if power <= 0.0 or coherence < _LEAST_COHERENCE:
        return nothing
    gain = 10.0 * np.log10(power / max(float(source_power.sum()), _FLOOR))
    level = 10.0 * np.log10(max(power / whole, _FLOOR) / speech)
    return Mirrored(mirror_hz, float(level), float(gain), float(coherence))


def _loud_frames(pair: AlignedPair, source: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the active frames that are loudest in the bins of `source`, up to 12 s of them, in order of time."""
    places = np.flatnonzero(pair.active)
    energy = pair.power[0][:, int(source.min()) : int(source.max()) + 1].sum(axis=1)[places]
    kept = min(places.size, _MOST_FRAMES)
    return np.sort(places[np.argsort(-energy, kind="stable")[:kept]])


def _tiles(values: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[Any]:
    """Return the sums over blocks of rows and groups of columns that begin at the given places."""
    return np.asarray(np.add.reduceat(np.add.reduceat(values, rows, axis=0), columns, axis=1))
