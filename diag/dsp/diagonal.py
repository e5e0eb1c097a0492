"""Evidence, frame by frame, that one signal is a copy of another at one delay.

A *diagonal* is one delay between two signals. Each 5 ms frame of the reference is correlated with the estimated signal
at that delay. The correlation is converted to a log-likelihood ratio, so that the evidence of frames can be summed:
20 ms of an exact digital copy have as much evidence as half a second in noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.arrays import Array, Flags
from diag.dsp.spectrum import ACTIVE_RANGE_DB

Floats = NDArray[np.float64]

FRAME_S = 0.005
PRE_EMPHASIS = 0.9
"""Coefficient of the pre-emphasis. The spectrum of speech falls by 6 to 9 dB per octave. Flattening it makes the
correlation sharper in time and reduces hum."""
FAINTEST_DBFS = -95.0
"""Frames below this level contain only rounding errors of 16-bit samples."""
_CAP = 0.002
"""Correlation is limited to sqrt(1 - this). The rest comes from rounding and resampling."""
_FREE_SAMPLES = 0.5
"""Share of samples that count as independent, because pre-emphasised speech is not white."""
_MASKED = 3.0
"""A frame cannot be recognised if its expected energy is below this many times the noise floor."""
_TAPS = 24
LIKE_DB = 9.0
"""Spectra that differ by less than this on average are of the same sound; codecs and noise change them by less."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two signals, prepared for comparing.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        Pre-emphasised.
    frame : int
        Samples in a frame.
    energy : ndarray, shape (frames,)
        Of each frame.
    active : ndarray of bool, shape (frames,)
        Frames with sound: within 35 dB of the loud ones.
    floor : float
        Energy of a frame of the background noise.
    """

    samples: NDArray[np.float32]
    frame: int
    energy: Floats
    active: Flags
    floor: float

    @property
    def frames(self) -> int:
        """Number of whole frames."""
        return self.energy.size


def side_of(samples: Array, sample_rate_hz: float) -> Side:
    """Return a signal prepared for comparing: pre-emphasised, with the energy of each frame.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    sample_rate_hz : float
    """
    data = np.asarray(samples, dtype=np.float32)
    emphasised = data.copy()
    emphasised[1:] -= np.float32(PRE_EMPHASIS) * data[:-1]
    return emphasised_side(emphasised, round(FRAME_S * sample_rate_hz))


def emphasised_side(emphasised: NDArray[np.float32], frame: int) -> Side:
    """Return a signal that is already pre-emphasised, prepared for comparing in frames of `frame` samples."""
    frames = emphasised.size // frame
    rows = emphasised[: frames * frame].reshape(frames, frame)
    energy = np.einsum("ij,ij->i", rows, rows).astype(np.float64)
    faintest = frame * 10 ** (FAINTEST_DBFS / 10)
    heard = energy[energy > faintest]
    if heard.size == 0:
        return Side(emphasised, frame, energy, np.zeros(frames, dtype=bool), faintest)
    loud = float(np.percentile(heard, 95))
    active = energy > max(loud * 10 ** (-ACTIVE_RANGE_DB / 10), 2.0 * faintest)
    return Side(emphasised, frame, energy, active, float(np.percentile(heard, 3)))


def unmasked(reference: Side, estimated: Side, gain: float) -> Flags:
    """Return the active frames of the reference that are above the noise of the estimated signal.

    Parameters
    ----------
    reference, estimated : Side
    gain : float
        Energy of the estimated signal / energy of the reference where they agree.
    """
    return reference.active & (reference.energy * gain > _MASKED * estimated.floor)


def sliced(samples: NDArray[np.float32], start: float, size: int) -> NDArray[np.float32]:
    """Return `size` samples from a fractional position on, by a windowed sinc of 24 taps; zeros outside the signal."""
    whole = int(np.floor(start))
    part = start - whole
    if part > 0.98:
        whole, part = whole + 1, 0.0
    if part < 0.02:
        return _whole_slice(samples, whole, size)
    places = np.arange(_TAPS) - (_TAPS // 2 - 1)
    taps = np.sinc(places - part) * np.cos(np.pi * (places - part) / (_TAPS + 1)) ** 2
    wide = _whole_slice(samples, whole - (_TAPS // 2 - 1), size + _TAPS - 1)
    return np.convolve(wide, (taps / taps.sum())[::-1].astype(np.float32), mode="valid")


def _whole_slice(samples: NDArray[np.float32], first: int, size: int) -> NDArray[np.float32]:
    if first >= 0 and first + size <= samples.size:
        return samples[first : first + size]
    result = np.zeros(size, dtype=np.float32)
    begin, end = max(0, first), min(samples.size, first + size)
    if end > begin:
        result[begin - first : end - first] = samples[begin:end]
    return result


def agreement(reference: Side, estimated: Side, delay: float, first: int, last: int) -> Floats:
    """Return the signed correlation of frames `first` to `last` of the reference at a delay; shape (last - first,)."""
    frame = reference.frame
    own = reference.samples[first * frame : last * frame].reshape(-1, frame)
    other = sliced(estimated.samples, first * frame + delay, own.size).reshape(-1, frame)
    product = np.einsum("ij,ij->i", own, other).astype(np.float64)
    power = np.einsum("ij,ij->i", other, other).astype(np.float64)
    least = frame * 10 ** (FAINTEST_DBFS / 10) * 0.1
    energy = np.maximum(reference.energy[first:last], least) * np.maximum(power, least)
    return np.asarray(product / np.sqrt(energy))


def likelihood(correlation: Floats, frame: int) -> Floats:
    """Return the log-likelihood ratio (nats) of a copy at this delay against unrelated sound, per frame.

    For a Gaussian signal with n independent samples and an unknown gain it is -n / 2 · ln(1 - r²).
    """
    positive = np.clip(correlation, 0.0, 1.0)
    return np.asarray(-nats_of_energy(frame) * np.log(1.0 - positive**2 * (1.0 - _CAP)))


def nats_of_energy(frame: int) -> float:
    """Return the evidence in nats for each factor e by which what is left of a frame is below its energy."""
    return 0.5 * _FREE_SAMPLES * frame


def refined_delay(  # noqa: PLR0917 (a place is two samples)
    reference: Side, estimated: Side, delay: float, first: int, last: int, polarity: int
) -> float:
    """Return the delay near `delay` at which samples `first` to `last` of the reference fit best, to a fraction.

    Correlation gives the nearest whole sample. The slope of the phase of the cross-spectrum gives the fraction, without
    a bias towards whole samples.
    """
    own = reference.samples[first:last]
    size = own.size
    reach = 3
    base = round(delay)
    near = _whole_slice(estimated.samples, first + base - reach, size + 2 * reach)
    products = polarity * np.correlate(near, own, mode="valid")
    base += int(np.argmax(products)) - reach
    width = 256
    if size < width:
        width = max(32, 1 << (size.bit_length() - 1))
    window = np.hanning(width).astype(np.float32)
    other = _whole_slice(estimated.samples, first + base, size)
    a, b = (np.lib.stride_tricks.sliding_window_view(part, width)[:: width // 2] * window for part in (own, other))
    cross = (fourier.rfft(b, axis=1) * np.conj(fourier.rfft(a, axis=1))).sum(axis=0) * polarity
    low, high = max(1, width // 64), width // 2 - width // 32
    turns = 2 * np.pi * np.arange(low, high) / width
    cross = cross[low:high]
    part = 0.0
    for _ in range(2):
        turned = cross * np.exp(1j * turns * part)
        weight = np.abs(turned)
        spread = float((weight * turns**2).sum())
        if spread <= 0.0:
            break
        part -= float((weight * np.angle(turned) * turns).sum()) / spread
    return base + float(np.clip(part, -1.0, 1.0))


def alike(own: Array, other: Array, gain: float) -> bool:
    """Return whether two parts of the same length have about the same spectrum after correction of a gain."""
    if own.size < 16:
        return True
    width = min(256, own.size)
    window = np.hanning(width)
    edges = np.unique(np.linspace(1, width // 2, 7).astype(int))
    bands = []
    for part in (own, other):
        rows = np.lib.stride_tricks.sliding_window_view(part, width)[:: max(1, width // 2)] * window
        power = (np.abs(np.fft.rfft(rows, axis=1)) ** 2).mean(axis=0)
        bands.append(10.0 * np.log10(np.add.reduceat(power, edges[:-1]) + 1e-12))
    change = bands[1] - bands[0] - 20.0 * np.log10(max(gain, 1e-6))
    return bool(abs(float(np.median(change))) < LIKE_DB and float(np.mean(np.abs(change))) < LIKE_DB)
