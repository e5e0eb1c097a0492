"""Detect gaps that were cut into a sound, without a reference: of exact zeros, or filled with a noise floor.

They are distinguished from pauses by their edges. Before a pause the voice decays over some milliseconds, and after it
the voice begins softly or with a plosive burst. At a cut the voice is at full level up to the last sample, and begins
again as suddenly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from diag.dsp.arrays import Array
from diag.dsp.level import decibels
from diag.dsp.runs import runs_of

SHORTEST_S = 0.002
LONGEST_S = 1.0
SHORTEST_OVER_NOISE_S = 0.003
LONGEST_OVER_NOISE_S = 0.260
HOT_BEFORE_DB, HOT_BEHIND_DB = -14.0, -18.0
"""Least level of the 3 ms before and after a gap, relative to the active level. At pauses that speech synthesis sets to
zero it is lower."""
STEP_DB = -20.0
"""Least level of the last sample before a gap of zeros, or of the first after it, relative to the active level."""
DECAY_DB = -12.0
"""If the level of the last 3 ms is lower than this relative to the time before, the voice ends by itself."""
NOISY_BEFORE_DB, NOISY_BEHIND_DB = -12.0, -14.0
LOUD_DB = -8.0
VOICED_HZ = 2500.0
"""Softer edges must be voiced on both sides (mean frequency below this), because a plosive burst after a pause is
noise."""
NOISY_STEPS_DB = -36.0
"""Least sum of the levels of the two edge samples of a gap with a noise floor."""
DEPTH_DB = 30.0
"""A gap with a noise floor must be this far below the active level."""
STEADY = 3.0
"""The ends of a gap must have the level of its middle within this many standard errors, so that nothing decays in
it."""
_BLOCK_S = 0.0005
_EDGE_S = 0.003
"""Length of the sound before and after a gap whose level is compared."""


class _Sides(NamedTuple):
    """The sound on both sides of a gap.

    Levels in dB relative to the active level: of the 3 ms before the gap, of the 17 ms before these, of the 3 ms after
    the gap, and of both edge samples. Last is the higher of the mean frequencies of 6 ms on either side.
    """

    before: float
    earlier: float
    behind: float
    last: float
    first: float
    mean_hz: float

    @property
    def hard(self) -> bool:
        """Whether there is sound up to the edge on both sides, and not a plosive burst after the gap."""
        loud = self.before > LOUD_DB and self.behind > LOUD_DB
        voiced = self.before > HOT_BEFORE_DB and self.behind > HOT_BEHIND_DB and self.mean_hz < VOICED_HZ
        return loud or voiced


def active_level(samples: Array) -> float:
    """Return the RMS of the samples above 2 % of the peak; 0 for silence."""
    size = np.abs(samples)
    loud = size > 0.02 * float(np.max(size, initial=0.0))
    count = int(np.count_nonzero(loud))
    size = size * loud
    return float(np.sqrt(float(np.dot(size, size)) / count)) if count else 0.0


def digital_gaps(samples: Array, sample_rate_hz: float) -> list[tuple[int, int]]:
    """Return runs of exact zeros of 2 ms to 1 s with sound up to both edges, as (first, last + 1) samples."""
    zero = samples == 0.0
    runs = runs_of(zero)
    length = runs[:, 1] - runs[:, 0]
    fits = (length >= SHORTEST_S * sample_rate_hz) & (length <= LONGEST_S * sample_rate_hz)
    inner = (runs[:, 0] > 0) & (runs[:, 1] < samples.size)
    if samples.size - np.count_nonzero(zero) < 100 or not (fits & inner).any():
        return []
    active = active_level(samples)
    # With a short word length, soft sound is rounded to zero. The last quantisation step before zero is not an edge.
    least_edge = 2.5 * float(np.min(np.abs(samples[~zero])))
    result = []
    for first, last in runs[fits & inner].tolist():
        sides = _beside(samples, first, last, sample_rate_hz, active)
        edge = max(abs(float(samples[first - 1])), abs(float(samples[last])))
        stepped = max(sides.last, sides.first) > STEP_DB and edge > least_edge
        if sides.hard and stepped and sides.before - sides.earlier > DECAY_DB:
            result.append((first, last))
    return result


def noisy_gaps(samples: Array, sample_rate_hz: float) -> list[tuple[int, int]]:
    """Return sudden gaps of 3 to 260 ms with nothing but a steady noise floor, as (first, last + 1) samples."""
    block = max(4, round(_BLOCK_S * sample_rate_hz))
    count = samples.size // block
    if count < 200:
        return []
    parts = np.asarray(samples[: count * block], dtype=np.float32).reshape(count, block)
    power = np.einsum("ij,ij->i", parts, parts) / block
    active = active_level(samples)
    runs = runs_of(power < np.square(active * 10.0 ** (-DEPTH_DB / 20.0)))
    length = runs[:, 1] - runs[:, 0]
    shortest, longest = (round(s / _BLOCK_S) for s in (SHORTEST_OVER_NOISE_S, LONGEST_OVER_NOISE_S))
    fits = (length >= shortest - 1) & (length <= longest) & (runs[:, 0] >= 40) & (runs[:, 1] <= count - 40)
    runs = runs[fits]
    # The 3 ms before and after a gap are loud. Most pauses are left out by the power of the blocks around their edges.
    sums = np.concatenate(([0.0], np.cumsum(power, dtype=np.float64))) * block
    reach = -(-round(_EDGE_S * sample_rate_hz) // block) + 1
    before = sums[np.minimum(runs[:, 0] + 2, count)] - sums[np.maximum(runs[:, 0] - 2 * reach, 0)]
    behind = sums[np.minimum(runs[:, 1] + 2 * reach, count)] - sums[np.maximum(runs[:, 1] - 2, 0)]
    least = 0.99 * np.square(active) * round(_EDGE_S * sample_rate_hz)
    hot = (before >= least * 10 ** (NOISY_BEFORE_DB / 10)) & (behind >= least * 10 ** (NOISY_BEHIND_DB / 10))
    holes = (_hole(samples, first * block, last * block, sample_rate_hz, active) for first, last in runs[hot].tolist())
    return [hole for hole in holes if hole is not None]


def _hole(samples: Array, first: int, last: int, sample_rate_hz: float, active: float) -> tuple[int, int] | None:
    """Return the gap with exact edges if both are cuts with only noise between them; otherwise None."""
    quarter = (last - first) // 4
    floor = _rms(samples[first + quarter : last - quarter])
    if floor <= 0.0:
        return None
    loud = max(5.0 * floor, 0.01 * active)
    reach, within = max(2, round(_EDGE_S * sample_rate_hz)), max(2, round(_BLOCK_S * sample_rate_hz))
    before = np.flatnonzero(np.abs(samples[first - reach : first + within]) > loud)
    behind = np.flatnonzero(np.abs(samples[last - within : last + reach]) > loud)
    if before.size == 0 or behind.size == 0:
        return None
    first, last = first - reach + int(before[-1]) + 1, last - within + int(behind[0])
    if last - first < SHORTEST_OVER_NOISE_S * sample_rate_hz * 0.9:
        return None
    hole = samples[first:last]
    for seconds in (0.001, 0.003):
        size = max(4, round(seconds * sample_rate_hz))
        spread_db = STEADY * 8.7 / np.sqrt(2.0 * size)
        ends = (hole[:size], hole[-size:]) if seconds < 0.002 else (hole[:size],)
        if any(abs(float(decibels(_rms(end) / floor))) > spread_db for end in ends):
            return None
    sides = _beside(samples, first, last, sample_rate_hz, active)
    hot = sides.before > NOISY_BEFORE_DB and sides.behind > NOISY_BEHIND_DB and sides.hard
    return (first, last) if hot and sides.last + sides.first > NOISY_STEPS_DB else None


def _beside(samples: Array, first: int, last: int, sample_rate_hz: float, active: float) -> _Sides:
    near, far = max(2, round(_EDGE_S * sample_rate_hz)), max(4, round(0.020 * sample_rate_hz))
    levels = decibels(
        np.array(
            [
                _rms(samples[max(0, first - near) : first]),
                _rms(samples[max(0, first - far) : max(1, first - near)]),
                _rms(samples[last : last + near]),
                abs(float(samples[first - 1])),
                abs(float(samples[last])),
            ]
        )
        / max(active, 1e-12)
    )
    edge = max(4, round(0.006 * sample_rate_hz))
    both = (samples[max(0, first - edge) : first], samples[last : last + edge])
    mean_hz = max(_mean_hz(side, sample_rate_hz) for side in both)
    before, earlier, behind, last_db, first_db = levels.tolist()
    return _Sides(before, earlier, behind, last_db, first_db, mean_hz)


def _mean_hz(samples: Array, sample_rate_hz: float) -> float:
    """Return the root mean square frequency, by the slope of the waveform; 0 for silence."""
    level = _rms(samples)
    return sample_rate_hz / (2.0 * np.pi) * _rms(np.diff(samples)) / level if level > 0.0 else 0.0


def _rms(samples: Array) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0
