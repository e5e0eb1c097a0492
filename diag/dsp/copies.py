"""Detect delayed copies of the reference: a second player, an echo, the reverberation of a room.

The impulse response from the reference to the estimated signal is computed over 0.6 s to both sides. A second peak is a
second player, or an echo if it is well below the first. Energy that decays over many delays is a room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp import fourier
from diag.dsp.aligned import LEAST_FRAMES, AlignedPair
from diag.dsp.arrays import Array

COPY_WARN_DB, COPY_FAIL_DB = -26.0, -12.0
"""An echo of 50 ms or more is heard from about 30 dB below the voice on, and disturbs from 15 dB below on. The talker
echo curves of ITU-T G.131 are stricter, because the talker hears the echo in silence."""
SECOND_COPY_DB = -4.0
"""From this level on, a copy is a second player and not an echo, because an echo path attenuates the sound."""
ROOM_WARN_DB = -10.0
"""Energy of the response between 5 ms and 0.5 s, relative to the direct sound. At 1 m from a loudspeaker in a living
room it is about -5 dB; studio voices after codecs stay below -25 dB."""
SHORTEST_S, LONGEST_S = 0.018, 0.6
COMB_SHORTEST_S = 0.0015
"""A copy from here to `SHORTEST_S` later is a comb filter: it is heard as a change of tone colour and not as an echo.
An earlier one takes out single bands, which are measured as such."""
_COMB_LEAST = 0.5
"""Least size of a comb's copy relative to the direct sound. The dips are then 7 dB below the mean (`TONE_WARN_DB`)."""
_COMB_STANDS_OUT = 4.0
_COMB_LOBE_S = 0.0005
_COMB_DEEPEST = 0.97
_WORK_RATE_HZ = 8000.0
_AROUND_S = 0.002
_LOW_HZ, _TOP_HZ = 120.0, 3900.0
_REGULAR = 3e-3
_STANDS_OUT = 7.0
"""A peak must be this many times the typical magnitude of the response around it."""
_CLEAR_PEAK, _ABOVE_OTHERS = 0.25, 1.3
"""A fainter peak than the first must be so many times as high as any other that is more than 20 ms away."""
_BLOCK_S = 1.0
_LEAST_ROOM_SHARE = 0.5
_FLOOR = 1e-20


@dataclass(frozen=True)
class Copy:
    """A further copy of the reference in the estimated signal, besides the matched one.

    Parameters
    ----------
    delay_s : float
        Delay relative to the matched copy; negative if the matched copy is the later one.
    level_db : float
        Level relative to the matched copy.
    echo : bool
        Whether it is an echo (below `SECOND_COPY_DB`) rather than a second player.
    """

    delay_s: float
    level_db: float
    echo: bool


@dataclass(frozen=True)
class Comb:
    """A comb filter: the sound is mixed with itself some milliseconds later.

    Parameters
    ----------
    delay_s : float
        The dips are 1 / delay_s apart.
    depth_db : float
        Gain at the dips relative to the mean gain; negative.
    """

    delay_s: float
    depth_db: float


@dataclass(frozen=True)
class Room:
    """Reverberation that was added.

    Parameters
    ----------
    level_db : float
        Energy between 5 ms and 0.5 s after the direct sound, relative to the direct sound.
    decay_s : float
        Reverberation time (decay by 60 dB), extrapolated from the slope of the first 15 dB or more.
    """

    level_db: float
    decay_s: float


@dataclass(frozen=True, eq=False)
class Response:
    """Impulse response from reference to estimated at 8 kHz.

    Parameters
    ----------
    values : ndarray of float64, shape (2 * reach + 1,)
        Delay 0 is in the middle. Scaled so that the direct sound has energy 1.
    rate_hz : float
    """

    values: NDArray[np.float64]
    rate_hz: float

    @property
    def reach(self) -> int:
        """Samples to each side of delay 0."""
        return self.values.size // 2


