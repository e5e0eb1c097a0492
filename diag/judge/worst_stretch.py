"""Remarks on a long recording: of the whole, with its worst stretch named, and of stretches that stand out alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from diag.core.results import Measurements
from diag.judge.recording_verdict import Remark
from diag.measure.pooling import Stretch
from diag.measure.registry import all_metrics


def remarks_over(
    whole: Sequence[Remark], stretches: Sequence[Stretch], judge: Callable[[Measurements], Sequence[Remark]]
) -> tuple[Remark, ...]:
    """Remarks on a recording that was measured in stretches, worst first.

    Parameters
    ----------
    whole : sequence of Remark
        On the pooled measurements.
    stretches : sequence of Stretch
    judge : callable
        Remarks on the measurements of one stretch.
    """
    heard = [stretch for stretch in stretches if stretch.sound_s > 0]
    found: dict[str, list[tuple[Stretch, Remark]]] = {}
    for stretch in heard:
        for remark in judge(stretch.measurements):
            found.setdefault(remark.metric, []).append((stretch, remark))
    told = [_with_place(remark, found.pop(remark.metric, []), len(heard)) for remark in whole]
    told += [_by_itself(items) for items in found.values()]
    return tuple(sorted(told, key=lambda item: -item.severity.rank))


def _with_place(remark: Remark, items: Sequence[tuple[Stretch, Remark]], of: int) -> Remark:
    if not items:
        return remark
    if len(items) == of:
        return replace(remark, text=f"{remark.text}, throughout") if of > 1 else remark
    worst = _worst(items)[0]
    return replace(remark, text=f"{remark.text}, worst {span(worst)}")


def _by_itself(items: Sequence[tuple[Stretch, Remark]]) -> Remark:
    stretch, remark = _worst(items)
    more = len(items) - 1
    rest = f" and in {more} more stretch{'es' if more > 1 else ''}" if more else ""
    return replace(remark, text=f"{remark.text}, {span(stretch)}{rest}")


def _worst(items: Sequence[tuple[Stretch, Remark]]) -> tuple[Stretch, Remark]:
    return max(items, key=lambda item: (item[1].severity.rank, _badness(item[0], item[1])))


def _badness(stretch: Stretch, remark: Remark) -> float:
    value = stretch.measurements.value(remark.metric)
    better = next((metric.better for metric in all_metrics() if metric.name == remark.metric), "lower")
    if value is None:
        return math.inf
    if better == "one":
        return abs(math.log(max(value, 1e-9)))
    return {"higher": -value, "zero": abs(value)}.get(better, value)


def span(stretch: Stretch) -> str:
    """A stretch in words, as "from 12:00 to 13:00"."""
    return f"from {_clock(stretch.start_s)} to {_clock(stretch.end_s)}"


def _clock(at_s: float) -> str:
    minutes, seconds = divmod(round(at_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
