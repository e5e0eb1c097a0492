"""Findings on a long recording: those on the whole, with the worst part named, and those on single parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from diag.core.messages import msg
from diag.core.results import Evidence, Finding, Measurements
from diag.core.units import counted
from diag.measure.pooling import Part
from diag.measure.registry import metric_named

AT_THE_BORDERS = frozenset({"head_lost_s", "tail_lost_s"})
"""Measures of what is lost at the beginning and at the end. Their name says where, so no part is added."""


def findings_over(
    whole: Sequence[Finding], parts: Sequence[Part], judge: Callable[[Measurements], Sequence[Finding]]
) -> tuple[Finding, ...]:
    """Return the findings on a recording that was measured in parts, worst first.

    Parameters
    ----------
    whole : sequence of Finding
        Findings on the combined measurements of all parts.
    parts : sequence of Part
    judge : callable
        Findings on the measurements of one part.
    """
    heard = [part for part in parts if part.sound_s > 0]
    found: dict[str, list[tuple[Part, Finding]]] = {}
    for part in heard:
        for finding in judge(part.measurements):
            found.setdefault(finding.code, []).append((part, finding))
    reported = [_with_place(finding, found.pop(finding.code, []), len(heard)) for finding in whole]
    reported += [_of_parts(items) for items in found.values()]
    return tuple(sorted(reported, key=lambda item: (item.consequence_of is not None, -item.severity.rank)))


def _with_place(finding: Finding, items: Sequence[tuple[Part, Finding]], of: int) -> Finding:
    measures = {item.metric for item in finding.evidence if item.metric}
    if not items or of <= 1 or measures & AT_THE_BORDERS:
        return finding
    adds_up = any(known is not None and known.pool == "sum" for known in map(metric_named, measures))
    if len(items) == of:
        return _adding(finding, msg("in every part of the recording") if adds_up else msg("throughout the recording"))
    where = span(_worst(items)[0])
    if not adds_up:
        return _adding(finding, msg("worst {where}", where=where))
    return _adding(finding, where if len(items) == 1 else msg("most of it {where}", where=where))


def _of_parts(items: Sequence[tuple[Part, Finding]]) -> Finding:
    part, finding = _worst(items)
    more = len(items) - 1
    if not more:
        return _adding(finding, span(part))
    return _adding(finding, msg("{span} and in {parts}", span=span(part), parts=counted(more, "more part")))


def _adding(finding: Finding, where: str) -> Finding:
    title = msg("{title}, {where}", title=finding.title, where=where)
    return replace(finding, title=title, evidence=(*finding.evidence, Evidence(text=where)))


def _worst(items: Sequence[tuple[Part, Finding]]) -> tuple[Part, Finding]:
    """Return the part with the most severe finding; if equally severe, the one with the worst value, then the first."""
    return max(items, key=lambda item: (item[1].severity.rank, _badness(*item)))


def _badness(part: Part, finding: Finding) -> float:
    """Return how far the metric of a finding is from a healthy value in a part."""
    metric = next((item.metric for item in finding.evidence if item.metric), None)
    values = [
        abs(item.value - 1.0) if item.unit == "1" and metric == "rate_ratio" else abs(item.value)
        for item in part.measurements
        if item.metric == metric and isinstance(item.value, float)
    ]
    return max(values, default=0.0)


def span(part: Part) -> str:
    """Return where a part lies, as "from 12:00 to 13:00"."""
    return msg("from {start} to {end}", start=_clock(part.start_s), end=_clock(part.end_s))


def _clock(at_s: float) -> str:
    minutes, seconds = divmod(round(at_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
