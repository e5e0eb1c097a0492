"""Sound that a segment adds to the speech: noise, mains hum, steady tones, direct current.

The measures must not report what a codec adds. Coding noise follows the speech, so noise is measured in each band at
the moments when the reference is quiet in that band. Some codecs replace the noise of the reference by synthetic noise
of the same level, so only power above that of the reference counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp.aligned import AlignedPair
from diag.dsp.runs import runs

NOISE_WARN_SNR_DB, NOISE_FAIL_SNR_DB = 30.0, 20.0
"""Added noise is clearly heard in pauses from about 30 dB below the speech on, and disturbs from 20 dB on ("noticeable
but not intrusive" and "somewhat intrusive" on the background scale of ITU-T P.835). Comfort noise lies 40 dB or more
below. The noise of a recording after Opus lay 32 dB or more below."""
HUM_WARN_DB, HUM_FAIL_DB = -40.0, -20.0
"""Level of added hum relative to the speech. Healthy pairs stay below -50 dB."""
TONE_WARN_DB, TONE_FAIL_DB = -45.0, -25.0
"""Level of an added tone relative to the speech. The limits are lower than for noise, because a tone is easier to
hear."""
DC_WARN_DBFS, DC_FAIL_DBFS = -45.0, -30.0
"""Level of added DC offset. Truncation to 8 bits adds half a step (-48 dBFS), which is not reported as DC offset."""
MAINS_HZ = (50.0, 60.0)
HUM_TOP_HZ = 420.0
_LOW_RATE_HZ = 1000.0
_QUIET_SHARE = 0.3
_MOST_FRAMES = 500
"""Largest number of frames, spread evenly, that statistics over time use. More do not change them."""
_QUANTILE = 0.25
_BANDS_PER_OCTAVE = 3
_NOISE_LOW_HZ = 50.0
_LINE_PROMINENCE_DB = 9.0
_HUM_PROMINENCE_DB = 8.0
_TONE_SHARE = 0.85
"""Least duration and frequency of a tone that is reported without a reference. A long vowel may look like a tone: 9 of
538 recordings had one of 150 to 295 Hz, none had one above."""
_TONE_FRAMES, _TONE_FRAMES_IN_SPEECH = 5, 10
_LEAST_TONE_FRAMES = 25
_TONE_BLOCK_S, _TONE_BLOCKS, _TONE_BLOCK_FRAMES = 1.0, 8, 50
_TONE_LOWEST_HZ = 180.0
_TONE_DRIFT_BINS, _TONE_SPREAD_BINS = 0.12, 0.2
_TONE_SWING_DB = 1.5
"""A tone changes by less than 3 Hz and 1.5 dB from frame to frame. Residuals of voiced speech change by more."""
_FLOOR = 1e-14


@dataclass(frozen=True)
class AddedNoise:
    """Steady noise.

    Parameters
    ----------
    level_dbfs : float
        Level of the noise; -120 if none was found.
    snr_db : float
        Speech level minus noise level.
    residual_db : float
        Level of the residual in active frames relative to the speech. It includes coding noise and distortion.
    """

    level_dbfs: float
    snr_db: float
    residual_db: float


@dataclass(frozen=True)
class Hum:
    """Mains hum: its base frequency, and its level with harmonics in dBFS and relative to the speech."""

    mains_hz: float
    level_dbfs: float
    relative_db: float


@dataclass(frozen=True)
class Tone:
    """A steady tone that the reference does not have.

    Parameters
    ----------
    frequency_hz : float
    level_dbfs, relative_db : float
        Level while the tone sounds, in dBFS and relative to the speech.
    start_s, end_s : float
        First and last moment, on the clock of the estimated signal.
    count : int
        Number of bursts.
    """

    frequency_hz: float
    level_dbfs: float
    relative_db: float
    start_s: float
    end_s: float
    count: int


def added_noise(pair: AlignedPair, lines_hz: Sequence[float] = ()) -> AddedNoise | None:
    """Return the steady noise that was added; None if the reference has no speech.

    Each third-octave band from 50 Hz on uses the 30 % of the frames in which the reference is quietest. The noise power
    is the lower quartile of the residual power over these frames, limited to the power of the estimated signal above
    the prediction. The quartile is converted to the mean by the ratio that holds for steady noise of that bandwidth.
    Bins around `lines_hz` (tones and hum that were found) are left out.
    """
    speech = pair.speech_dbfs
    if speech is None:
        return None
    frames = np.flatnonzero(pair.covered_frames)
    frames = frames[:: max(1, frames.size // (2 * _MOST_FRAMES))]
    edges = _band_edges(pair)
    keep = np.ones(pair.power[0].shape[1], dtype=np.float32)
    for line_hz in lines_hz:
        at = round(line_hz / pair.bin_hz)
        keep[max(0, at - 3) : at + 4] = 0.0
    kept_bins = np.add.reduceat(keep, edges)[:-1]
    own, out, rest = (
        np.add.reduceat(power[frames] * keep, edges, axis=1).astype(np.float64)[:, :-1]
        for power in (pair.predicted_power, pair.power[1], pair.residual_power)
    )
    count = max(4, round(_QUIET_SHARE * frames.size))
    total = 0.0
    for band in range(own.shape[1]):
        quiet = np.argsort(own[:, band], kind="stable")[:count]
        if kept_bins[band] < 1:
            continue
        factor = _quantile_factor(int(kept_bins[band])) * float(kept_bins[band]) / float(edges[band + 1] - edges[band])
        unexplained = float(np.quantile(np.minimum(rest[quiet, band], out[quiet, band]), _QUANTILE)) / factor
        excess = (
            float(np.quantile(out[quiet, band], _QUANTILE)) - float(np.quantile(own[quiet, band], _QUANTILE))
        ) / factor
        total += max(0.0, min(unexplained, excess))
    level = 10.0 * np.log10(max(total, 1e-12))
    explained = float(pair.predicted_power.sum(axis=1, dtype=np.float64)[pair.active].sum())
    left = float(pair.residual_power.sum(axis=1, dtype=np.float64)[pair.active].sum())
    return AddedNoise(
        level_dbfs=float(level),
        snr_db=float(speech - level),
        residual_db=float(10.0 * np.log10(max(left, _FLOOR) / max(explained, _FLOOR))),
    )


def loudest_db(pair: AlignedPair) -> float:
    """Return the level of the loud frames of the reference: the 95th percentile over the active frames."""
    return float(np.percentile(pair.reference_db[pair.active], 95)) if pair.active.any() else -120.0


def _band_edges(pair: AlignedPair) -> NDArray[np.int64]:
    """Return the first bins of bands of a third of an octave (at least four bins), and one past the last."""
    top = pair.power[0].shape[1] - 1
    edges = [max(2, round(_NOISE_LOW_HZ / pair.bin_hz))]
    while edges[-1] < top:
        edges.append(min(top, max(edges[-1] + 4, round(edges[-1] * 2.0 ** (1.0 / _BANDS_PER_OCTAVE)))))
    if len(edges) > 2 and edges[-1] - edges[-2] < 4:
        edges.pop(-2)
    return np.asarray(edges)


def _quantile_factor(bins: int) -> float:
    """Return the lower quartile of the power of white noise in a band of n bins, divided by its mean.

    With a Hann window about n / 1.5 of the bins are independent. The power then has a gamma distribution, whose
    quantile is approximated as by E. B. Wilson and M. M. Hilferty (1931).
    """
    freedom = 2.0 * max(1.0, bins / 1.5)
    normal = -0.6745
    return float((1.0 - 2.0 / (9.0 * freedom) + normal * np.sqrt(2.0 / (9.0 * freedom))) ** 3)


def added_dc_dbfs(pair: AlignedPair) -> float:
    """Return the level of the DC offset that was added, in dBFS; -120 for none.

    If the reference has pauses, the offset is the mean of the estimated signal in the pauses, because overdriven
    asymmetric speech shifts the mean only while it sounds. Otherwise it is the median over 20 ms frames of the mean,
    minus the offset that comes from the reference.
    """
    width = pair.hop
    count = pair.estimated.size // width
    if count == 0:
        return -120.0
    out = pair.estimated[: count * width].reshape(count, width)
    own = pair.reference[: count * width].reshape(count, width)
    mean = out.mean(axis=1).astype(np.float64)
    quiet = np.einsum("ij,ij->i", own, own) / width < 10.0 ** ((loudest_db(pair) - 40.0) / 10.0)
    quiet &= np.einsum("ij,ij->i", out, out) / width - mean**2 < 1e-4
    own_dc = float(np.median(own.mean(axis=1)))
    gain = 10.0 ** (_gain_db(pair) / 20.0)
    chosen = mean[quiet] if quiet.sum() >= 5 else mean
    heard = float(np.median(chosen))
    first = max(1, round(50.0 / pair.bin_hz))
    expected = gain * own_dc * (1.0 if pair.response[first].real >= 0.0 else -1.0)
    # A segment that removes the DC offset of the reference does not add any.
    added = 0.0 if abs(heard) <= 1.1 * abs(expected) else abs(heard - expected)
    return float(max(20.0 * np.log10(max(added, 1e-12)), -120.0))


def _gain_db(pair: AlignedPair) -> float:
    """Return the level of the predicted speech relative to the reference."""
    own = float(pair.power[0].sum(axis=1, dtype=np.float64)[pair.active].sum())
    out = float(pair.predicted_power.sum(axis=1, dtype=np.float64)[pair.active].sum())
    return float(10.0 * np.log10(out / own)) if own > 0 and out > 0 else 0.0


def added_hum(pair: AlignedPair) -> Hum | None:
    """Return mains hum that is in the estimated signal but not in the reference; None if there is none.

    Both signals are resampled to 1 kHz and cut into windows of 1 s. The filtered reference is subtracted, with its own
    hum. A line counts as hum if it is 8 dB above its surroundings in the quieter half of the windows.
    """
    speech = pair.speech_dbfs
    if speech is None:
        return None
    own, out = (_long_windows(whole, pair.long_size, pair.estimated.size, pair.rate_hz) for whole in pair.long_spectra)
    if own is None or out is None:
        return None
    bins = np.arange(out.shape[1]) / pair.bin_hz
    filtered = np.interp(bins, np.arange(pair.response.size), pair.response.real) + 1j * np.interp(
        bins, np.arange(pair.response.size), pair.response.imag
    )
    middle = (np.arange(out.shape[0]) * 0.25 + 0.5) * pair.rate_hz / pair.hop
    gain = np.interp(middle, np.arange(pair.smooth_gain.size), pair.smooth_gain)
    expected = own * filtered[None, :] * gain[:, None]
    # The filter is not known well below 100 Hz, so hum of the reference may not cancel. It is not added, however.
    excess = np.maximum(np.abs(out) ** 2 - np.abs(expected) ** 2, 0.0)
    found = _lines(np.minimum(np.abs(out - expected) ** 2, excess))
    if found is None:
        return None
    mains_hz, lines = found
    level = 10.0 * np.log10(max(sum(lines), 1e-12))
    return Hum(mains_hz, float(level), float(level - speech))


def _long_windows(
    spectrum: NDArray[np.complexfloating[Any]], size: int, used: int, rate_hz: float
) -> NDArray[np.complex128] | None:
    """Return the spectra of windows of 1 s every 0.25 s, in bins of 1 Hz up to 500 Hz; None for less than 1.5 s.

    The sum of the squared magnitudes of the three bins of a sine's main lobe is its mean square.

    Parameters
    ----------
    spectrum : ndarray of complex
        Transform of the whole signal.
    size, used : int
        Length of that transform, and the number of its samples that are signal rather than padding.
    rate_hz : float
    """
    short = round(size * _LOW_RATE_HZ / rate_hz)
    kept = np.zeros(short // 2 + 1, dtype=np.complex128)
    kept[: min(kept.size, spectrum.size)] = spectrum[: kept.size]
    kept[0] = 0.0
    low = np.fft.irfft(kept, short)[: int(used * _LOW_RATE_HZ / rate_hz)] * (short / size)
    width = round(_LOW_RATE_HZ)
    if low.size < 1.5 * width:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(low, width)[:: width // 4]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(width) / width)
    scale = np.sqrt(2.0 / (width * float(np.sum(window**2))))
    return np.asarray(scale * np.fft.rfft(frames * window, axis=1))


def _lines(power: NDArray[np.float64]) -> tuple[float, list[float]] | None:
    best: tuple[float, list[float]] | None = None
    for base in MAINS_HZ:
        lines = [line for k in range(1, int(HUM_TOP_HZ / base) + 1) if (line := _line(power, round(k * base))) > 0.0]
        # A single line at twice the mains frequency or above may be another tone.
        if (
            lines
            and (_line(power, round(base)) > 0.0 or len(lines) >= 2)
            and (best is None or sum(lines) > sum(best[1]))
        ):
            best = (base, lines)
    return best


def _line(power: NDArray[np.float64], middle: int) -> float:
    """Return the power of a steady line at a bin of 1 Hz; 0 if there is none."""
    line = np.maximum(power[:, middle - 1 : middle + 2].sum(axis=1), 1e-20)
    beside = np.concatenate((power[:, middle - 12 : middle - 4], power[:, middle + 5 : middle + 13]), axis=1)
    around = 3.0 * np.median(beside, axis=1) + 1e-13
    # Speech masks the line least in the quieter windows. There it must be above its surroundings, and have the same
    # power as elsewhere.
    quiet = np.argsort(around, kind="stable")[: max(2, around.size // 2)]
    stands_out = float(np.quantile(10.0 * np.log10(line[quiet] / around[quiet]), 0.1))
    alike = float(np.quantile(line[quiet], 0.9)) < 4.0 * max(float(np.quantile(line[quiet], 0.1)), 1e-20)
    if stands_out < _HUM_PROMINENCE_DB or not alike or float(np.median(line[quiet])) < 1e-10:
        return 0.0
    return max(0.0, float(np.median(line[quiet])) - float(np.median(around[quiet])))


def added_tones(pair: AlignedPair) -> tuple[Tone, ...]:
    """Return steady tones that were added, strongest first. They may lie in gaps, in pauses or under speech.

    A tone is a spectral line that holds nearly all power of the residual of a frame, and keeps its frequency and level
    for at least 0.1 s. A tone that sounds for a second or an eighth of the recording, whichever is longer, is found
    as a line in the lower quartile of the power over time.
    """
    speech = pair.speech_dbfs
    power = np.minimum(pair.residual_power, pair.power[1])
    reference = pair.predicted_power
    least = 10.0 ** (((speech if speech is not None else -20.0) - 60.0) / 10.0)
    tones = [*_bursts(pair, power, least), *_throughout(pair, power, reference, least)]
    level = speech if speech is not None else -20.0
    return tuple(_merged(tones, level, pair.bin_hz))


_Burst = tuple[float, float, float, float]
"""Frequency in Hz, mean power, start and end in s."""


def _bursts(pair: AlignedPair, power: NDArray[np.float32], least: float) -> list[_Burst]:
    first = max(3, round(_TONE_LOWEST_HZ / pair.bin_hz))
    inner = power[:, first:-2]
    if inner.shape[0] < _TONE_FRAMES or inner.shape[1] < 8:
        return []
    total = inner.sum(axis=1, dtype=np.float64)
    rows = np.flatnonzero(total > least)
    top = np.argmax(inner[rows], axis=1) + first
    peak = [power[rows, top + away].astype(np.float64) for away in (-2, -1, 0, 1, 2)]
    share = sum(peak) / total[rows]
    # Frequency of the line from the two larger of the three bins in the main lobe of the Hann window.
    left, mid, right = np.sqrt(peak[1]), np.sqrt(peak[2]), np.sqrt(peak[3])
    away = np.where(right > left, (2 * right - mid) / (mid + right + 1e-20), -(2 * left - mid) / (mid + left + 1e-20))
    place = np.full(power.shape[0], np.nan)
    place[rows] = np.where(share > _TONE_SHARE, top + np.clip(away, -1, 1), np.nan)
    strength = np.full(power.shape[0], 0.0)
    strength[rows] = sum(peak)
    bursts = []
    for a, b in _steady_runs(place, strength, pair.active):
        bursts.append(
            (
                float(np.median(place[a:b])) * pair.bin_hz,
                float(np.median(strength[a:b])),
                (a * pair.hop + pair.hop / 2.0) / pair.rate_hz,
                ((b - 1) * pair.hop + pair.width - pair.hop / 2.0) / pair.rate_hz,
            )
        )
    return bursts


def _steady_runs(
    place: NDArray[np.float64], strength: NDArray[np.float64], speech: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Return runs of frames in which the line keeps its frequency and level."""
    level = 10.0 * np.log10(np.maximum(strength, 1e-20))
    same = (np.abs(np.diff(place)) < _TONE_DRIFT_BINS) & (np.abs(np.diff(level)) < _TONE_SWING_DB)
    found = []
    for a, b in runs(same):
        inside = place[a : b + 1]
        steady = float(np.ptp(inside)) < _TONE_SPREAD_BINS
        least = _TONE_FRAMES_IN_SPEECH if speech[a : b + 1].any() else _TONE_FRAMES
        if b + 1 - a >= least and steady:
            found.append(_widened(place, a, b + 1))
    return found


def _widened(place: NDArray[np.float64], first: int, last: int) -> tuple[int, int]:
    """Return a run extended by frames at both ends in which the same line fades in or out."""
    middle = float(np.median(place[first:last]))
    while first > 0 and abs(place[first - 1] - middle) < 2.0 * _TONE_SPREAD_BINS:
        first -= 1
    while last < place.size and abs(place[last] - middle) < 2.0 * _TONE_SPREAD_BINS:
        last += 1
    return first, last


def _throughout(
    pair: AlignedPair, power: NDArray[np.float32], reference: NDArray[np.float32], least: float
) -> list[_Burst]:
    """Return tones that sound throughout the recording, or throughout one of up to 16 overlapping blocks of it."""
    frames = np.flatnonzero(pair.covered_frames)
    if frames.size < _LEAST_TONE_FRAMES:
        return []
    found = _lines_in(pair, power, reference, least, frames[:: max(1, frames.size // _MOST_FRAMES)])
    if found:
        return found
    block = max(round(_TONE_BLOCK_S * pair.rate_hz / pair.hop), -(-frames.size // _TONE_BLOCKS))
    for begin in range(0, frames.size - block + 1, max(1, block // 2)):
        part = frames[begin : begin + block]
        found += _lines_in(pair, power, reference, least, part[:: max(1, block // _TONE_BLOCK_FRAMES)])
    return found


def _lines_in(
    pair: AlignedPair,
    power: NDArray[np.float32],
    reference: NDArray[np.float32],
    least: float,
    frames: NDArray[np.int64],
) -> list[_Burst]:
    """Return the lines in the lower quartile over some frames that are not in the reference."""
    low = np.quantile(power[frames], _QUANTILE, axis=0)
    own = np.quantile(reference[frames], _QUANTILE, axis=0)
    size = low.size
    beside = [np.roll(low, away) for away in (-9, -8, -7, -6, -5, 5, 6, 7, 8, 9)]
    around = np.median(beside, axis=0) + _FLOOR
    first = max(10, round(HUM_TOP_HZ / pair.bin_hz))
    found: list[_Burst] = []
    middle = np.arange(first, size - 10)
    peaks = middle[(low[middle] >= low[middle - 1]) & (low[middle] >= low[middle + 1])]
    for at in peaks:
        lobe = float(low[at - 1 : at + 2].sum())
        stands_out = float(low[at]) > 10.0 ** (_LINE_PROMINENCE_DB / 10.0) * float(around[at])
        if float(low[at]) < _FLOOR or not stands_out or lobe < least or lobe < 4.0 * float(own[at - 1 : at + 2].sum()):
            continue
        values = power[frames, at - 1].astype(np.float64) + power[frames, at] + power[frames, at + 1]
        if float(np.quantile(values, 0.5)) > 4.0 * float(np.quantile(values, 0.1)):
            continue
        left, mid, right = (float(np.sqrt(low[at + away])) for away in (-1, 0, 1))
        away = (2 * right - mid) / (mid + right) if right > left else -(2 * left - mid) / (mid + left)
        start, end = frames[0] * pair.hop / pair.rate_hz, (frames[-1] * pair.hop + pair.width) / pair.rate_hz
        found.append(((at + away) * pair.bin_hz, float(np.median(values)), float(start), float(end)))
    return found


def _merged(bursts: list[_Burst], speech_dbfs: float, bin_hz: float) -> list[Tone]:
    """Return the tones, with bursts of the same frequency merged into one tone."""
    groups: list[list[_Burst]] = []
    for burst in sorted(bursts):
        if groups and burst[0] - groups[-1][-1][0] < 0.6 * bin_hz:
            groups[-1].append(burst)
        else:
            groups.append([burst])
    tones = []
    for group in groups:
        level = float(10.0 * np.log10(max((*(power for _, power, _, _ in group), 1e-12))))
        spans = _united([(start, end) for _, _, start, end in group])
        tones.append(
            Tone(
                frequency_hz=float(np.median([hz for hz, _, _, _ in group])),
                level_dbfs=level,
                relative_db=level - speech_dbfs,
                start_s=spans[0][0],
                end_s=spans[-1][1],
                count=len(spans),
            )
        )
    return sorted(tones, key=lambda tone: -tone.level_dbfs)


def _united(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    united: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1] + 0.03:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united
