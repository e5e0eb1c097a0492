"""Combine the measurements of the parts of a long recording into one, as each metric declares (`registry.Pool`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Measurement, Measurements, Spot
from diag.measure.registry import Metric

BACKGROUND_DB = 25.0
"""A part whose loud windows are this far below those of the loudest part holds only background. Two voices in a
conversation differ by 10 to 15 dB; a quiet room is 30 dB or more below them."""
BACKGROUND = Missing(
    MissingCode.BACKGROUND, msg("this part contains only background, far below the loud parts of the recording")
)
MOST_SPOTS = 20

Value = float | tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a long recording with its measurements.

    Parameters
    ----------
    start_s, end_s : float
        Place in the recording.
    sound_s : float
        Seconds of sound in it.
    loud_dbfs : float or None
        Level of its loud windows (95th percentile); None if it is silent.
    measurements : Measurements
        One per metric, in the order of the metrics. Times of spots are in seconds of the recording.
    """

    start_s: float
    end_s: float
    sound_s: float
    loud_dbfs: float | None
    measurements: Measurements

    @property
    def length_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


def moved(measurements: Measurements, by_s: float, reference_by_s: float | None = None) -> Measurements:
    """Return measurements whose spots and events are shifted later in time.

    Parameters
    ----------
    measurements : Measurements
        Of a part.
    by_s : float
        Where the part begins in the recording.
    reference_by_s : float, optional
        Where it begins in the reference; by default `by_s`, for a recording without a reference.
    """
    own_s = by_s if reference_by_s is None else reference_by_s

    def later(item: Measurement) -> Measurement:
        spots = (Spot(spot.tap, spot.start_s + by_s, spot.end_s + by_s) for spot in item.spots)
        events = (event.later(own_s, by_s) for event in item.events)
        return replace(item, spots=tuple(spots), events=tuple(events)) if item.spots or item.events else item

    return Measurements(tuple(later(item) for item in measurements))


def without_background(metrics: Sequence[Metric], parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return the parts; one that holds only background has a reason in place of its values.

    Metrics use sound within 35 dB of the loud parts of a clip, so in such a part they would measure noise. Only metrics
    that pool the highest value keep theirs.
    """
    levels = [part.loud_dbfs for part in parts if part.loud_dbfs is not None]
    least = max(levels, default=0.0) - BACKGROUND_DB

    def checked(part: Part) -> Part:
        if part.loud_dbfs is None or part.loud_dbfs >= least:
            return part
        kept = [
            item if metric.pool == "highest" or item.value is None else _without_value(item, BACKGROUND)
            for metric, item in zip(metrics, part.measurements, strict=True)
        ]
        return replace(part, sound_s=0.0, measurements=Measurements(tuple(kept)))

    return tuple(checked(part) for part in parts)


def _without_value(item: Measurement, missing: Missing) -> Measurement:
    return replace(item, value=None, missing=missing, confidence=None, spots=(), events=())


def pooled(metrics: Sequence[Metric], parts: Sequence[Part]) -> Measurements:
    """Return one measurement per metric for the whole recording.

    Parameters
    ----------
    metrics : sequence of Metric
    parts : sequence of Part
        At least one, each with one measurement per metric.
    """
    return Measurements(
        tuple(
            _one(metric, [part.measurements.items[index] for part in parts], parts)
            for index, metric in enumerate(metrics)
        )
    )


def _one(metric: Metric, items: Sequence[Measurement], parts: Sequence[Part]) -> Measurement:
    found = [(item, part) for item, part in zip(items, parts, strict=True) if item.value is not None]
    if not found:
        reasons = Counter(item.missing for item in items if item.missing is not None and not _is_background(item))
        return _without_value(items[0], reasons.most_common(1)[0][0] if reasons else BACKGROUND)
    values = [item.value for item, _ in found if item.value is not None]
    if metric.pool == "rate":
        background_s = sum(part.length_s for item, part in zip(items, parts, strict=True) if _is_background(item))
        weights = np.array([part.length_s for _, part in found])
        share = float(weights.sum() / (weights.sum() + background_s))
    else:
        weights = np.array([max(part.sound_s, 1e-3) for _, part in found])
        share = 1.0
    confidences = [
        (item.confidence, weight)
        for (item, _), weight in zip(found, weights, strict=True)
        if item.confidence is not None
    ]
    return replace(
        found[0][0],
        value=_together(values, weights, metric.pool, share),
        confidence=_mean(*(np.array(column) for column in zip(*confidences, strict=True))) if confidences else None,
        spots=tuple(spot for item, _ in found for spot in item.spots)[:MOST_SPOTS],
        events=tuple(event for item, _ in found for event in item.events)[:MOST_SPOTS],
    )


def _is_background(item: Measurement) -> bool:
    return item.missing is not None and item.missing.code is MissingCode.BACKGROUND


def _together(values: Sequence[Value], weights: np.ndarray, pool: str, share: float) -> Value:
    if not isinstance(values[0], tuple):
        return _POOLS[pool](np.array(values, dtype=float), weights) * share
    columns = zip(*(value for value in values if isinstance(value, tuple)), strict=True)
    result: list[float | None] = []
    for column in columns:
        known = [(value, weight) for value, weight in zip(column, weights, strict=True) if value is not None]
        result.append(_POOLS[pool](*(np.array(column) for column in zip(*known, strict=True))) if known else None)
    return tuple(result)


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(values, weights=weights))


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][int(np.searchsorted(reached, 0.5 - 1e-9))])


def _level(values: np.ndarray, weights: np.ndarray) -> float:
    return float(10.0 * np.log10(np.average(10.0 ** (values / 10.0), weights=weights)))


_POOLS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "sum": lambda values, _: float(values.sum()),
    "rate": _mean,
    "mean": _mean,
    "median": _median,
    "level": _level,
    "highest": lambda values, _: float(values.max()),
    "first": lambda values, _: float(values[0]),
}
