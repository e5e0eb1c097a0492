"""The verdict as plain text and as Markdown, for the buttons that copy it, and the day of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diag.core.results import RunFinding, RunResult, VerdictLine
from diag.report.language import ntr, tr
from diag.report.sentences import capitalised, full_stop, state_of

MOST_FINDINGS = 12
"""Findings in the Markdown text; more are counted."""


@dataclass(frozen=True)
class Copied:
    """The texts of a verdict that can be copied."""

    text: str
    markdown: str


def copied_verdict(
    verdict: VerdictLine, title: str, measured: str, dated: str = "", runs: Sequence[RunResult] = ()
) -> Copied:
    """Return the verdict with its word, what was judged, the fix, and what it was measured with.

    Parameters
    ----------
    title : str
        Names of what was judged.
    measured : str
        How many takes counted, and which service answered.
    dated : str
        When it was recorded; empty if not known.
    runs : sequence of RunResult
        Runs whose findings are listed in the Markdown text, without consequences.
    """
    end = f"{measured} {full_stop(capitalised(dated)) if dated else ''}".strip()
    label = tr("Fix:")
    fix = [f"{label} {verdict.next_step}"] if verdict.next_step else []
    text = "\n".join([f"{verdict.state.shape} {verdict.word}: {title}", verdict.sentence, *fix, end])
    roots = [(run, item) for run in runs for item in run.findings if item.finding.consequence_of is None]
    lines = [_line(run, item, named=len(runs) > 1) for run, item in roots[:MOST_FINDINGS]]
    if len(roots) > MOST_FINDINGS:
        more = tr("and {n} more").format(n=len(roots) - MOST_FINDINGS)
        lines.append(f"- {more}")
    parts = [
        f"**{verdict.state.shape} {verdict.word}: {title}**",
        verdict.sentence,
        *(f"**{label}** {verdict.next_step}" for _ in fix),
        "\n".join(lines),
        f"_{end}_",
    ]
    return Copied(text, "\n\n".join(part for part in parts if part))


def _line(run: RunResult, item: RunFinding, *, named: bool) -> str:
    finding = item.finding
    in_takes = ntr("in {k} of {n} take", "in {k} of {n} takes", item.counted)
    often = f", {in_takes.format(k=len(item.take_ids), n=item.counted)}" if item.take_ids else ""
    where = f"{run.name}: " if named else ""
    title = f"{where}{full_stop(finding.title)}"
    fix = f"{tr('Fix:')} {full_stop(finding.fix)}"
    return f"- {state_of(finding.severity).shape} `{finding.code}`{often}: {title} {fix}"


def days_of(made: Sequence[str]) -> str:
    """Return when runs were recorded, from their times as "2026-11-27T02:13:22Z"; empty if none is known."""
    known = sorted(f"{time[:10]} {time[11:16]} UTC" for time in made if len(time) > len("2026-11-27T02:13"))
    if not known:
        return ""
    if known[0] == known[-1]:
        return tr("recorded {day}").format(day=known[0])
    return tr("recorded {first} to {last}").format(first=known[0], last=known[-1])
