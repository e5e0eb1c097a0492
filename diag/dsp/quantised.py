"""Find a short word length behind noise or a codec, by the rounding errors that it gives the samples of the reference.

Noise and codecs replace the sample values, so that these are no longer few. But rounding is known: the reference,
rounded to a word length, gives the error of each sample. What differs between the two signals then contains that error
at its full size. No other processing does that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.resample import rescale
from diag.dsp.spectrum import Sound

FEWEST_BITS, MOST_BITS = 3, 7
"""Word lengths that are tried. 7 bits or fewer are heard as hiss; 8 bits are usual in telephony."""
_TOP_HZ = 4000.0
"""Codecs keep the waveform best below this."""
_LEAST_SHARE, _CLEAR_SHARE = 0.3, 0.8
"""Least correlation of what differs with the rounding errors. 6 bits after Opus at 24 kbit/s gave 0.35, 3 to 5 bits
0.85 and more. Other faults and codecs gave up to 0.18, and up to 0.87 for bits of another size (see `_SIZES`)."""
_SIZES = (0.6, 1.3)
"""Size of the rounding errors in the copy, relative to those of the rounded reference. Few bits gave 0.82 to 1,
clipping and overdrive up to 0.11."""
_GAINS = (0.5, 2.0)
"""Gain of a copy whose rounding errors are those of the reference, unless they are clear."""
_FRAME_S, _LONGEST_S, _LEAST_FRAMES, _AUDIBLE_SHARE = 0.030, 4.0, 8, 0.003
_LEAST_LIKE = 0.3
"""Least correlation of the whole copy with the reference. 3 bits gave 0.54; misread bytes 0.06."""
_FLOOR = 1e-20


def quantised(raw: NDArray[np.float64], out: NDArray[np.float64], rate_hz: float) -> tuple[float, float] | None:
    """Return the word length in bits and the level in dB of its rounding errors; None if it is not short.

    Rounding to whole steps and to half steps is tried.

    Parameters
    ----------
    raw, out : ndarray, shape (frames, n)
        Loud frames of the reference, and the same frames of the copy.
    rate_hz : float
    """
    own, other = _low(raw, rate_hz), _low(out, rate_hz)
    gain = float((own * other).sum()) / max(float((own * own).sum()), _FLOOR)
    error = without_gain(other, own)
    power = float(np.square(error).sum())
    finest = 2.0 / 2.0**MOST_BITS
    if power < 0.5 * _SIZES[0] ** 2 * min(1.0, 2.0 * _TOP_HZ / rate_hz) * finest**2 / 12.0 * error.size:
        return None
    best: tuple[float, float, float] | None = None
    for bits in range(FEWEST_BITS, MOST_BITS + 1):
        step = 2.0 / 2.0**bits
        for shift in (0.0, 0.5):
            rounding = (np.rint(raw / step - shift) + shift) * step - raw
            model = without_gain(_low(rounding, rate_hz), own)
            size, shared = float(np.square(model).sum()), float((model * error).sum())
            share = shared / np.sqrt(max(size * power, _FLOOR))
            if _SIZES[0] <= shared / max(size, _FLOOR) <= _SIZES[1] and (best is None or share > best[0]):
                level = float(np.square(without_gain(rounding, raw)).sum()) / max(float(np.square(out).sum()), _FLOOR)
                best = share, float(bits), float(10.0 * np.log10(max(level, 1e-10)))
    if best is None:
        return None
    least = _LEAST_SHARE if _GAINS[0] < gain < _GAINS[1] else _CLEAR_SHARE
    return best[1:] if best[0] > least else None


def quantised_alone(reference: Sound, estimated: Sound) -> tuple[float, float] | None:
    """Return what `quantised` does for recordings of which too little of the waveform is left to follow it.

    They are laid on each other at one delay.

    Parameters
    ----------
    reference, estimated : Sound
        At any rates, at the same speed.
    """
    own = reference.samples.astype(np.float64)
    other = np.asarray(
        estimated.samples
        if estimated.rate_hz == reference.rate_hz
        else rescale(estimated.samples, reference.rate_hz / estimated.rate_hz)[0],
        dtype=np.float64,
    )
    size = fourier.next_fast_len(own.size + other.size)
    cross = fourier.irfft(fourier.rfft(other, size) * np.conj(fourier.rfft(own, size)), size)
    place = int(np.argmax(np.abs(cross)))
    if abs(float(cross[place])) < _LEAST_LIKE * np.sqrt(float(own @ own) * float(other @ other)) + _FLOOR:
        return None
    delay = place if place < other.size else place - size
    copy = np.zeros(own.size)
    first, last = max(0, -delay), min(own.size, other.size - delay)
    copy[first:last] = np.sign(cross[place]) * other[first + delay : last + delay]
    width = round(_FRAME_S * reference.rate_hz)
    count = own.size // width
    rows, copied = (part[: count * width].reshape(count, width) for part in (own, copy))
    energy = np.square(rows).sum(axis=1)
    loud = np.flatnonzero(energy > _AUDIBLE_SHARE * float(energy.max(initial=0.0)))
    chosen = loud[np.argsort(-energy[loud], kind="stable")][: round(_LONGEST_S / _FRAME_S)]
    return None if chosen.size < _LEAST_FRAMES else quantised(rows[chosen], copied[chosen], reference.rate_hz)


def without_gain(frames: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames minus the part that a gain and an offset per frame explain.

    This removes limiting, slow gain control and DC offset, which are not distortion.
    """
    centred = own - own.mean(axis=1, keepdims=True)
    rest = frames - frames.mean(axis=1, keepdims=True)
    gain = (rest * centred).sum(axis=1) / np.maximum((centred * centred).sum(axis=1), _FLOOR)
    return np.asarray(rest - gain[:, None] * centred)


def _low(frames: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Return frames without what is above 4 kHz."""
    spectra = fourier.rfft(frames, frames.shape[1], axis=1)
    spectra[:, round(_TOP_HZ * frames.shape[1] / rate_hz) + 1 :] = 0.0
    return np.asarray(fourier.irfft(spectra, frames.shape[1], axis=1), dtype=np.float64)
