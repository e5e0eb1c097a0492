"""Recognition of known prompts by correlating log-mel spectrograms, aligned in time.

It recognises recordings, not words: the same sentence from another speaker does not match. Audio at a wrong rate, with
swapped bytes or with a lot of noise does not match either, just as a real service would not understand it.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from diag.core.units import LIVE_INPUT_RATE_HZ
from diag.emulator.hearing import Pcm
from diag.emulator.replies import Prompt

Picture = NDArray[np.float32]

WINDOW = 512
HOP = 320
AT_ONCE = 32
"""Windows that are transformed together: few enough that the allocator reuses the same memory."""
BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 150.0, 7000.0
DYNAMIC_DB = 50.0
"""Levels are floored this far below the loudest one; what lies lower is background."""
LIVELY_DB = 6.0
"""A band in which twice the standard deviation of the level is below this carries no speech: it is cut off or noise."""
LIVELY_SHARE = 0.4
"""Share of the bands that must carry speech."""
MIN_WINDOWS = 8
"""Least length of an utterance, in hops."""
MIN_OVERLAP = 0.8
"""Share of the utterance that must overlap with the prompt."""
MIN_PART = 0.35
"""Share of the prompt that the utterance must cover; it is low because a prompt with a pause arrives as two turns."""
MATCH, MATCH_SHORT = 0.6, 0.8
"""Least correlation of a recognised prompt: `MATCH` for an overlap of `SURE_S` or longer, rising to `MATCH_SHORT` for
the shortest, which correlate by chance. Speech of other speakers stayed below 0.6 from 1 s on and reached 0.7 at
0.5 s."""
SURE_S = 1.5
AT_LEAST_S = 10.0
"""Utterances longer than the longest prompt (divided by `MIN_OVERLAP`) by more than this are not compared."""


class _Known:
    """Log-mel spectrogram of a prompt, with the values needed for comparing, computed once."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        shown = _speech_only(picture(_heard(prompt)))
        self.windows = len(shown)
        self._centred = shown - shown.mean(axis=0) if len(shown) else shown
        self.energy = _running(self._centred)
        self._spectra: dict[int, NDArray[np.complex64]] = {}

    def spectrum(self, size: int) -> NDArray[np.complex64]:
        """Return the Fourier transform along time, shape (size / 2 + 1, bands)."""
        if size not in self._spectra:
            self._spectra[size] = np.fft.rfft(self._centred, size, axis=0).astype(np.complex64)
        return self._spectra[size]


class _Heard:
    """Log-mel spectrogram of an utterance, with the values needed for comparing, the same for every prompt."""

    def __init__(self, centred: Picture, lively: NDArray[np.bool_]) -> None:
        self.windows = len(centred)
        self.lively = lively
        self.energy = _running(centred).sum(axis=1)
        self._centred = centred
        self._spectra: dict[int, NDArray[np.complex64]] = {}

    def spectrum(self, size: int) -> NDArray[np.complex64]:
        """Return the conjugate of the Fourier transform along time, shape (size / 2 + 1, bands)."""
        if size not in self._spectra:
            self._spectra[size] = np.conj(np.fft.rfft(self._centred, size, axis=0)).astype(np.complex64)
        return self._spectra[size]


class Recogniser:
    """Compare utterances with known prompts."""

    def __init__(self, prompts: tuple[Prompt, ...]) -> None:
        longest_s = max((len(prompt.pcm) / prompt.sample_rate_hz for prompt in prompts), default=0.0)
        self._too_long = round((AT_LEAST_S + longest_s / MIN_OVERLAP) * LIVE_INPUT_RATE_HZ)
        self._known = tuple(_Known(prompt) for prompt in prompts)

    def recognise(self, utterance: Pcm) -> tuple[Prompt | None, float]:
        """Return the prompt that matches best (None if none matches well enough) and its correlation, 0 to 1.

        Parameters
        ----------
        utterance : ndarray of int16, shape (n,)
            At 16 kHz.
        """
        if len(utterance) > self._too_long:
            return None, 0.0  # no prompt can overlap enough of it, and comparing would delay other sessions
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
    """Return the least correlation for an overlap of this length."""
    return MATCH_SHORT - (MATCH_SHORT - MATCH) * min(overlap_s / SURE_S, 1.0)


def picture(pcm: Pcm) -> Picture:
    """Return the log-mel spectrogram in dB, shape (windows, bands), hop 20 ms, floored `DYNAMIC_DB` below its maximum.

    Parameters
    ----------
    pcm : ndarray of int16, shape (n,)
        At 16 kHz.
    """
    if len(pcm) < WINDOW:
        return np.zeros((0, BANDS), dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(pcm, WINDOW)[::HOP]
    power = np.concatenate([_band_power(windows[start : start + AT_ONCE]) for start in range(0, len(windows), AT_ONCE)])
    level_db = 10 * np.log10(power + 1.0)
    floored: Picture = np.maximum(level_db, level_db.max() - DYNAMIC_DB).astype(np.float32)
    return floored


def _band_power(windows: Pcm) -> Picture:
    power = np.square(np.abs(np.fft.rfft(windows.astype(np.float32) * _TAPER, axis=1))).astype(np.float32)
    # Sums over bands, not a matrix product: the threads of a linear algebra library would delay the event loop.
    summed: Picture = np.add.reduceat(power, _EDGES, axis=1)[:, :BANDS]
    return summed


def _likeness(known: _Known, heard: _Heard) -> tuple[float, float]:
    """Return the best normalised correlation over all allowed shifts, and the overlap there in seconds.

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
    return float(likeness[best]), float(overlap[allowed][best]) * HOP / LIVE_INPUT_RATE_HZ


def _running(values: Picture) -> NDArray[np.float64]:
    """Return the cumulative energy before each window, shape (windows + 1, bands)."""
    sums = np.cumsum(np.square(values, dtype=np.float64), axis=0)
    return np.concatenate((np.zeros((1, values.shape[1])), sums))


def _speech_only(whole: Picture) -> Picture:
    """Return the spectrogram from the first to the last window that is louder than the background.

    The background is the level at the quieter end of the recording.
    """
    if len(whole) == 0:
        return whole
    loudness = whole.max(axis=1)
    background = min(np.median(loudness[:5]), np.median(loudness[-10:])) + 8.0
    peak = loudness.max()
    loud = np.flatnonzero(loudness > max(peak - 0.7 * DYNAMIC_DB, min(background, peak - 15.0)))
    return whole[loud[0] : loud[-1] + 1]


def _heard(prompt: Prompt) -> Pcm:
    resampled: Pcm = soxr.resample(prompt.pcm, prompt.sample_rate_hz, LIVE_INPUT_RATE_HZ, quality="HQ").astype(np.int16)
    return resampled


def _band_edges() -> NDArray[np.intp]:
    """Return the first bin of each band and the bin after the last; bands of equal width in mel.

    Mel scale: O'Shaughnessy, 2595 * log10(1 + f / 700).
    """
    lowest, highest = (2595 * np.log10(1 + edge_hz / 700) for edge_hz in (LOWEST_HZ, HIGHEST_HZ))
    edges_hz = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 1) / 2595) - 1)
    bins = np.rint(edges_hz * WINDOW / LIVE_INPUT_RATE_HZ).astype(np.intp)
    # The lowest bands are narrower than one bin, so each of them gets one bin.
    return np.maximum.accumulate(np.maximum(bins, bins[0] + np.arange(BANDS + 1)))


_TAPER = np.hanning(WINDOW).astype(np.float32)
_EDGES = _band_edges()
