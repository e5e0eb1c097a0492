"""Track the delay of a copy against its original over time. It has a step at every stall, skip and repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diag.dsp.arrays import Array
from diag.dsp.delay_search import STEP_S, Search
from diag.dsp.joins import Stretch, with_exact_ends
from diag.dsp.resample import padded, shifted

_PER_WINDOW = 12
SAME_AT_MOST, SAME_AT_LEAST, SAME_BELOW_TYPICAL = 0.90, 0.65, 0.12
"""A stretch of the copy is taken for the original where local correlation comes this close to what is typical of the
pair: 0.90 in a clean digital path (other pitch periods of the same voice reach 0.85), less in noise or echo."""
MAX_DELAYS = 48
_SWITCH = 1.6
_OVERLAP_S = 0.02
_REFUSED_AT_MOST = 12
_LEAST_AGREEING = 3
"""One or two windows of 30 ms across a break may look like some other place."""
_BETTER = 0.1
"""A new delay must have a correlation higher by this than the known delays, where it fits."""
_ACTIVE_RANGE_DB = 32.0


@dataclass(frozen=True)
class DelayTrack:
    """The delay of each part of the original.

    Parameters
    ----------
    stretches : tuple of Stretch
        In order of the original. Parts between them are not in the copy.
    explained : float
        Share of the original's active time that was found again, 0 to 1.
    """

    stretches: tuple[Stretch, ...]
    explained: float


def local_agreement(original: Array, copy: Array, sample_rate_hz: float) -> NDArray[np.float64]:
    """Return the normalised correlation at lag 0 of 30 ms windows every 5 ms; shape (frames,); 0 in silence."""
    x, y = _halves(original, original.size, sample_rate_hz), _halves(copy, original.size, sample_rate_hz)
    product, own, other = _windowed(x, y), _windowed(x, x), _windowed(y, y)
    floor = max(float(own.max(initial=0.0)), float(other.max(initial=0.0))) * 1e-8 + 1e-12
    return np.asarray(product / np.sqrt(np.maximum(own, floor) * np.maximum(other, floor)))


def _halves(samples: Array, size: int, sample_rate_hz: float) -> NDArray[np.float32]:
    """Return rows of 2.5 ms, such that rows 2 n to 2 n + 11 are window n of 30 ms; shape (rows, samples)."""
    half = round(STEP_S * sample_rate_hz) // 2
    frames = frame_count(size, sample_rate_hz)
    rows = np.zeros((2 * frames + _PER_WINDOW, half), dtype=np.float32)
    offset = (_PER_WINDOW - 2) // 2 * half
    usable = min(size, samples.size, rows.size - offset)
    rows.reshape(-1)[offset : offset + usable] = samples[:usable]
    return rows


def _windowed(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sum of products over each window, shape (frames,)."""
    sums = np.concatenate(([0.0], np.cumsum(np.einsum("ij,ij->i", x, y), dtype=np.float64)))
    return np.asarray(sums[_PER_WINDOW:-1:2] - sums[: -1 - _PER_WINDOW : 2])


