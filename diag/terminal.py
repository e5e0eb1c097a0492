"""What the terminal says of a report: plain lines of text, from nothing but the report."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from diag.errors import ExitCode
from diag.results import Change, Comparison, Report, RunComparison, RunFinding, RunResult, Severity, Status, SummaryRow
from diag.units import format_value

MARKS = {Severity.ERROR: "▲", Severity.WARNING: "■", Severity.INFO: "○"}
CLEAR_MARK, UNKNOWN_MARK = "●", "○"
HEADLINES = {
    ExitCode.GOOD: "READY",
    ExitCode.FAILED: "NOT READY",
    ExitCode.CANNOT_MEASURE: "NOT MEASURED",
    ExitCode.TOO_LITTLE_EVIDENCE: "TOO LITTLE EVIDENCE",
}
LATENCIES = ("ttfb_s", "ttfa_received_s", "ttfa_heard_s", "first_speech_s")
STAGES = (
    "capture_delay_s", "batching_delay_s", "service_delay_s", "leading_silence_s", "playout_delay_s", "device_delay_s",
)  # fmt: skip
HOP_MEASURES = ("rate_ratio", "dullness_db")

_COLOURS = {"▲": "31", "■": "33", "●": "32", "○": "36"}
_HEADLINE = re.compile(r"\A(NOT READY|NOT MEASURED|TOO LITTLE EVIDENCE|READY)")


def coloured(text: str) -> str:
    """The same text with colour on its marks and its headline; shape and word carry the meaning without it."""
    text = _HEADLINE.sub(lambda found: f"\x1b[1;{32 if found[0] == 'READY' else 31}m{found[0]}\x1b[0m", text)
    return re.sub("[▲■●○]", lambda found: f"\x1b[{_COLOURS[found[0]]}m{found[0]}\x1b[0m", text)


def report_text(report: Report, code: ExitCode, *, width: int = 80) -> str:
    """All that the terminal shows of a report.

    Parameters
    ----------
    report : Report
    code : ExitCode
        How the command will end (`diag.gate.exit_code`); it decides the headline.
    width : int
        Columns, at least 40.
    """
    lines = _wrapped(f"{HEADLINES[code]}  {_sentence(report)}", width, later="  ")
    if "bench" in report.extra:
        lines += bench_lines(report.extra["bench"], width)
    else:
        for comparison in report.comparisons:
            lines += comparison_lines(comparison, width)
        for run in report.runs:
            lines += run_lines(run, width)
    tail = [f"report  {report.report}"] if report.report else []
    return "\n".join([*lines, *tail, f"exit code  {int(code)}"])


def _sentence(report: Report) -> str:
    if report.verdict:
        return _HEADLINE.sub("", report.verdict).strip(" :·-")
    if report.comparisons:
        return " ".join(comparison.sentence for comparison in report.comparisons)
    findings = [item.finding for run in report.runs for item in run.findings]
    takes = sum(len(run.counted) for run in report.runs)
    if not takes:
        return "No take could be counted, so nothing is known."
    if not findings:
        return f"Nothing found in {count(takes, 'take')}."
    numbers = [(count(sum(f.severity is s for f in findings), _NOUNS[s]), s) for s in Severity]
    told = [text for text, severity in numbers if any(f.severity is severity for f in findings)]
    return f"{', '.join(told)} in {count(takes, 'take')}."


_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def count(number: int, noun: str) -> str:
    """A number with its noun: '1 take', '5 takes'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def run_lines(run: RunResult, width: int) -> list[str]:
    """One run: its findings, its latencies, what was not looked at, how many takes."""
    lines = ["", f"{run.name}  {run.title}".rstrip()]
    roots = [item for item in run.findings if item.finding.consequence_of is None]
    for item in sorted(roots, key=lambda item: -item.finding.severity.rank):
        following = [other for other in run.findings if other.finding.consequence_of == item.finding.code]
        lines += finding_lines(item, following, width)
    orphans = [
        item for item in run.findings if item.finding.consequence_of not in {None, *(r.finding.code for r in roots)}
    ]
    for item in orphans:
        lines += finding_lines(item, [], width)
    lines += measure_lines(run, width)
    lines += check_lines(run, width)
    lines += _take_lines(run, width)
    return lines


