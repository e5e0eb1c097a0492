"""Markdown for a comment on a pull request: verdict, tables and a link, at most 60 lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from diag.core.release import Release
from diag.core.results import Change, Report, RunComparison, RunResult, Severity
from diag.measure.registry import Group, tiles
from diag.report.exports import export_format
from diag.report.sentences import (
    call_of,
    figure,
    label,
    measured_line,
    place,
    signed,
    spread,
    state_of,
    verdict_line,
)

MOST_LINES = 60
_ROWS = {"reasons": 8, "runs": 6, "findings": 8, "comparison": 10}
"""Most rows of each table. With their headings and the lines around them, all tables together fit into `MOST_LINES`."""


@export_format(suffix=".md", summary="a comment on a pull request")
def markdown(report: Report, link: str) -> bytes:
    """Return the verdict, a table of runs, findings and the comparison that matters most, and a link to the report."""
    verdict = verdict_line(report)
    lines = [f"## {verdict.state.shape} {verdict.word}", "", _escaped(verdict.sentence)]
    if verdict.next_step:
        lines += ["", f"**Next:** {_escaped(verdict.next_step)}"]
    if report.release is not None:
        lines += _reasons(report.release)
    planted = {row.folder for row in report.bench.rows} if report.bench is not None else set()
    own = [run for run in report.runs if run.folder not in planted]
    lines += _runs(own) + _findings(own)
    if report.comparisons:
        order = list(Change)
        worst = min(report.comparisons, key=lambda item: (item.verdict is not Change.WORSE, order.index(item.verdict)))
        lines += _comparison(worst)
    if report.bench is not None and report.bench.rows:
        passed = sum(row.passed for row in report.bench.rows)
        lines += ["", f"Self-check: {passed} of {len(report.bench.rows)} scenarios as expected."]
    if report.release is not None and report.release.self_check is not None:
        lines += ["", _escaped(report.release.self_check.sentence)]
    lines += ["", f"{_escaped(measured_line(report))} [Report]({_address(link)})"]
    assert len(lines) <= MOST_LINES
    return ("\n".join(lines) + "\n").encode()


def _reasons(release: Release) -> list[str]:
    rows = [
        (f"{product.decision.words}", product.name, reason.weight.value, reason.text, reason.fix)
        for product in release.products
        for reason in product.reasons
    ]
    return _table(("decision", "product", "", "reason", "fix"), rows, _ROWS["reasons"])


def _runs(runs: Sequence[RunResult]) -> list[str]:
    if not runs:
        return []
    shown = [
        metric
        for metric in tiles()
        if metric.group is not Group.ANSWER and any(_median(run, metric.name) for run in runs)
    ][:4]
    rows = [
        (
            run.name,
            f"{len(run.counted)} of {len(run.takes)}",
            *(_median(run, metric.name) or "not measured" for metric in shown),
        )
        for run in runs
    ]
    return _table(("run", "takes", *(metric.label for metric in shown)), rows, _ROWS["runs"])


def _median(run: RunResult, metric: str) -> str:
    rows = [row for row in run.summary if row.metric == metric and row.turn is None and row.median is not None]
    worst = max(rows, key=lambda row: abs(row.median or 0.0), default=None)
    return "" if worst is None else spread(worst)


def _findings(runs: Sequence[RunResult]) -> list[str]:
    found = [(run, item) for run in runs for item in run.findings if item.finding.consequence_of is None]
    found = [pair for pair in found if pair[1].finding.severity is not Severity.INFO]
    found.sort(key=lambda pair: -pair[1].finding.severity.rank)
    rows = [
        (
            f"{state_of(item.finding.severity).shape} {item.finding.code}",
            run.name,
            f"{len(item.take_ids)} of {item.counted}",
            item.finding.title,
            item.finding.fix,
        )
        for run, item in found
    ]
    return _table(("finding", "run", "takes", "what", "fix"), rows, _ROWS["findings"])


def _comparison(comparison: RunComparison) -> list[str]:
    order = list(Change)
    items = sorted(
        comparison.comparisons, key=lambda item: (item.verdict is not Change.WORSE, order.index(item.verdict))
    )
    rows = []
    for item in items:
        if item.difference is None:
            continue
        where = place(item.segment, item.tap)
        interval = "" if item.interval is None else f" ({' to '.join(signed(end, item.unit) for end in item.interval)})"
        name = label(item.metric) + (f", {where}" if where else "")
        values = figure(item.a, item.unit), figure(item.b, item.unit), signed(item.difference, item.unit) + interval
        state, word = call_of(item.verdict)
        rows.append((name, *values, f"{state.shape} {word}"))
    heads = ("measure", comparison.a, comparison.b, "difference (95 %)", "")
    return _table(heads, rows, _ROWS["comparison"])


def _table(heads: Iterable[str], rows: Sequence[Iterable[str]], most: int) -> list[str]:
    if not rows:
        return []
    heads = [_escaped(head) for head in heads]
    lines = ["", _row(heads), _row(["---"] * len(heads)), *(_row(map(_escaped, row)) for row in rows[:most])]
    return [*lines, "", f"{len(rows) - most} more in the report."] if len(rows) > most else lines


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Return text in one line in which Markdown and HTML have no meaning; code in backticks stays code."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|*_\[\]#])", r"\\\1", text) if "`" not in text else text.replace("|", r"\|")


def _address(link: str) -> str:
    return re.sub(r"[ ()<>]", lambda found: f"%{ord(found[0]):02X}", link)
