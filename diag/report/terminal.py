"""Terminal text of a report: plain lines that depend on the report alone and use the same texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from diag.core.errors import ExitCode
from diag.core.messages import Message
from diag.core.results import (
    BenchRow,
    Change,
    Comparison,
    Report,
    RunComparison,
    RunFinding,
    RunResult,
    SummaryRow,
)
from diag.core.states import State
from diag.measure.registry import Group, MetricKind, metrics_in, report_order, tiles
from diag.report.language import language, ntr, tr
from diag.report.localised import in_words, localised
from diag.report.release_text import release_lines
from diag.report.sentences import (
    call_of,
    figure,
    label,
    label_in_sentence,
    place,
    signed,
    spread,
    state_of,
    times_found,
    verdict_line,
)
from diag.report.states import checks_of, row_state, row_takes
from diag.report.wrapping import padded, wrapped

if TYPE_CHECKING:
    from diag.core.states import Check

EVIDENCE_SHOWN = 3
DISCARDS_SHOWN = 3
REASONS_SHOWN = 5
NAMED = 6
"""Number of measures that are listed by name; the others are counted."""

_COLOURS = {State.FAILS: 31, State.WATCH: 33, State.GOOD: 32, State.UNKNOWN: 36}
_MARKS = {state.shape: colour for state, colour in _COLOURS.items()}
_ROW_WORDS = {State.GOOD: "passed", State.FAILS: "failed", State.UNKNOWN: "too few"}
_LABEL_WIDTH = 22


def coloured(text: str) -> str:
    """Return the text with a bold first line and coloured marks. Shapes and words carry the meaning without colour."""
    headline, line_end, rest = text.partition("\n")
    marks = "".join(_MARKS)
    bold = f"\x1b[1m{headline}\x1b[0m{line_end}{rest}"
    return re.sub(f"[{marks}]", lambda found: f"\x1b[{_MARKS[found[0]]}m{found[0]}\x1b[39m", bold)


def report_text(report: Report, code: ExitCode, *, width: int = 80) -> str:
    """Return the terminal text of a report.

    Parameters
    ----------
    report : Report
    code : ExitCode
        Exit code of the command (`diag.judge.gate.exit_code`).
    width : int
        Width in columns, at least 40.
    """
    verdict, report = verdict_line(report), localised(report)
    lines = wrapped(f"{verdict.state.shape} {verdict.text}", width, later="  ")
    if report.release is not None:
        lines += release_lines(report.release, width)
        for comparison in report.comparisons:
            lines += comparison_lines(comparison, width)
    elif report.bench is not None:
        lines += bench_lines(report.bench.rows, report.runs, width)
    else:
        for comparison in report.comparisons:
            lines += comparison_lines(comparison, width)
        for run in report.runs:
            lines += run_lines(run, width)
    tail = [tr("report {path}").format(path=path) for path in (report.report, *report.exports) if path]
    return "\n".join([*lines, "", *tail, tr("exit code {code}").format(code=int(code))])


def check_text(check: Check, width: int) -> str:
    """Return one check of `diag doctor`: mark, name and result, then the command that fixes it on its own line."""
    name = in_words(check.name) if isinstance(check.name, Message) else tr(check.name)
    lines = wrapped(f"{check.state.shape} {padded(name, 22)} {in_words(check.seen)}", width, later=" " * 25)
    return "\n".join([*lines, f"    {in_words(check.fix)}"] if check.fix else lines)


def run_lines(run: RunResult, width: int) -> list[str]:
    """Return the lines of one run: number of takes, findings, latencies, and checks that were not made."""
    discarded = [take for take in run.takes if take.discarded]
    takes = ntr(
        "{counted} take counted, {discarded} discarded",
        "{counted} takes counted, {discarded} discarded",
        len(run.counted),
    ).format(counted=len(run.counted), discarded=len(discarded))
    lines = ["", *wrapped(f"{run.name}: {run.title}" if run.title else run.name, width), f"  {takes}"]
    for take in discarded[:DISCARDS_SHOWN]:
        lines += wrapped(
            tr("    take {take} discarded: {reason}").format(take=take.id, reason=take.discarded), width, later="      "
        )
    if len(discarded) > DISCARDS_SHOWN:
        more = tr("    {n} more; the report lists them all")
        lines.append(more.format(n=len(discarded) - DISCARDS_SHOWN))
    raised = {item.finding.code for item in run.findings}
    roots = [item for item in run.findings if item.finding.consequence_of not in raised]
    for item in sorted(roots, key=lambda item: -item.finding.severity.rank):
        following = [other for other in run.findings if other.finding.consequence_of == item.finding.code]
        lines += finding_lines(item, following, width)
    return [*lines, *measure_lines(run, width), *check_lines(run, width)]


def finding_lines(item: RunFinding, following: Iterable[RunFinding], width: int) -> list[str]:
    """Return the lines of one finding: code, title, how often, evidence, cause, fix and consequences."""
    finding = item.finding
    hop = finding.hop
    where = tr(", {hop} hop ({owner})").format(hop=tr(hop.value), owner=tr(hop.owner)) if hop else ""
    head = f"  {state_of(finding.severity).shape} {tr(finding.severity.value)} {finding.code} {finding.name}"
    lines = wrapped(head, width)
    lines += wrapped(f"    {finding.title}", width, later="    ")
    lines += _labelled("found", f"{times_found(item).removeprefix('Found ')}{where}", width)
    for evidence in finding.evidence[:EVIDENCE_SHOWN]:
        lines += _labelled("evidence", evidence.text, width)
    lines += _labelled("cause", finding.likely_cause, width)
    lines += _labelled("fix", finding.fix, width)
    consequences = ", ".join(
        f"{other.finding.code} {other.finding.name} ({_in_takes(len(other.take_ids), other.counted)})"
        for other in following
    )
    return [*lines, *_labelled("leads to", consequences, width)]


def _in_takes(k: int, n: int) -> str:
    return ntr("in {k} of {n} take", "in {k} of {n} takes", n).format(k=k, n=n)


def measure_lines(run: RunResult, width: int) -> list[str]:
    """Return lines with latencies, the waterfall, and speed and treble loss of each segment."""
    lines: list[str] = []
    latencies, stages_of_wait = metrics_in(Group.LATENCY), metrics_in(Group.STAGES)
    several = any(len(take.prompt_names) > 1 for take in run.counted)
    summary = run.summary if several else tuple(replace(row, turn=None) for row in run.summary)
    unmeasured: dict[str, list[str]] = {}
    for row in sorted(summary, key=lambda row: report_order(row.metric)):
        if row.metric in latencies and row.median is not None:
            lines += _row(f"{tr(label(row.metric))}{_turn(row)}", _spread(row), width)
        elif row.metric in latencies:
            unmeasured.setdefault(_reason(run, row), []).append(f"{_small_label(row.metric)}{_turn(row)}")
    for reason, names in unmeasured.items():
        why = f": {reason}" if reason else ""
        missing = tr("{measures} not measured{why}").format(measures=", ".join(names), why=why)
        lines += wrapped(f"  {State.UNKNOWN.shape} {missing}", width)
    over_all = [row for row in summary if row.turn is None and row.median is not None]
    stages = [row for name in stages_of_wait for row in over_all if row.metric == name]
    if stages:
        told = [f"{_small_label(row.metric)} {figure(row.median, row.unit)}" for row in stages]
        lines += _row(tr("of which"), " + ".join(told), width)
    if several:
        for row in sorted(over_all, key=lambda row: report_order(row.metric)):
            if row.metric in metrics_in(Group.TURNS):
                # Turns in which nobody interrupted have no value, and that is no lack.
                lines += _row(tr(label(row.metric)), _spread(replace(row, missing=0)), width)
    for metric in tiles():
        if metric.kind is not MetricKind.SEGMENT:
            continue
        name = metric.name
        rows = [row for row in over_all if row.metric == name and row.segment]
        told = [f"{place(row.segment, None)} {figure(row.median, row.unit)}" for row in rows]
        lines += _row(tr(label(name)), ", ".join(told), width)
    return lines


def _turn(row: SummaryRow) -> str:
    return "" if row.turn is None else tr(", turn {number}").format(number=row.turn + 1)


def _small_label(metric: str) -> str:
    """Return a label as it stands within a sentence."""
    return label_in_sentence(metric) if language() == "en" else tr(label(metric))


def _reason(run: RunResult, row: SummaryRow) -> str:
    measured = (item for take in run.counted for item in take.measurements.find(row.metric, turn=row.turn))
    return next((item.reason for item in measured if item.reason), "")


def _spread(row: SummaryRow) -> str:
    first = "" if row.n == 1 else tr("median ")
    tail = tr(", 95th percentile {value}").format(value=figure(row.p95, row.unit)) if row.p95 is not None else ""
    made = row.n + row.missing
    missing = (
        ntr(", not measured in {k} of {n} take", ", not measured in {k} of {n} takes", made) if row.missing else ""
    )
    missing = missing.format(k=row.missing, n=made)
    return f"{first}{spread(row)}{tail}{missing}"


def check_lines(run: RunResult, width: int) -> list[str]:
    """Return how many checks are clear, which were not made and why, and which crashed."""
    checks = checks_of(run)
    clear = [check for check in checks if check.word == "clear"]
    words = ntr("{n} check clear", "{n} checks clear", len(clear)).format(n=len(clear))
    lines = [f"  {State.GOOD.shape} {words}"] if clear else []
    by_reason: dict[tuple[str, str], list[str]] = {}
    for check in checks:
        # Checks that raised a finding, even a note, are listed above.
        if check.state is State.UNKNOWN and check.word != "found":
            # "rate_ratio: the take has no …" and "dullness_db: the take has no …" are one reason.
            reason = re.sub(r"^\w+: ", "", check.detail)
            by_reason.setdefault((check.word, reason), []).append(check.code)
    groups = sorted(by_reason.items(), key=lambda group: (group[0][0] != "crashed", -len(group[1])))
    for (word, reason), codes in groups[:REASONS_SHOWN]:
        why = f": {reason}" if reason else ""
        lines += wrapped(f"  {State.UNKNOWN.shape} {tr(word)} {', '.join(_with_ranges(codes))}{why}", width)
    rest = sum(len(codes) for _, codes in groups[REASONS_SHOWN:])
    if rest:
        more = ntr(
            "{n} more check not made; the report lists them all",
            "{n} more checks not made; the report lists them all",
            rest,
        )
        lines.append(f"  {State.UNKNOWN.shape} {more.format(n=rest)}")
    return lines


def _with_ranges(codes: Sequence[str]) -> list[str]:
    """Return codes with three or more that follow each other written as "WEB001 to WEB012"."""
    ranges: list[list[str]] = []
    for code in codes:
        last = ranges[-1][-1] if ranges else ""
        if last and last[:-3] == code[:-3] and int(code[-3:]) == int(last[-3:]) + 1:
            ranges[-1].append(code)
        else:
            ranges.append([code])
    return [
        word
        for found in ranges
        for word in ([tr("{first} to {last}").format(first=found[0], last=found[-1])] if len(found) > 2 else found)
    ]


def comparison_lines(comparison: RunComparison, width: int) -> list[str]:
    """Return lines on two runs: differing settings, then changed metrics, worst first; unchanged ones are counted."""
    from diag.core.stats import FEWEST_VALUES

    lines = ["", *wrapped(tr("A is {a}, B is {b}").format(a=comparison.a, b=comparison.b), width)]
    for name, a, b in comparison.setup_diff:
        lines += wrapped(f"  {tr('setup message')}, {name}: {_shown(a)} -> {_shown(b)}", width)
    for differences in (comparison.config_diff, comparison.environment_diff):
        for name, a, b in differences:
            lines += wrapped(f"  {name}: {_shown(a)} -> {_shown(b)}", width)
    order = {Change.WORSE: 0, Change.BETTER: 1}
    changed = sorted((c for c in comparison.comparisons if c.verdict in order), key=lambda item: order[item.verdict])
    for item in changed:
        lines += wrapped(_comparison_line(item), width, later="      ")
    undecided = [item for item in comparison.comparisons if item.verdict is Change.TOO_FEW]
    unmeasured = [item for item in undecided if item.a is None or item.b is None]
    few = [item for item in undecided if item not in unmeasured]
    thin = tr("not decided, because fewer than {n} pairs of takes have a value").format(n=FEWEST_VALUES)
    for words, items in ((thin, few), (tr("not measured"), unmeasured)):
        if items:
            line = f"  {call_of(Change.TOO_FEW)[0].shape} {words}: {_measures_named(items)}"
            lines += wrapped(line, width, later="    ")
    same = sum(item.verdict is Change.NONE_SHOWN for item in comparison.comparisons)
    if same:
        words = ntr("{n} measure with no clear difference", "{n} measures with no clear difference", same)
        lines.append(f"  {call_of(Change.NONE_SHOWN)[0].shape} {words.format(n=same)}")
    return lines


def _measures_named(items: Sequence[Comparison]) -> str:
    """Return the names of measures, each once; of many, the first ones and how many more there are."""
    names = list(dict.fromkeys(_small_label(item.metric) for item in items))
    rest = len(names) - NAMED
    return "; ".join([*names[:NAMED], tr("{n} more").format(n=rest)] if rest > 0 else names)


def _comparison_line(item: Comparison) -> str:
    state, word = call_of(item.verdict)
    where = place(item.segment, item.tap)
    name = f"{tr(label(item.metric))}{f' ({where})' if where else ''}"
    line = f"  {state.shape} {tr(word)}  {name}  {figure(item.a, item.unit)} -> {figure(item.b, item.unit)}"
    if item.difference is not None:
        line += tr(", change {change}").format(change=signed(item.difference, item.unit))
    if item.interval is not None:
        low, high = (signed(end, item.unit) for end in item.interval)
        line += tr(" (95 % interval: {low} to {high})").format(low=low, high=high)
    return line + ntr(", {n} pair", ", {n} pairs", item.n_pairs).format(n=item.n_pairs)


def bench_lines(rows: Sequence[BenchRow], runs: Sequence[RunResult], width: int) -> list[str]:
    """Return a table with one line per scenario: findings, time to the first audio heard, number of takes."""
    head = (padded(tr("scenario"), 22), padded(tr("found"), 14), padded(tr("heard after"), 11), f" {tr('takes')}")
    lines = ["", " " * 12 + " ".join(head)]
    for row, run in zip(rows, runs, strict=True):
        state = row_state(row)[0]
        heard = next((item for item in run.summary if item.metric == "ttfa_heard_s" and not item.turn), None)
        after = figure(heard.median, heard.unit) if heard is not None and heard.median is not None else "-"
        takes = row_takes(row) + (tr(" ({n} discarded)").format(n=row.discarded) if row.discarded else "")
        found = ", ".join(row.found) or tr("nothing")
        told = (padded(tr(_ROW_WORDS[state]), 7), padded(row.scenario, 22), padded(found, 14), padded(after, 11))
        lines.append(f"  {state.shape} {' '.join(told)}  {takes}")
        if state is State.UNKNOWN:
            again = (
                tr("`{command}` records the rest").format(command=f"diag verify --self --resume {row.folder}")
                if row.folder
                else tr("record more")
            )
            counts = tr("{k} of {n} takes were counted; {again}").format(k=row.takes, n=row.asked, again=again)
            lines += _labelled("too few", counts, width)
        elif state is State.FAILS:
            counts = ", ".join(
                tr("{code} in {k} of {n}").format(code=code, k=k, n=n) for code, (k, n) in row.counts.items()
            )
            lines += _labelled("expected", ", ".join(row.expected) or tr("nothing"), width)
            lines += _labelled("found", counts or tr("nothing"), width)
            lines += _labelled("allowed", ", ".join(row.consequences), width)
            lines += _labelled("look at", f"`diag run {row.scenario}`", width)
    return lines


def _shown(value: object) -> str:
    return f"({tr('not set')})" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _row(name: str, text: str, width: int) -> list[str]:
    return wrapped(f"  {padded(name, _LABEL_WIDTH)} {text}", width, later=" " * (_LABEL_WIDTH + 3)) if text else []


def _labelled(name: str, text: str, width: int) -> list[str]:
    return wrapped(f"    {padded(tr(name), 9)} {text}", width, later=" " * 14) if text else []
