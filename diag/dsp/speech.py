"""Find where sound and speech begin and end in a clip.

There are two onsets: the first *audible* sample (a breath or a click counts) and the first sample of *speech*.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.arrays import Array
from diag.dsp.level import decibels, frame_rms
from diag.dsp.resample import rescale
from diag.dsp.runs import runs_of
from diag.dsp.spectrum import INAUDIBLE_DBFS

FRAME_S, LEVEL_FRAME_S = 0.005, 0.010
AUDIBLE_BELOW_ACTIVE_DB = 45.0
"""Sound this far below the active level is at the edge of hearing in a quiet room (-45 dB re RMS)."""
AUDIBLE_FLOOR_DBFS = -80.0
ABOVE_NOISE_DB = 10.0
NOISE_CAP_DB = 20.0
"""A threshold is always at least this far below the active level, even in noise, so that quiet speech is above it."""
SPEECH_BELOW_ACTIVE_DB = 35.0
VOICED_CORRELATION = 0.55
VOICED_WINDOW_S, VOICED_STEP_S = 0.040, 0.010
VOICED_WINDOWS = 4
"""Number of consecutive voiced windows (70 ms) that count as a voice."""
BEFORE_VOICE_S = 0.170
"""Longest time from the start of speech to the end of the first voiced window: 130 ms plus that window."""
CONSONANT_GAP_S = 0.020
_VOICE_RATE_HZ = 8000


def active_level_dbfs(samples: Array, sample_rate_hz: float) -> float | None:
    """Return the RMS level in dBFS of the 10 ms frames within 25 dB of the loud ones; None for silence."""
    return _active(_levels(samples, sample_rate_hz, LEVEL_FRAME_S))


def active_and_noise_dbfs(samples: Array, sample_rate_hz: float) -> tuple[float, float] | None:
    """Return the active level, and that of the quietest 10 ms frames (3rd percentile), in dBFS; None for silence."""
    levels = _levels(samples, sample_rate_hz, LEVEL_FRAME_S)
    active = _active(levels)
    return None if active is None else (active, float(np.percentile(levels, 3)))


def _active(levels: NDArray[np.float64]) -> float | None:
    if levels.size == 0 or levels.max() < INAUDIBLE_DBFS:
        return None
    loud = float(np.percentile(levels[levels > levels.max() - 40.0], 95))
    return float(10.0 * np.log10(np.mean(10.0 ** (levels[levels > loud - 25.0] / 10.0))))


def audible_threshold_dbfs(samples: Array, sample_rate_hz: float) -> float | None:
    """Return the level in dBFS above which 5 ms of sound in this clip are audible; None if the clip is silent.

    It is 45 dB below the active level, but at least 10 dB above the noise floor, at least -80 dBFS (above 16-bit
    dither), and never less than 20 dB below the active level.
    """
    levels = active_and_noise_dbfs(samples, sample_rate_hz)
    if levels is None:
        return None
    active, noise = levels[0], levels[1] + ABOVE_NOISE_DB
    return max(min(max(active - AUDIBLE_BELOW_ACTIVE_DB, noise), active - NOISE_CAP_DB), AUDIBLE_FLOOR_DBFS)


def first_audible_frame(samples: Array, sample_rate_hz: float) -> int | None:
    """Return the first audible sample; None when the clip is silent.

    It is the first sample whose magnitude reaches the audible threshold in the first 5 ms frame whose RMS does.
    Breath and clicks count, because a listener hears them.
    """
    threshold = audible_threshold_dbfs(samples, sample_rate_hz)
    return None if threshold is None else _first_above(samples, sample_rate_hz, threshold)


def speech_span(samples: Array, sample_rate_hz: float) -> tuple[int, int] | None:
    """Return the first sample of speech and one past the last, for a clip of speech with a quiet background.

    Frames count if they are above -35 dB relative to the active level, and 10 dB above the noise. Bursts shorter than
    25 ms that are more than 200 ms away from the rest are clicks and do not count. None if the clip is silent.
    """
    levels = active_and_noise_dbfs(samples, sample_rate_hz)
    if levels is None:
        return None
    active, noise = levels[0], levels[1] + ABOVE_NOISE_DB
    threshold = min(max(active - SPEECH_BELOW_ACTIVE_DB, noise), active - NOISE_CAP_DB)
    loud = _levels(samples, sample_rate_hz, FRAME_S) >= threshold
    runs = _without_clicks(runs_of(loud).tolist())
    if not runs:
        return None
    width = _width(samples, sample_rate_hz)
    first = runs[0][0] * width
    last = min(runs[-1][1] * width, samples.size)
    start = first + _first_above(samples[first:last], sample_rate_hz, threshold)
    end = last - _first_above(samples[first:last][::-1], sample_rate_hz, threshold)
    return start, end


def first_speech_frame(samples: Array, sample_rate_hz: float) -> int | None:
    """Return the first sample of speech in a reply that may begin with breath and clicks; None where no voice is found.

    First, four consecutive voiced windows (70 ms) are searched: 40 ms windows every 10 ms with a normalised
    autocorrelation above 0.55 between 60 and 400 Hz, and a level within 25 dB of the active level. Then the start moves
    back by up to 130 ms through continuous sound, to include an initial consonant. A pause of more than 20 ms ends
    this. The accuracy is in docs/accuracy.md (`first_speech_s`).
    """
    active = active_level_dbfs(samples, sample_rate_hz)
    if active is None:
        return None
    narrow, factor = rescale(samples, _VOICE_RATE_HZ / sample_rate_hz)
    step, width = round(VOICED_STEP_S * _VOICE_RATE_HZ), round(VOICED_WINDOW_S * _VOICE_RATE_HZ)
    periodicity = voicing(narrow, _VOICE_RATE_HZ)
    levels = decibels(frame_rms(narrow, width, step))[: periodicity.size]
    voiced = (periodicity > VOICED_CORRELATION) & (levels > active - 25.0)
    run = next(((a, b) for a, b in runs_of(voiced).tolist() if b - a >= VOICED_WINDOWS), None)
    if run is None:
        return None
    voiced_end = min(int((run[0] * step + width) / factor), samples.size)
    threshold = max(audible_threshold_dbfs(samples, sample_rate_hz) or INAUDIBLE_DBFS, active - SPEECH_BELOW_ACTIVE_DB)
    frame = _width(samples, sample_rate_hz)
    loud = _levels(samples[: voiced_end + frame], sample_rate_hz, FRAME_S) >= threshold
    first, quiet = loud.size - 1, 0
    for position in range(loud.size - 1, max(-1, loud.size - 1 - round(BEFORE_VOICE_S / FRAME_S)), -1):
        first, quiet = (position, 0) if loud[position] else (first, quiet + 1)
        if quiet > round(CONSONANT_GAP_S / FRAME_S):
            break
    start = max(first, 0) * frame
    return start + _first_above(samples[start : voiced_end + frame], sample_rate_hz, threshold)


def voicing(samples: Array, sample_rate_hz: float) -> NDArray[np.float64]:
    """Return the largest normalised autocorrelation at 60 to 400 Hz of 40 ms windows every 10 ms; shape (frames,)."""
    width, step = round(VOICED_WINDOW_S * sample_rate_hz), round(VOICED_STEP_S * sample_rate_hz)
    if samples.size < width:
        return np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, dtype=np.float32), width)[::step]
    frames = frames - frames.mean(axis=1, keepdims=True)
    n = fourier.next_fast_len(2 * width)
    spectrum = fourier.rfft(frames, n, axis=1)
    correlation = fourier.irfft(spectrum.real**2 + spectrum.imag**2, n, axis=1)
    squares = np.cumsum(np.square(frames, dtype=np.float64), axis=1)
    low, high = int(sample_rate_hz / 400.0), min(int(sample_rate_hz / 60.0), width - 1)
    lags = np.arange(low, high + 1)
    head = squares[:, width - 1 - lags]
    tail = squares[:, -1:] - squares[:, lags - 1]
    energy = np.sqrt(np.maximum(head * tail, 0.0))
    floor = np.maximum(0.1 * squares[:, -1:], 1e-9)
    return np.asarray((correlation[:, low : high + 1] / np.maximum(energy, floor)).max(axis=1), dtype=np.float64)


def _width(samples: Array, sample_rate_hz: float) -> int:
    return max(1, min(round(FRAME_S * sample_rate_hz), samples.size))


def _levels(samples: Array, sample_rate_hz: float, frame_s: float) -> NDArray[np.float64]:
    width = max(1, round(frame_s * sample_rate_hz))
    return decibels(frame_rms(samples, width, width))


def _first_above(samples: Array, sample_rate_hz: float, threshold_dbfs: float) -> int:
    loud = np.flatnonzero(_levels(samples, sample_rate_hz, FRAME_S) >= threshold_dbfs)
    if loud.size == 0:
        return 0
    width = _width(samples, sample_rate_hz)
    first = int(loud[0]) * width
    amplitude = 10.0 ** (threshold_dbfs / 20.0)
    above = np.flatnonzero(np.abs(samples[first : first + width]) >= amplitude)
    return first + (int(above[0]) if above.size else 0)


def _without_clicks(runs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    short, apart = round(0.025 / FRAME_S), round(0.200 / FRAME_S)
    merged: list[tuple[int, int]] = []
    for first, last in runs:
        if merged and first - merged[-1][1] < apart:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    kept = [run for run in merged if run[1] - run[0] >= short]
    return kept or merged
