"""Measure how a segment changes the level of speech: overall, in steps, in fades, or up and down (pumping)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diag.dsp.aligned import AlignedPair

SPEECH_LOST_DBFS = -60.0
"""Speech below this is not heard at a usual volume. Reported cases lie at -61 and -81 dBFS; a listener who sets the
volume for replies of -20 dBFS (65 dB at the ear) receives 25 dB, the noise of a quiet room."""
LEVEL_CHANGE_WARN_DB = 6.5
LEVEL_CHANGE_FAIL_DB = 25.0
"""Limits for the level change of a whole segment. Listeners notice 6 dB. 18 dB is the smallest change that users
reported as a fault. Callers may treat a gain as information rather than as a fault."""
STEP_DB = 3.0
"""Least change of a step. None of 1,000 pairs after codecs, resamplers and filters had a step of this size."""
PUMPING_DB = 4.0
"""Least pumping (5th to 95th percentile of the gain smoothed over 0.2 s). Codecs and filters stay below it."""
_LEAST_ACTIVE_S = 0.25
_SUDDEN_S = 0.16
_EDGE_S = 1.2
_MOST_STEPS = 8
_PASSING_S, _PASSING_DB, _PASSING_SHARE, _MOST_PASSING = 3.0, LEVEL_CHANGE_WARN_DB + 0.5, 0.7, 3
"""Longest and least passing change of level. A smaller one is not reported as a step, and stays pumping."""
_FINE_S = 0.001
_FAINTEST_GAIN_DB = -60.0


@dataclass(frozen=True)
class LevelStep:
    """A lasting change of level within a segment.

    Parameters
    ----------
    start_s, end_s : float
        When it begins and when the new level is reached, on the clock of the estimated signal.
    change_db : float
        Level after the change relative to the level before.
    sudden : bool
        True for a step, False for a fade (a change over more than 0.16 s).
    """

    start_s: float
    end_s: float
    change_db: float
    sudden: bool


@dataclass(frozen=True)
class LevelChange:
    """How the level of the speech changed.

    Parameters
    ----------
    change_db : float
        RMS level of the estimated signal, without added sound, relative to the reference over the active frames.
    steps : tuple of LevelStep
    pumping_db : float
        Range of the gain over time, smoothed over 0.2 s, after removal of the steps.
    estimated_dbfs : float
        Level of the speech in the estimated signal.
    near_silent : bool
    """

    change_db: float
    steps: tuple[LevelStep, ...]
    pumping_db: float
    estimated_dbfs: float
    near_silent: bool


def level_change(pair: AlignedPair) -> LevelChange | None:
    """Return how the level of the speech changed; None if the reference has no speech.

    The gain of each active frame is computed from the part of the estimated signal that is coherent with the reference.
    The gains are split where two constants fit better than one (binary segmentation). A fade-in or fade-out within
    1.2 s of either end is normal processing, and is not reported.
    """
    places = np.flatnonzero(pair.active)
    if places.size < 5:
        return None
    first = pair.lowest_voice_bin
    power = pair.power[0][places, first:]
    filtered = np.abs(pair.response[None, first:]) ** 2 * power
    coherent = pair.frame_gain[places] ** 2 * filtered.sum(axis=1, dtype=np.float64)
    own: NDArray[np.float64] = power.sum(axis=1, dtype=np.float64)
    offset = 10.0 * np.log10(max(float(filtered.sum()), 1e-20) / float(own.sum()))
    gain_db = np.maximum(20.0 * np.log10(pair.frame_gain[places]), _FAINTEST_GAIN_DB)
    time_s = np.asarray((places * pair.hop + pair.width / 2.0) / pair.rate_hz, dtype=np.float64)
    weight = _weights(own)
    frames_of = pair.rate_hz / pair.hop

    def at_edges(edges: list[int]) -> tuple[tuple[LevelStep, ...], float]:
        """Return the steps at these edges, and the pumping that is left."""
        levels = [
            10.0 * np.log10(max(float(coherent[a:b].sum()) / float(own[a:b].sum()), 1e-12)) for a, b in pairwise(edges)
        ]
        steps = _steps(pair, np.asarray(gain_db + offset, dtype=np.float64), time_s, edges, levels)
        left = gain_db - np.repeat([float(np.median(gain_db[a:b])) for a, b in _spans(edges)], np.diff(edges))
        for step in steps:
            left = np.where((time_s > step.start_s - 0.1) & (time_s < step.end_s + 0.1), 0.0, left)
        return steps, _range_db(left, weight)

    whole = 10.0 * np.log10(max(float(coherent.sum()) / float(own.sum()), 1e-12))
    steps, pumping_db = at_edges(_segments(gain_db, weight, round(_LEAST_ACTIVE_S * frames_of)))
    if not steps and pumping_db > PUMPING_DB and (passing := _passing(gain_db, weight, frames_of)):
        there, left_db = at_edges(passing)
        # A gain that goes up and down all the time has more changes than these.
        if len(there) == len(passing) - 2 and left_db <= PUMPING_DB:
            steps, pumping_db = there, left_db
    estimated_dbfs = 10.0 * np.log10(max(float(coherent.mean()), 1e-12))
    return LevelChange(
        change_db=float(whole),
        steps=steps,
        pumping_db=pumping_db,
        estimated_dbfs=float(estimated_dbfs),
        near_silent=bool(estimated_dbfs < SPEECH_LOST_DBFS),
    )


def _spans(edges: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(edges))


def _weights(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights of the frames from 0.1 to 1; faint frames get less, because their gain is uncertain."""
    loud = float(np.percentile(energy, 90))
    return np.clip(np.sqrt(energy / max(loud, 1e-20)), 0.1, 1.0)