def finding_lines(item: RunFinding, following: Iterable[RunFinding], width: int) -> list[str]:
    """One finding: shape, word, code, how often, sentence, evidence, fix, and what follows from it."""
    finding = item.finding
    place = f"  on the {finding.hop.value} hop ({finding.hop.owner})" if finding.hop else ""
    often = f"{len(item.take_ids)} of {count(item.counted, 'take')}"
    lines = _wrapped(
        f"  {MARKS[finding.severity]} {finding.severity.value} {finding.code} {finding.name}  {often}{place}", width
    )
    lines += _wrapped(finding.title, width, first="    ")
    lines += [line for evidence in finding.evidence[:3] for line in _labelled("evidence", evidence.text, width)]
    lines += _labelled("cause", finding.likely_cause, width)
    lines += _labelled("fix", finding.remedy, width)
    consequences = ", ".join(
        f"{other.finding.code} {other.finding.name} ({len(other.take_ids)} of {other.counted})" for other in following
    )
    lines += _labelled("leads to", consequences, width)
    return lines


def measure_lines(run: RunResult, width: int) -> list[str]:
    """Latencies with median, range and n; the waterfall in one line; ratio and treble loss of each hop."""
    lines: list[str] = []
    for row in run.summary:
        if row.metric in LATENCIES:
            lines += _wrapped(f"  {row.metric:<16} {spread(row, _reason(run, row))}", width, later=" " * 19)
    stages = [row for name in STAGES for row in run.summary if row.metric == name and row.median is not None]
    if stages:
        told = " + ".join(
            f"{_words(row.metric)} {format_value(row.median, row.unit)}" for row in stages if not row.turn
        )
        lines += _wrapped(f"  waterfall        {told}  (medians)", width, later=" " * 19)
    for name in HOP_MEASURES:
        rows = [row for row in run.summary if row.metric == name and row.hop and row.median is not None]
        if rows:
            told = ", ".join(f"{row.hop} {format_value(row.median, row.unit)}" for row in rows if not row.turn)
            lines += _wrapped(f"  {name:<16} {told}", width, later=" " * 19)
    return lines


def spread(row: SummaryRow, reason: str = "") -> str:
    """'1.23 s median (1.20 s to 1.31 s, n 5)', with the 95th percentile where n is at least 20."""
    if row.median is None:
        return f"{UNKNOWN_MARK} not measured in {count(row.missing, 'take')}{': ' + reason if reason else ''}"
    low, high = format_value(row.low, row.unit), format_value(row.high, row.unit)
    tail = f", p95 {format_value(row.p95, row.unit)}" if row.p95 is not None else ""
    missing = f", not measured in {row.missing} more" if row.missing else ""
    turn = f"  turn {row.turn + 1}" if row.turn else ""
    return f"{format_value(row.median, row.unit)} median ({low} to {high}{tail}, n {row.n}{missing}){turn}"


def _reason(run: RunResult, row: SummaryRow) -> str:
    found = (
        item.reason
        for take in run.counted
        for item in take.measurements.find(row.metric, turn=row.turn, hop=row.hop, tap=row.tap)
        if item.reason
    )
    return next(found, "")


def check_lines(run: RunResult, width: int) -> list[str]:
    """How many checks are clear, which could not be made and why, which of ours failed."""
    outcomes = [outcome for take in run.counted for outcome in take.outcomes] + list(run.outcomes)
    states: dict[str, set[Status]] = {}
    reasons: dict[str, str] = {}
    for outcome in outcomes:
        states.setdefault(outcome.code, set()).add(outcome.status)
        if outcome.reason:
            reasons.setdefault(outcome.code, outcome.reason)
    clear = [code for code, seen in states.items() if seen == {Status.CLEAR}]
    unknown = [code for code, seen in states.items() if Status.NOT_CHECKED in seen and Status.RAISED not in seen]
    crashed = [code for code, seen in states.items() if Status.CRASHED in seen]
    lines = [f"  {CLEAR_MARK} {count(len(clear), 'check')} clear in every take"] if clear else []
    by_reason: dict[str, list[str]] = {}
    for code in unknown:
        by_reason.setdefault(reasons.get(code, "no reason given"), []).append(code)
    for reason, codes in by_reason.items():
        lines += _wrapped(f"  {UNKNOWN_MARK} not checked: {', '.join(codes)} ({reason})", width, later="    ")
    for code in crashed:
        lines += _wrapped(f"  ■ our own check {code} failed: {reasons.get(code, '')}", width, later="    ")
    return lines


