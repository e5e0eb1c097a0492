"""Stretches of a copy with one delay, and the exact sample at which one stretch ends and the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diag.dsp.arrays import Array
from diag.dsp.resample import MARGIN, shifted

_LEVEL_S = 0.06
_STRETCH_LEAST = 6
_STRETCH_SLOPE, _STRETCH_SCATTER, _ONE_WAY = 0.02, 0.12, 0.85
_UNEVEN, _UNEVEN_S = 0.03, 0.0003
_VANISHING_S = 0.01
"""A stretch that is shorter than this once the ends are exact was a false match, and is removed."""


@dataclass(frozen=True)
class Stretch:
    """A part of the original that is in the copy at one delay.

    Parameters
    ----------
    start_s, end_s : float
        Start and end in the original.
    delay_s : float
        Delay of the copy.
    agreement : float
        Median local correlation, 0 to 1.
    """

    start_s: float
    end_s: float
    delay_s: float
    agreement: float


def with_exact_ends(stretches: Sequence[Stretch], x: Array, copy: Array, sample_rate_hz: float) -> tuple[Stretch, ...]:
    """Return the stretches with ends exact to the sample, without those that vanish as a result."""
    result = list(stretches)
    index = 1
    while index < len(result):
        before, after = result[index - 1], result[index]
        end_s, start_s = _exact_ends(before, after, x, copy, sample_rate_hz)
        if end_s - before.start_s < _VANISHING_S and index > 1:
            del result[index - 1]
            index -= 1
        elif after.end_s - start_s < _VANISHING_S and index < len(result) - 1:
            del result[index]
        else:
            result[index - 1], result[index] = replace(before, end_s=end_s), replace(after, start_s=start_s)
            index += 1
    return tuple(result)


def _exact_ends(before: Stretch, after: Stretch, x: Array, copy: Array, sample_rate_hz: float) -> tuple[float, float]:
    """Return where the first delay ends and the next begins, such that the total error against the original is least.

    If sound was inserted, both are the same place of the original. If sound was skipped, they are as far apart as the
    delay has fallen.
    """
    skipped_s = max(0.0, before.delay_s - after.delay_s)
    first = round(max(before.start_s, before.end_s - _LEVEL_S) * sample_rate_hz)
    last_s = min(after.end_s, max(after.start_s, before.end_s + skipped_s) + _LEVEL_S)
    last = min(x.size, round(last_s * sample_rate_hz))
    if last - first < 16:
        return before.end_s, after.start_s
    own = np.asarray(x[first:last], dtype=np.float64)
    early = _placed(copy, before.delay_s * sample_rate_hz + first, own, slice(0, own.size // 4))
    late = _placed(copy, after.delay_s * sample_rate_hz + first, own, slice(own.size - own.size // 4, own.size))
    missed_before = np.concatenate(([0.0], np.cumsum((own - early) ** 2)))
    missed_after = np.concatenate(([0.0], np.cumsum((own - late) ** 2)))
    skipped = round(skipped_s * sample_rate_hz)
    places = np.arange(max(1, own.size + 1 - skipped))
    total = missed_before[places] - missed_after[np.minimum(places + skipped, own.size)]
    place = first + int(np.argmin(total))
    return place / sample_rate_hz, (place + skipped) / sample_rate_hz


def _placed(copy: Array, begin: float, own: Array, part: slice) -> NDArray[np.float64]:
    """Return the copy from a position on, as long as the original part, scaled to the original's level in `part`."""
    start = max(0, int(begin) - MARGIN)
    there = np.zeros(own.size + 3 * MARGIN, dtype=np.float32)
    piece = copy[start : start + there.size]
    there[: piece.size] = piece
    other = shifted(there, begin - start)[: own.size].astype(np.float64)
    power = float(np.dot(other[part], other[part]))
    gain = float(np.dot(own[part], other[part])) / power if power > 0 else 1.0
    return other * max(gain, 0.0)


def time_stretch(stretches: Sequence[Stretch], copy: Array, sample_rate_hz: float) -> float | None:
    """Return the growth of the delay per second if time is stretched without a change of pitch; otherwise None.

    Time stretching repeats or drops pitch periods. This shows as many steps in one direction, of different sizes,
    evenly spread and without silence. Stalls insert silence, and lost or repeated chunks are steps of one size.
    """
    if len(stretches) < _STRETCH_LEAST:
        return None
    middle = np.array([(part.start_s + part.end_s) / 2 for part in stretches])
    delay = np.array([part.delay_s for part in stretches])
    steps = np.diff(delay)
    sizes = np.abs(steps)
    slope, offset = np.polyfit(middle, delay, 1)
    scatter = float(np.std(delay - slope * middle - offset)) / max(float(np.std(delay)), 1e-9)
    one_way = abs(float(steps.sum())) > _ONE_WAY * float(sizes.sum())
    chunk = float(np.median(sizes))
    uneven = float(np.mean(np.abs(sizes - chunk * np.rint(sizes / chunk)))) > max(_UNEVEN * chunk, _UNEVEN_S)
    if abs(slope) < _STRETCH_SLOPE or scatter > _STRETCH_SCATTER or not one_way or not uneven:
        return None
    loud = float(np.percentile(np.abs(copy), 98))
    silent = sum(_is_silent(before, after, copy, sample_rate_hz, loud) for before, after in pairwise(stretches))
    return float(slope) if silent < 0.5 * steps.size else None


def _is_silent(before: Stretch, after: Stretch, copy: Array, sample_rate_hz: float, loud: float) -> bool:
    """Return whether there is silence between two stretches in the copy; False if there is nothing between them."""
    first = round((before.end_s + before.delay_s) * sample_rate_hz) + 4
    part = copy[max(0, first) : max(0, round((after.start_s + after.delay_s) * sample_rate_hz) - 4)]
    return part.size > 0 and float(np.abs(part).mean()) < 0.01 * loud