def impulse_response(pair: AlignedPair) -> Response | None:
    """Return the impulse response over 0.6 s to both sides; None if the reference has too little speech.

    The cross-spectrum is divided by the power spectrum of the reference (Wiener deconvolution). Both correlations are
    cut to the delays of interest before. The response of the reference to itself is subtracted.
    """
    if pair.active.sum() < LEAST_FRAMES:
        return None
    reach = round(LONGEST_S * _WORK_RATE_HZ)
    size = pair.long_size
    short = fourier.next_fast_len(round(size * _WORK_RATE_HZ / pair.rate_hz))
    rate_hz = pair.rate_hz * short / size
    own, other = (_raised(whole, short) for whole in pair.long_spectra)
    cross = fourier.irfft(other * np.conj(own), short)
    alone = fourier.irfft((own.real**2 + own.imag**2).astype(np.complex64), short)
    span = fourier.next_fast_len(4 * reach)
    numerator, denominator = (_cut(values, reach, span) for values in (cross, alone))
    top = fourier.rfft(numerator, span)
    base = np.maximum(fourier.rfft(denominator, span).real, 0.0)
    hz = np.arange(top.size) * rate_hz / span
    band = _band(hz)
    response = fourier.irfft(top * band / (base + _REGULAR * float(base.max()) + _FLOOR), span)
    near = round(_AROUND_S * rate_hz)
    values = _scaled(response, reach, near)
    # The response of the reference to itself shows its own repetitions, which the segment did not add.
    itself = _scaled(fourier.irfft(base * band / (base + _REGULAR * float(base.max()) + _FLOOR), span), reach, near)
    if values is None or itself is None:
        return None
    away = np.abs(np.arange(values.size) - reach) >= round(SHORTEST_S * rate_hz)
    return Response(values - np.where(away, itself, 0.0), float(rate_hz))


def _scaled(response: Array, reach: int, near: int) -> NDArray[np.float64] | None:
    """Return a circular response with delay 0 in the middle and a direct sound of energy 1, or None without one."""
    values = np.concatenate((response[-reach:], response[: reach + 1])).astype(np.float64)
    direct = float(np.square(values[reach - near : reach + near + 1]).sum())
    return values / np.sqrt(direct) if direct > 0.0 else None


