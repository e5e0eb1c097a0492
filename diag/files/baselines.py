"""Baselines: figures of an earlier release that later ones are held against."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diag.core.errors import BadInputError
from diag.core.results import SCHEMA_VERSION, RunResult
from diag.core.units import format_seconds
from diag.files.run_folders import write_beside

SLOWER_SHARE = 0.10
SLOWER_S = 0.05
"""A latency has become worse when its median rose by more than a tenth and by more than 50 ms."""
LATENCIES = ("ttfb_s", "ttfa_received_s", "ttfa_heard_s")


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One latency now and at the baseline, in seconds."""

    run: str
    metric: str
    baseline_s: float
    now_s: float
    n: int
    worse: bool
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return asdict(self)


def read_baseline(path: Path) -> dict[str, Any] | None:
    """Read a baseline; None where there is none yet.

    Raises
    ------
    BadInputError
        If it is damaged, or a newer version wrote it.
    """
    if not path.is_file():
        return None
    attempted = f"Could not read the baseline {path}"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        newer = int(document["schema_version"]) > SCHEMA_VERSION
        if not newer:
            for medians in document["median_s"].values():
                {metric: float(value) for metric, value in medians.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(
            attempted, seen=str(error), allowed="JSON as `diag bench --save-baseline` writes", next_step="restore it"
        ) from None
    if newer:
        raise BadInputError(
            attempted,
            seen=f"schema version {document['schema_version']}",
            allowed=f"up to {SCHEMA_VERSION}",
            next_step="update diag, or save a new baseline",
        )
    return dict(document)


def write_baseline(path: Path, runs: Sequence[RunResult]) -> None:
    """Keep the medians of sound runs, whole or not at all.

    Raises
    ------
    CannotMeasureError
        If the file cannot be written.
    """
    medians = {run.name: _medians(run) for run in sorted(runs, key=lambda run: run.name)}
    write_beside(path.parent, path.name, {"median_s": medians, "schema_version": SCHEMA_VERSION})


def drift_from(baseline: Mapping[str, Any] | None, runs: Sequence[RunResult]) -> tuple[Drift, ...]:
    """Every latency that both the baseline and a run have."""
    before = (baseline or {}).get("median_s", {})
    return tuple(
        _drift(run, metric, float(before[run.name][metric]), now_s)
        for run in runs
        for metric, now_s in _medians(run).items()
        if metric in before.get(run.name, {})
    )


def _drift(run: RunResult, metric: str, baseline_s: float, now_s: float) -> Drift:
    rise_s = now_s - baseline_s
    worse = rise_s > SLOWER_S and rise_s > SLOWER_SHARE * baseline_s
    words = f"{run.name}: {metric} {format_seconds(baseline_s)} -> {format_seconds(now_s)}"
    n = next((row.n for row in run.summary if row.metric == metric), 0)
    return Drift(
        run=run.name, metric=metric, baseline_s=baseline_s, now_s=now_s, n=n, worse=worse,
        sentence=f"{words} ({'slower than the baseline' if worse else 'as the baseline'})",
    )  # fmt: skip


def _medians(run: RunResult) -> dict[str, float]:
    rows = sorted(run.summary, key=lambda row: row.metric)
    return {row.metric: round(row.median, 4) for row in rows if row.metric in LATENCIES and row.median is not None}
