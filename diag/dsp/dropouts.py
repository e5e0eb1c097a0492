"""Find dropouts: silence in place of sound, which nothing that follows is later for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp.arrays import Array
from diag.dsp.joins import Stretch
from diag.dsp.level import decibels
from diag.dsp.runs import runs_of
from diag.dsp.spectrum import HOP_S, WINDOW_S, Sound

STEP_S = 0.0005
DROPOUT_SHORTEST_S = 0.002
GAP_DEPTH_DB = 20.0
SILENT_BELOW_ACTIVE_DB = 30.0
_MISSING_DB = 6.0
_FILTERED_DB = 15.0
_ROUNDING = 1e-10
"""Power of the least significant bit of 16-bit audio."""
_GAIN_STEP_S, _GAIN_REACH_S, _GAIN_MOVES_DB = 0.25, 0.75, 6.0
_BLUR_S = 0.0005
_MERGE_S = 0.012
_BAND_HZ = 250.0
_LOUD_SHARE = 0.05


@dataclass(frozen=True)
class Dropout:
    """Silence in place of sound: start and length in seconds of the copy, and start in the original."""

    start_s: float
    length_s: float
    original_s: float


def dropouts(
    original: Sound,
    copy: Sound,
    stretches: Sequence[Stretch],
    speed: float = 1.0,
    *,
    shortest_s: float = DROPOUT_SHORTEST_S,
) -> tuple[Dropout, ...]:
    """Return the dropouts of a copy within the stretches that it has of its original, in order of time.

    These are windows of half a millisecond in which the copy is silent while the original has sound.

    Parameters
    ----------
    original, copy : Sound
    stretches : sequence of Stretch
        In order of time.
    speed : float
        Speed of the copy.
    shortest_s : float
        Shorter dropouts are left out.
    """
    own = fine_levels_db(original, 0.0, original.duration_s)
    other = fine_levels_db(copy, 0.0, copy.duration_s)
    if own.size < 8 or other.size < 8:
        return ()
    level = float(np.percentile(other[other > other.max() - 40.0], 90))
    response: Array | None = None
    found: list[Dropout] = []
    for stretch in stretches:
        for item in _within(own, copy, stretch, level, speed):
            last = found[-1] if found else None
            if last is not None and item.start_s < last.start_s + last.length_s + _MERGE_S:
                end_s = max(last.start_s + last.length_s, item.start_s + item.length_s)
                found[-1] = Dropout(last.start_s, end_s - last.start_s, last.original_s)
                continue
            if response is None:
                response = response_of(original, copy, stretches, speed)
            if not filtered_out(original, copy, item, speed, response):
                found.append(item)
    return tuple(item for item in found if item.length_s >= shortest_s)


def fine_levels_db(sound: Sound, start_s: float, end_s: float, step_s: float = STEP_S) -> NDArray[np.float64]:
    """Return the level in dB of each half millisecond from `start_s` to `end_s`; shape (steps,).

    Outside the clip there is silence.
    """
    steps = max(0, int((end_s - start_s) / step_s + 1e-6))
    samples = sound.samples
    edges = np.clip(np.rint((start_s + np.arange(steps + 1) * step_s) * sound.rate_hz).astype(int), 0, samples.size)
    first = int(edges[0]) if edges.size else 0
    last = int(edges[-1]) if edges.size else 0
    if last <= first:
        return decibels(np.zeros(steps))
    widths = np.diff(edges)
    if int(widths.min()) == int(widths.max()):
        rows = samples[first:last].reshape(steps, -1)
        energy = np.einsum("ij,ij->i", rows, rows)
    else:
        energy = np.add.reduceat(np.square(samples[first:last]), np.minimum(edges[:-1] - first, last - first - 1))
    return decibels(np.sqrt(np.where(widths > 0, energy, 0.0) / np.maximum(widths, 1)))


def _within(own_levels: Array, copy: Sound, stretch: Stretch, level_db: float, speed: float) -> Iterator[Dropout]:
    first, last = round(stretch.start_s / STEP_S), round(stretch.end_s / STEP_S)
    own = own_levels[first:last]
    if own.size < 16:
        return
    start_s = (first * STEP_S + stretch.delay_s) / speed
    other = fine_levels_db(copy, start_s, start_s + (own.size + 0.5) * STEP_S / speed, STEP_S / speed)
    other = other[: own.size]
    loud = float(np.percentile(own, 95))
    sounding = own > max(loud - 32.0, -75.0)
    if sounding.sum() < 16:
        return
    gain = _gain_over_time(other - own, sounding)
    # Where the copy was turned down, less is silence.
    low = other < level_db + (gain - gain.max()) - SILENT_BELOW_ACTIVE_DB
    if not low.any():
        return
    # Near a zero crossing, half a millisecond may be quiet in one signal only, so 2 ms of the original are averaged.
    around = 10 * np.log10(np.convolve(10 ** (own / 10), np.full(4, 0.25), mode="same"))
    silent = low & (other < around + gain - GAP_DEPTH_DB)
    lost = silent & (around > loud - 32.0)
    quiet = silent & (around > loud - 45.0)
    missing = low & (other < own + gain - _MISSING_DB)
    for a, b in runs_of(low).tolist():
        if not lost[a:b].any():
            continue
        cores = [(c, d) for c, d in runs_of(quiet[a:b]).tolist() if lost[a + c : a + d].sum() >= 3]
        cores = [(c, d) for c, d in cores if (d - c) * STEP_S >= DROPOUT_SHORTEST_S]
        if not cores:
            continue
        # Lost sound before and after a pause of the original is one gap. The gap extends as far as the original is
        # louder than the copy.
        begin, end = a + cores[0][0], a + cores[-1][1]
        while begin > a and missing[begin - 1]:
            begin -= 1
        while end < b and missing[end]:
            end += 1
        begin_s = start_s + begin * STEP_S / speed
        yield Dropout(begin_s, (end - begin) * STEP_S / speed, (first + begin) * STEP_S)


def _gain_over_time(difference_db: Array, sounding: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the gain of the copy in dB at each window: medians over 1.5 s of sound, which no dropout moves.

    Changes of less than 6 dB between neighbouring medians are those of speech through a filter; then one median is
    used.
    """
    size = difference_db.size
    centres = np.arange(0, size, round(_GAIN_STEP_S / STEP_S))
    reach = round(_GAIN_REACH_S / STEP_S)
    whole = float(np.median(difference_db[sounding]))
    medians = np.full(centres.size, whole)
    for place, centre in enumerate(centres):
        near = slice(max(0, centre - reach), centre + reach)
        if sounding[near].sum() >= reach // 4:
            medians[place] = float(np.median(difference_db[near][sounding[near]]))
    if float(np.ptp(medians)) < _GAIN_MOVES_DB:
        return np.full(size, whole)
    return np.asarray(np.interp(np.arange(size), centres, medians))


