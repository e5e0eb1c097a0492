"""What a voice sounds like when it is well, from other recordings of it: a small portable profile.

With a profile, a recording without its own input can still be asked whether it is dull, fast or slow for that voice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp.align import parabola_peak
from diag.dsp.dullness import BANDS_HZ, NYQUIST_SHARE, TrebleLoss
from diag.dsp.spectrum import HOP_S, Sound, Spectrum

PROFILE_VERSION = 1
LEAST_SPEED_S = 4.0
"""Less speech than this says too little: at 1 s, the speed was off by 13 % (p95), at 4 s by 4 %."""
LEAST_TREBLE_S = 2.0
WELL_WITHIN = 0.12
"""A speed further off than this shifts the bands against each other, so that their levels say nothing of treble."""
FRAMES_KEPT = 700
NEIGHBOURS = 12
POINTS_PER_OCTAVE = 48
REACH_OCTAVES = 1.25
LEAST_FIT = 0.6
_LOW_EDGES_HZ = tuple(float(hz) for hz in np.geomspace(200.0, 3000.0, 13))
_ARRAYS = ("ltas_db", "frames", "treble_db", "bias_db")
_LTAS_LOW_HZ, _LTAS_HIGH_HZ = 100.0, 10000.0
_LEVEL_WEIGHT = 0.5


@dataclass(frozen=True, eq=False)
class VoiceProfile:
    """A voice.

    Parameters
    ----------
    name : str
        Whose voice.
    duration_s : float
        Sound that it was made from.
    top_hz : float
        Frequency up to which all recordings reach.
    ltas_db : ndarray, shape (points,)
        Long-term level on 48 points an octave from 100 Hz, smoothed over a third of an octave.
    frames : ndarray, shape (frames, 13)
        What is known of single windows: 12 bands from 0.2 to 3 kHz less their mean, and the window's level.
    treble_db : ndarray, shape (frames, 4)
        Level of the treble bands of the same windows, less the mean of the 12 bands.
    bias_db : ndarray, shape (4,)
        Treble that each of the profile's own recordings seems to miss against the others, on average.
    """

    name: str
    duration_s: float
    top_hz: float
    ltas_db: NDArray[np.float64]
    frames: NDArray[np.float64]
    treble_db: NDArray[np.float64]
    bias_db: NDArray[np.float64]

    def to_json(self) -> str:
        """The profile as text, below 120 kB."""
        document: dict[str, Any] = {
            "voice_profile": PROFILE_VERSION,
            "name": self.name,
            "duration_s": round(self.duration_s, 2),
            "top_hz": self.top_hz,
        }
        for key in _ARRAYS:
            document[key] = np.round(getattr(self, key), 1).tolist()
        return json.dumps(document, separators=(",", ":"))


def profile_from_json(text: str) -> VoiceProfile:
    """Read a profile.

    Raises
    ------
    ValueError
        If the text is no profile, or one of a newer version.
    """
    try:
        document = json.loads(text)
        version = document["voice_profile"]
        if version > PROFILE_VERSION:
            raise ValueError(f"a voice profile of version {version}; this program reads up to {PROFILE_VERSION}")
        arrays = {key: np.array(document[key], dtype=np.float64) for key in _ARRAYS}
        return VoiceProfile(str(document["name"]), float(document["duration_s"]), float(document["top_hz"]), **arrays)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no voice profile: {error}") from None


def make_profile(name: str, sounds: Sequence[Sound]) -> VoiceProfile | None:
    """A profile from recordings of one voice; None where they hold less than 4 s of sound."""
    spectra = [sound.spectrum for sound in sounds if sound.spectrum.active.any()]
    duration_s = float(sum(spectrum.active.sum() for spectrum in spectra)) * HOP_S
    if duration_s < LEAST_SPEED_S:
        return None
    features = [_features(spectrum) for spectrum in spectra]
    frames = np.concatenate([pair[0] for pair in features])
    treble = np.concatenate([pair[1] for pair in features])
    picked = np.unique(np.linspace(0, frames.shape[0] - 1, min(FRAMES_KEPT, frames.shape[0])).astype(int))
    weights = [float(spectrum.active.sum()) for spectrum in spectra]
    ltas = np.average([_smooth_ltas(spectrum) for spectrum in spectra], axis=0, weights=weights)
    top = min(spectrum.nyquist_hz for spectrum in spectra)
    bias = _own_bias_db(features if len(features) > 1 else _halves(*features[0]))
    return VoiceProfile(name, duration_s, top, np.asarray(ltas), frames[picked], treble[picked], bias)


_Features = tuple[NDArray[np.float64], NDArray[np.float64]]


def _halves(frames: NDArray[np.float64], treble: NDArray[np.float64]) -> list[_Features]:
    middle = frames.shape[0] // 2
    return [(frames[:middle], treble[:middle]), (frames[middle:], treble[middle:])]


def _own_bias_db(features: list[_Features]) -> NDArray[np.float64]:
    """Mean over the recordings of what each misses against all others."""
    missing = []
    for index, (frames, treble) in enumerate(features):
        others = [pair for place, pair in enumerate(features) if place != index]
        known, treble_known = (np.concatenate([pair[side] for pair in others]) for side in (0, 1))
        missing.append(_missing_db(known, treble_known, frames, treble))
    return np.asarray(np.mean(missing, axis=0))


def _missing_db(
    known: NDArray[np.float64], treble_known: NDArray[np.float64], frames: NDArray[np.float64],
    treble: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Mean, per band, of the treble of the most similar known windows less that of these windows; shape (4,)."""
    scale = np.ones(frames.shape[1])
    scale[-1] = _LEVEL_WEIGHT
    a, b = frames * scale, known * scale
    distance = (a**2).sum(axis=1)[:, None] - 2 * a @ b.T + (b**2).sum(axis=1)[None, :]
    count = min(NEIGHBOURS, b.shape[0])
    nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
    return np.asarray((treble_known[nearest].mean(axis=1) - treble).mean(axis=0))


