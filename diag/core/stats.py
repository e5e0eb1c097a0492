"""Statistics for few and skewed values: medians, percentiles and seeded bootstrap intervals.

`scipy.stats.bootstrap` is not used: it knows no clusters, and importing it costs half a second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
CONFIDENCE = 0.95
FEWEST_VALUES = 5
"""Below five values no interval of the median reaches 90 % confidence (sign test: 1 - 2 / 2**n)."""
FEWEST_FOR_P95 = 20
"""Below twenty values the 95th percentile is no more than the largest value."""
_CELLS_AT_ONCE = 2_000_000


def median(values: Sequence[float]) -> float | None:
    """The middle value; None where there are none."""
    return float(np.median(values)) if len(values) else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Value below which `share` (0 to 1) of the values lie, linear between neighbours; None where there are none."""
    return float(np.quantile(values, share)) if len(values) else None


def p95(values: Sequence[float]) -> float | None:
    """The 95th percentile, or None from fewer than `FEWEST_FOR_P95` values."""
    return percentile(values, 0.95) if len(values) >= FEWEST_FOR_P95 else None


def derived_seed(seed: int, *names: str) -> int:
    """A seed for one purpose, so that adding a metric does not change the intervals of the others."""
    digest = hashlib.sha256("\x00".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def bootstrap_interval(
    groups: Sequence[Sequence[float]],
    *,
    statistic: Literal["median", "mean"] = "median",
    seed: int,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> tuple[float, float] | None:
    """Percentile bootstrap interval of the median or the mean.

    The median is the default because it keeps its word with few values: over normal and log-normal differences its
    95 % interval held the truth in 92 to 94 % of trials for n = 5, 6, 10 and 20, that of the mean in 73 to 93 %
    (1500 trials each). The mean serves for shares, where the median can only be 0 or 1.

    Parameters
    ----------
    groups : sequence of sequences of float
        Values that belong together (one group a prompt). With at least `FEWEST_VALUES` groups whole groups are drawn,
        so that repeats of a prompt do not pass for new evidence; with fewer, single values are drawn, and the
        interval speaks of these prompts alone.
    statistic : {"median", "mean"}
    seed : int
        The same seed gives the same interval.
    confidence : float
        Share of the resampled statistics inside.
    resamples : int

    Returns
    -------
    (low, high) or None
        None from fewer than `FEWEST_VALUES` values.
    """
    filled = [np.asarray(group, dtype=float) for group in groups if len(group)]
    total = sum(len(group) for group in filled)
    if total < FEWEST_VALUES:
        return None
    generator = np.random.default_rng(seed)
    units = filled if len(filled) >= FEWEST_VALUES else [np.array([value]) for value in np.concatenate(filled)]
    if all(len(unit) == len(units[0]) for unit in units):
        drawn = _even(np.stack(units), statistic, generator, resamples)
    else:
        drawn = _uneven(units, statistic, generator, resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _even(
    units: NDArray[np.float64], statistic: str, generator: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    function = np.median if statistic == "median" else np.mean
    rows = max(1, _CELLS_AT_ONCE // units.size)
    parts = []
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        chosen = units[generator.integers(0, len(units), size=(count, len(units)))]
        parts.append(function(chosen.reshape(count, -1), axis=1))
    return np.concatenate(parts)


def _uneven(
    units: Sequence[NDArray[np.float64]], statistic: str, generator: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    function = np.median if statistic == "median" else np.mean
    draws = generator.integers(0, len(units), size=(resamples, len(units)))
    return np.array([float(function(np.concatenate([units[index] for index in draw]))) for draw in draws])