def frame_count(samples: int, sample_rate_hz: float) -> int:
    """Return the number of 5 ms frames that `local_agreement` gives for so many samples."""
    return max(1, -(-samples // (2 * (round(STEP_S * sample_rate_hz) // 2))))


def active_frames(original: Array, sample_rate_hz: float) -> NDArray[np.bool_]:
    """Return the 5 ms frames of the original that carry enough sound to be recognised; shape (frames,)."""
    x = _halves(original, original.size, sample_rate_hz)
    power = _windowed(x, x) / (_PER_WINDOW * x.shape[1])
    level = 10.0 * np.log10(np.maximum(power, 1e-12))
    return np.asarray(level > max(float(np.percentile(level, 95)) - _ACTIVE_RANGE_DB, -85.0))


def track_delays(
    original: Array, copy: Array, sample_rate_hz: float, delay_s: float, moved: Array | None = None
) -> DelayTrack:
    """Follow the delay of a copy of the same speed.

    The local correlation is computed at the known delays. Where none of them fits, 80 ms windows are searched within
    ±0.4 s of the nearest known delay, and the most frequent result becomes a known delay. At the end, dynamic
    programming selects one delay (or none) for each 5 ms of the original, with a cost for every change.

    Parameters
    ----------
    original, copy : ndarray, shape (n,), (m,)
        At the same rate and speed.
    sample_rate_hz : float
    delay_s : float
        A delay that is valid for a part of the copy.
    moved : ndarray or None
        The copy moved by this delay, if it is already computed.
    """
    x = np.asarray(original, dtype=np.float32)
    active = active_frames(x, sample_rate_hz)
    delays = [delay_s * sample_rate_hz]
    first = _moved(x, copy, delays[0]) if moved is None else moved
    agreements = [local_agreement(x, first, sample_rate_hz)]
    same = _same(agreements[0], active)
    search = Search(x, copy, sample_rate_hz, same)
    refused: list[float] = []
    while len(delays) < MAX_DELAYS and len(refused) < MAX_DELAYS:
        stacked = np.stack(agreements)
        best = stacked.max(axis=0)
        known = np.asarray(delays)[np.argmax(np.where(stacked >= same, stacked, 0.0), axis=0)]
        unexplained = active & (best < same)
        found = search.next_delay(unexplained, known, (*delays, *refused))
        least = 6
        if found is None and len(refused) < _REFUSED_AT_MOST:
            found, least = search.next_short(unexplained, active & ~unexplained, known, (*delays, *refused)), 2
        if found is None:
            break
        agreement = local_agreement(x, _moved(x, copy, found), sample_rate_hz)
        if (unexplained & (agreement >= same) & (agreement > best + _BETTER)).sum() < least:
            refused.append(found)
            continue
        delays.append(found)
        agreements.append(agreement)
    stacked = np.stack(agreements)
    path = _best_path(stacked, active, 1.1 - same)
    track = _as_track(path, stacked, active, np.asarray(delays) / sample_rate_hz, same)
    return DelayTrack(with_exact_ends(track.stretches, x, copy, sample_rate_hz), track.explained)


def _same(agreement: NDArray[np.float64], active: NDArray[np.bool_]) -> float:
    """Return the least correlation of the same sound: a little below the typical one where it was found."""
    found = agreement[active & (agreement > 0.5)]
    typical = float(np.median(found)) if found.size else SAME_AT_MOST
    return float(np.clip(typical - SAME_BELOW_TYPICAL, SAME_AT_LEAST, SAME_AT_MOST))


def _moved(x: Array, copy: Array, delay: float) -> NDArray[np.float32]:
    """Return the copy moved by a delay in samples."""
    return shifted(padded(copy, x.size + int(abs(delay)) + 64), delay)


def _best_path(agreements: NDArray[np.float64], active: NDArray[np.bool_], lost_cost: float) -> NDArray[np.int64]:
    """Return the state of each frame: index of a delay, or the number of delays for "lost"; least total cost."""
    states, frames = agreements.shape
    cost = np.full((frames, states + 1), lost_cost)
    cost[:, :states] = 1.0 - np.clip(agreements.T, 0.0, 1.0)
    cost[~active] = 0.0
    if states == 1 and bool((cost[:, 0] <= lost_cost).all()):
        return np.zeros(frames, dtype=np.int64)
    own = np.arange(states + 1)
    total = cost[0].copy()
    back = np.empty((frames, states + 1), dtype=np.int64)
    for frame in range(1, frames):
        best = int(total.argmin())
        change = total[best] + _SWITCH
        move = total > change
        back[frame] = np.where(move, best, own)
        total = np.where(move, change, total) + cost[frame]
    path = np.zeros(frames, dtype=np.int64)
    path[-1] = int(np.argmin(total))
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    return path


def _as_track(
    path: NDArray[np.int64],
    agreements: NDArray[np.float64],
    active: NDArray[np.bool_],
    delays_s: NDArray[np.float64],
    same: float,
) -> DelayTrack:
    lost = agreements.shape[0]
    stretches: list[Stretch] = []
    edges = np.flatnonzero(np.diff(path)) + 1
    for first, last in zip((0, *edges), (*edges, path.size), strict=True):
        state = int(path[first])
        if state == lost:
            continue
        agreeing = np.flatnonzero(active[first:last] & (agreements[state, first:last] >= same)) + first
        if agreeing.size < _LEAST_AGREEING:
            continue
        # An end at a break is trimmed to what agrees; an end of the clip is not: there may be silence.
        start = int(first) if first == 0 else int(agreeing[0])
        end = int(last) if last == path.size else int(agreeing[-1]) + 1
        typical = float(np.median(agreements[state, agreeing]))
        stretches.append(Stretch(start * STEP_S, end * STEP_S, float(delays_s[state]), typical))
    kept = _in_order(stretches)
    explained = 0
    for stretch in kept:
        first, last = round(stretch.start_s / STEP_S), round(stretch.end_s / STEP_S)
        state = int(np.argmin(np.abs(delays_s - stretch.delay_s)))
        explained += int((active[first:last] & (agreements[state, first:last] >= same - 0.2)).sum())
    return DelayTrack(_joined(kept), explained / max(1, int(active.sum())))


def _in_order(stretches: list[Stretch]) -> list[Stretch]:
    """Return the stretches without those that use a part of the copy twice, which are false matches."""
    kept = list(stretches)
    index = 1
    while index < len(kept):
        before, after = kept[index - 1], kept[index]
        lengths_s = before.end_s - before.start_s, after.end_s - after.start_s
        twice_s = before.end_s + before.delay_s - after.start_s - after.delay_s
        # A short overlap is allowed: some pitch periods fit both delays, and the exact ends are found later.
        if twice_s > max(_OVERLAP_S, 0.4 * min(lengths_s)):
            shorter = index if lengths_s[1] < lengths_s[0] else index - 1
            del kept[shorter]
            index = max(1, index - 1)
        else:
            index += 1
    return kept


def _joined(stretches: list[Stretch]) -> tuple[Stretch, ...]:
    """Return the stretches, with neighbours of the same delay merged."""
    result: list[Stretch] = []
    for stretch in stretches:
        last = result[-1] if result else None
        if last is not None and abs(last.delay_s - stretch.delay_s) < 1e-9:
            result[-1] = Stretch(last.start_s, stretch.end_s, last.delay_s, max(last.agreement, stretch.agreement))
        else:
            result.append(stretch)
    return tuple(result)
