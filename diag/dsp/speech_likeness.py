"""Measure how much of a recording is speech, as opposed to music, tones or noise.

The pitch of speech glides, so its spectral lines move, unlike those of notes and tones. Speech alternates between
voice, hiss and pauses several times a second, unlike noise, applause and impulse responses.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from diag.core.messages import msg
from diag.dsp.spectrum import HOP_S, Spectrum

Features = NDArray[np.float64]

BLOCK_S, STEP_S = 2.0, 0.5
PIECE_S = 8.0
"""Of a long recording, only three pieces of this length are analysed."""
FINE_HZ = (200.0, 4000.0)
BAND_EDGES_HZ = (150, 250, 400, 600, 900, 1300, 1800, 2500, 3500, 5000, 7000)
LOW_HZ, HIGH_HZ = (200.0, 1000.0), (2500.0, 7000.0)
LAGS = (1, 2, 5, 10)
LEAST_FRAMES = 15
SPEECH_SHARE = 0.5
"""A recording is speech if at least this share of its time is speech."""
_RANGE_DB = 45.0
_SMOOTH_BINS = 15
_COMB_BINS = (4, 24)
"""Distances of the harmonics of 100 to 600 Hz."""
_FILE = "speech_likeness.json"


@dataclass(frozen=True)
class SpeechLikeness:
    """How much of a recording is speech.

    Parameters
    ----------
    share : float
        Share of the blocks of 2 s with sound that are speech, 0 to 1; 0 where nothing sounds.
    score : float
        Mean log odds of the blocks for speech.
    reason : str or None
        What it is instead, in words; None where it is speech.
    """

    share: float
    score: float
    reason: str | None

    @property
    def speech(self) -> bool:
        """Whether the recording is speech."""
        return self.reason is None


@dataclass(frozen=True)
class Classifier:
    """Mean of small nets with one hidden layer over standardised features of a block; positive is speech."""

    mean: Features
    spread: Features
    nets: Sequence[tuple[Features, Features, Features, float]]

    def log_odds(self, features: Features) -> Features:
        """Return the log odds for speech of features of shape (..., n)."""
        standard = np.clip((features - self.mean) / self.spread, -5.0, 5.0)
        votes = [np.tanh(standard @ hidden + offset) @ output + bias for hidden, offset, output, bias in self.nets]
        return np.asarray(np.mean(votes, axis=0))


@cache
def classifier() -> Classifier:
    """Return the classifier of the package, which `tools/train_speech_likeness.py` makes."""
    data = json.loads(resources.files("diag.dsp").joinpath(_FILE).read_text(encoding="utf-8"))
    nets = [(np.array(n["hidden"]), np.array(n["offset"]), np.array(n["output"]), n["bias"]) for n in data["nets"]]
    return Classifier(np.array(data["mean"]), np.array(data["spread"]), nets)


def speech_likeness(spectrum: Spectrum) -> SpeechLikeness:
    """Return how much of a recording is speech, at any playing speed from half to double.

    Parameters
    ----------
    spectrum : Spectrum
        Power of 40 ms windows every 20 ms.

    Returns
    -------
    SpeechLikeness
        With the reason where less than half of the time is speech.
    """
    features = np.concatenate([block_features(piece) for piece in _pieces(spectrum)])
    if features.shape[0] == 0:
        return SpeechLikeness(0.0, 0.0, msg("less than 0.3 s of sound"))
    odds = classifier().log_odds(features)
    share, score = float(np.mean(odds > 0.0)), float(np.mean(odds))
    if share >= SPEECH_SHARE and score > 0.0:
        return SpeechLikeness(share, score, None)
    return SpeechLikeness(share, score, _what_instead(features[odds <= 0.0]))


def _pieces(spectrum: Spectrum) -> list[Spectrum]:
    """Return the spectrum, or three pieces of 8 s spread over a long one."""
    width = round(PIECE_S / HOP_S)
    if spectrum.frames <= 3 * width:
        return [spectrum]
    sounding = np.flatnonzero(spectrum.active)
    first, last = (int(sounding[0]), int(sounding[-1])) if sounding.size else (0, spectrum.frames)
    starts = np.linspace(first, max(first, last - width), 3).astype(int)
    return [
        Spectrum(spectrum.power[start : start + width], spectrum.sample_rate_hz, spectrum.bin_hz) for start in starts
    ]


STEADY_LINES, NO_LINES = 0.35, 0.08
"""Correlation of the spectrum's lines over 100 ms: sustained notes keep theirs, noise has none that stay."""


def _what_instead(features: Features) -> str:
    steady = float(np.median(features[:, 2])) if features.size else 0.0
    if steady > STEADY_LINES:
        return msg("it does not move as speech does (sustained notes or tones)")
    if steady < NO_LINES:
        return msg("it does not move as speech does (noise)")
    return msg("it does not move as speech does (other sound)")


def block_features(spectrum: Spectrum) -> Features:
    """Return the features of each block of 2 s, every 0.5 s, that holds 0.3 s of sound; shape (blocks, 19)."""
    active = spectrum.active
    first, last = (round(hz / spectrum.bin_hz) for hz in FINE_HZ)
    last = min(last, spectrum.power.shape[1])
    if active.sum() < LEAST_FRAMES or last - first < 4 * _SMOOTH_BINS:
        return np.zeros((0, 19))
    frames = _frame_features(spectrum, first, last)
    width, step = round(BLOCK_S / HOP_S), round(STEP_S / HOP_S)
    starts = range(0, max(1, spectrum.frames - width + step), step)
    blocks = [
        frames.summed(start, min(start + width, spectrum.frames))
        for start in starts
        if active[start : start + width].sum() >= LEAST_FRAMES
    ]
    return np.array(blocks).reshape(-1, 19)