def _take_lines(run: RunResult, width: int) -> list[str]:
    discarded = [take for take in run.takes if take.discarded]
    lines = [f"  {count(len(run.counted), 'take')} counted, {len(discarded)} discarded"]
    for take in discarded:
        lines += _wrapped(f"    take {take.id} discarded: {take.discarded}", width, later="      ")
    return lines


def comparison_lines(comparison: RunComparison, width: int) -> list[str]:
    """Two runs: what else differs, then metric by metric, worst first; what shows no difference is counted."""
    lines = ["", f"A {comparison.a}   B {comparison.b}"]
    for what, differences in (("setting", comparison.config_diff), ("surroundings", comparison.environment_diff)):
        for name, a, b in differences:
            lines += _wrapped(f"  {what} {name}: {_shown(a)} -> {_shown(b)}", width, later="    ")
    order = {Change.WORSE: 0, Change.BETTER: 1}
    changed = sorted((c for c in comparison.comparisons if c.verdict in order), key=lambda item: order[item.verdict])
    for item in changed:
        lines += _wrapped(_comparison_line(item), width, later="      ")
    same = sum(item.verdict is Change.NONE_SHOWN for item in comparison.comparisons)
    few = [item for item in comparison.comparisons if item.verdict is Change.TOO_FEW]
    if few:
        pairs = f"{min(item.n_pairs for item in few)} to {max(item.n_pairs for item in few)}"
        lines += _wrapped(
            f"  {UNKNOWN_MARK} {count(len(few), 'measure')} with too few takes to tell ({pairs} pairs): use --takes",
            width,
            later="    ",
        )
    if same:
        lines.append(f"  {CLEAR_MARK} {count(same, 'measure')} with no difference shown")
    return lines


def _comparison_line(item: Comparison) -> str:
    mark = "▲" if item.verdict is Change.WORSE else CLEAR_MARK
    place = f" {(item.hop or item.tap)}" if item.hop or item.tap else ""
    a, b = format_value(item.a, item.unit), format_value(item.b, item.unit)
    line = f"  {mark} {item.verdict.value}  {item.metric}{place}  {a} -> {b}"
    if item.difference is not None:
        line += f"  {signed(item.difference, item.unit)}"
    if item.interval is not None:
        low, high = item.interval
        line += f" (95 % {signed(low, item.unit)} to {signed(high, item.unit)})"
    return f"{line}  {count(item.n_pairs, 'pair')}"


def signed(value: float, unit: str) -> str:
    """A difference with its sign: '+85 ms', '-1.20 s'."""
    sign = "+" if value > 0 else "-" if value < 0 else ""
    return f"{sign}{format_value(abs(value), unit)}"


def bench_lines(rows: Iterable[Mapping[str, Any]], width: int) -> list[str]:
    """One line a scenario: whether it showed what it must, in how many takes, and what else it showed."""
    lines = [""]
    for row in rows:
        mark, word = (CLEAR_MARK, "as expected") if row["passed"] else ("▲", "NOT as expected")
        takes = f"{count(int(row['takes']), 'take')}, {row['discarded']} discarded"
        lines += _wrapped(f"  {mark} {row['scenario']:<22} {word}  {takes}", width, later="    ")
        found, expected = _codes(row["found"]), _codes(row["expected"])
        consequences = _codes(row["consequences"])
        lines += _labelled("found", ", ".join(found) or "nothing", width)
        if not row["passed"]:
            also = f"; beside them {', '.join(consequences)} as consequences" if consequences else ""
            lines += _labelled("expected", (", ".join(expected) or "nothing") + also, width)
    return lines


def _codes(value: Any) -> list[str]:
    return [str(code) for code in value]


def _words(metric: str) -> str:
    return metric.removesuffix("_s").removesuffix("_delay").replace("_", " ")


def _shown(value: Any) -> str:
    return "(left out)" if value is None else str(value)


def _labelled(label: str, text: str, width: int) -> list[str]:
    return _wrapped(text, width, first=f"    {label:<9} ", later=" " * 14) if text else []


def _wrapped(text: str, width: int, *, first: str = "", later: str = "    ") -> list[str]:
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(
        text.strip(),
        width=max(width, 40),
        initial_indent=first or indent,
        subsequent_indent=first if first.isspace() and later == "    " else later,
        break_long_words=False,
        break_on_hyphens=False,
    )
