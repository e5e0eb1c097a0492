"""Features of a recording of speech that depend on its playing speed, but not on its level.

They are the pitch, the spread of the bands over time, and how fast loudness and spectrum change. The long-term spectrum
is not used, because it depends more on the microphone than on the speed.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.band import content_edge
from diag.dsp.spectrum import HOP_S, Sound, Spectrum

Features = NDArray[np.float64]

LEAST_SPEECH_S = 2.0
"""Speech that the features need."""
LONGEST_S = 20.0
"""Longest part of a recording that is analysed; 20 s are enough for the features."""
BAND_EDGES_HZ = (200, 400, 800, 1600, 2400, 3400, 4800, 6400, 8000)
MODULATION_HZ = (1.0, 2.0, 3.0, 4.5, 6.5, 9.0, 13.0, 20.0)
MEDIAN_PITCH = 1
"""Place of log2 of the median pitch among the features."""
PITCH_HZ = (45.0, 700.0)
VOICED = 0.6
_ENVELOPE_S = 0.005
_PITCH_WINDOW_S = 0.064
_PITCH_WINDOWS = 240
_PITCH_TOP_HZ = 1200.0
_OCTAVE_COST = 0.02
"""What a candidate of the pitch loses per octave that it lies lower: multiples of the period fit as well."""


def speed_features(sound: Sound) -> Features | None:
    """Return all features, shape (60,); None for less than 2 s of speech, or no voice.

    To get the features at another playing speed, change `rate_hz`; resampling is not needed.
    """
    active = np.flatnonzero(sound.spectrum.active)
    if active.size * HOP_S < LEAST_SPEECH_S:
        return None
    first, last = int(active[0]), min(int(active[-1]) + 1, int(active[0]) + round(LONGEST_S / HOP_S))
    whole = sound.spectrum
    spectrum = Spectrum(whole.power[first:last], whole.sample_rate_hz, whole.bin_hz)
    hop = HOP_S * sound.rate_hz
    samples = sound.samples[round(first * hop) : round(last * hop)]
    edge_hz = content_edge(spectrum)
    pitch = pitch_quantiles(samples, sound.rate_hz, spectrum)
    if pitch is None or edge_hz is None:
        return None
    edge = np.log2(min(edge_hz, 12000.0) / 8000.0)
    return np.concatenate((pitch, [edge], _modulation(spectrum), _envelope(samples, sound.rate_hz), _bands(spectrum)))


def _modulation(spectrum: Spectrum) -> Features:
    """Return the share of the modulation of four bands by its frequency, and the change from window to window."""
    edges = (200.0, 500.0, 1000.0, 2000.0, 3400.0)
    power = np.stack([spectrum.band_power(a, b) for a, b in itertools.pairwise(edges)], axis=1)
    level = 10.0 * np.log10(np.maximum(power, 1e-4 * float(np.percentile(power.sum(axis=1), 95))))
    centred = level - level.mean(axis=0)
    size = fourier.next_fast_len(max(256, centred.shape[0]))
    taper = np.hanning(centred.shape[0])[:, None]
    modulation = (np.abs(np.fft.rfft(centred * taper, size, axis=0)) ** 2).sum(axis=1)
    hz = np.arange(modulation.size) / (size * HOP_S)
    shares = [modulation[(hz >= low) & (hz < high)].sum() for low, high in itertools.pairwise(MODULATION_HZ)]
    steps = np.abs(np.diff(level, axis=0))[spectrum.active[1:] & spectrum.active[:-1]]
    change = float(np.log2(steps.mean() + 0.1)) if steps.size else 0.0
    return np.concatenate((np.log2(np.array(shares) / max(sum(shares), 1e-9) + 1e-3), [change]))


def _envelope(samples: NDArray[np.float32], rate_hz: float) -> Features:
    """Return how steep loudness rises and falls, and how long it stays alike, of the waveform and of its slope."""
    size = max(4, round(_ENVELOPE_S * rate_hz))
    count = samples.size // size
    found: list[float] = []
    for data in (samples, np.diff(samples, prepend=samples[:1])):
        parts = data[: count * size].reshape(count, size)
        level = 10.0 * np.log10(np.maximum(np.einsum("ij,ij->i", parts, parts) / size, 1e-12))
        top = float(np.percentile(level, 95))
        level = np.maximum(level, top - 35.0)
        steep = np.abs(level[2:] - level[:-2])[level[1:-1] > top - 30.0]
        found.extend(np.log2(np.percentile(steep, (50, 75, 90, 97)) + 0.1))
        centred = level - level.mean()
        length = fourier.next_fast_len(2 * centred.size)
        transform = np.fft.rfft(centred, length)
        alike = np.fft.irfft(transform.real**2 + transform.imag**2, length)[:200]
        alike /= max(float(alike[0]), 1e-9)
        for least in (0.8, 0.5, 0.25):
            below = np.flatnonzero(alike < least)
            found.append(float(np.log2(below[0] if below.size else alike.size)))
    return np.array(found)


def _bands(spectrum: Spectrum) -> Features:
    """Return quantiles of each band's share over active windows, similarity over time, quantiles of the centroid."""
    power = spectrum.power[spectrum.active]
    bands = np.zeros((power.shape[0], len(BAND_EDGES_HZ) - 1))
    for place, (low, high) in enumerate(itertools.pairwise(BAND_EDGES_HZ)):
        if low < spectrum.nyquist_hz:
            first = int(low / spectrum.bin_hz)
            bands[:, place] = power[:, first : max(first + 1, int(high / spectrum.bin_hz))].sum(axis=1)
    total = bands.sum(axis=1, keepdims=True) + 1e-12
    share_db = 10.0 * np.log10(np.maximum(bands / total, 1e-6))
    level = np.log(np.maximum(bands, 1e-5 * float(np.percentile(total, 95))))
    level -= level.mean(axis=0)
    alike = []
    for apart in (1, 2, 4, 8):
        a, b = level[:-apart], level[apart:]
        alike.append(float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-9)))
    inside = (spectrum.frequencies_hz > 150.0) & (spectrum.frequencies_hz < 8000.0)
    magnitude = np.sqrt(power[:, inside])
    centroid = (magnitude @ spectrum.frequencies_hz[inside].astype(np.float32)) / (magnitude.sum(axis=1) + 1e-9)
    centroids = np.log2(np.percentile(np.maximum(centroid, 1.0), (10, 25, 50, 75, 90, 97)))
    return np.concatenate((np.percentile(share_db, (20, 80, 95), axis=0).T.ravel(), alike, centroids))


