"""Compare the latencies of runs with those of a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diag.core.results import Drift, RunResult
from diag.core.units import format_seconds
from diag.measure.registry import all_metrics, metric_named

SLOWER_SHARE = 0.10
"""A latency is worse if its median rose by more than this share and by more than its metric's tolerance."""


def drift_from(baseline: Mapping[str, Any] | None, runs: Sequence[RunResult]) -> tuple[Drift, ...]:
    """Return the change of every latency that both the baseline and a run have."""
    before = (baseline or {}).get("median_s", {})
    return tuple(
        _drift(run, metric, float(before[run.name][metric]), now_s)
        for run in runs
        for metric, now_s in medians_of(run).items()
        if metric in before.get(run.name, {})
    )


def _drift(run: RunResult, metric: str, baseline_s: float, now_s: float) -> Drift:
    rise_s = now_s - baseline_s
    known = metric_named(metric)
    least_s = known.tolerance if known else 0.0
    worse = rise_s > least_s and rise_s > SLOWER_SHARE * baseline_s
    words = f"{run.name}: {metric} {format_seconds(baseline_s)} -> {format_seconds(now_s)}"
    n = next((row.n for row in run.summary if row.metric == metric), 0)
    return Drift(
        run=run.name, metric=metric, baseline_s=baseline_s, now_s=now_s, n=n, worse=worse,
        sentence=f"{words} ({'slower than the baseline' if worse else 'as the baseline'})",
    )  # fmt: skip


def medians_of(run: RunResult) -> dict[str, float]:
    """Return the medians of a run that baselines keep, in seconds, rounded to 0.1 ms, by metric name."""
    kept = {item.name for item in all_metrics() if item.baseline}
    rows = sorted(run.summary, key=lambda row: row.metric)
    return {row.metric: round(row.median, 4) for row in rows if row.metric in kept and row.median is not None}
