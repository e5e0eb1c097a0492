"""Stages of the time to first audio of each take, and their medians over the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from diag.core.results import RunResult, SummaryRow, TakeResult
from diag.measure.registry import Group, metrics_in
from diag.report.language import tr
from diag.report.sentences import figure, label, spread

TOTAL = "ttfa_heard_s"
_MOST_ROWS = 12
_MEDIAN = "median"
_ANSWERED = "service_delay_s"
_SHORTEST_S = 1e-6


@dataclass(frozen=True)
class Bar:
    """One stage in one row; positions in percent of the axis."""

    stage: str
    left: float
    width: float
    words: str


@dataclass(frozen=True)
class Row:
    """One take, or the medians."""

    name: str
    bars: tuple[Bar, ...]
    heard: float | None
    total: str
    note: str


@dataclass(frozen=True)
class Legend:
    """A stage with its median, range and n."""

    stage: str
    label: str
    words: str


@dataclass(frozen=True)
class Waterfall:
    """All rows on one axis from 0 to the longest."""

    rows: tuple[Row, ...]
    legend: tuple[Legend, ...]
    end: str
    hidden: int


def stages() -> tuple[str, ...]:
    """Return the metrics of the stages that a wait consists of, in order."""
    return metrics_in(Group.STAGES)


def waterfall_of(run: RunResult) -> Waterfall | None:
    """Return the waterfall of a run; None if no counted take received a first byte."""
    takes = [(take.id, _values(take), take.measurements.value(TOTAL)) for take in run.counted]
    rows = [(name, values, heard) for name, values, heard in takes if values]
    if not any(_ANSWERED in values for _, values, _ in rows):
        return None
    medians = {row.metric: row.median for row in run.summary if row.metric in (*stages(), TOTAL) and _first_turn(row)}
    middle = {stage: value for stage in stages() if (value := medians.get(stage)) is not None}
    if middle and len(rows) > 1:
        rows.insert(0, (_MEDIAN, middle, medians.get(TOTAL)))
    longest = max(max(*_reached(values), heard or 0.0) for _, values, heard in rows)
    shown = rows[: _MOST_ROWS + 1]
    return Waterfall(
        tuple(_row(name, values, heard, longest) for name, values, heard in shown),
        tuple(_legend(run, stage) for stage in stages()),
        figure(longest, "s"),
        len(rows) - len(shown),
    )


def _values(take: TakeResult) -> dict[str, float]:
    found = {stage: take.measurements.value(stage) for stage in stages()}
    return {stage: value for stage, value in found.items() if value is not None}


def _reached(values: Mapping[str, float]) -> list[float]:
    """Return where each stage ends, and 0 for the start. Stages may be negative."""
    return [0.0, *accumulate(values[stage] for stage in stages() if stage in values)]


def _first_turn(row: SummaryRow) -> bool:
    return row.turn in (None, 0)


def _row(name: str, values: dict[str, float], heard: float | None, longest: float) -> Row:
    bars: list[Bar] = []
    at = 0.0
    scale = 100.0 / longest if longest > _SHORTEST_S else 0.0
    for stage in stages():
        value = values.get(stage)
        if value is None:
            continue
        # A negative stage cannot be drawn as a bar. It has no width, and its words give the value.
        left, right = max(at, 0.0), max(at + value, 0.0)
        bars.append(Bar(stage, round(left * scale, 2), round(max(right - left, 0.0) * scale, 2), _words(stage, value)))
        at += value
    missing = [tr(label(stage)).lower() for stage in stages() if stage not in values]
    mark = round(heard * scale, 2) if heard is not None and heard >= 0 else None
    if name == _MEDIAN:
        return Row(name, tuple(bars), mark, _heard(heard), tr("each stage's own median"))
    return Row(tr("take {take}").format(take=name), tuple(bars), mark, _heard(heard), _note(at, heard, missing))


def _heard(value: float | None) -> str:
    return tr("nothing heard") if value is None else tr("{time} heard").format(time=figure(value, "s"))


def _words(stage: str, value: float) -> str:
    return f"{tr(label(stage))} {figure(value, 's')}"


def _note(total: float, heard: float | None, missing: Sequence[str]) -> str:
    if missing:
        return tr("not measured: {stages}").format(stages=", ".join(missing))
    if heard is None:
        return tr("stages only; nothing was heard")
    return tr("stages and recording differ by {ms:.1f} ms").format(ms=abs(total - heard) * 1000)


def _legend(run: RunResult, stage: str) -> Legend:
    row = next((row for row in run.summary if row.metric == stage and _first_turn(row)), None)
    return Legend(stage, label(stage), spread(row) if row else tr("not measured"))
