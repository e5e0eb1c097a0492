"""Tests of differences between two series of takes: the probability by chance, its correction, and what could be shown.

The functions take arrays of paired changes, where positive means worse. They are used by `diag.judge.comparison`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.02
"""Probability that a comparison of two equal things calls any of its metrics worse, and the same for better."""
POWER = 0.8
"""Probability with which a difference of the size that `smallest_shown` returns is called worse."""
RANKS_FROM = 10
"""Number of pairs from which ranks are tested. With fewer, no order of ranks is improbable enough for several metrics:
the best possible order of 9 pairs has the probability 1 / 512."""
FLOOR_SHARE = 0.25
"""With fewer pairs than `RANKS_FROM`, the spread is taken as at least this share of the metric's tolerance. Five values
that agree by chance, such as counts, would otherwise seem to have no spread at all."""
EXACT_TO = 200
"""Number of pairs up to which the distribution of the signed ranks is counted. From there on, the normal distribution
gives the same probability within some hundredths of it."""
_NORMAL_MAD = 1.4826
_RANK_EFFICIENCY = 0.83
"""Efficiency of the signed-rank test with ranks limited at the middle one, compared with the t test for normal values:
the square of the correlation of its scores with normal ones, simulated."""


def chance_of(changes: Sequence[float], *, tolerance: float) -> float:
    """Return the one-sided probability of changes at least as large as these, if both series were equal.

    From `RANKS_FROM` pairs on, it is a signed-rank test in the direction of the changes. It assumes nothing on the
    distribution, because equal series make each change and its negative equally probable. Ranks above the middle one
    count as the middle one: two takes of 20 that came much too late in the earlier series would otherwise hide that all
    come later now. With fewer pairs it is a t test whose spread has a floor (`FLOOR_SHARE`).

    Parameters
    ----------
    changes : sequence of float
        One per pair of takes, at least two.
    tolerance : float
        Smallest difference of this metric that matters, in the same unit.
    """
    from scipy import stats as tests

    values = np.asarray(changes, dtype=float)
    if len(values) < 2 or not values.any():
        return 1.0
    if len(values) < RANKS_FROM:
        spread = math.hypot(float(values.std(ddof=1)), FLOOR_SHARE * tolerance)
        if spread == 0:
            return 0.0
        return float(tests.t.sf(abs(values.mean()) * math.sqrt(len(values)) / spread, len(values) - 1))
    upwards = float(np.median(values)) > 0 or (np.median(values) == 0 and values.mean() > 0)
    towards = values[values != 0] if upwards else -values[values != 0]
    if len(towards) == 1:
        return 0.5
    scores = np.minimum(tests.rankdata(np.abs(towards)), len(towards) / 2)
    return _chance_of_signs(scores, towards > 0)


def _chance_of_signs(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Return the probability that random signs give a sum of positive scores at least as large as this one.

    The distribution of the sum is exact: scores are multiples of one half, so that sums can be counted in a table.
    Above `EXACT_TO` pairs it is taken as normal.
    """
    if len(scores) > EXACT_TO:
        excess = float(scores[positive].sum() - scores.sum() / 2)
        return math.erfc(excess / math.sqrt(float((scores**2).sum()) / 2)) / 2
    halves = np.rint(2 * scores).astype(int)
    chances = np.zeros(halves.sum() + 1)
    chances[0] = 1.0
    for half in halves:
        chances[half:] += chances[:-half]
        chances /= 2
    return float(chances[halves[positive].sum() :].sum())


def chance_of_counts(count_a: int, total_a: int, count_b: int, total_b: int) -> float:
    """Return the one-sided probability that B has at least so many more, or fewer, cases than A (Fisher's exact test).

    The test takes the direction in which the shares differ.
    """
    from scipy import stats as tests

    if not total_a or not total_b:
        return 1.0
    more = count_b * total_a >= count_a * total_b
    table = np.array([[count_b, total_b - count_b], [count_a, total_a - count_a]])
    return float(tests.fisher_exact(table, alternative="greater" if more else "less").pvalue)


def corrected(chances: Sequence[float]) -> list[float]:
    """Return probabilities corrected for their number (Holm 1979): each can be compared with the level of all."""
    order = sorted(range(len(chances)), key=lambda index: chances[index])
    found, largest = [1.0] * len(chances), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[index]))
        found[index] = largest
    return found


def smallest_shown(changes: Sequence[float], *, tolerance: float, tested: int, level: float = LEVEL) -> float | None:
    """Return the smallest difference that would have been called worse or better with probability `POWER`.

    Parameters
    ----------
    changes : sequence of float
        One per pair of takes.
    tolerance : float
        No difference below it is called anything.
    tested : int
        Number of metrics that are tested together.
    level : float
        Level of all of them together.

    Returns
    -------
    float or None
        In the unit of the changes; None for fewer than two pairs.
    """
    from scipy import stats as tests

    values = np.asarray(changes, dtype=float)
    count = len(values)
    if count < 2:
        return None
    spread, efficiency = float(values.std(ddof=1)), 1.0
    if count >= RANKS_FROM:
        robust = _NORMAL_MAD * float(np.median(np.abs(values - np.median(values))))
        spread, efficiency = robust or spread, _RANK_EFFICIENCY
    else:
        spread = math.hypot(spread, FLOOR_SHARE * tolerance)
    reach = float(tests.t.isf(level / max(1, tested), count - 1)) + float(tests.t.ppf(POWER, count - 1))
    return max(tolerance, reach * spread / math.sqrt(count * efficiency))


def floor_between_equals(
    groups: Sequence[NDArray[np.float64]], pairs: int, *, seed: int, resamples: int = 500
) -> float | None:
    """Return how far two series of takes of the same thing differ: the 95th percentile of the median of paired changes.

    Values are compared with the mean of their prompt, so that prompts do not add to the spread. Pairs of them are drawn
    at random.

    Parameters
    ----------
    groups : sequence of arrays
        Values of one series, one array per prompt.
    pairs : int
        Number of pairs of the comparison.

    Returns
    -------
    float or None
        None if no prompt has two values.
    """
    rests = [
        (group - group.mean()) * math.sqrt(len(group) / (len(group) - 1)) for group in groups if len(group) > 1
    ]  # fmt: skip
    if not rests or pairs < 1:
        return None
    pool = np.concatenate(rests)
    draws = np.random.default_rng(seed).choice(pool, size=(2, resamples, pairs))
    return float(np.quantile(np.abs(np.median(draws[0] - draws[1], axis=1)), 0.95))
