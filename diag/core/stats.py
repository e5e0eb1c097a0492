"""Statistics for small and skewed samples: medians, percentiles and seeded bootstrap intervals.

`scipy.stats.bootstrap` is not used: it does not support clusters, and its import takes half a second.
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
"""With fewer values no interval of the median reaches 90 % confidence (sign test: 1 - 2 / 2**n)."""
FEWEST_FOR_P95 = 20
"""With fewer values the 95th percentile is determined by the largest value alone."""
_CELLS_AT_ONCE = 2_000_000


def median(values: Sequence[float]) -> float | None:
    """Return the median; None without values."""
    return float(np.median(values)) if len(values) else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which `share` (0 to 1) of the values lie, linearly interpolated; None without values."""
    return float(np.quantile(values, share)) if len(values) else None


def p95(values: Sequence[float]) -> float | None:
    """Return the 95th percentile; None for fewer than `FEWEST_FOR_P95` values."""
    return percentile(values, 0.95) if len(values) >= FEWEST_FOR_P95 else None


def derived_seed(seed: int, *names: str) -> int:
    """Return a seed for one purpose, so that adding a metric does not change the intervals of the others."""
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
    """Return the percentile bootstrap interval of the median or the mean.

    The median is the default because its coverage is close to nominal for small samples. For normal and log-normal
    differences with n = 5, 6, 10 and 20, its 95 % interval contained the true value in 92 to 94 % of trials, that of
    the mean in 73 to 93 % (1500 trials each). Use the mean for values of 0 and 1, whose median can only be 0 or 1.

    Parameters
    ----------
    groups : sequence of sequences of float
        Values, grouped (one group per prompt). With at least `FEWEST_VALUES` groups, whole groups are drawn, because
        repeats of one prompt are not independent. With fewer groups, single values are drawn, and the interval holds
        for these prompts only.
    statistic : {"median", "mean"}
    seed : int
        The same seed gives the same interval.
    confidence : float
        Confidence level, 0 to 1.
    resamples : int

    Returns
    -------
    (low, high) or None
        None for fewer than `FEWEST_VALUES` values.
    """
    filled = [np.asarray(group, dtype=float) for group in groups if len(group)]
    total = sum(len(group) for group in filled)
    if total < FEWEST_VALUES:
        return None
    generator = np.random.default_rng(seed)
    units = filled if len(filled) >= FEWEST_VALUES else [np.array([value]) for value in np.concatenate(filled)]
    drawn = _drawn(units, statistic, generator, resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _drawn(
    units: Sequence[NDArray[np.float64]], statistic: str, generator: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    """Return the statistic of each resample. A resample is held as the number of times that each value is in it."""
    values = np.concatenate(units)
    unit_of = np.repeat(np.arange(len(units)), [len(unit) for unit in units])
    order = np.argsort(values)
    values, unit_of = values[order], unit_of[order]
    rows = max(1, _CELLS_AT_ONCE // len(values))
    parts = []
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        draws = generator.integers(0, len(units), size=(count, len(units)))
        flat = draws + len(units) * np.arange(count)[:, None]
        times = np.bincount(flat.ravel(), minlength=count * len(units)).reshape(count, len(units))
        weights = times[:, unit_of]
        if statistic == "mean":
            parts.append(weights @ values / weights.sum(axis=1))
            continue
        reached = weights.cumsum(axis=1)
        total = reached[:, -1:]
        lower = (reached >= (total + 1) // 2).argmax(axis=1)
        upper = (reached >= total // 2 + 1).argmax(axis=1)
        parts.append((values[lower] + values[upper]) / 2)
    return np.concatenate(parts)