def pitch_quantiles(samples: NDArray[np.float32], rate_hz: float, spectrum: Spectrum) -> Features | None:
    """Return log2 of the 10th, 50th and 90th percentile of the pitch in Hz; None for fewer than ten voiced windows.

    Autocorrelation of 64 ms below 1.2 kHz over the window's own (P. Boersma's method); at most 240 windows, spread over
    the active ones.
    """
    width = round(_PITCH_WINDOW_S * rate_hz)
    starts = np.rint(np.flatnonzero(spectrum.active) * HOP_S * rate_hz).astype(int)
    starts = starts[starts + width <= samples.size]
    if starts.size == 0:
        return None
    chosen = starts[np.unique(np.linspace(0, starts.size - 1, min(starts.size, _PITCH_WINDOWS)).astype(int))]
    windows = np.lib.stride_tricks.sliding_window_view(samples, width)[chosen]
    taper = np.hanning(width).astype(np.float32)
    size = fourier.next_fast_len(2 * width)
    top = int(_PITCH_TOP_HZ * size / rate_hz)
    part = np.fft.rfft((windows - windows.mean(axis=1, keepdims=True)) * taper, size, axis=1)[:, :top]
    own = np.fft.rfft(taper, size)[:top]
    # Only the lowest bins are kept, so a short inverse gives lags in steps of some 0.1 ms.
    short = fourier.next_fast_len(8 * top)
    step_s = size / rate_hz / short
    first, last = int(1.0 / PITCH_HZ[1] / step_s), int(1.0 / PITCH_HZ[0] / step_s)
    correlation = np.fft.irfft(part.real**2 + part.imag**2, short, axis=1)
    of_taper = np.fft.irfft(np.abs(own) ** 2, short)
    shape = (correlation[:, first:last] / np.maximum(correlation[:, :1], 1e-20)) / (of_taper[first:last] / of_taper[0])
    best = (shape - _OCTAVE_COST * np.log2(np.arange(first, last))).argmax(axis=1)
    voiced = np.take_along_axis(shape, best[:, None], axis=1)[:, 0] > VOICED
    if voiced.sum() < 10:
        return None
    return np.asarray(np.log2(np.percentile(1.0 / ((best[voiced] + first) * step_s), (10, 50, 90))))
