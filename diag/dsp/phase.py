"""Give a reference the phase of its copy, where an all-pass filter changed nothing but the phase.

Crossovers, codecs and echo cancellers delay low frequencies by milliseconds more than high ones. That is hardly heard
(Blauert and Laws, "Group delay distortions in electroacoustical systems", JASA 1978), but the waveforms differ. With
the same phase in the reference, all other measures apply.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.arrays import Array
from diag.dsp.deconvolution import impulse_response
from diag.dsp.resample import rescale
from diag.dsp.spectrum import Sound

BAND_HZ = (100.0, 3600.0)
_FRAME_S, _REACH_S = 0.128, 0.03
_LEAST_FRAMES = 16
_MOST_FRAMES = 200
_PRE_EMPHASIS = 0.9
_ALREADY, _LEAST_AFTER = 0.97, 0.9
"""Share of the copy that the reference explains: beyond the first its phase is right as it is, and below the second
more than the phase was changed."""
_LEFT_SHARE = 0.35
"""Most of what was left unexplained before that may be left with the phase of the copy."""
_UNEVEN_DB = 1.5
"""Largest standard deviation of the gain over frequency. Rooms, echoes and equalisers exceed it."""
_COHERENT = 0.5


def with_phase_of(reference: Sound, estimated: Sound) -> NDArray[np.float32] | None:
    """Return the samples of a reference with the phase of its copy; None if more or nothing differs.

    Parameters
    ----------
    reference, estimated : Sound
        At the same speed.
    """
    rate_hz, own, copy = reference.rate_hz, reference.samples, estimated.samples
    if estimated.rate_hz != rate_hz:
        copy = rescale(copy, rate_hz / estimated.rate_hz)[0]
    late = round(_delay_s(reference, estimated) * rate_hz)
    first = max(0, -late)
    size = min(own.size - first, copy.size - first - late)
    impulse = (
        _impulse(own[first : first + size], copy[first + late : first + late + size], rate_hz) if size > 0 else None
    )
    if impulse is None:
        return None
    half = impulse.size // 2
    size = fourier.next_fast_len(own.size + half)
    padded = np.zeros(size, dtype=np.float32)
    padded[:half], padded[-half:] = impulse[:half], impulse[half:]
    turned = fourier.irfft(fourier.rfft(own, size) * fourier.rfft(padded), size)
    return np.asarray(turned[: own.size], dtype=np.float32)


def _delay_s(reference: Sound, estimated: Sound) -> float:
    """Return the delay of the strongest tap of the impulse response, where most of its energy is."""
    (x, factor), (y, _) = reference.narrow, estimated.narrow
    rate_hz = factor * reference.rate_hz
    size = fourier.next_fast_len(x.size + y.size)
    power = np.square(impulse_response(x, y, size))
    width = round(_REACH_S * rate_hz)
    sums = np.concatenate(([0.0], np.cumsum(np.concatenate((power, power[:width])), dtype=np.float64)))
    first = int(np.argmax(sums[width:] - sums[:-width]))
    place = (first + int(np.argmax(np.take(power, np.arange(first, first + width), mode="wrap")))) % size
    return (place if place < y.size else place - size) / rate_hz


def _impulse(reference: Array, estimated: Array, rate_hz: float) -> NDArray[np.float32] | None:
    """Return the impulse response of the change of phase, delay 0 first; None if it is not what differs."""
    width = 2 * round(_FRAME_S * rate_hz / 2)
    if reference.size < (_LEAST_FRAMES + 1) * width // 2:
        return None
    x, y = (_frames(part, width) for part in (reference, estimated))
    both = (y * np.conj(x)).sum(axis=0).astype(np.complex128)
    own, other = ((part.real**2 + part.imag**2).sum(axis=0, dtype=np.float64) for part in (x, y))
    hz = np.arange(both.size) * rate_hz / width
    band = (hz >= BAND_HZ[0]) & (hz <= min(BAND_HZ[1], 0.45 * rate_hz))
    scale = float(own[band].sum() * other[band].sum())
    before = float(both.real[band].sum()) ** 2 / scale if scale > 0.0 else 1.0
    if before > _ALREADY:
        return None
    # Truncated in time, the response has less of the error of its estimation.
    impulse = fourier.irfft(both / np.maximum(own, 1e-9 * float(own.max())), width)
    lags = np.minimum(np.arange(width), width - np.arange(width)) / rate_hz
    response = fourier.rfft(impulse * np.clip(2.0 - lags / _REACH_S, 0.0, 1.0))
    coherence = np.abs(both) ** 2 / np.maximum(own * other, 1e-30)
    turn = np.where(coherence > _COHERENT, response / np.maximum(np.abs(response), 1e-12), 1.0)
    after = float((both * np.conj(turn)).real[band].sum()) ** 2 / scale
    sure = band & (coherence > _COHERENT)
    if after < _LEAST_AFTER or 1.0 - after > _LEFT_SHARE * (1.0 - before) or not sure.any():
        return None
    uneven_db = float(np.std(20.0 * np.log10(np.maximum(np.abs(response[sure]), 1e-9))))
    return np.asarray(fourier.irfft(turn, width), dtype=np.float32) if uneven_db < _UNEVEN_DB else None


def _frames(samples: Array, width: int) -> NDArray[np.complexfloating]:
    emphasised = np.asarray(samples, dtype=np.float32).copy()
    emphasised[1:] -= np.float32(_PRE_EMPHASIS) * samples[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, width)[:: width // 2]
    frames = frames[:: max(1, len(frames) // _MOST_FRAMES)]
    window = np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(width) + 0.5) / width), dtype=np.float32)
    return fourier.rfft(frames * window, axis=1)
