"""Find stalls, skips and repeats from a delay track, and dropouts that are shorter than its windows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diag.dsp.joins import Stretch
from diag.dsp.level import decibels
from diag.dsp.runs import runs_of
from diag.dsp.spectrum import Sound
from diag.dsp.track import DelayTrack

Array = NDArray[np.floating[Any]]

SHORTEST_S = 0.0015
"""Smaller changes of delay are ignored: they come from a resampler or from estimation errors."""
STEP_S = 0.0005
GAP_SHORTEST_S = 0.002
GAP_DEPTH_DB = 20.0
SILENT_BELOW_ACTIVE_DB = 30.0
_MISSING_DB = 6.0
_FILTERED_DB = 15.0
_ROUNDING = 1e-10
"""Power of the least significant bit of 16-bit audio."""
_BLUR_S = 0.0005
_MERGE_S = 0.012
_END_RANGE_DB = 18.0
"""At its end, the original counts as sound down to this range below its loud parts. Noise masks a fainter end."""


class Kind(StrEnum):
    """What happened to the sound."""

    STALL = "stall"
    DROPOUT = "dropout"
    SKIP = "skip"
    REPEAT = "repeat"


@dataclass(frozen=True)
class Break:
    """One interruption of a copy.

    Parameters
    ----------
    kind : Kind
        Silence inserted (stall), silence in place of sound (dropout), sound lost (skip), sound repeated (repeat).
    start_s : float
        Start in the copy.
    length_s : float
        Duration of the sound that was inserted, replaced or lost.
    """

    kind: Kind
    start_s: float
    length_s: float


def find_breaks(original: Sound, copy: Sound, track: DelayTrack, speed: float = 1.0) -> tuple[Break, ...]:
    """Return the stalls, dropouts, skips and repeats of a copy against its original, in order of time.

    A change of delay between two stretches is a stall, a repeat or a skip of exactly that duration. Within a stretch,
    half-millisecond windows in which the copy is silent while the original has sound are a dropout.

    Parameters
    ----------
    original, copy : Sound
    track : DelayTrack
        The track from `match_clips` for these two.
    speed : float
        Speed of the copy.
    """
    own = fine_levels_db(original, 0.0, original.duration_s)
    other = fine_levels_db(copy, 0.0, copy.duration_s)
    if own.size < 8 or other.size < 8:
        return ()
    level = _active_level_db(other)
    breaks: list[Break] = []
    for stretch in track.stretches:
        found = _dropouts(own, copy, stretch, level, speed)
        breaks.extend(event for event in found if not _filtered_out(original, copy, stretch, event, speed))
    for before, after in pairwise(track.stretches):
        change = _between(copy, before, after, level, speed)
        if change is not None:
            breaks.append(change)
    lost = _lost_end(own, other, copy.duration_s, track, speed)
    return _merged(sorted((*breaks, *lost), key=lambda item: item.start_s))


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
    energy = np.add.reduceat(np.square(samples[first:last]), np.minimum(edges[:-1] - first, last - first - 1))
    return decibels(np.sqrt(np.where(widths > 0, energy, 0.0) / np.maximum(widths, 1)))


def _between(copy: Sound, before: Stretch, after: Stretch, level_db: float, speed: float) -> Break | None:
    """Return the event behind a change of delay: silence inserted, sound repeated, or sound lost."""
    change = after.delay_s - before.delay_s
    start, end = (before.end_s + before.delay_s) / speed, (after.start_s + after.delay_s) / speed
    if change <= -SHORTEST_S:
        return Break(Kind.SKIP, max(0.0, start), -change)
    if change < SHORTEST_S:
        return None
    inner = copy.cut(start + _BLUR_S, max(end - _BLUR_S, start + 2 * _BLUR_S)).samples
    level = float(decibels(np.sqrt(np.mean(np.square(inner, dtype=np.float64))))) if inner.size else -120.0
    silent = level < level_db - SILENT_BELOW_ACTIVE_DB
    return Break(Kind.STALL if silent else Kind.REPEAT, max(0.0, start), change)


def _dropouts(own_levels: Array, copy: Sound, stretch: Stretch, level_db: float, speed: float) -> list[Break]:
    first, last = round(stretch.start_s / STEP_S), round(stretch.end_s / STEP_S)
    own = own_levels[first:last]
    if own.size < 16:
        return []
    start_s = (first * STEP_S + stretch.delay_s) / speed
    other = fine_levels_db(copy, start_s, start_s + (own.size + 0.5) * STEP_S / speed, STEP_S / speed)
    other = other[: own.size]
    loud = float(np.percentile(own, 95))
    sounding = own > max(loud - 32.0, -75.0)
    if sounding.sum() < 16:
        return []
    gain = float(np.median((other - own)[sounding]))
    low = other < level_db - SILENT_BELOW_ACTIVE_DB
    if not low.any():
        return []
    # Near a zero crossing, half a millisecond may be quiet in one signal only, so 2 ms of the original are averaged.
    around = 10 * np.log10(np.convolve(10 ** (own / 10), np.full(4, 0.25), mode="same"))
    silent = low & (other < around + gain - GAP_DEPTH_DB)
    lost = silent & (around > loud - 32.0)
    quiet = silent & (around > loud - 45.0)
    missing = low & (other < own + gain - _MISSING_DB)
    breaks = []
    for a, b in runs_of(low).tolist():
        if not lost[a:b].any():
            continue
        cores = [(c, d) for c, d in runs_of(quiet[a:b]).tolist() if lost[a + c : a + d].sum() >= 3]
        cores = [(c, d) for c, d in cores if (d - c) * STEP_S >= GAP_SHORTEST_S]
        if not cores:
            continue
        # Lost sound before and after a pause of the original is one gap. The gap extends as far as the original is
        # louder than the copy.
        begin, end = a + cores[0][0], a + cores[-1][1]
        while begin > a and missing[begin - 1]:
            begin -= 1
        while end < b and missing[end]:
            end += 1
        breaks.append(Break(Kind.DROPOUT, start_s + begin * STEP_S / speed, (end - begin) * STEP_S / speed))
    return breaks


def _filtered_out(original: Sound, copy: Sound, stretch: Stretch, event: Break, speed: float) -> bool:
    """Return whether the copy is silent there only because of its frequency response, such as hiss after a low-pass.

    The frequency response is taken from the long-term spectra of both.
    """
    start_s = event.start_s * speed - stretch.delay_s
    own = original.cut(start_s, start_s + event.length_s * speed).samples
    there = copy.cut(event.start_s + _BLUR_S, event.start_s + event.length_s - _BLUR_S).samples
    if own.size < 8 or there.size < 2:
        return False
    before, behind = original.spectrum, copy.spectrum
    kept = np.interp(before.frequencies_hz * speed, behind.frequencies_hz, behind.ltas, right=0.0)
    gain = kept / np.maximum(before.ltas, 1e-14)
    power = np.abs(np.fft.rfft(own)) ** 2
    hz = np.fft.rfftfreq(own.size, 1.0 / original.rate_hz)
    share = float(power @ np.interp(hz, before.frequencies_hz, gain)) / max(float(power.sum()), 1e-20)
    expected = share * float(np.mean(np.square(own, dtype=np.float64)))
    heard = float(np.mean(np.square(there, dtype=np.float64)))
    return expected < _ROUNDING or heard > expected * 10 ** (-_FILTERED_DB / 10)


def _lost_end(own: Array, other: Array, copy_s: float, track: DelayTrack, speed: float) -> list[Break]:
    """Return the sound at the end of the original that is missing in the copy, although the copy is long enough.

    The delay track may end before the sound ends, for example at a faint last consonant. The sound counts as lost only
    if the copy is silent at its position.
    """
    if not track.stretches:
        return []
    last = track.stretches[-1]
    loud = np.flatnonzero(own > float(np.percentile(own, 95)) - _END_RANGE_DB)
    covered_s = copy_s * speed - last.delay_s
    end_s = min(float(loud[-1] + 1) * STEP_S if loud.size else 0.0, covered_s)
    missing = end_s - last.end_s
    places = np.arange(round(last.end_s / STEP_S), min(round(end_s / STEP_S), own.size))
    there = np.rint((places + last.delay_s / STEP_S) / speed).astype(int)
    kept = (there >= 0) & (there < other.size)
    gain = _active_level_db(other) - _active_level_db(own)
    if kept.any() and float(np.median(other[there[kept]] - own[places[kept]])) > gain - GAP_DEPTH_DB:
        return []
    return [Break(Kind.SKIP, (last.end_s + last.delay_s) / speed, missing)] if missing >= 0.03 else []


def _active_level_db(levels: Array) -> float:
    return float(np.percentile(levels[levels > levels.max() - 40.0], 90))


def _merged(breaks: list[Break]) -> tuple[Break, ...]:
    """Return the events, merged where a dropout and a change of delay, or several parts, describe the same gap."""
    result: list[Break] = []
    for item in breaks:
        last = result[-1] if result else None
        if last is not None and item.start_s < last.start_s + last.length_s + _MERGE_S:
            if last.kind is item.kind is Kind.DROPOUT:
                end_s = max(last.start_s + last.length_s, item.start_s + item.length_s)
                result[-1] = Break(Kind.DROPOUT, last.start_s, end_s - last.start_s)
                continue
            if item.kind is Kind.DROPOUT:
                continue
            if last.kind is Kind.DROPOUT:
                result[-1] = item
                continue
        result.append(item)
    return tuple(result)
