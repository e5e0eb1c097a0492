"""Which of the known prompts was heard: an acoustic match of log-mel pictures, aligned in time.

It knows recordings, not words: the same sentence from another mouth is a stranger to it. What arrives at a wrong
rate, with swapped bytes or buried in noise does not match, as a person would not understand it.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from diag.emulator.hearing import EAR_RATE_HZ, Pcm
from diag.emulator.replies import Prompt

Picture = NDArray[np.float32]

WINDOW = 512
HOP = 320
AT_ONCE = 32
"""Windows: so few that their memory is had again and again, where new pages would take longer than the sums."""
BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 150.0, 7000.0
DYNAMIC_DB = 50.0
"""What lies this far below the loudest is background."""
LIVELY_DB = 6.0
"""A band whose level varies by less (standard deviation / 2) carries no speech: lost on a narrow line, or noise."""
LIVELY_SHARE = 0.4
MIN_WINDOWS = 8
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


class _Known:
    """A prompt's picture with what comparing needs, worked out once."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        shown = _speech_only(picture(_heard(prompt)))
        self.windows = len(shown)
        self._centred = shown - shown.mean(axis=0) if len(shown) else shown
        self.energy = _running(self._centred)
        self._spectra: dict[int, NDArray[np.complex64]] = {}

    def spectrum(self, size: int) -> NDArray[np.complex64]:
        """Along time, shape (size / 2 + 1, bands)."""
        if size not in self._spectra:
            self._spectra[size] = np.fft.rfft(self._centred, size, axis=0).astype(np.complex64)
        return self._spectra[size]


class _Heard:
    """What was heard, with what comparing needs: the same for every prompt."""

    def __init__(self, centred: Picture, lively: NDArray[np.bool_]) -> None:
        self.windows = len(centred)
        self.lively = lively
        self.energy = _running(centred).sum(axis=1)
        self._centred = centred
        self._spectra: dict[int, NDArray[np.complex64]] = {}

    def spectrum(self, size: int) -> NDArray[np.complex64]:
        """Conjugate along time, shape (size / 2 + 1, bands)."""
        if size not in self._spectra:
            self._spectra[size] = np.conj(np.fft.rfft(self._centred, size, axis=0)).astype(np.complex64)
        return self._spectra[size]


class Recogniser:
    """Compares utterances with the pictures of known prompts."""

    def __init__(self, prompts: tuple[Prompt, ...]) -> None:
        longest_s = max((len(prompt.pcm) / prompt.sample_rate_hz for prompt in prompts), default=0.0)
        self._too_long = round((AT_LEAST_S + longest_s / MIN_OVERLAP) * EAR_RATE_HZ)
        self._known = tuple(_Known(prompt) for prompt in prompts)

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
        lively = heard.std(axis=0) * 2 > LIVELY_DB if len(heard) else np.zeros(BANDS, dtype=bool)
        if len(heard) < MIN_WINDOWS or lively.sum() < LIVELY_SHARE * BANDS:
            return None, 0.0
        best, best_score, best_needed = None, 0.0, 1.0
        centred = np.where(lively, heard - heard.mean(axis=0), 0.0).astype(np.float32)
        shown = _Heard(centred, lively)
        for known in self._known:
            score, overlap_s = _likeness(known, shown)
            if score > best_score:
                best, best_score, best_needed = known.prompt, score, needed(overlap_s)
        return (best if best_score >= best_needed else None), best_score


def needed(overlap_s: float) -> float:
    """Correlation that a stretch of that length must reach."""
    return MATCH_SHORT - (MATCH_SHORT - MATCH) * min(overlap_s / SURE_S, 1.0)


def picture(pcm: Pcm) -> Picture:
    """Log-mel picture in dB, shape (windows, bands), 20 ms apart, floored `DYNAMIC_DB` below its loudest."""
    if len(pcm) < WINDOW:
        return np.zeros((0, BANDS), dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(pcm, WINDOW)[::HOP]
    power = np.concatenate([_band_power(windows[start : start + AT_ONCE]) for start in range(0, len(windows), AT_ONCE)])
    level_db = 10 * np.log10(power + 1.0)
    floored: Picture = np.maximum(level_db, level_db.max() - DYNAMIC_DB).astype(np.float32)
    return floored


def _band_power(windows: Pcm) -> Picture:
    power = np.square(np.abs(np.fft.rfft(windows.astype(np.float32) * _TAPER, axis=1))).astype(np.float32)
    # Sums over bands, not a product of matrices: the threads of a linear algebra library would fight the event loop.
    summed: Picture = np.add.reduceat(power, _EDGES, axis=1)[:, :BANDS]
    return summed


def _likeness(known: _Known, heard: _Heard) -> tuple[float, float]:
    """Best normalised correlation over all allowed shifts, and how many seconds lay on one another there.

    Only the bands that carry speech in what was heard are compared.
    """
    size = 1 << (known.windows + heard.windows).bit_length()
    correlation = np.fft.irfft((known.spectrum(size) * heard.spectrum(size)).sum(axis=1), size)
    shifts = np.arange(-heard.windows + 1, known.windows)
    first, last = np.maximum(shifts, 0), np.minimum(shifts + heard.windows, known.windows)
    overlap = last - first
    energy_known = known.energy[:, heard.lively].sum(axis=1)
    energies = (energy_known[last] - energy_known[first]) * (heard.energy[last - shifts] - heard.energy[first - shifts])
    allowed = (overlap >= MIN_OVERLAP * heard.windows) & (overlap >= MIN_PART * known.windows) & (energies > 0)
    if not allowed.any():
        return 0.0, 0.0
    likeness = correlation[shifts[allowed] % size] / np.sqrt(energies[allowed])
    best = int(np.argmax(likeness))
    return float(likeness[best]), float(overlap[allowed][best]) * HOP / EAR_RATE_HZ


def _running(values: Picture) -> NDArray[np.float64]:
    """Energy up to each window, shape (windows + 1, bands)."""
    sums = np.cumsum(np.square(values, dtype=np.float64), axis=0)
    return np.concatenate((np.zeros((1, values.shape[1])), sums))


def _speech_only(whole: Picture) -> Picture:
    """Without what comes before the first and after the last moment that stands out from the quieter end."""
    if len(whole) == 0:
        return whole
    loudness = whole.max(axis=1)
    background = min(np.median(loudness[:5]), np.median(loudness[-10:])) + 8.0
    peak = loudness.max()
    loud = np.flatnonzero(loudness > max(peak - 0.7 * DYNAMIC_DB, min(background, peak - 15.0)))
    return whole[loud[0] : loud[-1] + 1]


def _heard(prompt: Prompt) -> Pcm:
    resampled: Pcm = soxr.resample(prompt.pcm, prompt.sample_rate_hz, EAR_RATE_HZ, quality="HQ").astype(np.int16)
    return resampled


def _band_edges() -> NDArray[np.intp]:
    """First bin of each band, and the bin after the last: equal widths in mel (O'Shaughnessy's formula)."""
    lowest, highest = (2595 * np.log10(1 + edge_hz / 700) for edge_hz in (LOWEST_HZ, HIGHEST_HZ))
    edges_hz = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 1) / 2595) - 1)
    bins = np.rint(edges_hz * WINDOW / EAR_RATE_HZ).astype(np.intp)
    # Low bands are narrower than a bin: each gets one of its own.
    return np.maximum.accumulate(np.maximum(bins, bins[0] + np.arange(BANDS + 1)))


_TAPER = np.hanning(WINDOW).astype(np.float32)
_EDGES = _band_edges()