def _band(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a window over frequency from 120 Hz to 3.9 kHz with soft edges, so that peaks do not ring."""
    rise = np.clip((hz - _LOW_HZ) / 150.0, 0.0, 1.0)
    fall = np.clip((_TOP_HZ - hz) / 900.0, 0.0, 1.0)
    return np.asarray(np.sin(0.5 * np.pi * rise) ** 2 * np.sin(0.5 * np.pi * fall) ** 2)


def _raised(spectrum: NDArray[np.complexfloating[Any]], short: int) -> NDArray[np.complexfloating[Any]]:
    """Return a spectrum up to 4 kHz with its treble raised by 6 dB per octave, which flattens that of a voice."""
    kept = spectrum[: short // 2 + 1]
    return np.asarray(kept * np.arange(kept.size, dtype=np.float32) / np.float32(kept.size), dtype=np.complex64)


def _cut(values: NDArray[Any], reach: int, span: int) -> NDArray[np.float64]:
    """Return the correlation at lags up to twice `reach`, tapered, circular in `span` samples."""
    wide = min(2 * reach, values.size // 2 - 1, span // 2 - 1)
    lags = np.arange(wide + 1)
    taper = np.where(lags < 1.1 * reach, 1.0, 0.5 + 0.5 * np.cos(np.pi * (lags - 1.1 * reach) / (0.9 * reach)))
    taper = np.where(lags <= 2 * reach, taper, 0.0)
    result = np.zeros(span)
    result[: wide + 1] = values[: wide + 1] * taper
    result[span - wide :] = values[-wide:] * taper[1:][::-1]
    return result


def second_copy(response: Response) -> Copy | None:
    """Return the strongest further copy at 18 to 600 ms; None if no peak is clearly above the response around it.

    An earlier copy counts only if it is loud enough to be a second player, because an echo is always later.
    """
    found = _strongest(response, earlier=True)
    if found is not None and found.delay_s < 0.0 and found.level_db <= COPY_FAIL_DB:
        return _strongest(response, earlier=False)
    return found


def _strongest(response: Response, *, earlier: bool) -> Copy | None:
    near = round(_AROUND_S * response.rate_hz)
    first = round(SHORTEST_S * response.rate_hz)
    middle = response.reach
    size = np.abs(response.values)
    away = np.abs(np.arange(size.size) - middle)
    searched = np.where((away >= first) & (away < middle - near), size, 0.0)
    if not earlier:
        searched[:middle] = 0.0
    peak = int(np.argmax(searched))
    # The typical magnitude around the peak, by a quantile on which the peak and a few others have no influence.
    # What lies just before the searched delays counts too: the first reflections of a room and the periods of a voice
    # fall off there, and their end is no peak.
    around = slice(max(0, peak - 40 * near), peak + 40 * near + 1)
    beside = size[around][(away[around] >= first // 2) & (np.abs(np.arange(size.size)[around] - peak) > near)]
    if beside.size < 50:
        return None
    scatter = float(np.quantile(beside, 0.68))
    crest = float(np.quantile(beside, 0.99))
    if size[peak] < _STANDS_OUT * scatter or size[peak] < 1.8 * crest:
        return None
    # Short foreign sounds, as of bytes that are no audio, resemble the reference a little at many delays.
    elsewhere = np.where(np.abs(np.arange(size.size) - peak) > 10 * near, searched, 0.0)
    if size[peak] < _CLEAR_PEAK and size[peak] < _ABOVE_OTHERS * float(elsewhere.max()):
        return None
    lobe = slice(peak - near, peak + near + 1)
    energy = float(np.square(response.values[lobe]).sum()) - (2 * near + 1) * scatter**2
    level = 10.0 * np.log10(max(energy, 1e-10))
    delay = (_centre(size, peak) - middle) / response.rate_hz
    return Copy(float(delay), float(level), bool(level < SECOND_COPY_DB))


def comb(response: Response) -> Comb | None:
    """Return the comb filter of a copy at 1.5 to 18 ms; None if no single copy is strong enough and stands out.

    The first reflections of a room are many, and none stands out. A filter with steep edges rings, but faintly.
    """
    middle, lobe = response.reach, round(_COMB_LOBE_S * response.rate_hz)
    size = np.abs(response.values)
    away = np.abs(np.arange(size.size) - middle)
    first, last = (round(at * response.rate_hz) for at in (COMB_SHORTEST_S, SHORTEST_S))
    peak = int(np.argmax(np.where((away >= first) & (away <= last), size, 0.0)))
    direct, copy = (float(np.square(size[at - lobe : at + lobe + 1]).sum()) for at in (middle, peak))
    share = np.sqrt(copy / direct) if direct > 0.0 else 0.0
    beside = size[(away >= first) & (away <= last) & (np.abs(np.arange(size.size) - peak) > 2 * lobe)]
    if size[peak] < float(size[peak - lobe : peak + lobe + 1].max()):
        # The flank of an earlier copy.
        return None
    if share < _COMB_LEAST or size[peak] < _COMB_STANDS_OUT * float(np.quantile(beside, 0.9)):
        return None
    # A louder copy makes the same comb as a fainter one, only later.
    share = min(share, 1.0 / share, _COMB_DEEPEST)
    depth_db = 10.0 * np.log10((1.0 - share) ** 2 / (1.0 + share**2))
    return Comb(abs(_centre(size, peak) - middle) / response.rate_hz, float(depth_db))


def _centre(size: NDArray[np.float64], peak: int) -> float:
    left, top, right = size[peak - 1], size[peak], size[peak + 1]
    bend = 2.0 * top - left - right
    return float(peak + (0.5 * (right - left) / bend if bend > 0 else 0.0))


def added_room(response: Response) -> Room | None:
    """Return the reverberation; None if the response has no decaying tail.

    The energy at the same delays before the direct sound is estimation noise, and is subtracted.
    """
    middle, rate_hz = response.reach, response.rate_hz
    start, width = round(0.005 * rate_hz), round(0.010 * rate_hz)
    count = min(50, (middle - start) // width)
    behind = np.square(response.values[middle + start : middle + start + count * width])
    before = np.square(response.values[middle - start - count * width + 1 : middle - start + 1][::-1])
    tail, noise = (side.reshape(count, width).sum(axis=1) for side in (behind, before))
    scatter = float(np.median(noise)) if count else 0.0
    net = tail - noise
    energy = float(net.sum())
    if count < 10 or energy <= 2.0 * float(noise.sum()) * _LEAST_ROOM_SHARE:
        return None
    level = 10.0 * np.log10(max(energy, 1e-10))
    # The energy of a single echo is at one delay. That of a room is spread over many delays.
    if float(np.sort(net)[-2:].sum()) > 0.75 * energy:
        return None
    clear = np.flatnonzero(tail < 3.0 * scatter)
    last = int(clear[0]) if clear.size else count
    if last < 4:
        return None
    decibels = 10.0 * np.log10(np.maximum(tail[:last] - scatter, 1e-12))
    slope = float(np.polyfit(np.arange(last) * 0.010, decibels, 1)[0])
    if slope > -12.0:
        return None
    return Room(float(level), float(-60.0 / slope))


def with_copy(pair: AlignedPair, copy: Copy) -> AlignedPair:
    """Return the pair with the copy added to the reference, so that other measures do not report it."""
    shift = round(copy.delay_s * pair.rate_hz)
    late = np.zeros_like(pair.reference)
    if shift >= 0:
        late[shift:] = pair.reference[: pair.reference.size - shift]
    else:
        late[:shift] = pair.reference[-shift:]
    gain = np.float32(10.0 ** (copy.level_db / 20.0))
    return AlignedPair(pair.reference + gain * late, pair.estimated, pair.covered, pair.rate_hz)