def treble_against_profile(profile: VoiceProfile, sound: Sound) -> TrebleLoss | None:
    """Treble that a recording lacks for its voice, by band; None where it holds less than 2 s of sound.

    Each window is compared with the windows of the profile that sound most alike below 3 kHz, so that a sentence
    without an s is not taken for a dull one.
    """
    spectrum = sound.spectrum
    if spectrum.active.sum() * HOP_S < LEAST_TREBLE_S:
        return None
    missing = _missing_db(profile.frames, profile.treble_db, *_features(spectrum)) - profile.bias_db
    limit = NYQUIST_SHARE * min(spectrum.nyquist_hz, profile.top_hz)
    return TrebleLoss(tuple(float(missing[band]) if high <= limit else None for band, (_, high) in enumerate(BANDS_HZ)))


@dataclass(frozen=True)
class ProfileSpeed:
    """Speed of a recording against its voice, and how well the spectra fit at it (correlation)."""

    ratio: float
    fit: float


def speed_against_profile(profile: VoiceProfile, sound: Sound) -> ProfileSpeed | None:
    """Shift of the long-term spectrum against the profile's on a logarithmic axis; None for less than 4 s of sound."""
    if sound.spectrum.active.sum() * HOP_S < LEAST_SPEED_S:
        return None
    a, b = profile.ltas_db, _smooth_ltas(sound.spectrum)
    reach = round(REACH_OCTAVES * POINTS_PER_OCTAVE)
    valid_a = _points_below(profile.top_hz)
    valid_b = _points_below(sound.spectrum.nyquist_hz)
    fits = np.full(2 * reach + 1, -1.0)
    for index, shift in enumerate(range(-reach, reach + 1)):
        first, last = max(0, -shift), min(valid_a, valid_b - shift)
        if last - first < 2.5 * POINTS_PER_OCTAVE:
            continue
        x, y = a[first:last], b[first + shift : last + shift]
        x, y = x - x.mean(), y - y.mean()
        fits[index] = float(x @ y) / max(float(np.sqrt((x @ x) * (y @ y))), 1e-9)
    place = parabola_peak(fits, int(np.argmax(fits)))
    return ProfileSpeed(float(2.0 ** ((place - reach) / POINTS_PER_OCTAVE)), float(fits.max()))


def _points_below(nyquist_hz: float) -> int:
    top = min(0.93 * nyquist_hz, _LTAS_HIGH_HZ)
    return int(np.log2(top / _LTAS_LOW_HZ) * POINTS_PER_OCTAVE)


def _smooth_ltas(spectrum: Spectrum) -> NDArray[np.float64]:
    """Level in dB on the logarithmic axis, each point the mean power of the third of an octave around it."""
    points = int(np.log2(_LTAS_HIGH_HZ / _LTAS_LOW_HZ) * POINTS_PER_OCTAVE)
    centres = _LTAS_LOW_HZ * 2.0 ** (np.arange(points) / POINTS_PER_OCTAVE)
    sums = np.concatenate(([0.0], np.cumsum(spectrum.ltas)))
    edges = np.arange(sums.size) * spectrum.bin_hz - spectrum.bin_hz / 2
    low, high = centres * 2 ** (-1 / 6), centres * 2 ** (1 / 6)
    power = (np.interp(high, edges, sums) - np.interp(low, edges, sums)) / (high - low)
    return np.asarray(10.0 * np.log10(np.maximum(power, 1e-14 * max(float(power.max()), 1e-30))))


def _features(spectrum: Spectrum) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(windows, 13) of what lies below 3 kHz and (windows, 4) of the treble, for the active windows."""
    active = spectrum.active
    bands = [spectrum.band_power(low, high)[active] for low, high in pairwise(_LOW_EDGES_HZ)]
    floor = 1e-9 * max(float(spectrum.ltas.sum()), 1e-20)
    low_db = 10.0 * np.log10(np.maximum(np.stack(bands, axis=1), floor))
    middle = low_db.mean(axis=1, keepdims=True)
    level = spectrum.frame_level_dbfs[active]
    level = level - 10.0 * np.log10(np.mean(10.0 ** (level / 10.0)))
    treble = [
        10.0 * np.log10(np.maximum(spectrum.band_power(low, min(high, spectrum.nyquist_hz))[active], floor))
        if low < spectrum.nyquist_hz
        else np.full(int(active.sum()), -90.0)
        for low, high in BANDS_HZ
    ]
    return np.concatenate((low_db - middle, level[:, None]), axis=1), np.stack(treble, axis=1) - middle


def _low_bands_db(spectrum: Spectrum) -> tuple[NDArray[np.float64], float]:
    """Level of the 12 bands below 3 kHz in the active windows, and the power that counts as nothing."""
    floor = 1e-9 * max(float(spectrum.ltas.sum()), 1e-20)
    bands = [spectrum.band_power(low, high)[spectrum.active] for low, high in pairwise(_LOW_EDGES_HZ)]
    return np.asarray(10.0 * np.log10(np.maximum(np.stack(bands, axis=1), floor))), floor