def response_of(original: Sound, copy: Sound, stretches: Sequence[Stretch], speed: float) -> NDArray[np.float64]:
    """Return the gain of power from the original to the copy in each band of `_BAND_HZ`; shape (bands,).

    It is the lower quartile over the frames in which the original is loud in the band. Mirror images and noise fill a
    band at other times than the original does, so the ratio of the long-term spectra would count them. A band in which
    the original has hardly anything gets no more than the gain of the whole.
    """
    before, behind = original.spectrum, copy.spectrum
    edges_hz = np.arange(int(before.nyquist_hz / _BAND_HZ) + 1) * _BAND_HZ
    edges = np.minimum(np.rint(edges_hz / before.bin_hz).astype(int), before.power.shape[1] - 1)
    edges_behind = np.minimum(np.rint(edges_hz * speed / behind.bin_hz).astype(int), behind.power.shape[1] - 1)
    own, other = [np.zeros((0, edges.size - 1))], [np.zeros((0, edges.size - 1))]
    for stretch in stretches:
        frames = np.arange(math.ceil(stretch.start_s / HOP_S), int((stretch.end_s - WINDOW_S) / HOP_S))
        partners = np.rint((frames * HOP_S + stretch.delay_s) / speed / HOP_S).astype(int)
        there = (frames < before.frames) & (partners >= 0) & (partners < behind.frames)
        own.append(_in_bands(before.power[frames[there]], edges))
        other.append(_in_bands(behind.power[partners[there]], edges_behind))
    first, second = np.concatenate(own), np.concatenate(other)
    if not len(first):
        return np.ones(edges.size - 1)
    ratios = np.where(first > _LOUD_SHARE * first.max(axis=0), second / np.maximum(first, 1e-14), np.nan)
    whole = float(second.sum()) / max(float(first.sum()), 1e-14)
    return np.asarray(np.minimum(np.nanpercentile(ratios, 25.0, axis=0), whole))


def _in_bands(power: Array, edges: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the power between neighbouring edges, shape (frames, edges - 1); zero where two edges are the same."""
    sums = np.concatenate((np.zeros((len(power), 1)), np.cumsum(power, axis=1, dtype=np.float64)), axis=1)
    return np.asarray(np.diff(sums[:, edges], axis=1))


def filtered_out(
    original: Sound, copy: Sound, event: Dropout, speed: float, response: Array, *, within_db: float = _FILTERED_DB
) -> bool:
    """Return whether the copy is quiet there only because of its response, such as hiss after a low-pass filter.

    Parameters
    ----------
    original, copy : Sound
    event : Dropout
    speed : float
        Speed of the copy.
    response : ndarray, shape (bands,)
        Gains of `response_of`.
    within_db : float
        The copy may be this much quieter than the response makes it.
    """
    own = original.cut(event.original_s, event.original_s + event.length_s * speed).samples
    there = copy.cut(event.start_s + _BLUR_S, event.start_s + event.length_s - _BLUR_S).samples
    if own.size < 8 or there.size < 2 or not response.size:
        return False
    power = np.abs(np.fft.rfft(own)) ** 2
    hz = np.fft.rfftfreq(own.size, 1.0 / original.rate_hz)
    gain = np.interp(hz, (np.arange(response.size) + 0.5) * _BAND_HZ, response)
    share = float(power @ gain) / max(float(power.sum()), 1e-20)
    expected = share * float(np.mean(np.square(own, dtype=np.float64)))
    heard = float(np.mean(np.square(there, dtype=np.float64)))
    return expected < _ROUNDING or heard > expected * 10 ** (-within_db / 10)
