"""Which of the known prompts was heard: an acoustic match of log-mel pictures, aligned in time.

It knows recordings, not words: the same sentence from another mouth is a stranger to it. What arrives at a wrong
rate, with swapped bytes or buried in noise does not match, as a person would not understand it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from diag.emulator.hearing import EAR_RATE_HZ, Pcm
from diag.emulator.replies import Prompt

Picture = NDArray[np.float32]

WINDOW = 512
HOP = 160
BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 150.0, 7000.0
DYNAMIC_DB = 50.0
"""What lies this far below the loudest is background."""
LIVELY_DB = 6.0
"""A band whose level varies by less (standard deviation / 2) carries no speech: lost on a narrow line, or noise."""
LIVELY_SHARE = 0.4
MIN_OVERLAP = 0.8
"""Share of the utterance that must lie on the prompt."""
MIN_PART = 0.35
"""Share of the prompt that must have been said: a prompt with a pause comes as two turns."""
MATCH, MATCH_SHORT = 0.6, 0.8
"""Correlation from which a prompt counts as recognised: for stretches of `SURE_S` and longer, and for the shortest,
which find likenesses by chance. Speech of strangers stayed below 0.6 from 1 s on and reached 0.7 at 0.5 s."""
SURE_S = 1.5
AT_LEAST_S = 10.0
"""Utterances are looked at up to the longest prompt and this much silence."""


@dataclass(frozen=True, eq=False)
class _Known:
    prompt: Prompt
    picture: Picture


class Recogniser:
    """Compares utterances with the pictures of known prompts."""

    def __init__(self, prompts: tuple[Prompt, ...]) -> None:
        longest_s = max((len(prompt.pcm) / prompt.sample_rate_hz for prompt in prompts), default=0.0)
        self._too_long = round((AT_LEAST_S + longest_s / MIN_OVERLAP) * EAR_RATE_HZ)
        self._known = tuple(_Known(prompt, _speech_only(picture(_heard(prompt)))) for prompt in prompts)

    def recognise(self, utterance: Pcm) -> tuple[Prompt | None, float]:
        """The best prompt, if it is good enough, and its correlation in [-1, 1].

        Parameters
        ----------
        utterance : ndarray of int16
            At 16 kHz.
        """
        if len(utterance) > self._too_long:
            return None, 0.0  # no prompt fills so much of it, and looking would hold up other sessions
        heard = _speech_only(picture(utterance))
        if len(heard) < 10:
            return None, 0.0
        best, best_score, best_needed = None, 0.0, 1.0
        for known in self._known:
            score, overlap_s = _likeness(known.picture, heard)
            if score > best_score:
                best, best_score, best_needed = known.prompt, score, needed(overlap_s)
        return (best if best_score >= best_needed else None), best_score


def needed(overlap_s: float) -> float:
    """Correlation that a stretch of that length must reach."""
    return MATCH_SHORT - (MATCH_SHORT - MATCH) * min(overlap_s / SURE_S, 1.0)


def picture(pcm: Pcm) -> Picture:
    """Log-mel picture in dB, shape (windows, bands), 10 ms apart, floored `DYNAMIC_DB` below its loudest."""
    if len(pcm) < WINDOW:
        return np.zeros((0, BANDS), dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(pcm, WINDOW)[::HOP].astype(np.float32) * _TAPER
    power = np.square(np.abs(np.fft.rfft(windows, axis=1))).astype(np.float32)
    level_db = 10 * np.log10(power @ _MEL + 1.0)
    floored: Picture = np.maximum(level_db, level_db.max() - DYNAMIC_DB).astype(np.float32)
    return floored


def _likeness(known: Picture, heard: Picture) -> tuple[float, float]:
    """Best normalised correlation over all allowed shifts, and how many seconds lay on one another there.

    Only the bands that carry speech in what was heard are compared.
    """
    lively = heard.std(axis=0) * 2 > LIVELY_DB
    if lively.sum() < LIVELY_SHARE * BANDS:
        return 0.0, 0.0
    a = known[:, lively] - known[:, lively].mean(axis=0)
    b = heard[:, lively] - heard[:, lively].mean(axis=0)
    size = 1 << (len(a) + len(b)).bit_length()
    spectrum = np.fft.rfft(a, size, axis=0) * np.conj(np.fft.rfft(b, size, axis=0))
    products = np.fft.irfft(spectrum.sum(axis=1), size)
    shifts = np.arange(-len(b) + 1, len(a))
    first, last = np.maximum(shifts, 0), np.minimum(shifts + len(b), len(a))
    overlap = last - first
    energy_a = _running(a)
    energy_b = _running(b)
    energies = (energy_a[last] - energy_a[first]) * (energy_b[last - shifts] - energy_b[first - shifts])
    allowed = (overlap >= MIN_OVERLAP * len(b)) & (overlap >= MIN_PART * len(a)) & (energies > 0)
    if not allowed.any():
        return 0.0, 0.0
    likeness = products[shifts[allowed] % size] / np.sqrt(energies[allowed])
    best = int(np.argmax(likeness))
    return float(likeness[best]), float(overlap[allowed][best]) * HOP / EAR_RATE_HZ


def _running(values: Picture) -> NDArray[np.float64]:
    return np.concatenate(([0.0], np.cumsum(np.square(values, dtype=np.float64).sum(axis=1))))


def _speech_only(whole: Picture) -> Picture:
    """Without what comes before the first and after the last moment that stands out from the quieter end."""
    if len(whole) == 0:
        return whole
    loudness = whole.max(axis=1)
    background = min(np.median(loudness[:10]), np.median(loudness[-20:])) + 8.0
    peak = loudness.max()
    loud = np.flatnonzero(loudness > max(peak - 0.7 * DYNAMIC_DB, min(background, peak - 15.0)))
    return whole[loud[0] : loud[-1] + 1]


def _heard(prompt: Prompt) -> Pcm:
    resampled: Pcm = soxr.resample(prompt.pcm, prompt.sample_rate_hz, EAR_RATE_HZ, quality="HQ").astype(np.int16)
    return resampled


def _mel_filters() -> Picture:
    """Triangles of equal width in mel (O'Shaughnessy's formula), shape (bins, bands)."""
    edges_mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    bins_hz = np.fft.rfftfreq(WINDOW, 1 / EAR_RATE_HZ)[:, None]
    rising = (bins_hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)


def _mel(frequency_hz: float) -> float:
    return float(2595 * np.log10(1 + frequency_hz / 700))


_TAPER = np.hanning(WINDOW).astype(np.float32)
_MEL = _mel_filters()