def _segments(gain_db: NDArray[np.float64], weight: NDArray[np.float64], least: int) -> list[int]:
    """Return the edges of the parts with constant gain; the first edge is 0, the last is the number of frames."""
    edges = [0, gain_db.size]
    while len(edges) <= _MOST_STEPS:
        best = max((_split(gain_db, weight, a, b, least) for a, b in _spans(edges)), key=lambda item: item[0])
        if best[0] <= 0.0:
            break
        edges = sorted([*edges, best[1]])
    return edges


def _passing(gain_db: NDArray[np.float64], weight: NDArray[np.float64], frames_of: float) -> list[int]:
    """Return the edges of up to three passing changes of the gain, as of sound that is turned down for a moment.

    The first edge is 0, the last is the number of frames; empty without such a change. Two splits one after the other
    do not find a short change, because the first of them explains too little.

    Parameters
    ----------
    gain_db, weight : ndarray, shape (n,)
    frames_of : float
        Frames in a second.
    """
    usual = float(np.median(gain_db))
    left = gain_db - usual
    edges: list[int] = []
    shortest, longest = round(_LEAST_ACTIVE_S * frames_of), min(round(_PASSING_S * frames_of), gain_db.size // 3)
    for _ in range(_MOST_PASSING):
        total = np.concatenate(([0.0], np.cumsum(weight * left)))
        mass = np.concatenate(([0.0], np.cumsum(weight)))
        best = (0.0, 0, 0)
        for size in range(shortest, longest + 1):
            gained = (total[size:] - total[:-size]) ** 2 / (mass[size:] - mass[:-size])
            place = int(np.argmax(gained))
            best = max(best, (float(gained[place]), place, place + size))
        gained_best, first, last = best
        around = slice(max(0, 2 * first - last), 2 * last - first)
        spread = float((weight[around] * left[around] ** 2).sum())
        if last == 0 or abs(np.median(left[first:last])) < _PASSING_DB or gained_best < _PASSING_SHARE * spread:
            break
        edges += [first, last]
        left[first:last] = 0.0
    inside = sorted(edges)
    return [0, *inside, gain_db.size] if inside and inside[0] > 0 and inside[-1] < gain_db.size else []


def _split(
    gain_db: NDArray[np.float64], weight: NDArray[np.float64], first: int, last: int, least: int
) -> tuple[float, int]:
    """Return how much the best split of a span explains (0 if it should not be split), and its position."""
    size = last - first
    if size < 2 * least:
        return 0.0, first
    part, share = gain_db[first:last], weight[first:last]
    mass = np.cumsum(share)
    total = np.cumsum(share * part)
    cut = np.arange(least - 1, size - least)
    before = total[cut] / mass[cut]
    behind = (total[-1] - total[cut]) / (mass[-1] - mass[cut])
    gained = mass[cut] * (mass[-1] - mass[cut]) / mass[-1] * (before - behind) ** 2
    best = int(np.argmax(gained))
    place = int(cut[best]) + 1
    apart = float(np.median(part[place:]) - np.median(part[:place]))
    spread = (share * (part - np.where(np.arange(size) < place, before[best], behind[best])) ** 2).sum()
    # Speech frames are not independent, so a step must explain much of the variance, or be far above the variation.
    if abs(apart) < STEP_DB or gained[best] < 0.5 * float(spread):
        return 0.0, first
    return float(gained[best]), first + place


def _steps(
    pair: AlignedPair,
    gain_db: NDArray[np.float64],
    time_s: NDArray[np.float64],
    edges: list[int],
    levels: list[float],
) -> tuple[LevelStep, ...]:
    steps: list[LevelStep] = []
    for number in range(1, len(edges) - 1):
        before, behind = levels[number - 1], levels[number]
        change = behind - before
        if abs(change) < STEP_DB or _fade_at_an_end(gain_db, time_s, edges, number):
            continue
        first, last = _transition(gain_db, time_s, edges, number, (before, behind))
        sudden = last - first <= _SUDDEN_S
        if sudden:
            first = last = _moment(pair, time_s[edges[number] - 1], time_s[edges[number]], before, behind)
        steps.append(LevelStep(float(first), float(last), float(change), sudden))
    return tuple(_joined(steps))


def _joined(steps: list[LevelStep]) -> list[LevelStep]:
    """Return the steps, with adjacent fades in the same direction merged."""
    joined: list[LevelStep] = []
    for step in steps:
        last = joined[-1] if joined else None
        if last and not last.sudden and not step.sudden and last.change_db * step.change_db > 0:
            joined[-1] = LevelStep(last.start_s, step.end_s, last.change_db + step.change_db, False)
        else:
            joined.append(step)
    return joined


def _fade_at_an_end(gain_db: NDArray[np.float64], time_s: NDArray[np.float64], edges: list[int], number: int) -> bool:
    """Return whether a change is the fade in at the beginning or the fade out at the end."""
    for a, b, outer, rising in (
        (edges[number - 1], edges[number], number == 1, 1.0),
        (edges[number], edges[number + 1], number == len(edges) - 2, -1.0),
    ):
        short = time_s[b - 1] - time_s[a] < _EDGE_S
        if outer and short and b - a >= 4:
            slope = rising * np.polyfit(time_s[a:b], gain_db[a:b], 1)[0] * (time_s[b - 1] - time_s[a])
            if slope > STEP_DB:
                return True
    return False


def _transition(
    gain_db: NDArray[np.float64],
    time_s: NDArray[np.float64],
    edges: list[int],
    number: int,
    levels_db: tuple[float, float],
) -> tuple[float, float]:
    """Return when the gain, smoothed over five frames, leaves the old level and reaches the new one (15 and 85 %)."""
    before, behind = levels_db
    a, b = edges[number - 1], edges[number + 1]
    around = np.lib.stride_tricks.sliding_window_view(np.pad(gain_db[a:b], 2, mode="edge"), 5)
    share = (np.median(around, axis=1) - before) / (behind - before)
    place = edges[number] - a
    old = np.flatnonzero(share[:place] < 0.15)
    new = np.flatnonzero(share[place:] > 0.85)
    first = a + (int(old[-1]) if old.size else 0)
    last = edges[number] + (int(new[0]) if new.size else b - edges[number] - 1)
    # Pauses do not count as part of the change, because the gain in them is unknown.
    frames = last - first
    step_s = float(np.median(np.diff(time_s))) if time_s.size > 1 else 0.0
    if frames * step_s <= _SUDDEN_S:
        return float(time_s[last]), float(time_s[last])
    return float(time_s[first]), float(time_s[last])


def _moment(pair: AlignedPair, early_s: float, late_s: float, before: float, behind: float) -> float:
    """Return the time of a step to the millisecond.

    It is the split at which the two gains fit best to the levels of reference and estimated per millisecond.
    """
    width = max(1, round(_FINE_S * pair.rate_hz))
    margin_s = 0.06
    first = max(0, round((early_s - margin_s) * pair.rate_hz))
    last = min(pair.estimated.size, round((late_s + margin_s) * pair.rate_hz))
    count = (last - first) // width
    if count < 4:
        return late_s
    own, other = (
        np.sqrt(np.square(side[first : first + count * width], dtype=np.float64).reshape(count, width).mean(axis=1))
        for side in (pair.reference, pair.estimated)
    )
    low, high = (10.0 ** (level / 20.0) * own for level in (before, behind))
    cost = np.concatenate(([0.0], np.cumsum((other - low) ** 2))) + np.concatenate(
        (np.cumsum(((other - high) ** 2)[::-1])[::-1], [0.0])
    )
    # In a pause many splits are equally good. The last one before sound at the new level is taken.
    best = np.flatnonzero(cost <= float(cost.min()) * (1.0 + 1e-6) + 1e-15)
    return (first + int(best[-1]) * width) / pair.rate_hz


def _range_db(left: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Return the 5th to 95th percentile of the gain smoothed over 0.2 s of active frames.

    The gain is smoothed by its median first, so that a gap of up to 0.06 s is no change of level.
    """
    if left.size < 22:
        return 0.0
    around = np.lib.stride_tricks.sliding_window_view(np.pad(left, 4, mode="edge"), 9)
    kernel = np.ones(7)
    steady = np.median(around, axis=1)
    smooth = np.convolve(steady * weight, kernel, "valid") / np.convolve(weight, kernel, "valid")
    low, high = np.percentile(smooth, (5, 95))
    return float(high - low)


def with_steps(pair: AlignedPair, change: LevelChange) -> AlignedPair:
    """Return the pair with the steps and fades applied to the reference, so that other measures do not report them."""
    gain_db = np.zeros(pair.reference.size)
    for step in change.steps:
        first = round(step.start_s * pair.rate_hz)
        last = max(first + 1, round(step.end_s * pair.rate_hz))
        gain_db[first:last] += step.change_db * np.linspace(0.0, 1.0, gain_db[first:last].size)
        gain_db[last:] += step.change_db
    gain = (10.0 ** (gain_db / 20.0)).astype(np.float32)
    return AlignedPair(pair.reference * gain, pair.estimated, pair.covered, pair.rate_hz)