@dataclass(frozen=True, eq=False)
class _Frames:
    """What is known of each window; arrays of shape (frames,), `alike` (lags, frames), `bands` (frames, bands)."""

    active: NDArray[np.bool_]
    level_db: Features
    alike: Features
    bands_db: Features
    low_db: Features
    high_db: Features
    centroid: Features
    flat_db: Features
    comb: Features
    fine: NDArray[np.float32]

    def summed(self, first: int, last: int) -> Features:
        """Return the features of the block of some windows."""
        on = self.active[first:last]
        level = self.level_db[first:last]
        change = np.diff(level)
        steps = np.abs(np.diff(self.bands_db[first:last], axis=0)).mean(axis=1)
        wide = np.abs(self.bands_db[first + 5 : last] - self.bands_db[first : last - 5]).mean(axis=1)
        lines = self.fine[first:last][on]
        alike = [self.alike[place, first:last][on].mean() for place in range(len(LAGS))]
        return np.array(
            [
                *alike,
                level.std(),
                np.abs(change).mean() if change.size else 0.0,
                steps[on[1:]].mean() if on[1:].any() else 0.0,
                wide[on[5:]].mean() if on[5:].any() else 0.0,
                self.bands_db[first:last].std(axis=0).mean(),
                self.centroid[first:last][on].std(),
                self.centroid[first:last][on].mean(),
                _likeness(self.low_db[first:last], self.high_db[first:last]),
                self.flat_db[first:last][on].mean(),
                self.flat_db[first:last][on].std(),
                on.mean(),
                self.comb[first:last][on].mean(),
                self.comb[first:last][on].std(),
                np.mean(change**3) / (np.mean(change**2) ** 1.5 + 1e-3) if change.size else 0.0,
                np.percentile(lines, 15, axis=0).max(),
            ]
        )


def _frame_features(spectrum: Spectrum, first: int, last: int) -> _Frames:
    power = spectrum.power
    top = float(np.percentile(power.sum(axis=1, dtype=np.float64), 95))
    floor = top * 10.0 ** (-_RANGE_DB / 10.0)
    per_bin = np.float32(floor / (last - first))
    level = np.asarray(10.0 * np.log10(np.maximum(power[:, first:last], per_bin)), dtype=np.float32)
    fine = _less_its_shape(level)
    scale = np.sqrt((fine * fine).sum(axis=1)) + 1e-6
    alike = np.zeros((len(LAGS), spectrum.frames))
    for place, lag in enumerate(LAGS):
        if spectrum.frames > lag:
            dot = (fine[lag:] * fine[:-lag]).sum(axis=1) / (scale[lag:] * scale[:-lag])
            alike[place, :-lag] = dot
    bands = np.stack([_band(spectrum, low, high) for low, high in itertools.pairwise(BAND_EDGES_HZ)], axis=1)
    whole = bands.sum(axis=1)
    centres = np.log2(np.sqrt(np.array(BAND_EDGES_HZ[1:]) * np.array(BAND_EDGES_HZ[:-1])))
    mean_power = np.maximum(power[:, first:last], per_bin)
    flat_db = level.mean(axis=1) - 10.0 * np.log10(mean_power.mean(axis=1))
    transform = np.fft.rfft(fine, 2 * fine.shape[1], axis=1)
    comb = np.fft.irfft(transform.real**2 + transform.imag**2, axis=1)
    comb = comb[:, _COMB_BINS[0] : _COMB_BINS[1]].max(axis=1) / (comb[:, 0] + 1e-6)
    return _Frames(
        active=spectrum.active,
        level_db=_decibels(whole, floor),
        alike=alike,
        bands_db=_decibels(bands, floor / len(centres)),
        low_db=_decibels(_band(spectrum, *LOW_HZ), floor / 4),
        high_db=_decibels(_band(spectrum, *HIGH_HZ), floor / 4),
        centroid=(bands @ centres) / np.maximum(whole, 1e-20),
        flat_db=np.asarray(flat_db, dtype=np.float64),
        comb=np.asarray(comb, dtype=np.float64),
        fine=fine,
    )


def _band(spectrum: Spectrum, low_hz: float, high_hz: float) -> Features:
    return spectrum.band_power(low_hz, high_hz)


def _decibels(power: Features, floor: float) -> Features:
    return np.asarray(10.0 * np.log10(np.maximum(power, max(floor, 1e-20))))


def _less_its_shape(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return levels less the moving mean over 15 bins: the lines without the envelope."""
    half = _SMOOTH_BINS // 2
    padded = np.pad(level, ((0, 0), (half + 1, half)), mode="edge")
    sums = np.cumsum(padded, axis=1, dtype=np.float64)
    return np.asarray(level - (sums[:, _SMOOTH_BINS:] - sums[:, :-_SMOOTH_BINS]) / _SMOOTH_BINS, dtype=np.float32)


def _likeness(one: Features, other: Features) -> float:
    """Return the correlation of two curves; 0 if one of them is constant."""
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 1e-6 else 0.0
